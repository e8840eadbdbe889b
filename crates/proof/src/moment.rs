//! A point in time as a receipt writes it: RFC 3339, in UTC, ending in `Z`.
//! Nothing here knows what time it is.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

/// A moment with its spelling kept, since the spelling is signed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Moment {
    text: String,
    timestamp: Timestamp,
}

/// A time that is not written as the format wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is written like 2030-01-01T00:00:00Z, with up to nine decimals of a second")]
pub struct NotAMoment;

impl Moment {
    /// Whole seconds since 1970-01-01T00:00:00Z, the fraction cut off.
    ///
    /// Cutting makes an `exp` made from a deadline never later than the deadline.
    pub fn seconds(&self) -> i64 {
        let (seconds, nanos) = (self.timestamp.as_second(), self.timestamp.subsec_nanosecond());
        // Before 1970 jiff counts the fraction downwards; cut towards the past there too.
        if nanos < 0 { seconds - 1 } else { seconds }
    }

    /// The text that is signed.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self { text: timestamp.to_string(), timestamp }
    }
}

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        // jiff reads many spellings (offsets, week dates, brackets); a receipt has only one.
        let bytes = text.as_bytes();
        let shape = b"0000-00-00T00:00:00";
        let (Some(head), Some(tail)) = (bytes.get(..shape.len()), bytes.get(shape.len()..)) else {
            return Err(NotAMoment);
        };
        let head_fits = head.iter().zip(shape).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            _ => byte == wanted,
        });
        let tail_fits = match tail {
            [b'Z'] => true,
            [b'.', digits @ .., b'Z'] => {
                (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
            }
            _ => false,
        };
        // A leap second has no number of its own in seconds since 1970, so libraries disagree.
        if !head_fits || !tail_fits || head.ends_with(b":60") {
            return Err(NotAMoment);
        }
        let timestamp = text.parse().map_err(|_| NotAMoment)?;
        Ok(Self { text: text.to_owned(), timestamp })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_kind_of_spelling() {
        let good =
            ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00.5Z", "2030-01-01T00:00:00.123456789Z"];
        for text in good {
            assert_eq!(text.parse::<Moment>().unwrap().seconds(), 1_893_456_000, "{text}");
        }
        let bad = [
            "",
            "2030-01-01",
            "2030-01-01 00:00:00Z",
            "2030-01-01t00:00:00z",
            "2030-01-01T00:00:00",
            "2030-01-01T00:00:00+00:00",
            "2030-01-01T00:00:00Z[UTC]",
            "2030-01-01T00:00:00.Z",
            "2030-02-30T00:00:00Z",
            "2030-01-01T24:00:00Z",
            "2016-12-31T23:59:60Z",
            " 2030-01-01T00:00:00Z",
            "+002030-01-01T00:00:00Z",
        ];
        for text in bad {
            assert_eq!(text.parse::<Moment>(), Err(NotAMoment), "{text}");
        }
    }
}

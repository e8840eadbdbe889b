//! Points in time and lengths of time as the rules use them.
//! Nobody here asks what time it is: `now` is always an argument.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Microseconds since 1970-01-01 UTC; written as RFC 3339 with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds, cut to whole milliseconds so that text and value always agree.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros - micros.rem_euclid(1000))
    }

    /// From whole seconds.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch, as stored.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down, as JWT claims carry them.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The beginning of its month and that of the next, in UTC; none at the ends of the calendar.
    #[must_use]
    pub fn month(self) -> Option<(Self, Self)> {
        let time = jiff::Timestamp::from_microsecond(self.0).ok()?;
        let first = jiff::tz::TimeZone::UTC.to_datetime(time).date().first_of_month();
        let next = first.last_of_month().tomorrow().ok()?;
        let start = |day: jiff::civil::Date| {
            let start = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
            Some(Self::from_seconds(start.as_second()))
        };
        Some((start(first)?, start(next)?))
    }

    /// The point that lies `span` later.
    #[must_use]
    pub const fn plus(self, span: Seconds) -> Self {
        Self(self.0.saturating_add(span.0 as i64 * 1_000_000))
    }

    /// The point that lies `span` earlier.
    #[must_use]
    pub const fn minus(self, span: Seconds) -> Self {
        Self(self.0.saturating_sub(span.0 as i64 * 1_000_000))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an RFC 3339 time with an offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2030-01-31T12:00:00Z")]
pub struct NotATime;

impl FromStr for Timestamp {
    type Err = NotATime;
    fn from_str(text: &str) -> Result<Self, NotATime> {
        let time: jiff::Timestamp = text.parse().map_err(|_| NotATime)?;
        Ok(Self::from_micros(time.as_microsecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A length of time in whole seconds. Read from a number of seconds or from `1h`, `15m`,
/// `1d 12h`; always written as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Seconds(pub u32);

impl Seconds {
    /// The longest that anything may wait: 30 days.
    pub const LONGEST: Self = Self(2_592_000);
}

impl fmt::Display for Seconds {
    /// Writes the two largest units that say it exactly enough to read: `1h 30m`, `45s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
        let mut rest = self.0;
        let mut first = true;
        for (size, name) in units {
            if rest >= size {
                let separator = if first { "" } else { " " };
                write!(f, "{separator}{}{name}", rest / size)?;
                rest %= size;
                first = false;
            }
        }
        if first { f.write_str("0s") } else { Ok(()) }
    }
}

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a length of time: use whole seconds, or a text such as 90s, 15m, 1h or 7d")]
pub struct NotALength;

impl FromStr for Seconds {
    type Err = NotALength;
    fn from_str(text: &str) -> Result<Self, NotALength> {
        let span: jiff::Span = text.parse().map_err(|_| NotALength)?;
        let days = jiff::SpanRelativeTo::days_are_24_hours();
        let total = span.total((jiff::Unit::Second, days)).map_err(|_| NotALength)?;
        if total.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&total) {
            return Err(NotALength);
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked just above to be whole and within u32"
        )]
        Ok(Self(total as u32))
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl de::Visitor<'_> for Either {
            type Value = Seconds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds as a whole number, or a text such as 15m")
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
                u32::try_from(seconds).map(Seconds).map_err(|_| E::custom(NotALength))
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Seconds, E> {
                u32::try_from(seconds).map(Seconds).map_err(|_| E::custom(NotALength))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_and_read_back() {
        let time = Timestamp::from_micros(1_893_456_000_123_999);
        assert_eq!(time.to_string(), "2030-01-01T00:00:00.123Z");
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!("2030-01-01T01:00:00+01:00".parse(), Ok(Timestamp::from_seconds(1_893_456_000)));
        assert_eq!("2030-01-01".parse::<Timestamp>(), Err(NotATime));
    }

    #[test]
    fn a_month_lasts_from_its_first_day_to_that_of_the_next() {
        let month = |text: &str| text.parse::<Timestamp>().unwrap().month();
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (january, february) = (time("2030-01-01T00:00:00Z"), time("2030-02-01T00:00:00Z"));
        assert_eq!(month("2030-01-01T00:00:00Z"), Some((january, february)));
        assert_eq!(month("2030-01-31T23:59:59.999Z"), Some((january, february)));
        let december = (time("2031-12-01T00:00:00Z"), time("2032-01-01T00:00:00Z"));
        assert_eq!(month("2031-12-15T12:00:00Z"), Some(december));
        assert_eq!(Timestamp::from_micros(i64::MAX).month(), None);
    }

    #[test]
    fn lengths_are_read_from_numbers_and_words() {
        let read = |json: &str| serde_json::from_str::<Seconds>(json).map_err(|e| e.to_string());
        assert_eq!(read("90"), Ok(Seconds(90)));
        assert_eq!(read("\"15m\""), Ok(Seconds(900)));
        assert_eq!(read("\"1d 12h\""), Ok(Seconds(129_600)));
        for bad in ["-1", "1.5", "\"1.5s\"", "\"-1h\"", "\"soon\"", "4294967296", "\"1mo\"", "null"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(Seconds(5_400).to_string(), "1h 30m");
        assert_eq!(Seconds(0).to_string(), "0s");
    }
}

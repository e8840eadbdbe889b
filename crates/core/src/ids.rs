//! Typed ids: a prefix that names the kind and 128 bits in Crockford base32.
//! Making them (UUIDv7) needs a clock and randomness and happens in the server.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 26 digits of 5 bits carry 130 bits; the first digit is at most 7.
const DIGITS: usize = 26;

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_ and 26 characters")]
pub struct NotAnId {
    prefix: &'static str,
}

/// What every kind's prefix and its underscore take.
const PREFIX: usize = 4;

/// An id as text. Every answer spells several, so without a formatter.
struct Text([u8; PREFIX + DIGITS]);

impl Text {
    fn of(prefix: &'static str, bits: u128) -> Self {
        let mut text = [0; PREFIX + DIGITS];
        let (start, digits) = text.split_at_mut(PREFIX);
        start.copy_from_slice(prefix.as_bytes());
        let mut rest = bits;
        for place in digits.iter_mut().rev() {
            *place = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        Self(text)
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn decode(text: &[u8]) -> Option<u128> {
    if text.len() != DIGITS || text[0] > b'7' {
        return None;
    }
    let mut bits: u128 = 0;
    for byte in text {
        let digit = ALPHABET.iter().position(|known| known == byte)?;
        bits = (bits << 5) | digit as u128;
    }
    Some(bits)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What every id of this kind starts with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps 128 bits, normally those of a UUIDv7.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits, as they are stored.
            #[must_use]
            pub const fn to_bits(self) -> u128 {
                self.0
            }

            fn text(self) -> Text {
                Text::of(concat!($prefix, "_"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text().as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|digits| decode(digits.as_bytes()))
                    .map(Self)
                    .ok_or(NotAnId { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.text().as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// One tenant.
    WorkspaceId, "wsp"
);
id!(
    /// One question put to people.
    ApprovalId, "apr"
);
id!(
    /// A person with an account.
    MemberId, "mem"
);
id!(
    /// A program's credential; not its secret.
    KeyId, "key"
);
id!(
    /// A policy over all its versions.
    PolicyId, "pol"
);
id!(
    /// A named set of members.
    GroupId, "grp"
);
id!(
    /// A link by which one person decides one approval; not its secret.
    LinkId, "lnk"
);
id!(
    /// A group of a chat provider's into which a channel writes.
    RoomId, "rom"
);
id!(
    /// A vote given in advance, for a kind of action.
    GrantId, "grt"
);
id!(
    /// A receiver of what happens; not its secret.
    WebhookId, "whk"
);
id!(
    /// One event on its way to one receiver.
    DeliveryId, "dlv"
);
id!(
    /// A way to people.
    ChannelId, "chn"
);
id!(
    /// Something to tell one person, on its way.
    NoticeId, "ntc"
);
id!(
    /// A signed-in browser; not its secret.
    SessionId, "ses"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_reads_back_as_itself(bits: u128) {
            let id = ApprovalId::from_bits(bits);
            prop_assert_eq!(id.to_string().parse::<ApprovalId>(), Ok(id));
        }

        #[test]
        fn ids_sort_as_their_texts_do(a: u128, b: u128) {
            let (a, b) = (ApprovalId::from_bits(a), ApprovalId::from_bits(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }

    #[test]
    fn another_kind_or_spelling_is_no_id() {
        let good = MemberId::from_bits(7).to_string();
        for bad in [
            good.replace("mem", "apr"),
            good.to_uppercase(),
            good.replace('0', "o"),
            format!("{good}0"),
            "mem_80000000000000000000000000".into(),
            "mem_".into(),
            String::new(),
        ] {
            assert!(bad.parse::<MemberId>().is_err(), "{bad}");
        }
    }
}

//! One spelling for every JSON value (RFC 8785), and the SHA-256 digests made from it.
//! Whether a request's JSON may come in at all (huge numbers, lone surrogates) is the server's
//! to decide; here a value is only spelled, hashed, or parsed without duplicate keys.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

/// Why a value has no canonical form, or a text is not the JSON it should be.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The value cannot be spelled by RFC 8785, for example a number beyond the doubles.
    #[error("not expressible in canonical json: {0}")]
    NotExpressible(#[source] serde_json::Error),
    /// The text is not JSON, or repeats a key.
    #[error("not well-formed json: {0}")]
    NotJson(String),
    /// Well-formed, with a member missing, unknown or of another type.
    #[error("not of the expected shape: {0}")]
    OtherShape(String),
    /// A digest is not written as `sha256:` and 64 lowercase hex digits.
    #[error("a digest is written sha256: and 64 lowercase hex digits")]
    NotADigest,
}

/// The canonical bytes of a JSON value. Source: RFC 8785.
///
/// Errors: [`CanonicalError::NotExpressible`].
pub fn canonical(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(512);
    spell(value, &mut out)?;
    Ok(out)
}

pub(crate) fn spell(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => return spell_number(number, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                spell(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // RFC 8785 sorts by UTF-16 units. Plain string order differs from that only where
            // characters from U+E000 on meet those that UTF-16 writes as surrogates.
            members.sort_by(|(a, _), (b, _)| match a.is_ascii() && b.is_ascii() {
                true => a.cmp(b),
                false => a.encode_utf16().cmp(b.encode_utf16()),
            });
            out.push(b'{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                spell_text(key, out)?;
                out.push(b':');
                spell(member, out)?;
            }
            out.push(b'}');
        }
        Value::String(text) => return spell_text(text, out),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Null => out.extend_from_slice(b"null"),
    }
    Ok(())
}

/// serde_json escapes what RFC 8785 escapes, in the same way.
pub(crate) fn spell_text(text: &str, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    serde_json::to_writer(out, text).map_err(CanonicalError::NotExpressible)
}

/// As ECMAScript writes a double.
fn spell_number(number: &Number, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    const EXACT: u64 = 1 << 53;
    let exact = number.as_i64().filter(|integer| integer.unsigned_abs() <= EXACT);
    if let Some(integer) = exact {
        out.extend_from_slice(integer.to_string().as_bytes());
        return Ok(());
    }
    match number.as_f64().filter(|double| double.is_finite()) {
        Some(double) => {
            out.extend_from_slice(ryu_js::Buffer::new().format_finite(double).as_bytes());
            Ok(())
        }
        None => Err(CanonicalError::NotExpressible(de::Error::custom("a number beyond doubles"))),
    }
}

/// As [`canonical`], for a type of ours.
pub(crate) fn canonical_of<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    canonical(&serde_json::to_value(value).map_err(CanonicalError::NotExpressible)?)
}

/// Parses JSON and refuses, at any depth, a repeated key and an integer beyond 2^53 - 1.
///
/// Two readers of a repeated key may each see another value, and canonical JSON rounds a greater
/// integer to a double: either way, what was signed and what is shown could differ. Errors: [`CanonicalError::NotJson`], also beyond 128 levels.
pub fn parse_strict(text: &[u8]) -> Result<Value, CanonicalError> {
    let NoRepeats(value) = serde_json::from_slice(text)
        .map_err(|error| CanonicalError::NotJson(printable(&error.to_string())))?;
    Ok(value)
}

/// As [`parse_strict`], into a type of ours.
pub(crate) fn parse_strict_into<T: DeserializeOwned>(text: &[u8]) -> Result<T, CanonicalError> {
    serde_json::from_value(parse_strict(text)?)
        .map_err(|error| CanonicalError::OtherShape(printable(&error.to_string())))
}

/// Someone else's JSON, or words about it, with control, bidirectional and invisible characters
/// escaped: what they wrote must not speak to a terminal.
pub(crate) fn printable(text: &str) -> String {
    let plain = |c: char| matches!(c, '\'' | '"' | '\\');
    text.chars()
        .map(|c| if plain(c) { c.to_string() } else { c.escape_debug().to_string() })
        .collect()
}

/// A SHA-256 digest, written `sha256:` and 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

const PREFIX: &str = "sha256:";

impl Digest {
    /// The digest of exactly these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(out)
    }

    /// A digest whose 32 bytes were kept elsewhere, for example in a database column.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The digest that a vote and a receipt bind: SHA-256 over the canonical bytes of the action
/// (name, title, arguments, target) and nothing else, without prefix.
///
/// Errors: [`CanonicalError::NotExpressible`].
pub fn action_digest(action: &Value) -> Result<Digest, CanonicalError> {
    json_digest(action)
}

/// SHA-256 over the canonical bytes of any JSON value: policies, answers, actions.
///
/// Errors: [`CanonicalError::NotExpressible`].
pub fn json_digest(value: &Value) -> Result<Digest, CanonicalError> {
    Ok(Digest::of(&canonical(value)?))
}

/// SHA-256 over bytes as they are: what an approver was shown, or a statement's payload.
pub fn text_digest(bytes: impl AsRef<[u8]>) -> Digest {
    Digest::of(bytes.as_ref())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The audit log writes one or more with every entry, so without a formatter per byte.
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        f.write_str(PREFIX)?;
        f.write_str(std::str::from_utf8(&hex).unwrap_or_default())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = CanonicalError;

    fn from_str(text: &str) -> Result<Self, CanonicalError> {
        let hex = text.strip_prefix(PREFIX).ok_or(CanonicalError::NotADigest)?;
        let bytes = hex_bytes(hex).ok_or(CanonicalError::NotADigest)?;
        bytes.try_into().map(Self).map_err(|_| CanonicalError::NotADigest)
    }
}

/// Lowercase hex only: one digest has one spelling, so texts can be compared.
fn hex_bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || hex.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A JSON value read without repeated keys.
struct NoRepeats(Value);

impl<'de> Deserialize<'de> for NoRepeats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NoRepeatsVisitor).map(Self)
    }
}

struct NoRepeatsVisitor;

/// The greatest integer that every reader of JSON keeps exact. Source: RFC 7493, section 2.2.
const MAX_EXACT: u64 = (1 << 53) - 1;

fn exact<E: de::Error>(magnitude: u64) -> Result<(), E> {
    if magnitude > MAX_EXACT {
        return Err(E::custom("an integer is beyond 2^53 - 1, where not every reader is exact"));
    }
    Ok(())
}

impl<'de> Visitor<'de> for NoRepeatsVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a json value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        exact(value.unsigned_abs())?;
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        exact(value)?;
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(NoRepeats(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key {key:?} appears twice")));
            }
            let NoRepeats(value) = map.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

//! Reading JSON strictly: what two parsers could read differently is refused, and every mistake
//! says where it is.

mod told;

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::problem::Problem;
use told::Told;

/// The deepest nesting in a request.
pub const DEEPEST: usize = 32;
/// Above this an integer has neighbours that read the same in the numbers of JSON readers (and of RFC 8785).
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// Reads a body into `T`.
///
/// # Errors
/// A problem that names the place: not JSON, too deep, a repeated key, a number that cannot be
/// kept exactly, NUL, an unknown field, a wrong type.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    into(parse(body)?)
}

/// As [`read`], for a body that was already parsed.
///
/// # Errors
/// As [`into`].
pub fn typed<T: DeserializeOwned>(parsed: Value, body: &[u8]) -> Result<T, Problem> {
    // Keeping track of the place costs; only a mistake has to say where it is.
    T::deserialize(Told(parsed)).or_else(|_| read(body))
}

/// Reads an already parsed value into `T`.
///
/// # Errors
/// A problem that names the unknown field or wrong type.
pub fn into<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Told(value)).map_err(|error| {
        let pointer = pointer_of(error.path());
        let detail = error.into_inner().to_string();
        let place = if pointer.is_empty() { "the body" } else { &pointer };
        Problem::bad_request(format!("{place}: {detail}")).at(pointer, detail)
    })
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Parses a body that may hold any JSON.
///
/// # Errors
/// As [`read`], without the types.
pub fn parse(body: &[u8]) -> Result<Value, Problem> {
    check_shape(body)?;
    let place = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(body);
    let strict = Strict { place: &place };
    let parsed = strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    parsed.map_err(|error| {
        let detail = error.to_string();
        let pointer: String = place.take().into_iter().rev().collect();
        Problem::bad_request(format!("the body is not JSON that can be taken: {detail}"))
            .at(pointer, detail)
    })
}

/// Checks depth and the spelling of numbers before anything is built.
fn check_shape(body: &[u8]) -> Result<(), Problem> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => at = end_of_string(body, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > DEEPEST {
                    let detail = format!("nested deeper than {DEEPEST} levels at byte {at}");
                    return Err(Problem::bad_request(detail));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let number = |b: &u8| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                let length = body[at..].iter().take_while(|b| number(b)).count();
                check_number(&body[at..at + length], at)?;
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

fn end_of_string(body: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

fn check_number(literal: &[u8], at: usize) -> Result<(), Problem> {
    let text = std::str::from_utf8(literal).unwrap_or_default();
    // What is no number at all is left to the parser, which says so.
    let Ok(value) = text.parse::<f64>() else { return Ok(()) };
    let exact = value.is_finite() && decimal(text) == decimal(&format!("{value:e}"));
    if exact {
        return Ok(());
    }
    let detail = format!(
        "the number {} at byte {at} cannot be kept exactly; send it as a string",
        text.chars().take(40).collect::<String>()
    );
    Err(Problem::bad_request(detail))
}

/// A decimal numeral as its significant digits and the power of ten of the last one.
fn decimal(text: &str) -> (String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut exponent: i64 = exponent.parse().unwrap_or(i64::MAX / 2);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent = exponent.saturating_sub(i64::try_from(fraction.len()).unwrap_or(i64::MAX));
    let digits = format!("{}{fraction}", whole.trim_start_matches(['-', '+']));
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return (String::new(), 0);
    }
    let dropped = i64::try_from(digits.len() - significant.len()).unwrap_or(i64::MAX);
    (significant.to_owned(), exponent.saturating_add(dropped))
}

/// Builds a [`Value`]. On the way back from a mistake it notes where that was, innermost first.
#[derive(Clone, Copy)]
struct Strict<'a> {
    place: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict<'_> {
    fn at<E>(self, step: &str, error: E) -> E {
        self.place.borrow_mut().push(format!("/{step}"));
        error
    }

    fn text<E: de::Error>(text: &str) -> Result<(), E> {
        if text.contains('\0') {
            return Err(E::custom("NUL (U+0000) is not allowed in text"));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > LARGEST_EXACT {
            return Err(E::custom("integers beyond 2^53 are not exact in JSON; send a string"));
        }
        Ok(Value::from(value))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value > LARGEST_EXACT {
            return Err(E::custom("integers beyond 2^53 are not exact in JSON; send a string"));
        }
        Ok(Value::from(value))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Value::Number(number))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Self::text(text)?;
        Ok(Value::String(text.to_owned()))
    }
    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Self::text(&text)?;
        Ok(Value::String(text))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let at = |error| self.at(&list.len().to_string(), error);
            match items.next_element_seed(self).map_err(at)? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let at = |error| self.at(&escaped(&key), error);
            Self::text(&key).map_err(at)?;
            if map.contains_key(&key) {
                return Err(at(de::Error::custom("this key is there twice")));
            }
            let value = entries.next_value_seed(self).map_err(at)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(body: &str) -> String {
        match parse(body.as_bytes()) {
            Ok(value) => format!("took {value}"),
            Err(problem) => serde_json::to_value(problem).unwrap()["detail"].to_string(),
        }
    }

    #[test]
    fn plain_json_is_taken_as_it_is() {
        for body in
            [r#"{"a":[1,-2.5,"x",null,true,{}]}"#, "1e2", "-0", "9007199254740991", "0.1", "1.50"]
        {
            assert!(parse(body.as_bytes()).is_ok(), "{body}: {}", complaint(body));
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for (body, why) in [
            (r#"{"amount":1,"amount":9999}"#, "twice"),
            (r#"{"a":{"b":1,"\u0062":2}}"#, "twice"),
            ("9007199254740992", "2^53"),
            ("9007199254740993", "exactly"),
            ("123456789012345678901", "exactly"),
            ("0.1000000000000000055511151231257827", "exactly"),
            ("1e400", "exactly"),
            (r#""\ud800""#, "hex escape"),
            (r#""\ud800\u0041""#, "surrogate"),
            (r#""a\u0000b""#, "NUL"),
            (r#"{"\u0000":1}"#, "NUL"),
            ("[1,]", "trailing"),
            ("{} {}", "trailing"),
            ("", "EOF"),
            ("NaN", "expected"),
        ] {
            assert!(complaint(body).contains(why), "{body}: {}", complaint(body));
        }
    }

    #[test]
    fn depth_is_bounded_before_anything_is_built() {
        assert!(parse(format!("{}{}", "[".repeat(32), "]".repeat(32)).as_bytes()).is_ok());
        assert!(complaint(&"[".repeat(100_000)).contains("deeper"));
        assert!(parse(format!("\"{}\"", "[".repeat(100)).as_bytes()).is_ok());
    }

    #[test]
    fn a_repeated_key_is_named_with_its_place() {
        let problem = parse(br#"{"a":[0,{"b/c":1,"b/c":2}]}"#).unwrap_err();
        let problem = serde_json::to_value(problem).unwrap();
        assert_eq!(problem["errors"][0]["pointer"], "/a/1/b~1c");
    }

    #[test]
    fn an_unknown_field_is_named_with_its_place() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Inner {
            #[allow(dead_code, reason = "only its type is read")]
            x: u8,
        }
        #[derive(Debug, serde::Deserialize)]
        struct Outer {
            #[allow(dead_code, reason = "only its type is read")]
            inner: Vec<Inner>,
        }
        let problem = read::<Outer>(br#"{"inner":[{"x":1,"y":2}]}"#).unwrap_err();
        let problem = serde_json::to_value(problem).unwrap();
        assert_eq!(problem["errors"][0]["pointer"], "/inner/0/y");
        let problem = read::<Outer>(br#"{"inner":[{"x":"one"}]}"#).unwrap_err();
        let problem = serde_json::to_value(problem).unwrap();
        assert_eq!(problem["errors"][0]["pointer"], "/inner/0/x");
    }
}

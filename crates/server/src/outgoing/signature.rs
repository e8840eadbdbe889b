//! Signing what is sent, so that a receiver knows who sent it and when: the symmetric scheme of the
//! Standard Webhooks specification (v1, HMAC-SHA256). Libraries of many languages verify it.
//! Keeping secrets, and when they change, is for others.

use std::fmt;
use std::str::FromStr;

use askfirst_core::Timestamp;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";
/// Bytes of a secret that the specification allows.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The longest id that is signed, in bytes.
const LONGEST_ID: usize = 255;

/// People leave out the padding when they copy.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A secret that a receiver shares with us: `whsec_` and 24 to 64 bytes in base64. It wipes itself
/// and never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a text is no secret to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It has another beginning.
    #[error("a signing secret begins with whsec_; leave it out to have one made")]
    Prefix,
    /// What follows does not read.
    #[error("what follows whsec_ is not base64; copy the secret again, whole")]
    Base64,
    /// What follows can be guessed, or is longer than receivers take.
    #[error(
        "a signing secret holds 24 to 64 bytes, and this one {0}; make one with: printf 'whsec_%s' \
         \"$(head -c 32 /dev/urandom | base64)\""
    )]
    Length(usize),
}

/// Why something cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// The id could be taken for a part of what is signed, or be no header.
    #[error("{0:?} cannot be signed as an id: 1 to 255 letters, digits, _ and -")]
    Id(String),
    /// There is nothing to sign with.
    #[error("there is no secret to sign with")]
    NoSecret,
}

impl Secret {
    /// Of bytes that are random; made in `mint.rs`.
    #[must_use]
    pub(crate) fn of(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// As its receiver configures it.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }

    /// `v1,` and the signature in base64.
    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&Key::new(HMAC_SHA256, &self.0));
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }

    /// HMAC-SHA256 of these parts in a row, in hexadecimal digits, for receivers of other APIs.
    /// The key is the secret as its receiver has it, `whsec_` and all: those take it as it is.
    #[must_use]
    pub(crate) fn hex(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&Key::new(HMAC_SHA256, self.text().as_bytes()));
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for Secret {
    type Err = SecretError;
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let bytes = LENIENT.decode(encoded).map(Zeroizing::new).map_err(|_| SecretError::Base64)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(SecretError::Length(bytes.len()));
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The headers that sign one attempt to send `body`. The id is the same in every attempt, so that
/// a receiver knows a repeat; the time is that of the attempt. With several secrets, while one
/// takes over from another, a receiver that knows any of them can verify.
///
/// # Errors
/// [`Unsigned`].
pub fn headers(
    id: &str,
    at: Timestamp,
    body: &[u8],
    secrets: &[Secret],
) -> Result<HeaderMap, Unsigned> {
    let bad = || Unsigned::Id(id.to_owned());
    // A dot would let one id and time pass for another.
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !(1..=LONGEST_ID).contains(&id.len()) || !id.bytes().all(good) {
        return Err(bad());
    }
    if secrets.is_empty() {
        return Err(Unsigned::NoSecret);
    }
    let seconds = at.seconds();
    let signed: Vec<_> = secrets.iter().map(|secret| secret.sign(id, seconds, body)).collect();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (HeaderName::from_static("webhook-id"), id),
        (HeaderName::from_static("webhook-timestamp"), &seconds.to_string()),
        (HeaderName::from_static("webhook-signature"), &signed.join(" ")),
    ] {
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| bad())?);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_614_265_330);

    #[test]
    fn it_signs_as_the_specification_does() {
        // The example of its reference libraries.
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signed = headers(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            AT,
            b"{\"test\": 2432232314}",
            std::slice::from_ref(&secret),
        );
        let signed = signed.unwrap();
        assert_eq!(signed["webhook-id"], "msg_p5jXN8AQM9LWM0D4loKWxJek");
        assert_eq!(signed["webhook-timestamp"], "1614265330");
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed["webhook-signature"], expected);
        assert_eq!(*secret.text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    #[test]
    fn everything_that_matters_is_signed() {
        let (one, two) = (Secret::of(&[1; 32]), Secret::of(&[2; 32]));
        let sign = |id: &str, at: i64, body: &[u8], secrets: &[Secret]| {
            let signed = headers(id, Timestamp::from_seconds(at), body, secrets).unwrap();
            signed["webhook-signature"].to_str().unwrap().to_owned()
        };
        let both = [one.clone(), two.clone()];
        let first = sign("evt_1", 1, b"{}", &both[..1]);
        for other in [
            sign("evt_2", 1, b"{}", &both[..1]),
            sign("evt_1", 2, b"{}", &both[..1]),
            sign("evt_1", 1, b"{} ", &both[..1]),
            sign("evt_1", 1, b"{}", &both[1..]),
        ] {
            assert_ne!(first, other);
        }
        // While one secret takes over from another, both sign.
        let second = sign("evt_1", 1, b"{}", &both[1..]);
        assert_eq!(sign("evt_1", 1, b"{}", &both), format!("{first} {second}"));
    }

    #[test]
    fn a_secret_that_can_be_guessed_or_does_not_read_is_refused_with_what_to_do() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for (text, wrong) in [
            (String::new(), SecretError::Prefix),
            ("secret".into(), SecretError::Prefix),
            (STANDARD.encode([7; 32]), SecretError::Prefix),
            ("whsec_***".into(), SecretError::Base64),
            ("whsec_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_".into(), SecretError::Base64),
            ("whsec_".into(), SecretError::Length(0)),
            (of(23), SecretError::Length(23)),
            (of(65), SecretError::Length(65)),
        ] {
            assert_eq!(text.parse::<Secret>().unwrap_err(), wrong, "{text}");
        }
        let told = SecretError::Length(8).to_string();
        assert!(told.contains("holds 24 to 64 bytes, and this one 8; make one with"), "{told}");
        for bytes in [24, 25, 32, 64] {
            let text = of(bytes);
            let secret: Secret = text.parse().unwrap();
            assert_eq!(*secret.text(), text);
            assert_eq!(text.trim_end_matches('=').parse::<Secret>().unwrap(), secret);
            assert_eq!(format!("{secret:?}"), "Secret(..)");
        }
    }

    #[test]
    fn what_would_read_as_something_else_is_not_signed() {
        let secret = [Secret::of(&[1; 32])];
        let long = "a".repeat(256);
        for id in ["", "evt.1", "evt 1", "evt\r\nx: y", "é", &long] {
            assert_eq!(headers(id, AT, b"", &secret), Err(Unsigned::Id(id.to_owned())));
        }
        assert_eq!(headers("evt_1", AT, b"", &[]), Err(Unsigned::NoSecret));
    }
}

//! Sealing secrets at rest: AES-256-GCM under a key that is kept apart from the database.
//! Where the sealing key lives, and which rows hold sealed values, is for others to decide.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::{Zeroize, Zeroizing};

/// The first byte of every sealed value.
const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 8;
const HEAD_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;
const TAG_LEN: usize = 16;

/// Why something cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is not 32 bytes in hex or base64.
    #[error("a sealing key is 32 bytes, written as 64 hex digits or in base64")]
    NotAKey,
    /// The value was sealed under another key.
    #[error("sealed under key {sealed_by}, but the sealing key given is {given}")]
    OtherKey {
        /// The id of the key that sealed it.
        sealed_by: String,
        /// The id of the key that tried.
        given: String,
    },
    /// The value was changed, or moved here from another table, row or column.
    #[error("the sealed value was changed or belongs to another place")]
    Tampered,
    /// The value is too short or of a version this program does not know.
    #[error("not a sealed value of a version this program knows")]
    UnknownFormat,
    /// The library failed, for want of randomness for example.
    #[error("the value could not be sealed")]
    NotSealed,
}

/// The 32-byte key under which everything secret is sealed. It wipes itself and never shows.
pub struct SealingKey {
    master: Zeroizing<[u8; 32]>,
    id: [u8; KEY_ID_LEN],
    cipher: LessSafeKey,
}

impl SealingKey {
    /// Makes a new key from the system's random source. Errors: [`SealError::NotSealed`].
    #[allow(clippy::disallowed_methods, reason = "this is the one home of sealing keys")]
    pub fn generate() -> Result<Self, SealError> {
        let mut master = [0; 32];
        rand::fill(&mut master).map_err(|_| SealError::NotSealed)?;
        let key = Self::from_bytes(&master);
        master.zeroize();
        key
    }

    /// Uses 32 bytes of full entropy as a key. Errors: [`SealError::NotSealed`], the library's.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SealError> {
        let master = Zeroizing::new(*bytes);
        // The master key itself never meets the cipher: each use has a key derived for it.
        let id = expand::<KEY_ID_LEN>(&master, "askfirst seal key id/1")?;
        let cipher_key = Zeroizing::new(expand::<32>(&master, "askfirst seal aes-256-gcm/1")?);
        let unbound =
            UnboundKey::new(&AES_256_GCM, &*cipher_key).map_err(|_| SealError::NotSealed)?;
        Ok(Self { master, id, cipher: LessSafeKey::new(unbound) })
    }

    /// Reads a key from text: 64 hex digits, or base64 in either alphabet, with white space
    /// around it forgiven. Errors: [`SealError::NotAKey`].
    pub fn from_text(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let decoded = Zeroizing::new(decode(text).ok_or(SealError::NotAKey)?);
        let bytes = Zeroizing::new(
            <[u8; 32]>::try_from(decoded.as_slice()).map_err(|_| SealError::NotAKey)?,
        );
        Self::from_bytes(&bytes)
    }

    /// The key in base64, for the one file that keeps it.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(*self.master))
    }

    /// A public name for the key, 16 hex digits: it tells keys apart and gives nothing away.
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    /// Seals a secret to the place it is kept in, `table/row/column`.
    ///
    /// The result is a version byte, the key's id (8 bytes), a nonce (12), and the ciphertext
    /// with its tag (16). Errors: [`SealError::NotSealed`].
    #[allow(clippy::disallowed_methods, reason = "this is the one home of nonces")]
    pub fn seal(&self, place: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_LEN] = {
            let mut nonce = [0; NONCE_LEN];
            rand::fill(&mut nonce).map_err(|_| SealError::NotSealed)?;
            nonce
        };
        let mut body = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_LEN));
        body.extend_from_slice(plaintext);
        self.cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                self.aad(place),
                &mut *body,
            )
            .map_err(|_| SealError::NotSealed)?;
        let mut sealed = Vec::with_capacity(HEAD_LEN + body.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// The [id](Self::id) of the key that sealed a value, without opening it; none if it is no
    /// sealed value.
    pub fn sealed_by(sealed: &[u8]) -> Option<String> {
        let whole = sealed.len() >= HEAD_LEN + TAG_LEN && sealed.first() == Some(&VERSION);
        whole.then(|| hex(&sealed[1..=KEY_ID_LEN]))
    }

    /// Opens what [`SealingKey::seal`] sealed to the same place.
    ///
    /// Errors: [`SealError::OtherKey`], [`SealError::Tampered`], [`SealError::UnknownFormat`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if sealed.len() < HEAD_LEN + TAG_LEN || sealed.first() != Some(&VERSION) {
            return Err(SealError::UnknownFormat);
        }
        let (head, body) = sealed.split_at(HEAD_LEN);
        let (id, nonce) = head[1..].split_at(KEY_ID_LEN);
        if id != self.id {
            return Err(SealError::OtherKey { sealed_by: hex(id), given: self.id() });
        }
        let nonce =
            Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::UnknownFormat)?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened = self
            .cipher
            .open_in_place(nonce, self.aad(place), &mut body)
            .map_err(|_| SealError::Tampered)?
            .len();
        body.truncate(opened);
        Ok(body)
    }

    /// 32 bytes that depend on the key and the label only: for stable keys of a dev server.
    /// Source: RFC 5869 with SHA-256. Errors: [`SealError::NotSealed`], the library's.
    pub fn derive(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
        expand(&self.master, &format!("askfirst derive/1 {label}")).map(Zeroizing::new)
    }

    /// What is bound besides the secret: the version, the key and the place.
    fn aad(&self, place: &str) -> Aad<Vec<u8>> {
        let mut aad = vec![VERSION];
        aad.extend_from_slice(&self.id);
        aad.extend_from_slice(place.as_bytes());
        Aad::from(aad)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(master: &[u8; 32], info: &str) -> Result<[u8; N], SealError> {
    hkdf(&[], master, info.as_bytes())
}

/// HKDF-SHA256, extract and expand. Source: RFC 5869.
fn hkdf<const N: usize>(salt: &[u8], secret: &[u8], info: &[u8]) -> Result<[u8; N], SealError> {
    let mut out = [0; N];
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], Length(N))
        .and_then(|okm| okm.fill(&mut out))
        .map_err(|_| SealError::NotSealed)?;
    Ok(out)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
            .collect();
    }
    [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|engine| engine.decode(text).ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]
mod tests {
    use super::*;

    const PLACE: &str = "channels/ch_1/token";

    fn key(byte: u8) -> SealingKey {
        SealingKey::from_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place() {
        let sealed = key(7).seal(PLACE, b"bot token").unwrap();
        assert_eq!(&**key(7).open(PLACE, &sealed).unwrap(), b"bot token");
        assert_ne!(
            sealed,
            key(7).seal(PLACE, b"bot token").unwrap(),
            "each sealing has its own nonce"
        );
        assert_eq!(&**key(7).open(PLACE, &key(7).seal(PLACE, b"").unwrap()).unwrap(), b"");
    }

    #[test]
    fn a_sealed_value_moved_to_another_row_does_not_open() {
        let sealed = key(7).seal(PLACE, b"bot token").unwrap();
        assert_eq!(key(7).open("channels/ch_2/token", &sealed), Err(SealError::Tampered));
    }

    #[test]
    fn another_key_is_told_so() {
        let sealed = key(7).seal(PLACE, b"bot token").unwrap();
        let error = key(8).open(PLACE, &sealed).unwrap_err();
        assert_eq!(error, SealError::OtherKey { sealed_by: key(7).id(), given: key(8).id() });
        assert_eq!(SealingKey::sealed_by(&sealed), Some(key(7).id()));
        assert_eq!(SealingKey::sealed_by(b"bot token"), None);
    }

    #[test]
    fn no_flipped_bit_and_no_cut_opens() {
        let sealed = key(7).seal(PLACE, b"bot token").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut tampered = sealed.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert!(key(7).open(PLACE, &tampered).is_err(), "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert!(key(7).open(PLACE, &sealed[..len]).is_err(), "length {len}");
        }
    }

    #[test]
    fn a_key_is_read_from_hex_and_from_base64() {
        let master: [u8; 32] =
            std::array::from_fn(|at| u8::try_from((at * 7 + 190) & 0xff).unwrap());
        let id = SealingKey::from_bytes(&master).unwrap().id();
        let texts = [
            hex(&master),
            hex(&master).to_uppercase(),
            STANDARD.encode(master),
            STANDARD_NO_PAD.encode(master),
            URL_SAFE.encode(master),
            URL_SAFE_NO_PAD.encode(master),
            format!(" {}\n", STANDARD.encode(master)),
        ];
        for text in texts {
            assert_eq!(SealingKey::from_text(&text).unwrap().id(), id, "{text}");
        }
        assert_eq!(*SealingKey::from_bytes(&master).unwrap().to_text(), STANDARD.encode(master));
        for text in [
            "",
            "password",
            &hex(&master)[2..],
            &STANDARD.encode([0; 31]),
            &STANDARD.encode([0; 33]),
        ] {
            assert_eq!(SealingKey::from_text(text).unwrap_err(), SealError::NotAKey, "{text}");
        }
    }

    #[test]
    fn a_key_shows_only_its_id() {
        assert_eq!(format!("{:?}", key(7)), format!("SealingKey {{ id: {:?}, .. }}", key(7).id()));
    }

    #[test]
    fn derived_keys_are_stable_and_differ_by_label_and_key() {
        assert_eq!(key(7).derive("ask").unwrap(), key(7).derive("ask").unwrap());
        assert_ne!(key(7).derive("ask").unwrap(), key(7).derive("decide").unwrap());
        assert_ne!(key(7).derive("ask").unwrap(), key(8).derive("ask").unwrap());
    }

    #[test]
    fn derivation_is_that_of_the_rfc() {
        // RFC 5869, appendix A.1.
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let okm: [u8; 42] = hkdf(&salt, &[0x0b; 22], &info).unwrap();
        assert_eq!(
            hex(&okm),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }
}

//! What a form carries that makes something which is shown only once: sent again, by reloading or
//! by going back, it makes nothing more, and what was shown is not shown again.

use askfirst_store::Idempotency;

use super::fault::Fault;
use crate::mint;

/// The longest that is taken, in bytes.
const LONGEST: usize = 64;

/// For a form that was not sent yet.
pub(super) fn fresh() -> String {
    format!("{:032x}", mint::id_bits())
}

/// The idempotency of a form that says this. Changed and sent again, it is another wish.
///
/// # Errors
/// A form that is not ours.
pub(super) fn of(once: &str, operation: &str, said: &[&str]) -> Result<Idempotency, Fault> {
    let plain = once.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if once.is_empty() || once.len() > LONGEST || !plain {
        return Err(Fault::BadForm);
    }
    let said: String = said.iter().map(|part| format!("{}:{part}", part.len())).collect();
    let digest = askfirst_proof::text_digest(&said);
    Ok(Idempotency {
        key: format!("{once} {digest}"),
        operation: format!("pages/{operation}"),
        fingerprint: *digest.as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_form_is_one_wish_and_another_one_is_another() {
        let wish = |once, said: &[&str]| of(once, "x", said).unwrap();
        assert_eq!(wish("a", &["b", "c"]), wish("a", &["b", "c"]));
        for other in [wish("b", &["b", "c"]), wish("a", &["bc", ""]), wish("a", &["b", "d"])] {
            assert_ne!(wish("a", &["b", "c"]).key, other.key);
        }
        assert_ne!(fresh(), fresh());
        assert!(of(&fresh(), "x", &[]).is_ok());
        for odd in ["", "a b", "a\u{e9}", &"a".repeat(65)] {
            assert!(of(odd, "x", &[]).is_err(), "{odd}");
        }
    }
}

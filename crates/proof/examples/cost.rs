//! What signing, verifying and chaining cost here: `cargo run --release -p askfirst-proof --example cost`.
//! The numbers it gave are in `docs/decisions/`; it decides nothing itself.

#![allow(clippy::expect_used, reason = "a measurement stops at what it cannot do")]

#[path = "make-vectors/forge.rs"]
#[allow(dead_code, reason = "only the test keys are needed here")]
mod forge;
#[path = "make-vectors/good.rs"]
#[allow(dead_code, reason = "only some of the statements are needed here")]
mod good;

use std::hint::black_box;
use std::time::Instant;

use askfirst_proof::key::KeyBits;
use askfirst_proof::log::entry_hash;
use askfirst_proof::{Expect, SealingKey, SigningKey, Trust, text_digest, verify_receipt};

fn main() -> forge::Result<()> {
    let statement = good::approved()?;
    let bytes = statement.to_bytes()?;
    println!("a statement of {} bytes", bytes.len());
    each("write a statement", 20_000, || statement.to_bytes().is_ok());
    for bits in [KeyBits::Rsa2048, KeyBits::Rsa3072] {
        let key = SigningKey::generate(bits)?;
        let mut trust = Trust::new();
        trust.add_key(key.jwk())?;
        let token = key.sign_receipt(&bytes)?;
        println!("{bits:?}: a receipt of {} bytes", token.len());
        each("sign", 2_000, || key.sign_receipt(&bytes).is_ok());
        let der = key.to_pkcs8()?;
        each("read the key, then sign", 500, || {
            SigningKey::from_pkcs8(&der).is_ok_and(|key| key.sign_receipt(&bytes).is_ok())
        });
        let expect = Expect::default();
        each("verify", 5_000, || verify_receipt(&token, &trust, &expect, good::NOW).is_ok());
        each("make a key", 5, || SigningKey::generate(bits).is_ok());
    }
    let entry = good::audit_entry(text_digest("a statement"))?;
    each("hash an audit entry", 50_000, || entry_hash(&entry).is_ok());
    let sealing = SealingKey::generate()?;
    each("seal 64 bytes", 50_000, || sealing.seal("keys/key_1/secret", &[7; 64]).is_ok());
    Ok(())
}

/// Prints the mean time of one run, and stops if one of them fails.
fn each(what: &str, rounds: u32, run: impl Fn() -> bool) {
    let start = Instant::now();
    for _ in 0..rounds {
        assert!(black_box(run()), "{what} failed");
    }
    let mean = start.elapsed() / rounds;
    println!("  {what}: {mean:?}, {:.0} a second on one core", 1.0 / mean.as_secs_f64());
}

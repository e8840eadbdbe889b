//! Writes `spec/vectors` anew: `cargo run -p askfirst-proof --example make-vectors`.
//! What the vectors are is in `vectors.rs`; a test compares the committed files with it.

#![allow(clippy::expect_used, reason = "the generator stops at what it cannot make")]

mod bundles;
mod claimed;
mod forge;
mod good;
mod headers;
mod tokens;
mod vectors;

use std::error::Error;
use std::fs;

fn main() -> Result<(), Box<dyn Error>> {
    for (path, text) in vectors::files()? {
        fs::write(&path, text)?;
        println!("{}", path.display());
    }
    Ok(())
}

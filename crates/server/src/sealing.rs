//! Finding or making the key-encryption key. It never lies in the database's folder by default,
//! so that a copy of the data alone opens nothing.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use askfirst_proof::SealingKey;
use zeroize::Zeroizing;

/// Why there is no sealing key.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The file cannot be read or written.
    #[error("the sealing key file {path}: {why}")]
    File {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// It cannot be made or read there, as in: permission denied.
    #[error("the sealing key file {path}: {why}")]
    NoPlace {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// What is there is no key.
    #[error("{source_name} does not hold a sealing key: {why}")]
    NotAKey {
        /// The file or variable.
        source_name: String,
        /// Why.
        why: String,
    },
}

/// The variable that may hold the key itself.
pub const VARIABLE: &str = "ASKFIRST_SEALING_KEY";

/// The key from the environment or from `file`; none if there is neither.
///
/// # Errors
/// If the file cannot be read, is readable by others, or holds no key.
#[allow(clippy::disallowed_methods, reason = "this variable may hold a key; nobody else reads it")]
pub fn find(file: &Path) -> Result<Option<SealingKey>, SealingError> {
    if let Ok(text) = std::env::var(VARIABLE) {
        return parse(VARIABLE, &Zeroizing::new(text)).map(Some);
    }
    read(file)
}

fn read(file: &Path) -> Result<Option<SealingKey>, SealingError> {
    match std::fs::metadata(file) {
        Ok(metadata) => {
            if metadata.permissions().mode() & 0o077 != 0 {
                return Err(broken(file, &"others can read it; run chmod 600 on it"));
            }
            let text =
                Zeroizing::new(std::fs::read_to_string(file).map_err(|e| no_place(file, &e))?);
            parse(&file.display().to_string(), &text).map(Some)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(no_place(file, &error)),
    }
}

/// The key from the environment, from `file`, or newly made there with mode 0600.
///
/// # Errors
/// If the file is readable by others, or holds no key, or cannot be made.
pub fn find_or_make(file: &Path) -> Result<SealingKey, SealingError> {
    match find(file)? {
        Some(key) => Ok(key),
        None => make(file),
    }
}

/// The key in `file`, whatever the environment says, or newly made there with mode 0600.
///
/// # Errors
/// If the file is readable by others, or holds no key, or cannot be made.
pub fn in_file(file: &Path) -> Result<SealingKey, SealingError> {
    match read(file)? {
        Some(key) => Ok(key),
        None => make(file),
    }
}

fn make(file: &Path) -> Result<SealingKey, SealingError> {
    let key = SealingKey::generate().map_err(|e| broken(file, &e))?;
    if let Some(folder) = file.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).map_err(|e| absent(file, &e))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut opened = options.open(file).map_err(|e| absent(file, &e))?;
    let text = key.to_text();
    opened.write_all(text.as_bytes()).map_err(|e| broken(file, &e))?;
    opened.write_all(b"\n").and_then(|()| opened.sync_all()).map_err(|e| broken(file, &e))?;
    Ok(key)
}

fn no_place(file: &Path, error: &std::io::Error) -> SealingError {
    SealingError::NoPlace { path: file.display().to_string(), why: error.to_string() }
}

fn absent(file: &Path, error: &std::io::Error) -> SealingError {
    let why = format!("it is not there, and it cannot be made: {error}");
    SealingError::NoPlace { path: file.display().to_string(), why }
}

fn broken(file: &Path, why: &dyn std::fmt::Display) -> SealingError {
    SealingError::File { path: file.display().to_string(), why: why.to_string() }
}

fn parse(source_name: &str, text: &str) -> Result<SealingKey, SealingError> {
    SealingKey::from_text(text.trim()).map_err(|error| SealingError::NotAKey {
        source_name: source_name.into(),
        why: error.to_string(),
    })
}

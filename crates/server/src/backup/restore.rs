//! Putting a backup back: everything that can be wrong with it is found out before anything is
//! changed, and a database that gives way is kept.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use askfirst_core::{Digest, Timestamp};
use askfirst_store::SigningKeyRecord;
use askfirst_store::copies;
use tracing::warn;

use super::{
    BackupError, CHUNK, FORM, Hasher, Manifest, Partial, beside, file_error, in_a_name,
    manifest_file, private, rename, sealed_by, sync_folder,
};
use crate::{keyring, sealing};

/// What is put where.
#[derive(Clone, Debug)]
pub struct Restore<'a> {
    /// The backup; its manifest lies beside it.
    pub backup: &'a Path,
    /// The database's file.
    pub database: &'a Path,
    /// Where the sealing key is.
    pub sealing_key_file: &'a Path,
    /// Whether a database that is there gives way.
    pub replace: bool,
    /// Whether to go on although nothing opens the signing keys.
    pub sealing_key_lost: bool,
}

/// What was put back.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// What it is.
    pub manifest: Manifest,
    /// Where the database is now that gave way.
    pub replaced: Option<PathBuf>,
}

impl Restore<'_> {
    /// Puts it back. `progress` is told how many of how many bytes are written.
    ///
    /// # Errors
    /// [`BackupError`]; then the database is what it was before.
    pub fn run(
        &self,
        now: Timestamp,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Restored, BackupError> {
        let manifest = self.manifest()?;
        let claim = copies::claim(self.database)?;
        self.hand_over(&claim.lock_file())?;
        if self.database.exists() && !self.replace {
            return Err(BackupError::Occupied(self.database.to_owned()));
        }
        let partial = Partial(beside(self.database, ".restoring"));
        let copied = copy(self.backup, &partial.0, manifest.bytes, &mut progress)?;
        self.is_the_same(&manifest, copied)?;
        let census = copies::examine(&partial.0)?;
        self.check_key(&census.signing_keys)?;
        copies::prepare(&partial.0)?;
        self.hand_over(&partial.0)?;
        let replaced = self.make_way(&claim, now)?;
        rename(&partial.0, self.database)?;
        sync_folder(self.database)?;
        Ok(Restored { manifest, replaced })
    }

    /// What the manifest says.
    ///
    /// # Errors
    /// If there is none, or this program cannot read what it tells of.
    pub fn manifest(&self) -> Result<Manifest, BackupError> {
        if !self.backup.is_file() {
            let none = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(file_error("read", self.backup)(none));
        }
        let path = manifest_file(self.backup);
        let wrong = |why: &dyn std::fmt::Display| BackupError::Manifest {
            path: path.clone(),
            why: why.to_string(),
        };
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
        let loose: serde_json::Value = serde_json::from_str(&text).map_err(|e| wrong(&e))?;
        let version = loose["version"].as_str().unwrap_or("that wrote it").to_owned();
        match loose["askfirst_backup"].as_u64().and_then(|form| u32::try_from(form).ok()) {
            Some(FORM) => {}
            Some(form) => return Err(BackupError::NewerForm { path, form, version }),
            None => return Err(wrong(&"it is not the manifest of a backup")),
        }
        let manifest: Manifest = serde_json::from_value(loose).map_err(|e| wrong(&e))?;
        let known = copies::newest_schema();
        if manifest.schema > known {
            return Err(BackupError::NewerSchema { schema: manifest.schema, known, version });
        }
        Ok(manifest)
    }

    fn is_the_same(&self, said: &Manifest, copied: (u64, Digest)) -> Result<(), BackupError> {
        let (bytes, sha256) = copied;
        let damaged = |why: String| Err(BackupError::Damaged { path: self.backup.to_owned(), why });
        if bytes != said.bytes {
            return damaged(format!("it has {bytes} bytes, and {} were written", said.bytes));
        }
        if sha256 != said.sha256 {
            return damaged("its bytes are not those that were written".into());
        }
        Ok(())
    }

    fn check_key(&self, keys: &[SigningKeyRecord]) -> Result<(), BackupError> {
        if sealed_by(keys).is_empty() || self.sealing_key_lost {
            return Ok(());
        }
        let advice = format!(
            "it needs the sealing key {}: put that file back, or name it with --sealing-key-file. \
             if it is lost for good, add --sealing-key-lost and then run `askfirst keyring \
             replace-lost`",
            sealed_by(keys).join(", ")
        );
        let wrong = |why: String| Err(BackupError::SealingKey(format!("{why}. {advice}")));
        let file = self.sealing_key_file.display();
        match sealing::find(self.sealing_key_file) {
            Ok(Some(key)) => match keyring::opens(&key, keys) {
                Ok(()) => Ok(()),
                Err(error) => wrong(format!(
                    "the sealing key looked at ({file}, or {} if it is set) does not fit this \
                     backup: {error}",
                    sealing::VARIABLE
                )),
            },
            Ok(None) => wrong(format!("there is no sealing key at {file}")),
            Err(error) => wrong(error.to_string()),
        }
    }

    /// Moves what is there aside; says where it is.
    fn make_way(
        &self,
        claim: &copies::Claim,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, BackupError> {
        let log = beside(self.database, "-wal");
        let aside = beside(self.database, &format!(".replaced-{}", in_a_name(now)));
        if let Err(error) = claim.settle_log() {
            // Damaged, maybe why the backup is needed. Its log goes with it, before it.
            warn!(%error, "the present database is kept with its log");
        }
        if log.exists() {
            rename(&log, &beside(&aside, "-wal"))?;
        }
        // Only an index of the log; made anew with the next one.
        let _ = std::fs::remove_file(beside(self.database, "-shm"));
        if !self.database.exists() {
            return Ok(None);
        }
        rename(self.database, &aside)?;
        Ok(Some(aside))
    }

    /// Gives a file to whoever owns the data folder, so that root may restore for the server.
    fn hand_over(&self, file: &Path) -> Result<(), BackupError> {
        let folder = super::folder(self.database)?;
        let owner = std::fs::metadata(&folder).map_err(file_error("look at", &folder))?;
        let present = std::fs::metadata(file).map_err(file_error("look at", file))?;
        if (owner.uid(), owner.gid()) == (present.uid(), present.gid()) {
            return Ok(());
        }
        chown(file, Some(owner.uid()), Some(owner.gid())).map_err(file_error("hand over", file))
    }
}

/// Copies, and says what was read.
fn copy(
    from: &Path,
    to: &Path,
    whole: u64,
    progress: &mut impl FnMut(u64, u64),
) -> Result<(u64, Digest), BackupError> {
    let mut source = File::open(from).map_err(file_error("read", from))?;
    let mut target = private(to)?;
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = source.read(&mut chunk).map_err(file_error("read", from))?;
        if read == 0 {
            break;
        }
        target.write_all(&chunk[..read]).map_err(file_error("write", to))?;
        hasher.take(&chunk[..read]);
        progress(hasher.bytes, whole);
    }
    target.sync_all().map_err(file_error("sync", to))?;
    Ok(hasher.end())
}

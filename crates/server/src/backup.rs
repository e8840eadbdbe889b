//! Backups: one file that is the whole database at one moment, and beside it a manifest that says
//! what it is and how to tell that it is still the same. The sealing key is in neither, on
//! purpose: who has both has the signing keys. Putting one back is [`restore`]'s.

pub mod restore;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use askfirst_core::{Digest, Timestamp};
use askfirst_proof::SealingKey;
use askfirst_store::copies::{self, Census};
use askfirst_store::{SigningKeyRecord, StoreError};
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// The form of the manifest that this program writes.
const FORM: u32 = 1;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// Bytes that are read at a time.
const CHUNK: usize = 1024 * 1024;

/// What stands beside a backup, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this document.
    pub askfirst_backup: u32,
    /// The version of the program that took it.
    pub version: String,
    /// Which shape the data has.
    pub schema: u32,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// Size of the backup.
    pub bytes: u64,
    /// SHA-256 over its bytes.
    pub sha256: Digest,
    /// The ids of the sealing keys that its signing keys are sealed under. Not the keys.
    pub sealed_by: Vec<String>,
    /// How much is in it.
    pub counts: Counts,
    /// The head of each workspace's audit log, for `askfirst audit verify --head`.
    pub audit_heads: BTreeMap<String, String>,
}

/// How much is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Workspaces.
    pub workspaces: u64,
    /// People with an account.
    pub members: u64,
    /// Approvals in all.
    pub approvals: u64,
    /// Approvals that were pending.
    pub pending: u64,
}

/// Why a backup was not taken or not put back. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something is there already.
    #[error("{} is there already; choose another name, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// There is nothing to take a backup of.
    #[error(
        "there is no database at {}; name the folder of the server's data with --data, or its \
         configuration with --config", .0.display()
    )]
    NoDatabase(PathBuf),
    /// The backup would lie with what it is a backup of.
    #[error(
        "{} lies in the server's data folder and would be lost with it; choose another folder, \
         better on another disk", .0.display()
    )]
    InDataFolder(PathBuf),
    /// A file could not be read or written.
    #[error("cannot {what} {}: {why}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        why: std::io::Error,
    },
    /// There is no manifest, or it says nothing.
    #[error(
        "{}: {why}. a backup is two files, the database and its manifest; bring both as they were \
         written", path.display()
    )]
    Manifest {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The manifest is of a form that this program does not know.
    #[error("{} is of form {form}, which this askfirst does not know; use the askfirst {version} that wrote it", path.display())]
    NewerForm {
        /// Which manifest.
        path: PathBuf,
        /// Its form.
        form: u32,
        /// Who wrote it.
        version: String,
    },
    /// The data is of a shape that this program does not know.
    #[error(
        "this backup has schema {schema}, and this askfirst knows only up to {known}; restore it \
         with askfirst {version} or newer"
    )]
    NewerSchema {
        /// Its schema.
        schema: u32,
        /// Ours.
        known: u32,
        /// Who wrote it.
        version: String,
    },
    /// The file is not what was written.
    #[error("{} is damaged: {why}; use another copy of it, or an older backup", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// There is a database where the backup would go.
    #[error(
        "there is a database at {} already; to put the backup in its place, add --force, and the \
         present one is kept beside it", .0.display()
    )]
    Occupied(PathBuf),
    /// The sealing key is another one, or there is none.
    #[error("{0}")]
    SealingKey(String),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn file_error(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |why| BackupError::File { what, path, why }
}

/// A backup and how to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// Where it lies.
    pub file: PathBuf,
    /// What stands beside it.
    pub manifest: Manifest,
}

/// Where the manifest of a backup lies.
#[must_use]
pub fn manifest_file(backup: &Path) -> PathBuf {
    beside(backup, ".json")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A moment as a part of file names: `20261121T072740Z`.
fn in_a_name(at: Timestamp) -> String {
    let text: String = at.to_string().chars().filter(|c| !"-:".contains(*c)).collect();
    format!("{}Z", text.split(['.', 'Z']).next().unwrap_or_default())
}

/// Backs up the database at `from` while it may be in use. `to` is the new file, or a folder in
/// which it gets a name of its own. `progress` is told how many of how many bytes are written.
///
/// # Errors
/// [`BackupError`]; then nothing is left behind.
pub fn take(
    from: &Path,
    to: &Path,
    replace: bool,
    now: Timestamp,
    mut progress: impl FnMut(u64, u64),
) -> Result<Taken, BackupError> {
    if !from.is_file() {
        return Err(BackupError::NoDatabase(from.to_owned()));
    }
    let file = match to.is_dir() {
        true => free_name(to, now),
        false => to.to_owned(),
    };
    apart(from, &file)?;
    let (beside_it, partial) = (manifest_file(&file), Partial(beside(&file, ".partial")));
    if !replace && let Some(there) = [&file, &beside_it].into_iter().find(|file| file.exists()) {
        return Err(BackupError::Exists(there.clone()));
    }
    private(&partial.0)?;
    copy_watched(from, &partial.0, &mut progress)?;
    let (bytes, sha256) = digest(&partial.0)?;
    let census = copies::examine(&partial.0)?;
    let manifest = manifest(&census, now, bytes, sha256);
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
    let partial_manifest = Partial(beside(&file, ".json.partial"));
    let mut opened = private(&partial_manifest.0)?;
    opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all())
        .map_err(file_error("write", &partial_manifest.0))?;
    rename(&partial.0, &file)?;
    rename(&partial_manifest.0, &beside_it)?;
    sync_folder(&file)?;
    Ok(Taken { file, manifest })
}

/// A name by the time that nothing has yet; a second backup in the same second gets a number.
fn free_name(folder: &Path, now: Timestamp) -> PathBuf {
    let stem = format!("askfirst-{}", in_a_name(now));
    let numbered = (2..100).map(|number| format!("{stem}-{number}.db"));
    let mut names = std::iter::once(format!("{stem}.db")).chain(numbered);
    let free = |name: &String| {
        let file = folder.join(name);
        !file.exists() && !manifest_file(&file).exists()
    };
    folder.join(names.find(free).unwrap_or_else(|| format!("{stem}.db")))
}

/// The folder that a file lies in, as the system knows it.
fn folder(file: &Path) -> Result<PathBuf, BackupError> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    folder.canonicalize().map_err(file_error("use the folder", folder))
}

fn apart(from: &Path, to: &Path) -> Result<(), BackupError> {
    if folder(from)? == folder(to)? {
        return Err(BackupError::InDataFolder(to.to_owned()));
    }
    Ok(())
}

/// A file that is not finished: removed, unless it got its name.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone already if it was renamed.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A new, empty file for its owner only, in place of one that an earlier try left behind.
fn private(path: &Path) -> Result<File, BackupError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(file_error("replace", path)(error));
        }
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(file_error("create", path))
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    std::fs::rename(from, to).map_err(file_error("rename to", to))
}

fn sync_folder(file: &Path) -> Result<(), BackupError> {
    let folder = folder(file)?;
    File::open(&folder)
        .and_then(|opened| opened.sync_all())
        .map_err(file_error("sync the folder", &folder))
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Copies on a thread of its own, and tells meanwhile how large the copy is.
fn copy_watched(
    from: &Path,
    to: &Path,
    progress: &mut impl FnMut(u64, u64),
) -> Result<(), BackupError> {
    let whole = size(from);
    let copied = std::thread::scope(|scope| {
        let (done, ended) = mpsc::channel();
        scope.spawn(move || done.send(copies::copy(from, to)));
        loop {
            match ended.recv_timeout(TELL_EVERY) {
                Ok(copied) => return copied,
                Err(mpsc::RecvTimeoutError::Timeout) => progress(size(to), whole),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(StoreError::Unavailable("copying ended in a panic".into()));
                }
            }
        }
    });
    copied?;
    let written = size(to);
    progress(written, written);
    Ok(())
}

fn digest(path: &Path) -> Result<(u64, Digest), BackupError> {
    let mut file = File::open(path).map_err(file_error("read", path))?;
    let mut hasher = Hasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk).map_err(file_error("read", path))?;
        if read == 0 {
            return Ok(hasher.end());
        }
        hasher.take(&chunk[..read]);
    }
}

/// Counts and digests bytes.
struct Hasher {
    bytes: u64,
    context: Context,
}

impl Hasher {
    fn new() -> Self {
        Self { bytes: 0, context: Context::new(&SHA256) }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.context.update(bytes);
    }

    fn end(self) -> (u64, Digest) {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.context.finish().as_ref());
        (self.bytes, Digest(digest))
    }
}

fn manifest(census: &Census, now: Timestamp, bytes: u64, sha256: Digest) -> Manifest {
    let Census { schema, workspaces, members, approvals, pending, .. } = *census;
    let heads = census.heads.iter();
    Manifest {
        askfirst_backup: FORM,
        version: env!("CARGO_PKG_VERSION").into(),
        schema,
        taken_at: now,
        bytes,
        sha256,
        sealed_by: sealed_by(&census.signing_keys),
        counts: Counts { workspaces, members, approvals, pending },
        audit_heads: heads
            .map(|(id, head)| (id.to_string(), format!("{}:{}", head.index, head.hash)))
            .collect(),
    }
}

fn sealed_by(keys: &[SigningKeyRecord]) -> Vec<String> {
    let mut ids: Vec<_> =
        keys.iter().filter_map(|key| SealingKey::sealed_by(key.sealed.as_ref()?)).collect();
    ids.sort();
    ids.dedup();
    ids
}

//! Whether the files that are written still lie where they were opened. A file that was removed,
//! or replaced by a copy, takes writes for as long as somebody holds it open, and they are gone
//! with the last who does: nothing that lies in it was kept.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::store::StoreError;

/// The database and its log, by their places on the disk.
pub(super) struct Mooring {
    files: [Moored; 2],
}

struct Moored {
    path: PathBuf,
    /// What lay there when it was first seen; the log comes with the first write.
    first: OnceLock<(u64, u64)>,
}

impl Mooring {
    /// Of the database that was opened here.
    pub(super) fn of(database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let moored = |path| Moored { path, first: OnceLock::new() };
        Self { files: [moored(database.to_owned()), moored(log.into())] }
    }

    /// Errors: [`StoreError::Unavailable`] while one of them is gone or another lies there.
    pub(super) fn holds(&self) -> Result<(), StoreError> {
        match self.files.iter().find(|file| !file.holds()) {
            None => Ok(()),
            Some(file) => Err(StoreError::Unavailable(format!(
                "{} was moved, removed or replaced while it was in use; put it back, or stop the \
                 server, see what is there, and start it again",
                file.path.display()
            ))),
        }
    }
}

impl Moored {
    fn holds(&self) -> bool {
        let now = std::fs::metadata(&self.path).ok().map(|file| (file.dev(), file.ino()));
        match (self.first.get(), now) {
            (Some(first), now) => now == Some(*first),
            (None, Some(now)) => *self.first.get_or_init(|| now) == now,
            (None, None) => true,
        }
    }
}

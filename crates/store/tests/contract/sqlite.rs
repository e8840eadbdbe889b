//! Where a SQLite store lives while a story is told: a file in a temporary folder.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use askfirst_core::Allowances;
use askfirst_store::clock::TestClock;
use askfirst_store::{Options, SqliteStore, Store, StoreError};
use rusqlite::Connection;

use crate::world::{Home, Levers};

pub(crate) struct SqliteFile {
    folder: tempfile::TempDir,
}

impl SqliteFile {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("askfirst.db")
    }

    fn try_open(
        &self,
        clock: Arc<TestClock>,
        allowances: Allowances,
    ) -> Result<SqliteStore, StoreError> {
        let issuer_base = "https://ask.example".into();
        SqliteStore::open(&self.path(), Options { clock, issuer_base, readers: 2, allowances })
    }

    fn beside(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

impl Home for SqliteFile {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn open_with(
        &self,
        clock: Arc<TestClock>,
        allowances: Allowances,
    ) -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(self.try_open(clock, allowances)?))
    }

    fn open_with_levers(&self, clock: Arc<TestClock>) -> (Arc<dyn Store>, Arc<dyn Levers>) {
        let store = Arc::new(self.try_open(clock, Allowances::default()).unwrap());
        (Arc::clone(&store) as _, store)
    }

    fn rows(&self) -> BTreeMap<String, i64> {
        let connection = self.beside();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table'";
        let mut tables = connection.prepare(sql).unwrap();
        let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let count = |table: String| {
            let sql = format!("SELECT count(*) FROM {table}");
            let rows = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
            (table, rows)
        };
        tables.map(Result::unwrap).map(count).collect()
    }

    fn number(&self, sql: &str) -> i64 {
        self.beside().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn found(&self, words: &[String]) -> Vec<String> {
        let folder = self.path().parent().unwrap().to_owned();
        let files = std::fs::read_dir(folder).unwrap();
        // What is no text becomes other characters; words stay words.
        let read = |file: std::fs::DirEntry| {
            String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned()
        };
        let texts: Vec<String> = files.map(Result::unwrap).map(read).collect();
        let stands = |word: &&String| texts.iter().any(|text| text.contains(word.as_str()));
        words.iter().filter(stands).cloned().collect()
    }

    fn carry_off(&self, away: bool) {
        let elsewhere = self.path().with_extension("elsewhere");
        let (from, to) = if away { (self.path(), elsewhere) } else { (elsewhere, self.path()) };
        std::fs::rename(&from, &to).unwrap();
        if away {
            std::fs::copy(&to, &from).unwrap();
        }
    }

    fn pretend_newer(&self) {
        let sql = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                   VALUES (999, 'tomorrow', '2030-01-01T00:00:00Z', '1')";
        self.beside().execute(sql, []).unwrap();
    }
}

impl Levers for SqliteStore {
    fn fail_next_commit(&self, durable: bool) {
        Self::fail_next_commit(self, durable);
    }

    fn fill_disk(&self, full: bool) {
        Self::fill_disk(self, full);
    }

    fn keep_free(&self, bytes: u64) {
        Self::keep_free(self, bytes);
    }
}

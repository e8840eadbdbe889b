//! sqlite
/// SQLite.
#[derive(Debug)]
pub struct SqliteStore;

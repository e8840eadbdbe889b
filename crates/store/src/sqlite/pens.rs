//! The statements that a batch writes with, looked up once for all its operations: at thousands
//! of operations a second the lookups by SQL text would show.

use std::cell::RefCell;

use rusqlite::{CachedStatement, Connection, Params};

/// Statements in use; they go back to the connection's cache at the end of the batch.
pub(super) struct Pens<'c> {
    connection: &'c Connection,
    held: RefCell<Vec<(&'static str, CachedStatement<'c>)>>,
}

impl<'c> Pens<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, held: RefCell::default() }
    }

    /// Carries out `sql`, which is told apart by where its text lies, and says how many rows it
    /// changed.
    pub(super) fn write(&self, sql: &'static str, row: impl Params) -> rusqlite::Result<usize> {
        let mut held = self.held.borrow_mut();
        let known = held.iter().position(|(text, _)| std::ptr::eq(*text, sql));
        let at = match known {
            Some(at) => at,
            None => {
                held.push((sql, self.connection.prepare_cached(sql)?));
                held.len() - 1
            }
        };
        held[at].1.execute(row)
    }
}

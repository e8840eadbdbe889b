//! What every store promises, one story per promise. The stories know nothing of any database;
//! `promises!` tells each of them once per kind of store, here on a SQLite file.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a story that fails may panic")]

mod approvals;
mod sqlite;
mod world;

/// Tells the stories of a module for every kind of store.
macro_rules! promises {
    ($($module:ident { $($promise:ident)* })*) => {
        mod on_sqlite { $(
            mod $module { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    crate::$module::$promise::<crate::sqlite::SqliteFile>().await;
                }
            )* }
        )* }
    };
}

promises! {
    approvals {
        what_was_acknowledged_is_there_after_reopening
    }
}

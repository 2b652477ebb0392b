//! The databases of the tests: an SQLite file, or a database of the test process's PostgreSQL server.

use std::sync::Arc;

use tempfile::TempDir;
use tollbook_store::{Store, StoreOptions, open_postgres, open_sqlite};
use tollbook_testkit::{Cluster, Database};

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// A database of one test. It is deleted on drop.
pub(crate) enum TestDatabase {
    Sqlite(TempDir),
    Postgres(Database<'static>),
}

impl TestDatabase {
    pub(crate) fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Backend::Postgres => Self::Postgres(Cluster::shared().database()),
        }
    }

    pub(crate) fn open(&self) -> Arc<dyn Store> {
        let options = StoreOptions::default();
        match self {
            Self::Sqlite(directory) => open_sqlite(&directory.path().join("tollbook.db"), &options).unwrap(),
            Self::Postgres(database) => open_postgres(database.url(), None, &options).unwrap(),
        }
    }
}

/// Makes each of these functions a test on each database. A function that is not listed is unused, which is an error.
macro_rules! on_each_backend {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $test() { super::$test($crate::http::backend::Backend::Sqlite); })*
        }
        mod postgres {
            $(#[test] fn $test() { super::$test($crate::http::backend::Backend::Postgres); })*
        }
    };
}
pub(crate) use on_each_backend;

//! All that differs between the engines: addresses, sessions, how a transaction begins, the schema's text.

use crate::error::OpenError;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Writer,
    Reader,
}

/// A database to connect to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) dialect: Dialect,
    /// As the SQL crate takes it.
    pub(crate) url: String,
    /// SQLite's file.
    pub(crate) file: Option<PathBuf>,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self { dialect: Dialect::Postgres, url: url.to_owned(), file: None });
        }
        match url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() && path != ":memory:" => Ok(Self {
                dialect: Dialect::Sqlite,
                url: format!("sqlite:{}?mode=rwc", escape(path)),
                file: Some(Path::new(path).to_owned()),
            }),
            Some(_) | None => Err(OpenError::Invalid(url.to_owned())),
        }
    }
}

/// Spells a path so that nothing in it is taken for a part of an address.
fn escape(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '%' => escaped.push_str("%25"),
            '?' => escaped.push_str("%3F"),
            '#' => escaped.push_str("%23"),
            _ => escaped.push(c),
        }
    }
    escaped
}

impl Dialect {
    /// Makes a new connection ready.
    pub(crate) const fn session(self, role: Role) -> &'static str {
        match (self, role) {
            // FULL: a commit returns after fsync. The cache is small because the pages are in the system's cache as well.
            (Self::Sqlite, Role::Writer) => {
                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 4194304"
            }
            (Self::Sqlite, Role::Reader) => {
                "PRAGMA busy_timeout = 10000; PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY; \
                 PRAGMA query_only = ON"
            }
            // A program that hangs in a transaction must not keep the others of its cluster out for good.
            (Self::Postgres, Role::Writer) => "SET idle_in_transaction_session_timeout = '60s'",
            (Self::Postgres, Role::Reader) => {
                "SET default_transaction_read_only = on; SET idle_in_transaction_session_timeout = '60s'"
            }
        }
    }

    /// Begins a transaction. On PostgreSQL the lock makes writers take turns, and each statement after it sees what the
    /// writers before have committed.
    pub(crate) const fn begin(self, role: Role) -> &'static str {
        match (self, role) {
            (Self::Sqlite, Role::Writer) => "BEGIN IMMEDIATE",
            (Self::Sqlite, Role::Reader) => "BEGIN DEFERRED",
            (Self::Postgres, Role::Writer) => "BEGIN; SELECT pg_advisory_xact_lock(5283461)",
            (Self::Postgres, Role::Reader) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// The schema, each version's text after the one before.
    pub(crate) const fn migrations(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[
                include_str!("../migrations/sqlite/0001.sql"),
                include_str!("../migrations/sqlite/0002.sql"),
                include_str!("../migrations/sqlite/0003.sql"),
                include_str!("../migrations/sqlite/0004.sql"),
                include_str!("../migrations/sqlite/0005.sql"),
                include_str!("../migrations/sqlite/0006.sql"),
                include_str!("../migrations/sqlite/0007.sql"),
                include_str!("../migrations/sqlite/0008.sql"),
                include_str!("../migrations/sqlite/0009.sql"),
            ],
            Self::Postgres => &[
                include_str!("../migrations/postgres/0001.sql"),
                include_str!("../migrations/postgres/0002.sql"),
                include_str!("../migrations/postgres/0003.sql"),
                include_str!("../migrations/postgres/0004.sql"),
                include_str!("../migrations/postgres/0005.sql"),
                include_str!("../migrations/postgres/0006.sql"),
                include_str!("../migrations/postgres/0007.sql"),
                include_str!("../migrations/postgres/0008.sql"),
                include_str!("../migrations/postgres/0009.sql"),
            ],
        }
    }

    /// Says whether the table of the schema's version is there.
    pub(crate) const fn has_version_table(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'hatchery_schema'"
            }
            Self::Postgres => {
                "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('hatchery_schema')"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Target};

    #[test]
    fn addresses_of_two_engines_and_no_other() {
        let sqlite = Target::parse("sqlite:/var/lib/a#b?c%.db").unwrap();
        assert_eq!(sqlite.dialect, Dialect::Sqlite);
        assert_eq!(sqlite.url, "sqlite:/var/lib/a%23b%3Fc%25.db?mode=rwc");
        let postgres = Target::parse("postgres://u@localhost/db").unwrap();
        assert_eq!(postgres.dialect, Dialect::Postgres);
        for bad in ["", "mysql://h/db", "sqlite:", "sqlite::memory:", "/var/lib/a.db"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_engines_have_the_same_versions() {
        assert_eq!(Dialect::Sqlite.migrations().len(), Dialect::Postgres.migrations().len());
    }
}

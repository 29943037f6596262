//! What each `sslmode` word means to each driver. `docs/semantics.md#drivers` names the sources.

use super::Class::{self, Allow, Disable, Error, Prefer, Require, VerifyCa, VerifyFull};
use super::Driver;

/// libpq's modes, in the order of the columns.
pub(crate) const WORDS: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Which value of a repeated key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    First,
    Last,
}

/// How a driver treats an empty value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmptyValue {
    Error,
    Unset,
}

/// How a driver treats `PGSSLMODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PgSslMode {
    Ignored,
    Read { words: [Class; 6], bad: Class, empty: EmptyValue },
}

/// How a root certificate file changes the modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RootFileEffect {
    /// `require` checks the chain; a missing file is ignored.
    Upgrades,
    /// `require` checks the chain; a missing file is an error.
    UpgradesOrFails,
    /// No mode changes.
    Nothing,
}

/// The behavior of one driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub driver: Driver,
    pub name: &'static str,
    /// The class if neither a parameter nor a variable sets a mode.
    pub unset: Class,
    /// The class of each of [`WORDS`].
    pub words: [Class; 6],
    /// The class of any other word.
    pub bad: Class,
    /// Whether words are compared without regard to case.
    pub any_case: bool,
    /// The parameter that sets the mode.
    pub key: &'static str,
    pub env: PgSslMode,
    pub repeated: Repeated,
    pub root: RootFileEffect,
    /// Whether `prefer` falls back to cleartext if `pg_hba` rejects the TLS attempt.
    pub hba_fallback: bool,
}

const STANDARD: [Class; 6] = [Disable, Allow, Prefer, Require, VerifyCa, VerifyFull];

const LIBPQ: Row = Row {
    driver: Driver::Libpq,
    name: "libpq 16 and later",
    unset: Prefer,
    words: STANDARD,
    bad: Error,
    any_case: false,
    key: "sslmode",
    env: PgSslMode::Read { words: STANDARD, bad: Error, empty: EmptyValue::Error },
    repeated: Repeated::Last,
    root: RootFileEffect::Upgrades,
    hba_fallback: true,
};

/// [lib/pq](https://github.com/lib/pq/blob/master/CHANGELOG.md) accepts neither `allow` nor `prefer` before 1.12.
const GO_PQ_OLD: [Class; 6] = [Disable, Error, Error, Require, VerifyCa, VerifyFull];

/// Every driver, in the order of reports.
pub(crate) static ROWS: &[Row] = &[
    LIBPQ,
    Row { driver: Driver::Libpq15, name: "libpq up to 15", ..LIBPQ },
    Row {
        driver: Driver::GoPq,
        name: "lib/pq 1.12 and later",
        unset: Require,
        repeated: Repeated::First,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::GoPq111,
        name: "lib/pq 1.11",
        unset: Require,
        words: GO_PQ_OLD,
        env: PgSslMode::Read { words: GO_PQ_OLD, bad: Error, empty: EmptyValue::Error },
        repeated: Repeated::First,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::GoPq110,
        name: "lib/pq up to 1.10",
        unset: Require,
        words: GO_PQ_OLD,
        env: PgSslMode::Read { words: GO_PQ_OLD, bad: Error, empty: EmptyValue::Unset },
        repeated: Repeated::First,
        hba_fallback: false,
        ..LIBPQ
    },
    PGX,
    Row { driver: Driver::Pgx510, name: "pgx 5.7 to 5.10", repeated: Repeated::First, ..PGX },
    Row { driver: Driver::Pgx56, name: "pgx up to 5.6", repeated: Repeated::First, hba_fallback: false, ..PGX },
    Row {
        driver: Driver::Pgjdbc,
        name: "pgjdbc",
        any_case: true,
        env: PgSslMode::Ignored,
        root: RootFileEffect::Nothing,
        ..LIBPQ
    },
    Row {
        driver: Driver::R2dbc,
        name: "R2DBC PostgreSQL",
        unset: Disable,
        key: "sslMode",
        env: PgSslMode::Ignored,
        root: RootFileEffect::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::NodePg,
        name: "node-postgres 8",
        unset: Disable,
        words: [Disable, VerifyFull, VerifyFull, VerifyFull, VerifyFull, VerifyFull],
        bad: VerifyFull,
        env: PgSslMode::Read {
            words: [Disable, Disable, VerifyFull, VerifyFull, VerifyFull, VerifyFull],
            bad: Disable,
            empty: EmptyValue::Unset,
        },
        root: RootFileEffect::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::PostgresJs,
        name: "postgres.js 3",
        unset: Disable,
        words: [Disable, Require, Prefer, Require, VerifyFull, VerifyFull],
        bad: VerifyFull,
        env: PgSslMode::Ignored,
        root: RootFileEffect::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    ASYNCPG,
    Row { driver: Driver::SqlAlchemyAsyncpg, name: "SQLAlchemy with asyncpg", key: "ssl", ..ASYNCPG },
    Row { driver: Driver::SqlAlchemyPsycopg, name: "SQLAlchemy with psycopg", ..LIBPQ },
    Row {
        driver: Driver::Pg8000,
        name: "pg8000",
        words: [Error; 6],
        env: PgSslMode::Ignored,
        root: RootFileEffect::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    NPGSQL,
    Row {
        driver: Driver::Npgsql6,
        name: "Npgsql 6 and 7",
        words: [Disable, Allow, Prefer, Error, VerifyCa, VerifyFull],
        ..NPGSQL
    },
    Row {
        driver: Driver::Npgsql5,
        name: "Npgsql up to 5",
        unset: Disable,
        words: [Disable, Error, Prefer, VerifyFull, Error, Error],
        ..NPGSQL
    },
    Row {
        driver: Driver::Prisma,
        name: "Prisma up to 6",
        words: [Disable, Prefer, Prefer, Require, Prefer, Prefer],
        bad: Prefer,
        env: PgSslMode::Ignored,
        root: RootFileEffect::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::Sqlx,
        name: "sqlx",
        words: [Disable, Disable, Prefer, Require, VerifyCa, VerifyFull],
        any_case: true,
        env: PgSslMode::Read {
            words: [Disable, Disable, Prefer, Require, VerifyCa, VerifyFull],
            bad: Prefer,
            empty: EmptyValue::Unset,
        },
        root: RootFileEffect::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
];

const PGX: Row = Row {
    driver: Driver::Pgx,
    name: "pgx 5.11 and later",
    env: PgSslMode::Read { words: STANDARD, bad: Error, empty: EmptyValue::Unset },
    root: RootFileEffect::UpgradesOrFails,
    ..LIBPQ
};

const ASYNCPG: Row = Row { driver: Driver::Asyncpg, name: "asyncpg", root: RootFileEffect::UpgradesOrFails, ..LIBPQ };

const NPGSQL: Row = Row {
    driver: Driver::Npgsql,
    name: "Npgsql 8 and later",
    any_case: true,
    env: PgSslMode::Ignored,
    key: "sslmode",
    root: RootFileEffect::Nothing,
    ..LIBPQ
};

/// The row of a driver.
pub(crate) fn row(driver: Driver) -> &'static Row {
    // A test checks that every driver has a row.
    ROWS.iter().find(|r| r.driver == driver).unwrap_or(&ROWS[0])
}

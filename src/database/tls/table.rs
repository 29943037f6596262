//! What the words of `sslmode` mean to each driver.

use super::Class::{self, Error, T0, T1, T2, T3, T4, T5};
use super::Driver;

/// The words of libpq, in the order of the columns.
pub const WORDS: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Which of several values of one key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    First,
    Last,
}

/// What a driver makes of an empty value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    Error,
    Unset,
}

/// What a driver makes of `PGSSLMODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Env {
    Ignored,
    Read { words: [Class; 6], bad: Class, empty: Empty },
}

/// What a root file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `require` checks the chain; a file that is missing is skipped.
    Upgrades,
    /// `require` checks the chain; a file that is missing is an error.
    UpgradesOrFails,
    /// No mode changes.
    Nothing,
}

/// One driver.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub driver: Driver,
    pub name: &'static str,
    /// Neither a parameter nor a variable sets a mode.
    pub unset: Class,
    /// By [`WORDS`].
    pub words: [Class; 6],
    /// Any other word.
    pub bad: Class,
    pub any_case: bool,
    /// The parameter that carries the mode.
    pub key: &'static str,
    pub env: Env,
    pub repeated: Repeated,
    pub root: Root,
    /// `prefer` falls back when `pg_hba` rejects the TLS attempt.
    pub hba_fallback: bool,
}

const STANDARD: [Class; 6] = [T0, T1, T2, T3, T4, T5];

const LIBPQ: Row = Row {
    driver: Driver::Libpq,
    name: "libpq 16 and later",
    unset: T2,
    words: STANDARD,
    bad: Error,
    any_case: false,
    key: "sslmode",
    env: Env::Read { words: STANDARD, bad: Error, empty: Empty::Error },
    repeated: Repeated::Last,
    root: Root::Upgrades,
    hba_fallback: true,
};

/// lib/pq knew neither `allow` nor `prefer` before 1.12.
const GO_PQ_OLD: [Class; 6] = [T0, Error, Error, T3, T4, T5];

/// Every driver. The order is that of reports.
pub static ROWS: &[Row] = &[
    LIBPQ,
    Row { driver: Driver::Libpq15, name: "libpq up to 15", ..LIBPQ },
    Row {
        driver: Driver::GoPq,
        name: "lib/pq 1.12 and later",
        unset: T3,
        repeated: Repeated::First,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::GoPq111,
        name: "lib/pq 1.11",
        unset: T3,
        words: GO_PQ_OLD,
        env: Env::Read { words: GO_PQ_OLD, bad: Error, empty: Empty::Error },
        repeated: Repeated::First,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::GoPq110,
        name: "lib/pq up to 1.10",
        unset: T3,
        words: GO_PQ_OLD,
        env: Env::Read { words: GO_PQ_OLD, bad: Error, empty: Empty::Unset },
        repeated: Repeated::First,
        hba_fallback: false,
        ..LIBPQ
    },
    PGX,
    Row { driver: Driver::Pgx510, name: "pgx 5.7 to 5.10", repeated: Repeated::First, ..PGX },
    Row { driver: Driver::Pgx56, name: "pgx up to 5.6", repeated: Repeated::First, hba_fallback: false, ..PGX },
    Row { driver: Driver::Pgjdbc, name: "pgjdbc", any_case: true, env: Env::Ignored, root: Root::Nothing, ..LIBPQ },
    Row {
        driver: Driver::R2dbc,
        name: "R2DBC PostgreSQL",
        unset: T0,
        key: "sslMode",
        env: Env::Ignored,
        root: Root::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::NodePg,
        name: "node-postgres 8",
        unset: T0,
        words: [T0, T5, T5, T5, T5, T5],
        bad: T5,
        env: Env::Read { words: [T0, T0, T5, T5, T5, T5], bad: T0, empty: Empty::Unset },
        root: Root::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::PostgresJs,
        name: "postgres.js 3",
        unset: T0,
        words: [T0, T3, T2, T3, T5, T5],
        bad: T5,
        env: Env::Ignored,
        root: Root::Nothing,
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
        env: Env::Ignored,
        root: Root::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    NPGSQL,
    Row { driver: Driver::Npgsql6, name: "Npgsql 6 and 7", words: [T0, T1, T2, Error, T4, T5], ..NPGSQL },
    Row {
        driver: Driver::Npgsql5,
        name: "Npgsql up to 5",
        unset: T0,
        words: [T0, Error, T2, T5, Error, Error],
        ..NPGSQL
    },
    Row {
        driver: Driver::Prisma,
        name: "Prisma up to 6",
        words: [T0, T2, T2, T3, T2, T2],
        bad: T2,
        env: Env::Ignored,
        root: Root::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
    Row {
        driver: Driver::Sqlx,
        name: "sqlx",
        words: [T0, T0, T2, T3, T4, T5],
        any_case: true,
        env: Env::Read { words: [T0, T0, T2, T3, T4, T5], bad: T2, empty: Empty::Unset },
        root: Root::Nothing,
        hba_fallback: false,
        ..LIBPQ
    },
];

const PGX: Row = Row {
    driver: Driver::Pgx,
    name: "pgx 5.11 and later",
    env: Env::Read { words: STANDARD, bad: Error, empty: Empty::Unset },
    root: Root::UpgradesOrFails,
    ..LIBPQ
};

const ASYNCPG: Row = Row { driver: Driver::Asyncpg, name: "asyncpg", root: Root::UpgradesOrFails, ..LIBPQ };

const NPGSQL: Row = Row {
    driver: Driver::Npgsql,
    name: "Npgsql 8 and later",
    any_case: true,
    env: Env::Ignored,
    key: "sslmode",
    root: Root::Nothing,
    ..LIBPQ
};

/// The row of a driver.
pub fn row(driver: Driver) -> &'static Row {
    // A test checks that every driver has a row; the first is the reference behaviour.
    ROWS.iter().find(|r| r.driver == driver).unwrap_or(&ROWS[0])
}

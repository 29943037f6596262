//! How a driver encrypts a connection: the same word means different things to different drivers.
//!
//! The tables are data ([`table`]), each row bound to a range of versions. Sources:
//! [libpq](https://www.postgresql.org/docs/current/libpq-ssl.html) and the documentation and source of each driver.

mod engine;
mod judge;
pub mod table;
#[cfg(test)]
mod tests;

pub use engine::other_engine;
pub use judge::{judge, range};

use super::dsn::Syntax;

/// What a connection is protected from, weakest first. [`Class::Error`] is not a strength: it fails closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Cleartext.
    T0,
    /// Cleartext first, TLS if the server refuses that.
    T1,
    /// Opportunistic: TLS first, cleartext if that fails.
    T2,
    /// Encrypted, and the server not authenticated.
    T3,
    /// The certificate chain is checked.
    T4,
    /// Chain and host name are checked.
    T5,
    /// The driver refuses the setting; no connection is made.
    Error,
}

impl Class {
    /// The class's name in reports.
    pub fn word(self) -> &'static str {
        match self {
            Class::T0 => "T0",
            Class::T1 => "T1",
            Class::T2 => "T2",
            Class::T3 => "T3",
            Class::T4 => "T4",
            Class::T5 => "T5",
            Class::Error => "TE",
        }
    }

    /// What it means, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Class::T0 => "cleartext",
            Class::T1 => "cleartext first",
            Class::T2 => "TLS that falls back to cleartext",
            Class::T3 => "TLS to an unverified server",
            Class::T4 => "TLS with a checked certificate",
            Class::T5 => "TLS with a checked certificate and name",
            Class::Error => "no connection",
        }
    }

    /// The weaker of two; an error is weaker than nothing.
    pub fn weaker(self, other: Class) -> Class {
        self.min(other)
    }
}

/// Drivers, with the versions that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Driver {
    /// libpq 16 and later, and its wrappers.
    Libpq,
    /// libpq up to 15.
    Libpq15,
    /// Go lib/pq 1.12 and later.
    GoPq,
    /// Go lib/pq 1.11.
    GoPq111,
    /// Go lib/pq up to 1.10.
    GoPq110,
    /// Go pgx 5.11 and later.
    Pgx,
    /// Go pgx 5.7 to 5.10.
    Pgx510,
    /// Go pgx 5.5.5 and 5.6.0.
    Pgx56,
    Pgjdbc,
    R2dbc,
    /// node-postgres `pg` 8, also below TypeORM, Sequelize 6, Knex and Prisma 7.
    NodePg,
    PostgresJs,
    Asyncpg,
    SqlAlchemyAsyncpg,
    SqlAlchemyPsycopg,
    Pg8000,
    /// Npgsql 8 and later.
    Npgsql,
    /// Npgsql 6 and 7.
    Npgsql6,
    /// Npgsql up to 5.
    Npgsql5,
    /// Prisma up to 6 (native engine).
    Prisma,
    Sqlx,
}

impl Driver {
    /// Name and versions for people.
    pub fn name(self) -> &'static str {
        table::row(self).name
    }

    /// Drivers of Node that `NODE_TLS_REJECT_UNAUTHORIZED` concerns.
    pub fn is_node(self) -> bool {
        matches!(self, Driver::NodePg | Driver::PostgresJs)
    }

    /// Whether the driver reads connection strings of this syntax.
    pub fn fits(self, syntax: Syntax) -> bool {
        match syntax {
            Syntax::Jdbc => self == Driver::Pgjdbc,
            Syntax::R2dbc => self == Driver::R2dbc,
            Syntax::DotNet => matches!(self, Driver::Npgsql | Driver::Npgsql6 | Driver::Npgsql5),
            Syntax::GoMySql => false,
            Syntax::KeyValue => matches!(
                self,
                Driver::Libpq
                    | Driver::Libpq15
                    | Driver::GoPq
                    | Driver::GoPq111
                    | Driver::GoPq110
                    | Driver::Pgx
                    | Driver::Pgx510
                    | Driver::Pgx56
            ),
            Syntax::Uri => {
                !matches!(self, Driver::Pgjdbc | Driver::R2dbc | Driver::Npgsql | Driver::Npgsql6 | Driver::Npgsql5)
            }
        }
    }

    /// Whether `prefer` falls back to cleartext when a `pg_hba` rule rejects the TLS attempt.
    pub fn falls_back_on_hba(self) -> bool {
        table::row(self).hba_fallback
    }
}

/// Drivers to reckon with when nothing says which one is used.
pub const UNKNOWN_DRIVER: &[Driver] = &[
    Driver::Libpq,
    Driver::NodePg,
    Driver::PostgresJs,
    Driver::Prisma,
    Driver::Pgjdbc,
    Driver::R2dbc,
    Driver::Pgx,
    Driver::GoPq,
    Driver::Sqlx,
    Driver::Npgsql,
];

/// An environment variable as a driver sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Setting {
    #[default]
    Unset,
    Set(String),
    /// Something that is not read may set it.
    Unknown,
}

/// A root certificate file that is named by a parameter or a variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RootFile {
    #[default]
    None,
    /// Named, and it lies in a mounted volume.
    Mounted,
    /// Named, and no mount holds it.
    Missing,
    /// `system`: the operating system's CAs (libpq 16, lib/pq 1.12).
    System,
    /// Named by a value that is not read.
    Unknown,
}

/// Everything that decides the class of one connection, apart from the driver.
#[derive(Clone, Debug, Default)]
pub struct Settings<'a> {
    /// `None` if the connection is made from single variables.
    pub dsn: Option<&'a super::dsn::Dsn>,
    pub pgsslmode: Setting,
    pub pgrequiressl: Setting,
    /// `PGSSL`, read by postgres.js.
    pub pgssl: Setting,
    /// From `sslrootcert` or `PGSSLROOTCERT`.
    pub root: RootFile,
    /// `NODE_TLS_REJECT_UNAUTHORIZED=0`.
    pub node_accepts_any: bool,
    /// A switch of the application turns verification off (`DB_SSL_REJECT_UNAUTHORIZED=false`).
    pub verification_off: bool,
    /// `PGCHANNELBINDING=require` or `PGREQUIREAUTH=scram-sha-256`.
    pub bound: bool,
}

/// The class for one driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// `None` if a setting that is not read decides.
    pub class: Option<Class>,
    /// `T4-fragile`: checked only while a root file is mounted.
    pub fragile: bool,
    /// `T3+`: an impostor is stopped by channel binding or SCRAM.
    pub bound: bool,
    /// The driver reads another meaning out of the word than it has in libpq (DBT-C04).
    pub weakened: bool,
    /// Why, for evidence.
    pub note: Option<&'static str>,
}

/// The classes over the drivers that may be in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub worst: Class,
    pub worst_drivers: Vec<Driver>,
    pub best: Class,
    pub best_drivers: Vec<Driver>,
    /// Drivers that refuse the setting; they are the range only if all do.
    pub errors: Vec<Driver>,
    pub judgements: Vec<(Driver, Judgement)>,
    /// A key is repeated with another value; the range is the weaker reading.
    pub repeated: bool,
}

impl Range {
    /// The one class, if every driver agrees.
    pub fn single(&self) -> Option<Class> {
        (self.worst == self.best).then_some(self.worst)
    }

    /// Whether the opportunistic drivers fall back to cleartext when `pg_hba` rejects TLS; `None` if they differ.
    pub fn falls_back_on_hba(&self) -> Option<bool> {
        let mut drivers = self.judgements.iter().filter(|(_, j)| j.class == Some(Class::T2)).map(|(d, _)| d);
        let first = drivers.next()?.falls_back_on_hba();
        drivers.all(|d| d.falls_back_on_hba() == first).then_some(first)
    }
}

/// What a convention variable (`DB_SSLMODE`) declares. No driver reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    Class {
        class: Class,
        /// Not spelled as libpq spells it.
        respelled: bool,
    },
    Empty,
    /// Not a mode: never a pass.
    Unrecognised,
}

/// Reads a declared mode: trimmed, in any case, `_` for `-`.
pub fn declared(text: &str) -> Declared {
    let word = text.trim().to_ascii_lowercase().replace('_', "-");
    let class = match word.as_str() {
        "" => return Declared::Empty,
        "disable" => Class::T0,
        "allow" => Class::T1,
        "prefer" => Class::T2,
        "require" | "no-verify" => Class::T3,
        "verify-ca" => Class::T4,
        "verify-full" => Class::T5,
        _ => return Declared::Unrecognised,
    };
    Declared::Class { class, respelled: word != text }
}

/// Reads a mode of the other vocabularies (`verifyFull`, `PREFERRED`, `VERIFY_IDENTITY`).
pub fn declared_other(text: &str) -> Declared {
    let word: String = text.trim().to_ascii_lowercase().chars().filter(|c| !"-_".contains(*c)).collect();
    let class = match word.as_str() {
        "" => return Declared::Empty,
        "disable" | "disabled" | "none" => Class::T0,
        "preferred" | "prefer" => Class::T2,
        "required" | "require" | "verifynone" => Class::T3,
        "verifyca" => Class::T4,
        "verifyfull" | "verifyidentity" => Class::T5,
        _ => return Declared::Unrecognised,
    };
    Declared::Class { class, respelled: false }
}

/// What a boolean (`DB_SSL=true`) declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclaredBoolean {
    /// TLS wanted; the usual idiom does not verify: T3, at best T5.
    Wanted,
    /// Off wanted; a program that tests for truth reads the word `false` as true.
    Off,
    /// A mode word in a boolean's place.
    Mode(Class),
    Unrecognised,
}

/// Reads a boolean.
pub fn declared_boolean(text: &str) -> DeclaredBoolean {
    let word = text.trim().to_ascii_lowercase();
    match word.as_str() {
        "true" | "1" | "yes" | "y" | "t" | "on" | "enabled" | "enable" | "require" | "required" => {
            DeclaredBoolean::Wanted
        }
        "false" | "0" | "no" | "n" | "f" | "off" | "disabled" | "disable" | "" => DeclaredBoolean::Off,
        w if w.starts_with('{') && w.replace(' ', "").contains("\"rejectunauthorized\":true") => {
            DeclaredBoolean::Mode(Class::T5)
        }
        w if w.starts_with('{') => DeclaredBoolean::Wanted,
        w => match declared(w) {
            Declared::Class { class, .. } => DeclaredBoolean::Mode(class),
            _ => DeclaredBoolean::Unrecognised,
        },
    }
}

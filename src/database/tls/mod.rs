//! How a driver encrypts a connection. The same mode word means different things to different drivers.
//!
//! The differences are data ([`table`]): one row for each driver and range of versions. `docs/semantics.md#drivers` names
//! the sources.

mod engine;
mod evaluate;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use engine::other_engine;
pub(crate) use evaluate::class_range;

use super::dsn::Syntax;

/// How a connection is protected, weakest first: what
/// [libpq's mode of the same name](https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION) gives.
/// [`Class::Error`] is not a strength: no connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Cleartext.
    Disable,
    /// Cleartext first, TLS if the server rejects that.
    Allow,
    /// TLS first, cleartext if that fails.
    Prefer,
    /// Encrypted; the server is not authenticated.
    Require,
    /// The certificate chain is checked.
    VerifyCa,
    /// Chain and host name are checked.
    VerifyFull,
    /// The driver rejects the setting.
    Error,
}

impl Class {
    /// The class in words, for reports.
    pub fn describe(self) -> &'static str {
        match self {
            Class::Disable => "cleartext",
            Class::Allow => "cleartext first",
            Class::Prefer => "TLS that falls back to cleartext",
            Class::Require => "TLS to an unverified server",
            Class::VerifyCa => "TLS with a checked certificate",
            Class::VerifyFull => "TLS with a checked certificate and name",
            Class::Error => "no connection",
        }
    }

    /// The weaker of two. [`Class::Error`] is weaker than no class.
    pub fn weaker(self, other: Class) -> Class {
        self.min(other)
    }
}

/// Client drivers, by the versions that behave differently.
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
    /// Name and versions, for reports.
    pub fn name(self) -> &'static str {
        table::row(self).name
    }

    /// Whether `NODE_TLS_REJECT_UNAUTHORIZED` applies to the driver.
    pub fn is_node(self) -> bool {
        matches!(self, Driver::NodePg | Driver::PostgresJs)
    }

    /// Whether the driver parses connection strings of this syntax.
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

    /// Whether `prefer` falls back to cleartext if a `pg_hba` rule rejects the TLS attempt.
    pub fn falls_back_on_hba(self) -> bool {
        table::row(self).hba_fallback
    }
}

/// The drivers that count as possible if nothing identifies the driver.
pub(crate) const UNKNOWN_DRIVER: &[Driver] = &[
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
pub(crate) enum Setting {
    #[default]
    Unset,
    Set(String),
    /// An unread source may set it.
    Unknown,
}

/// The root certificate file that a parameter or a variable names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RootFile {
    #[default]
    None,
    /// Named, and in a mounted volume.
    Mounted,
    /// Named, but in no mounted volume.
    Missing,
    /// `system`: the operating system's CAs (libpq 16, lib/pq 1.12).
    System,
    /// Named by an unread value.
    Unknown,
}

/// Everything that decides the class of one connection, except the driver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings<'a> {
    /// `None` if separate variables describe the connection.
    pub dsn: Option<&'a super::dsn::Dsn>,
    pub pgsslmode: Setting,
    pub pgrequiressl: Setting,
    /// `PGSSL`, read by postgres.js.
    pub pgssl: Setting,
    /// From `sslrootcert` or `PGSSLROOTCERT`.
    pub root: RootFile,
    /// `NODE_TLS_REJECT_UNAUTHORIZED=0`.
    pub node_accepts_any: bool,
    /// An application's switch turns verification off (`DB_SSL_REJECT_UNAUTHORIZED=false`).
    pub verification_off: bool,
    /// `PGCHANNELBINDING=require` or `PGREQUIREAUTH=scram-sha-256`.
    pub bound: bool,
}

/// The class for one driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// `None` if an unread setting decides.
    pub class: Option<Class>,
    /// The certificate is checked only while a root certificate file is mounted.
    pub fragile: bool,
    /// Channel binding or SCRAM stops an impostor, although the certificate is not checked.
    pub bound: bool,
    /// The driver protects the connection less than libpq does for the same mode.
    pub weakened: bool,
    /// Why, for the evidence.
    pub note: Option<&'static str>,
}

/// The classes over the drivers that may be in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub worst: Class,
    pub worst_drivers: Vec<Driver>,
    pub best: Class,
    pub best_drivers: Vec<Driver>,
    /// Drivers that reject the setting. They count only if all drivers reject it.
    pub errors: Vec<Driver>,
    pub evaluations: Vec<(Driver, Evaluation)>,
    /// A key is repeated with a different value; the range counts the weaker value.
    pub repeated: bool,
}

impl Range {
    /// The one class, if every driver agrees.
    pub fn single(&self) -> Option<Class> {
        (self.worst == self.best).then_some(self.worst)
    }

    /// Whether the drivers in class `Prefer` fall back to cleartext if `pg_hba` rejects TLS. `None` if they differ.
    pub fn falls_back_on_hba(&self) -> Option<bool> {
        let mut drivers = self.evaluations.iter().filter(|(_, j)| j.class == Some(Class::Prefer)).map(|(d, _)| d);
        let first = drivers.next()?.falls_back_on_hba();
        drivers.all(|d| d.falls_back_on_hba() == first).then_some(first)
    }
}

/// What a variable that no driver reads (`DB_SSLMODE`) declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    Class {
        class: Class,
        /// The spelling differs from libpq's.
        respelled: bool,
    },
    Empty,
    /// Not a mode. Never a pass.
    Unrecognized,
}

/// Parses a declared mode: trimmed, case-insensitive, `_` for `-`.
pub(crate) fn parse_declared_mode(text: &str) -> Declared {
    let word = text.trim().to_ascii_lowercase().replace('_', "-");
    let class = match word.as_str() {
        "" => return Declared::Empty,
        "disable" => Class::Disable,
        "allow" => Class::Allow,
        "prefer" => Class::Prefer,
        "require" | "no-verify" => Class::Require,
        "verify-ca" => Class::VerifyCa,
        "verify-full" => Class::VerifyFull,
        _ => return Declared::Unrecognized,
    };
    Declared::Class { class, respelled: word != text }
}

/// Parses a mode of other vocabularies (`verifyFull`, `PREFERRED`, `VERIFY_IDENTITY`).
pub(crate) fn parse_other_mode(text: &str) -> Declared {
    let word: String = text.trim().to_ascii_lowercase().chars().filter(|c| !"-_".contains(*c)).collect();
    let class = match word.as_str() {
        "" => return Declared::Empty,
        "disable" | "disabled" | "none" => Class::Disable,
        "preferred" | "prefer" => Class::Prefer,
        "required" | "require" | "verifynone" => Class::Require,
        "verifyca" => Class::VerifyCa,
        "verifyfull" | "verifyidentity" => Class::VerifyFull,
        _ => return Declared::Unrecognized,
    };
    Declared::Class { class, respelled: false }
}

/// What a boolean (`DB_SSL=true`) declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeclaredBoolean {
    /// TLS is wanted. The usual code does not verify the server: at worst `Require`, at best `VerifyFull`.
    Wanted,
    /// No TLS is wanted. A program that only tests for a non-empty string treats `false` as true.
    Off,
    /// A mode word in a boolean's place.
    Mode(Class),
    Unrecognized,
}

/// Parses a declared boolean.
pub(crate) fn parse_declared_boolean(text: &str) -> DeclaredBoolean {
    let word = text.trim().to_ascii_lowercase();
    match word.as_str() {
        "true" | "1" | "yes" | "y" | "t" | "on" | "enabled" | "enable" | "require" | "required" => {
            DeclaredBoolean::Wanted
        }
        "false" | "0" | "no" | "n" | "f" | "off" | "disabled" | "disable" | "" => DeclaredBoolean::Off,
        w if w.starts_with('{') && w.replace(' ', "").contains("\"rejectunauthorized\":true") => {
            DeclaredBoolean::Mode(Class::VerifyFull)
        }
        w if w.starts_with('{') => DeclaredBoolean::Wanted,
        w => match parse_declared_mode(w) {
            Declared::Class { class, .. } => DeclaredBoolean::Mode(class),
            _ => DeclaredBoolean::Unrecognized,
        },
    }
}

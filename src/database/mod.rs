//! The database connections of a container, how they are encrypted, and what the server accepts. Pure: it uses
//! [`crate::inventory`] objects and [`crate::lexicon`] values, and does no I/O.
//!
//! The steps for one connection: [`env`] computes the effective environment of a container, [`dsn`] parses the
//! connection strings in it, [`profile`] assembles them into connections, [`tls`] evaluates how the driver encrypts each
//! of them, [`resolve`] follows the host to a Service, [`hba`] and [`pooler`] evaluate what the server accepts, and
//! [`outcome`] combines client and server. `docs/semantics.md#database-connections` states the rules and their sources.

pub(crate) mod dsn;
pub(crate) mod env;
pub(crate) mod hba;
pub(crate) mod outcome;
pub(crate) mod pooler;
pub(crate) mod profile;
pub(crate) mod resolve;
pub(crate) mod tls;

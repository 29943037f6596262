//! What a container's database connections are, how they are encrypted, and what the server accepts. Pure: it reads
//! [`crate::inventory`] objects and [`crate::lexicon`] values, and does no I/O.
//!
//! The road of a connection: [`env`] computes the effective environment of a container, [`dsn`] reads connection
//! strings in it, [`profile`] assembles them into connections, [`tls`] says how a driver encrypts each of them,
//! [`resolve`] follows the host to a Service, [`hba`] and [`pooler`] say what the server accepts, and [`verdict`] joins
//! client and server.

pub mod dsn;
pub mod env;
pub mod hba;
pub mod pooler;
pub mod profile;
pub mod resolve;
pub mod tls;
pub mod verdict;

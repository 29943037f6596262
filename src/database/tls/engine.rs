//! TLS of engines other than PostgreSQL, as far as their connection strings state it.
//!
//! [MySQL](https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode),
//! [go-sql-driver](https://github.com/go-sql-driver/mysql#tls), [Redis URI](https://www.iana.org/assignments/uri-schemes/prov/rediss),
//! [MongoDB](https://www.mongodb.com/docs/manual/reference/connection-string-options/#tls-options).

use super::{Class, Declared, parse_other_mode};
use crate::database::dsn::{Dsn, DsnValue, Engine, Syntax};

/// Worst and best class of a connection to another engine. `None` if it is not known: a setting is unread, or the
/// engine's settings are not evaluated.
pub(crate) fn other_engine(dsn: &Dsn) -> Option<(Class, Class)> {
    if dsn.parameters.iter().any(|(k, v)| *v == DsnValue::Opaque && is_tls_key(k)) {
        return None;
    }
    let value = |keys: &[&str]| {
        dsn.parameters
            .iter()
            .rev()
            .find(|(k, _)| keys.iter().any(|w| w.eq_ignore_ascii_case(k)))
            .and_then(|(_, v)| v.known())
    };
    let is_true = |keys: &[&str]| value(keys).is_some_and(|v| v.eq_ignore_ascii_case("true") || v == "1");
    match dsn.engine {
        Engine::MySql if dsn.syntax == Syntax::GoMySql => Some(match value(&["tls"]) {
            None | Some("false") => (Class::Disable, Class::Disable),
            Some("preferred") => (Class::Prefer, Class::Prefer),
            Some("skip-verify") => (Class::Require, Class::Require),
            Some("true") => (Class::VerifyFull, Class::VerifyFull),
            // The name of a configuration that the program registers.
            Some(_) => (Class::Require, Class::VerifyFull),
        }),
        Engine::MySql => match value(&["ssl-mode", "sslmode", "ssl_mode"]) {
            Some(word) => match parse_other_mode(word) {
                Declared::Class { class, .. } => Some((class, class)),
                _ => Some((Class::Error, Class::Error)),
            },
            // The client library and Connector/J prefer TLS; Node's mysql2 uses none.
            None if dsn.syntax == Syntax::Jdbc => Some((Class::Prefer, Class::Prefer)),
            None => Some((Class::Disable, Class::Prefer)),
        },
        Engine::Redis => {
            let tls = matches!(dsn.scheme.as_str(), "rediss" | "valkeys") || is_true(&["tls", "ssl"]);
            if !tls {
                return Some((Class::Disable, Class::Disable));
            }
            match value(&["ssl_cert_reqs"]) {
                Some(v) if v.eq_ignore_ascii_case("none") => Some((Class::Require, Class::Require)),
                // The client library decides whether the host name is checked.
                _ => Some((Class::Require, Class::VerifyFull)),
            }
        }
        Engine::MongoDb => {
            let off = ["tls", "ssl"].iter().any(|k| value(&[k]).is_some_and(|v| v.eq_ignore_ascii_case("false")));
            let tls = !off
                && (dsn.scheme == "mongodb+srv" || dsn.driver.as_deref() == Some("srv") || is_true(&["tls", "ssl"]));
            let blind = is_true(&["tlsInsecure"]) || is_true(&["tlsAllowInvalidCertificates"]);
            Some(match (tls, blind) {
                (false, _) => (Class::Disable, Class::Disable),
                (true, true) => (Class::Require, Class::Require),
                (true, false) => (Class::VerifyFull, Class::VerifyFull),
            })
        }
        Engine::Postgres | Engine::SqlServer | Engine::Other => None,
    }
}

fn is_tls_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("ssl") || key.contains("tls")
}

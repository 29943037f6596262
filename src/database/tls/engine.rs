//! Engines other than PostgreSQL, briefly.
//!
//! [MySQL](https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode),
//! [go-sql-driver](https://github.com/go-sql-driver/mysql#tls), [Redis URI](https://www.iana.org/assignments/uri-schemes/prov/rediss),
//! [MongoDB](https://www.mongodb.com/docs/manual/reference/connection-string-options/#tls-options).

use super::{Class, Declared, declared_other};
use crate::database::dsn::{Dsn, Engine, Part, Syntax};

/// Worst and best class of a connection to another engine; `None` if it is not known (an unread setting, or an engine
/// whose settings are not modelled).
pub fn other_engine(dsn: &Dsn) -> Option<(Class, Class)> {
    if dsn.parameters.iter().any(|(k, v)| *v == Part::Opaque && is_tls_key(k)) {
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
            None | Some("false") => (Class::T0, Class::T0),
            Some("preferred") => (Class::T2, Class::T2),
            Some("skip-verify") => (Class::T3, Class::T3),
            Some("true") => (Class::T5, Class::T5),
            // A configuration registered in code.
            Some(_) => (Class::T3, Class::T5),
        }),
        Engine::MySql => match value(&["ssl-mode", "sslmode", "ssl_mode"]) {
            Some(word) => match declared_other(word) {
                Declared::Class { class, .. } => Some((class, class)),
                _ => Some((Class::Error, Class::Error)),
            },
            // The client library and Connector/J prefer TLS, Node's mysql2 is off.
            None if dsn.syntax == Syntax::Jdbc => Some((Class::T2, Class::T2)),
            None => Some((Class::T0, Class::T2)),
        },
        Engine::Redis => {
            let tls = matches!(dsn.scheme.as_str(), "rediss" | "valkeys") || is_true(&["tls", "ssl"]);
            if !tls {
                return Some((Class::T0, Class::T0));
            }
            match value(&["ssl_cert_reqs"]) {
                Some(v) if v.eq_ignore_ascii_case("none") => Some((Class::T3, Class::T3)),
                // Whether the name is checked is the client's choice.
                _ => Some((Class::T3, Class::T5)),
            }
        }
        Engine::MongoDb => {
            let off = ["tls", "ssl"].iter().any(|k| value(&[k]).is_some_and(|v| v.eq_ignore_ascii_case("false")));
            let tls = !off
                && (dsn.scheme == "mongodb+srv" || dsn.driver.as_deref() == Some("srv") || is_true(&["tls", "ssl"]));
            let blind = is_true(&["tlsInsecure"]) || is_true(&["tlsAllowInvalidCertificates"]);
            Some(match (tls, blind) {
                (false, _) => (Class::T0, Class::T0),
                (true, true) => (Class::T3, Class::T3),
                (true, false) => (Class::T5, Class::T5),
            })
        }
        Engine::Postgres | Engine::SqlServer | Engine::Other => None,
    }
}

fn is_tls_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("ssl") || key.contains("tls")
}

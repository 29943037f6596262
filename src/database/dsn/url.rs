//! Connection strings with a scheme: `scheme://…`, JDBC, R2DBC; and the Go MySQL driver's, which has none.

use super::{Dsn, DsnError, DsnProblem, DsnValue, Engine, HIDDEN_AMBIGUOUS, Host, Password, Syntax, percent_decode};
use crate::lexicon::is_secret_name;

/// Prefixes with which other JDBC drivers wrap a URL.
const WRAPPERS: &[&str] = &["aws-wrapper", "otel", "p6spy", "tc", "log4jdbc", "datadog"];

fn engine_of_scheme(scheme: &str) -> Option<Engine> {
    Some(match scheme {
        "postgres" | "postgresql" | "cockroachdb" | "cockroach" | "postgis" | "timescaledb" | "pgsql"
        | "db+postgresql" => Engine::Postgres,
        "mysql" | "mysql2" | "mysqlx" | "mariadb" => Engine::MySql,
        "redis" | "rediss" | "valkey" | "valkeys" => Engine::Redis,
        "mongodb" | "mongodb+srv" => Engine::MongoDb,
        "sqlserver" | "mssql" => Engine::SqlServer,
        "prisma" | "prisma+postgres" | "oracle" | "clickhouse" | "amqp" | "amqps" => Engine::Other,
        _ => return None,
    })
}

/// Parses every form with a scheme. `None` if no scheme names a database.
pub(super) fn parse_url(text: &str) -> Option<Result<Dsn, DsnError>> {
    if let Some(rest) = text.strip_prefix("jdbc:") {
        return parse_jdbc(rest);
    }
    for prefix in ["r2dbc:", "r2dbcs:"] {
        if let Some(rest) = text.strip_prefix(prefix) {
            let rest = rest.strip_prefix("pool:").unwrap_or(rest);
            let (name, tail) = rest.split_once("://")?;
            let engine =
                if name == "postgresql" { Engine::Postgres } else { engine_of_scheme(name).unwrap_or(Engine::Other) };
            return Some(Ok(parse_after_scheme(engine, Syntax::R2dbc, prefix.trim_end_matches(':'), tail)));
        }
    }
    let Some((scheme, rest)) = text.split_once("://") else { return parse_go_mysql(text) };
    let scheme = scheme.to_ascii_lowercase();
    if let Some(engine) = engine_of_scheme(&scheme) {
        return Some(Ok(parse_after_scheme(engine, Syntax::Uri, &scheme, rest)));
    }
    let (base, driver) = scheme.split_once('+')?;
    let engine = engine_of_scheme(base)?;
    let mut dsn = parse_after_scheme(engine, Syntax::Uri, base, rest);
    dsn.driver = Some(driver.to_owned());
    Some(Ok(dsn))
}

fn parse_jdbc(rest: &str) -> Option<Result<Dsn, DsnError>> {
    let mut rest = rest;
    while let Some((_, tail)) = rest.split_once(':').filter(|(w, _)| WRAPPERS.contains(w)) {
        rest = tail;
    }
    let (name, tail) = rest.split_once(':')?;
    let engine = match name {
        "postgresql" => Engine::Postgres,
        "mysql" | "mariadb" => Engine::MySql,
        "sqlserver" => Engine::SqlServer,
        // `pgsql` is another driver. Its defaults are not known.
        _ => Engine::Other,
    };
    let mut dsn = match tail.strip_prefix("//") {
        Some(authority) => parse_after_scheme(engine, Syntax::Jdbc, name, authority),
        None => parse_after_scheme(engine, Syntax::Jdbc, name, &format!("/{tail}")),
    };
    if engine == Engine::Postgres {
        // Without an authority, pgjdbc connects to localhost.
        for host in &mut dsn.hosts {
            if host.name == DsnValue::Absent {
                host.name = DsnValue::Known("localhost".to_owned());
            }
        }
        if let Some(DsnValue::Known(user)) = dsn.last("user").cloned() {
            dsn.user = DsnValue::Known(user);
        }
    }
    Some(Ok(dsn))
}

/// End of the userinfo, and whether drivers disagree on it.
fn userinfo_end(rest: &str) -> Option<(usize, bool)> {
    let query = rest.find('?').unwrap_or(rest.len());
    if let Some(at) = rest[..query].rfind('@') {
        let info = &rest[..at];
        return Some((at, info.contains(['@', '/', '#'])));
    }
    // A `?` inside the password: what comes before it is `user:…`, not `host:port`.
    let at = rest.rfind('@')?;
    let port = rest[..query].split('/').next()?.split_once(':')?.1;
    let is_port = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    (!is_port).then_some((at, true))
}

/// Parses everything after `://`.
fn parse_after_scheme(engine: Engine, syntax: Syntax, scheme: &str, rest: &str) -> Dsn {
    let mut dsn = Dsn { scheme: scheme.to_owned(), ..Dsn::empty(engine, syntax) };
    let mut rest = rest;
    if let Some((at, mut ambiguous)) = userinfo_end(rest) {
        let info = &rest[..at];
        rest = &rest[at + 1..];
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        dsn.password = Password::from_text(password);
        ambiguous |= info.contains(HIDDEN_AMBIGUOUS);
        dsn.user = match percent_decode(user) {
            Some(u) if !ambiguous || !user.contains(['/', '?', '#', '@']) => DsnValue::or_absent(&u),
            _ => DsnValue::Opaque,
        };
        if ambiguous {
            dsn.problems.push(DsnProblem::AmbiguousUserinfo);
        }
    }
    let end = rest.find(['/', '?', '#', ';']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    dsn.hosts = parse_hosts(authority);
    let tail = tail.split('#').next().unwrap_or(tail);
    let cut = tail.find(['?', ';']).unwrap_or(tail.len());
    let (path, query) = tail.split_at(cut);
    dsn.database = percent_decode(path.trim_start_matches('/')).map_or(DsnValue::Opaque, |p| DsnValue::or_absent(&p));
    parse_parameters(query, &mut dsn);
    dsn.finish()
}

fn parse_hosts(authority: &str) -> Vec<Host> {
    let authority = authority.trim();
    // `tcp(host:port)` of the Go MySQL driver inside a URL.
    let authority = authority.strip_prefix("tcp(").and_then(|a| a.strip_suffix(')')).unwrap_or(authority);
    if authority.is_empty() {
        return Vec::new();
    }
    authority
        .split(',')
        .map(|one| {
            let (name, port) = split_port(one);
            let name = percent_decode(name).map_or(DsnValue::Opaque, |n| DsnValue::or_absent(&n));
            Host { name, address: DsnValue::Absent, port: port.map_or(DsnValue::Absent, DsnValue::or_absent) }
        })
        .collect()
}

/// `host:port`, `[v6]:port`, `host`.
pub(crate) fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some(rest) = text.strip_prefix('[')
        && let Some((v6, tail)) = rest.split_once(']')
    {
        return (v6, tail.strip_prefix(':'));
    }
    match text.split_once(':') {
        // Several colons without brackets are an IPv6 address.
        Some((h, p)) if !p.contains(':') => (h, Some(p)),
        _ => (text, None),
    }
}

fn parse_parameters(query: &str, dsn: &mut Dsn) {
    let separators: &[char] = if query.starts_with(';') { &[';', '?'] } else { &['&', '?'] };
    for segment in query.split(separators).filter(|s| !s.is_empty()) {
        let (key, value) = match segment.split_once('=') {
            Some((k, v)) => (k, v),
            None => {
                if dsn.syntax == Syntax::Uri && dsn.engine == Engine::Postgres {
                    dsn.problems.push(DsnProblem::Malformed("a query parameter has no ="));
                    continue;
                }
                (segment, "")
            }
        };
        let (Some(key), Some(value)) = (percent_decode(key), percent_decode(value)) else {
            dsn.problems.push(DsnProblem::Malformed("a percent escape is invalid"));
            continue;
        };
        push_parameter(dsn, key, &value);
    }
}

/// Adds a parameter. The value of a secret is dropped.
pub(super) fn push_parameter(dsn: &mut Dsn, key: String, value: &str) {
    if is_secret_name(&key) {
        if key.to_ascii_lowercase().ends_with("password") || key.eq_ignore_ascii_case("pwd") {
            dsn.password = Password::from_text(value);
        }
        dsn.parameters.push((key, DsnValue::Opaque));
    } else {
        dsn.parameters.push((key, DsnValue::from_text(value)));
    }
}

fn parse_go_mysql(text: &str) -> Option<Result<Dsn, DsnError>> {
    let (at, kind) = ["@tcp(", "@unix("].iter().filter_map(|m| text.rfind(m).map(|i| (i, *m))).max()?;
    let (address, tail) = text[at + kind.len()..].split_once(')')?;
    let mut dsn = parse_after_scheme(Engine::MySql, Syntax::GoMySql, "", tail);
    let (user, password) = text[..at].split_once(':').unwrap_or((&text[..at], ""));
    dsn.user = DsnValue::or_absent(user);
    dsn.password = Password::from_text(password);
    dsn.hosts = parse_hosts(address);
    if kind == "@unix(" {
        dsn.hosts = vec![Host { name: DsnValue::from_text(address), ..Host::default() }];
    }
    Some(Ok(dsn.finish()))
}

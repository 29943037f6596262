//! Key/value connection strings of libpq, and .NET connection strings.

use super::url::push_parameter;
use super::{Dsn, DsnError, DsnProblem, DsnValue, Engine, Host, Syntax};

/// `host=… dbname=…`. `None` if no key names a host or a database.
pub(super) fn parse_key_value(text: &str) -> Option<Result<Dsn, DsnError>> {
    let mut dsn = Dsn::empty(Engine::Postgres, Syntax::KeyValue);
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            break;
        }
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
            key.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next_if_eq(&'=').is_none() {
            dsn.problems.push(DsnProblem::Malformed("a word is not of the form key=value"));
            break;
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        let mut closed = !quoted;
        while let Some(&c) = chars.peek() {
            if !quoted && c.is_whitespace() {
                break;
            }
            chars.next();
            match c {
                '\\' => value.extend(chars.next()),
                '\'' if quoted => {
                    closed = true;
                    break;
                }
                c => value.push(c),
            }
        }
        push_parameter(&mut dsn, key, &value);
        if !closed {
            dsn.problems.push(DsnProblem::Malformed("a quote is not closed"));
            break;
        }
    }
    dsn.last("host").or(dsn.last("dbname")).or(dsn.last("hostaddr"))?;
    dsn.apply_overrides();
    Some(Ok(dsn.finish()))
}

/// `Host=…;SSL Mode=…`. `None` without a `;` or a host key.
pub(super) fn parse_dot_net(text: &str) -> Option<Result<Dsn, DsnError>> {
    if !text.contains(';') || text.contains("://") {
        return None;
    }
    let mut dsn = Dsn::empty(Engine::Postgres, Syntax::DotNet);
    let mut rest = text;
    while !rest.trim().is_empty() {
        let Some((key, tail)) = rest.split_once('=') else {
            dsn.problems.push(DsnProblem::Malformed("a part is not of the form key=value"));
            break;
        };
        let key = key.trim_start_matches([';', ' ']);
        let tail = tail.trim_start();
        let (value, after) = match tail.chars().next() {
            Some(q @ ('"' | '\'')) => match tail[1..].split_once(q) {
                Some((v, a)) => (v, a.trim_start().strip_prefix(';').unwrap_or(a)),
                None => (tail, ""),
            },
            _ => tail.split_once(';').unwrap_or((tail, "")),
        };
        let folded: String = key.chars().filter(|c| !" _".contains(*c)).collect::<String>().to_ascii_lowercase();
        push_parameter(&mut dsn, folded, value.trim());
        rest = after;
    }
    let first = |dsn: &Dsn, keys: &[&str]| keys.iter().find_map(|k| dsn.last(k)).cloned().unwrap_or_default();
    let host = first(&dsn, &["host", "server", "datasource", "address", "addr"]);
    if host == DsnValue::Absent {
        return None;
    }
    let only_sql_server = ["initialcatalog", "encrypt", "integratedsecurity", "trustedconnection"];
    if dsn.last("host").is_none() && only_sql_server.iter().any(|k| dsn.last(k).is_some()) {
        dsn.engine = Engine::SqlServer;
    }
    let port = first(&dsn, &["port"]);
    dsn.hosts = match &host {
        DsnValue::Known(list) => list
            .split(',')
            .map(|one| {
                let (name, own) = super::url::split_port(one.trim());
                let port = own.map_or_else(|| port.clone(), DsnValue::or_absent);
                Host { name: DsnValue::or_absent(name), address: DsnValue::Absent, port }
            })
            .collect(),
        other => vec![Host { name: other.clone(), address: DsnValue::Absent, port }],
    };
    dsn.user = first(&dsn, &["username", "userid", "user", "uid"]);
    dsn.database = first(&dsn, &["database", "db", "initialcatalog"]);
    Some(Ok(dsn.finish()))
}

//! Key/value DSNs of libpq, and .NET connection strings.

use super::url::push;
use super::{Dsn, Engine, Host, Part, Problem, Syntax, Unparsed};

/// `host=… dbname=…`; `None` if neither key is there.
pub(super) fn key_value(text: &str) -> Option<Result<Dsn, Unparsed>> {
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
            dsn.problems.push(Problem::Malformed("a word is not of the form key=value"));
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
        push(&mut dsn, key, &value);
        if !closed {
            dsn.problems.push(Problem::Malformed("a quote is not closed"));
            break;
        }
    }
    dsn.last("host").or(dsn.last("dbname")).or(dsn.last("hostaddr"))?;
    dsn.take_overrides();
    Some(Ok(dsn.finish()))
}

/// `Host=…;SSL Mode=…`; `None` if it has no `;` or no host key.
pub(super) fn dot_net(text: &str) -> Option<Result<Dsn, Unparsed>> {
    if !text.contains(';') || text.contains("://") {
        return None;
    }
    let mut dsn = Dsn::empty(Engine::Postgres, Syntax::DotNet);
    let mut rest = text;
    while !rest.trim().is_empty() {
        let Some((key, tail)) = rest.split_once('=') else {
            dsn.problems.push(Problem::Malformed("a part is not of the form key=value"));
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
        push(&mut dsn, folded, value.trim());
        rest = after;
    }
    let first = |dsn: &Dsn, keys: &[&str]| keys.iter().find_map(|k| dsn.last(k)).cloned().unwrap_or_default();
    let host = first(&dsn, &["host", "server", "datasource", "address", "addr"]);
    if host == Part::Absent {
        return None;
    }
    let only_sql_server = ["initialcatalog", "encrypt", "integratedsecurity", "trustedconnection"];
    if dsn.last("host").is_none() && only_sql_server.iter().any(|k| dsn.last(k).is_some()) {
        dsn.engine = Engine::SqlServer;
    }
    let port = first(&dsn, &["port"]);
    dsn.hosts = match &host {
        Part::Known(list) => list
            .split(',')
            .map(|one| {
                let (name, own) = super::url::split_port(one.trim());
                let port = own.map_or_else(|| port.clone(), Part::or_absent);
                Host { name: Part::or_absent(name), address: Part::Absent, port }
            })
            .collect(),
        other => vec![Host { name: other.clone(), address: Part::Absent, port }],
    };
    dsn.user = first(&dsn, &["username", "userid", "user", "uid"]);
    dsn.database = first(&dsn, &["database", "db", "initialcatalog"]);
    Some(Ok(dsn.finish()))
}

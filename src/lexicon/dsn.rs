//! Masks secrets in connection strings and keeps their structure. Where drivers disagree on where a password ends, the
//! longest possible password is masked.

use super::name::is_secret_name;
use super::shape::{
    HIDDEN, HIDDEN_AMBIGUOUS, is_authority, is_flag, is_host, is_identifier, is_instance, is_mode_word, is_name,
    is_path, is_plain_word, is_port, is_quantity, is_setting, is_shell_reference, only_references,
};

#[rustfmt::skip]
const SCHEMES: &[&str] = &[
    "postgres", "postgresql", "cockroachdb", "cockroach", "postgis", "timescaledb", "pgsql", "db", "prisma", "mysql",
    "mysql2", "mysqlx", "mariadb", "sqlserver", "mssql", "oracle", "redis", "rediss", "valkey", "valkeys", "mongodb",
    "r2dbc", "r2dbcs", "jdbc", "amqp", "amqps", "clickhouse",
];

/// Parameters whose values are settings, in lower case, without `_`, `-` and spaces.
#[rustfmt::skip]
const PARAMETERS: &[&str] = &[
    "ssl", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation", "sslcertmode", "sslsni",
    "sslminprotocolversion", "sslmaxprotocolversion", "sslaccept", "sslfactory", "sslhostnameverifier", "sslca",
    "sslcacerts", "sslcertreqs", "sslidentity", "sslinline", "sslcompression", "requiressl", "requireauth",
    "channelbinding", "gssencmode", "krbsrvname", "uselibpqcompat", "socketfactory", "cloudsqlinstance",
    "unixsocketpath", "host", "hostaddr", "server", "datasource", "addr", "address", "port", "dbname", "db",
    "database", "initialcatalog", "user", "username", "userid", "uid", "service", "servicefile", "schema",
    "currentschema", "searchpath", "connectionlimit", "pooltimeout", "pgbouncer", "connecttimeout", "sockettimeout",
    "statementtimeout", "locktimeout", "idleintransactionsessiontimeout", "targetsessionattrs", "targetservertype",
    "loadbalancehosts", "applicationname", "fallbackapplicationname", "keepalives", "tcpkeepalive", "tcpusertimeout",
    "replication", "timezone", "clientencoding", "charset", "encoding", "parsetime", "loc", "serverversion",
    "timeout", "commandtimeout", "pooling", "minpoolsize", "maxpoolsize", "minimumpoolsize", "maximumpoolsize",
    "poolsize", "poolmaxconns", "poolminconns", "trustservercertificate", "encrypt", "integratedsecurity",
    "rootcertificate", "sslcertificate", "tls", "tlsinsecure", "tlsallowinvalidcertificates",
    "tlsallowinvalidhostnames", "tlscafile", "authsource", "replicaset", "retrywrites", "usessl",
    "verifyservercertificate", "enabletls", "preparethreshold", "preferquerymode", "defaultrowfetchsize",
    "rewritebatchedinserts", "statementcachesize", "binaryparameters", "errorlevel", "multihost", "keepalive",
    "protocol", "type",
];

/// Masks a connection string. `None` if `text` is not one.
pub(super) fn mask(text: &str) -> Option<String> {
    mask_url(text)
        .or_else(|| mask_go_mysql(text))
        .or_else(|| mask_opaque_jdbc(text))
        .or_else(|| mask_dot_net(text))
        .or_else(|| mask_key_value(text))
}

/// Reduces a connection string to its scheme and its TLS parameters, and hides the host. `None` if the parts of the
/// string are ambiguous.
pub(super) fn tls_only(text: &str) -> Option<String> {
    if let Some(masked) = mask_url(text) {
        let (scheme, rest) = masked.split_once("://")?;
        let rest = rest.split('#').next().unwrap_or(rest);
        if rest.contains(HIDDEN) && !rest.contains('@') && !rest.contains('?') {
            // The position of the host is ambiguous.
            return None;
        }
        let query = rest.split_once('?').map_or("", |(_, q)| q);
        let kept = tls_parameters(query.split('&'))?;
        let mark = if kept.is_empty() { "" } else { "?" };
        return Some(format!("{}://{HIDDEN}/{mark}{}", scheme.trim(), kept.join("&")));
    }
    let masked = mask_key_value(text)?;
    let kept = tls_parameters(masked.split_whitespace())?;
    Some(format!("host={HIDDEN} {}", kept.join(" ")).trim_end().to_owned())
}

/// The TLS parameters. `None` if one of them has a value that cannot be kept, because without it the string would mean
/// something else.
fn tls_parameters<'a>(all: impl Iterator<Item = &'a str>) -> Option<Vec<&'a str>> {
    let plain = |pair: &&str| {
        pair.split_once('=').is_some_and(|(_, v)| super::shape::is_mode_word(v) || super::shape::is_path(v))
    };
    let kept: Vec<&str> = all.filter(|p| is_tls(p)).collect();
    kept.iter().all(plain).then_some(kept)
}

fn is_tls(pair: &str) -> bool {
    let Some((key, _)) = pair.split_once('=') else { return false };
    is_tls_key(&folded(key))
}

/// Whether a parameter, as [`folded`] gives it, is a setting of TLS.
fn is_tls_key(key: &str) -> bool {
    const NAMES: [&str; 9] = [
        "channelbinding",
        "encrypt",
        "gssencmode",
        "requiressl",
        "tls",
        "trustservercertificate",
        "uselibpqcompat",
        "usessl",
        "verifyservercertificate",
    ];
    NAMES.contains(&key) || key.starts_with("ssl") && key != "sslpassword" && key != "sslkey"
}

/// Whether a name that is no known parameter is kept.
fn is_parameter_name(key: &str) -> bool {
    is_secret_name(key) && is_name(key) || is_flag(&key.to_ascii_lowercase())
}

fn folded(key: &str) -> String {
    key.trim().to_ascii_lowercase().replace(['_', '-', ' ', '.'], "")
}

/// Whether the value of parameter `key` may be kept.
fn is_parameter(key: &str) -> bool {
    PARAMETERS.contains(&folded(key).as_str()) && !is_secret_name(key)
}

/// Whether `value` has the form that the values of the parameter `key` have. `key` is a known one.
fn has_form_of(key: &str, value: &str) -> bool {
    let decoded = decode(value);
    let value = decoded.as_str();
    if value.trim().is_empty() || only_references(value) || value == HIDDEN || value == HIDDEN_AMBIGUOUS {
        return true;
    }
    let key = folded(key);
    match key.as_str() {
        "host" | "hostaddr" | "server" | "datasource" | "addr" | "address" => is_host(value),
        "port" => is_port(value) || value.split(',').all(is_port),
        "dbname" | "db" | "database" | "initialcatalog" | "user" | "username" | "userid" | "uid" | "schema"
        | "currentschema" | "searchpath" => is_identifier(value),
        "cloudsqlinstance" => is_instance(value),
        "unixsocketpath" => is_path(value),
        "sslfactory" | "sslhostnameverifier" | "socketfactory" => is_class_name(value),
        _ if is_certificate(&key) => is_path(value) || is_mode_word(value),
        // A reference that nothing has expanded is a finding.
        _ if is_tls_key(&key) && is_shell_reference(value) => true,
        _ if is_tls_key(&key) => is_mode_word(value) || is_plain_word(value) || is_setting(value),
        _ => is_plain_word(value) || is_setting(value) || is_quantity(value),
    }
}

fn is_certificate(key: &str) -> bool {
    const NAMES: [&str; 12] = [
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslcrl",
        "sslca",
        "sslcacerts",
        "sslidentity",
        "rootcertificate",
        "sslcertificate",
        "tlscafile",
        "servicefile",
        "sslinline",
    ];
    NAMES.contains(&key)
}

/// Whether it is a Java class of the packages that drivers and connectors have.
fn is_class_name(value: &str) -> bool {
    let package =
        ["org.postgresql.", "com.google.cloud.", "com.mysql.", "org.mariadb.", "com.microsoft.", "javax.net."];
    let class = value.rsplit('.').next().unwrap_or(value);
    let known = ["Factory", "Verifier", "SocketFactory"];
    let letters = value.chars().all(|c| c.is_ascii_alphabetic() || ".$".contains(c));
    letters && (package.iter().any(|p| value.starts_with(p)) || known.iter().any(|k| class.ends_with(k)))
}

/// Percent-decodes a text. What is no UTF-8 becomes a replacement character, which no form admits.
pub(super) fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        match (b, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            _ => {
                out.push(b);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether it is the name of a user in a URL. Azure appends `@server`.
fn is_user(text: &str) -> bool {
    let decoded = decode(text);
    decoded.split('@').count() <= 2 && decoded.split('@').all(is_identifier)
}

/// The text of a libpq value: without its quotes and backslashes.
fn unquote(raw: &str) -> String {
    let inner = raw.strip_prefix('\'').map_or(raw, |r| r.strip_suffix('\'').unwrap_or(r));
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Masks a secret. References and empty values are not secrets.
fn mask_secret(value: &str) -> &str {
    if value.is_empty() || only_references(value) || value == HIDDEN || value == HIDDEN_AMBIGUOUS {
        value
    } else {
        HIDDEN
    }
}

/// Masks `a=b&c=d`, also with `;`. After a secret, a segment that is not a known parameter may be the rest of the secret.
pub(super) fn mask_properties(query: &str) -> String {
    let mut after_secret = false;
    let mut out = String::new();
    for segment in query.split_inclusive(['&', ';']) {
        let (body, end) = match segment.strip_suffix(['&', ';']) {
            Some(b) => (b, &segment[b.len()..]),
            None => (segment, ""),
        };
        let (mark, body) = match body.strip_prefix('?') {
            Some(b) => ("?", b),
            None => ("", body),
        };
        out.push_str(mark);
        match body.split_once('=') {
            Some((k, v)) if is_parameter(k) => {
                out.push_str(k);
                out.push('=');
                out.push_str(if has_form_of(k, v) { v } else { HIDDEN });
            }
            Some((k, v)) if !after_secret && is_parameter_name(k) => {
                after_secret |= is_secret_name(k);
                out.push_str(k);
                out.push('=');
                out.push_str(mask_secret(v));
            }
            None if body.is_empty() || is_parameter(body) || only_references(body) => out.push_str(body),
            _ => out.push_str(HIDDEN),
        }
        out.push_str(end);
    }
    out
}

/// Where the userinfo of a URL ends.
enum Userinfo {
    None,
    Until(usize),
    /// A password may precede or follow an `@`, so nothing can be kept.
    Unclear,
}

/// Finds the end of the userinfo: the last `@`, unless that is in the query. If it may be either, nothing is kept.
fn find_userinfo(rest: &str) -> Userinfo {
    let query = rest.find(['?', ';']).unwrap_or(rest.len());
    let before = &rest[..query];
    let authority = before.split('/').next().unwrap_or(before);
    // With an `@` before the query, or without a colon there, no password extends into the query.
    let settled = before.contains('@') || !authority.contains(':');
    let numeric =
        authority.split_once(':').is_some_and(|(_, p)| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    for (at, _) in rest.match_indices('@').rev() {
        if at < query {
            return Userinfo::Until(at);
        }
        let mut keys = rest[query + 1..at].split(['&', ';', '?']).map(|s| s.split_once('=').map(|(k, _)| k));
        let is_known = |k: &str| is_parameter(k) || is_secret_name(k);
        match settled {
            true if keys.clone().all(|k| k.is_some_and(is_known)) => {}
            true if keys.any(|k| k.is_some()) => return Userinfo::Unclear,
            false if numeric => return Userinfo::Unclear,
            _ => return Userinfo::Until(at),
        }
    }
    Userinfo::None
}

fn mask_userinfo(info: &str) -> String {
    let ambiguous = info.contains(['@', '/', '?', '#']);
    let (user, password) = match info.split_once(':') {
        Some((u, p)) => (u, Some(p)),
        None => (info, None),
    };
    let user = match () {
        () if is_user(user) || user == HIDDEN || user == HIDDEN_AMBIGUOUS => user,
        () if ambiguous => HIDDEN_AMBIGUOUS,
        () => HIDDEN,
    };
    match password {
        None => user.to_owned(),
        Some(_) if ambiguous => format!("{user}:{HIDDEN_AMBIGUOUS}"),
        Some(p) => format!("{user}:{}", mask_secret(p)),
    }
}

fn mask_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let start = scheme.trim_start();
    if start.is_empty() || !start.chars().all(|c| c.is_ascii_alphanumeric() || "+.-:_".contains(c)) {
        return None;
    }
    let known = start.split([':', '+']).any(|s| SCHEMES.contains(&s.to_ascii_lowercase().as_str()));
    if !known {
        return None;
    }
    let mut out = format!("{scheme}://");
    let rest = match find_userinfo(rest) {
        Userinfo::Unclear => return Some(format!("{out}{HIDDEN}")),
        Userinfo::Until(at) => {
            out.push_str(&mask_userinfo(&rest[..at]));
            out.push('@');
            &rest[at + 1..]
        }
        Userinfo::None => rest,
    };
    // The Go MySQL driver puts the address in parentheses.
    let end = rest.find(['/', '?', '#', ';']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let blanks = authority.len() - authority.trim_end().len();
    let (authority, trailing) = authority.split_at(authority.len() - blanks);
    if !is_authority(authority) {
        // This is neither a host nor a port, so it may be a password without its `@`.
        out.push_str(HIDDEN);
        return Some(out);
    }
    out.push_str(authority);
    out.push_str(trailing);
    let (tail, fragment) = match tail.split_once('#') {
        Some((t, f)) => (t, Some(f)),
        None => (tail, None),
    };
    let cut = tail.find(['?', ';']).unwrap_or(tail.len());
    let (path, query) = tail.split_at(cut);
    out.push_str(if path.trim_end().split('/').all(is_identifier) { path } else { "/***" });
    if let Some(mark) = query.get(..1) {
        out.push_str(mark);
        out.push_str(&mask_properties(&query[1..]));
    }
    if let Some(f) = fragment {
        out.push('#');
        out.push_str(if f == "insecure" { f } else { HIDDEN });
    }
    Some(out)
}

/// `user:password@tcp(host:3306)/database?tls=…` of the Go MySQL driver.
fn mask_go_mysql(text: &str) -> Option<String> {
    let (at, open) =
        ["@tcp(", "@unix(", "@tcp6("].iter().filter_map(|m| text.rfind(m).map(|i| (i, i + m.len()))).max()?;
    let close = open + text[open..].find(')')?;
    let address = &text[open..close];
    if !(is_authority(address) || address.starts_with('/')) {
        return None;
    }
    let tail = &text[close + 1..];
    let (path, query) = tail.split_once('?').map_or((tail, None), |(p, q)| (p, Some(q)));
    let path = if path.strip_prefix('/').is_some_and(is_name) { path } else { "/***" };
    let mut out = format!("{}{}{path}", mask_userinfo(&text[..at]), &text[at..=close]);
    if let Some(q) = query {
        out.push('?');
        out.push_str(&mask_properties(q));
    }
    Some(out)
}

/// A JDBC URL of an engine that is not evaluated (`jdbc:oracle:thin:user/password@…`).
fn mask_opaque_jdbc(text: &str) -> Option<String> {
    let rest = text.trim_start().strip_prefix("jdbc:")?;
    let engine = rest.split(':').next().filter(|e| is_name(e) && e.len() < rest.len())?;
    Some(format!("jdbc:{engine}:{HIDDEN}"))
}

/// `Host=…;Password=…` of .NET.
fn mask_dot_net(text: &str) -> Option<String> {
    if !text.contains('=') || text.contains('\n') && !text.trim_end().contains(';') {
        return None;
    }
    let segments = split_at_semicolons(text);
    let named = segments.iter().any(|s| {
        s.split_once('=')
            .is_some_and(|(k, _)| matches!(folded(k).as_str(), "host" | "server" | "datasource" | "addr" | "address"))
    });
    // A known parameter with a `=` in its value is part of a key/value string, which separates by spaces.
    let nested = segments.iter().any(|s| s.split_once('=').is_some_and(|(k, v)| is_parameter(k) && v.contains('=')));
    if !named || nested || !text.contains(';') {
        return None;
    }
    let mut after_secret = false;
    let masked: Vec<String> = segments
        .iter()
        .map(|segment| match segment.split_once('=') {
            Some((k, v)) if is_parameter(k) => {
                let bare = v.trim().trim_matches(['"', '\'']);
                format!("{k}={}", if has_form_of(k, bare) { v } else { HIDDEN })
            }
            Some((k, v)) if !after_secret && is_parameter_name(&k.trim().replace(' ', "")) => {
                after_secret |= is_secret_name(k);
                format!("{k}={}", mask_secret(v))
            }
            None if segment.trim().is_empty() => (*segment).to_owned(),
            _ => HIDDEN.to_owned(),
        })
        .collect();
    Some(masked.join(";"))
}

/// Splits at `;` outside quotes. An unclosed quote extends to the end.
fn split_at_semicolons(text: &str) -> Vec<&str> {
    let (mut out, mut start, mut quote) = (Vec::new(), 0, None);
    let mut after_equals = false;
    for (i, c) in text.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if after_equals && (c == '"' || c == '\'') => quote = Some(c),
            None if c == ';' => {
                out.push(&text[start..i]);
                start = i + 1;
            }
            None => {}
        }
        after_equals = c == '=' || (after_equals && c == ' ');
    }
    out.push(&text[start..]);
    out
}

/// A key/value string of libpq. Only masked values are replaced; spaces and quotes of the others stay.
fn mask_key_value(text: &str) -> Option<String> {
    let mut out = String::new();
    let (mut rest, mut named, mut after_secret) = (text, false, false);
    loop {
        let trimmed = rest.trim_start();
        out.push_str(&rest[..rest.len() - trimmed.len()]);
        rest = trimmed;
        if rest.is_empty() {
            break;
        }
        let key_end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, tail) = rest.split_at(key_end);
        let gap = tail.len() - tail.trim_start().len();
        let Some(value) = tail.trim_start().strip_prefix('=').filter(|_| is_name(key) && !key.is_empty()) else {
            // The rest is not `key=value`, so it may be part of a password that contains a space.
            if !named {
                return None;
            }
            out.push_str(HIDDEN);
            break;
        };
        let pad = value.len() - value.trim_start().len();
        let lead = format!("{key}{}={}", &tail[..gap], &value[..pad]);
        let (raw, after) = split_value(&value[pad..]);
        named |= matches!(key, "host" | "hostaddr" | "dbname");
        let known = is_parameter(key);
        if !known && (after_secret || !is_parameter_name(key)) {
            out.push_str(HIDDEN);
            out.push('=');
            out.push_str(HIDDEN);
        } else {
            after_secret |= is_secret_name(key);
            out.push_str(&lead);
            out.push_str(match known {
                true if has_form_of(key, &unquote(raw)) => raw,
                true => HIDDEN,
                false => mask_secret(raw),
            });
        }
        rest = after;
    }
    // Without a host or a database, this is not a connection string.
    named.then_some(out)
}

/// Splits a quoted or bare value from the rest.
fn split_value(s: &str) -> (&str, &str) {
    let quoted = s.starts_with('\'');
    let mut escaped = false;
    for (i, c) in s.char_indices().skip(usize::from(quoted)) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return s.split_at(i + 1),
            c if !quoted && c.is_whitespace() => return s.split_at(i),
            _ => {}
        }
    }
    (s, "")
}

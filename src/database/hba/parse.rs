//! Parses lines into rules.

use super::address::{Address, parse_numeric, prefix_mask};
use super::token::{Token, split_fields};
use super::{ConnectionType, Database, Line, Method, Rule, RuleError, Rules, User, option};
use crate::lexicon::mask_text;

/// Parses a list for a server of the given major version. An error in one line does not stop the others.
pub(crate) fn parse(lines: &[Line], major: u32) -> Rules {
    let mut out = Rules::default();
    let mut at = 0;
    while let Some(first) = lines.get(at) {
        at += 1;
        let mut text = first.text.clone();
        // A backslash at the end of a line continues it (PostgreSQL 14 and later), even into the next list item.
        while major >= 14 && text.ends_with('\\') {
            text.pop();
            let Some(next) = lines.get(at) else { break };
            text.push_str(&next.text);
            at += 1;
        }
        parse_line(&text, first, major, &mut out);
    }
    out
}

fn parse_line(text: &str, line: &Line, major: u32, out: &mut Rules) {
    let tokens = split_fields(text);
    if tokens.is_empty() {
        return;
    }
    let note = |message: String| RuleError { origin: line.origin.clone(), text: mask_text(text.trim()), message };
    match parse_rule(&tokens, major) {
        Ok(Parsed::Rule(mut rule, notes)) => {
            rule.origin = line.origin.clone();
            rule.text = mask_text(text.trim());
            rule.uncertain = line.uncertain;
            let files = rule.databases.iter().any(|d| matches!(d, Database::File(_)))
                || rule.users.iter().any(|u| matches!(u, User::File(_)));
            if files {
                out.unread.push(note("a rule names a file, which is not read and may be missing".into()));
            }
            out.notes.extend(notes.into_iter().map(note));
            out.rules.push(rule);
        }
        Ok(Parsed::Include) => out.unread.push(note("an included file is not read".to_owned())),
        Err(message) => out.errors.push(note(message)),
    }
}

enum Parsed {
    Rule(Rule, Vec<String>),
    Include,
}

fn single_token<'a>(field: Option<&'a Vec<Token>>, what: &str) -> Result<&'a Token, String> {
    match field.map(Vec::as_slice) {
        Some([one]) => Ok(one),
        Some(_) => Err(format!("several values for the {what}")),
        None => Err(format!("the {what} is missing")),
    }
}

fn parse_rule(fields: &[Vec<Token>], major: u32) -> Result<Parsed, String> {
    let mut rest = fields.iter();
    let kind = single_token(rest.next(), "connection type")?;
    let connection = match kind.text.as_str() {
        "local" => ConnectionType::Local,
        "host" => ConnectionType::Host,
        "hostssl" => ConnectionType::HostSsl,
        "hostnossl" => ConnectionType::HostNoSsl,
        "hostgssenc" => ConnectionType::HostGssEnc,
        "hostnogssenc" => ConnectionType::HostNoGssEnc,
        "include" | "include_if_exists" | "include_dir" if major >= 16 => return Ok(Parsed::Include),
        other => return Err(format!("unknown connection type {other}")),
    };
    let mut notes = Vec::new();
    let databases = rest.next().ok_or("the database is missing")?;
    let users = rest.next().ok_or("the user is missing")?;
    for token in databases.iter().chain(users) {
        let folded = token.text.to_ascii_lowercase();
        if folded == "all" && !token.is("all") {
            notes.push(format!("{:?} is a name here, not the keyword all", token.text));
        }
    }
    let databases = databases.iter().map(|t| parse_database(t, major)).collect();
    let users = users.iter().map(|t| parse_user(t, major)).collect();
    let address = match connection {
        ConnectionType::Local => Address::None,
        _ => {
            let token = single_token(rest.next(), "address")?;
            let (address, note) = parse_address(token, &mut rest)?;
            notes.extend(note);
            address
        }
    };
    let word = single_token(rest.next(), "authentication method")?;
    let method = parse_method(&word.text, connection, major)?;
    let options: Vec<Token> = rest.flatten().cloned().collect();
    let options = option::parse_options(&options, connection, method, major)?;
    Ok(Parsed::Rule(
        Rule {
            origin: super::Origin::Operator,
            text: String::new(),
            connection,
            databases,
            users,
            address,
            method,
            client_certificate: options.client_certificate || method == Method::Cert,
            uncertain: false,
        },
        notes,
    ))
}

fn parse_database(t: &Token, major: u32) -> Database {
    match t.text.as_str() {
        "all" if !t.quoted => Database::All,
        "sameuser" if !t.quoted => Database::SameUser,
        "samerole" | "samegroup" if !t.quoted => Database::SameRole,
        "replication" if !t.quoted => Database::Replication,
        s if !t.quoted && s.len() > 1 && s.starts_with('@') => Database::File(s[1..].to_owned()),
        s if major >= 16 && s.starts_with('/') => Database::Regex(s[1..].to_owned()),
        s => Database::Name(s.to_owned()),
    }
}

fn parse_user(t: &Token, major: u32) -> User {
    match t.text.as_str() {
        "all" if !t.quoted => User::All,
        s if !t.quoted && s.starts_with('+') => User::Role(s[1..].to_owned()),
        s if !t.quoted && s.len() > 1 && s.starts_with('@') => User::File(s[1..].to_owned()),
        s if major >= 16 && s.starts_with('/') => User::Regex(s[1..].to_owned()),
        s => User::Name(s.to_owned()),
    }
}

fn parse_address<'a>(
    token: &Token,
    rest: &mut impl Iterator<Item = &'a Vec<Token>>,
) -> Result<(Address, Option<String>), String> {
    for (word, address) in [("all", Address::All), ("samehost", Address::SameHost), ("samenet", Address::SameNet)] {
        if token.is(word) {
            return Ok((address, None));
        }
    }
    let (host, length) = match token.text.split_once('/') {
        Some((h, l)) => (h, Some(l)),
        None => (token.text.as_str(), None),
    };
    let Some(ip) = parse_numeric(host) else {
        if length.is_some() {
            return Err("a host name cannot have a mask length".to_owned());
        }
        let note = token
            .text
            .eq_ignore_ascii_case("all")
            .then(|| format!("{:?} is a host name here, not the keyword all", token.text));
        return Ok((Address::Host(token.text.clone()), note));
    };
    if let Some(length) = length {
        let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
        let mask = length.parse().ok().filter(|_| digits).and_then(|l| prefix_mask(ip, l));
        return mask.map(|mask| (Address::Net { address: ip, mask }, None)).ok_or(format!("bad mask length {length}"));
    }
    let mask = single_token(rest.next(), "mask of a bare address")?;
    match parse_numeric(&mask.text) {
        Some(m) if m.is_ipv4() == ip.is_ipv4() => Ok((Address::Net { address: ip, mask: m }, None)),
        Some(_) => Err("address and mask are of different families".to_owned()),
        None => Err("a bare address needs a mask".to_owned()),
    }
}

fn parse_method(word: &str, connection: ConnectionType, major: u32) -> Result<Method, String> {
    let method = match word {
        "trust" => Method::Trust,
        "reject" => Method::Reject,
        "password" => Method::Password,
        "ldap" => Method::Ldap,
        "pam" => Method::Pam,
        "radius" => Method::Radius,
        "md5" => Method::Md5,
        "scram-sha-256" => Method::ScramSha256,
        "cert" => Method::Cert,
        "peer" => Method::Peer,
        "ident" => Method::Ident,
        "gss" => Method::Gss,
        "oauth" if major >= 18 => Method::Oauth,
        "oauth" => return Err("method oauth needs PostgreSQL 18".to_owned()),
        "sspi" | "bsd" => return Err(format!("method {word} is not in this build of PostgreSQL")),
        other => return Err(format!("unknown authentication method {other}")),
    };
    match (method, connection) {
        (Method::Peer, c) if c != ConnectionType::Local => Err("method peer is only for local rules".to_owned()),
        (Method::Cert, c) if c != ConnectionType::HostSsl => Err("method cert is only for hostssl rules".to_owned()),
        (Method::Gss, ConnectionType::Local) => Err("method gss is not for local rules".to_owned()),
        // For local connections, peer is used instead of ident:
        // https://www.postgresql.org/docs/current/auth-ident.html
        (Method::Ident, ConnectionType::Local) => Ok(Method::Peer),
        _ => Ok(method),
    }
}

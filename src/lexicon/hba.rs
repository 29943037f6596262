//! Masks secrets in lines of `pg_hba`, after splitting them as PostgreSQL does:
//! <https://www.postgresql.org/docs/current/auth-pg-hba-conf.html>.

use super::shape::{HIDDEN, is_identifier, is_plain_word, is_port};

/// Masks a list of `pg_hba` lines. Of the options of a method, the values are kept that decide who can log in, and
/// comments are dropped. The number of items, and what each line means, stay the same.
pub(crate) fn mask_hba(items: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(items.len());
    let mut at = 0;
    while let Some(first) = items.get(at) {
        at += 1;
        let mut text = first.clone();
        let mut joined = 0;
        // A backslash at the end continues a line, also into the next item, and within quotes.
        while text.ends_with('\\') {
            let Some(next) = items.get(at) else { break };
            text.pop();
            text.push_str(next);
            at += 1;
            joined += 1;
        }
        let mut masked = mask_lines(&text);
        if joined > 0 {
            // Before PostgreSQL 14 the backslash is a token, which makes the line invalid: it stays.
            masked.push('\\');
        }
        out.push(masked);
        for rest in 1..=joined {
            out.push(if rest < joined { "\\".to_owned() } else { String::new() });
        }
    }
    out
}

/// Lines of one item. Whether a backslash continues one depends on the server's version, so both readings are masked.
fn mask_lines(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let continued = lines.iter().rev().skip(1).any(|l| l.trim_end_matches('\r').ends_with('\\'));
    let mask = |line: &str| if continued { mask_pairs(line) } else { mask_line(line) };
    lines.into_iter().map(mask).collect::<Vec<_>>().join("\n")
}

/// A line that may be part of another one: the fields alone do not say where the options begin.
fn mask_pairs(line: &str) -> String {
    let back = if line.ends_with('\\') { "\\" } else { "" };
    format!("{}{back}", mask_line(line.strip_suffix('\\').unwrap_or(line)))
}

/// A token: where it stands in the line, and its text without quotes.
struct Token {
    start: usize,
    end: usize,
    text: String,
    /// Whether a comma joins it to the token before.
    same_field: bool,
}

/// Splits a line into tokens, up to a comment. Also returns where the comment begins.
fn split_tokens(line: &str) -> (Vec<Token>, usize) {
    let mut out: Vec<Token> = Vec::new();
    let mut chars = line.char_indices().peekable();
    let mut after_comma = false;
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\r');
    loop {
        while chars.next_if(|(_, c)| is_blank(*c) || *c == ',').is_some() {}
        let start = match chars.peek() {
            None => return (out, line.len()),
            Some((at, '#')) => return (out, *at),
            Some((at, _)) => *at,
        };
        let (mut text, mut quoted, mut comma, mut end) = (String::new(), false, false, line.len());
        while let Some(&(at, c)) = chars.peek() {
            if !quoted && (is_blank(c) || c == '#') {
                end = at;
                break;
            }
            chars.next();
            match c {
                ',' if !quoted => {
                    (comma, end) = (true, at);
                    break;
                }
                '"' if quoted && matches!(chars.peek(), Some((_, '"'))) => {
                    chars.next();
                    text.push('"');
                }
                '"' => quoted = !quoted,
                c => text.push(c),
            }
        }
        out.push(Token { start, end, text, same_field: after_comma });
        after_comma = comma;
    }
}

fn mask_line(line: &str) -> String {
    let (tokens, comment) = split_tokens(line);
    let options = find_options(&tokens);
    let mut out = String::with_capacity(line.len());
    let mut from = 0;
    for (i, token) in tokens.iter().enumerate() {
        let replaced = match token.text.split_once('=') {
            Some((name, value)) if i >= options || is_option(name) => {
                let name = if is_option(name) { name } else { HIDDEN };
                let kept = i >= options && is_kept(name, value) || value.is_empty();
                Some(format!("{name}={}", if kept { value } else { HIDDEN }))
            }
            Some(_) => Some(HIDDEN.to_owned()),
            None if i >= options => Some(HIDDEN.to_owned()),
            None => None,
        };
        out.push_str(&line[from..token.start]);
        out.push_str(replaced.as_deref().unwrap_or(&line[token.start..token.end]));
        from = token.end;
    }
    out.push_str(&line[from..comment.max(from)]);
    if comment < line.len() { out.trim_end().to_owned() } else { out }
}

/// The index of the first token that follows the method.
fn find_options(tokens: &[Token]) -> usize {
    let mut fields: Vec<usize> = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        if !token.same_field {
            fields.push(i);
        }
    }
    let text = |field: usize| fields.get(field).and_then(|i| tokens.get(*i)).map_or("", |t| t.text.as_str());
    let method = match text(0) {
        "local" => 3,
        "host" | "hostssl" | "hostnossl" | "hostgssenc" | "hostnogssenc" => {
            let address: Option<std::net::IpAddr> = text(3).parse().ok();
            // A bare address has a mask in a field of its own.
            if address.is_some() && text(4).parse::<std::net::IpAddr>().is_ok() { 5 } else { 4 }
        }
        // Not a rule: only the keyword is kept.
        _ => 0,
    };
    fields.get(method + 1).copied().unwrap_or(tokens.len())
}

#[rustfmt::skip]
const OPTIONS: &[&str] = &[
    "map", "clientcert", "clientname", "pamservice", "pam_use_hostname", "krb_realm", "include_realm", "compat_realm",
    "upn_username", "radiusservers", "radiusports", "radiussecrets", "radiusidentifiers", "radiusserver", "radiusport",
    "radiussecret", "radiusidentifier", "issuer", "scope", "validator", "delegate_ident_mapping", "ldapurl", "ldaptls",
    "ldapscheme", "ldapserver", "ldapport", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter",
    "ldapbasedn", "ldapprefix", "ldapsuffix",
];

fn is_option(name: &str) -> bool {
    OPTIONS.contains(&name)
}

fn is_kept(name: &str, value: &str) -> bool {
    match name {
        "clientcert" => matches!(value, "verify-ca" | "verify-full" | "no-verify" | "0" | "1"),
        "clientname" => matches!(value, "CN" | "DN"),
        "map" => is_identifier(value),
        "ldaptls"
        | "pam_use_hostname"
        | "include_realm"
        | "compat_realm"
        | "upn_username"
        | "delegate_ident_mapping" => is_plain_word(value),
        "ldapscheme" => matches!(value, "ldap" | "ldaps"),
        "ldapport" => is_port(value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(line: &str) -> String {
        mask_hba(&[line.to_owned()]).remove(0)
    }

    #[test]
    fn options_are_masked_by_the_grammar() {
        for (raw, want) in [
            ("host all all 0.0.0.0/0 scram-sha-256", "host all all 0.0.0.0/0 scram-sha-256"),
            (
                "hostssl  a,\"b c\"  +admins 10.0.0.0 255.0.0.0 cert map=m clientcert=verify-full",
                "hostssl  a,\"b c\"  +admins 10.0.0.0 255.0.0.0 cert map=m clientcert=verify-full",
            ),
            ("local all all peer # password is pw", "local all all peer"),
            (
                "host all all all ldap ldapserver=s ldapport=636 \"ldapbindpasswd=a b\"",
                "host all all all ldap ldapserver=*** ldapport=636 ldapbindpasswd=***",
            ),
            (
                "host all all all ldap ldapbindpasswd=a\"b #c\"d ldaptls=1",
                "host all all all ldap ldapbindpasswd=*** ldaptls=1",
            ),
            (
                "host all all all radius radiusservers=\"a,b\" radiussecrets=\"\"\"x\"\",\"\"y\"\"\"",
                "host all all all radius radiusservers=*** radiussecrets=***",
            ),
            ("host all all all radius radiussecrets=\"a\",\"b\"", "host all all all radius radiussecrets=***,***"),
            ("hst all all all ldap ldapbindpasswd=x", "hst *** *** *** *** ldapbindpasswd=***"),
            ("host all all ldapbindpasswd=x", "host all all ldapbindpasswd=***"),
            ("host all all all trust pw=x", "host all all all trust ***=***"),
        ] {
            assert_eq!(masked(raw), want);
        }
    }

    #[test]
    fn a_line_that_is_continued_is_masked_as_one() {
        let items = ["host all all all ldap ldapbindpasswd=\"a \\", "b\" ldapserver=s", "local all all peer"];
        let out = mask_hba(&items.map(str::to_owned));
        assert_eq!(out, ["host all all all ldap ldapbindpasswd=*** ldapserver=***\\", "", "local all all peer"]);
    }

    proptest! {
        #[test]
        fn no_option_leaks(secret in "HUNTER[A-Z0-9]{3,8}", form in 0usize..8, at in 0usize..4) {
            let value = [
                format!("ldapbindpasswd={secret}"), format!("\"ldapbindpasswd={secret}\""),
                format!("ldapbindpasswd=\"{secret} x\""), format!("radiussecrets=\"a\",\"{secret}\""),
                format!("radiussecrets=\"\"\"{secret} 1\"\",\"\"2\"\"\""), format!("# {secret}"),
                format!("ldapurl=\"ldap://u:{secret}@h/d\""), format!("{secret}={secret} {secret}"),
            ][form].clone();
            let line = [
                format!("host all all all ldap {value}"), format!("host all all 10.0.0.1 255.255.255.255 ldap {value}"),
                format!("local all all radius {value} ldaptls=1"), format!("unknown {value}"),
            ][at].clone();
            let whole = masked(&line);
            prop_assert!(!whole.contains("HUNTER"), "{line} -> {whole}");
            let cut = line.len() / 2;
            let items = [format!("{}\\", &line[..cut]), line[cut..].to_owned()];
            let both = mask_hba(&items).join("|");
            prop_assert!(!both.contains("HUNTER"), "{line} -> {both}");
        }

        #[test]
        fn any_line_can_be_masked(a in "\\PC{0,40}", b in "[a-z=\",#\\\\ ]{0,40}") {
            let once = mask_hba(&[a, b]);
            prop_assert_eq!(once.len(), 2);
        }
    }
}

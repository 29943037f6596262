//! Masks secrets in free text: error messages, scripts, `pg_hba` lines.

use super::name::is_secret_name;
use super::shape::HIDDEN;

/// Masks what looks like a secret in free text: passwords in URLs, values such as `password=…`, `ldapbindpasswd=…` and
/// `radiussecrets=…`, bearer tokens, and PEM blocks.
pub(crate) fn mask_text(text: &str) -> String {
    mask_tokens(&mask_assignments(&mask_urls(&mask_pem(&super::redact(text)))))
}

fn mask_pem(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(i) = rest.find("-----BEGIN") {
        out.push_str(&rest[..i]);
        out.push_str(HIDDEN);
        // A block without an end extends to the end of the text.
        rest = match rest[i + 10..].find("-----END") {
            Some(e) => {
                let tail = &rest[i + 10 + e + 8..];
                tail.find("-----").map_or("", |t| &tail[t + 5..])
            }
            None => "",
        };
    }
    out.push_str(rest);
    out
}

/// `scheme://user:password@host`: masked up to the last `@` of the word, or of the quoted text around it.
fn mask_urls(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(i) = rest.find("://") {
        let (before, after) = rest.split_at(i + 3);
        out.push_str(before);
        let quote = before[..i].chars().rev().find(|c| c.is_whitespace() || "\"'`".contains(*c));
        let end = match quote {
            Some(q) if !q.is_whitespace() => after.find(q),
            _ => after.find(char::is_whitespace),
        }
        .unwrap_or(after.len());
        let word = &after[..end];
        match word.rfind('@') {
            // The `@` may be in a query or in a password, so the whole address is masked.
            Some(at) if word[..at].contains(['?', ';']) => {
                out.push_str(HIDDEN);
                rest = &after[end..];
            }
            Some(at) => {
                match word[..at].split_once(':') {
                    Some((u, _)) if u.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) => {
                        out.push_str(u);
                        out.push(':');
                    }
                    _ => {}
                }
                out.push_str(HIDDEN);
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// Masks `name=value`, `name: value` and `--name value` where the name is that of a secret. Outside quotes, the value ends
/// at white space, `&`, `;` or a double quote.
fn mask_assignments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let name_char = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    while let Some(start) = rest.find(name_char) {
        out.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|c| !name_char(c)).unwrap_or(word.len());
        let (name, tail) = word.split_at(end);
        out.push_str(name);
        rest = tail;
        if !is_secret_name(name) {
            continue;
        }
        let after_quote = tail.strip_prefix(['"', '\'']).unwrap_or(tail);
        let blanks = after_quote.len() - after_quote.trim_start().len();
        let value = &after_quote[blanks..];
        let value = match value.strip_prefix(['=', ':']) {
            Some(v) => v.trim_start_matches([' ', '\t']),
            None if name.starts_with("--") && blanks > 0 => value,
            None => continue,
        };
        out.push_str(&tail[..tail.len() - value.len()]);
        let mut chars = value.char_indices();
        let end = match value.chars().next() {
            Some(q) if "\"'`".contains(q) => {
                chars.next();
                chars.find(|(_, c)| *c == q).map_or(value.len(), |(i, _)| i + 1)
            }
            // If the quotes open before the name, the value ends at the closing quote.
            _ => value.find(|c: char| c.is_whitespace() || "&;\"".contains(c)).unwrap_or(value.len()),
        };
        if end > 0 {
            out.push_str(HIDDEN);
        }
        rest = &value[end..];
    }
    out.push_str(rest);
    out
}

fn mask_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let lower = text.to_ascii_lowercase();
    loop {
        let offset = text.len() - rest.len();
        let found = ["bearer ", "basic "].iter().filter_map(|w| lower[offset..].find(w).map(|i| i + w.len())).min();
        let Some(end) = found else { break };
        out.push_str(&rest[..end]);
        let token = rest[end..].find(char::is_whitespace).unwrap_or(rest.len() - end);
        // "basic auth failed" is prose. A token is long.
        let long = token >= 12;
        out.push_str(if long { HIDDEN } else { &rest[end..end + token] });
        rest = &rest[end + token..];
    }
    out.push_str(rest);
    out
}

/// Reduces a shell script to the words that set or pass a TLS mode.
pub(super) fn mask_script(text: &str) -> String {
    let kept: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || ";\"'&".contains(c))
        .filter(|w| {
            w.split_once('=').is_some_and(|(k, v)| {
                !is_secret_name(k) && k.to_ascii_lowercase().contains("ssl") && super::shape::is_plain_word(v)
            })
        })
        .collect();
    if kept.is_empty() { HIDDEN.to_owned() } else { format!("{HIDDEN} {} {HIDDEN}", kept.join(" ")) }
}

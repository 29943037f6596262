//! Masking of text of no known shape: error messages, scripts, pg_hba lines.

use super::name::is_secret_name;
use super::shape::HIDDEN;

/// Replaces what looks like a secret in free text: passwords of URLs, `password=…` and its like (also
/// `ldapbindpasswd=…`, `radiussecrets=…`), bearer tokens, PEM blocks.
pub fn mask_text(text: &str) -> String {
    bearer(&assignments(&urls(&pem(text))))
}

fn pem(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(i) = rest.find("-----BEGIN") {
        out.push_str(&rest[..i]);
        out.push_str(HIDDEN);
        // Without an end the block is taken to run to the end of the text.
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
fn urls(text: &str) -> String {
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
            // In a query or in a password: it cannot be told, so the whole address goes.
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

/// `name=value`, `name: value`, `--name value`, with the name of a secret. The value ends at a blank, `&`, `;` or `,`
/// outside quotes.
fn assignments(text: &str) -> String {
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
            // Inside quotes that opened before the name, the value ends with them.
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

fn bearer(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let lower = text.to_ascii_lowercase();
    loop {
        let offset = text.len() - rest.len();
        let found = ["bearer ", "basic "].iter().filter_map(|w| lower[offset..].find(w).map(|i| i + w.len())).min();
        let Some(end) = found else { break };
        out.push_str(&rest[..end]);
        let token = rest[end..].find(char::is_whitespace).unwrap_or(rest.len() - end);
        // "basic auth failed" is prose; a token is long.
        let long = token >= 12;
        out.push_str(if long { HIDDEN } else { &rest[end..end + token] });
        rest = &rest[end + token..];
    }
    out.push_str(rest);
    out
}

/// A shell script, reduced to what says that it sets or passes a TLS mode.
pub(super) fn script(text: &str) -> String {
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

//! Shapes of values that can be recognised without knowing what they mean.

/// Stands for a masked part. It survives parsing of a URL, a key/value DSN, a JDBC URL and a .NET connection string.
pub const HIDDEN: &str = "***";

/// Stands for a masked part that held a raw `@`, `/`, `?` or `#`: drivers disagree on where such a userinfo ends.
pub const HIDDEN_AMBIGUOUS: &str = "***ambiguous***";

/// First stand-in for a `$(VAR)` reference while a value is being masked (a private-use plane).
const REFERENCE: u32 = 0xF_0000;

/// TLS mode words of all vocabularies of the reference, lower-case with `-` for `_`.
const MODE_WORDS: &[&str] = &[
    "disable",
    "disabled",
    "allow",
    "prefer",
    "preferred",
    "require",
    "required",
    "verify-ca",
    "verify-full",
    "verify-identity",
    "verifyca",
    "verifyfull",
    "verifynone",
    "no-verify",
    "skip-verify",
    "tunnel",
    "none",
    "system",
    "strict",
    "accept-invalid-certs",
];

const BOOLEANS: &[&str] = &["true", "false", "yes", "no", "on", "off", "enabled", "enable", "t", "f", "y", "n"];

const AUTH_METHODS: &[&str] = &["trust", "reject", "md5", "scram-sha-256", "password", "cert", "peer", "ident"];

pub(super) fn is_reference(c: char) -> bool {
    (c as u32) >= REFERENCE
}

fn is_private(c: char) -> bool {
    matches!(c as u32, 0xE000..=0xF8FF | 0xF0000..)
}

/// Replaces each `$(NAME)` by one stand-in character. `None` if the text already has such characters.
pub(super) fn protect(raw: &str) -> Option<(String, Vec<&str>)> {
    if raw.chars().any(is_private) {
        return None;
    }
    let (mut out, mut names, mut rest) = (String::with_capacity(raw.len()), Vec::new(), raw);
    while let Some(i) = rest.find('$') {
        out.push_str(&rest[..i]);
        let tail = &rest[i..];
        if let Some(literal) = tail.strip_prefix("$$") {
            // An escaped dollar: what follows is literal text.
            out.push_str("$$");
            rest = literal;
            continue;
        }
        let name = tail.strip_prefix("$(").and_then(|t| t.split_once(')')).map(|(n, _)| n);
        match name.filter(|n| is_variable_name(n)) {
            Some(n) => match char::from_u32(REFERENCE + names.len() as u32) {
                Some(c) if names.len() < 0xFFF0 => {
                    out.push(c);
                    names.push(n);
                    rest = &tail[n.len() + 3..];
                }
                _ => return None,
            },
            None => {
                out.push('$');
                rest = &tail[1..];
            }
        }
    }
    out.push_str(rest);
    Some((out, names))
}

/// Puts the references back.
pub(super) fn restore(text: &str, names: &[&str]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_reference(c).then(|| names.get((c as u32 - REFERENCE) as usize)).flatten() {
            Some(n) => {
                out.push_str("$(");
                out.push_str(n);
                out.push(')');
            }
            None => out.push(c),
        }
    }
    out
}

fn is_variable_name(n: &str) -> bool {
    n.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && n.len() <= 128
        && n.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// One or more references and nothing else.
pub(super) fn only_references(s: &str) -> bool {
    !s.is_empty() && s.chars().all(is_reference)
}

fn folded(s: &str) -> String {
    s.trim().to_ascii_lowercase().replace('_', "-")
}

/// A TLS mode word, a boolean or a small integer, blanks around it included (they matter to libpq).
pub(super) fn is_plain_word(s: &str) -> bool {
    let word = folded(s);
    s.len() <= 40
        && (word.is_empty()
            || MODE_WORDS.contains(&word.as_str())
            || BOOLEANS.contains(&word.as_str())
            || (word.len() <= 5 && word.bytes().all(|b| b.is_ascii_digit())))
}

/// A misspelt mode is kept under the name of a mode, since it is a finding. Anything further away may be a secret that
/// was put in the wrong place.
pub(super) fn is_word(s: &str) -> bool {
    let word = folded(s);
    let shaped = s.len() <= 24 && word.chars().all(|c| c.is_ascii_alphabetic() || "_- ".contains(c));
    let near = |known: &&str| strsim::damerau_levenshtein(&word, known) <= 2 && known.len() > 3;
    shaped && (MODE_WORDS.iter().any(near) || BOOLEANS.iter().any(near) || OTHER_WORDS.contains(&word.as_str()))
}

/// Words that are no mode but say something in the place of one.
const OTHER_WORDS: [&str; 8] = ["bogus", "none", "null", "ssl", "tls", "full", "strict", "insecure"];

pub(super) fn is_auth_method(s: &str) -> bool {
    AUTH_METHODS.contains(&folded(s).as_str())
}

fn all(s: &str, max: usize, extra: &str) -> bool {
    s.len() <= max && s.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c) || is_reference(c))
}

/// A database, user or parameter name.
pub(super) fn is_name(s: &str) -> bool {
    all(s.trim(), 128, "_.-%+~")
}

/// `host`, `host:port`, a comma list of them, an IP address, or a socket path.
pub(super) fn is_host(s: &str) -> bool {
    let t = s.trim();
    let socket = t.starts_with('/') || t.strip_prefix('@').is_some();
    let t = t.strip_prefix('@').unwrap_or(t);
    all(t, 512, if socket { "_.-:,/" } else { "_.-:,[]%" })
}

/// `host[:port]` of a URL authority, comma list included.
pub(super) fn is_authority(s: &str) -> bool {
    s.split(',').all(|part| {
        let (host, port) = match part.rfind(':') {
            Some(i) if !part[i..].contains(']') => (&part[..i], Some(&part[i + 1..])),
            _ => (part, None),
        };
        all(host, 512, "_.-%[]:()/*")
            && port.is_none_or(|p| {
                let p = p.trim_end_matches(')');
                p.len() <= 8 && p.chars().all(|c| c.is_ascii_digit() || is_reference(c))
            })
    })
}

pub(super) fn is_port(s: &str) -> bool {
    let t = s.trim();
    match t.strip_prefix("tcp://") {
        Some(a) => is_authority(a),
        None => t.len() <= 8 && t.chars().all(|c| c.is_ascii_digit() || is_reference(c)),
    }
}

/// An absolute path or the word `system`.
pub(super) fn is_path(s: &str) -> bool {
    let t = s.trim();
    t == "system" || (t.starts_with(|c| c == '/' || is_reference(c)) && all(t, 512, "_.-/@:,+ "))
}

/// The name of a flag or of a server parameter: lower-case, so that no Base64 text passes for one.
pub(super) fn is_flag(s: &str, dashed: bool) -> bool {
    s.starts_with(|c: char| c.is_ascii_lowercase())
        && s.len() <= 64
        && s.chars().all(|c| c.is_ascii_lowercase() || "_-.".contains(c) || (dashed && c.is_ascii_digit()))
}

/// A path that cannot be a Base64 text: lower-case, as programmes and their files mostly are.
pub(super) fn is_plain_path(s: &str) -> bool {
    is_path(s)
        && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c) || is_reference(c))
}

/// `project:region:instance`, with the listener suffixes of the Cloud SQL proxies.
pub(super) fn is_instance(s: &str) -> bool {
    let t = s.trim();
    let base = t.split(['?', '=', ',']).next().unwrap_or(t);
    (base.matches(':').count() >= 2 || base.starts_with("projects/")) && all(t, 512, "_.-:,=?&/")
}

/// A setting of the driver such as `PGREQUIREAUTH` or `PGSSLMINPROTOCOLVERSION`.
pub(super) fn is_setting(s: &str) -> bool {
    all(s.trim(), 64, "_.-,!")
}

//! Tests on the form of values: mode words, hosts, ports, paths, names.

/// Replaces a masked part. The parsers of URLs, key/value strings, JDBC URLs and .NET connection strings accept it.
pub(crate) const HIDDEN: &str = "***";

/// Replaces a masked part with a raw `@`, `/`, `?` or `#`. Drivers disagree on where such a userinfo ends.
pub(crate) const HIDDEN_AMBIGUOUS: &str = "***ambiguous***";

/// The first of the private-use characters that replace `$(VAR)` references while a value is masked.
const FIRST_REFERENCE: u32 = 0xF_0000;

/// TLS mode words of all drivers and engines, in lower case, with `-` for `_`.
#[rustfmt::skip]
const MODE_WORDS: &[&str] = &[
    "disable", "disabled", "allow", "prefer", "preferred", "require", "required", "verify-ca", "verify-full",
    "verify-identity", "verifyca", "verifyfull", "verifynone", "no-verify", "skip-verify", "tunnel", "none", "system",
    "strict", "accept-invalid-certs",
];

const BOOLEANS: &[&str] = &["true", "false", "yes", "no", "on", "off", "enabled", "enable", "t", "f", "y", "n"];

const AUTH_METHODS: &[&str] = &["trust", "reject", "md5", "scram-sha-256", "password", "cert", "peer", "ident"];

pub(super) fn is_reference(c: char) -> bool {
    (c as u32) >= FIRST_REFERENCE
}

fn is_private(c: char) -> bool {
    matches!(c as u32, 0xE000..=0xF8FF | 0xF0000..)
}

/// Replaces each `$(NAME)` by one private-use character. `None` if the text already contains such characters.
pub(super) fn replace_references(raw: &str) -> Option<(String, Vec<&str>)> {
    if raw.chars().any(is_private) {
        return None;
    }
    let (mut out, mut names, mut rest) = (String::with_capacity(raw.len()), Vec::new(), raw);
    while let Some(i) = rest.find('$') {
        out.push_str(&rest[..i]);
        let tail = &rest[i..];
        if let Some(literal) = tail.strip_prefix("$$") {
            // `$$` is an escaped `$`: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
            out.push_str("$$");
            rest = literal;
            continue;
        }
        let name = tail.strip_prefix("$(").and_then(|t| t.split_once(')')).map(|(n, _)| n);
        match name.filter(|n| is_variable_name(n)) {
            Some(n) => match char::from_u32(FIRST_REFERENCE + names.len() as u32) {
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
pub(super) fn restore_references(text: &str, names: &[&str]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_reference(c).then(|| names.get((c as u32 - FIRST_REFERENCE) as usize)).flatten() {
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

/// Whether the text consists of references.
pub(super) fn only_references(s: &str) -> bool {
    !s.is_empty() && s.chars().all(is_reference)
}

fn folded(s: &str) -> String {
    s.trim().to_ascii_lowercase().replace('_', "-")
}

/// Whether it is a TLS mode word, a boolean or a small integer, with any spaces around it (libpq does not trim).
pub(super) fn is_plain_word(s: &str) -> bool {
    let word = folded(s);
    s.len() <= 40
        && (word.is_empty()
            || MODE_WORDS.contains(&word.as_str())
            || BOOLEANS.contains(&word.as_str())
            || (word.len() <= 5 && word.bytes().all(|b| b.is_ascii_digit())))
}

/// Whether it is a TLS mode word or close to one. A misspelled mode is kept, because it is a finding. A word that is
/// less similar may be a secret in the wrong place.
pub(super) fn is_mode_word(s: &str) -> bool {
    let word = folded(s);
    let shaped = s.len() <= 24 && word.chars().all(|c| c.is_ascii_alphabetic() || "_- ".contains(c));
    let near = |known: &&str| strsim::damerau_levenshtein(&word, known) <= 2 && known.len() > 3;
    shaped && (MODE_WORDS.iter().any(near) || BOOLEANS.iter().any(near) || OTHER_WORDS.contains(&word.as_str()))
}

/// Words that are not modes, but are often written in place of one.
const OTHER_WORDS: [&str; 8] = ["bogus", "none", "null", "ssl", "tls", "full", "strict", "insecure"];

pub(super) fn is_auth_method(s: &str) -> bool {
    AUTH_METHODS.contains(&folded(s).as_str())
}

fn has_only(s: &str, max: usize, extra: &str) -> bool {
    s.len() <= max && s.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c) || is_reference(c))
}

/// Whether it is a database, user or parameter name.
pub(super) fn is_name(s: &str) -> bool {
    has_only(s.trim(), 128, "_.-%+~")
}

/// Whether it is `host`, `host:port`, a comma-separated list of them, an IP address, or a socket path.
pub(super) fn is_host(s: &str) -> bool {
    let t = s.trim();
    let socket = t.starts_with('/') || t.strip_prefix('@').is_some();
    let t = t.strip_prefix('@').unwrap_or(t);
    has_only(t, 512, if socket { "_.-:,/" } else { "_.-:,[]%" })
}

/// Whether it is the `host[:port]` of a URL authority, or a comma-separated list of them.
pub(super) fn is_authority(s: &str) -> bool {
    s.split(',').all(|part| {
        let (host, port) = match part.rfind(':') {
            Some(i) if !part[i..].contains(']') => (&part[..i], Some(&part[i + 1..])),
            _ => (part, None),
        };
        has_only(host, 512, "_.-%[]:()/*")
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

/// Whether it is an absolute path, or the word `system`.
pub(super) fn is_path(s: &str) -> bool {
    let t = s.trim();
    t == "system" || (t.starts_with(|c| c == '/' || is_reference(c)) && has_only(t, 512, "_.-/@:,+ "))
}

/// Whether it is the name of a flag or a server parameter. It must be in lower case, to exclude Base64.
pub(super) fn is_flag(s: &str, dashed: bool) -> bool {
    s.starts_with(|c: char| c.is_ascii_lowercase())
        && s.len() <= 64
        && s.chars().all(|c| c.is_ascii_lowercase() || "_-.".contains(c) || (dashed && c.is_ascii_digit()))
}

/// Whether it is a path in lower case, as most programs are. Base64 contains upper case.
pub(super) fn is_plain_path(s: &str) -> bool {
    is_path(s)
        && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c) || is_reference(c))
}

/// Whether it is `project:region:instance`, with or without the options of the Cloud SQL Auth Proxy.
pub(super) fn is_instance(s: &str) -> bool {
    let t = s.trim();
    let base = t.split(['?', '=', ',']).next().unwrap_or(t);
    (base.matches(':').count() >= 2 || base.starts_with("projects/")) && has_only(t, 512, "_.-:,=?&/")
}

/// Whether it is a driver setting such as `PGREQUIREAUTH` or `PGSSLMINPROTOCOLVERSION`.
pub(super) fn is_setting(s: &str) -> bool {
    has_only(s.trim(), 64, "_.-,!")
}

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

/// Whether it is a reference that is not expanded, such as `$NAME`, `${NAME}`, `$$(NAME)` or `$(NAME`, with nothing
/// beside names in capitals, as variables have, and the characters of references.
pub(super) fn is_shell_reference(s: &str) -> bool {
    let mut before = ' ';
    for c in s.trim().chars() {
        let continues = before.is_ascii_uppercase() || before == '_';
        let valid = match c {
            '$' | '(' | ')' | '{' | '}' | '\\' => true,
            'A'..='Z' | '_' => continues || before.is_ascii_digit() || "$({".contains(before),
            '0'..='9' => continues || before.is_ascii_digit(),
            c => is_reference(c),
        };
        if !valid {
            return false;
        }
        before = c;
    }
    s.contains('$') || s.chars().any(is_reference)
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

/// Whether it is a TLS mode word or a switch (a boolean or one digit), with any spaces around it (libpq does not trim).
pub(super) fn is_plain_word(s: &str) -> bool {
    let word = folded(s);
    s.len() <= 40
        && (word.is_empty()
            || MODE_WORDS.contains(&word.as_str())
            || BOOLEANS.contains(&word.as_str())
            || matches!(word.as_bytes(), [b'0'..=b'9']))
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

/// Whether it is the name of a database or a user. A secret can have this form too, so callers ask only where such a
/// name stands.
pub(super) fn is_identifier(s: &str) -> bool {
    has_only(s.trim(), 63, "_.-")
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
    // SQL Server's `tcp:host,1433`.
    let t = t.strip_prefix("tcp:").unwrap_or(t);
    if socket { has_only(t, 512, "_.-:,/") } else { t.len() <= 512 && t.split(',').all(is_host_port) }
}

/// Whether it is `host`, `host:port` or an IPv6 address. Only a number follows the colon: `user:password` has one too.
fn is_host_port(part: &str) -> bool {
    if part.parse::<std::net::Ipv6Addr>().is_ok() {
        return true;
    }
    let (host, port) = match part.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (part, ""),
    };
    let name = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.chars().all(|c| c.is_ascii_hexdigit() || ":.%".contains(c) || is_reference(c)),
        None => has_only(host, 253, "_.-*"),
    };
    name && port.len() <= 8 && port.chars().all(|c| c.is_ascii_digit() || is_reference(c))
}

/// Whether it is the `host[:port]` of a URL authority, or a comma-separated list of them.
pub(super) fn is_authority(s: &str) -> bool {
    let socket = s.strip_prefix('/').or_else(|| s.strip_prefix("%2F")).or_else(|| s.strip_prefix("%2f"));
    if let Some(path) = socket {
        // libpq: a socket's folder, percent-encoded. The Go MySQL driver: a socket in parentheses.
        return has_only(path, 512, "_.-%/:");
    }
    // The Go MySQL driver puts the address in parentheses: `tcp(host:3306)`.
    let inner = s.split_once('(').and_then(|(network, rest)| match network {
        "tcp" | "tcp6" | "unix" => rest.strip_suffix(')'),
        _ => None,
    });
    match inner {
        Some(path) if path.starts_with('/') => has_only(path, 512, "_.-/:"),
        Some(address) => is_host_port(address),
        None => s.split(',').all(is_host_port),
    }
}

/// Whether it is a number with a unit, as timeouts and sizes of pools are written.
pub(super) fn is_quantity(s: &str) -> bool {
    let digits = s.trim().trim_end_matches(|c: char| c.is_ascii_lowercase());
    !digits.is_empty()
        && digits.len() <= 5
        && digits.bytes().all(|b| b.is_ascii_digit())
        && s.trim().len() <= digits.len() + 3
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
    let after_references = t.trim_start_matches(is_reference);
    // Text directly after a reference may be the rest of a secret.
    let anchored = !t.is_empty() && (after_references.is_empty() || after_references.starts_with('/'));
    t == "system" || (anchored && has_only(t, 512, "_.-/@:,+ "))
}

/// Whether it is the name of a flag or a server parameter. Digits and upper case are excluded: secrets contain them.
pub(super) fn is_flag(s: &str) -> bool {
    s.starts_with(|c: char| c.is_ascii_lowercase())
        && s.len() <= 64
        && s.chars().all(|c| c.is_ascii_lowercase() || "_-.".contains(c))
}

/// Whether it is `project:region:instance`, with or without the options of the Cloud SQL Auth Proxy: a comma-separated
/// list, each with `=tcp:ADDRESS:PORT`, `=/SOCKET`, or `?address=ADDRESS&port=PORT`.
pub(super) fn is_instance(s: &str) -> bool {
    let instance = |one: &str| {
        let (base, options) = match one.find(['?', '=']) {
            Some(at) => one.split_at(at),
            None => (one, ""),
        };
        is_instance_name(base) && are_instance_options(options)
    };
    s.trim().split(',').all(instance)
}

/// The region is what tells `project:region:instance` from `user:password:1001`: `europe-west1`, `me-central2`.
fn is_instance_name(s: &str) -> bool {
    let region = |r: &str| {
        let letters = r.trim_end_matches(|c: char| c.is_ascii_digit());
        letters.len() < r.len()
            && letters.split('-').count() == 2
            && letters.split('-').all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()))
    };
    let id = |p: &str| !p.is_empty() && has_only(p, 98, "-.");
    if let Some(path) = s.strip_prefix("projects/") {
        let parts: Vec<&str> = path.split('/').collect();
        return match parts.as_slice() {
            [project, "locations", location, "clusters", cluster, "instances", instance] => {
                id(project) && (region(location) || only_references(location)) && id(cluster) && id(instance)
            }
            _ => false,
        };
    }
    let parts: Vec<&str> = s.split(':').collect();
    match parts.as_slice() {
        [project, location, instance] | [_, project, location, instance] => {
            let domain = parts.len() == 3 || parts.first().is_some_and(|d| d.contains('.') && id(d));
            domain && id(project) && (region(location) || only_references(location)) && id(instance)
        }
        _ => false,
    }
}

fn are_instance_options(s: &str) -> bool {
    if let Some(listener) = s.strip_prefix('=') {
        return match listener.strip_prefix("tcp:") {
            Some(address) => is_host_port(address),
            None => is_path(listener),
        };
    }
    let Some(query) = s.strip_prefix('?') else { return s.is_empty() };
    query.split('&').all(|pair| match pair.split_once('=') {
        Some(("address", v)) => is_host(v),
        Some(("port", v)) => is_port(v),
        Some(("unix-socket" | "unix-socket-path", v)) => is_path(v),
        Some((k, v)) => is_flag(k) && is_plain_word(v),
        None => is_flag(pair),
    })
}

/// Whether it is a driver setting such as `PGREQUIREAUTH` (`!password,scram-sha-256`) or `PGSSLMINPROTOCOLVERSION`.
pub(super) fn is_setting(s: &str) -> bool {
    let word = |w: &str| {
        let w = w.trim().trim_start_matches('!');
        is_plain_word(w) || is_auth_method(w) || SETTING_WORDS.contains(&folded(w).as_str())
    };
    s.split(',').all(word)
}

/// Masks the value of a server's parameter, unless it is one of the words that such parameters have.
pub(crate) fn mask_setting(s: &str) -> String {
    let known = is_mode_word(s) || is_setting(s) || matches!(folded(s).as_str(), "hba" | "plain" | "pam");
    if known { s.to_owned() } else { HIDDEN.to_owned() }
}

/// Words of the settings of drivers that are neither modes nor booleans.
#[rustfmt::skip]
const SETTING_WORDS: &[&str] = &[
    "tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3", "gss", "sspi", "oauth", "direct", "postgres", "any",
    "primary", "standby", "prefer-standby", "prefer-slave", "preferslave", "secondary", "master", "slave", "read-write",
    "read-only", "primary-preferred", "random", "database", "utc", "utf8", "utf-8", "utf8mb4", "auto", "mandatory",
    "optional", "accept-invalid-certs", "accept-invalid-hostnames",
];

use serde::{Deserialize, Serialize};

use super::name::{Group, classify, has_token, is_secret_name};
use super::{HIDDEN, dsn, free_text, shape};

/// An environment value after masking. It cannot be built unmasked; text of a snapshot was masked when it was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(Option<String>);

impl Value {
    /// Masks `raw`, the value of the variable (or the ConfigMap key) `name`.
    ///
    /// Kept: TLS mode words, booleans, integers of at most five digits and the empty string, always with the blanks
    /// around them; connection strings with every secret replaced by [`HIDDEN`]; hosts, ports, names and certificate
    /// paths where the name says that it is one; `$(VAR)` references. Nothing is kept under the name of a secret, nor
    /// of anything else. The names `""`, `command` and `args` stand for a command-line argument, see
    /// [`Value::argument`].
    pub fn mask(name: &str, raw: &str) -> Self {
        if matches!(name, "" | "command" | "args") {
            return Self::argument(raw);
        }
        Value(keep(name, raw))
    }

    /// Masks one element of `command` or `args`. Flags, paths, programme names and instance names are kept.
    pub fn argument(raw: &str) -> Self {
        Value(argument(raw))
    }

    /// Of a Secret's value `raw` under `name`, the setting of TLS alone: a mode word, or a connection string of which
    /// only the scheme and the parameters of TLS are left, its host hidden.
    pub fn tls_setting(name: &str, raw: &str) -> Self {
        let Some((text, names)) = shape::protect(raw) else { return Value(None) };
        // A reference in a Secret is never expanded, so that there is none to keep.
        if !names.is_empty() {
            return Value(None);
        }
        let group = classify(name).map(|v| v.group);
        let mode = matches!(
            group,
            Some(
                Group::ModeDriver
                    | Group::ModeConvention
                    | Group::ModeOther
                    | Group::Boolean
                    | Group::PostgresJs
                    | Group::VerifySwitch
                    | Group::TrustSwitch
            )
        );
        if mode && !is_secret_name(name) {
            return Value(Some(text).filter(|t| shape::is_word(t)));
        }
        Value(dsn::tls_only(&text))
    }

    /// A value of which nothing is kept.
    pub fn withheld() -> Self {
        Value(None)
    }

    /// What is kept; `None` when nothing was.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

fn keep(name: &str, raw: &str) -> Option<String> {
    if raw.is_empty() {
        return Some(String::new());
    }
    let (text, names) = shape::protect(raw)?;
    let kept = if is_secret_name(name) {
        // The path of a key file is not the key.
        let path = classify(name).is_some_and(|v| v.group == Group::ClientCertificate) && shape::is_path(&text);
        (path || shape::only_references(&text)).then_some(text)
    } else {
        keep_plain(name, &text)
    };
    kept.map(|k| shape::restore(&k, &names))
}

fn keep_plain(name: &str, text: &str) -> Option<String> {
    if shape::is_plain_word(text) || shape::only_references(text) {
        return Some(text.to_owned());
    }
    if text.contains("-----BEGIN") {
        return None;
    }
    if let Some(masked) = dsn::mask(text) {
        return Some(masked);
    }
    let group = classify(name).map(|v| v.group);
    let keep = match group {
        Some(Group::ModeDriver | Group::ModeConvention | Group::ModeOther | Group::PostgresJs) => shape::is_word(text),
        Some(Group::Boolean | Group::VerifySwitch | Group::TrustSwitch) => {
            return if shape::is_word(text) { Some(text.to_owned()) } else { json_tls(text) };
        }
        Some(Group::CertificateAuthority | Group::ClientCertificate) => shape::is_path(text),
        Some(Group::UrlProperties) => return Some(dsn::mask_properties(text)),
        Some(Group::Url | Group::Jdbc | Group::DotNet) => return None,
        Some(Group::Host) => shape::is_host(text),
        Some(Group::Port) => shape::is_port(text),
        Some(Group::DatabaseName | Group::User) => shape::is_name(text),
        Some(Group::DriverSetting) => shape::is_setting(text) || shape::is_path(text),
        Some(Group::Server) => shape::is_auth_method(text) || shape::is_path(text),
        Some(Group::Proxy) => shape::is_instance(text) || shape::is_host(text),
        Some(Group::Password) => false,
        // Keys of a ConfigMap get their prefix only when they are used: `host` may become `DB_HOST`.
        None if has_token(name, &["HOST", "HOSTNAME", "SERVER", "ENDPOINT"]) => shape::is_host(text),
        None if has_token(name, &["DATABASE", "DBNAME", "USER", "USERNAME"]) => shape::is_name(text),
        None if has_token(name, &["SSLMODE", "MODE"]) && name.to_ascii_uppercase().contains("SSL") => {
            shape::is_word(text)
        }
        None => false,
    };
    if keep { Some(text.to_owned()) } else { mixed(text) }
}

/// References among other text: the references stay, with punctuation and numbers between them.
fn mixed(text: &str) -> Option<String> {
    if !text.chars().any(shape::is_reference) {
        return None;
    }
    let mut out = String::new();
    let mut literal = String::new();
    let flush = |literal: &mut String, out: &mut String| {
        let harmless = literal.chars().all(|c| ":/,. -_".contains(c))
            || literal.strip_prefix(':').is_some_and(|p| p.len() <= 5 && p.bytes().all(|b| b.is_ascii_digit()));
        out.push_str(if harmless { literal } else { HIDDEN });
        literal.clear();
    };
    for c in text.chars() {
        if shape::is_reference(c) {
            flush(&mut literal, &mut out);
            out.push(c);
        } else {
            literal.push(c);
        }
    }
    flush(&mut literal, &mut out);
    Some(out)
}

/// `{"rejectUnauthorized": false, "ca": …}`: the switch stays, everything else is reduced to its presence.
fn json_tls(text: &str) -> Option<String> {
    let serde_json::Value::Object(map) = serde_json::from_str(text).ok()? else { return None };
    let kept: serde_json::Map<_, _> = map
        .into_iter()
        .filter(|(k, _)| matches!(k.as_str(), "rejectUnauthorized" | "ca" | "require" | "sslmode"))
        .map(|(k, v)| {
            let small = v.is_boolean() || v.as_str().is_some_and(shape::is_plain_word);
            (k, if small { v } else { HIDDEN.into() })
        })
        .collect();
    Some(serde_json::Value::Object(kept).to_string())
}

/// Programmes whose name says what a container does.
const PROGRAMMES: &[&str] = &[
    "sh",
    "bash",
    "ash",
    "dash",
    "zsh",
    "env",
    "exec",
    "postgres",
    "psql",
    "pg_dump",
    "pg_dumpall",
    "pg_basebackup",
    "pg_restore",
    "pg_isready",
    "postgres_exporter",
    "pgbouncer",
    "pgadmin",
    "node",
    "java",
    "python",
    "python3",
    "dotnet",
    "start",
    "run",
    "serve",
    "migrate",
    "cloud-sql-proxy",
    "cloud_sql_proxy",
    "alloydb-auth-proxy",
    "mysqld",
    "redis-server",
    "mongod",
    "instance",
    "controller",
];

fn argument(raw: &str) -> Option<String> {
    let (text, names) = shape::protect(raw)?;
    let kept = keep_argument(&text)?;
    Some(shape::restore(&kept, &names))
}

fn keep_argument(text: &str) -> Option<String> {
    let flag = text.trim_start_matches('-');
    if PROGRAMMES.contains(&text) || shape::is_plain_word(text) || shape::only_references(text) {
        return Some(text.to_owned());
    }
    if !shape::is_instance(text)
        && let Some((name, value)) = flag.split_once('=')
        && !name.is_empty()
        && (shape::is_flag(name, text.starts_with('-')) || classify(name).is_some())
        && dsn::mask(text).is_none()
    {
        let dashes = &text[..text.len() - flag.len()];
        let kept = match is_secret_name(name) {
            true if shape::only_references(value) => value.to_owned(),
            true => HIDDEN.to_owned(),
            false if shape::is_plain_path(value) || (name == "address" && shape::is_host(value)) => value.to_owned(),
            false if name == "instances" && shape::is_instance(value) => value.to_owned(),
            false if shape::is_auth_method(value) => value.to_owned(),
            false => keep_plain(name, value).unwrap_or_else(|| HIDDEN.to_owned()),
        };
        return Some(format!("{dashes}{name}={kept}"));
    }
    if let Some(masked) = dsn::mask(text) {
        return Some(masked);
    }
    // A short flag may have its value glued on (`-phunter2`), so only long flags and single letters are kept.
    let bare_flag =
        (text.starts_with("--") && shape::is_flag(flag, true)) || (text.len() == 2 && text.starts_with('-'));
    if bare_flag || shape::is_plain_path(text) || shape::is_instance(text) {
        return Some(text.to_owned());
    }
    if text.contains(char::is_whitespace) {
        // A shell script: only that there is one, and which of its words are assignments of a TLS mode.
        return Some(free_text::script(text));
    }
    mixed(text)
}

use serde::{Deserialize, Serialize};

use super::name::{Purpose, classify, ends_with_word, is_secret_name};
use super::{HIDDEN, dsn, free_text, shape};

/// A masked environment value. It cannot be built without masking. Values in a snapshot are already masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(Option<String>);

impl Value {
    /// Masks `raw`, the value of the variable (or the ConfigMap key) `name`.
    ///
    /// Kept are: TLS mode words, switches and the empty string, with any spaces around them; connection strings, of
    /// which each part is kept only in the form that its place has; hosts, ports, names and certificate paths if the
    /// variable's name identifies them; and `$(VAR)` references. Nothing else is kept, and nothing of a variable with
    /// the name of a secret.
    pub fn mask(name: &str, raw: &str) -> Self {
        Value(keep(name, raw))
    }

    /// Masks the words of `command` and `args`, which belong together: what follows `--password` is its value. Kept are
    /// the names of programs, instance names, switches of known settings, and connection strings as in [`Value::mask`].
    pub fn arguments<S: AsRef<str>>(words: &[S]) -> Vec<Self> {
        let mut previous = "";
        words
            .iter()
            .map(|word| {
                let word = word.as_ref();
                let kept = keep_masked_argument(previous, word);
                previous = word;
                Value(kept)
            })
            .collect()
    }

    /// Keeps only the TLS setting of `raw`, a Secret's value under `name`: a mode word, or the scheme and the TLS
    /// parameters of a connection string, with the host hidden.
    pub fn tls_setting(name: &str, raw: &str) -> Self {
        let Some((text, names)) = shape::replace_references(raw) else { return Value(None) };
        // Kubernetes does not expand references in a Secret's values.
        if !names.is_empty() {
            return Value(None);
        }
        let purpose = classify(name).map(|v| v.purpose);
        let mode = matches!(
            purpose,
            Some(
                Purpose::ModeDriver
                    | Purpose::ModeConvention
                    | Purpose::ModeOther
                    | Purpose::Boolean
                    | Purpose::PostgresJs
                    | Purpose::VerifySwitch
                    | Purpose::TrustSwitch
            )
        );
        if mode && !is_secret_name(name) {
            return Value(Some(text).filter(|t| shape::is_mode_word(t)));
        }
        Value(dsn::tls_only(&text))
    }

    /// A value that is not kept.
    pub fn withheld() -> Self {
        Value(None)
    }

    /// The kept text. `None` if nothing is kept.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

fn keep(name: &str, raw: &str) -> Option<String> {
    if raw.is_empty() {
        return Some(String::new());
    }
    let (text, names) = shape::replace_references(raw)?;
    let kept = if is_secret_name(name) {
        // The path of a key file is not secret.
        let path = classify(name).is_some_and(|v| v.purpose == Purpose::ClientCertificate) && shape::is_path(&text);
        (path || shape::only_references(&text)).then_some(text)
    } else {
        keep_plain(name, &text)
    };
    kept.map(|k| shape::restore_references(&k, &names))
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
    let purpose = classify(name).map(|v| v.purpose);
    let keep = match purpose {
        Some(Purpose::ModeDriver | Purpose::ModeConvention | Purpose::ModeOther | Purpose::PostgresJs) => {
            shape::is_mode_word(text)
        }
        Some(Purpose::Boolean | Purpose::VerifySwitch | Purpose::TrustSwitch) => {
            return if shape::is_mode_word(text) { Some(text.to_owned()) } else { keep_json_tls(text) };
        }
        Some(Purpose::CertificateAuthority | Purpose::ClientCertificate) => shape::is_path(text),
        Some(Purpose::UrlProperties) => return Some(dsn::mask_properties(text)),
        Some(Purpose::Url | Purpose::Jdbc | Purpose::DotNet) => return None,
        Some(Purpose::Host) => shape::is_host(text),
        Some(Purpose::Port) => shape::is_port(text),
        Some(Purpose::DatabaseName | Purpose::User) => shape::is_identifier(text),
        Some(Purpose::DriverSetting) => shape::is_setting(text),
        Some(Purpose::Server) => shape::is_auth_method(text) || shape::is_path(text),
        Some(Purpose::Proxy) => shape::is_instance(text) || shape::is_host(text),
        Some(Purpose::Password) => false,
        // `envFrom` can prefix the keys of a ConfigMap: `host` becomes `DB_HOST`.
        None if ends_with_word(name, &["HOST", "HOSTNAME", "SERVER", "ENDPOINT"]) => shape::is_host(text),
        None if is_one_word(name, &["DATABASE", "DBNAME", "USER", "USERNAME"]) => shape::is_identifier(text),
        None if ends_with_word(name, &["PORT"]) => shape::is_port(text),
        None if ends_with_word(name, &["SSLMODE", "MODE"]) && name.to_ascii_uppercase().contains("SSL") => {
            shape::is_mode_word(text)
        }
        None => false,
    };
    if keep { Some(text.to_owned()) } else { keep_references(text) }
}

/// Keeps references within other text, and punctuation and numbers between them.
fn keep_references(text: &str) -> Option<String> {
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

/// Keeps the switches of `{"rejectUnauthorized": false, "ca": …}`, and hides all other values.
fn keep_json_tls(text: &str) -> Option<String> {
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

fn is_one_word(name: &str, wanted: &[&str]) -> bool {
    wanted.iter().any(|w| name.eq_ignore_ascii_case(w))
}

/// Programs that are named in `command` or `args`.
#[rustfmt::skip]
const PROGRAMS: &[&str] = &[
    "sh", "bash", "ash", "dash", "zsh", "env", "exec", "postgres", "psql", "pg_dump", "pg_dumpall", "pg_basebackup",
    "pg_restore", "pg_isready", "postgres_exporter", "pgbouncer", "pgadmin", "node", "java", "python", "python3",
    "dotnet", "start", "run", "serve", "migrate", "cloud-sql-proxy", "cloud_sql_proxy", "alloydb-auth-proxy",
    "mysqld", "redis-server", "mongod", "instance", "controller", "mysql", "mysqldump", "redis-cli", "mongosh",
];

/// Options that matter: with `-c` a server or a shell takes a setting or a script, and the others say where a proxy
/// listens.
const OPTIONS: &[&str] = &["-c", "-a", "--address"];

fn keep_masked_argument(previous: &str, raw: &str) -> Option<String> {
    let (text, names) = shape::replace_references(raw)?;
    let kept = keep_argument_after(previous, &text)?;
    Some(shape::restore_references(&kept, &names))
}

fn keep_argument_after(previous: &str, text: &str) -> Option<String> {
    let option = previous.starts_with('-') && !previous.contains('=');
    if shape::only_references(text) || (option && matches!(previous, "-a" | "--address") && shape::is_host(text)) {
        return Some(text.to_owned());
    }
    // A word after an option is its value. If it can be a secret, not even a word that looks harmless is kept.
    let may_be_secret =
        option && (is_secret_name(previous) || !previous.starts_with("--") && !is_script_option(previous));
    if may_be_secret && !text.starts_with('-') {
        return None;
    }
    keep_plain_argument(text)
}

/// `-c` of a shell or a server, also with other letters: `-ec`.
fn is_script_option(option: &str) -> bool {
    option.ends_with('c') && option.len() <= 4 && option.bytes().skip(1).all(|b| b.is_ascii_lowercase())
}

fn keep_plain_argument(text: &str) -> Option<String> {
    let flag = text.trim_start_matches('-');
    let program = text.rsplit('/').next().filter(|_| shape::is_path(text)).unwrap_or(text);
    if PROGRAMS.contains(&program) && (program == text || !text.contains(char::is_whitespace)) {
        // Of a path, the name of the program is all that is read.
        return Some(program.to_owned());
    }
    if OPTIONS.contains(&text) || shape::is_plain_word(text) || shape::is_instance(text) {
        return Some(text.to_owned());
    }
    if let Some((name, value)) = flag.split_once('=')
        && !name.is_empty()
        && (shape::is_flag(name) || classify(name).is_some())
        && dsn::mask(text).is_none()
    {
        let dashes = &text[..text.len() - flag.len()];
        let kept = match is_secret_name(name) {
            true if shape::only_references(value) => value.to_owned(),
            true => HIDDEN.to_owned(),
            false if name == "address" && shape::is_host(value) => value.to_owned(),
            false if name == "instances" && shape::is_instance(value) => value.to_owned(),
            false if shape::is_auth_method(value) => value.to_owned(),
            false => keep_plain(name, value).unwrap_or_else(|| HIDDEN.to_owned()),
        };
        return Some(format!("{dashes}{name}={kept}"));
    }
    if let Some(masked) = dsn::mask(text) {
        return Some(masked);
    }
    if text.contains(char::is_whitespace) {
        // A shell script.
        return Some(free_text::mask_script(text));
    }
    keep_references(text)
}

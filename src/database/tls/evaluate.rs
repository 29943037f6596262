//! The TLS class that settings give, for one driver and for all drivers that may be in use.

use super::table::{EmptyValue, PgSslMode, Repeated, RootFileEffect, Row, WORDS, row};
use super::{Class, Driver, Evaluation, Range, RootFile, Setting, Settings};
use crate::database::dsn::{Dsn, DsnProblem, DsnValue, Syntax};

/// [Query parameters that libpq accepts](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS).
/// libpq rejects any other.
#[rustfmt::skip]
const LIBPQ_KEYS: &[&str] = &[
    "host", "hostaddr", "port", "dbname", "user", "password", "passfile", "require_auth", "channel_binding",
    "connect_timeout", "client_encoding", "options", "application_name", "fallback_application_name", "keepalives",
    "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "replication", "gssencmode",
    "sslmode", "requiressl", "sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslkeylogfile", "sslpassword",
    "sslcertmode", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "requirepeer", "ssl_min_protocol_version",
    "ssl_max_protocol_version", "min_protocol_version", "max_protocol_version", "krbsrvname", "gsslib",
    "gssdelegation", "scram_client_key", "scram_server_key", "service", "servicefile", "target_session_attrs",
    "load_balance_hosts", "oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope",
];

/// The class that a mode gives before root certificate files and switches apply.
enum ModeClass {
    Class(Class, Option<&'static str>),
    Unknown,
}

fn class(c: Class) -> ModeClass {
    ModeClass::Class(c, None)
}

fn noted(c: Class, note: &'static str) -> ModeClass {
    ModeClass::Class(c, Some(note))
}

fn class_of_word(word: &str, words: &[Class; 6], bad: Class, any_case: bool) -> Class {
    let fits = |w: &str| if any_case { w.eq_ignore_ascii_case(word) } else { w == word };
    WORDS.iter().position(|w| fits(w)).map_or(bad, |i| words[i])
}

/// Evaluates one driver. `None` if the driver does not parse the syntax of the connection string.
pub(super) fn evaluate(driver: Driver, settings: &Settings<'_>) -> Option<Evaluation> {
    evaluate_with(driver, settings, None)
}

fn evaluate_with(driver: Driver, settings: &Settings<'_>, repeated: Option<Repeated>) -> Option<Evaluation> {
    let row = row(driver);
    if settings.dsn.is_some_and(|d| !driver.fits(d.syntax)) {
        return None;
    }
    let repeated = repeated.unwrap_or(row.repeated);
    let mut out = Evaluation { class: None, fragile: false, bound: false, weakened: false, note: None };
    match class_of_settings(row, settings, repeated) {
        ModeClass::Unknown => return Some(out),
        ModeClass::Class(c, note) => (out.class, out.note) = (Some(c), note),
    }
    let mode = settings.dsn.and_then(|d| parameter(d, row.key, repeated)).and_then(DsnValue::known);
    let system = settings.root == RootFile::System;
    out.class = out.class.map(|c| {
        let c = apply_root_file(row, settings, mode, c, &mut out);
        let accepts_any = (driver.is_node() && settings.node_accepts_any) || (settings.verification_off && !system);
        if accepts_any && matches!(c, Class::VerifyCa | Class::VerifyFull) {
            out.note = Some("verification is turned off by a switch of the process");
            Class::Require
        } else {
            c
        }
    });
    out.bound = out.class == Some(Class::Require) && matches!(driver, Driver::Libpq) && {
        let has = |key: &str, value: &str| {
            settings.dsn.and_then(|d| d.last(key)).and_then(DsnValue::known).is_some_and(|v| v == value)
        };
        settings.bound || has("channel_binding", "require") || has("require_auth", "scram-sha-256")
    };
    if let (Some(word), Some(c)) = (mode, out.class) {
        let meant = class_of_word(&word.to_ascii_lowercase(), &libpq_words(), Class::Error, true);
        out.weakened = meant != Class::Error && c < meant && c != Class::Error && !is_process_switch(out.note);
    }
    Some(out)
}

fn is_process_switch(note: Option<&str>) -> bool {
    note.is_some_and(|n| n.contains("switch"))
}

fn libpq_words() -> [Class; 6] {
    row(Driver::Libpq).words
}

fn parameter<'a>(dsn: &'a Dsn, key: &str, repeated: Repeated) -> Option<&'a DsnValue> {
    let mut values = dsn.parameters.iter().filter(|(k, _)| k == key).map(|(_, v)| v);
    match repeated {
        Repeated::First => values.next(),
        Repeated::Last => values.next_back(),
    }
}

/// Applies the root certificate file, which can turn `require` into `verify-ca`. `sslrootcert=system` allows only
/// `verify-full` ([libpq](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-SSLROOTCERT)).
fn apply_root_file(row: &Row, settings: &Settings<'_>, mode: Option<&str>, c: Class, out: &mut Evaluation) -> Class {
    if c == Class::Error || row.root == RootFileEffect::Nothing {
        return c;
    }
    let explicit = mode.is_some() || matches!(settings.pgsslmode, Setting::Set(_));
    match (settings.root, row.root) {
        (RootFile::System, _) if matches!(row.driver, Driver::Libpq | Driver::GoPq | Driver::SqlAlchemyPsycopg) => {
            match (explicit, c) {
                (false, _) | (_, Class::VerifyFull) => Class::VerifyFull,
                _ => {
                    out.note = Some("sslrootcert=system allows no mode but verify-full");
                    Class::Error
                }
            }
        }
        // Other drivers treat `system` as the name of a file, which does not exist.
        (RootFile::System | RootFile::Missing, RootFileEffect::UpgradesOrFails) if c >= Class::Require => {
            out.note = Some("the named root certificate file does not exist");
            Class::Error
        }
        (RootFile::System | RootFile::Missing, RootFileEffect::Upgrades)
            if matches!(c, Class::VerifyCa | Class::VerifyFull) =>
        {
            out.note = Some("the named root certificate file does not exist");
            Class::Error
        }
        (RootFile::Mounted, _) if c == Class::Require => {
            out.fragile = row.root == RootFileEffect::Upgrades;
            out.note = Some("require checks the chain because a root certificate is named; use verify-full");
            Class::VerifyCa
        }
        _ => c,
    }
}

/// The class that parameters and variables give, before root certificate files and switches apply.
fn class_of_settings(row: &Row, settings: &Settings<'_>, repeated: Repeated) -> ModeClass {
    if let Some(dsn) = settings.dsn {
        if let Some(step) = refusal(row.driver, dsn) {
            return step;
        }
        if let Some(step) = class_of_other_parameters(row, settings, dsn, repeated) {
            return step;
        }
        match parameter(dsn, row.key, repeated) {
            Some(DsnValue::Opaque) => return ModeClass::Unknown,
            Some(DsnValue::Known(w)) if w.is_empty() && row.driver == Driver::NodePg => {}
            Some(DsnValue::Known(w)) => return class_of_mode(row, w),
            _ => {}
        }
    }
    class_of_environment(row, settings)
}

fn class_of_mode(row: &Row, w: &str) -> ModeClass {
    if matches!(row.driver, Driver::NodePg | Driver::PostgresJs) && w == "no-verify" {
        return class(Class::Require);
    }
    if row.driver == Driver::R2dbc && w == "tunnel" {
        return noted(Class::Require, "TLS ends at a proxy");
    }
    let folded: String;
    // Npgsql ignores spaces and separators (`VerifyFull`).
    let w = if matches!(row.driver, Driver::Npgsql | Driver::Npgsql6 | Driver::Npgsql5) {
        folded = match w.to_ascii_lowercase().replace(['-', ' '], "").as_str() {
            "verifyca" => "verify-ca".to_owned(),
            "verifyfull" => "verify-full".to_owned(),
            other => other.to_owned(),
        };
        folded.as_str()
    } else {
        w
    };
    let c = class_of_word(w, &row.words, row.bad, row.any_case);
    match c {
        Class::Error => noted(c, "the driver rejects this mode"),
        _ => class(c),
    }
}

/// Why a driver rejects the connection string as a whole.
fn refusal(driver: Driver, dsn: &Dsn) -> Option<ModeClass> {
    let has = |key: &str| dsn.parameters.iter().any(|(k, _)| k == key);
    let other_case = dsn.parameters.iter().any(|(k, _)| k.eq_ignore_ascii_case("sslmode") && k != "sslmode");
    let malformed = dsn.problems.iter().any(|p| matches!(p, DsnProblem::Malformed(_)));
    let ssl = || dsn.last("ssl").and_then(DsnValue::known);
    match driver {
        Driver::Libpq | Driver::Libpq15 => {
            if malformed {
                return Some(noted(Class::Error, "libpq cannot parse the connection string"));
            }
            let unknown = dsn.parameters.iter().any(|(k, v)| {
                let ssl_true = dsn.syntax == Syntax::Uri && k == "ssl" && v.known().is_none_or(|v| v == "true");
                !LIBPQ_KEYS.contains(&k.as_str()) && !ssl_true
            });
            unknown.then(|| noted(Class::Error, "libpq rejects unknown parameters"))
        }
        Driver::SqlAlchemyPsycopg if has("ssl") => Some(noted(Class::Error, "psycopg has no parameter ssl")),
        Driver::SqlAlchemyAsyncpg if has("sslmode") => {
            Some(noted(Class::Error, "asyncpg.connect has no parameter sslmode"))
        }
        Driver::SqlAlchemyAsyncpg if ssl().is_some_and(|v| !WORDS.contains(&v)) => {
            Some(noted(Class::Error, "ssl must be a mode word"))
        }
        Driver::Pg8000 if has("sslmode") || has("ssl") => Some(noted(Class::Error, "pg8000 has no parameter sslmode")),
        Driver::GoPq | Driver::GoPq111 | Driver::GoPq110 if has("ssl") || other_case => {
            Some(noted(Class::Error, "the server rejects the unknown parameter"))
        }
        Driver::PostgresJs if other_case || has("schema") => {
            Some(noted(Class::Error, "unknown parameters become server settings, which the server rejects"))
        }
        Driver::NodePg if ssl() == Some("false") && !has("sslmode") => {
            Some(noted(Class::Error, "ssl=false is a non-empty string, which counts as true, and pg fails on it"))
        }
        _ => None,
    }
}

/// The class where parameters other than the mode decide.
fn class_of_other_parameters(row: &Row, settings: &Settings<'_>, dsn: &Dsn, repeated: Repeated) -> Option<ModeClass> {
    let known = |key: &str| parameter(dsn, key, repeated).and_then(DsnValue::known);
    let opaque = |key: &str| dsn.values(key).any(|v| *v == DsnValue::Opaque);
    let has = |key: &str| dsn.values(key).next().is_some();
    let mode = parameter(dsn, row.key, repeated);
    match row.driver {
        Driver::Libpq | Driver::Libpq15 | Driver::SqlAlchemyPsycopg => {
            let strong = matches!(known("sslmode"), Some("require" | "verify-ca" | "verify-full"));
            if known("sslnegotiation") == Some("direct")
                && row.driver == Driver::Libpq
                && !strong
                && mode != Some(&DsnValue::Opaque)
            {
                return Some(noted(Class::Error, "sslnegotiation=direct needs sslmode=require or stronger"));
            }
            if mode.is_none() && (known("requiressl") == Some("1") || known("ssl") == Some("true")) {
                return Some(class(Class::Require));
            }
            None
        }
        Driver::Pgx | Driver::Pgx510 | Driver::Pgx56 if mode.is_none() && known("ssl") == Some("true") => {
            Some(class(Class::Require))
        }
        Driver::Pgjdbc => class_of_pgjdbc(row, dsn, mode),
        Driver::R2dbc => {
            let tls = dsn.scheme == "r2dbcs" || known("ssl").is_some_and(|v| v.eq_ignore_ascii_case("true"));
            (mode.is_none() && tls).then(|| class(Class::VerifyFull))
        }
        Driver::NodePg => {
            if known("uselibpqcompat") == Some("true") {
                return Some(class_of_libpq_compat(known("sslmode"), settings.root, mode));
            }
            if mode.is_some_and(|m| *m != DsnValue::Known(String::new())) {
                return None;
            }
            if opaque("ssl") {
                return Some(ModeClass::Unknown);
            }
            match known("ssl") {
                Some("true" | "1") => return Some(class(Class::VerifyFull)),
                Some("0") => return Some(class(Class::Disable)),
                Some("no-verify") => return Some(class(Class::Require)),
                Some(w) if !w.is_empty() => return Some(class(Class::VerifyFull)),
                _ => {}
            }
            let material = has("sslrootcert") || has("sslcert") || has("sslkey");
            (material || known("sslnegotiation") == Some("direct"))
                .then(|| noted(Class::VerifyFull, "a certificate parameter alone turns verified TLS on"))
        }
        Driver::PostgresJs if mode.is_none() => match known("ssl") {
            _ if opaque("ssl") => Some(ModeClass::Unknown),
            Some("false" | "disable") => Some(class(Class::Disable)),
            Some(w) => Some(class_of_mode(row, w)),
            None => None,
        },
        Driver::Sqlx if mode.is_none() => match parameter(dsn, "ssl-mode", repeated) {
            Some(DsnValue::Opaque) => Some(ModeClass::Unknown),
            Some(DsnValue::Known(w)) => Some(class_of_mode(row, w)),
            _ => None,
        },
        Driver::Prisma => match (known("sslmode"), known("sslaccept")) {
            (Some("require"), Some(accept)) if accept != "accept_invalid_certs" => Some(class(Class::VerifyFull)),
            _ if mode.is_some() || !has("sslmode") => None,
            _ => None,
        },
        Driver::Npgsql6 | Driver::Npgsql5 => {
            let trust = known("trustservercertificate").is_some_and(|v| v.eq_ignore_ascii_case("true"));
            let ModeClass::Class(c, _) = class_of_mode(row, known("sslmode").filter(|_| trust)?) else { return None };
            let w = known("sslmode")?.to_ascii_lowercase();
            match row.driver {
                Driver::Npgsql6 if w == "require" => Some(class(Class::Require)),
                Driver::Npgsql6 if w.starts_with("verify") => {
                    Some(noted(Class::Error, "Trust Server Certificate is not valid with verification"))
                }
                Driver::Npgsql5 if c == Class::VerifyFull => Some(class(Class::Require)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn class_of_pgjdbc(row: &Row, dsn: &Dsn, mode: Option<&DsnValue>) -> Option<ModeClass> {
    let c = match (mode, dsn.last("ssl")) {
        (Some(DsnValue::Known(w)), _) => class_of_mode(row, w),
        (Some(_), _) | (None, Some(DsnValue::Opaque)) => return Some(ModeClass::Unknown),
        (None, Some(DsnValue::Known(v))) if v.is_empty() || v.eq_ignore_ascii_case("true") => class(Class::VerifyFull),
        _ => class(row.unset),
    };
    let blind = dsn.last("sslfactory").and_then(DsnValue::known).is_some_and(|f| f.ends_with("NonValidatingFactory"));
    Some(match c {
        ModeClass::Class(Class::VerifyCa | Class::VerifyFull, _) if blind => {
            noted(Class::Require, "NonValidatingFactory accepts any certificate")
        }
        other => other,
    })
}

/// The class of node-postgres with `uselibpqcompat=true`.
fn class_of_libpq_compat(word: Option<&str>, root: RootFile, mode: Option<&DsnValue>) -> ModeClass {
    if mode == Some(&DsnValue::Opaque) {
        return ModeClass::Unknown;
    }
    let named = !matches!(root, RootFile::None);
    match word {
        None | Some("") => class(if named { Class::VerifyFull } else { Class::Disable }),
        Some("disable") => class(Class::Disable),
        Some("prefer" | "no-verify") => class(Class::Require),
        Some("require") => class(if named { Class::VerifyCa } else { Class::Require }),
        Some("verify-ca") if named => class(Class::VerifyCa),
        Some("verify-ca") => noted(Class::Error, "verify-ca needs sslrootcert"),
        Some(_) => class(Class::VerifyFull),
    }
}

/// The class that environment variables give, else the driver's default.
fn class_of_environment(row: &Row, settings: &Settings<'_>) -> ModeClass {
    if row.driver == Driver::PostgresJs {
        return match &settings.pgssl {
            Setting::Unknown => ModeClass::Unknown,
            Setting::Unset => class(row.unset),
            Setting::Set(v) => match v.as_str() {
                "" => class(row.unset),
                "require" | "allow" | "prefer" => class_of_mode(row, v),
                // postgres.js converts `false` and `disable` in a connection string, but not in `PGSSL`.
                _ => noted(Class::VerifyFull, "any other value of PGSSL, including false, turns verified TLS on"),
            },
        };
    }
    let PgSslMode::Read { words, bad, empty } = row.env else { return class(row.unset) };
    match &settings.pgsslmode {
        Setting::Unknown => ModeClass::Unknown,
        Setting::Set(v) if v.is_empty() => match empty {
            EmptyValue::Error => noted(Class::Error, "an empty PGSSLMODE is rejected"),
            EmptyValue::Unset => class(row.unset),
        },
        Setting::Set(v) if row.driver == Driver::NodePg && v == "no-verify" => class(Class::Require),
        Setting::Set(v) => {
            let known = WORDS.iter().any(|w| if row.any_case { w.eq_ignore_ascii_case(v) } else { w == v });
            let c = class_of_word(v, &words, bad, row.any_case);
            if known { class(c) } else { noted(c, "PGSSLMODE is not a mode that the driver knows") }
        }
        Setting::Unset => {
            let requires = settings.pgrequiressl == Setting::Set("1".to_owned());
            if requires && matches!(row.driver, Driver::Libpq | Driver::Libpq15 | Driver::SqlAlchemyPsycopg) {
                class(Class::Require)
            } else {
                class(row.unset)
            }
        }
    }
}

/// The classes over `drivers`. `None` if an unread setting decides for one of them, or if no driver parses the string.
///
/// If a key is repeated with different values and several drivers are possible, each driver counts with the weaker of
/// the first and the last value.
pub(crate) fn class_range(drivers: &[Driver], settings: &Settings<'_>) -> Option<Range> {
    let repeated = drivers.len() > 1
        && settings.dsn.is_some_and(|d| {
            d.problems
                .iter()
                .any(|p| matches!(p, DsnProblem::RepeatedKey(k) if k.to_ascii_lowercase().starts_with("ssl")))
        });
    let mut evaluations: Vec<(Driver, Evaluation)> = Vec::new();
    for &driver in drivers {
        let Some(mut evaluation) = evaluate(driver, settings) else { continue };
        if repeated {
            for reading in [Repeated::First, Repeated::Last] {
                let other = evaluate_with(driver, settings, Some(reading))?;
                evaluation.class = Some(evaluation.class?.weaker(other.class?));
            }
        }
        evaluations.push((driver, evaluation));
    }
    let classes: Vec<(Driver, Class)> =
        evaluations.iter().map(|(d, j)| j.class.map(|c| (*d, c))).collect::<Option<_>>()?;
    let errors: Vec<Driver> = classes.iter().filter(|(_, c)| *c == Class::Error).map(|(d, _)| *d).collect();
    // A driver that rejects the setting makes no connection, so it is not in use, unless all drivers reject it.
    let connecting = || classes.iter().filter(|(_, c)| *c != Class::Error || errors.len() == classes.len());
    let worst = connecting().map(|(_, c)| *c).min()?;
    let best = connecting().map(|(_, c)| *c).max()?;
    let of = |class: Class| classes.iter().filter(|(_, c)| *c == class).map(|(d, _)| *d).collect();
    Some(Range { worst, worst_drivers: of(worst), best, best_drivers: of(best), errors, evaluations, repeated })
}

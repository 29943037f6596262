//! From settings to a class, for one driver and for all that may be in use.

use super::table::{Empty, Env, Repeated, Root, Row, WORDS, row};
use super::{Class, Driver, Judgement, Range, RootFile, Setting, Settings};
use crate::database::dsn::{Dsn, Part, Problem, Syntax};

/// Query parameters that libpq knows. Any other is an error to it.
const LIBPQ_KEYS: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "require_auth",
    "channel_binding",
    "connect_timeout",
    "client_encoding",
    "options",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "replication",
    "gssencmode",
    "sslmode",
    "requiressl",
    "sslnegotiation",
    "sslcompression",
    "sslcert",
    "sslkey",
    "sslkeylogfile",
    "sslpassword",
    "sslcertmode",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "requirepeer",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "min_protocol_version",
    "max_protocol_version",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "target_session_attrs",
    "load_balance_hosts",
    "oauth_issuer",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_scope",
];

/// What a mode comes to before root files and overrides.
enum Step {
    Class(Class, Option<&'static str>),
    Unknown,
}

fn class(c: Class) -> Step {
    Step::Class(c, None)
}

fn noted(c: Class, note: &'static str) -> Step {
    Step::Class(c, Some(note))
}

fn word_class(word: &str, words: &[Class; 6], bad: Class, any_case: bool) -> Class {
    let fits = |w: &str| if any_case { w.eq_ignore_ascii_case(word) } else { w == word };
    WORDS.iter().position(|w| fits(w)).map_or(bad, |i| words[i])
}

/// Judges one driver. `None` if it does not read the syntax of the connection string.
pub fn judge(driver: Driver, settings: &Settings<'_>) -> Option<Judgement> {
    judge_repeated(driver, settings, None)
}

fn judge_repeated(driver: Driver, settings: &Settings<'_>, repeated: Option<Repeated>) -> Option<Judgement> {
    let row = row(driver);
    if settings.dsn.is_some_and(|d| !driver.fits(d.syntax)) {
        return None;
    }
    let repeated = repeated.unwrap_or(row.repeated);
    let mut out = Judgement { class: None, fragile: false, bound: false, weakened: false, note: None };
    match base(row, settings, repeated) {
        Step::Unknown => return Some(out),
        Step::Class(c, note) => (out.class, out.note) = (Some(c), note),
    }
    let mode = settings.dsn.and_then(|d| pick(d, row.key, repeated)).and_then(Part::known);
    let system = settings.root == RootFile::System;
    out.class = out.class.map(|c| {
        let c = root(row, settings, mode, c, &mut out);
        let accepts_any = (driver.is_node() && settings.node_accepts_any) || (settings.verification_off && !system);
        if accepts_any && matches!(c, Class::T4 | Class::T5) {
            out.note = Some("verification is turned off by a switch of the process");
            Class::T3
        } else {
            c
        }
    });
    out.bound = out.class == Some(Class::T3) && matches!(driver, Driver::Libpq) && {
        let parameter = |key: &str, value: &str| {
            settings.dsn.and_then(|d| d.last(key)).and_then(Part::known).is_some_and(|v| v == value)
        };
        settings.bound || parameter("channel_binding", "require") || parameter("require_auth", "scram-sha-256")
    };
    if let (Some(word), Some(c)) = (mode, out.class) {
        let meant = word_class(&word.to_ascii_lowercase(), &row_standard(), Class::Error, true);
        out.weakened = meant != Class::Error && c < meant && c != Class::Error && !accepts_note(out.note);
    }
    Some(out)
}

fn accepts_note(note: Option<&str>) -> bool {
    note.is_some_and(|n| n.contains("switch"))
}

fn row_standard() -> [Class; 6] {
    row(Driver::Libpq).words
}

fn pick<'a>(dsn: &'a Dsn, key: &str, repeated: Repeated) -> Option<&'a Part> {
    let mut values = dsn.parameters.iter().filter(|(k, _)| k == key).map(|(_, v)| v);
    match repeated {
        Repeated::First => values.next(),
        Repeated::Last => values.next_back(),
    }
}

/// A root file changes `require`, and `system` changes it more.
fn root(row: &Row, settings: &Settings<'_>, mode: Option<&str>, c: Class, out: &mut Judgement) -> Class {
    if c == Class::Error || row.root == Root::Nothing {
        return c;
    }
    let explicit = mode.is_some() || matches!(settings.pgsslmode, Setting::Set(_));
    match (settings.root, row.root) {
        (RootFile::System, _) if matches!(row.driver, Driver::Libpq | Driver::GoPq | Driver::SqlAlchemyPsycopg) => {
            match (explicit, c) {
                (false, _) | (_, Class::T5) => Class::T5,
                _ => {
                    out.note = Some("sslrootcert=system allows no mode but verify-full");
                    Class::Error
                }
            }
        }
        // To the others it is the name of a file that does not exist.
        (RootFile::System | RootFile::Missing, Root::UpgradesOrFails) if c >= Class::T3 => {
            out.note = Some("the named root certificate file does not exist");
            Class::Error
        }
        (RootFile::System | RootFile::Missing, Root::Upgrades) if matches!(c, Class::T4 | Class::T5) => {
            out.note = Some("the named root certificate file does not exist");
            Class::Error
        }
        (RootFile::Mounted, _) if c == Class::T3 => {
            out.fragile = row.root == Root::Upgrades;
            out.note = Some("require checks the chain because a root certificate is named; use verify-full");
            Class::T4
        }
        _ => c,
    }
}

/// The class that parameters and variables give, before root files and switches.
fn base(row: &Row, settings: &Settings<'_>, repeated: Repeated) -> Step {
    if let Some(dsn) = settings.dsn {
        if let Some(step) = refused(row.driver, dsn) {
            return step;
        }
        if let Some(step) = special(row, settings, dsn, repeated) {
            return step;
        }
        match pick(dsn, row.key, repeated) {
            Some(Part::Opaque) => return Step::Unknown,
            Some(Part::Known(w)) if w.is_empty() && row.driver == Driver::NodePg => {}
            Some(Part::Known(w)) => return word(row, w),
            _ => {}
        }
    }
    environment(row, settings)
}

fn word(row: &Row, w: &str) -> Step {
    if matches!(row.driver, Driver::NodePg | Driver::PostgresJs) && w == "no-verify" {
        return class(Class::T3);
    }
    if row.driver == Driver::R2dbc && w == "tunnel" {
        return noted(Class::T3, "TLS ends at a proxy");
    }
    let folded: String;
    // Npgsql ignores blanks and separators (`VerifyFull`).
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
    let c = word_class(w, &row.words, row.bad, row.any_case);
    match c {
        Class::Error => noted(c, "the driver refuses this mode"),
        _ => class(c),
    }
}

/// Strings that a driver does not take at all.
fn refused(driver: Driver, dsn: &Dsn) -> Option<Step> {
    let has = |key: &str| dsn.parameters.iter().any(|(k, _)| k == key);
    let other_case = dsn.parameters.iter().any(|(k, _)| k.eq_ignore_ascii_case("sslmode") && k != "sslmode");
    let malformed = dsn.problems.iter().any(|p| matches!(p, Problem::Malformed(_)));
    let ssl = || dsn.last("ssl").and_then(Part::known);
    match driver {
        Driver::Libpq | Driver::Libpq15 => {
            if malformed {
                return Some(noted(Class::Error, "libpq cannot parse the connection string"));
            }
            let unknown = dsn.parameters.iter().any(|(k, v)| {
                let ssl_true = dsn.syntax == Syntax::Uri && k == "ssl" && v.known().is_none_or(|v| v == "true");
                !LIBPQ_KEYS.contains(&k.as_str()) && !ssl_true
            });
            unknown.then(|| noted(Class::Error, "libpq refuses unknown parameters"))
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
            Some(noted(Class::Error, "the server refuses the unknown parameter"))
        }
        Driver::PostgresJs if other_case || has("schema") => {
            Some(noted(Class::Error, "unknown parameters become server settings, which the server refuses"))
        }
        Driver::NodePg if ssl() == Some("false") && !has("sslmode") => {
            Some(noted(Class::Error, "ssl=false is a text, which is true, and pg fails on it"))
        }
        _ => None,
    }
}

/// Parameters beside the mode that decide.
fn special(row: &Row, settings: &Settings<'_>, dsn: &Dsn, repeated: Repeated) -> Option<Step> {
    let known = |key: &str| pick(dsn, key, repeated).and_then(Part::known);
    let opaque = |key: &str| dsn.values(key).any(|v| *v == Part::Opaque);
    let has = |key: &str| dsn.values(key).next().is_some();
    let mode = pick(dsn, row.key, repeated);
    match row.driver {
        Driver::Libpq | Driver::Libpq15 | Driver::SqlAlchemyPsycopg => {
            let strong = matches!(known("sslmode"), Some("require" | "verify-ca" | "verify-full"));
            if known("sslnegotiation") == Some("direct")
                && row.driver == Driver::Libpq
                && !strong
                && mode != Some(&Part::Opaque)
            {
                return Some(noted(Class::Error, "sslnegotiation=direct needs sslmode=require or stronger"));
            }
            if mode.is_none() && (known("requiressl") == Some("1") || known("ssl") == Some("true")) {
                return Some(class(Class::T3));
            }
            None
        }
        Driver::Pgx | Driver::Pgx510 | Driver::Pgx56 if mode.is_none() && known("ssl") == Some("true") => {
            Some(class(Class::T3))
        }
        Driver::Pgjdbc => pgjdbc(row, dsn, mode),
        Driver::R2dbc => {
            let tls = dsn.scheme == "r2dbcs" || known("ssl").is_some_and(|v| v.eq_ignore_ascii_case("true"));
            (mode.is_none() && tls).then(|| class(Class::T5))
        }
        Driver::NodePg => {
            if known("uselibpqcompat") == Some("true") {
                return Some(compat(known("sslmode"), settings.root, mode));
            }
            if mode.is_some_and(|m| *m != Part::Known(String::new())) {
                return None;
            }
            if opaque("ssl") {
                return Some(Step::Unknown);
            }
            match known("ssl") {
                Some("true" | "1") => return Some(class(Class::T5)),
                Some("0") => return Some(class(Class::T0)),
                Some("no-verify") => return Some(class(Class::T3)),
                Some(w) if !w.is_empty() => return Some(class(Class::T5)),
                _ => {}
            }
            let material = has("sslrootcert") || has("sslcert") || has("sslkey");
            (material || known("sslnegotiation") == Some("direct"))
                .then(|| noted(Class::T5, "a certificate parameter alone turns verified TLS on"))
        }
        Driver::PostgresJs if mode.is_none() => match known("ssl") {
            _ if opaque("ssl") => Some(Step::Unknown),
            Some("false" | "disable") => Some(class(Class::T0)),
            Some(w) => Some(word(row, w)),
            None => None,
        },
        Driver::Sqlx if mode.is_none() => match pick(dsn, "ssl-mode", repeated) {
            Some(Part::Opaque) => Some(Step::Unknown),
            Some(Part::Known(w)) => Some(word(row, w)),
            _ => None,
        },
        Driver::Prisma => match (known("sslmode"), known("sslaccept")) {
            (Some("require"), Some(accept)) if accept != "accept_invalid_certs" => Some(class(Class::T5)),
            _ if mode.is_some() || !has("sslmode") => None,
            _ => None,
        },
        Driver::Npgsql6 | Driver::Npgsql5 => {
            let trust = known("trustservercertificate").is_some_and(|v| v.eq_ignore_ascii_case("true"));
            let Step::Class(c, _) = word(row, known("sslmode").filter(|_| trust)?) else { return None };
            let w = known("sslmode")?.to_ascii_lowercase();
            match row.driver {
                Driver::Npgsql6 if w == "require" => Some(class(Class::T3)),
                Driver::Npgsql6 if w.starts_with("verify") => {
                    Some(noted(Class::Error, "Trust Server Certificate does not go with verification"))
                }
                Driver::Npgsql5 if c == Class::T5 => Some(class(Class::T3)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn pgjdbc(row: &Row, dsn: &Dsn, mode: Option<&Part>) -> Option<Step> {
    let c = match (mode, dsn.last("ssl")) {
        (Some(Part::Known(w)), _) => word(row, w),
        (Some(_), _) | (None, Some(Part::Opaque)) => return Some(Step::Unknown),
        (None, Some(Part::Known(v))) if v.is_empty() || v.eq_ignore_ascii_case("true") => class(Class::T5),
        _ => class(row.unset),
    };
    let blind = dsn.last("sslfactory").and_then(Part::known).is_some_and(|f| f.ends_with("NonValidatingFactory"));
    Some(match c {
        Step::Class(Class::T4 | Class::T5, _) if blind => {
            noted(Class::T3, "NonValidatingFactory accepts any certificate")
        }
        other => other,
    })
}

/// node-postgres with `uselibpqcompat=true`.
fn compat(word: Option<&str>, root: RootFile, mode: Option<&Part>) -> Step {
    if mode == Some(&Part::Opaque) {
        return Step::Unknown;
    }
    let named = !matches!(root, RootFile::None);
    match word {
        None | Some("") => class(if named { Class::T5 } else { Class::T0 }),
        Some("disable") => class(Class::T0),
        Some("prefer" | "no-verify") => class(Class::T3),
        Some("require") => class(if named { Class::T4 } else { Class::T3 }),
        Some("verify-ca") if named => class(Class::T4),
        Some("verify-ca") => noted(Class::Error, "verify-ca needs sslrootcert"),
        Some(_) => class(Class::T5),
    }
}

/// Variables, then the built-in default.
fn environment(row: &Row, settings: &Settings<'_>) -> Step {
    if row.driver == Driver::PostgresJs {
        return match &settings.pgssl {
            Setting::Unknown => Step::Unknown,
            Setting::Unset => class(row.unset),
            Setting::Set(v) => match v.as_str() {
                "" => class(row.unset),
                "require" | "allow" | "prefer" => word(row, v),
                // The path from the environment does not convert `false` and `disable`.
                _ => noted(Class::T5, "any other text in PGSSL, false included, turns verified TLS on"),
            },
        };
    }
    let Env::Read { words, bad, empty } = row.env else { return class(row.unset) };
    match &settings.pgsslmode {
        Setting::Unknown => Step::Unknown,
        Setting::Set(v) if v.is_empty() => match empty {
            Empty::Error => noted(Class::Error, "an empty PGSSLMODE is refused"),
            Empty::Unset => class(row.unset),
        },
        Setting::Set(v) if row.driver == Driver::NodePg && v == "no-verify" => class(Class::T3),
        Setting::Set(v) => {
            let known = WORDS.iter().any(|w| if row.any_case { w.eq_ignore_ascii_case(v) } else { w == v });
            let c = word_class(v, &words, bad, row.any_case);
            if known { class(c) } else { noted(c, "PGSSLMODE is not a mode that the driver knows") }
        }
        Setting::Unset => {
            let requires = settings.pgrequiressl == Setting::Set("1".to_owned());
            if requires && matches!(row.driver, Driver::Libpq | Driver::Libpq15 | Driver::SqlAlchemyPsycopg) {
                class(Class::T3)
            } else {
                class(row.unset)
            }
        }
    }
}

/// The classes over `drivers`; `None` if a setting that is not read decides for some of them, or none fits.
///
/// Where a key is repeated with different values and more than one driver is possible, every driver counts with the
/// weaker of both readings: which one the code uses is not known.
pub fn range(drivers: &[Driver], settings: &Settings<'_>) -> Option<Range> {
    let repeated = drivers.len() > 1
        && settings.dsn.is_some_and(|d| {
            d.problems.iter().any(|p| matches!(p, Problem::RepeatedKey(k) if k.to_ascii_lowercase().starts_with("ssl")))
        });
    let mut judgements: Vec<(Driver, Judgement)> = Vec::new();
    for &driver in drivers {
        let Some(mut judgement) = judge(driver, settings) else { continue };
        if repeated {
            for reading in [Repeated::First, Repeated::Last] {
                let other = judge_repeated(driver, settings, Some(reading))?;
                judgement.class = Some(judgement.class?.weaker(other.class?));
            }
        }
        judgements.push((driver, judgement));
    }
    let classes: Vec<(Driver, Class)> =
        judgements.iter().map(|(d, j)| j.class.map(|c| (*d, c))).collect::<Option<_>>()?;
    let errors: Vec<Driver> = classes.iter().filter(|(_, c)| *c == Class::Error).map(|(d, _)| *d).collect();
    // A driver that refuses the setting makes no connection, so it is not the one in use; unless all refuse.
    let alive = || classes.iter().filter(|(_, c)| *c != Class::Error || errors.len() == classes.len());
    let worst = alive().map(|(_, c)| *c).min()?;
    let best = alive().map(|(_, c)| *c).max()?;
    let of = |class: Class| classes.iter().filter(|(_, c)| *c == class).map(|(d, _)| *d).collect();
    Some(Range { worst, worst_drivers: of(worst), best, best_drivers: of(best), errors, judgements, repeated })
}

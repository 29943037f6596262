//! Variables that declare a mode by convention (`DB_SSLMODE`, `DB_SSL`). No driver reads them; the application may.

use super::gather::{Connection, ConnectionVariable, Gathered, engine_of};
use crate::database::dsn::Engine;
use crate::database::env::{EnvValue, Opaque};
use crate::database::tls::{
    Class, Declared, DeclaredBoolean, parse_declared_boolean, parse_declared_mode, parse_other_mode,
};
use crate::lexicon::{Confidence, Purpose};

/// What one variable declares.
pub(super) enum Declaration {
    Declares {
        worst: Class,
        best: Class,
        what: Declared,
        confidence: Confidence,
    },
    /// Set to a value that is not a mode.
    Invalid(Declared),
    Unread,
}

/// The variables that declare the mode of a connection: its own, else those that belong to no other connection.
pub(super) fn conventions<'a>(gathered: &'a Gathered, c: &Connection) -> Vec<(&'a ConnectionVariable, Declaration)> {
    let candidates = || {
        let groups = [Purpose::ModeConvention, Purpose::ModeOther, Purpose::Boolean];
        groups.into_iter().flat_map(|g| gathered.variables.iter().filter(move |f| f.purpose == g)).filter(|f| {
            // `PGREQUIRESSL` is read by libpq itself.
            f.name != "PGREQUIRESSL"
        })
    };
    let own: Vec<&ConnectionVariable> = candidates().filter(|f| f.profile == c.name).collect();
    if !own.is_empty() {
        return own.into_iter().map(|f| (f, read_declaration(f, f.confidence))).collect();
    }
    // A mode without a host applies to every connection of its engine, with low confidence.
    candidates()
        .filter(|f| c.engine == Engine::Postgres && engine_of(&f.profile, "") == Engine::Postgres)
        .filter(|f| !gathered.has(&f.profile))
        .map(|f| (f, read_declaration(f, Confidence::Low)))
        .collect()
}

fn read_declaration(f: &ConnectionVariable, confidence: Confidence) -> Declaration {
    let mut confidence = confidence;
    match &f.value {
        EnvValue::Known(_) => {}
        // A Secret in `envFrom` need not have this key.
        EnvValue::Shadowable { by, .. } if !by.iter().any(is_keyed) => confidence = Confidence::Low,
        _ => return Declaration::Unread,
    }
    let what = match f.purpose {
        Purpose::Boolean => match parse_declared_boolean(&f.text) {
            DeclaredBoolean::Wanted => {
                let what = Declared::Class { class: Class::Require, respelled: false };
                return Declaration::Declares {
                    worst: Class::Require,
                    best: Class::VerifyFull,
                    what,
                    confidence: Confidence::Low,
                };
            }
            DeclaredBoolean::Off => {
                confidence = Confidence::Low;
                Declared::Class { class: Class::Disable, respelled: false }
            }
            DeclaredBoolean::Mode(class) => Declared::Class { class, respelled: true },
            DeclaredBoolean::Unrecognized => Declared::Unrecognized,
        },
        Purpose::ModeOther => parse_other_mode(&f.text),
        _ => parse_declared_mode(&f.text),
    };
    match what {
        Declared::Class { class, .. } => Declaration::Declares { worst: class, best: class, what, confidence },
        Declared::Empty | Declared::Unrecognized => Declaration::Invalid(what),
    }
}

/// Whether the source names this variable.
pub(super) fn is_keyed(o: &Opaque) -> bool {
    matches!(o, Opaque::Secret { key: Some(_), .. } | Opaque::ConfigMap { key: Some(_), .. } | Opaque::Runtime(_))
}

//! Convention variables (`DB_SSLMODE`, `DB_SSL`): what the application's author declares. No driver reads them.

use super::gather::{Connection, Found, Gathered, engine_of};
use crate::database::dsn::Engine;
use crate::database::env::{EnvValue, Opaque};
use crate::database::tls::{Class, Declared, DeclaredBoolean, declared, declared_boolean, declared_other};
use crate::lexicon::{Confidence, Group};

/// What one variable says.
pub(super) enum Reading {
    Declares {
        worst: Class,
        best: Class,
        what: Declared,
        confidence: Confidence,
    },
    /// Set to something that declares nothing.
    Invalid(Declared),
    Unread,
}

/// The convention variables that concern a connection: its own, else those that belong to no other connection.
pub(super) fn conventions<'a>(gathered: &'a Gathered, c: &Connection) -> Vec<(&'a Found, Reading)> {
    let candidates = || {
        let groups = [Group::ModeConvention, Group::ModeOther, Group::Boolean];
        groups.into_iter().flat_map(|g| gathered.found.iter().filter(move |f| f.group == g)).filter(|f| {
            // `PGREQUIRESSL` is read by libpq itself.
            f.name != "PGREQUIRESSL"
        })
    };
    let own: Vec<&Found> = candidates().filter(|f| f.profile == c.name).collect();
    if !own.is_empty() {
        return own.into_iter().map(|f| (f, read(f, f.confidence))).collect();
    }
    // A mode without a host of its own is meant for every connection of its engine, less surely.
    candidates()
        .filter(|f| c.engine == Engine::Postgres && engine_of(&f.profile, "") == Engine::Postgres)
        .filter(|f| !gathered.has(&f.profile))
        .map(|f| (f, read(f, Confidence::Low)))
        .collect()
}

fn read(f: &Found, confidence: Confidence) -> Reading {
    let mut confidence = confidence;
    match &f.value {
        EnvValue::Known(_) => {}
        // A Secret that is taken whole need not have this name.
        EnvValue::Shadowable { by, .. } if !by.iter().any(is_keyed) => confidence = Confidence::Low,
        _ => return Reading::Unread,
    }
    let what = match f.group {
        Group::Boolean => match declared_boolean(&f.text) {
            DeclaredBoolean::Wanted => {
                let what = Declared::Class { class: Class::T3, respelled: false };
                return Reading::Declares { worst: Class::T3, best: Class::T5, what, confidence: Confidence::Low };
            }
            DeclaredBoolean::Off => {
                confidence = Confidence::Low;
                Declared::Class { class: Class::T0, respelled: false }
            }
            DeclaredBoolean::Mode(class) => Declared::Class { class, respelled: true },
            DeclaredBoolean::Unrecognised => Declared::Unrecognised,
        },
        Group::ModeOther => declared_other(&f.text),
        _ => declared(&f.text),
    };
    match what {
        Declared::Class { class, .. } => Reading::Declares { worst: class, best: class, what, confidence },
        Declared::Empty | Declared::Unrecognised => Reading::Invalid(what),
    }
}

/// A source that names this very variable.
pub(super) fn is_keyed(o: &Opaque) -> bool {
    matches!(o, Opaque::Secret { key: Some(_), .. } | Opaque::ConfigMap { key: Some(_), .. } | Opaque::Runtime(_))
}

//! How much of a value is known.

use crate::inventory::Reason;

/// Stands for an unknown part of a value while it is parsed. Masking never keeps this character.
pub(crate) const HOLE: char = '\u{E000}';

/// Something that sets a value which is not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Opaque {
    /// A Secret, whose values are never read. `key` is absent for `envFrom`, where the prefix says which names it may
    /// define.
    Secret { namespace: String, name: String, key: Option<String>, prefix: String },
    /// A ConfigMap that is not in the input.
    ConfigMap { namespace: String, name: String, key: Option<String>, prefix: String, reasons: Vec<Reason> },
    /// A value that collection did not keep.
    Withheld { place: String },
    /// An annotation of the pod that the evidence does not decide.
    Annotation { key: String, reasons: Vec<Reason> },
    /// A Service of the namespace may define the name, and Services are not known.
    ServiceLink { reasons: Vec<Reason> },
    /// Known only to the running pod.
    Runtime(String),
    /// A variable that something else may overwrite.
    Overwritten { name: String, by: Box<Opaque> },
}

impl Opaque {
    /// Whether an `envFrom` of this source may define the variable `name`.
    pub(crate) fn may_define(&self, name: &str) -> bool {
        match self {
            Opaque::Secret { prefix, key: None, .. } | Opaque::ConfigMap { prefix, key: None, .. } => {
                name.len() > prefix.len() && name.starts_with(prefix.as_str())
            }
            Opaque::ServiceLink { .. } => is_link_name(name),
            _ => false,
        }
    }

    /// A short name for messages: `Secret prod/backend key mode`.
    pub(crate) fn describe(&self) -> String {
        let keyed = |kind: &str, namespace: &str, name: &str, key: &Option<String>| match key {
            Some(k) => format!("{kind} {namespace}/{name} key {k}"),
            None => format!("{kind} {namespace}/{name}"),
        };
        match self {
            Opaque::Secret { namespace, name, key, .. } => keyed("Secret", namespace, name, key),
            Opaque::ConfigMap { namespace, name, key, .. } => keyed("ConfigMap", namespace, name, key),
            Opaque::Withheld { place } => format!("a withheld value at {place}"),
            Opaque::Annotation { key, .. } => format!("the annotation {key}"),
            Opaque::ServiceLink { .. } => "a service link".to_owned(),
            Opaque::Runtime(what) => what.clone(),
            Opaque::Overwritten { name, by } => format!("{name}, which {} may overwrite", by.describe()),
        }
    }

    /// Why `subject` is not known on account of this source, and how to make it known.
    pub(crate) fn reason(&self, subject: &str, maybe: bool) -> Reason {
        let verb = if maybe { "may be set" } else { "is set" };
        match self {
            Opaque::Secret { .. } => Reason::undecided(format!(
                "{subject} {verb} by {}, whose values are not read: move the mode, which is not secret, into a literal or a ConfigMap",
                self.describe()
            )),
            Opaque::ConfigMap { reasons, .. } => {
                let text = format!(
                    "{subject} {verb} by {}, which is not in the input: add that ConfigMap to the input",
                    self.describe()
                );
                // A ConfigMap that could not be read live keeps the gap that says why.
                match reasons.first() {
                    Some(r) => Reason { cause: r.cause, text, gap: r.gap.clone() },
                    None => Reason::missing(text),
                }
            }
            Opaque::Withheld { place } => Reason::undecided(format!(
                "{subject} {verb} at {place} to a text that is not kept because it may hold a secret: put the mode into a variable of its own, or write the value as a connection URL"
            )),
            Opaque::Annotation { key, reasons } => {
                let why = reasons.first().map_or("it is not known", |r| &r.text);
                let text = format!("{subject} {verb} by the annotation {key}, and {why}: use a literal");
                Reason { text, ..reasons.first().cloned().unwrap_or_else(|| Reason::undecided("")) }
            }
            Opaque::ServiceLink { reasons } => {
                let text = format!("{subject} may be a service link: add the Services of the namespace to the input");
                match reasons.first() {
                    Some(r) => Reason { cause: r.cause, text, gap: r.gap.clone() },
                    None => Reason::missing(text),
                }
            }
            Opaque::Runtime(what) => {
                Reason::undecided(format!("{subject} {verb} by {what} at run time: use a literal"))
            }
            Opaque::Overwritten { name, by } => by.reason(&format!("{name}, used in {subject},"), true),
        }
    }
}

/// `…_SERVICE_HOST`, `…_PORT`, `…_PORT_5432_TCP` and the like.
pub(super) fn is_link_name(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_")
}

/// A part of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Piece {
    Text(String),
    Hole(Opaque),
}

/// A value of known and unknown parts, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    pub(crate) fn push_str(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Text(t)) => t.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }

    pub(crate) fn push_hole(&mut self, hole: Opaque) {
        self.0.push(Piece::Hole(hole));
    }

    pub(crate) fn extend(&mut self, other: Template) {
        for piece in other.0 {
            match piece {
                Piece::Text(t) => self.push_str(&t),
                Piece::Hole(h) => self.push_hole(h),
            }
        }
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub(crate) fn holes(&self) -> impl Iterator<Item = &Opaque> {
        self.0.iter().filter_map(|p| match p {
            Piece::Hole(h) => Some(h),
            Piece::Text(_) => None,
        })
    }

    /// The text with [`HOLE`] for each unknown part, as the parsers take it.
    pub(crate) fn marked(&self) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(t) => out.push_str(t),
                Piece::Hole(_) => out.push(HOLE),
            }
        }
        out
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(t) => f.write_str(t)?,
                Piece::Hole(h) => write!(f, "‹{}›", h.describe())?,
            }
        }
        Ok(())
    }
}

/// What is known of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EnvValue {
    /// Certain. Secret parts are masked.
    Known(String),
    /// No Kubernetes source sets it (the image may).
    Absent,
    /// No visible source sets it, but these may.
    MaybeAbsent(Vec<Opaque>),
    /// The visible value, unless one of these overwrites it.
    Shadowable {
        value: String,
        by: Vec<Opaque>,
    },
    Opaque(Opaque),
    /// A known text with unknown parts.
    Partial(Template),
    /// Set when the pod starts; the text says by what.
    Runtime(String),
    /// The container cannot start; the text says why.
    Error(String),
}

impl EnvValue {
    /// The value, if it is certain.
    pub(crate) fn known(&self) -> Option<&str> {
        match self {
            EnvValue::Known(v) => Some(v),
            _ => None,
        }
    }

    /// Whether anything in Kubernetes sets the variable, as far as one can see.
    pub(crate) fn is_visible(&self) -> bool {
        !matches!(self, EnvValue::Absent | EnvValue::MaybeAbsent(_))
    }

    /// The value as text with holes.
    pub(crate) fn template(&self) -> Template {
        let mut t = Template::default();
        match self {
            EnvValue::Known(v) => t.push_str(v),
            EnvValue::Absent => {}
            EnvValue::Partial(p) => t = p.clone(),
            EnvValue::Opaque(o) => t.push_hole(o.clone()),
            EnvValue::Shadowable { by, .. } | EnvValue::MaybeAbsent(by) => {
                t.push_hole(by.first().cloned().unwrap_or_else(|| Opaque::Runtime("another source".to_owned())));
            }
            EnvValue::Runtime(why) | EnvValue::Error(why) => t.push_hole(Opaque::Runtime(why.clone())),
        }
        t
    }
}

impl From<Template> for EnvValue {
    fn from(t: Template) -> Self {
        match t.pieces() {
            [] => EnvValue::Known(String::new()),
            [Piece::Text(text)] => EnvValue::Known(text.clone()),
            [Piece::Hole(h)] => EnvValue::Opaque(h.clone()),
            _ => EnvValue::Partial(t),
        }
    }
}

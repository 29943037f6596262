//! Reads a tree of nodes into typed values and collects every mistake on the way.

use super::yaml::{Node, Value};
use super::{Problem, Severity, hint};

/// Collects the problems of one file.
pub struct Decoder<'a> {
    file: &'a str,
    pub problems: Vec<Problem>,
}

/// One entry of a mapping.
#[derive(Clone, Copy)]
pub struct Entry<'n> {
    pub name: &'n str,
    pub key: &'n Node,
    pub value: &'n Node,
}

/// A mapping with a fixed set of keys.
pub struct Fields<'n> {
    node: &'n Node,
    entries: Vec<Entry<'n>>,
}

impl<'a> Decoder<'a> {
    pub fn new(file: &'a str) -> Self {
        Decoder { file, problems: Vec::new() }
    }

    /// Adds a problem at a node.
    pub fn report(&mut self, at: &Node, message: impl Into<String>) {
        self.report_at((at.line, at.column), message);
    }

    /// Adds a problem at a line and column.
    pub fn report_at(&mut self, (line, column): (u32, u32), message: impl Into<String>) {
        self.problems.push(Problem { file: self.file.into(), line, column, message: message.into() });
    }

    fn wrong_type(&mut self, at: &Node, what: &str, expected: &str) {
        // A person who wrote `ticket: 17` wants to know about quotes, not about types.
        let quotes = match at.value {
            Value::Bool(_) | Value::Int(_) | Value::Float(_) if expected == "text" => " (put it in quotes)",
            _ => "",
        };
        self.report(at, format!("{what}: expected {expected}, found {}{quotes}", at.value.describe()));
    }

    /// The entries of a mapping with free keys.
    pub fn entries<'n>(&mut self, node: &'n Node, what: &str) -> Vec<Entry<'n>> {
        let Value::Map(map) = &node.value else {
            self.wrong_type(node, what, "a mapping");
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (key, value) in map {
            match &key.value {
                Value::Str(name) => entries.push(Entry { name, key, value }),
                _ => self.wrong_type(key, &format!("{what}: key"), "text"),
            }
        }
        entries
    }

    /// A mapping that may have the given keys only.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str, keys: &[&str]) -> Fields<'n> {
        self.fields_with_renames(node, what, keys, &[])
    }

    /// As [`Decoder::fields`]; for a key of an earlier version, `(old, new)`, the error names the new one.
    pub fn fields_with_renames<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        keys: &[&str],
        renames: &[(&str, &str)],
    ) -> Fields<'n> {
        let entries = self.entries(node, what);
        for entry in &entries {
            if let Some((old, new)) = renames.iter().find(|(old, _)| *old == entry.name) {
                self.report(entry.key, format!("{what}: unknown key \"{old}\": it is called \"{new}\" now"));
            } else if !keys.contains(&entry.name) {
                let hint = hint(entry.name, keys.iter().copied());
                let valid = if hint.is_empty() { format!("; valid: {}", keys.join(", ")) } else { String::new() };
                self.report(entry.key, format!("{what}: unknown key \"{}\"{hint}{valid}", entry.name));
            }
        }
        Fields { node, entries }
    }

    /// The items of a list.
    pub fn items<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.value {
            Value::Seq(items) => items,
            _ => {
                self.wrong_type(node, what, "a list");
                &[]
            }
        }
    }

    /// A text that is not empty.
    pub fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Str(s) if s.trim().is_empty() => {
                self.report(node, format!("{what}: is empty"));
                None
            }
            Value::Str(s) => Some(s.clone()),
            _ => {
                self.wrong_type(node, what, "text");
                None
            }
        }
    }

    /// The texts of a list, with their nodes.
    pub fn texts<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(String, &'n Node)> {
        let mut texts = Vec::new();
        for item in self.items(node, what) {
            if let Some(text) = self.text(item, what) {
                texts.push((text, item));
            }
        }
        texts
    }

    pub fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        match node.value {
            Value::Bool(b) => Some(b),
            _ => {
                self.wrong_type(node, what, "true or false");
                None
            }
        }
    }

    /// A whole number of percent, 0 to 100.
    pub fn percent(&mut self, node: &Node, what: &str) -> Option<u8> {
        match node.value {
            Value::Int(i @ 0..=100) => u8::try_from(i).ok(),
            Value::Int(i) => {
                self.report(node, format!("{what}: {i} is out of range, expected 0 to 100"));
                None
            }
            _ => {
                self.wrong_type(node, what, "a whole number from 0 to 100");
                None
            }
        }
    }

    /// One of a few names. `kind` is what a person calls them.
    pub fn one_of<T: Copy>(&mut self, node: &Node, what: &str, kind: &str, known: &[(&str, T)]) -> Option<T> {
        let name = self.text(node, what)?;
        let found = known.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(n, _)| *n).collect();
            let hint = hint(&name, names.iter().copied());
            self.report(node, format!("{what}: unknown {kind} \"{name}\"{hint}; valid: {}", names.join(", ")));
        }
        found
    }

    pub fn severity(&mut self, node: &Node, what: &str) -> Option<Severity> {
        let name = self.text(node, what)?;
        let severity = Severity::from_name(&name);
        if severity.is_none() {
            let hint = hint(&name, Severity::ALL.map(Severity::name));
            self.report(
                node,
                format!("{what}: unknown severity \"{name}\"{hint}; valid: critical, high, medium, low, info"),
            );
        }
        severity
    }
}

impl<'n> Fields<'n> {
    /// The value of a key; one that is left empty counts as not given.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|e| e.name == key).map(|e| e.value).filter(|n| n.value != Value::Null)
    }

    /// The value of a key that must be there; reported where it is not.
    pub fn require(&self, decoder: &mut Decoder<'_>, what: &str, key: &str) -> Option<&'n Node> {
        let found = self.get(key);
        // A node that is no mapping at all has been reported already.
        if found.is_none() && matches!(self.node.value, Value::Map(_)) {
            decoder.report(self.node, format!("{what}: \"{key}\" is missing"));
        }
        found
    }
}

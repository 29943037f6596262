//! Reads a tree and collects what is wrong with it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use super::node::{Content, Entry, Node};
use super::problem::{Problem, hint};

/// How the path of a node is written in front of a problem.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathStyle {
    /// Stands for the path of the root, which is empty.
    pub root: &'static str,
    /// Stands between two keys.
    pub separator: &'static str,
    /// Whether items of a list have their index.
    pub indexes: bool,
}

impl PathStyle {
    /// As the Kubernetes API writes it: `spec.containers[0].name`.
    pub(crate) const API: PathStyle = PathStyle { root: "", separator: ".", indexes: true };
}

/// Collects the problems of one document while cursors read it.
pub(crate) struct Problems {
    style: PathStyle,
    found: RefCell<Vec<Located>>,
    /// Nodes that have a name in place of their path, by their address.
    names: RefCell<HashMap<usize, &'static str>>,
}

/// A problem before the path of its node is known.
struct Located {
    /// Address of the node whose path is put before the message; `None` for a message without one.
    node: Option<usize>,
    line: u32,
    column: u32,
    /// Stands between the path and the message.
    separator: &'static str,
    message: String,
}

fn address(node: &Node<'_>) -> usize {
    std::ptr::from_ref(node).addr()
}

impl Default for Problems {
    fn default() -> Self {
        Problems::new(PathStyle::API)
    }
}

impl Problems {
    pub(crate) fn new(style: PathStyle) -> Self {
        Problems { style, found: RefCell::default(), names: RefCell::default() }
    }

    /// Number of problems so far.
    pub(crate) fn len(&self) -> usize {
        self.found.borrow().len()
    }

    /// Returns the problems of the tree under `root` and forgets them. A node without a line gets that of the root.
    ///
    /// Paths are made here, not while reading: few trees have a problem, and to keep the path of each node would cost
    /// more than all other reading.
    pub(crate) fn drain(&self, file: &str, root: &Node<'_>) -> Vec<Problem> {
        let found = std::mem::take(&mut *self.found.borrow_mut());
        if found.is_empty() {
            return Vec::new();
        }
        let mut paths: HashMap<usize, String> = found.iter().filter_map(|f| Some((f.node?, String::new()))).collect();
        self.find_paths(root, "", &mut paths);
        let problem = |f: Located| {
            let path = match f.node {
                Some(node) if node == address(root) => self.style.root,
                Some(node) => paths.get(&node).map_or("", String::as_str),
                None => "",
            };
            let separator = if path.is_empty() { "" } else { f.separator };
            Problem {
                file: file.to_owned(),
                line: if f.line == 0 { root.line } else { f.line },
                column: f.column,
                message: format!("{path}{separator}{}", f.message),
            }
        };
        found.into_iter().map(problem).collect()
    }

    /// Fills in the path of each node that is wanted.
    fn find_paths(&self, node: &Node<'_>, path: &str, paths: &mut HashMap<usize, String>) {
        let names = self.names.borrow();
        let path = names.get(&address(node)).copied().unwrap_or(path);
        if let Some(wanted) = paths.get_mut(&address(node)) {
            path.clone_into(wanted);
        }
        match &node.content {
            Content::Object(entries) => {
                let separator = if path.is_empty() { "" } else { self.style.separator };
                for entry in entries {
                    self.find_paths(&entry.value, &format!("{path}{separator}{}", entry.key), paths);
                }
            }
            Content::List(items) if self.style.indexes => {
                for (i, item) in items.iter().enumerate() {
                    self.find_paths(item, &format!("{path}[{i}]"), paths);
                }
            }
            Content::List(items) => items.iter().for_each(|item| self.find_paths(item, path, paths)),
            _ => {}
        }
    }
}

/// A node that is being read. A value of a wrong type is a problem, and reads as absent.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub node: &'a Node<'a>,
    problems: &'a Problems,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(node: &'a Node<'a>, problems: &'a Problems) -> Self {
        Cursor { node, problems }
    }

    /// Line and column of the value.
    pub(crate) fn position(&self) -> (u32, u32) {
        (self.node.line, self.node.column)
    }

    /// The same node, which problems call `name` in place of its path.
    pub(crate) fn named(self, name: &'static str) -> Self {
        self.problems.names.borrow_mut().insert(address(self.node), name);
        self
    }

    fn add(&self, path: bool, (line, column): (u32, u32), separator: &'static str, message: String) {
        let node = path.then_some(address(self.node));
        self.problems.found.borrow_mut().push(Located { node, line, column, separator, message });
    }

    /// Adds a problem of this node.
    pub(crate) fn problem(&self, message: impl fmt::Display) {
        self.problem_at(self.position(), message);
    }

    /// Adds a problem of this node at a position of its own.
    pub(crate) fn problem_at(&self, position: (u32, u32), message: impl fmt::Display) {
        self.add(true, position, ": ", message.to_string());
    }

    /// Number of problems of the document so far.
    pub(crate) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Adds a problem that is clear without the path.
    pub(crate) fn problem_without_path(&self, position: (u32, u32), message: impl fmt::Display) {
        self.add(false, position, "", message.to_string());
    }

    /// Adds the problem that the value is not what is expected.
    pub(crate) fn unexpected(&self, expected: &str) {
        // YAML reads an unquoted y, no or 1.0 as something else than a string, as does kubectl.
        let quotes = match self.node.content {
            Content::Bool(_) | Content::Int(_) | Content::Float(_) if expected == "a string" => " (put it in quotes)",
            _ => "",
        };
        self.problem(format_args!("expected {expected}, found {}{quotes}", self.node.content.type_name()));
    }

    fn child(&self, node: &'a Node<'a>) -> Self {
        Cursor { node, ..*self }
    }

    /// The field `key`; absent when missing, null, or when this is not an object (which is a problem).
    pub(crate) fn get(&self, key: &str) -> Option<Cursor<'a>> {
        if !matches!(self.node.content, Content::Object(_) | Content::Null) {
            self.unexpected("an object");
            return None;
        }
        self.node.get(key).map(|n| self.child(n))
    }

    /// As [`get`](Self::get); that the field is missing is a problem.
    pub(crate) fn require(&self, key: &str) -> Option<Cursor<'a>> {
        let field = self.get(key);
        if field.is_none() {
            self.problem(format_args!("\"{key}\" is missing"));
        }
        field
    }

    /// A field by a dotted path.
    pub(crate) fn at(&self, path: &str) -> Option<Cursor<'a>> {
        path.split('.').try_fold(*self, |c, key| c.get(key))
    }

    /// A string.
    pub(crate) fn str(&self) -> Option<&'a str> {
        let text = self.node.as_str();
        if text.is_none() {
            self.unexpected("a string");
        }
        text
    }

    /// A string that is not blank.
    pub(crate) fn text(&self) -> Option<&'a str> {
        let text = self.str()?;
        if text.trim().is_empty() {
            self.problem("is empty");
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub(crate) fn bool(&self) -> Option<bool> {
        match self.node.content {
            Content::Bool(b) => Some(b),
            _ => {
                self.unexpected("true or false");
                None
            }
        }
    }

    /// A whole number.
    pub(crate) fn int(&self) -> Option<i64> {
        match self.node.content {
            Content::Int(i) => Some(i),
            _ => {
                self.unexpected("a whole number");
                None
            }
        }
    }

    /// A port number, 1–65535.
    pub(crate) fn port(&self) -> Option<u16> {
        let n = self.int()?;
        let port = u16::try_from(n).ok().filter(|p| *p > 0);
        if port.is_none() {
            self.problem(format_args!("port {n} is not in 1–65535"));
        }
        port
    }

    /// A whole number of percent, 0–100.
    pub(crate) fn percent(&self) -> Option<u8> {
        let Content::Int(n) = self.node.content else {
            self.unexpected("a whole number from 0 to 100");
            return None;
        };
        let percent = u8::try_from(n).ok().filter(|p| *p <= 100);
        if percent.is_none() {
            self.problem(format_args!("{n} is out of range, expected 0 to 100"));
        }
        percent
    }

    /// One of a few names; `kind` is what a message calls them.
    pub(crate) fn one_of<T: Copy>(&self, kind: &str, known: &[(&str, T)]) -> Option<T> {
        let name = self.text()?;
        let value = known.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        if value.is_none() {
            let names: Vec<&str> = known.iter().map(|(n, _)| *n).collect();
            let hint = hint(name, names.iter().copied());
            self.problem(format_args!("unknown {kind} \"{name}\"{hint}; valid: {}", names.join(", ")));
        }
        value
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Vec<Cursor<'a>> {
        match &self.node.content {
            Content::List(items) => items.iter().map(|n| self.child(n)).collect(),
            _ => {
                self.unexpected("a list");
                Vec::new()
            }
        }
    }

    /// The items of the list `key`, none when absent.
    pub(crate) fn items(&self, key: &str) -> Vec<Cursor<'a>> {
        self.get(key).map(|c| c.list()).unwrap_or_default()
    }

    /// The entries of an object.
    pub(crate) fn entries(&self) -> Vec<(&'a Entry<'a>, Cursor<'a>)> {
        match &self.node.content {
            Content::Object(entries) => entries.iter().map(|e| (e, self.child(&e.value))).collect(),
            _ => {
                self.unexpected("an object");
                Vec::new()
            }
        }
    }

    /// This object, which may have the given keys only; `None` when it is no object. Both are problems.
    pub(crate) fn object(self, keys: &[&str]) -> Option<Self> {
        self.object_with_renames(keys, &[])
    }

    /// As [`object`](Self::object); for a key of an earlier version, `(old, new)`, the problem names the new one.
    pub(crate) fn object_with_renames(self, keys: &[&str], renames: &[(&str, &str)]) -> Option<Self> {
        let Content::Object(entries) = &self.node.content else {
            self.unexpected("an object");
            return None;
        };
        for entry in entries.iter().filter(|e| !keys.contains(&&*e.key)) {
            if let Some((old, new)) = renames.iter().find(|(old, _)| *old == entry.key) {
                let message = format_args!("unknown key \"{old}\": it is called \"{new}\" now");
                self.problem_at((entry.line, entry.column), message);
                continue;
            }
            let hint = hint(&entry.key, keys.iter().copied());
            let valid = if hint.is_empty() { format!("; valid: {}", keys.join(", ")) } else { String::new() };
            self.problem_at((entry.line, entry.column), format_args!("unknown key \"{}\"{hint}{valid}", entry.key));
        }
        Some(self)
    }

    /// Reports the fields of an object that are not known, for what happens to them elsewhere: a misspelt one would
    /// silently mean its absence.
    pub(crate) fn refuse_unknown_fields(&self, known: &[&str], consequence: &str) {
        let Content::Object(entries) = &self.node.content else { return };
        for entry in entries.iter().filter(|e| !known.contains(&&*e.key) && !e.value.is_null()) {
            let hint = hint(&entry.key, known.iter().copied());
            self.child(&entry.value).problem(format_args!("unknown field{hint}; {consequence}"));
        }
    }

    /// The entries of an object of strings; a null value is the empty string, as in the API server.
    pub(crate) fn strings<T: FromIterator<(&'a str, &'a str)>>(&self) -> T {
        let string = |v: &Cursor<'a>| if v.node.is_null() { Some("") } else { v.str() };
        self.entries().into_iter().filter_map(|(e, v)| Some((&*e.key, string(&v)?))).collect()
    }

    /// The string `key`.
    pub(crate) fn string_at(&self, key: &str) -> Option<String> {
        self.get(key)?.str().map(str::to_owned)
    }

    /// The boolean `key`.
    pub(crate) fn bool_at(&self, key: &str) -> Option<bool> {
        self.get(key)?.bool()
    }

    /// The strings of the list `key`, none when absent.
    pub(crate) fn string_list(&self, key: &str) -> Vec<String> {
        self.items(key).iter().filter_map(|c| c.str().map(str::to_owned)).collect()
    }
}

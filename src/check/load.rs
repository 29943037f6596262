//! Reads a check file, and reports every mistake in it at once.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::definition::{Check, CheckTest, Given, Lower, Note, Skip};
use super::expr::Expr;
use super::scope::{Scope, Vocabulary};
use super::{Fix, Severity, SourceFile, Verdict, template};
use crate::config::yaml::{self, Node, Value};
use crate::config::{Decoder, Entry, Problem, Profile, hint};
use crate::facts::schema::{FactType, Field, SubjectKind};

const KEYS: [&str; 21] = [
    "id",
    "title",
    "finding",
    "severity",
    "subject",
    "profile",
    "optIn",
    "when",
    "skip",
    "pass",
    "lower",
    "message",
    "unknown",
    "unknownOnce",
    "note",
    "notes",
    "impliedBy",
    "why",
    "fix",
    "references",
    "tests",
];

/// Keys of earlier versions, with the names that they have now.
const RENAMES: [(&str, &str); 2] = [("remark", "note"), ("remarks", "notes")];

/// What could be read of a file.
#[derive(Default)]
pub(super) struct Loaded {
    pub check: Option<Check>,
    /// Known even where the rest is broken, so that others may refer to it.
    pub id: Option<Placed>,
    pub implied_by: Vec<Placed>,
    pub problems: Vec<Problem>,
}

/// A text and its place.
#[derive(Clone)]
pub(super) struct Placed {
    pub text: String,
    pub line: u32,
    pub column: u32,
}

impl Placed {
    pub fn new(text: String, node: &Node) -> Self {
        Placed { text, line: node.line, column: node.column }
    }

    pub fn problem(&self, file: &str, message: String) -> Problem {
        Problem { file: file.into(), line: self.line, column: self.column, message }
    }
}

/// Reads one file on its own; what concerns several files is the registry's business.
pub(super) fn load(file: &SourceFile, vocabulary: Vocabulary) -> Loaded {
    let root = match yaml::parse(&file.name, &file.text) {
        Ok(root) => root,
        Err(problem) => return Loaded { problems: vec![problem], ..Loaded::default() },
    };
    let mut reader = Reader { d: Decoder::new(&file.name), text: &file.text, scope: None, vocabulary };
    let mut loaded = Loaded::default();
    loaded.check = reader.check(&root, &mut loaded).map(|c| Check { file: file.name.clone(), ..c });
    loaded.problems = reader.d.problems;
    if !loaded.problems.is_empty() {
        loaded.check = None;
    }
    loaded
}

struct Reader<'a> {
    d: Decoder<'a>,
    text: &'a str,
    /// `None` while the subject is not known: expressions are not looked at then.
    scope: Option<Scope>,
    vocabulary: Vocabulary,
}

impl Reader<'_> {
    fn check(&mut self, root: &Node, loaded: &mut Loaded) -> Option<Check> {
        const WHAT: &str = "check";
        let fields = self.d.fields_with_renames(root, WHAT, &KEYS, &RENAMES);
        let mut require = |key: &str| fields.require(&mut self.d, WHAT, key);
        let [id, title, severity, subject, pass, message, why, tests] =
            ["id", "title", "severity", "subject", "pass", "message", "why", "tests"].map(&mut require);

        let id = id.and_then(|n| {
            let id = self.d.text(n, "id")?;
            let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            if !id.split('-').all(word) {
                self.d.report(n, format!("id: \"{id}\": expected lower-case words joined by \"-\""));
            }
            loaded.id = Some(Placed::new(id.clone(), n));
            Some(id)
        });
        let title = title.and_then(|n| self.d.text(n, "title"));
        let finding = fields.get("finding").map(|n| self.d.text(n, "finding"));
        let own_severity = severity.and_then(|n| self.d.severity(n, "severity"));
        let subject = subject.and_then(|n| self.subject(n));
        self.scope = subject.map(|subject| Scope { subject, vocabulary: self.vocabulary });

        let profiles = Profile::ALL.map(|p| (p.name(), p));
        let profile = fields.get("profile").and_then(|n| self.d.one_of(n, "profile", "profile", &profiles));
        let profile = profile.unwrap_or_default();
        if let (Profile::Operations, Some(at), Some(level)) = (profile, severity, own_severity)
            && level > Severity::Low
        {
            let message = format!("severity: {}: a check of operations is low at most", level.name());
            self.d.report(at, message);
        }
        let opt_in = fields.get("optIn").and_then(|n| self.d.boolean(n, "optIn")).unwrap_or(false);
        let when = fields.get("when").map(|n| self.expression(n, "when"));
        let skip = fields.get("skip").map_or_else(Vec::new, |n| self.skip(n));
        let pass = pass.and_then(|n| self.expression(n, "pass"));
        let lower = fields.get("lower").map_or_else(Vec::new, |n| self.lower(n, own_severity));
        let message = message.and_then(|n| self.template(n, "message"));
        let unknown = fields.get("unknown").and_then(|n| self.template(n, "unknown"));
        let unknown_once = fields.get("unknownOnce").and_then(|n| self.d.boolean(n, "unknownOnce")).unwrap_or(false);
        let mut notes = fields.get("notes").map_or_else(Vec::new, |n| self.notes(n));
        if let Some(text) = fields.get("note").and_then(|n| self.template(n, "note")) {
            notes.insert(0, Note { when: None, text });
        }
        if let Some(node) = fields.get("impliedBy") {
            let named = self.d.texts(node, "impliedBy");
            loaded.implied_by = named.into_iter().map(|(text, node)| Placed::new(text, node)).collect();
        }
        let why = why.and_then(|n| self.d.text(n, "why"));
        let fix = fields.get("fix").map_or_else(Fix::default, |n| self.fix(n));
        let references = fields.get("references").map_or_else(Vec::new, |n| self.references(n));
        let tests = tests.map_or_else(Vec::new, |n| self.tests(n));

        Some(Check {
            id: id?,
            finding: finding.unwrap_or_else(|| title.clone())?,
            title: title?,
            severity: own_severity?,
            subject: subject?,
            profile,
            opt_in,
            // An expression that does not compile is a problem: the check is dropped as a whole.
            when: when.flatten(),
            skip,
            pass: pass?,
            lower,
            message: message?,
            unknown,
            unknown_once,
            notes,
            implied_by: loaded.implied_by.iter().map(|p| p.text.clone()).collect(),
            why: why?,
            fix,
            references,
            tests,
            file: String::new(),
        })
    }

    fn subject(&mut self, node: &Node) -> Option<SubjectKind> {
        let name = self.d.text(node, "subject")?;
        let kind = SubjectKind::ALL.into_iter().find(|k| k.name() == name);
        if kind.is_none() {
            let names = SubjectKind::ALL.map(SubjectKind::name);
            let message =
                format!("subject: unknown kind \"{name}\"{}; valid: {}", hint(&name, names), names.join(", "));
            self.d.report(node, message);
        }
        kind
    }

    fn expression(&mut self, node: &Node, what: &str) -> Option<Expr> {
        // `pass: true` is a boolean to YAML.
        let source = match &node.value {
            Value::Bool(b) => b.to_string(),
            _ => self.d.text(node, what)?,
        };
        match Expr::compile(&source, self.scope?) {
            Ok(expr) => Some(expr),
            Err(mistakes) => {
                for mistake in mistakes {
                    let place = node.place_of(self.text, mistake.offset);
                    self.d.report_at(place, format!("{what}: {}", mistake.message));
                }
                None
            }
        }
    }

    fn template(&mut self, node: &Node, what: &str) -> Option<String> {
        let source = self.d.text(node, what)?;
        if let Some(scope) = self.scope {
            for (offset, message) in template::check(&source, scope) {
                let place = node.place_of(self.text, offset);
                self.d.report_at(place, format!("{what}: {message}"));
            }
        }
        Some(source)
    }

    fn skip(&mut self, node: &Node) -> Vec<Skip> {
        let mut rules = Vec::new();
        for item in self.d.items(node, "skip") {
            let fields = self.d.fields(item, "skip", &["when", "because"]);
            let mut require = |key: &str| fields.require(&mut self.d, "skip", key);
            let [when, because] = ["when", "because"].map(&mut require);
            let when = when.and_then(|n| self.expression(n, "skip: when"));
            let because = because.and_then(|n| self.template(n, "skip: because"));
            if let (Some(when), Some(because)) = (when, because) {
                rules.push(Skip { when, because });
            }
        }
        rules
    }

    fn lower(&mut self, node: &Node, severity: Option<Severity>) -> Vec<Lower> {
        let mut rules = Vec::new();
        for item in self.d.items(node, "lower") {
            let fields = self.d.fields(item, "lower", &["when", "to", "because"]);
            let mut require = |key: &str| fields.require(&mut self.d, "lower", key);
            let [when, to, because] = ["when", "to", "because"].map(&mut require);
            let when = when.and_then(|n| self.expression(n, "lower: when"));
            let level = to.and_then(|n| self.d.severity(n, "lower: to"));
            if let (Some(level), Some(own), Some(at)) = (level, severity, to)
                && level >= own
            {
                let message =
                    format!("lower: to: {} is not lower than the check's severity, {}", level.name(), own.name());
                self.d.report(at, message);
            }
            let because = because.and_then(|n| self.d.text(n, "lower: because"));
            if let (Some(when), Some(to), Some(because)) = (when, level, because) {
                rules.push(Lower { when, to, because });
            }
        }
        rules
    }

    fn notes(&mut self, node: &Node) -> Vec<Note> {
        let mut notes = Vec::new();
        for item in self.d.items(node, "notes") {
            let fields = self.d.fields(item, "notes", &["when", "text"]);
            let when = fields.get("when").map(|n| self.expression(n, "notes: when"));
            let text = fields.require(&mut self.d, "notes", "text");
            if let Some(text) = text.and_then(|n| self.template(n, "notes: text")) {
                notes.push(Note { when: when.flatten(), text });
            }
        }
        notes
    }

    fn fix(&mut self, node: &Node) -> Fix {
        let fields = self.d.fields(node, "fix", &["kubectl", "gcloud", "terraform"]);
        let mut of = |key: &str| fields.get(key).and_then(|n| self.template(n, &format!("fix: {key}")));
        Fix { kubectl: of("kubectl"), gcloud: of("gcloud"), terraform: of("terraform") }
    }

    fn references(&mut self, node: &Node) -> Vec<String> {
        let mut references = Vec::new();
        for (text, item) in self.d.texts(node, "references") {
            if !text.starts_with("https://") {
                self.d.report(item, format!("references: \"{text}\": expected a https:// address"));
            }
            references.push(text);
        }
        references
    }

    fn tests(&mut self, node: &Node) -> Vec<CheckTest> {
        let before = self.d.problems.len();
        let mut tests = Vec::new();
        for item in self.d.items(node, "tests") {
            if let Some(test) = self.test(item) {
                if tests.iter().any(|t: &CheckTest| t.name == test.name) {
                    self.d.report(item, format!("tests: there are two of the name \"{}\"", test.name));
                }
                tests.push(test);
            }
        }
        for (verdict, word) in [(Verdict::Pass, "passing"), (Verdict::Fail, "failing")] {
            let broken = self.d.problems.len() > before;
            if !broken && !tests.iter().any(|t| t.expect == verdict) {
                self.d.report(node, format!("tests: there is no {word} one (expect: {})", verdict.name()));
            }
        }
        tests
    }

    fn test(&mut self, node: &Node) -> Option<CheckTest> {
        const WHAT: &str = "tests";
        let fields = self.d.fields(node, WHAT, &["name", "given", "expect", "severity", "message"]);
        let mut require = |key: &str| fields.require(&mut self.d, WHAT, key);
        let [name, given, expect] = ["name", "given", "expect"].map(&mut require);
        let name = name.and_then(|n| self.d.text(n, "tests: name"));
        let given = given.map(|n| self.given(n));
        let expect = expect.and_then(|n| {
            let word = self.d.text(n, "tests: expect")?;
            let verdicts = [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::NotApplicable];
            let verdict = verdicts.into_iter().find(|v| v.name() == word);
            if verdict.is_none() {
                let names = verdicts.map(Verdict::name);
                let valid = names.join(", ");
                self.d.report(
                    n,
                    format!("tests: expect: unknown verdict \"{word}\"{}; valid: {valid}", hint(&word, names)),
                );
            }
            verdict
        });
        let severity = fields.get("severity").and_then(|n| self.d.severity(n, "tests: severity"));
        let message = fields.get("message").and_then(|n| self.d.text(n, "tests: message"));
        Some(CheckTest { name: name?, given: given?, expect: expect?, severity, message })
    }

    fn given(&mut self, node: &Node) -> Given {
        let mut given = Given::new();
        for Entry { name: root, key, value } in self.d.entries(node, "tests: given") {
            let Some(scope) = self.scope else { break };
            let Some(kind) = scope.kind(root) else {
                let message = scope.fact(root, "").err().unwrap_or_default();
                self.d.report(key, format!("tests: given: {message}"));
                continue;
            };
            let facts: &mut BTreeMap<_, _> = given.entry(kind).or_default();
            for Entry { name, key, value } in self.d.entries(value, &format!("tests: given: {root}")) {
                match scope.fact(root, name) {
                    Err(message) => self.d.report(key, format!("tests: given: {message}")),
                    Ok(path) => match given_value(path.field, value) {
                        Some(json) => {
                            facts.insert(path.field.name, json);
                        }
                        None => {
                            let found = value.value.describe();
                            let expected = expected(path.field);
                            self.d.report(value, format!("tests: given: {path}: expected {expected}, found {found}"));
                        }
                    },
                }
            }
        }
        given
    }
}

fn expected(field: &Field) -> String {
    let ty = match field.ty {
        FactType::Bool => "true or false",
        FactType::Int => "a whole number",
        FactType::String => "text",
        FactType::StringList => "a list of texts",
    };
    if field.nullable { format!("{ty} or null") } else { ty.into() }
}

/// The value of a fact, or `None` where it is not of the fact's type.
fn given_value(field: &Field, node: &Node) -> Option<Json> {
    match (field.ty, &node.value) {
        (_, Value::Null) => field.nullable.then_some(Json::Null),
        (FactType::Bool, Value::Bool(b)) => Some(Json::from(*b)),
        (FactType::Int, Value::Int(i)) => Some(Json::from(*i)),
        (FactType::String, Value::Str(s)) => Some(Json::from(s.as_str())),
        (FactType::StringList, Value::Seq(items)) => {
            let texts: Option<Vec<&str>> =
                items.iter().map(|i| if let Value::Str(s) = &i.value { Some(s.as_str()) } else { None }).collect();
            texts.map(Json::from)
        }
        _ => None,
    }
}

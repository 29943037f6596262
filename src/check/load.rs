//! Reads a check file, and reports every mistake in it at once.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::definition::{Check, CheckTest, Given, Lower, Note, Skip};
use super::expr::Expr;
use super::scope::{Scope, Vocabulary};
use super::{Fix, Severity, SourceFile, Verdict, template};
use crate::config::{Problem, Profile};
use crate::document::{Content, Cursor, Node, PathStyle, Problems, parse_yaml};
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

const PATHS: PathStyle = PathStyle { root: "check", separator: ": ", indexes: false };

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
    pub(super) fn new(text: &str, c: Cursor<'_>) -> Self {
        let (line, column) = c.position();
        Placed { text: text.to_owned(), line, column }
    }

    pub(super) fn problem(&self, file: &str, message: String) -> Problem {
        Problem { file: file.into(), line: self.line, column: self.column, message }
    }
}

/// Reads one file on its own; what concerns several files is the registry's business.
pub(super) fn load(file: &SourceFile, vocabulary: Vocabulary) -> Loaded {
    let root = match parse_yaml(&file.name, &file.text) {
        Ok(root) => root,
        Err(problem) => return Loaded { problems: vec![problem], ..Loaded::default() },
    };
    let problems = Problems::new(PATHS);
    let mut reader = Reader { problems: &problems, text: &file.text, scope: None, vocabulary };
    let mut loaded = Loaded::default();
    loaded.check =
        reader.check(Cursor::new(&root, &problems), &mut loaded).map(|c| Check { file: file.name.clone(), ..c });
    loaded.problems = problems.drain(&file.name, &root);
    if !loaded.problems.is_empty() {
        loaded.check = None;
    }
    loaded
}

struct Reader<'a> {
    problems: &'a Problems,
    text: &'a str,
    /// `None` while the subject is not known: expressions are not looked at then.
    scope: Option<Scope>,
    vocabulary: Vocabulary,
}

impl Reader<'_> {
    fn check(&mut self, root: Cursor<'_>, loaded: &mut Loaded) -> Option<Check> {
        let fields = root.object_with_renames(&KEYS, &RENAMES)?;
        let [id, title, severity, subject, pass, message, why, tests] =
            ["id", "title", "severity", "subject", "pass", "message", "why", "tests"].map(|key| fields.require(key));

        let id = id.and_then(|n| {
            let id = n.text()?;
            let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            if !id.split('-').all(word) {
                n.problem(format_args!("\"{id}\": expected lower-case words joined by \"-\""));
            }
            loaded.id = Some(Placed::new(id, n));
            Some(id.to_owned())
        });
        let title = title.and_then(|n| n.text()).map(str::to_owned);
        let finding = fields.get("finding").map(|n| n.text().map(str::to_owned));
        let own_severity = severity.and_then(Severity::parse);
        let subjects = SubjectKind::ALL.map(|k| (k.name(), k));
        let subject = subject.and_then(|n| n.one_of("kind", &subjects));
        self.scope = subject.map(|subject| Scope { subject, vocabulary: self.vocabulary });

        let profiles = Profile::ALL.map(|p| (p.name(), p));
        let profile = fields.get("profile").and_then(|n| n.one_of("profile", &profiles));
        let profile = profile.unwrap_or_default();
        if let (Profile::Operations, Some(at), Some(level)) = (profile, severity, own_severity)
            && level > Severity::Low
        {
            at.problem(format_args!("{}: a check of operations is low at most", level.name()));
        }
        let opt_in = fields.bool_at("optIn").unwrap_or(false);
        let when = fields.get("when").map(|n| self.expression(n));
        let skip = fields.get("skip").map_or_else(Vec::new, |n| self.skip(n));
        let pass = pass.and_then(|n| self.expression(n));
        let lower = fields.get("lower").map_or_else(Vec::new, |n| self.lower(n, own_severity));
        let message = message.and_then(|n| self.template(n));
        let unknown = fields.get("unknown").and_then(|n| self.template(n));
        let unknown_once = fields.bool_at("unknownOnce").unwrap_or(false);
        let mut notes = fields.get("notes").map_or_else(Vec::new, |n| self.notes(n));
        if let Some(text) = fields.get("note").and_then(|n| self.template(n)) {
            notes.insert(0, Note { when: None, text });
        }
        let implied_by = fields.items("impliedBy").into_iter();
        loaded.implied_by = implied_by.filter_map(|n| Some(Placed::new(n.text()?, n))).collect();
        let why = why.and_then(|n| n.text()).map(str::to_owned);
        let fix = fields.get("fix").map_or_else(Fix::default, |n| self.fix(n));
        let references = references(fields);
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

    fn expression(&self, c: Cursor<'_>) -> Option<Expr> {
        // `pass: true` is a boolean to YAML.
        let source = match c.node.content {
            Content::Bool(b) => b.to_string(),
            _ => c.text()?.to_owned(),
        };
        match Expr::compile(&source, self.scope?) {
            Ok(expr) => Some(expr),
            Err(mistakes) => {
                for mistake in mistakes {
                    c.problem_at(c.node.position_of(self.text, mistake.offset), mistake.message);
                }
                None
            }
        }
    }

    fn template(&self, c: Cursor<'_>) -> Option<String> {
        let source = c.text()?;
        if let Some(scope) = self.scope {
            for (offset, message) in template::check(source, scope) {
                c.problem_at(c.node.position_of(self.text, offset), message);
            }
        }
        Some(source.to_owned())
    }

    fn skip(&self, c: Cursor<'_>) -> Vec<Skip> {
        let rule = |item: Cursor<'_>| {
            let fields = item.object(&["when", "because"])?;
            let [when, because] = ["when", "because"].map(|key| fields.require(key));
            let when = when.and_then(|n| self.expression(n));
            let because = because.and_then(|n| self.template(n));
            Some(Skip { when: when?, because: because? })
        };
        c.list().into_iter().filter_map(rule).collect()
    }

    fn lower(&self, c: Cursor<'_>, severity: Option<Severity>) -> Vec<Lower> {
        let rule = |item: Cursor<'_>| {
            let fields = item.object(&["when", "to", "because"])?;
            let [when, to, because] = ["when", "to", "because"].map(|key| fields.require(key));
            let when = when.and_then(|n| self.expression(n));
            let level = to.and_then(Severity::parse);
            if let (Some(level), Some(own), Some(at)) = (level, severity, to)
                && level >= own
            {
                let (level, own) = (level.name(), own.name());
                at.problem(format_args!("{level} is not lower than the check's severity, {own}"));
            }
            let because = because.and_then(|n| n.text());
            Some(Lower { when: when?, to: level?, because: because?.to_owned() })
        };
        c.list().into_iter().filter_map(rule).collect()
    }

    fn notes(&self, c: Cursor<'_>) -> Vec<Note> {
        let note = |item: Cursor<'_>| {
            let fields = item.object(&["when", "text"])?;
            let when = fields.get("when").map(|n| self.expression(n));
            let text = fields.require("text").and_then(|n| self.template(n));
            Some(Note { when: when.flatten(), text: text? })
        };
        c.list().into_iter().filter_map(note).collect()
    }

    fn fix(&self, c: Cursor<'_>) -> Fix {
        let Some(fields) = c.object(&["kubectl", "gcloud", "terraform"]) else { return Fix::default() };
        let command = |key: &str| fields.get(key).and_then(|n| self.template(n));
        Fix { kubectl: command("kubectl"), gcloud: command("gcloud"), terraform: command("terraform") }
    }

    fn tests(&self, c: Cursor<'_>) -> Vec<CheckTest> {
        let before = self.problems.len();
        let mut tests: Vec<CheckTest> = Vec::new();
        for item in c.list() {
            if let Some(test) = self.test(item) {
                if tests.iter().any(|t| t.name == test.name) {
                    item.problem(format_args!("two tests have the name \"{}\"", test.name));
                }
                tests.push(test);
            }
        }
        for (verdict, word) in [(Verdict::Pass, "passing"), (Verdict::Fail, "failing")] {
            let broken = self.problems.len() > before;
            if !broken && !tests.iter().any(|t| t.expect == verdict) {
                c.problem(format_args!("no {word} test (expect: {})", verdict.name()));
            }
        }
        tests
    }

    fn test(&self, c: Cursor<'_>) -> Option<CheckTest> {
        let fields = c.object(&["name", "given", "expect", "severity", "message"])?;
        let [name, given, expect] = ["name", "given", "expect"].map(|key| fields.require(key));
        let name = name.and_then(|n| n.text());
        let given = given.map(|n| self.given(n));
        let verdicts = [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::NotApplicable].map(|v| (v.name(), v));
        let expect = expect.and_then(|n| n.one_of("verdict", &verdicts));
        let severity = fields.get("severity").and_then(Severity::parse);
        let message = fields.get("message").and_then(|n| n.text()).map(str::to_owned);
        Some(CheckTest { name: name?.to_owned(), given: given?, expect: expect?, severity, message })
    }

    fn given(&self, c: Cursor<'_>) -> Given {
        let mut given = Given::new();
        for (entry, facts) in c.entries() {
            let Some(scope) = self.scope else { break };
            let Some(kind) = scope.kind(&entry.key) else {
                c.problem_at((entry.line, entry.column), scope.fact(&entry.key, "").err().unwrap_or_default());
                continue;
            };
            let values: &mut BTreeMap<_, _> = given.entry(kind).or_default();
            for (fact, value) in facts.entries() {
                match scope.fact(&entry.key, &fact.key) {
                    Err(message) => c.problem_at((fact.line, fact.column), message),
                    Ok(path) => match given_value(path.field, value.node) {
                        Some(json) => {
                            values.insert(path.field.name, json);
                        }
                        None => {
                            let (expected, found) = (expected(path.field), value.node.content.type_name());
                            c.problem_at(value.position(), format_args!("{path}: expected {expected}, found {found}"));
                        }
                    },
                }
            }
        }
        given
    }
}

fn references(check: Cursor<'_>) -> Vec<String> {
    let mut references = Vec::new();
    for item in check.items("references") {
        let Some(text) = item.text() else { continue };
        if !text.starts_with("https://") {
            item.problem(format_args!("\"{text}\": expected an https:// address"));
        }
        references.push(text.to_owned());
    }
    references
}

fn expected(field: &Field) -> String {
    let ty = match field.ty {
        FactType::Bool => "true or false",
        FactType::Int => "a whole number",
        FactType::String => "a string",
        FactType::StringList => "a list of strings",
    };
    if field.nullable { format!("{ty} or null") } else { ty.into() }
}

/// The value of a fact, or `None` where it is not of the fact's type.
fn given_value(field: &Field, node: &Node<'_>) -> Option<Json> {
    match (field.ty, &node.content) {
        (_, Content::Null) => field.nullable.then_some(Json::Null),
        (FactType::Bool, Content::Bool(b)) => Some(Json::from(*b)),
        (FactType::Int, Content::Int(i)) => Some(Json::from(*i)),
        (FactType::String, Content::Str(s)) => Some(Json::from(&**s)),
        (FactType::StringList, Content::List(items)) => {
            items.iter().map(Node::as_str).collect::<Option<Vec<_>>>().map(Json::from)
        }
        _ => None,
    }
}

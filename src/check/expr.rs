//! An expression of a check: compiled and checked at load, evaluated in three values.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::{Expr as Ast, IdedExpr, operators};
use cel::objects::{Key, Map};
use cel::{Context, ExecutionError, Program, Value};
use serde_json::Value as Json;

use super::functions::ENV;
use super::lexical;
use super::scope::{Path, Scope};
use super::typing::{self, Mistake};
use crate::facts::schema::{Evidence, Fact, FactType, Facts, Field, SubjectKind};
use crate::inventory::Reason;

/// Longest expression in bytes, and deepest brackets. CEL's parser recurses with frames so large (measured, debug build:
/// 12 nested lists overflow 2 MiB) that its own limit of 96 is of no help; see also [`with_deep_stack`].
const MAX_LENGTH: usize = 4096;
const MAX_BRACKETS: usize = 16;
const STACK: usize = 16 << 20;

/// Runs `work` where expressions of the permitted size cannot overflow the stack.
pub(super) fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // If no thread can be started, this one does the work.
    let slot = std::sync::Mutex::new(Some(work));
    let run = || slot.lock().unwrap_or_else(|e| e.into_inner()).take().map(|w| w());
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        match thread.map(|t| t.join()) {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => run(),
        }
    });
    done.unwrap_or_else(|| unreachable!("the work is taken once"))
}

/// A boolean expression over the facts of a subject and the cluster.
#[derive(Debug)]
pub struct Expr {
    source: String,
    program: Program,
    paths: Vec<Path>,
}

/// The value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is true, whatever the unknown facts are.
    True,
    /// It is false, whatever the unknown facts are.
    False,
    /// With the reasons of the unknown facts that leave it open; never empty.
    Unknown(Vec<Reason>),
}

impl Expr {
    /// Compiles and checks an expression.
    ///
    /// # Errors
    /// Every mistake with its byte offset.
    pub(super) fn compile(source: &str, scope: Scope) -> Result<Expr, Vec<Mistake>> {
        if source.len() > MAX_LENGTH {
            let message = format!("the expression is longer than {MAX_LENGTH} bytes");
            return Err(vec![Mistake { offset: 0, message }]);
        }
        if lexical::brackets(source) > MAX_BRACKETS {
            let message = format!("brackets are nested more than {MAX_BRACKETS} deep");
            return Err(vec![Mistake { offset: 0, message }]);
        }
        let program = ENV.compile(&lexical::escape_reserved(source)?).map_err(|errors| {
            // One lexical error causes several others; the first has the right position.
            let first = errors.errors.first();
            let offset = first.map_or(0, |e| offset_of(source, e.pos));
            let message = first.map_or_else(|| "does not compile".to_string(), |e| e.msg.clone());
            // The list of all tokens that the parser expected is left out: it is too long to help.
            let message = message.split(" expecting {").next().unwrap_or_default().to_string();
            vec![Mistake { offset, message }]
        })?;
        let paths = typing::check(&program, scope)?;
        Ok(Expr { source: source.trim().to_string(), program, paths })
    }

    /// The text, trimmed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The facts that it names, in order of appearance.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Evaluates it. A run-time error is unknown; `false && unknown` and `unknown && false` are false, and likewise
    /// `||` with true, because the unknown could not change them.
    pub fn eval(&self, view: &View<'_>) -> Outcome {
        match evaluate_bool(self.program.expression(), view) {
            Ok(true) => Outcome::True,
            Ok(false) => Outcome::False,
            Err(error) => {
                let mut reasons = Vec::new();
                self.deciding_nodes(view, &mut |node, error| {
                    let before = reasons.len();
                    for path in self.paths_in(node) {
                        for reason in view.reasons(&path) {
                            push_new(&mut reasons, reason);
                        }
                    }
                    if let (true, Some(error)) = (before == reasons.len(), error) {
                        let known = self.paths_in(node).iter().all(|p| view.value(p).is_ok());
                        if known {
                            push_new(&mut reasons, undecided(&self.source, error));
                        }
                    }
                });
                if reasons.is_empty() {
                    reasons.push(undecided(&self.source, &error));
                }
                Outcome::Unknown(reasons)
            }
        }
    }

    /// The facts whose values decided the outcome: of a false `a && b`, those of the false operands only.
    pub fn deciding_paths(&self, view: &View<'_>) -> Vec<Path> {
        let mut paths = Vec::new();
        self.deciding_nodes(view, &mut |node, _| {
            for path in self.paths_in(node) {
                push_new(&mut paths, path);
            }
        });
        paths
    }

    fn deciding_nodes<'a>(&'a self, view: &View<'_>, visit: &mut dyn FnMut(&'a IdedExpr, Option<&ExecutionError>)) {
        visit_deciding(self.program.expression(), view, visit);
    }

    fn paths_in(&self, node: &IdedExpr) -> Vec<Path> {
        let mut names = Vec::new();
        selections(node, &mut names);
        let mut paths = Vec::new();
        for (root, field) in names {
            let path = self.paths.iter().find(|p| lexical::variable(p.kind) == root && p.field.name == field);
            if let Some(path) = path {
                push_new(&mut paths, *path);
            }
        }
        paths
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn undecided(source: &str, error: &ExecutionError) -> Reason {
    Reason::undecided(format!("`{source}` cannot be evaluated: {}", typing::error_text(error)))
}

fn evaluate_bool(node: &IdedExpr, view: &View<'_>) -> Result<bool, ExecutionError> {
    match Value::resolve(node, &view.context)? {
        Value::Bool(b) => Ok(b),
        other => Err(ExecutionError::UnexpectedType { got: other.type_of().to_string(), want: "bool".into() }),
    }
}

/// Visits the smallest boolean parts that make the outcome of `node` what it is, each with its error, if it has one.
fn visit_deciding<'a>(
    node: &'a IdedExpr,
    view: &View<'_>,
    visit: &mut dyn FnMut(&'a IdedExpr, Option<&ExecutionError>),
) {
    let outcome = evaluate_bool(node, view);
    if let Ast::Call(call) = &node.expr {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, args) => {
                for arg in args {
                    let same = match (evaluate_bool(arg, view), &outcome) {
                        (Ok(a), Ok(b)) => a == *b,
                        (a, b) => a.is_err() == b.is_err(),
                    };
                    if same {
                        visit_deciding(arg, view, visit);
                    }
                }
                return;
            }
            (operators::LOGICAL_NOT, [arg]) => return visit_deciding(arg, view, visit),
            (operators::CONDITIONAL, [condition, yes, no]) => {
                visit_deciding(condition, view, visit);
                match evaluate_bool(condition, view) {
                    Ok(true) => visit_deciding(yes, view, visit),
                    Ok(false) => visit_deciding(no, view, visit),
                    Err(_) => {}
                }
                return;
            }
            _ => {}
        }
    }
    visit(node, outcome.as_ref().err());
}

/// All `root.field` pairs below a node.
fn selections<'a>(node: &'a IdedExpr, out: &mut Vec<(&'a str, &'a str)>) {
    match &node.expr {
        Ast::Select(select) => match &select.operand.expr {
            Ast::Ident(root) => out.push((root, &select.field)),
            _ => selections(&select.operand, out),
        },
        Ast::Call(call) => {
            call.target.iter().for_each(|t| selections(t, out));
            call.args.iter().for_each(|a| selections(a, out));
        }
        Ast::List(list) => list.elements.iter().for_each(|e| selections(e, out)),
        Ast::Comprehension(c) => {
            for part in [&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result] {
                selections(part, out);
            }
        }
        // The loader refuses maps and messages.
        Ast::Ident(_) | Ast::Literal(_) | Ast::Map(_) | Ast::Struct(_) | Ast::Unspecified => {}
    }
}

/// Byte offset of a 1-based line and column as CEL's parser gives them.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(1).max(1);
    let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    start + column - 1
}

/// The facts of one subject as expressions see them: unknown facts are absent, so that touching one is an error.
pub struct View<'a> {
    subject: &'a Facts,
    cluster: Option<&'a Facts>,
    /// Why there are no facts of the cluster.
    absent: &'a [Reason],
    context: Context<'static, 'static>,
}

/// The facts of the cluster, converted once for all subjects.
#[derive(Clone)]
pub struct ClusterView<'a> {
    facts: Option<&'a Facts>,
    absent: &'a [Reason],
    map: Value,
}

impl<'a> ClusterView<'a> {
    /// `absent` says why there are none, where there are none and something is known about that.
    pub fn new(facts: Option<&'a Facts>, fields: &'static [Field], absent: &'a [Reason]) -> Self {
        ClusterView { facts, absent, map: facts.map_or_else(|| cel_map(HashMap::new()), |f| known_facts(f, fields)) }
    }
}

impl<'a> View<'a> {
    /// `fields` is the vocabulary of the subject's kind: a value that does not fit its field counts as unknown.
    pub fn new(subject: &'a Facts, fields: &'static [Field], cluster: &ClusterView<'a>) -> Self {
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.add_variable_from_value(lexical::variable(SubjectKind::Cluster), cluster.map.clone());
        context.add_variable_from_value(lexical::variable(subject.subject.kind), known_facts(subject, fields));
        View { subject, cluster: cluster.facts, absent: cluster.absent, context }
    }

    /// The subject's own facts.
    pub fn subject(&self) -> &'a Facts {
        self.subject
    }

    fn facts(&self, kind: SubjectKind) -> Option<&'a Facts> {
        if kind == self.subject.subject.kind { Some(self.subject) } else { self.cluster }
    }

    /// The value of a fact.
    ///
    /// # Errors
    /// The reasons why it is unknown; never empty.
    pub fn value(&self, path: &Path) -> Result<&'a Json, Vec<Reason>> {
        let Some(facts) = self.facts(path.kind) else {
            if self.absent.is_empty() {
                return Err(vec![Reason::missing("no cluster configuration given")]);
            }
            return Err(self.absent.to_vec());
        };
        match facts.values.get(path.field.name) {
            Some(Fact::Value(value)) if cel_value(path.field, value).is_some() => Ok(value),
            Some(Fact::Value(_)) => Err(vec![Reason::undecided(format!("{path} has an unexpected type"))]),
            Some(Fact::Unknown(reasons)) if !reasons.is_empty() => Err(reasons.clone()),
            Some(Fact::Unknown(_)) => Err(vec![Reason::undecided(format!("{path} is not known"))]),
            None => Err(vec![Reason::missing(format!("{path} is not given"))]),
        }
    }

    fn reasons(&self, path: &Path) -> Vec<Reason> {
        self.value(path).err().unwrap_or_default()
    }

    /// Evidence of the given facts, each piece once, in order.
    pub fn evidence(&self, paths: &[Path]) -> Vec<Evidence> {
        let mut all = Vec::new();
        for path in paths {
            let pieces = self.facts(path.kind).and_then(|f| f.evidence.get(path.field.name));
            for piece in pieces.into_iter().flatten() {
                push_new(&mut all, piece.clone());
            }
        }
        // Each result keeps its own.
        all.shrink_to_fit();
        all
    }
}

fn known_facts(facts: &Facts, fields: &'static [Field]) -> Value {
    let mut map = HashMap::new();
    for field in fields {
        if let Some(Fact::Value(json)) = facts.values.get(field.name)
            && let Some(value) = cel_value(field, json)
        {
            map.insert(Key::String(Arc::new(field.name.to_string())), value);
        }
    }
    cel_map(map)
}

fn cel_map(map: HashMap<Key, Value>) -> Value {
    Value::Map(Map { map: Arc::new(map) })
}

/// The value of a fact for CEL, or `None` where it is not of the fact's type. Integers become `int`: `uint`, as serde
/// would make them, does not add to a literal.
fn cel_value(field: &Field, json: &Json) -> Option<Value> {
    match (field.ty, json) {
        (_, Json::Null) => field.nullable.then_some(Value::Null),
        (FactType::Bool, Json::Bool(b)) => Some(Value::Bool(*b)),
        (FactType::Int, Json::Number(n)) => n.as_i64().map(Value::Int),
        (FactType::String, Json::String(s)) => Some(Value::String(Arc::new(s.clone()))),
        (FactType::StringList, Json::Array(items)) => {
            let strings: Option<Vec<Value>> =
                items.iter().map(|i| i.as_str().map(|s| Value::String(Arc::new(s.to_string())))).collect();
            strings.map(|s| Value::List(Arc::new(s)))
        }
        _ => None,
    }
}

//! Texts with facts filled in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::Value as Json;

use super::expr::View;
use super::scope::{Path, Scope};
use crate::facts::schema::{FactType, Field, SubjectKind};

/// Stands for an unknown fact, by its name: renders as `unknown`, whatever filter it goes through.
#[derive(Debug)]
struct Unknown(&'static str);

impl Object for Unknown {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(vec![Value::from("unknown")])
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown")
    }
}

fn is_unknown(value: &Value) -> bool {
    value.downcast_object_ref::<Unknown>().is_some()
}

/// An environment with the filters of checks: `few`, `plural`, `choose`, `basename`, and a `length` that keeps an unknown unknown. Nothing is
/// escaped, and a list renders as `a, b, c`.
pub(super) fn engine<'a>() -> Environment<'a> {
    let mut env = Environment::new();
    // Instructions of one rendering. The longest text of a built-in check takes some hundreds.
    env.set_fuel(Some(1_000_000));
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_undefined_behavior(UndefinedBehavior::Lenient);
    env.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Seq if !is_unknown(value) => out.write_str(&join(value)?).map_err(Error::from),
        ValueKind::None => out.write_str("none").map_err(Error::from),
        _ => minijinja::escape_formatter(out, state, value),
    });
    env.add_filter("few", few);
    env.add_filter("plural", plural);
    env.add_filter("choose", choose);
    env.add_filter("basename", basename);
    env.add_filter("length", length);
    env.add_filter("count", length);
    env
}

/// As [`engine`], for remedies, which people paste into a shell: a text that a shell would read otherwise is quoted.
pub(super) fn engine_of_commands<'a>() -> Environment<'a> {
    let mut env = engine();
    env.set_formatter(|out, state, value| match (value.kind(), value.as_str()) {
        (ValueKind::Seq, _) if !is_unknown(value) => {
            let words: Vec<String> = value.try_iter()?.map(|v| quote_in_command(&v.to_string())).collect();
            out.write_str(&words.join(" ")).map_err(Error::from)
        }
        (ValueKind::None, _) => out.write_str("none").map_err(Error::from),
        (_, Some(text)) => out.write_str(&quote_in_command(text)).map_err(Error::from),
        _ => match value.downcast_object_ref::<Unknown>() {
            // A placeholder, as in the documentation of the tools: `PROJECT`.
            Some(Unknown(name)) => out.write_str(&name.to_uppercase()).map_err(Error::from),
            None => minijinja::escape_formatter(out, state, value),
        },
    });
    env
}

/// A value as one word of a command. It may also stand in a comment or in a here-document, where quotes do not protect:
/// a value can end neither, because it has no line breaks. A leading `-`, with which no name begins, would be an option.
fn quote_in_command(text: &str) -> String {
    let visible: String = text
        .chars()
        .enumerate()
        .map(|(i, c)| match c {
            '-' if i == 0 => '\u{fffd}',
            '\u{85}' | '\u{2028}' | '\u{2029}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    shell_quote(&visible).into_owned()
}

/// Quotes `text` as one word of a POSIX shell, if it needs quotes.
pub fn shell_quote(text: &str) -> Cow<'_, str> {
    // The only error is a NUL character, which no command line can contain.
    shlex::try_quote(text).unwrap_or(Cow::Borrowed("''"))
}

fn join(list: &Value) -> Result<String, Error> {
    Ok(list.try_iter()?.map(|v| v.to_string()).collect::<Vec<_>>().join(", "))
}

/// `{{ list | few(3) }}`: `a, b, c and 4 more`. One item more than asked for is shown rather than counted.
fn few(list: Value, n: usize) -> Result<Value, Error> {
    if is_unknown(&list) {
        return Ok(list);
    }
    let items: Vec<String> = list.try_iter()?.map(|v| v.to_string()).collect();
    if items.len() <= n.saturating_add(1) {
        return Ok(Value::from(items.join(", ")));
    }
    let shown = items.get(..n).unwrap_or_default().join(", ");
    let more = items.len() - n;
    Ok(Value::from(if n == 0 { format!("{more}") } else { format!("{shown} and {more} more") }))
}

/// `{{ n | plural("policy", "policies") }}`: `1 policy`, `2 policies`. A list counts as its length; without a second
/// word an `s` is added.
fn plural(value: Value, one: String, many: Option<String>) -> Result<Value, Error> {
    let many = many.unwrap_or_else(|| format!("{one}s"));
    if is_unknown(&value) {
        return Ok(Value::from(format!("an unknown number of {many}")));
    }
    let n = value.as_i64().or_else(|| value.len().and_then(|n| i64::try_from(n).ok()));
    let n = n.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "plural takes a number or a list"))?;
    Ok(Value::from(format!("{n} {}", if n == 1 { one } else { many })))
}

/// `{{ list | choose("is", "are") }}`: the word alone.
fn choose(value: Value, one: String, many: String) -> Result<Value, Error> {
    if is_unknown(&value) {
        return Ok(Value::from(many));
    }
    let n = value.as_i64().or_else(|| value.len().and_then(|n| i64::try_from(n).ok()));
    let n = n.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "choose takes a number or a list"))?;
    Ok(Value::from(if n == 1 { one } else { many }))
}

/// The part of an id after its last `/`.
fn basename(id: Value) -> Value {
    match id.as_str() {
        Some(text) => Value::from(text.rsplit('/').next().unwrap_or(text)),
        None => id,
    }
}

fn length(value: Value) -> Result<Value, Error> {
    if is_unknown(&value) {
        return Ok(value);
    }
    let n = value.len().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "length takes a list or a string"))?;
    Ok(Value::from(n))
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(b) => Value::from(*b),
        Json::Number(n) => n.as_i64().map_or_else(|| Value::from(n.to_string()), Value::from),
        Json::String(s) => Value::from(s.as_str()),
        Json::Array(items) => items.iter().map(value_of).collect(),
        // No fact is a map.
        Json::Object(_) => Value::from(json.to_string()),
    }
}

fn unknown(name: &'static str) -> Value {
    Value::from_object(Unknown(name))
}

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    entries.into_iter().map(|(k, v)| (k.to_string(), v)).collect::<BTreeMap<_, _>>().into()
}

/// What templates see: the facts of the subject, those of the cluster, and `subject` with id, kind, namespace and name.
pub(super) fn context(view: &View<'_>, scope: Scope) -> Value {
    let facts = |kind: SubjectKind| {
        map((scope.vocabulary)(kind).iter().map(|field: &'static Field| {
            let value = view.value(&Path { kind, field });
            (field.name, value.map_or_else(|_| unknown(field.name), value_of))
        }))
    };
    let subject = &view.subject().subject;
    let about = map([
        ("id", Value::from(subject.id.as_str())),
        ("kind", Value::from(subject.object.kind.as_str())),
        ("namespace", Value::from(subject.object.namespace.as_str())),
        ("name", Value::from(subject.object.name.as_str())),
    ]);
    let kinds = [SubjectKind::Cluster, scope.subject];
    map(kinds.map(|k| (k.name(), facts(k))).into_iter().chain([(SUBJECT, about)]))
}

const SUBJECT: &str = "subject";
const ABOUT: [&str; 4] = ["id", "kind", "namespace", "name"];

/// Renders a template. An error becomes part of the text, so that the message is not lost.
pub(super) fn render(engine: &Environment<'_>, source: &str, context: &Value) -> String {
    match engine.render_str(source, context.clone()) {
        Ok(text) => text.trim().to_string(),
        Err(error) => format!("{} (the text could not be filled in: {error})", source.trim()),
    }
}

/// Mistakes of a template, each with its byte offset: syntax, unknown facts, and filters that fail on facts of the
/// declared types or on unknown ones.
pub(super) fn check(source: &str, scope: Scope) -> Vec<(usize, String)> {
    let engine = engine();
    let template = match engine.template_from_str(source) {
        Ok(template) => template,
        Err(error) => return vec![mistake(source, &error)],
    };
    let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    names.sort();
    let mut mistakes = Vec::new();
    for name in names {
        let message = match name.split_once('.') {
            Some((SUBJECT, field)) if ABOUT.contains(&field) => continue,
            Some((SUBJECT, _)) => format!("\"subject\" has {}", ABOUT.join(", ")),
            Some((root, field)) => match scope.fact(root, field) {
                Ok(_) => continue,
                Err(message) => message,
            },
            None if scope.kind(&name).is_some() || name == SUBJECT => {
                format!("\"{name}\" as a whole may not be used: name one of its facts, as in {name}.x")
            }
            None => scope.fact(&name, "").err().unwrap_or_default(),
        };
        mistakes.push((source.find(&name).unwrap_or(0), message));
    }
    if mistakes.is_empty() {
        for sample in [Sample::Known, Sample::Unknown] {
            if let Err(error) = template.render(sample_context(scope, sample)) {
                mistakes.push(mistake(source, &error));
                break;
            }
        }
    }
    mistakes.sort();
    mistakes
}

fn mistake(source: &str, error: &Error) -> (usize, String) {
    let line = error.line().unwrap_or(1).saturating_sub(1);
    let start = source.split_inclusive('\n').take(line).map(str::len).sum();
    let offset = error.range().map_or(start, |r| r.start);
    (offset, format!("template: {}", error.detail().map_or_else(|| error.kind().to_string(), str::to_string)))
}

#[derive(Clone, Copy, Debug)]
enum Sample {
    Known,
    Unknown,
}

/// Facts of a kind with values made up by type. Made when a template names one: a kind has up to a hundred facts, and
/// several hundred templates are tried at every start.
#[derive(Debug)]
struct SampleFacts {
    fields: &'static [Field],
    sample: Sample,
}

impl Object for SampleFacts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let field = self.fields.iter().find(|field| Some(field.name) == key.as_str())?;
        Some(match (self.sample, field.ty) {
            (Sample::Unknown, _) => unknown(field.name),
            (Sample::Known, FactType::Bool) => Value::from(true),
            (Sample::Known, FactType::Int) => Value::from(2),
            (Sample::Known, FactType::String) => Value::from("x"),
            (Sample::Known, FactType::StringList) => Value::from(vec!["x", "y"]),
        })
    }
}

fn sample_context(scope: Scope, sample: Sample) -> Value {
    let facts = |kind| Value::from_object(SampleFacts { fields: (scope.vocabulary)(kind), sample });
    let kinds = [SubjectKind::Cluster, scope.subject];
    let about = map(ABOUT.map(|name| (name, Value::from("x"))));
    map(kinds.map(|k| (k.name(), facts(k))).into_iter().chain([(SUBJECT, about)]))
}

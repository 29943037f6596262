//! The report as Markdown, by a template: the built-in one, or one that a user gives.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value as Json;

use super::Report;
use super::escape::{code, fence, link, prose, steps};
use super::text::{number, time};
use super::view::view;

/// Name by which a user's template can extend the built-in one.
pub const TEMPLATE_NAME: &str = "report.md.j2";
/// The built-in template.
pub const TEMPLATE: &str = include_str!("../../reports/report.md.j2");

/// Renders a report as Markdown.
///
/// `template` is a name (for error messages) and a text in Jinja syntax; `reports/README.md` says what it sees. An
/// error is one sentence that begins with the template's name and line.
pub fn render(report: &Report, template: Option<(&str, &str)>) -> Result<String, String> {
    let mut env = environment()?;
    let name = match template {
        None => TEMPLATE_NAME,
        Some((name, text)) => {
            // Under its own name a template could extend itself without end; the built-in one keeps its own.
            env.add_template_owned(name.to_string(), text.to_string()).map_err(explain)?;
            if name == TEMPLATE_NAME {
                return Err(format!("{name}: the built-in template has this name; rename the file"));
            }
            name
        }
    };
    let text = env.get_template(name).and_then(|t| t.render(value(view(report)))).map_err(explain)?;
    // Sections that came out empty leave more blank lines than one.
    Ok(squeeze(&text))
}

/// Renders a value by a template of this program, with the same filters and the same escaping.
pub(crate) fn render_value(name: &'static str, template: &'static str, context: Json) -> Result<String, String> {
    let mut env = environment()?;
    env.add_template(name, template).map_err(explain)?;
    let text = env.get_template(name).and_then(|t| t.render(value(context))).map_err(explain)?;
    Ok(squeeze(&text))
}

/// The engine with its filters and the built-in template. Every printed string is escaped unless a filter made it.
pub(crate) fn environment() -> Result<Environment<'static>, String> {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(explain)?;
    env.set_syntax(syntax);
    env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    env.set_auto_escape_callback(|_| AutoEscape::Custom("markdown".into()));
    // Every printed string is escaped unless a filter made it: a template cannot forget it.
    env.set_formatter(|out, state, v| {
        // An undefined value that gets here is an `if` without `else`; others are refused before.
        if v.is_none() || v.is_undefined() {
            return Ok(());
        }
        let raw = v.is_safe() || v.is_number() || matches!(state.auto_escape(), AutoEscape::None);
        let text = if raw { v.to_string() } else { spaced(&v.to_string()) };
        out.write_str(&text).map_err(minijinja::Error::from)
    });
    env.add_filter("code", |s: String| Value::from_safe_string(code(&s)));
    env.add_filter("fence", |s: String, lang: Option<String>| {
        Value::from_safe_string(fence(&s, lang.as_deref().unwrap_or_default()))
    });
    env.add_filter("steps", |s: String| Value::from_safe_string(steps(&s)));
    env.add_filter("link", |s: String| Value::from_safe_string(link(&s)));
    env.add_filter("time", |s: String| time(&s));
    env.add_filter("number", |n: u64| number(usize::try_from(n).unwrap_or(usize::MAX)));
    env.add_template(TEMPLATE_NAME, TEMPLATE).map_err(explain)?;
    Ok(env)
}

/// Prose with a blank at either end where there was one: separators such as `", "` are printed too.
fn spaced(s: &str) -> String {
    let blank = |c: Option<char>| if c.is_some_and(char::is_whitespace) { " " } else { "" };
    let text = prose(s);
    if text.is_empty() {
        return blank(s.chars().next()).to_string();
    }
    format!("{}{text}{}", blank(s.chars().next()), blank(s.chars().last()))
}

/// `FILE:LINE: what is wrong`.
pub(crate) fn explain(e: minijinja::Error) -> String {
    let mut text = match (e.name(), e.line()) {
        (Some(name), Some(line)) => format!("{name}:{line}: "),
        (Some(name), None) => format!("{name}: "),
        _ => String::new(),
    };
    text.push_str(&e.kind().to_string());
    if let Some(detail) = e.detail() {
        text.push_str(": ");
        text.push_str(detail);
    }
    text
}

/// A value of the template engine (which is built without serde).
pub(crate) fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(b) => b.into(),
        Json::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(i), _, _) => i.into(),
            (_, Some(u), _) => u.into(),
            (_, _, f) => f.unwrap_or(0.0).into(),
        },
        Json::String(s) => s.into(),
        Json::Array(items) => items.into_iter().map(value).collect::<Vec<_>>().into(),
        Json::Object(map) => {
            map.into_iter().map(|(k, v)| (k, value(v))).collect::<std::collections::BTreeMap<String, Value>>().into()
        }
    }
}

/// One blank line where there were more, outside fenced blocks, and one newline at the end.
pub(crate) fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    let mut blank = true;
    for l in text.lines() {
        match fence {
            Some(f) if l.trim_end() == f => fence = None,
            Some(_) => {}
            None if l.starts_with("```") => fence = Some(&l[..l.len() - l.trim_start_matches('`').len()]),
            None => {}
        }
        let empty = l.trim().is_empty() && fence.is_none();
        if !(empty && blank) {
            out.push_str(if fence.is_none() { l.trim_end() } else { l });
            out.push('\n');
        }
        blank = empty;
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests;

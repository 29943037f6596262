//! The report as Markdown, by a template: the built-in one, or one that a user gives.

pub(crate) mod escape;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value as Json, json};

use self::escape::{code, fence, link, prose, steps};
use super::{Document, Options};
use crate::facts::schema::Evidence;
use crate::report::framework::FrameworkReport;
use crate::report::text::{number, share, time};
use crate::report::view::{Group, Statement, View, shown, subject};
use crate::report::{Coverage, Report, verdict};

/// Name by which a user's template can extend the built-in one.
pub(crate) const TEMPLATE_NAME: &str = "report.md.j2";
/// The built-in template.
pub(crate) const TEMPLATE: &str = include_str!("../../../../reports/report.md.j2");

const FRAMEWORK_TEMPLATE_NAME: &str = "framework.md.j2";
const FRAMEWORK_TEMPLATE: &str = include_str!("../../../../reports/framework.md.j2");

pub(super) fn render(document: &Document<'_>, options: &Options<'_>) -> Result<String, String> {
    match &document.framework {
        None => render_report(document.report, options.template),
        Some(framework) => {
            render_value(FRAMEWORK_TEMPLATE_NAME, FRAMEWORK_TEMPLATE, framework_context(framework)?)
        }
    }
}

/// `template` is a name (for error messages) and a text in Jinja syntax; `reports/README.md` describes what it sees.
fn render_report(report: &Report, template: Option<(&str, &str)>) -> Result<String, String> {
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
    let context = value(context(report)?);
    let text = env.get_template(name).and_then(|t| t.render(context)).map_err(explain)?;
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
fn environment() -> Result<Environment<'static>, String> {
    let mut env = Environment::new();
    // Instructions of one rendering: about a minute. A report on 10,000 workloads takes a tenth of it.
    env.set_fuel(Some(3_000_000_000));
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

/// What a template sees: the report as it is in JSON, and the groups and sentences that people read.
fn context(report: &Report) -> Result<Json, String> {
    let mut root = fields(report)?;
    let view = View::new(report);
    let (word, lacks) = verdict::word(report.outcome);
    let costs: Map<String, Json> = view.gaps.iter().map(|g| (g.gap.id.clone(), g.cost.as_str().into())).collect();
    let coverage: Vec<Json> = view
        .coverage
        .iter()
        .map(|n| {
            let mut row = isolated(n.coverage);
            row.extend([
                ("namespace".to_owned(), n.namespace.as_str().into()),
                ("environment".to_owned(), n.environment.as_str().into()),
                ("platform".to_owned(), n.platform.into()),
                ("defaultDeny".to_owned(), n.default_deny.into()),
            ]);
            row.into()
        })
        .collect();
    let notes = view.notes.iter().flat_map(|s| s.results.iter().map(move |r| (r, &s.text)));
    let more = json!({
        "verdict": { "word": word, "lacks": lacks, "sentences": verdict::sentences(report) },
        "enforcement": verdict::enforcement(&report.target),
        "findings": view.findings.iter().map(|g| group(report, g)).collect::<Vec<_>>(),
        "unknowns": view.unknowns.iter().map(|g| group(report, g)).collect::<Vec<_>>(),
        "advice": view.advice.iter().map(|g| group(report, g)).collect::<Vec<_>>(),
        "costs": costs,
        "waived": view
            .waived
            .iter()
            .map(|r| json!({ "title": report.title(&r.check), "severity": r.severity, "subject": subject(r) }))
            .collect::<Vec<_>>(),
        "notes": notes
            .map(|(r, text)| json!({ "title": report.title(&r.check), "subject": subject(r), "text": text }))
            .collect::<Vec<_>>(),
        "coverage": { "rows": coverage, "total": isolated(&report.summary.coverage.total) },
        "drift": view
            .drift
            .iter()
            .map(|d| {
                json!({ "object": d.object, "address": d.address, "attribute": d.attribute, "state": d.state,
                        "live": d.live })
            })
            .collect::<Vec<_>>(),
    });
    if let Json::Object(more) = more {
        root.extend(more);
    }
    Ok(root.into())
}

/// What a template for a framework sees: the framework report as it is in JSON, and for each control its statements.
fn framework_context(framework: &FrameworkReport) -> Result<Json, String> {
    let mut root = fields(framework)?;
    if let Some(Json::Array(controls)) = root.get_mut("controls") {
        for (json, control) in controls.iter_mut().zip(&framework.controls) {
            let statements = control.statements().into_iter().map(|s| {
                json!({ "severity": s.severity, "waived": s.waived, "subjects": s.subjects, "text": s.text })
            });
            json["statements"] = statements.collect::<Vec<_>>().into();
        }
    }
    Ok(root.into())
}

fn fields<T: serde::Serialize>(report: &T) -> Result<Map<String, Json>, String> {
    match serde_json::to_value(report) {
        Ok(Json::Object(fields)) => Ok(fields),
        Ok(_) => Err("cannot give the report to a template: it is no object".to_owned()),
        Err(e) => Err(format!("cannot give the report to a template: {e}")),
    }
}

fn group(report: &Report, g: &Group<'_>) -> Json {
    let check = report.check(g.check);
    json!({
        "check": g.check,
        "title": g.heading,
        "severity": g.severity,
        "extent": g.extent(),
        "why": check.map_or("", |c| &c.why),
        "references": check.map_or(&[][..], |c| &c.references),
        "controls": check.map(|c| &c.controls),
        "statements": g.statements.iter().map(statement).collect::<Vec<_>>(),
    })
}

fn statement(s: &Statement<'_>) -> Json {
    let evidence: Vec<Json> = s.evidence().map(evidence).collect();
    let has = |key: &str| evidence.iter().any(|e| e[key].as_str().is_some_and(|s| !s.is_empty()));
    let (fixes, more_fixes) = s.fixes();
    let fixes = fixes.into_iter().map(|(fix, subjects)| {
        json!({ "subjects": subjects, "kubectl": fix.kubectl, "gcloud": fix.gcloud, "terraform": fix.terraform })
    });
    json!({
        "text": s.text,
        "numberOfSubjects": s.number_of_subjects(),
        "subjects": s.subjects(),
        "hasRule": has("rule"),
        "hasSource": has("source"),
        "fixes": fixes.collect::<Vec<_>>(),
        "moreFixes": more_fixes,
        "evidence": evidence,
    })
}

fn evidence(e: &Evidence) -> Json {
    json!({
        "object": e.object.to_string(),
        "field": e.path,
        "value": shown(&e.value),
        "rule": e.rule.as_deref().unwrap_or_default(),
        "source": e.source.as_ref().map(ToString::to_string).unwrap_or_default(),
    })
}

/// Numbers of workloads, and the isolated ones with their share.
fn isolated(c: &Coverage) -> Map<String, Json> {
    let isolated = |n: usize, unknown: usize| match unknown {
        0 => share(n, c.workloads),
        u => format!("{}, {u} unknown", share(n, c.workloads)),
    };
    Map::from_iter([
        ("workloads".to_owned(), c.workloads.into()),
        ("ingress".to_owned(), isolated(c.ingress_isolated, c.ingress_unknown).into()),
        ("egress".to_owned(), isolated(c.egress_isolated, c.egress_unknown).into()),
    ])
}

/// `FILE:LINE: what is wrong`.
fn explain(e: minijinja::Error) -> String {
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
fn value(json: Json) -> Value {
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
fn squeeze(text: &str) -> String {
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

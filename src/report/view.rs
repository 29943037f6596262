//! What a template sees: the report as it is in JSON, and the groupings and wordings that people read.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::check::{CheckResult, Fix, Verdict};
use crate::facts::schema::Evidence;

use super::group::{Fold, Group, advice, fold, groups, only_gap, reasons, subject};
use super::text::{count, line, noun, share};
use super::{Report, exit, table, verdict};

/// Longest value that is shown in full.
const VALUE: usize = 160;

/// Different fixes of one finding that are shown: those of further subjects differ in names only.
const FIXES: usize = 3;

/// The context of a template.
pub(crate) fn view(report: &Report) -> Json {
    let mut root = match serde_json::to_value(report) {
        Ok(Json::Object(map)) => map,
        _ => Map::new(),
    };
    let (word, lacks) = verdict::word(report.outcome);
    let mut add = |key: &str, value: Json| root.insert(key.to_string(), value);
    add("verdict", json!({ "word": word, "lacks": lacks, "sentences": verdict::sentences(report) }));
    add("enforcement", verdict::enforcement(&report.target).into());
    let findings: Vec<Json> = groups(report, Verdict::Fail).iter().map(|g| finding(report, g)).collect();
    add("findings", findings.into());
    add("unknowns", unknowns(report).into());
    add(
        "costs",
        report.gaps.iter().map(|g| (g.id.clone(), table::cost(report, &g.id).into())).collect::<Map<_, _>>().into(),
    );
    add("waived", waived(report).into());
    let advice: Vec<Json> = advice(report, Verdict::Fail)
        .iter()
        .map(|g| {
            let said: Vec<Json> = fold(&g.results, |r| line(&r.message)).iter().map(said).collect();
            json!({ "check": g.check, "title": g.title, "said": said })
        })
        .collect();
    add("advice", advice.into());
    add("notes", notes(report).into());
    add("coverage", coverage(report));
    let drift = report.drift.iter().flatten().map(|d| {
        json!({ "object": d.object, "address": d.address, "attribute": d.attribute, "path": d.path, "state": d.state,
                "live": d.live, "stateText": shown(&d.state), "liveText": shown(&d.live) })
    });
    add("drift", drift.collect::<Vec<_>>().into());
    Json::Object(root)
}

fn finding(report: &Report, g: &Group<'_>) -> Json {
    let check = report.check(g.check);
    let folds = fold(&g.results, |r| line(&r.message));
    let mut controls: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (framework, ids) in g.results.iter().flat_map(|r| r.controls.iter()) {
        let all = controls.entry(framework).or_default();
        for id in ids {
            if !all.contains(&id.as_str()) {
                all.push(id);
            }
        }
    }
    json!({
        "check": g.check,
        "title": g.title,
        "severity": g.severity,
        "extent": g.extent(),
        "why": check.map_or("", |c| &c.why),
        "references": check.map_or(&[][..], |c| &c.references),
        "controls": controls,
        "said": folds.iter().map(said).collect::<Vec<_>>(),
    })
}

/// One thing that is said of one or more subjects.
fn said(f: &Fold<'_>) -> Json {
    let evidence: Vec<Json> = f.results.iter().flat_map(|r| &r.evidence).map(evidence).collect();
    let has = |key: &str| evidence.iter().any(|e| e[key].as_str().is_some_and(|s| !s.is_empty()));
    // Subjects that are fixed by the same words stand together.
    let mut fixes: Vec<(&Fix, Vec<String>)> = vec![];
    for r in f.results.iter().filter(|r| r.fix != Fix::default()) {
        match fixes.iter().position(|(fix, _)| **fix == r.fix) {
            Some(at) => fixes[at].1.push(subject(r)),
            // One more than is shown tells that there are more.
            None if fixes.len() <= FIXES => fixes.push((&r.fix, vec![subject(r)])),
            None => {}
        }
    }
    let more = fixes.len() > FIXES;
    fixes.truncate(FIXES);
    json!({
        "message": f.text,
        "who": f.results.first().map_or(String::new(), |r| {
            let (one, many) = noun(r.subject.kind);
            count(f.results.len(), one, many)
        }),
        "subjects": f.results.iter().map(|r| subject(r)).collect::<Vec<_>>(),
        "hasRule": has("rule"),
        "hasSource": has("source"),
        "fixes": fixes
            .iter()
            .map(|(fix, subjects)| json!({ "subjects": subjects, "kubectl": fix.kubectl, "gcloud": fix.gcloud,
                                           "terraform": fix.terraform }))
            .collect::<Vec<_>>(),
        "moreFixes": more,
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

/// A value as a person would write it down; long ones are cut.
pub(crate) fn shown(value: &Json) -> String {
    let scalar = |v: &Json| match v {
        Json::String(s) if s.is_empty() => Some("\"\"".to_string()),
        Json::String(s) => Some(line(s)),
        Json::Bool(_) | Json::Number(_) => Some(v.to_string()),
        _ => None,
    };
    let joined = match value {
        Json::Null => Some("not set".to_string()),
        Json::Array(items) if items.is_empty() => Some("none".to_string()),
        Json::Array(items) => items.iter().map(scalar).collect::<Option<Vec<_>>>().map(|v| v.join(", ")),
        Json::Object(map) if map.is_empty() => Some("none".to_string()),
        Json::Object(map) => {
            let pair = |(k, v): (&String, &Json)| scalar(v).map(|v| format!("{}={v}", line(k)));
            map.iter().map(pair).collect::<Option<Vec<_>>>().map(|v| v.join(", "))
        }
        other => scalar(other),
    };
    let text = joined.unwrap_or_else(|| value.to_string());
    match text.char_indices().nth(VALUE) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn unknowns(report: &Report) -> Vec<Json> {
    let mut out = vec![];
    for mut g in groups(report, Verdict::Unknown) {
        // Told of with the gap.
        g.results.retain(|r| only_gap(report, r).is_none());
        if g.results.is_empty() {
            continue;
        }
        let said: Vec<Json> = fold(&g.results, reasons)
            .iter()
            .map(|f| json!({ "text": f.text, "subjects": f.results.iter().map(|r| subject(r)).collect::<Vec<_>>() }))
            .collect();
        out.push(json!({ "check": g.check, "title": g.title, "severity": g.severity, "said": said }));
    }
    out
}

fn of(report: &Report, verdict: Verdict) -> impl Iterator<Item = &CheckResult> {
    report.results.iter().filter(move |r| exit::counts(r) && r.verdict == verdict)
}

fn waived(report: &Report) -> Vec<Json> {
    of(report, Verdict::Waived)
        .map(|r| json!({ "title": r.title, "severity": r.severity, "subject": subject(r) }))
        .collect()
}

fn notes(report: &Report) -> Vec<Json> {
    of(report, Verdict::Pass)
        .filter_map(|r| r.note.as_ref().map(|text| json!({ "title": r.title, "subject": subject(r), "text": text })))
        .collect()
}

fn coverage(report: &Report) -> Json {
    let isolated = |n: usize, unknown: usize, of: usize| match unknown {
        0 => share(n, of),
        u => format!("{}, {u} unknown", share(n, of)),
    };
    let counts = |c: &super::Coverage| {
        json!({
            "workloads": c.workloads,
            "ingress": isolated(c.ingress_isolated, c.ingress_unknown, c.workloads),
            "egress": isolated(c.egress_isolated, c.egress_unknown, c.workloads),
        })
    };
    let rows: Vec<Json> = report
        .summary
        .coverage
        .namespaces
        .iter()
        .map(|n| {
            let mut row = counts(&n.coverage);
            row["namespace"] = n.namespace.as_str().into();
            row["environment"] = match (&n.environment, n.platform) {
                (Some(e), _) if n.environment_guessed => format!("{e} (guessed)").into(),
                (Some(e), _) => e.as_str().into(),
                (None, true) => "platform".into(),
                (None, false) => "not set".into(),
            };
            row["platform"] = n.platform.into();
            row["defaultDeny"] = table::default_deny(n).into();
            row
        })
        .collect();
    json!({ "rows": rows, "total": counts(&report.summary.coverage.total) })
}

use super::*;
use crate::report::format::{Format, Options, render};
use crate::report::sample::{result, sample};
use crate::report::{NotEvaluated, Parts, Style, UnusedChecks};

fn control(id: &str, checks: &[&str]) -> Control {
    Control {
        id: id.into(),
        title: format!("Title of {id}"),
        note: None,
        checks: checks.iter().map(|c| (*c).into()).collect(),
    }
}

fn turned(results: Vec<CheckResult>, controls: Vec<Control>) -> FrameworkReport {
    FrameworkReport::new(&report_of(results), &framework(None, controls))
}

fn report_of(results: Vec<CheckResult>) -> Report {
    let off = UnusedChecks { checks: vec!["off".into()], reason: "switched off".into() };
    let not_evaluated = NotEvaluated { checks: vec![off], objects: vec![] };
    Report::new(Parts { results, not_evaluated, ..Parts::default() })
}

fn framework(note: Option<String>, controls: Vec<Control>) -> Framework {
    Framework { framework: "f-1".into(), title: "F".into(), note, superseded: false, controls }
}

fn rendered(report: &Report, framework: &Framework, format: Format, style: Style) -> String {
    render(report, format, &Options { style, framework: Some(framework), ..Options::default() }).unwrap()
}

#[test]
fn the_worst_result_decides_the_status_of_a_control() {
    use ControlStatus::*;
    let verdicts = |list: &[Verdict]| -> Vec<CheckResult> {
        list.iter().enumerate().map(|(i, v)| result("c", Severity::Low, *v, &format!("ns/Pod/{i}"))).collect()
    };
    for (list, expected) in [
        (vec![Verdict::Pass], Met),
        (vec![Verdict::Pass, Verdict::NotApplicable], Met),
        (vec![Verdict::NotApplicable], NotApplicable),
        (vec![Verdict::Pass, Verdict::Unknown], NotEvaluated),
        (vec![Verdict::Pass, Verdict::Unknown, Verdict::Fail], NotMet),
        // Accepted is not met.
        (vec![Verdict::Pass, Verdict::Waived], NotMet),
    ] {
        let report = turned(verdicts(&list), vec![control("1", &["c"])]);
        assert_eq!(report.controls[0].status, expected, "{list:?}");
    }
}

#[test]
fn what_was_not_evaluated_is_not_evaluated_and_what_no_check_knows_is_not_covered() {
    let pass = result("c", Severity::Low, Verdict::Pass, "cluster");
    let report = turned(vec![pass], vec![control("1", &["c", "off"]), control("2", &["nowhere"]), control("3", &[])]);
    let seen: Vec<(ControlStatus, &[String])> =
        report.controls.iter().map(|c| (c.status, c.reasons.as_slice())).collect();
    assert_eq!(seen[0], (ControlStatus::NotEvaluated, &["off was not evaluated: switched off".to_owned()][..]));
    assert_eq!(seen[1].0, ControlStatus::NotEvaluated);
    assert_eq!(seen[2].0, ControlStatus::NotCovered);
    let counts = report.summary;
    assert_eq!(
        ["notEvaluated", "notCovered", "met"].map(|key| serde_json::to_value(counts).unwrap()[key].as_u64().unwrap()),
        [2, 1, 0]
    );
}

#[test]
fn what_follows_from_another_failure_and_what_is_advice_keep_a_control_from_being_met() {
    let mut implied = result("c", Severity::Low, Verdict::Fail, "cluster");
    implied.caused_by = Some("other".into());
    let mut advice = result("d", Severity::Low, Verdict::Fail, "cluster");
    advice.advice = true;
    let report = turned(vec![implied, advice], vec![control("1", &["c"]), control("2", &["d"])]);
    assert!(report.controls.iter().all(|c| c.status == ControlStatus::NotMet && c.findings.len() == 1));
}

fn framework_of_sample() -> (Report, Framework) {
    let report = sample();
    let checks: Vec<String> = report.checks.iter().map(|c| c.id.clone()).collect();
    let mut controls: Vec<Control> = checks.iter().enumerate().map(|(i, c)| control(&format!("1.{i}"), &[c])).collect();
    controls.push(control("2.1", &[]));
    (report, framework(Some("Only a part.".to_owned()), controls))
}

#[test]
fn the_table_keeps_to_its_width_and_names_what_is_not_covered() {
    let (report, framework) = framework_of_sample();
    for width in [60, 80, 140] {
        let text = rendered(&report, &framework, Format::Table, Style::new(width));
        assert!(text.lines().all(|l| crate::report::wrap::width(l) <= width), "{width}:\n{text}");
        assert!(text.contains("Not covered by this tool, 1 control: 2.1") && text.contains("Only a part."), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    let colored = rendered(&report, &framework, Format::Table, Style { color: true, ..Style::new(100) });
    assert!(colored.contains("\u{1b}[31mnot met\u{1b}[0m"), "{colored}");
}

#[test]
fn the_markdown_has_every_control_and_the_title_of_every_check() {
    let (report, framework) = framework_of_sample();
    let text = rendered(&report, &framework, Format::Markdown, Style::default());
    for c in &framework.controls {
        assert!(text.contains(&c.id), "{}:\n{text}", c.id);
    }
    assert!(text.contains("## Not covered by this tool") && text.contains("| not met |"), "{text}");
    assert!(text.contains("Database accepts only encrypted connections (`db-cleartext-accepted`)"), "{text}");
    assert!(!text.contains("Database accepts cleartext connections"), "{text}");
}

#[test]
fn failures_with_the_same_message_are_one_statement() {
    let (report, framework) = framework_of_sample();
    let turned = FrameworkReport::new(&report, &framework);
    let egress = turned.controls.iter().find(|c| c.checks[0].id == "workload-egress-restricted").unwrap();
    let statements: Vec<(usize, bool)> = egress.statements().iter().map(|s| (s.subjects.len(), s.waived)).collect();
    assert_eq!(statements, [(1, false), (6, false), (1, true)]);
}

#[test]
fn checked_in_schema_is_current_and_holds() {
    use crate::report::schema::tests::{assert_current, assert_describes};
    assert_current("framework.schema.json", &json_schema());
    let (report, framework) = framework_of_sample();
    assert_describes(&json_schema(), &[rendered(&report, &framework, Format::Json, Style::default())]);
}

#[test]
fn notes_on_passes_and_on_controls_are_shown() {
    let mut pass = result("c", Severity::Low, Verdict::Pass, "cluster");
    pass.note = Some("nothing is there".into());
    let mut noted = control("1", &["c"]);
    noted.note = Some("what untrustedWorkloads says".into());
    let framework = framework(None, vec![noted]);
    let report = report_of(vec![pass]);
    assert_eq!(FrameworkReport::new(&report, &framework).controls[0].reasons, ["cluster: nothing is there"]);
    let markdown = rendered(&report, &framework, Format::Markdown, Style::default());
    assert!(markdown.contains("cluster: nothing is there"), "{markdown}");
    assert!(markdown.contains("Note: what untrustedWorkloads says."), "{markdown}");
}

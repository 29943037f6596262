use super::*;
use crate::report::sample::{result, sample};
use crate::report::table::Style;
use crate::report::{NotEvaluated, Parts};

fn control(id: &str, checks: &[&str]) -> Control {
    Control {
        id: id.into(),
        title: format!("Title of {id}"),
        note: None,
        checks: checks.iter().map(|c| (*c).into()).collect(),
    }
}

fn turned(results: Vec<CheckResult>, controls: Vec<Control>) -> FrameworkReport {
    let not_evaluated = vec![NotEvaluated { checks: vec!["off".into()], reason: "switched off".into() }];
    let report = Report::new(Parts { results, not_evaluated, ..Parts::default() });
    let framework = Framework { framework: "f-1".into(), title: "F".into(), note: None, superseded: false, controls };
    FrameworkReport::new(&report, &framework)
}

#[test]
fn a_control_is_as_good_as_the_worst_that_is_said_of_it() {
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

fn framework_of_sample() -> (Report, FrameworkReport) {
    let report = sample();
    let checks: Vec<String> = report.checks.iter().map(|c| c.id.clone()).collect();
    let mut controls: Vec<Control> = checks.iter().enumerate().map(|(i, c)| control(&format!("1.{i}"), &[c])).collect();
    controls.push(control("2.1", &[]));
    let note = Some("Only a part.".to_owned());
    let framework = Framework { framework: "f-1".into(), title: "F".into(), note, superseded: false, controls };
    let turned = FrameworkReport::new(&report, &framework);
    (report, turned)
}

#[test]
fn the_table_keeps_to_its_width_and_names_what_is_not_covered() {
    let (report, turned) = framework_of_sample();
    for width in [60, 80, 140] {
        let text = turned.table(&report, &Style::new(width));
        assert!(text.lines().all(|l| crate::report::wrap::width(l) <= width), "{width}:\n{text}");
        assert!(text.contains("Not covered by this tool, 1 controls: 2.1") && text.contains("Only a part."), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    let colored = turned.table(&report, &Style { color: true, ..Style::new(100) });
    assert!(colored.contains("\u{1b}[31mnot met\u{1b}[0m"), "{colored}");
}

#[test]
fn the_markdown_has_every_control() {
    let (_, turned) = framework_of_sample();
    let text = turned.markdown().unwrap();
    for c in &turned.controls {
        assert!(text.contains(&c.id), "{}:\n{text}", c.id);
    }
    assert!(text.contains("## Not covered by this tool") && text.contains("| not met |"), "{text}");
}

#[test]
fn checked_in_schema_is_current_and_holds() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/framework.schema.json");
    let expected = format!("{:#}\n", json_schema());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{path} is out of date: run with BLESS=1 to refresh it");
    let (_, turned) = framework_of_sample();
    let json: serde_json::Value = serde_json::from_str(&turned.json()).unwrap();
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    assert!(validator.is_valid(&json));
}

#[test]
fn what_is_remarked_of_a_pass_is_said_of_its_control() {
    let mut pass = result("c", Severity::Low, Verdict::Pass, "cluster");
    pass.note = Some("nothing is there".into());
    let mut noted = control("1", &["c"]);
    noted.note = Some("what untrustedWorkloads says".into());
    let report = turned(vec![pass], vec![noted]);
    assert_eq!(report.controls[0].reasons, ["cluster: nothing is there"]);
    let markdown = report.markdown().unwrap();
    assert!(markdown.contains("cluster: nothing is there"), "{markdown}");
    assert!(markdown.contains("Note: what untrustedWorkloads says."), "{markdown}");
}

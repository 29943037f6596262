use super::wrap::width;
use super::*;
use crate::check::Verdict;
use crate::report::sample::{HOSTILE, hostile, result, sample};
use crate::report::{ExitPolicy, Parts};

fn footer() -> Vec<String> {
    vec![
        "Next: gke-posture checks show policy-port-mismatch            why it matters and how to fix it".to_string(),
        "      gke-posture reach --demo --from tomoda/frontend --to data/postgres-prod --port 5432".to_string(),
        "A real audit would have ended with exit status 1 (findings at or above high).".to_string(),
    ]
}

/// The text without color codes.
fn plain(s: &str) -> String {
    let mut out = String::new();
    let mut rest = s;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, r)| r);
    }
    out + rest
}

#[test]
fn no_line_is_too_wide() {
    for report in [sample(), hostile(), Report::new(Default::default())] {
        for w in [0, 60, 61, 72, 80, 99, 100, 140, 300] {
            for (show_all, color) in [(false, false), (true, true)] {
                let text = render_report(&report, &Style { width: w, color, show_all, footer: footer() });
                for l in plain(&text).lines() {
                    assert!(width(l) <= w.max(60), "{} > {w}: {l:?}", width(l));
                    assert_eq!(l, l.trim_end(), "blanks at the end");
                }
            }
        }
    }
}

#[test]
fn the_room_is_used() {
    for w in [80, 100, 140] {
        let text = render_report(&sample(), &Style::new(w));
        let widest = text.lines().map(width).max();
        assert_eq!(widest, Some(w));
    }
    let wide = render_report(&sample(), &Style::new(140));
    assert!(wide.contains("3 workloads in tomoda (development) reach port 5432; no policy selects it\n"));
}

#[test]
fn color_changes_nothing_but_color() {
    let style = Style { footer: footer(), ..Style::new(100) };
    let without = render_report(&sample(), &style);
    let with = render_report(&sample(), &Style { color: true, ..style });
    assert!(!without.contains('\u{1b}'));
    assert!(with.contains("\u{1b}[1;31mcritical\u{1b}[0m   Production database"));
    assert_eq!(plain(&with), without);
}

#[test]
fn the_answer_comes_first_and_findings_worst_first() {
    let text = render_report(&sample(), &Style::new(100));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "gke-tomoda   development-485000 / asia-east1-a   GKE 1.33.4-gke.1350000   Calico, enforcing");
    assert!(
        text.contains(
            "\nFAIL, incomplete   2 critical   9 high   8 medium   2 low      4 unknown   8 pass   1 waived\n"
        )
    );
    let words: Vec<&str> = lines
        .iter()
        .skip_while(|l| !l.starts_with("severity"))
        .take_while(|l| !l.starts_with("namespace"))
        .filter_map(|l| l.get(..8).map(str::trim).filter(|w| Severity::ALL.iter().any(|s| s.name() == *w)))
        .collect();
    assert_eq!(words, ["critical", "critical", "high", "high", "high", "medium", "medium", "medium", "low"]);
    let at = |s: &str| text.find(s).unwrap_or_else(|| panic!("no {s:?} in\n{text}"));
    assert!(at("finding\n") < at("default deny\n"));
    assert!(at("default deny\n") < at("why, and how to fix it\n"));
    assert!(at("why, and how to fix it\n") < at("reason and owner\n"));
}

#[test]
fn what_was_not_evaluated_is_listed() {
    let text = render_report(&sample(), &Style::new(100));
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for needle in [
        "ConfigMaps in all namespaces could not be read",
        "2 results of 1 check are unknown because of it.",
        "DB_SSLMODE may be overridden by Secret prod/backend,",
        "Not evaluated: 2 checks: ",
        "Not evaluated: 4 objects of kinds that no check is about: cilium.io/v2 CiliumNetworkPolicy (1),",
        "Ignored: 2 input files",
        "Passed with a note: prod/CronJob/report/report/DATABASE: declared only",
        "Not counted: 2 namespaces of the platform (gke-managed-system, kube-system).",
    ] {
        assert!(joined.contains(needle), "no {needle:?} in\n{text}");
    }
    // Unknown because of the gap alone: reported there.
    assert!(!text.contains("traefik-system/Deployment/traefik/traefik/REDIS"));
    // Implied by another failure: nowhere.
    assert!(!text.contains("postgres-prod           no policy selects it\n"));
}

#[test]
fn equal_messages_fold_and_long_lists_are_cut() {
    let style = Style::new(100);
    let text = render_report(&sample(), &style);
    assert_eq!(text.matches("reaches the internet and the metadata server").count(), 1);
    assert!(text.contains("(7 of 8 workloads)") && text.contains("… 2 more (--all)"));
    let all = render_report(&sample(), &Style { show_all: true, ..style });
    assert!(!all.contains("--all") && all.contains("tomoda/StatefulSet/queue"));

    let results: Vec<_> = (0..20)
        .map(|i| {
            let mut r = result("c", Severity::High, Verdict::Fail, &format!("ns/Deployment/w{i:02}"));
            r.message = format!("message {i}");
            r
        })
        .collect();
    let report = Report::new(Parts { results, ..Parts::default() });
    let text = render_report(&report, &Style::new(100));
    assert_eq!(text.matches("message ").count(), 5);
    assert!(text.contains("… 15 more: --all shows them"));
    assert_eq!(render_report(&report, &Style { show_all: true, ..Style::new(100) }).matches("message ").count(), 20);
}

#[test]
fn nothing_in_data_moves_the_cursor_or_forges_lines() {
    for w in [80, 140] {
        let text = render_report(&hostile(), &Style { footer: vec![HOSTILE.into()], ..Style::new(w) });
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(!text.contains('\u{202e}'));
        assert!(!text.lines().any(|l| l.starts_with("PASS")));
    }
}

#[test]
fn files_without_a_cluster_say_what_is_assumed() {
    let mut report = sample();
    report.target = crate::report::Target {
        dataplane_note: Some("no cluster configuration: enforcement assumed, and where Calico and Dataplane V2 differ the answer is unknown; --dataplane decides it".into()),
        ..Default::default()
    };
    report.evidence.complete = false;
    report.gaps.clear();
    let text = render_report(&report, &Style::new(80));
    assert!(text.starts_with("cluster    enforcement assumed\nevidence   built-in example   64 objects\n"), "{text}");
    assert!(text.contains("           partial: what is not in it counts as unknown"));
    assert!(text.contains("note       no cluster configuration: enforcement assumed"));
    report.target.enforced = Some(false);
    assert!(render_report(&report, &Style::new(80)).contains("Network policies are not enforced in this cluster"));
}

#[test]
fn each_outcome_has_its_word_and_its_consequence() {
    use Severity::High;
    let fail = |s| result("c", s, Verdict::Fail, "a/Deployment/b");
    let line = |parts: Parts| {
        let report = Report::new(Parts { exit: parts.exit, ..parts });
        let text = render_report(&report, &Style::new(100));
        text.split("\n\n").nth(1).unwrap_or_default().trim_end().to_string()
    };
    let with = |results: Vec<_>, fail_on| Parts {
        results,
        exit: ExitPolicy { fail_on, ..ExitPolicy::default() },
        ..Parts::default()
    };
    assert_eq!(
        line(with(vec![fail(Severity::Medium)], Some(Severity::High))),
        "PASS   1 medium   0 pass\nNo finding is high or worse, which is what fails this audit.\nEvaluated: 1 workload."
    );
    assert_eq!(
        line(with(vec![fail(Severity::Critical)], Some(Severity::Critical))),
        "FAIL   1 critical   0 pass\n1 finding is critical, which fails this audit."
    );
    assert_eq!(
        line(with(vec![fail(Severity::High)], None)),
        "PASS   1 high   0 pass\nNo finding fails this audit, as --fail-on is none.\nEvaluated: 1 workload."
    );
    assert_eq!(
        line(with(vec![result("c", Severity::Low, Verdict::Pass, "x")], Some(Severity::High))),
        "PASS   0 failing   1 pass\nNothing failed.\nEvaluated: 1 cluster."
    );
    let report = Report::new(Parts::default());
    assert!(render_report(&report, &Style::new(80)).contains("NO RESULT   0 pass\nNothing could be read"));
    // Objects were read, and of none of them a check says anything.
    let mut parts = with(vec![], Some(High));
    parts.evidence.kinds = [("ConfigMap".to_owned(), 1)].into();
    parts.evidence.objects = 3;
    parts.not_evaluated.objects = vec![crate::report::UnusedObjects {
        kind: "HelmRelease".to_owned(),
        reason: crate::report::UnusedObjects::NO_CHECK.to_owned(),
        count: 2,
        ..Default::default()
    }];
    assert_eq!(
        line(parts.clone()),
        "NO RESULT   0 pass\nNothing was evaluated of 3 objects (1 ConfigMap, 2 HelmRelease): no check applies to what was read."
    );
    parts.results = vec![result("c", High, Verdict::Unknown, "x")];
    assert!(line(parts).ends_with("HelmRelease): the only result is unknown."));
}

#[test]
fn many_results_are_rendered_in_reasonable_time() {
    let results: Vec<_> = (0..20_000)
        .map(|i| {
            let mut r = result("c", Severity::High, Verdict::Fail, &format!("ns/Deployment/w{i}"));
            r.message = format!("message {}", i % 4_000);
            r
        })
        .collect();
    let report = Report::new(Parts { results, ..Parts::default() });
    let start = std::time::Instant::now();
    render_report(&report, &Style { show_all: true, ..Style::new(100) });
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    println!("{:?}", start.elapsed());
}

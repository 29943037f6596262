//! What the formats hold, in which order, and that nothing in data changes their form.

use super::{markdown, table};
use crate::check::Severity;
use crate::fleet::sample::{fleet, fleet_parts, hostile_fleet, merged, part};
use crate::fleet::{FleetParts, FleetReport, wording};
use crate::report::sample::HOSTILE;
use crate::report::table::Style;
use crate::report::wrap::width;
use crate::report::{Drift, ExitPolicy, Outcome};

fn samples() -> Vec<FleetReport> {
    vec![fleet(), merged(&[]), merged(&[1, 2]), part(1), hostile_fleet(), FleetReport::new(FleetParts::default())]
}

/// The text without colour codes.
fn plain(s: &str) -> String {
    let mut out = String::new();
    let mut rest = s;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, r)| r);
    }
    out + rest
}

fn render(report: &FleetReport, width: usize) -> String {
    table::render(report, &Style::new(width))
}

#[track_caller]
fn ordered(text: &str, needles: &[&str]) {
    let mut from = 0;
    for n in needles {
        let at = text[from..].find(n).unwrap_or_else(|| panic!("no {n:?} after byte {from} in\n{text}"));
        from += at + n.len();
    }
}

#[test]
fn no_line_is_too_wide_and_colour_changes_nothing_else() {
    for report in samples() {
        for w in [0, 60, 61, 80, 109, 110, 140, 300] {
            for show_all in [false, true] {
                let style = Style { width: w, show_all, footer: vec!["Next: x".into()], ..Style::default() };
                let text = table::render(&report, &style);
                for l in text.lines() {
                    assert!(width(l) <= w.max(60), "{} > {w}: {l:?}", width(l));
                    assert_eq!(l, l.trim_end(), "blanks at the end");
                }
                let colored = table::render(&report, &Style { color: true, ..style });
                assert!(colored.contains('\u{1b}'));
                assert_eq!(plain(&colored), text);
            }
        }
    }
}

#[test]
fn the_outcome_comes_first_then_clusters_checks_and_what_was_not_evaluated() {
    let text = render(&merged(&[2]), 100);
    ordered(
        &text,
        &[
            "fleet   folder 4711, 4 projects   14 clusters found\n",
            "parts   3 of 4 shards   missing: shard 2 of 4   2026-11-23 09:00 UTC to 2026-11-23 09:03 UTC\n",
            "tool    gke-posture 0.1.0   9 checks   --no-configmaps   2026-11-23 09:03 UTC\n",
            "\nFAIL, incomplete   14 clusters:   ",
            "findings   ",
            " clusters have findings that are high or worse, which fails this audit.",
            "The answer is incomplete:",
            "shard 2 of 4 is missing",
            "so there may be more.\n",
            "Network policies isolate ",
        ],
    );
    ordered(
        &text,
        &[
            "outcome ",
            "severity   check and clusters",
            "Production database is reachable from another environment",
            "cause ",
            "scope      The clusters of project shop-dev could not be read",
            "gcloud services enable container.googleapis.com --project shop-dev",
            "shard      Shard 2 of 4 is missing (",
            "--shard 2/4, then merge again.",
            "cluster    ",
            "Waiver of policy-port-mismatch for prod/NetworkPolicy/frontend-policy, by platform@example.com:",
            "Waiver of node-pool-secure-boot for nodePool/legacy, by platform@example.com: matches nothing",
        ],
    );
}

#[test]
fn every_cluster_that_is_not_clean_can_be_found_in_the_table() {
    for report in [fleet(), merged(&[]), merged(&[0, 3])] {
        let text = table::render(&report, &Style { show_all: true, ..Style::new(200) });
        for c in &report.clusters {
            assert!(text.contains(&wording::short(&c.target)), "{} is not in\n{text}", c.target);
        }
        assert!(!text.contains("--all"));
    }
}

#[test]
fn clusters_that_gave_no_result_are_listed_by_reason() {
    let text = render(&fleet(), 100);
    ordered(
        &text,
        &[
            "cluster    3 clusters could not be reached\n",
            "           https://10.0.0.2: no answer within 30 s.\n",
            "           Run it where the private endpoint can be reached, or try:\n",
            "             gke-posture doctor projects/",
            "cluster    2 clusters could not be read\n",
            "           403: ",
            "Grant roles/container.clusterViewer",
            "           403: ",
            "gap        ConfigMaps in all namespaces could not be read (3 clusters)\n",
            "403: auditor@example.com lacks `get configmaps`.",
        ],
    );
    // A fix for several reasons is printed once.
    assert_eq!(text.matches("Grant roles/container.clusterViewer").count(), 1);
}

#[test]
fn long_lists_are_cut_with_what_is_left_out() {
    let mut parts = fleet_parts();
    let one = parts.clusters[1].clone();
    parts.clusters = (0..200)
        .map(|i| {
            let mut c = one.clone();
            c.target = format!("projects/p/locations/l/clusters/c{i:03}");
            c.name = format!("c{i:03}");
            c
        })
        .collect();
    let report = FleetReport::new(parts);
    let text = render(&report, 100);
    assert!(text.contains("… 190 more clusters: --all shows them\n"), "{text}");
    assert!(text.contains("p/l/c000 (") || text.contains("p/l/c000,"), "{text}");
    assert!(text.contains("… 196 more (--all)"), "{text}");
    assert!(text.lines().count() < 100, "{text}");
    let all = table::render(&report, &Style { show_all: true, ..Style::new(100) });
    assert!(all.contains("p/l/c199") && !all.contains("--all"));
}

#[test]
fn sentences_for_every_kind_of_answer() {
    let says = |change: &dyn Fn(&mut FleetParts)| {
        let mut parts = fleet_parts();
        parts.gaps.clear();
        change(&mut parts);
        let report = FleetReport::new(parts);
        (report.outcome, wording::sentences(&report).join(" "))
    };
    let keep =
        |wanted: &'static [Outcome]| move |p: &mut FleetParts| p.clusters.retain(|c| wanted.contains(&c.outcome));
    let rows: Vec<(Outcome, &str, (Outcome, String))> = vec![
        (
            Outcome::Pass,
            "No cluster has a finding that is high or worse, which is what fails this audit.",
            says(&keep(&[Outcome::Pass])),
        ),
        (
            Outcome::Pass,
            "Nothing failed in the cluster that was evaluated.",
            says(&|p| p.clusters.retain(|c| c.name == "main-4")),
        ),
        (
            Outcome::Findings,
            "1 of 1 cluster has findings that are critical, which fails this audit.",
            says(&|p| {
                p.exit.fail_on = Some(Severity::Critical);
                p.clusters.retain(|c| c.name == "main-8");
            }),
        ),
        (
            Outcome::Incomplete,
            "No cluster was found, so nothing was evaluated. An audit of a fleet expects at least one.",
            says(&|p| {
                p.clusters.clear();
                p.scope.discovered.clear();
            }),
        ),
        (
            Outcome::NoResult,
            "No cluster gave a result, so nothing was evaluated. The clusters of project shop-dev could not be read, so there may be more.",
            says(&|p| {
                p.gaps = fleet_parts().gaps;
                p.clusters.clear();
                p.scope.discovered.clear();
            }),
        ),
        (
            Outcome::NoResult,
            "No cluster gave a result, so nothing was evaluated. 5 clusters gave no result. --allow-unknown accepts what is unknown in a cluster, not a cluster that was not read.",
            says(&|p| {
                p.exit = ExitPolicy { allow_unknown: true, ..p.exit };
                p.clusters.retain(|c| c.outcome == Outcome::NoResult);
            }),
        ),
        (
            Outcome::Pass,
            "Of the 14 clusters that were found, none belongs to shard 3/4.",
            says(&|p| {
                p.clusters.clear();
                p.part = part(3).part;
            }),
        ),
        (
            Outcome::Pass,
            "No finding fails this audit, as --fail-on is none.",
            says(&|p| {
                p.exit.fail_on = None;
                p.clusters.retain(|c| c.name == "main-3");
            }),
        ),
    ];
    for (outcome, sentence, (found, said)) in rows {
        assert_eq!((found, said.as_str()), (outcome, sentence));
    }
    assert!(wording::sentences(&fleet()).join(" ").contains("The answer is incomplete: 3 clusters were not evaluated completely, 5 clusters gave no result and the clusters of project"));
}

#[test]
fn drift_is_listed_by_cluster() {
    let mut parts = fleet_parts();
    let drift = Drift {
        address: "google_container_cluster.main".into(),
        attribute: "enable_shielded_nodes".into(),
        ..Drift::default()
    };
    parts.clusters[3].drift = Some(vec![drift]);
    let target = parts.clusters[3].target.clone();
    let text = render(&FleetReport::new(parts), 300);
    let expected = format!("drift: {target}: google_container_cluster.main enable_shielded_nodes\n");
    assert_eq!(text.matches("drift: ").count(), 1);
    assert!(text.ends_with(&expected), "{text}");
}

#[test]
fn findings_are_called_by_what_is_wrong_and_unknowns_by_the_control() {
    let mut parts = fleet_parts();
    for c in &mut parts.checks {
        (c.title, c.finding) = (format!("control of {}", c.id), Some(format!("failure of {}", c.id)));
    }
    let report = FleetReport::new(parts);
    let failing = report.checks.iter().find(|c| !c.failing.is_empty()).unwrap();
    let unknown = report.checks.iter().find(|c| !c.unknown.is_empty()).unwrap();
    for text in [render(&report, 200), markdown::render(&report).unwrap()] {
        assert!(text.contains(&format!("failure of {}", failing.info.id)), "{text}");
        assert!(text.contains(&format!("control of {}", unknown.info.id)), "{text}");
    }
    // Each cluster names checks by id only.
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(json.matches(&format!("failure of {}\"", failing.info.id)).count(), 1);
}

#[test]
fn a_shard_says_so() {
    let report = part(1);
    let text = render(&report, 100);
    let own = report.clusters.len();
    assert!(
        text.contains(&format!("shard   1/4, counted from 0   {own} of them belong to it   audit-x7k2p\n")),
        "{text}"
    );
    assert!(!text.contains("missing"));
}

/// Lines outside of fenced blocks.
fn outside(text: &str) -> Vec<&str> {
    let mut fence: Option<String> = None;
    let mut out = vec![];
    for l in text.lines() {
        let ticks: String = l.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(f) if l == f => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 && !l[ticks.len()..].contains('`') => fence = Some(ticks),
            None => out.push(l),
        }
    }
    assert_eq!(fence, None, "a fence is left open");
    out
}

fn bars(l: &str) -> usize {
    l.match_indices('|').filter(|(i, _)| l[..*i].chars().rev().take_while(|c| *c == '\\').count() % 2 == 0).count()
}

/// Headings by level and table rows by number of bars: what hostile data must not change.
fn skeleton(text: &str) -> Vec<String> {
    outside(text)
        .into_iter()
        .filter_map(|l| match l.chars().next() {
            Some('#') => Some("#".repeat(l.chars().take_while(|c| *c == '#').count())),
            Some('|') => Some(format!("row of {}", bars(l))),
            _ => None,
        })
        .collect()
}

#[test]
fn markdown_answers_in_an_auditors_order() {
    let text = markdown::render(&merged(&[2])).unwrap();
    let headings: Vec<&str> = text.lines().filter(|l| l.starts_with("## ")).collect();
    let expected = [
        "## 1. What was audited",
        "## 2. Verdict",
        "## 3. What could not be evaluated",
        "## 4. Findings",
        "## 5. Coverage",
        "## 6. Clusters",
        "## 7. Waivers",
        "## 8. Checks",
    ];
    assert_eq!(headings, expected);
    ordered(
        &text,
        &[
            "# Posture of 14 clusters\n",
            "| Requested | folder 4711, projects pay-dev, pay-prod, shop-dev, shop-prod |",
            "| Merged from | 3 of 4 shards; missing: shard 2 of 4 |",
            "| Digest of the checks | `sha256:c4ec",
            "| Options | `--no-configmaps` |",
            "| 2 | ",
            " | missing: there is no part of it |",
            "**FAIL, incomplete.** ",
            "| Fail, incomplete | 1 |",
            "| **all** | **14** |",
            "### The clusters of project shop-dev could not be read\n",
            "### Shard 2 of 4 is missing\n",
            "### 4.1 The worst clusters\n",
            "its report is `pay-prod_",
            "### 4.2 Critical: ",
            "**Controls.** PCI DSS 4.0: 1.4.4.",
            "| Cluster | Workloads | Ingress isolated | Egress isolated |",
            "| Cluster | Outcome | Critical |",
            "| NO RESULT | – | – | – | – | – | – | not known |",
            "`sha256:3f9a",
            "| expired, 3 matched |",
            "Clusters by check, each counted once, at its worst.",
        ],
    );
    assert!(!text.contains("\n\n\n") && text.ends_with('\n') && !text.ends_with("\n\n"));
}

#[test]
fn markdown_keeps_its_form_whatever_the_data() {
    for report in samples() {
        let text = markdown::render(&report).unwrap();
        let mut of_table = None;
        for l in outside(&text) {
            if l.starts_with('|') {
                assert_eq!(*of_table.get_or_insert(bars(l)), bars(l), "{l}");
            } else {
                of_table = None;
            }
        }
    }
    let (calm, wild) = (markdown::render(&merged(&[2])).unwrap(), markdown::render(&hostile_fleet()).unwrap());
    let without_lists = |text: &str| skeleton(text).into_iter().filter(|l| l != "###").collect::<Vec<_>>();
    assert_eq!(without_lists(&wild), without_lists(&calm));
    assert!(HOSTILE.contains("</details>") && !outside(&wild).iter().any(|l| l.contains(" </details>")));
    for text in [wild, render(&hostile_fleet(), 100)] {
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(!text.contains('\u{202e}'));
        assert!(!text.lines().any(|l| l.starts_with("PASS")));
    }
}

#[test]
fn nothing_is_left_out_of_a_fleet_in_which_nothing_fails() {
    let mut parts = fleet_parts();
    parts.gaps.clear();
    parts.clusters.retain(|c| c.name == "main-4" || c.name == "main-5");
    let report = FleetReport::new(parts);
    let text = markdown::render(&report).unwrap();
    assert!(text.contains("Nothing: every cluster was found and evaluated, and no check is unknown."));
    assert!(text.contains("## 4. Findings\n\nNone.\n"));
    let text = render(&report, 80);
    assert!(!text.contains("severity") && !text.contains("cause"), "{text}");
    assert!(text.contains("PASS   2 clusters:   2 pass\nfindings   0   "), "{text}");
}

use super::*;
use crate::report::Report;
use crate::report::sample::{hostile, sample};

/// Lines outside of fenced blocks; panics if a fence is left open.
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

fn unescaped(l: &str, c: char) -> usize {
    l.match_indices(c).filter(|(i, _)| l[..*i].chars().rev().take_while(|c| *c == '\\').count() % 2 == 0).count()
}

/// Headings by level and table rows by number of bars: what hostile data must not change.
fn skeleton(text: &str) -> Vec<String> {
    outside(text)
        .into_iter()
        .filter_map(|l| match l.chars().next() {
            Some('#') => Some("#".repeat(l.chars().take_while(|c| *c == '#').count())),
            Some('|') => Some(format!("row of {}", unescaped(l, '|'))),
            _ => None,
        })
        .collect()
}

#[test]
fn answers_come_in_an_auditors_order() {
    let text = render_report(&sample(), None).unwrap();
    let headings: Vec<&str> = text.lines().filter(|l| l.starts_with("## ")).collect();
    let expected = [
        "## 1. What was audited",
        "## 2. Verdict",
        "## 3. What could not be evaluated",
        "## 4. Findings",
        "## 5. Coverage",
        "## 6. Waivers",
        "## 7. Checks",
    ];
    assert_eq!(headings, expected);
    for needle in [
        "| Digest of the evidence | `sha256:3f9a",
        "| Collected by | auditor@example.com, gke-posture 0.1.0 |",
        "**FAIL, incomplete.** 11 findings are high or worse, which fails this audit. The answer is incomplete",
        "### Not read: ConfigMaps in all namespaces",
        "2 results of 1 check are unknown because of it.",
        "- cilium.io/v2 CiliumNetworkPolicy (1): no check is about objects of this kind",
        "- gateway.networking.k8s.io/v1 HTTPRoute (3): ",
        "### Unknown, high: Database client verifies the server",
        "| Policy ports match container ports (`policy-port-mismatch`) |",
        "### 4.1 Critical: Production database is reachable from another environment",
        "| `data/Cluster/postgres-prod` | `spec.postgresql.pg_hba[0]` | `host all all all md5` |",
        "**Controls.** CIS GKE 1.6: 4.3.2; PCI DSS 4.0: 1.4.4, 6.5.3.",
        "```sh\nkubectl apply -f - <<'EOF'\n",
        "| **total** | without platform | 12 | 7 (58 %) | 1 (8 %), 1 unknown | |",
        "| expired, 1 matched | 2026-10-31 |",
        "Passed with a note:",
    ] {
        assert!(text.contains(needle), "no {needle:?}");
    }
    assert!(!text.contains("\n\n\n") && text.ends_with('\n') && !text.ends_with("\n\n"));
    assert_eq!(text, render_report(&sample(), None).unwrap());
}

#[test]
fn every_row_of_a_table_has_the_cells_of_its_head() {
    for report in [sample(), hostile(), Report::new(Default::default())] {
        let text = render_report(&report, None).unwrap();
        let mut bars = None;
        for l in outside(&text) {
            if l.starts_with('|') {
                let n = unescaped(l, '|');
                assert_eq!(*bars.get_or_insert(n), n, "{l}");
            } else {
                bars = None;
            }
        }
    }
}

#[test]
fn hostile_data_changes_no_structure() {
    let (calm, wild) = (render_report(&sample(), None).unwrap(), render_report(&hostile(), None).unwrap());
    assert_eq!(skeleton(&wild), skeleton(&calm));
    assert!(wild.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!wild.contains('\u{202e}'));
    for l in outside(&wild) {
        // Without code spans, nothing is left that opens HTML, a link or an image.
        let mut rest = String::new();
        let mut in_code: Option<usize> = None;
        let mut chars = l.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if in_code.is_none() => {
                    chars.next();
                }
                '`' => {
                    let mut n = 1;
                    while chars.next_if_eq(&'`').is_some() {
                        n += 1;
                    }
                    match in_code {
                        None => in_code = Some(n),
                        Some(open) if open == n => in_code = None,
                        Some(_) => {}
                    }
                }
                c if in_code.is_none() => rest.push(c),
                _ => {}
            }
        }
        assert_eq!(in_code, None, "code is left open: {l}");
        assert!(!rest.contains(['<', '[', '*']) || l.starts_with("**") || l.starts_with("| **"), "{l}");
    }
}

#[test]
fn a_template_sees_the_report_and_its_output_is_escaped() {
    let template = "{{ target.name }}: {% for f in findings %}{{ f.title }}{{ \"; \" if not loop.last }}{% endfor %}\n\
                    {{ '<b>' }} {{ '<b>' | code }} {{ 1234567 | number }} {{ generatedAt | time }}";
    let text = render_report(&sample(), Some(("mine.j2", template))).unwrap();
    assert!(text.starts_with("gke-tomoda: Production database is reachable from another environment; Policy port"));
    assert!(text.ends_with("\\<b> `<b>` 1,234,567 2026-11-23 09:00 UTC\n"), "{text}");
}

#[test]
fn a_template_may_change_one_block_of_the_built_in_one() {
    let template = "{% extends \"report.md.j2\" %}\n{% block waivers %}\n## 6. Exceptions\n{% endblock %}";
    let text = render_report(&sample(), Some(("mine.j2", template))).unwrap();
    assert!(text.contains("## 6. Exceptions") && !text.contains("## 6. Waivers") && text.contains("## 7. Checks"));
}

#[test]
fn errors_name_file_and_line() {
    let error = |t: &str| render_report(&sample(), Some(("dir/mine.j2", t))).unwrap_err();
    assert!(error("ok\n{% for %}").starts_with("dir/mine.j2:2: "), "{}", error("ok\n{% for %}"));
    let typo = error("a\nb\n{{ target.nmae }}");
    assert!(typo.starts_with("dir/mine.j2:3: undefined value"), "{typo}");
    assert!(error("{{ 1 | nofilter }}").contains("nofilter"));
    assert!(render_report(&sample(), Some((TEMPLATE_NAME, "x"))).is_err());
}

#[test]
fn the_example_in_the_readme_works() {
    let readme = include_str!("../../../../reports/README.md");
    let example = readme.split("```jinja\n").nth(1).and_then(|s| s.split("```\n").next()).unwrap();
    let text = render_report(&sample(), Some(("example.md.j2", example))).unwrap();
    assert!(text.contains("gke-tomoda") && text.contains("Policy port matches no container port"), "{text}");
}

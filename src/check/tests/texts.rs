//! Messages and fixes.

use serde_json::json;

use super::super::expr::{ClusterView, View};
use super::super::scope::Scope;
use super::super::template;
use super::*;

fn render(source: &str, values: Json) -> String {
    let scope = Scope { subject: SubjectKind::Database, vocabulary };
    assert_eq!(template::check(source, scope), [], "{source}");
    let facts = facts(SubjectKind::Database, "pg", values);
    let cluster = ClusterView::new(None, vocabulary(SubjectKind::Cluster), &[]);
    let view = View::new(&facts, vocabulary(SubjectKind::Database), &cluster);
    template::render(&template::engine(), source, &template::context(&view, scope))
}

#[test]
fn facts_are_filled_in_unescaped() {
    let values = json!({"name": "a<b>&'c'", "port": 5432, "clients": ["x", "y<"], "environment": null, "tls": true});
    for (source, expected) in [
        ("{{ database.name }}:{{ database.port }}", "a<b>&'c':5432"),
        ("{{ database.clients }}", "x, y<"),
        ("{{ database.clients | length }} of {{ database.clients | join('/') }}", "2 of x/y<"),
        ("{{ database.environment }}", "none"),
        ("{% if database.tls %}yes{% else %}no{% endif %}", "yes"),
        ("{% for c in database.clients %}[{{ c }}]{% endfor %}", "[x][y<]"),
        ("{{ subject.namespace }}/{{ subject.kind }}/{{ subject.name }} = {{ subject.id }}", "data/Cluster/pg = pg"),
        ("  trimmed \n", "trimmed"),
    ] {
        assert_eq!(render(source, values.clone()), expected, "{source}");
    }
}

#[test]
fn an_unknown_fact_reads_as_unknown_through_every_filter() {
    let values = json!({"clients": {"unknown": "gap"}});
    for (source, expected) in [
        ("{{ database.name }}", "unknown"),
        ("{{ database.port }}", "unknown"),
        ("{{ database.clients }}", "unknown"),
        ("{{ database.clients | length }} workloads", "unknown workloads"),
        ("{{ database.clients | few(3) }}", "unknown"),
        ("{{ database.clients | join(', ') }}", "unknown"),
        ("{{ database.clients | plural('workload') }}", "an unknown number of workloads"),
        ("{% for c in database.clients %}- {{ c }}{% endfor %}", "- unknown"),
        ("{{ cluster.version }}", "unknown"),
    ] {
        assert_eq!(render(source, values.clone()), expected, "{source}");
    }
}

#[test]
fn lists_are_cut_with_the_number_left_out() {
    for (clients, expected) in [
        (vec![], ""),
        (vec!["a"], "a"),
        (vec!["a", "b", "c", "d"], "a, b, c, d"),
        (vec!["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
        (vec!["a", "b", "c", "d", "e", "f", "g"], "a, b, c and 4 more"),
    ] {
        assert_eq!(render("{{ database.clients | few(3) }}", json!({"clients": clients})), expected);
    }
}

#[test]
fn plurals_follow_the_number() {
    let of = |n: i64| render("{{ database.port | plural('policy', 'policies') }}", json!({"port": n}));
    assert_eq!([of(0), of(1), of(2)], ["0 policies", "1 policy", "2 policies"]);
    let list = render("{{ database.clients | plural('workload') }}", json!({"clients": ["a", "b"]}));
    assert_eq!(list, "2 workloads");
}

#[test]
fn a_text_that_fails_at_run_time_is_not_lost() {
    let scope = Scope { subject: SubjectKind::Database, vocabulary };
    let facts = facts(SubjectKind::Database, "pg", json!({"environment": null}));
    let cluster = ClusterView::new(None, &[], &[]);
    let view = View::new(&facts, vocabulary(SubjectKind::Database), &cluster);
    let text = template::render(
        &template::engine(),
        "x {{ database.environment | length }}",
        &template::context(&view, scope),
    );
    assert!(text.starts_with("x {{ database.environment | length }} (the text could not be filled in:"), "{text}");
}

#[test]
fn what_a_shell_would_read_otherwise_is_quoted_in_remedies() {
    let scope = Scope { subject: SubjectKind::Database, vocabulary };
    let cluster = ClusterView::new(None, &[], &[]);
    for (name, expected) in [
        ("pg-1", "update pg-1"),
        ("projects/p/x@y.iam", "update projects/p/x@y.iam"),
        ("x; touch /tmp/p $(id)", "update 'x; touch /tmp/p $(id)'"),
        ("it's", "update \"it's\""),
        ("", "update ''"),
    ] {
        let facts = facts(SubjectKind::Database, "pg", json!({"name": name}));
        let view = View::new(&facts, vocabulary(SubjectKind::Database), &cluster);
        let context = template::context(&view, scope);
        let text = template::render(&template::engine_of_commands(), "update {{ database.name }}", &context);
        assert_eq!(text, expected);
    }
}

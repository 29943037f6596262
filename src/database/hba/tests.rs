use proptest::prelude::*;

use super::*;
use crate::inventory::object::CnpgCluster;

const H04: &str = "hostnossl all all all reject";
const H02: &str = "hostssl all all all scram-sha-256";

fn cluster(items: &[&str]) -> CnpgCluster {
    CnpgCluster {
        image_name: Some("registry.example.com/cloudnative-pg/postgresql:16.4-1@sha256:0".into()),
        pg_hba: items.iter().map(|s| (*s).to_owned()).collect(),
        ..CnpgCluster::default()
    }
}

fn posture_of(cluster: &CnpgCluster, question: &Question) -> (Rules, Posture) {
    let rules = parse(&generated(cluster), major(cluster));
    let posture = evaluate(&rules, question);
    (rules, posture)
}

fn posture(items: &[&str]) -> Posture {
    posture_of(&cluster(items), &Question::default()).1
}

fn word(items: &[&str]) -> &'static str {
    posture(items).verdict.word()
}

#[test]
fn h01_to_h31_h33_to_h41_h45_lists() {
    for (id, items, want) in [
        ("H01", vec![], "open"),
        ("H02", vec![H02], "open"),
        ("H03", vec![H02, "host all all all reject"], "tls-only"),
        ("H04", vec![H04], "tls-only"),
        ("H05", vec!["host all all all md5", H04], "open"),
        ("H06", vec!["hostssl app app all cert"], "open"),
        ("H07", vec!["hostssl app app all cert", "host app app all reject"], "partial"),
        ("H08", vec!["hostnossl all all 0.0.0.0/0 reject"], "partial"),
        ("H08 0/0", vec!["hostnossl all all 0/0 reject"], "partial"),
        ("H09", vec!["hostnossl all all 10.0.0.0/8 reject"], "partial"),
        ("H10", vec!["hostnossl app all all reject"], "partial"),
        ("H11", vec!["hostnossl ALL ALL all reject"], "open"),
        ("H12", vec!["hostnossl all \"all\" all reject"], "open"),
        ("H13", vec!["# hostnossl all all all reject"], "open"),
        ("H14", vec!["hostssl all all all scram-sha-256\nhostnossl all all all reject"], "tls-only"),
        ("H15", vec!["hostnossl all app, report all reject"], "partial"),
        ("H16", vec!["hostnogssenc all all all reject"], "locked-out"),
        ("H17", vec!["host all all all cert"], "hba-invalid"),
        ("H18", vec!["hostnossl all all reject"], "hba-invalid"),
        ("H19", vec!["hostnossl all all 10.8.0.1 reject"], "hba-invalid"),
        ("H20", vec!["host all all 10.0.0.0/8 trust"], "open"),
        ("H21", vec!["host all all all md5"], "open"),
        ("H24", vec!["hostnossl sameuser all all reject"], "partial"),
        ("H25", vec!["hostnossl all +devs all reject"], "partial"),
        ("H26", vec!["hostnossl all all all REJECT"], "hba-invalid"),
        ("H27", vec!["hostnossl replication all all reject"], "open"),
        ("H28", vec!["hostssl app app 10.1.2.3/32 scram-sha-256", "host app all all reject"], "partial"),
        ("H29", vec!["host all all 127.0.0.1/32 trust"], "open"),
        ("H30", vec!["hostssl all all all scram-sha-256 clientcert=verify-full", H04], "tls-only"),
        ("H31", vec!["hostnossl all all 0.0.0.0/0 reject", "hostnossl all all ::/0 reject"], "tls-only"),
        ("H33", vec!["hostssl all all all reject"], "cleartext-only"),
        ("H35", vec!["host all all all reject"], "locked-out"),
        ("H38 with H04, at the Cluster", vec![H04], "tls-only"),
        ("H39", vec![H04, "host all all all scram-sha-256 foo=bar"], "hba-invalid"),
        ("H40", vec!["hostssl all all all scram-sha-256 clientcert=1", H04], "hba-invalid"),
        ("H41", vec!["hostnossl all all ALL reject"], "unknown"),
        ("H41 quoted", vec!["hostnossl all all \"all\" reject"], "unknown"),
    ] {
        assert_eq!(word(&items), want, "{id}");
    }
}

#[test]
fn h06_the_certificate_of_app_is_bypassed() {
    let (rules, p) = posture_of(&cluster(&["hostssl app app all cert"]), &Question::default());
    assert_eq!(p.certificate_bypass.len(), 1);
    let bypass = &p.certificate_bypass[0];
    assert_eq!(
        (bypass.user.as_str(), rules.rules[bypass.certificate_rule].text.as_str()),
        ("app", "hostssl app app all cert")
    );
    assert_eq!(rules.rules[bypass.cleartext_rule].text, "host all all all scram-sha-256");
    assert!(posture(&["hostssl app app all cert", "host app app all reject"]).certificate_bypass.is_empty());
    assert!(posture(&["hostssl app app all cert", H04]).certificate_bypass.is_empty());
}

#[test]
fn h07_h10_only_the_named_client_is_protected() {
    let c = cluster(&["hostssl app app all cert", "host app app all reject"]);
    let ask = |database: &str, user: &str| {
        let q = Question { database: Some(database.into()), user: Some(user.into()), ..Question::default() };
        posture_of(&c, &q).1.verdict.word()
    };
    assert_eq!((ask("app", "app"), ask("postgres", "app")), ("tls-only", "open"));
    match posture(&["hostnossl app all all reject"]).verdict {
        Verdict::Partial { open, refused } => {
            assert!(open.iter().all(|w| w.database != "app"));
            assert!(open.iter().any(|w| w.database == "postgres"));
            assert!(refused.iter().all(|w| w.database == "app"));
        }
        other => panic!("H10: {other:?}"),
    }
}

#[test]
fn h08_is_enough_where_there_is_no_ipv6() {
    let q = Question { ipv4_only: true, ..Question::default() };
    assert_eq!(posture_of(&cluster(&["hostnossl all all 0.0.0.0/0 reject"]), &q).1.verdict, Verdict::TlsOnly);
}

#[test]
fn h09_pod_addresses_decide() {
    let c = cluster(&["hostnossl all all 10.0.0.0/8 reject"]);
    let ask = |ip: &str| {
        let q = Question { addresses: vec![ip.parse().unwrap()], ..Question::default() };
        posture_of(&c, &q).1.verdict.word()
    };
    assert_eq!((ask("10.1.2.3"), ask("172.16.0.1")), ("tls-only", "open"));
}

#[test]
fn h11_h12_h41_notes_say_that_a_keyword_is_a_name() {
    for rule in ["hostnossl ALL ALL all reject", "hostnossl all \"all\" all reject", "hostnossl all all ALL reject"] {
        let rules = parse(&generated(&cluster(&[rule])), 16);
        assert!(!rules.notes.is_empty(), "{rule}");
    }
}

#[test]
fn h20_h21_h29_reachable_methods() {
    let trust = |p: &Posture| p.reaches(Method::Trust, None);
    let p = posture(&["host all all 10.0.0.0/8 trust"]);
    assert_eq!(trust(&p), Some(true), "H20");
    assert_eq!(p.reaches(Method::ScramSha256, Some(Transport::Cleartext)), Some(true));
    assert_eq!(posture(&["host all all all md5"]).reaches(Method::Md5, None), Some(true), "H21");
    assert_eq!(trust(&posture(&["host all all 127.0.0.1/32 trust"])), Some(true), "H29");
    assert_eq!(trust(&posture(&[])), Some(false));
    assert_eq!(trust(&posture(&["host all all all trust foo=bar"])), None);
    assert_eq!(trust(&posture(&["host all all pg.example.com trust"])), None);
    // Behind a rule for everybody, trust is never reached, and the list says which rule is dead.
    let dead = posture(&["host all all all scram-sha-256", "host all all all trust"]);
    assert_eq!((trust(&dead), dead.shadowed.len()), (Some(false), 1));
}

#[test]
fn h22_h23_ldap_block() {
    let mut c = cluster(&[]);
    c.ldap = true;
    let (_, p) = posture_of(&c, &Question::default());
    assert_eq!((p.verdict.word(), p.text_password_in_cleartext()), ("open", Some(true)), "H22");
    c.pg_hba = vec![H04.into()];
    let (_, p) = posture_of(&c, &Question::default());
    assert_eq!((p.verdict.word(), p.text_password_in_cleartext()), ("tls-only", Some(false)), "H23");
    assert_eq!(p.reaches(Method::Ldap, Some(Transport::Tls)), Some(true));
}

#[test]
fn h34_default_method_follows_the_major_version() {
    let mut c = cluster(&[]);
    c.image_name = Some("registry:5000/postgresql:13.2".into());
    let (_, p) = posture_of(&c, &Question::default());
    assert_eq!((major(&c), p.verdict.word(), p.reaches(Method::Md5, None)), (13, "open", Some(true)));
    c.image_catalog_major = Some(18);
    assert_eq!(major(&c), 18);
}

#[test]
fn h36_h37_h45_pod_selectors() {
    let mut c = cluster(&["hostssl app app ${podselector:web} scram-sha-256"]);
    c.pod_selector_refs.insert("web".into(), Some(vec![]));
    assert_eq!(posture_of(&c, &Question::default()).1.verdict.word(), "open", "H36");
    c.pg_hba = vec!["hostnossl all all ${podselector:web} reject".into()];
    assert_eq!(posture_of(&c, &Question::default()).1.verdict.word(), "open", "H37: web pods of prod are not selected");
    c.pod_selector_refs.insert("web".into(), Some(vec!["10.0.0.5".into(), "fd00::5".into()]));
    assert_eq!(posture_of(&c, &Question::default()).1.verdict.word(), "partial");
    c.pod_selector_refs.insert("web".into(), None);
    assert_eq!(posture_of(&c, &Question::default()).1.verdict.word(), "unknown", "status not read");
    let both = "hostssl app app ${podselector:web} scram-sha-256\nhostnossl all all all reject";
    c.pg_hba = vec![both.into()];
    c.pod_selector_refs.insert("web".into(), Some(vec![]));
    assert_eq!(posture_of(&c, &Question::default()).1.verdict.word(), "open", "H45");
    // A name that podSelectorRefs does not have: the first line or the whole item is left out.
    c.pod_selector_refs.clear();
    assert_eq!(posture_of(&c, &Question::default()).1.verdict.word(), "unknown");
}

#[test]
fn errors_name_the_item_and_the_line_and_no_secret() {
    let rules = parse(
        &generated(&cluster(&["", "host all all all scram-sha-256\nhost all all all ldap ldapbindpasswd=hunter2"])),
        16,
    );
    assert_eq!(rules.errors.len(), 1);
    let text = rules.errors[0].to_string();
    assert!(text.starts_with("spec.postgresql.pg_hba[1] line 2: "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn grammar() {
    let errors = |line: &str, major: u32| {
        let line = Line { origin: Origin::User { item: 0, line: 1 }, text: line.into(), uncertain: false };
        parse(&[line], major).errors.len()
    };
    for (line, major, want) in [
        ("host all all 10.0.0.0 255.0.0.0 md5", 16, 0),
        ("host all all 10.0.0.0/33 md5", 16, 1),
        ("host all all 10.0.0.0/8,11.0.0.0/8 md5", 16, 1),
        ("host all all pg.example.com/8 md5", 16, 1),
        ("host all all ::1/128 md5", 16, 0),
        ("host all all .example.com md5", 16, 0),
        ("HOSTSSL all all all md5", 16, 1),
        ("host all all all peer", 16, 1),
        ("local all all peer", 16, 0),
        ("host all all all sspi", 16, 1),
        ("host all all all bsd", 16, 1),
        ("host all all all oauth issuer=a scope=b", 17, 1),
        ("host all all all oauth issuer=a scope=b", 18, 0),
        ("host all all all md5 map=x", 16, 1),
        ("hostssl all all all cert map=x", 16, 0),
        ("hostssl all all all cert clientcert=verify-ca", 16, 1),
        ("host all all all md5 clientcert=verify-ca", 16, 1),
        ("hostssl all all all md5 clientcert=1", 13, 0),
        ("host all all all md5 nonsense", 16, 1),
        ("host all all all ldap ldapserver=h", 16, 1),
        ("host all all all ldap ldapserver=h ldapprefix=x", 16, 0),
        ("host all all all radius radiusservers=h", 16, 1),
        ("host all all all radius radiusservers=h radiussecrets=s", 16, 0),
        ("include other.conf", 15, 1),
        ("include other.conf", 16, 0),
        ("host all", 16, 1),
        ("host all all all", 16, 1),
        ("", 16, 0),
        ("\"host\" \"my db\" 'quoted' all md5 # comment", 16, 0),
    ] {
        assert_eq!(errors(line, major), want, "{line} on {major}");
    }
    let split = |items: &[&str], major: u32| parse(&generated(&cluster(items)), major).errors.len();
    assert_eq!(split(&["host all all \\\nall md5"], 16), 0);
    assert_eq!(split(&["host all all \\\nall md5"], 13), 2);
}

#[test]
fn unread_files_are_unknown() {
    for rule in ["include other.conf", "hostnossl all @admins all reject", "hostnossl all /^a all reject"] {
        assert_eq!(word(&[rule]), "unknown", "{rule}");
    }
}

/// Written straight from the documentation for rules of the simplest shape: `(type, database, user, cidr, method)`.
fn naive(rules: &[(usize, usize, usize, usize, usize)], db: &str, user: &str, ip: [u8; 4], tls: bool) -> Option<usize> {
    rules.iter().position(|&(t, d, u, a, _)| {
        let transport = match TYPES[t] {
            "host" => true,
            "hostssl" => tls,
            _ => !tls,
        };
        let database = match DATABASES[d] {
            "all" => true,
            "sameuser" => db == user,
            name => name == db,
        };
        let name = USERS[u] == "all" || USERS[u].split(',').any(|n| n == user);
        let address = match ADDRESSES[a] {
            "all" | "0.0.0.0/0" => true,
            "10.0.0.0/8" => ip[0] == 10,
            "10.1.0.0/16" => ip[0] == 10 && ip[1] == 1,
            _ => false,
        };
        transport && database && name && address
    })
}

const TYPES: &[&str] = &["host", "hostssl", "hostnossl"];
const DATABASES: &[&str] = &["all", "app", "sameuser"];
const USERS: &[&str] = &["all", "app", "app,web"];
const ADDRESSES: &[&str] = &["all", "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "::/0"];
const METHODS: &[&str] = &["reject", "md5", "trust"];

proptest! {
    #[test]
    fn first_match_agrees_with_the_naive_evaluator(
        rules in prop::collection::vec((0..3usize, 0..3usize, 0..3usize, 0..5usize, 0..3usize), 0..8),
        db in prop::sample::select(vec!["app", "web", "other"]),
        user in prop::sample::select(vec!["app", "web", "other"]),
        ip in prop::sample::select(vec![[10, 1, 0, 1], [10, 2, 0, 1], [192, 0, 2, 1]]),
    ) {
        let lines: Vec<Line> = rules.iter().enumerate().map(|(i, &(t, d, u, a, m))| Line {
            origin: Origin::User { item: i, line: 1 },
            text: format!("{} {} {} {} {}", TYPES[t], DATABASES[d], USERS[u], ADDRESSES[a], METHODS[m]),
            uncertain: false,
        }).collect();
        let parsed = parse(&lines, 16);
        prop_assert!(parsed.errors.is_empty());
        let q = Question { database: Some(db.into()), user: Some(user.into()), addresses: vec![ip.into()], ipv4_only: false };
        let p = evaluate(&parsed, &q);
        let decided = |transport| p.reached.iter().find(|r| r.transport == transport).map(|r| r.rule);
        prop_assert_eq!(decided(Transport::Cleartext), naive(&rules, db, user, ip, false));
        prop_assert_eq!(decided(Transport::Tls), naive(&rules, db, user, ip, true));
        let accepts = |at: Option<usize>| at.is_some_and(|i| METHODS[rules[i].4] != "reject");
        let want = match (accepts(naive(&rules, db, user, ip, false)), accepts(naive(&rules, db, user, ip, true))) {
            (true, true) => "open",
            (true, false) => "cleartext-only",
            (false, true) => "tls-only",
            (false, false) => "locked-out",
        };
        prop_assert_eq!(p.verdict.word(), want);
        // The answer for everybody holds for this one.
        match evaluate(&parsed, &Question::default()).verdict {
            Verdict::Open | Verdict::CleartextOnly => prop_assert!(accepts(naive(&rules, db, user, ip, false))),
            Verdict::TlsOnly | Verdict::LockedOut => prop_assert!(!accepts(naive(&rules, db, user, ip, false))),
            _ => {}
        }
    }

    #[test]
    fn any_text_is_parsed(text in "(host|hostssl|local|all|reject|md5|[ ,\"#=@+/\\\\\n0-9.:]|\\PC){0,30}", major in 9..20u32) {
        let c = CnpgCluster { pg_hba: vec![text], image_catalog_major: Some(major), ..CnpgCluster::default() };
        let rules = parse(&generated(&c), major);
        let _ = evaluate(&rules, &Question::default());
    }
}

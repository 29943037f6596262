use proptest::prelude::*;

use super::*;
use crate::inventory::object::CnpgCluster;

const REJECT_CLEARTEXT: &str = "hostnossl all all all reject";
const HOSTSSL_SCRAM: &str = "hostssl all all all scram-sha-256";

fn cluster(items: &[&str]) -> CnpgCluster {
    CnpgCluster {
        image_name: Some("registry.example.com/cloudnative-pg/postgresql:16.4-1@sha256:0".into()),
        pg_hba: items.iter().map(|s| (*s).to_owned()).collect(),
        ..CnpgCluster::default()
    }
}

fn posture_of(cluster: &CnpgCluster, question: &Question) -> (Rules, Posture) {
    let rules = parse(&generated_lines(cluster), postgres_major(cluster));
    let posture = evaluate(&rules, question);
    (rules, posture)
}

fn posture(items: &[&str]) -> Posture {
    posture_of(&cluster(items), &Question::default()).1
}

fn word(items: &[&str]) -> &'static str {
    posture(items).acceptance.word()
}

#[test]
fn whether_cleartext_is_accepted() {
    for (items, want) in [
        (vec![], "open"),
        (vec![HOSTSSL_SCRAM], "open"),
        (vec![HOSTSSL_SCRAM, "host all all all reject"], "tls-only"),
        (vec![REJECT_CLEARTEXT], "tls-only"),
        (vec!["host all all all md5", REJECT_CLEARTEXT], "open"),
        (vec!["hostssl app app all cert"], "open"),
        (vec!["hostssl app app all cert", "host app app all reject"], "partial"),
        (vec!["hostnossl all all 0.0.0.0/0 reject"], "partial"),
        (vec!["hostnossl all all 0/0 reject"], "partial"),
        (vec!["hostnossl all all 10.0.0.0/8 reject"], "partial"),
        (vec!["hostnossl app all all reject"], "partial"),
        (vec!["hostnossl ALL ALL all reject"], "open"),
        (vec!["hostnossl all \"all\" all reject"], "open"),
        (vec!["# hostnossl all all all reject"], "open"),
        (vec!["hostssl all all all scram-sha-256\nhostnossl all all all reject"], "tls-only"),
        (vec!["hostnossl all app, report all reject"], "partial"),
        (vec!["hostnogssenc all all all reject"], "locked-out"),
        (vec!["host all all all cert"], "hba-invalid"),
        (vec!["hostnossl all all reject"], "hba-invalid"),
        (vec!["hostnossl all all 10.8.0.1 reject"], "hba-invalid"),
        (vec!["host all all 10.0.0.0/8 trust"], "open"),
        (vec!["host all all all md5"], "open"),
        (vec!["hostnossl sameuser all all reject"], "partial"),
        (vec!["hostnossl all +devs all reject"], "partial"),
        (vec!["hostnossl all all all REJECT"], "hba-invalid"),
        (vec!["hostnossl replication all all reject"], "open"),
        (vec!["hostssl app app 10.1.2.3/32 scram-sha-256", "host app all all reject"], "partial"),
        (vec!["host all all 127.0.0.1/32 trust"], "open"),
        (vec!["hostssl all all all scram-sha-256 clientcert=verify-full", REJECT_CLEARTEXT], "tls-only"),
        (vec!["hostnossl all all 0.0.0.0/0 reject", "hostnossl all all ::/0 reject"], "tls-only"),
        (vec!["hostssl all all all reject"], "cleartext-only"),
        (vec!["host all all all reject"], "locked-out"),
        (vec![REJECT_CLEARTEXT], "tls-only"),
        (vec![REJECT_CLEARTEXT, "host all all all scram-sha-256 foo=bar"], "hba-invalid"),
        (vec!["hostssl all all all scram-sha-256 clientcert=1", REJECT_CLEARTEXT], "hba-invalid"),
        (vec!["hostnossl all all ALL reject"], "unknown"),
        (vec!["hostnossl all all \"all\" reject"], "unknown"),
    ] {
        assert_eq!(word(&items), want, "{items:?}");
    }
}

#[test]
fn the_certificate_of_app_is_bypassed() {
    let (rules, p) = posture_of(&cluster(&["hostssl app app all cert"]), &Question::default());
    assert_eq!(p.certificate_bypass.len(), 1);
    let bypass = &p.certificate_bypass[0];
    assert_eq!(
        (bypass.user.as_str(), rules.rules[bypass.certificate_rule].text.as_str()),
        ("app", "hostssl app app all cert")
    );
    assert_eq!(rules.rules[bypass.cleartext_rule].text, "host all all all scram-sha-256");
    assert!(posture(&["hostssl app app all cert", "host app app all reject"]).certificate_bypass.is_empty());
    assert!(posture(&["hostssl app app all cert", REJECT_CLEARTEXT]).certificate_bypass.is_empty());
}

#[test]
fn only_the_named_client_is_protected() {
    let c = cluster(&["hostssl app app all cert", "host app app all reject"]);
    let ask = |database: &str, user: &str| {
        let q = Question { database: Some(database.into()), user: Some(user.into()), ..Question::default() };
        posture_of(&c, &q).1.acceptance.word()
    };
    assert_eq!((ask("app", "app"), ask("postgres", "app")), ("tls-only", "open"));
    match posture(&["hostnossl app all all reject"]).acceptance {
        Acceptance::Partial { open, refused } => {
            assert!(open.iter().all(|w| w.database != "app"));
            assert!(open.iter().any(|w| w.database == "postgres"));
            assert!(refused.iter().all(|w| w.database == "app"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn is_enough_where_there_is_no_ipv6() {
    let q = Question { ipv4_only: true, ..Question::default() };
    assert_eq!(posture_of(&cluster(&["hostnossl all all 0.0.0.0/0 reject"]), &q).1.acceptance, Acceptance::TlsOnly);
}

#[test]
fn pod_addresses_decide() {
    let c = cluster(&["hostnossl all all 10.0.0.0/8 reject"]);
    let ask = |ip: &str| {
        let q = Question { addresses: vec![ip.parse().unwrap()], ..Question::default() };
        posture_of(&c, &q).1.acceptance.word()
    };
    assert_eq!((ask("10.1.2.3"), ask("172.16.0.1")), ("tls-only", "open"));
}

#[test]
fn notes_say_that_a_keyword_is_a_name() {
    for rule in ["hostnossl ALL ALL all reject", "hostnossl all \"all\" all reject", "hostnossl all all ALL reject"] {
        let rules = parse(&generated_lines(&cluster(&[rule])), 16);
        assert!(!rules.notes.is_empty(), "{rule}");
    }
}

#[test]
fn reachable_methods() {
    let trust = |p: &Posture| p.reaches(Method::Trust, None);
    let p = posture(&["host all all 10.0.0.0/8 trust"]);
    assert_eq!(trust(&p), Some(true));
    assert_eq!(p.reaches(Method::ScramSha256, Some(Transport::Cleartext)), Some(true));
    assert_eq!(posture(&["host all all all md5"]).reaches(Method::Md5, None), Some(true));
    assert_eq!(trust(&posture(&["host all all 127.0.0.1/32 trust"])), Some(true));
    assert_eq!(trust(&posture(&[])), Some(false));
    assert_eq!(trust(&posture(&["host all all all trust foo=bar"])), None);
    assert_eq!(trust(&posture(&["host all all pg.example.com trust"])), None);
    // Behind a rule for everybody, trust is never reached, and the list says which rule is dead.
    let dead = posture(&["host all all all scram-sha-256", "host all all all trust"]);
    assert_eq!((trust(&dead), dead.shadowed.len()), (Some(false), 1));
}

#[test]
fn ldap_block() {
    let mut c = cluster(&[]);
    c.ldap = true;
    let (_, p) = posture_of(&c, &Question::default());
    assert_eq!((p.acceptance.word(), p.password_in_cleartext()), ("open", Some(true)));
    c.pg_hba = vec![REJECT_CLEARTEXT.into()];
    let (_, p) = posture_of(&c, &Question::default());
    assert_eq!((p.acceptance.word(), p.password_in_cleartext()), ("tls-only", Some(false)));
    assert_eq!(p.reaches(Method::Ldap, Some(Transport::Tls)), Some(true));
}

#[test]
fn default_method_follows_the_major_version() {
    let mut c = cluster(&[]);
    c.image_name = Some("registry:5000/postgresql:13.2".into());
    let (_, p) = posture_of(&c, &Question::default());
    assert_eq!((postgres_major(&c), p.acceptance.word(), p.reaches(Method::Md5, None)), (13, "open", Some(true)));
    c.image_catalog_major = Some(18);
    assert_eq!(postgres_major(&c), 18);
}

#[test]
fn pod_selectors() {
    let mut c = cluster(&["hostssl app app ${podselector:web} scram-sha-256"]);
    c.pod_selector_refs.insert("web".into(), Some(vec![]));
    assert_eq!(posture_of(&c, &Question::default()).1.acceptance.word(), "open");
    c.pg_hba = vec!["hostnossl all all ${podselector:web} reject".into()];
    assert_eq!(posture_of(&c, &Question::default()).1.acceptance.word(), "open", "web pods of prod are not selected");
    c.pod_selector_refs.insert("web".into(), Some(vec!["10.0.0.5".into(), "fd00::5".into()]));
    assert_eq!(posture_of(&c, &Question::default()).1.acceptance.word(), "partial");
    c.pod_selector_refs.insert("web".into(), None);
    assert_eq!(posture_of(&c, &Question::default()).1.acceptance.word(), "unknown", "status not read");
    let both = "hostssl app app ${podselector:web} scram-sha-256\nhostnossl all all all reject";
    c.pg_hba = vec![both.into()];
    c.pod_selector_refs.insert("web".into(), Some(vec![]));
    assert_eq!(posture_of(&c, &Question::default()).1.acceptance.word(), "open");
    // A name that podSelectorRefs does not have: the first line or the whole item is left out.
    c.pod_selector_refs.clear();
    assert_eq!(posture_of(&c, &Question::default()).1.acceptance.word(), "unknown");
}

#[test]
fn errors_name_the_item_and_the_line_and_no_secret() {
    let rules = parse(
        &generated_lines(&cluster(&[
            "",
            "host all all all scram-sha-256\nhost all all all ldap ldapbindpasswd=hunter2",
        ])),
        16,
    );
    assert_eq!(rules.errors.len(), 1);
    let text = rules.errors[0].to_string();
    assert!(text.starts_with("spec.postgresql.pg_hba[1] line 2: "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn grammar() {
    let errors = |line: &str, postgres_major: u32| {
        let line = Line { origin: Origin::User { item: 0, line: 1 }, text: line.into(), uncertain: false };
        parse(&[line], postgres_major).errors.len()
    };
    for (line, postgres_major, want) in [
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
        assert_eq!(errors(line, postgres_major), want, "{line} on {postgres_major}");
    }
    let split =
        |items: &[&str], postgres_major: u32| parse(&generated_lines(&cluster(items)), postgres_major).errors.len();
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
        prop_assert_eq!(p.acceptance.word(), want);
        // The answer for everybody holds for this one.
        match evaluate(&parsed, &Question::default()).acceptance {
            Acceptance::Open | Acceptance::CleartextOnly => prop_assert!(accepts(naive(&rules, db, user, ip, false))),
            Acceptance::TlsOnly | Acceptance::LockedOut => prop_assert!(!accepts(naive(&rules, db, user, ip, false))),
            _ => {}
        }
    }

    #[test]
    fn any_text_is_parsed(text in "(host|hostssl|local|all|reject|md5|[ ,\"#=@+/\\\\\n0-9.:]|\\PC){0,30}", postgres_major in 9..20u32) {
        let c = CnpgCluster { pg_hba: vec![text], image_catalog_major: Some(postgres_major), ..CnpgCluster::default() };
        let rules = parse(&generated_lines(&c), postgres_major);
        let _ = evaluate(&rules, &Question::default());
    }
}

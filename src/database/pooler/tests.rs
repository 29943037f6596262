use super::*;

const REJECT: &str = "hostnossl all all all reject";

fn posture_of(items: &[&str], parameters: &[(&str, &str)]) -> PoolerPosture {
    let p = CnpgPooler {
        pg_hba: items.iter().map(|s| (*s).to_owned()).collect(),
        parameters: parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..CnpgPooler::default()
    };
    evaluate_pooler(&p, &Question::default())
}

#[test]
fn the_default_pooler_is_open() {
    let p = posture_of(&[], &[("client_tls_sslmode", "prefer")]);
    assert_eq!((p.client.word(), p.server_hop, p.no_authentication), ("open", ServerHop::Authenticated, false));
    assert_eq!(posture_of(&[], &[]).client, Acceptance::Open);
    assert_eq!(posture_of(&[], &[("client_tls_sslmode", "require")]).client, Acceptance::TlsOnly);
    assert_eq!(posture_of(&[REJECT], &[]).client, Acceptance::TlsOnly);
    assert_eq!(posture_of(&[], &[("client_tls_sslmode", "disable")]).client, Acceptance::CleartextOnly);
}

#[test]
fn the_inner_hop() {
    for (mode, secret, want) in [
        ("disable", false, ServerHop::Broken),
        ("allow", false, ServerHop::Broken),
        ("disable", true, ServerHop::Opportunistic),
        ("prefer", false, ServerHop::Opportunistic),
        ("require", false, ServerHop::Encrypted),
        ("verify-full", false, ServerHop::Authenticated),
        ("bogus", false, ServerHop::Invalid),
    ] {
        let p = CnpgPooler {
            parameters: [("server_tls_sslmode".to_owned(), mode.to_owned())].into(),
            auth_query_secret: secret,
            ..CnpgPooler::default()
        };
        assert_eq!(evaluate_pooler(&p, &Question::default()).server_hop, want, "{mode}");
    }
}

#[test]
fn lines_that_do_not_count() {
    let h42 = posture_of(&["hostnossl all all all REJECT"], &[]);
    assert_eq!((h42.client.word(), h42.skipped.len()), ("open", 1));
    let h43 = posture_of(&["hostssl all all all md5 clientcert=verify-full"], &[]);
    assert_eq!((h43.client.word(), h43.skipped.len()), ("open", 1));
    let h44 = posture_of(&[REJECT], &[("auth_type", "scram-sha-256")]);
    assert_eq!((h44.client.word(), h44.list_disabled), ("open", true));
    for line in ["hostnogssenc all all all reject", "host all +devs all reject", "host all all samenet reject"] {
        assert_eq!(posture_of(&[line], &[]).skipped.len(), 1, "{line}");
    }
    assert!(posture_of(&["host all all all trust"], &[]).no_authentication);
    assert!(posture_of(&[], &[("auth_type", "any")]).no_authentication);
}

use std::collections::BTreeMap;

use super::*;
use crate::database::env::effective;
use crate::database::tls::Class::{self, Disable, Prefer, Require, VerifyFull};
use crate::inventory::object::{
    CnpgCluster, ConfigMap, EnvFrom, EnvFromSource, EnvSource, EnvVar, Labels, Meta, Mount, PodSpec, Service,
};
use crate::inventory::{Annotations, Known, ObjectRef};
use crate::lexicon::Value;

#[derive(Default)]
struct World {
    maps: BTreeMap<String, ConfigMap>,
    clusters: Vec<CnpgCluster>,
}

impl Sources for World {
    fn config_map(&self, _: &str, name: &str) -> Known<Option<&ConfigMap>> {
        Known::Value(self.maps.get(name))
    }
    fn services(&self, _: &str) -> Known<Vec<&Service>> {
        Known::Value(Vec::new())
    }
    fn cnpg_clusters(&self, namespace: &str) -> Vec<&CnpgCluster> {
        self.clusters.iter().filter(|c| c.meta.namespace == namespace).collect()
    }
}

fn env(pairs: &[(&str, &str)]) -> Vec<EnvVar> {
    pairs
        .iter()
        .map(|(n, v)| {
            let source = match v.strip_prefix("secret:").and_then(|s| s.split_once('#')) {
                Some((name, key)) => {
                    let (key, optional) = key.strip_suffix('?').map_or((key, false), |k| (k, true));
                    EnvSource::SecretKey { name: name.into(), key: key.into(), optional }
                }
                None => EnvSource::Value(Value::mask(n, v)),
            };
            EnvVar { name: (*n).into(), source }
        })
        .collect()
}

fn app(pairs: &[(&str, &str)]) -> Container {
    Container { name: "app".into(), image: "registry/app:1".into(), env: env(pairs), ..Container::default() }
}

fn sidecar(name: &str, image: &str, args: &[&str]) -> Container {
    let command = Value::arguments(args);
    Container { name: name.into(), image: image.into(), command, ..Container::default() }
}

fn profiles_of(containers: Vec<Container>, world: &World, ownership: Ownership, host_network: bool) -> Vec<Profile> {
    let spec = PodSpec { host_network, service_links: true, containers, ..PodSpec::default() };
    let workload = ObjectRef {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: "prod".into(),
        name: "backend".into(),
    };
    let none = Labels::new();
    let pod = PodContext {
        workload: &workload,
        namespace: "prod",
        pod_name: None,
        labels: &none,
        annotations: &Annotations::default(),
        spec: &spec,
        relaxed_names: true,
    };
    let container = &spec.containers[0];
    let env = effective(&pod, container, world);
    profiles(&pod, container, &env, world, ownership)
}

fn run(container: Container) -> Vec<Profile> {
    profiles_of(vec![container], &World::default(), Ownership::default(), false)
}

fn one(pairs: &[(&str, &str)]) -> Profile {
    let mut all = run(app(pairs));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn client(worst: Class, best: Class) -> Client {
    Client::Classes { worst, best }
}

fn with_secret(mut container: Container, name: &str, first: bool) -> Container {
    let from = EnvFrom { prefix: String::new(), source: EnvFromSource::Secret { name: name.into(), optional: false } };
    container.env_from.insert(if first { 0 } else { container.env_from.len() }, from);
    container
}

fn with_map(mut container: Container, name: &str) -> Container {
    let from =
        EnvFrom { prefix: String::new(), source: EnvFromSource::ConfigMap { name: name.into(), optional: false } };
    container.env_from.push(from);
    container
}

fn require_map() -> World {
    let data = [("DB_SSLMODE".to_owned(), Value::mask("DB_SSLMODE", "require"))].into();
    World { maps: [("a".to_owned(), ConfigMap { data, ..ConfigMap::default() })].into(), ..World::default() }
}

const HOST: (&str, &str) = ("DB_HOST", "postgres-postgresql.data.svc.cluster.local");

#[test]
fn the_target_topology_is_declared_only() {
    let p = one(&[
        HOST,
        ("DB_PORT", "5432"),
        ("DB_NAME", "shop"),
        ("DB_USER", "shop"),
        ("DB_PASSWORD", "secret:db#password"),
        ("DB_SSLMODE", "require"),
    ]);
    assert_eq!(
        (p.name.as_str(), p.mode.client, p.mode.declared, p.mode.explicit),
        ("DB", client(Require, Require), true, Some(true))
    );
    assert_eq!(p.hosts[0].name.known(), Some(HOST.1));
    assert_eq!(
        (p.hosts[0].port.known(), p.database.known(), p.user.known()),
        (Some("5432"), Some("shop"), Some("shop"))
    );
    assert_eq!(p.password, Password::Reference);
    let mode = p.evidence.iter().find(|e| e.variable == "DB_SSLMODE").expect("evidence");
    assert_eq!((mode.value.as_str(), mode.from.path().as_str()), ("require", "containers[app].env[5]"));
    assert_eq!(one(&[HOST, ("DB_PASSWORD", "hunter2")]).password, Password::Literal);
}

#[test]
fn modes_that_are_not_plain() {
    let w = require_map();
    let on = |c: Container| profiles_of(vec![c], &w, Ownership::default(), false).remove(0);
    let e03 = on(with_map(app(&[HOST, ("DB_SSLMODE", "secret:s#mode?")]), "a"));
    assert_eq!(e03.mode.client, Client::Unknown);
    assert!(e03.reasons[0].text.contains("Secret prod/s key mode"), "{:?}", e03.reasons);
    let e05 = on(with_map(app(&[HOST, ("DB_SSLMODE", "")]), "a"));
    assert_eq!((e05.mode.valid, e05.mode.explicit), (Some(false), Some(false)));
    assert_ne!(e05.mode.client, client(Require, Require));
    let e17 = on(with_secret(app(&[HOST]), "s", true));
    assert_eq!((e17.mode.client, e17.mode.explicit), (Client::Unknown, None));
    assert!(
        e17.reasons[0]
            .text
            .starts_with("DB_SSLMODE of prod/Deployment/backend container app may be set by Secret prod/s")
    );
    let e18 = on(with_secret(with_map(app(&[HOST]), "a"), "s", false));
    assert_eq!(
        (e18.mode.client, e18.mode.declared, e18.mode.confidence),
        (client(Require, Require), true, Confidence::Low)
    );
    let e19 = on(with_map(with_secret(app(&[HOST]), "s", true), "a"));
    assert_eq!((e19.mode.client, e19.mode.confidence), (client(Require, Require), Confidence::High));
    let mut e25 = app(&[HOST]);
    e25.env.push(EnvVar { name: "DB_SSLMODE".into(), source: EnvSource::FileKey { optional: false } });
    assert_eq!(on(e25).mode.client, Client::Unknown);
}

#[test]
fn unexpanded_and_partial_strings() {
    let e08 = one(&[("DATABASE_URL", "postgres://h/d?sslmode=$(MODE)"), ("MODE", "require")]);
    assert_eq!(e08.mode.valid, Some(false));
    let e08b = run(with_secret(app(&[("DATABASE_URL", "postgres://h/d?sslmode=$(MODE)")]), "s", true)).remove(0);
    assert_eq!(e08b.mode.client, Client::Unknown);
    assert!(e08b.reasons.iter().any(|r| r.text.contains("Secret prod/s")), "{:?}", e08b.reasons);
    let e09 = one(&[("MODE", "require"), ("DATABASE_URL", "postgres://h/d?sslmode=$(MODE)")]);
    assert_eq!(e09.mode.range.as_ref().map(|r| r.worst), Some(Require));
    let mut e11 = app(&[("DATABASE_URL", "postgres://h/d?sslmode=${MODE}")]);
    assert_eq!(run(e11.clone()).remove(0).mode.valid, Some(false));
    e11.command = Value::arguments(&["sh", "-c"]);
    let shell = run(e11).remove(0);
    assert_eq!((shell.mode.client, shell.mode.valid), (Client::Unknown, None));
    assert_eq!(one(&[HOST, ("DB_SSLMODE", "$(DB_SSLMODE)")]).mode.valid, Some(false));
    let e23 = one(&[("PW", "secret:s#p"), ("DATABASE_URL", "postgres://u:$(PW)@db.data/x?sslmode=disable")]);
    assert_eq!((e23.mode.client, e23.password), (client(Disable, Disable), Password::Reference));
}

#[test]
fn service_links_make_no_profile() {
    assert!(run(app(&[("DB_PORT", "tcp://10.0.0.1:5432")])).is_empty());
    let p = one(&[HOST, ("DB_PORT", "tcp://10.0.0.1:5432")]);
    assert_eq!(p.hosts[0].port, DsnValue::Absent);
}

#[test]
fn init_and_main_differ() {
    let init = one(&[("DATABASE_URL", "postgres://h/d?sslmode=disable")]);
    let main = one(&[("DATABASE_URL", "postgres://h/d?sslmode=require")]);
    assert_eq!((init.mode.client, main.mode.client), (client(Disable, Disable), client(Require, VerifyFull)));
}

#[test]
fn secrets_of_the_operator_have_a_known_shape() {
    let cluster = CnpgCluster {
        meta: Meta { namespace: "prod".into(), name: "pg".into(), ..Meta::default() },
        ..CnpgCluster::default()
    };
    let w = World { clusters: vec![cluster], ..World::default() };
    let p = profiles_of(vec![app(&[("DATABASE_URL", "secret:pg-app#uri")])], &w, Ownership::default(), false).remove(0);
    assert_eq!(
        (p.hosts[0].name.known(), p.mode.client, p.mode.explicit),
        (Some("pg-rw.prod"), client(Disable, Require), Some(false))
    );
    let other =
        profiles_of(vec![app(&[("DATABASE_URL", "secret:pg-copy#uri")])], &w, Ownership::default(), false).remove(0);
    assert_eq!((other.hosts[0].name.clone(), other.mode.client), (DsnValue::Opaque, Client::Unknown));
}

#[test]
fn hints_narrow_the_drivers() {
    let d13 = one(&[("DATABASE_URL", "postgres://h/d?sslmode=verify-full&schema=public")]);
    assert_eq!((d13.mode.client, d13.mode.valid), (client(Prefer, VerifyFull), Some(false)));
    let d14 = one(&[("DATABASE_URL", "postgres://h/d?sslmode=verify-full"), ("NODE_TLS_REJECT_UNAUTHORIZED", "0")]);
    assert_eq!(d14.mode.verification_off.as_deref(), Some("NODE_TLS_REJECT_UNAUTHORIZED"));
    assert_eq!(d14.mode.client, client(Prefer, Require));
    let d21 = one(&[("SPRING_DATASOURCE_URL", "jdbc:postgresql://h/d?ssl=true")]);
    assert_eq!(d21.mode.client, client(VerifyFull, VerifyFull));
    let d26 = one(&[("ConnectionStrings__Default", "Host=h;SSL Mode=Require"), ("ASPNETCORE_URLS", "x")]);
    assert_eq!((d26.mode.client, d26.driver_hint.is_some()), (client(Require, VerifyFull), true));
    let spring = one(&[
        ("SPRING_DATASOURCE_URL", "jdbc:postgresql://h/d"),
        ("SPRING_DATASOURCE_HIKARI_DATA_SOURCE_PROPERTIES_SSLMODE", "require"),
    ]);
    assert_eq!(spring.mode.client, client(Require, Require));
    let keycloak = one(&[("KC_DB_URL_HOST", "h"), ("KC_DB_URL_PROPERTIES", "?sslmode=require")]);
    assert_eq!((keycloak.hosts[0].name.known(), keycloak.mode.client), (Some("h"), client(Require, Require)));
}

#[test]
fn sockets_and_proxies() {
    let socket = one(&[("DB_DSN", "host=/cloudsql/p:r:i dbname=d sslmode=verify-full")]);
    assert_eq!(socket.mode.client, Client::Delegated);
    assert_eq!(one(&[("PGHOST", "/var/run/postgresql")]).mode.client, Client::Local);

    let url = ("DATABASE_URL", "postgres://u:$(PW)@127.0.0.1:5432/d?sslmode=disable");
    let proxy = sidecar(
        "proxy",
        "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14",
        &["--structured-logs", "p:europe-west1:i"],
    );
    let on = |others: Vec<Container>, host_network| {
        let mut all = vec![app(&[url])];
        all.extend(others);
        profiles_of(all, &World::default(), Ownership::default(), host_network).remove(0)
    };
    let d31 = on(vec![proxy.clone()], false);
    assert_eq!(
        (d31.mode.client, d31.mode.delegation),
        (Client::Delegated, Some(Delegation::Proxy { container: "proxy".into() }))
    );
    let d32 = on(vec![], false);
    assert_eq!(d32.mode.client, client(Disable, Disable));
    assert!(d32.problems.iter().any(|p| p.contains("loopback address, but no proxy")));
    assert_eq!(on(vec![proxy], true).mode.client, client(Disable, Disable), "host network");
    assert_eq!(on(vec![sidecar("pgb", "bitnami/pgbouncer:1.23", &[])], false).mode.client, Client::Local);
    let d33 = one(&[("DATABASE_URL", "postgres://u:p@cloudsql-proxy.infra.svc:5432/d?sslmode=disable")]);
    assert_eq!(d33.mode.client, client(Disable, Disable));
}

#[test]
fn proxies_that_listen_beyond_loopback() {
    let exposed = |args: &[&str]| {
        let spec = PodSpec { containers: vec![sidecar("p", "x/cloud-sql-proxy:2", args)], ..PodSpec::default() };
        matches!(sidecars(&spec)[0], Sidecar::Proxy { exposed: true, .. })
    };
    for (args, want) in [
        (vec!["p:us-east1:i"], false),
        (vec!["--address=0.0.0.0", "p:us-east1:i"], true),
        (vec!["--address", "0.0.0.0", "p:us-east1:i"], true),
        (vec!["p:us-east1:i?address=0.0.0.0"], true),
        (vec!["--address=127.0.0.1", "p:us-east1:i"], false),
        (vec!["-instances=p:us-east1:i=tcp:0.0.0.0:5432"], true),
        (vec!["-instances=p:us-east1:i=tcp:5432"], false),
    ] {
        assert_eq!(exposed(&args), want, "{args:?}");
    }
}

#[test]
fn conflicts_and_ambiguity() {
    let d34 = one(&[("DATABASE_URL", "postgres://h/d?sslmode=disable"), ("DB_SSLMODE", "require")]);
    assert_eq!((d34.mode.client, d34.conflicts.len()), (client(Disable, Disable), 1));
    let other_way = one(&[("DATABASE_URL", "postgres://h/d?sslmode=require"), ("DB_SSLMODE", "disable")]);
    assert_eq!((other_way.mode.client, other_way.conflicts.len()), (client(Disable, Disable), 1));
    let agree = one(&[("DATABASE_URL", "postgres://h/d?sslmode=require"), ("DB_SSLMODE", "require")]);
    assert_eq!((agree.mode.client, agree.conflicts.len()), (client(Require, VerifyFull), 0));
    let d03 = one(&[("DATABASE_URL", "postgres://h/d?sslmode=require&sslmode=disable")]);
    assert_eq!((d03.mode.client, d03.conflicts.len()), (client(Disable, Disable), 1));
    let d30 = one(&[("DATABASE_URL", "postgres://u:p@w@h/d")]);
    assert!(d30.problems.iter().any(|p| p.contains("ambiguous connection string")));
    assert!(!format!("{d30:?}").contains("p@w"));
}

#[test]
fn environment_of_the_driver() {
    let d12 = one(&[("DATABASE_URL", "postgres://h/d"), ("PGSSLMODE", "require")]);
    // postgres.js and Prisma do not read it.
    assert_eq!((d12.mode.client, d12.mode.explicit), (client(Disable, VerifyFull), Some(true)));
    let d36 = one(&[HOST, ("DB_SSLMODE", "verify_full")]);
    assert_eq!(d36.mode.client, client(VerifyFull, VerifyFull));
    assert!(matches!(d36.mode.convention, Some((_, Declared::Class { respelled: true, .. }))));
    let mut d17 = app(&[("PGHOST", "h"), ("PGSSLMODE", "require"), ("PGSSLROOTCERT", "/ca/ca.crt")]);
    assert!(run(d17.clone()).remove(0).problems.iter().any(|p| p.contains("not in a mounted volume")));
    d17.mounts = vec![Mount { volume: "ca".into(), path: "/ca".into(), sub_path: None }];
    assert!(run(d17).remove(0).problems.is_empty());
    let ca = one(&[HOST, ("DB_SSLMODE", "verify-full"), ("DB_SSL_CA", "/ca/ca.crt")]);
    assert_eq!(ca.problems, ["DB_SSL_CA names a CA file that is not in a mounted volume"]);
}

#[test]
fn servers_are_no_clients() {
    let pairs = [("PGHOST", "/controller/run"), ("PGPORT", "5432"), ("POSTGRES_HOST", "x")];
    let cnpg = Ownership { database_operator: true };
    assert!(profiles_of(vec![app(&pairs)], &World::default(), cnpg, false).is_empty());
    let mut server = app(&pairs);
    server.image = "registry.example.com/library/postgres:16@sha256:0".into();
    assert!(is_server(&server) && run(server.clone()).is_empty());
    server.command = Value::arguments(&["pg_dump"]);
    assert!(!is_server(&server), "a backup job is a client");
    server.image = "prometheuscommunity/postgres-exporter".into();
    assert!(!is_server(&server));
    server.image = "postgres:16".into();
    server.env = env(&[("DATABASE_URL", "postgres://h/d")]);
    assert_eq!(run(server).len(), 1);
}

#[test]
fn booleans_and_prefixes() {
    assert_eq!(one(&[HOST, ("DB_SSL", "true")]).mode.client, client(Require, VerifyFull));
    assert_eq!(
        one(&[HOST, ("DB_SSL", "true"), ("DB_SSL_REJECT_UNAUTHORIZED", "false")]).mode.client,
        client(Require, Require)
    );
    assert_eq!(one(&[HOST, ("DB_SSL", "false")]).mode.client, client(Disable, Disable));
    let two = run(app(&[
        ("READ_DATABASE_URL", "postgres://r/d?sslmode=require"),
        ("DATABASE_URL", "postgres://w/d?sslmode=disable"),
    ]));
    assert_eq!(two.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["DATABASE", "READ_DATABASE"]);
    let odd = one(&[("ANYTHING", "postgres://h/d?sslmode=disable")]);
    assert_eq!((odd.name.as_str(), odd.mode.client), ("ANYTHING", client(Disable, Disable)));
    assert_eq!(one(&[("REDIS_URL", "rediss://h:6380/0")]).mode.client, client(Require, VerifyFull));
    assert_eq!(one(&[("REDIS_HOST", "h")]).mode.client, Client::Unknown);
}

#[test]
fn what_concerns_one_connection_is_not_taken_for_another() {
    // A declared mode of PostgreSQL says nothing of Redis.
    assert_eq!(
        one(&[("REDIS_URL", "redis://h:6379/0"), ("DB_SSLMODE", "require")]).mode.client,
        client(Disable, Disable)
    );
    let tls = one(&[("REDIS_URL", "redis://h:6379/0"), ("REDIS_TLS", "true")]);
    assert_eq!((tls.mode.client, tls.conflicts.len()), (client(Disable, Disable), 1));
    let both = one(&[HOST, ("DB_SSLMODE", "require"), ("DB_SSL", "false")]);
    assert_eq!((both.mode.client, both.conflicts.len()), (client(Disable, Disable), 1));
    let agree = one(&[HOST, ("DB_SSLMODE", "verify-full"), ("DB_SSL", "true")]);
    assert_eq!((agree.mode.client, agree.conflicts.len()), (client(VerifyFull, VerifyFull), 0));
}

#[test]
fn a_string_that_may_be_overwritten_is_never_a_full_pass() {
    let data = [("DATABASE_URL".to_owned(), Value::mask("DATABASE_URL", "postgres://h/d?sslmode=require"))].into();
    let w = World { maps: [("a".to_owned(), ConfigMap { data, ..ConfigMap::default() })].into(), ..World::default() };
    let p =
        profiles_of(vec![with_secret(with_map(app(&[]), "a"), "s", false)], &w, Ownership::default(), false).remove(0);
    assert_eq!((p.mode.declared, p.mode.confidence, p.reasons.len()), (true, Confidence::Low, 1));
    let keyed = with_map(app(&[("DATABASE_URL", "secret:s#url?")]), "a");
    assert_eq!(profiles_of(vec![keyed], &w, Ownership::default(), false).remove(0).mode.client, Client::Unknown);
}

#[test]
fn a_service_file_may_set_the_mode() {
    assert_eq!(one(&[("PGHOST", "h"), ("PGSERVICE", "shop")]).mode.client, Client::Unknown);
    let url = run(app(&[("DATABASE_URL", "postgres:///d"), ("PGHOST", "h")])).remove(0);
    assert_eq!((url.name.as_str(), url.hosts[0].name.known()), ("DATABASE", Some("h")));
}

#[test]
fn a_key_in_the_wrong_case_is_no_valid_mode() {
    let p = one(&[("SPRING_R2DBC_URL", "r2dbc:postgresql://h/d?sslmode=require")]);
    assert_eq!((p.mode.client, p.mode.valid), (client(Disable, Disable), Some(false)));
}

const NAMES: &[&str] = &[
    "DATABASE_URL",
    "DB_HOST",
    "DB_PORT",
    "DB_SSLMODE",
    "DB_SSL",
    "PGHOST",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSERVICE",
    "REDIS_URL",
    "KC_DB_URL_HOST",
    "KC_DB_URL_PROPERTIES",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "ConnectionStrings__A",
    "MYSQL_SSL_MODE",
    "SPRING_DATASOURCE_URL",
    "PW",
];
const VALUES: &[&str] = &[
    "",
    "h",
    "localhost",
    "h:5432",
    "/run",
    "require",
    "disable",
    "verify-full",
    "Require\n",
    "true",
    "0",
    "$(PW)",
    "$(NONE)",
    "postgres://u:$(PW)@h/d",
    "postgres://h/d?sslmode=$(DB_SSLMODE)",
    "postgres://a,b/d?sslmode=allow&sslmode=require",
    "host=h sslrootcert=system",
    "Host=h;SSL Mode=VerifyFull",
    "jdbc:postgresql://h/d?ssl",
    "rediss://h",
    "?ssl=true",
    "secret:s#k",
    "secret:s#k?",
    "mysql://h/d",
    "/ca/ca.crt",
    "system",
    "x@y:z",
];

proptest::proptest! {
    #[test]
    fn unknown_has_a_reason_and_a_range_is_in_order(
        pairs in proptest::collection::vec((0..NAMES.len(), 0..VALUES.len()), 0..7),
        secret: bool,
    ) {
        let pairs: Vec<(&str, &str)> = pairs.into_iter().map(|(n, v)| (NAMES[n], VALUES[v])).collect();
        let container = if secret { with_secret(app(&pairs), "s", true) } else { app(&pairs) };
        for p in run(container) {
            proptest::prop_assert!(!p.hosts.is_empty());
            match p.mode.client {
                Client::Unknown => proptest::prop_assert!(!p.reasons.is_empty(), "{p:?}"),
                Client::Classes { worst, best } => proptest::prop_assert!(worst <= best, "{p:?}"),
                Client::Delegated | Client::Local => {}
            }
        }
    }
}

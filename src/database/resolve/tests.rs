use super::*;
use crate::inventory::object::Meta;

#[derive(Default)]
struct World(Vec<Service>);

impl ServiceDirectory for World {
    fn service(&self, namespace: &str, name: &str) -> Known<Option<&Service>> {
        if namespace == "elsewhere" {
            return Known::unknown(Reason::missing("Services of elsewhere are not in the input"));
        }
        Known::Value(self.0.iter().find(|s| s.meta.namespace == namespace && s.meta.name == name))
    }
    fn service_by_cluster_ip(&self, ip: IpAddr) -> Option<&Service> {
        self.0.iter().find(|s| s.cluster_ips.contains(&ip))
    }
}

fn service(namespace: &str, name: &str, external: Option<&str>) -> Service {
    Service {
        meta: Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() },
        service_type: if external.is_some() { ServiceType::ExternalName } else { ServiceType::ClusterIP },
        external_name: external.map(str::to_owned),
        ..Service::default()
    }
}

fn world() -> World {
    let mut rw = service("data", "pg-rw", None);
    rw.cluster_ips = vec!["10.0.0.9".parse().unwrap()];
    let mut headless = service("data", "pg-hl", None);
    headless.headless = true;
    World(vec![
        rw,
        headless,
        service("data", "postgres-postgresql", Some("pg-rw.data.svc.cluster.local")),
        service("data", "a", Some("b.data.svc.cluster.local.")),
        service("data", "b", Some("a.data.svc.cluster.local")),
        service("data", "out", Some("pg.example.com")),
        service("data", "ip", Some("10.1.2.3")),
        service("data", "short", Some("pg-rw.data.svc")),
    ])
}

fn go(host: &str) -> Resolution {
    let origin = Origin { namespace: "prod", cluster_domain: "cluster.local", host_aliases: &[], node_dns: false };
    resolve(host, &origin, &world())
}

fn rw() -> Endpoint {
    Endpoint::Service { namespace: "data".into(), name: "pg-rw".into(), pod: None }
}

#[test]
fn every_spelling_of_a_service() {
    for host in
        ["pg-rw.data", "PG-RW.data.svc", "pg-rw.data.svc.cluster.local", "pg-rw.data.svc.cluster.local.", "10.0.0.9"]
    {
        let r = go(host);
        assert_eq!((r.endpoint, r.cross_namespace), (rw(), true), "{host}");
    }
    let alias = go("postgres-postgresql.data.svc.cluster.local");
    assert_eq!(alias.endpoint, rw());
    assert_eq!(alias.aliases, vec![("data".to_owned(), "postgres-postgresql".to_owned())]);
    assert_eq!(
        alias.path,
        [
            "postgres-postgresql.data.svc.cluster.local",
            "data/Service/postgres-postgresql",
            "pg-rw.data.svc.cluster.local",
            "data/Service/pg-rw"
        ]
    );
}

#[test]
fn a_bare_name_resolves_in_the_clients_namespace() {
    assert_eq!(go("postgres-postgresql").endpoint, Endpoint::Dangling("prod/postgres-postgresql".into()));
}

#[test]
fn a_loop_of_aliases() {
    assert_eq!(go("a.data").endpoint, Endpoint::Loop);
}

#[test]
fn an_alias_to_the_outside() {
    assert_eq!(go("out.data").endpoint, Endpoint::External("pg.example.com".into()));
}

#[test]
fn everything_else() {
    for (host, want) in [
        ("localhost", Endpoint::Loopback),
        ("127.0.0.1", Endpoint::Loopback),
        ("::1", Endpoint::Loopback),
        ("10.9.9.9", Endpoint::Address("10.9.9.9".parse().unwrap())),
        ("pg.example.com", Endpoint::External("pg.example.com".into())),
        ("example.com", Endpoint::External("example.com".into())),
        ("gone.data", Endpoint::Dangling("data/gone".into())),
        ("ip.data", Endpoint::Dangling("10.1.2.3".into())),
        ("short.data", Endpoint::Dangling("pg-rw.data.svc".into())),
        ("10-0-0-1.data.pod", Endpoint::Address("10.0.0.1".parse().unwrap())),
        (
            "pg-0.pg-hl.data.svc.cluster.local",
            Endpoint::Service { namespace: "data".into(), name: "pg-hl".into(), pod: Some("pg-0".into()) },
        ),
        (
            "pg-0.pg-hl.data",
            Endpoint::Service { namespace: "data".into(), name: "pg-hl".into(), pod: Some("pg-0".into()) },
        ),
    ] {
        assert_eq!(go(host).endpoint, want, "{host}");
    }
    assert!(matches!(go("db.elsewhere").endpoint, Endpoint::Unknown(_)));
    let aliases = [HostAlias { ip: "10.0.0.9".into(), hostnames: vec!["db".into()] }];
    let origin = Origin { namespace: "prod", cluster_domain: "cluster.local", host_aliases: &aliases, node_dns: false };
    assert_eq!(resolve("db", &origin, &world()).endpoint, rw(), "hostAliases beat DNS");
    let other = Origin { cluster_domain: "corp.example", ..origin };
    assert!(matches!(resolve("pg-rw.data.svc.cluster.local", &other, &world()).endpoint, Endpoint::Dangling(_)));
    assert_eq!(resolve("pg-rw.data.svc.corp.example", &other, &world()).endpoint, rw());
    let node = Origin { node_dns: true, ..origin };
    assert!(matches!(resolve("pg-rw.data.svc.cluster.local", &node, &world()).endpoint, Endpoint::Dangling(_)));
}

#[test]
fn a_long_chain_ends() {
    let mut list: Vec<Service> = (0..20)
        .map(|i| service("data", &format!("s{i}"), Some(&format!("s{}.data.svc.cluster.local", i + 1))))
        .collect();
    list.push(service("data", "s20", None));
    let origin = Origin { namespace: "data", cluster_domain: "cluster.local", host_aliases: &[], node_dns: false };
    assert_eq!(resolve("s0", &origin, &World(list)).endpoint, Endpoint::Loop);
}

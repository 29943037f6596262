//! Facts of a Service: whether its ports lead to declared ports of its pods.

use serde_json::Value as Json;

use crate::inventory::object::{PortRef, Service, ServiceType};
use crate::inventory::{Known, Need, Reason, Tri};
use crate::network::service::{declares, target_ports};

use super::context::{self, Context, SetFacts, set_of};
use super::schema::{Evidence, Facts, SubjectKind};

crate::facts! {
    /// Facts of a Service.
    pub struct ServiceFacts {
        /// `namespace/Service/name`.
        name / "name": String => [Services],
        /// Whether its namespace is a platform namespace.
        platform / "platform": bool => [Services],
        /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
        service_type / "type": String => [Services],
        /// Whether it is headless: then ports are not translated and `targetPort` has no effect.
        headless / "headless": bool => [Services],
        /// Whether it has a selector.
        has_selector / "hasSelector": bool => [Services],
        /// Number of workloads that it certainly or possibly selects.
        backends / "backends": i64 => [Services, Workloads],
        /// Ports whose target no selected container declares, such as `80 → 8080, but prod/Deployment/web declares TCP 3000`.
        unserved_ports / "unservedPorts": Vec<String> => [Services, Workloads],
        /// Ports for which this is only possible, because no container declares any port.
        unserved_ports_maybe / "unservedPortsMaybe": Vec<String> => [Services, Workloads],
        /// Whether every port leads to a declared port.
        unserved_ports_empty / "unservedPortsEmpty": bool => [Services, Workloads],
    }
}

/// Facts of a Service.
pub fn build(cx: &mut Context<'_>, service: &Service) -> Facts {
    let backends = cx.inventory.backends(service).to_vec();
    let (mut certain, mut maybe, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    let mut evidence: Vec<Evidence> = Vec::new();
    let has_targets =
        !service.headless && !service.selector.is_empty() && service.service_type != ServiceType::ExternalName;
    for port in service.ports.iter().filter(|_| has_targets && !backends.is_empty()) {
        let mut answers = Vec::new();
        for (class, hit) in &backends {
            let pods = &cx.inventory.workloads[class.0].classes[class.1];
            let id = &cx.inventory.workloads[class.0].id;
            let declared: Vec<String> = pods
                .ports
                .iter()
                .filter(|(_, p)| p.protocol == port.protocol)
                .map(|(_, p)| match &p.name {
                    Some(n) => format!("{} ({n})", p.port),
                    None => p.port.to_string(),
                })
                .collect();
            let served = match &port.target {
                PortRef::Name(_) => Tri::from(!target_ports(pods, &port.target, port.protocol).is_empty()),
                PortRef::Number(n) if declares(pods, *n, port.protocol) => Tri::Yes,
                // A port that is not declared may still be served, unless the container declares another one.
                PortRef::Number(_) if declared.is_empty() => Tri::Maybe,
                PortRef::Number(_) => Tri::No,
            };
            answers.push((served, *hit, id.clone(), declared.join(", ")));
        }
        if answers.iter().any(|(served, ..)| *served == Tri::Yes) {
            continue;
        }
        let text = format!("{} {} → {}", port.protocol, port.port, port.target);
        let certainly: Vec<_> = answers.iter().filter(|(s, hit, ..)| *s == Tri::No && *hit == Tri::Yes).collect();
        if answers.iter().all(|(s, ..)| *s == Tri::No) && !certainly.is_empty() {
            for (_, _, id, declared) in certainly {
                let instead = if declared.is_empty() {
                    "declares no port".to_owned()
                } else {
                    format!("declares {} {declared}", port.protocol)
                };
                certain.push(format!("{text}, but {id} {instead}"));
                evidence.push(cx.evidence(
                    &service.meta,
                    &format!("spec.ports[{}].targetPort", port.port),
                    Json::from(port.target.to_string()),
                    "targetPort is a port number or the name of a container port of the selected pods",
                ));
            }
        } else {
            reasons.push(Reason::undecided(format!(
                "no container behind {} declares a {} port, so whether {} is served is not known: declare containerPort",
                service.meta.object_ref(),
                port.protocol,
                port.target
            )));
            maybe.push(text);
        }
    }
    let unserved =
        if has_targets && backends.is_empty() && !cx.inventory.complete(Need::Workloads, &service.meta.namespace) {
            SetFacts::unknown(vec![Reason::missing(format!(
                "the input holds no workload of namespace {}: add them, or use --complete if there are none",
                service.meta.namespace
            ))])
        } else {
            set_of(certain, maybe, reasons)
        };
    let mut workloads: Vec<usize> = backends.iter().map(|((w, _), _)| *w).collect();
    workloads.dedup();
    let values = ServiceFacts {
        name: Known::Value(service.meta.object_ref().to_string()),
        platform: Known::Value(cx.is_platform(&service.meta.namespace)),
        service_type: Known::Value(format!("{:?}", service.service_type)),
        headless: Known::Value(service.headless),
        has_selector: Known::Value(!service.selector.is_empty()),
        backends: Known::Value(workloads.len() as i64),
        unserved_ports: unserved.certain,
        unserved_ports_maybe: unserved.maybe,
        unserved_ports_empty: unserved.empty,
    };
    context::facts(
        service.meta.object_ref().to_string(),
        SubjectKind::Service,
        service.meta.object_ref(),
        values.into_values(),
        vec![("unservedPortsEmpty", evidence)],
    )
}

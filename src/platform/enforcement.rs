//! Who enforces NetworkPolicies.

use serde_json::Value;

use crate::document::{Lookup, Reader};
use crate::inventory::{Dataplane, Enforcement, Reason};

const PROVIDER: &str = "networkConfig.datapathProvider";
const ENABLED: &str = "networkPolicy.enabled";
const ADDON: &str = "addonsConfig.networkPolicyConfig";
const ADDON_DISABLED: &str = "addonsConfig.networkPolicyConfig.disabled";

type Evidence = Vec<(&'static str, Value)>;

/// What the user states.
pub(super) fn state(dataplane: Dataplane) -> Enforcement {
    Enforcement { stated: true, ..decided(dataplane, Vec::new()) }
}

/// Decides from the Cluster resource of the GKE API: Dataplane V2 always enforces; the legacy dataplane does with Calico,
/// for which both switches must be on.
/// <https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#enabling_network_policy_enforcement>
///
/// Without a configuration enforcement is assumed, and reachability is certain where Calico and Dataplane V2 agree.
pub(super) fn decide(cluster: Option<Reader<'_>>) -> Enforcement {
    let Some(cluster) = cluster else {
        let reason = Reason::missing(
            "no cluster configuration is given, so whether and how policies are enforced is not known: add the \
             output of `gcloud container clusters describe --format=json` to the input, or state it with --dataplane",
        );
        return undecided(&[Dataplane::Calico, Dataplane::DataplaneV2], reason, Vec::new());
    };
    const ALL: [Dataplane; 3] = [Dataplane::None, Dataplane::Calico, Dataplane::DataplaneV2];
    const LEGACY: [Dataplane; 2] = [Dataplane::None, Dataplane::Calico];
    let show = |path: &'static str| (path, cluster.shown(path));
    let mut evidence = vec![show(PROVIDER)];
    match cluster.text(PROVIDER) {
        Lookup::Value("ADVANCED_DATAPATH") => return decided(Dataplane::DataplaneV2, evidence),
        Lookup::Absent | Lookup::Value("LEGACY_DATAPATH" | "DATAPATH_PROVIDER_UNSPECIFIED") => {}
        Lookup::Value(other) => {
            let why = format!("{PROVIDER} has the value \"{other}\", which this version does not know");
            return undecided(&ALL, Reason::undecided(why), evidence);
        }
        Lookup::Unknown(why) => return undecided(&ALL, Reason::undecided(why), evidence),
    }
    evidence.extend([show(ENABLED), show(ADDON)]);
    let disabled = match (cluster.boolean(ENABLED), cluster.object(ADDON)) {
        (Lookup::Absent | Lookup::Value(false), _) => Lookup::Value(true),
        (Lookup::Unknown(why), _) | (_, Lookup::Unknown(why)) => Lookup::Unknown(why),
        (Lookup::Value(true), Lookup::Absent) => {
            Lookup::Unknown(format!("{ENABLED} is true but {ADDON} is missing, which decides whether the add-on runs"))
        }
        (Lookup::Value(true), Lookup::Value(_)) => cluster.boolean(ADDON_DISABLED),
    };
    match disabled {
        Lookup::Value(true) => decided(Dataplane::None, evidence),
        Lookup::Value(false) | Lookup::Absent => decided(Dataplane::Calico, evidence),
        Lookup::Unknown(why) => undecided(&LEGACY, Reason::undecided(why), evidence),
    }
}

fn decided(dataplane: Dataplane, evidence: Evidence) -> Enforcement {
    Enforcement {
        dataplane: Some(dataplane),
        enforced: Some(dataplane != Dataplane::None),
        candidates: vec![dataplane],
        stated: false,
        reason: None,
        evidence,
    }
}

fn undecided(candidates: &[Dataplane], reason: Reason, evidence: Evidence) -> Enforcement {
    Enforcement {
        dataplane: None,
        enforced: None,
        candidates: candidates.to_vec(),
        stated: false,
        reason: Some(reason),
        evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Fields, Recorded, Unavailable};
    use serde_json::json;

    #[test]
    fn enforcement_follows_the_two_switches_of_calico_or_dataplane_v2() {
        use Dataplane::*;
        let addon =
            |addon: Value| json!({"networkPolicy": {"enabled": true}, "addonsConfig": {"networkPolicyConfig": addon}});
        for (doc, dataplane) in [
            (json!({"networkConfig": {"datapathProvider": "ADVANCED_DATAPATH"}}), Some(DataplaneV2)),
            // On Dataplane V2 the Calico switches are ignored.
            (
                json!({"networkConfig": {"datapathProvider": "ADVANCED_DATAPATH"}, "networkPolicy": {}, "addonsConfig": {"networkPolicyConfig": {"disabled": true}}}),
                Some(DataplaneV2),
            ),
            (addon(json!({})), Some(Calico)),
            // The add-on alone does nothing on nodes.
            (json!({"addonsConfig": {"networkPolicyConfig": {}}}), Some(None)),
            (addon(json!({"disabled": true})), Some(None)),
            (json!({"networkPolicy": {"enabled": true}}), Option::None),
            (json!({"networkConfig": {"datapathProvider": "MIGRATE_TO_ADVANCED_DATAPATH"}}), Option::None),
            (json!({"networkConfig": []}), Option::None),
            (json!({"networkConfig": null}), Option::None),
            (json!({"networkPolicy": null}), Option::None),
            (json!({"networkPolicy": {"enabled": null}}), Option::None),
            (addon(json!(null)), Option::None),
            (addon(json!({"disabled": null})), Option::None),
            (json!({"networkPolicy": {"enabled": "true"}, "addonsConfig": {"networkPolicyConfig": {}}}), Option::None),
            (addon(json!({"disabled": 1})), Option::None),
            // An object of the input's own is not the add-on.
            (addon(json!({"$unavailable": "x"})), Option::None),
            (addon(Unavailable::KnownAfterApply.to_json()), Option::None),
        ] {
            let e = decide(Some(Reader::new(&doc, Option::None)));
            assert_eq!((e.dataplane, e.enforced), (dataplane, dataplane.map(|d| d != None)), "{doc}");
            assert_eq!(e.reason.is_some(), e.enforced.is_none(), "{doc}");
        }
    }

    #[test]
    fn a_source_that_does_not_record_the_switches_decides_nothing() {
        let recorded = Recorded { otherwise: Unavailable::NotRecorded, fields: Fields::default() };
        let e = decide(Some(Reader::new(&json!({}), Some(&recorded))));
        assert_eq!((e.dataplane, e.candidates.len()), (None, 3));
        assert!(e.reason.is_some_and(|r| r.text.contains("not recorded by Terraform")));
    }

    #[test]
    fn without_configuration_enforcement_is_assumed_and_the_reason_is_given() {
        let e = decide(None);
        assert_eq!((e.dataplane, e.enforced), (None, None));
        assert_eq!(e.candidates, [Dataplane::Calico, Dataplane::DataplaneV2]);
        assert!(e.reason.is_some());
    }
}

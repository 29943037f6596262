//! Versions of GKE, and the features that begin with one.

/// A version such as `1.35.6-gke.1250000`: parts that are left out count as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u64; 4]);

impl Version {
    /// `None` for what is no version.
    pub fn parse(text: &str) -> Option<Version> {
        let (numbers, gke) = match text.split_once("-gke.") {
            Some((numbers, gke)) => (numbers, number(gke)?),
            None => (text, 0),
        };
        let mut parts = [0, 0, 0, gke];
        let mut given = numbers.strip_prefix('v').unwrap_or(numbers).split('.');
        for (i, part) in parts.iter_mut().take(3).enumerate() {
            match given.next() {
                Some(text) => *part = number(text)?,
                None if i > 0 => break,
                None => return None,
            }
        }
        given.next().is_none().then_some(Version(parts))
    }

    /// First number: 1 in `1.35.6`.
    pub fn major(self) -> u64 {
        self.0[0]
    }

    /// Second number: 35 in `1.35.6`; 0 if it is left out.
    pub fn minor(self) -> u64 {
        self.0[1]
    }
}

/// Digits only; `u64::from_str` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A feature that a GKE version introduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// `rbacBindingConfig`.
    RbacBindings,
    /// `anonymousAuthenticationConfig`.
    AnonymousAuthentication,
    /// `controlPlaneEgress`.
    ControlPlaneEgress,
    /// `nodeCreationConfig`.
    NodeCreation,
    /// The kubelet's read-only port can be closed.
    KubeletReadonlyPort,
    /// A ComputeClass creates node pools with cluster-level auto-provisioning off.
    ComputeClassPools,
    /// The web UI add-on is gone unless it was asked for.
    NoDashboard,
    /// Nodes serve the legacy metadata endpoints only if that is configured.
    NoLegacyMetadata,
}

/// Every gate with its version, as documented on the pages that the checks refer to. None of them depends on the version that a
/// cluster was *created* with.
const GATES: [(Gate, &str); 8] = [
    (Gate::RbacBindings, "1.30.1-gke.1283000"),
    (Gate::AnonymousAuthentication, "1.32.2-gke.1234000"),
    (Gate::ControlPlaneEgress, "1.35.1-gke.1396000"),
    (Gate::NodeCreation, "1.35.3-gke.1189000"),
    (Gate::KubeletReadonlyPort, "1.26.4-gke.500"),
    (Gate::ComputeClassPools, "1.33.3-gke.1136000"),
    (Gate::NoDashboard, "1.15"),
    (Gate::NoLegacyMetadata, "1.12"),
];

impl Gate {
    /// The first version that has it.
    pub fn version(self) -> &'static str {
        GATES.iter().find(|(gate, _)| *gate == self).map_or("", |(_, version)| version)
    }

    /// Whether a version has it.
    pub fn is_open(self, version: Version) -> bool {
        // A version that did not parse would open the gate for no cluster; the test below parses all of them.
        Version::parse(self.version()).is_some_and(|from| version >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_has_a_version_and_opens_with_it() {
        for (gate, text) in GATES {
            let from = Version::parse(text).unwrap();
            assert_eq!(gate.version(), text, "{gate:?}");
            assert!(gate.is_open(from), "{gate:?}");
            assert!(!gate.is_open(Version::parse("1.11.9-gke.9999999").unwrap()), "{gate:?}");
        }
    }

    #[test]
    fn a_gate_is_a_patch_and_not_a_minor_version() {
        let v = |t| Version::parse(t).unwrap();
        assert!(!Gate::AnonymousAuthentication.is_open(v("1.32.2-gke.1233999")));
        assert!(!Gate::AnonymousAuthentication.is_open(v("1.32.1-gke.9999999")));
        assert!(Gate::AnonymousAuthentication.is_open(v("1.33.0-gke.1")));
        // 1.9 is older than 1.26.
        assert!(!Gate::KubeletReadonlyPort.is_open(v("1.9.7-gke.11")));
    }
}

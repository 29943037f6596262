//! Which clusters an audit of many is about: those that are named, and those of projects, folders and organizations.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::collect::live::Scope;
use crate::inventory::ClusterName;

use super::{Requested, TargetsFile};

/// The clusters that were requested.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Where to look for clusters.
    pub scopes: BTreeSet<Scope>,
    /// Clusters that are named, in `file` or elsewhere.
    pub named: BTreeSet<ClusterName>,
    /// Name and digest of the file that names clusters; `None` without one.
    pub file: Option<TargetsFile>,
}

impl Targets {
    /// Parses a file of cluster names, one a line; `#` begins a comment.
    ///
    /// # Errors
    /// Every line that names no cluster, as `NAME:LINE: what is wrong`.
    pub fn parse(name: &str, text: &str) -> Result<Targets, Vec<String>> {
        let mut targets = Targets { file: Some(TargetsFile::new(name, text)), ..Targets::default() };
        let mut problems = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            match line.parse() {
                _ if line.is_empty() => {}
                Ok(cluster) => _ = targets.named.insert(cluster),
                Err(e) => problems.push(format!("{name}:{}: {e}", i + 1)),
            }
        }
        if problems.is_empty() { Ok(targets) } else { Err(problems) }
    }

    /// Whether clusters are listed by Cloud Asset Inventory, which lags some minutes behind.
    pub(super) fn use_asset_inventory(&self) -> bool {
        self.scopes.iter().any(|s| !matches!(s, Scope::Project(_)))
    }

    /// The request as the report states it.
    pub(super) fn requested(&self) -> Requested {
        let mut requested = Requested { targets_file: self.file.clone(), ..Requested::default() };
        for scope in &self.scopes {
            match scope {
                Scope::Project(id) => requested.projects.push(id.clone()),
                Scope::Folder(id) => requested.folders.push(id.clone()),
                Scope::Organization(id) => requested.organizations.push(id.clone()),
            }
        }
        requested
    }
}

impl TargetsFile {
    /// A file by its name and text.
    pub fn new(name: &str, text: &str) -> TargetsFile {
        let hash = Sha256::digest(text.as_bytes());
        let digest = hash.iter().fold(String::from("sha256:"), |s, b| s + &format!("{b:02x}"));
        TargetsFile { name: name.to_owned(), digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_file_is_a_cluster_or_a_problem() {
        let one = "projects/p/locations/l/clusters/one";
        let text = format!("# production\n{one}  # the one\n\n gke_p_l_two\n{one}\n");
        let targets = Targets::parse("t.txt", &text).unwrap();
        assert_eq!(targets.named.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        let file = targets.requested().targets_file.unwrap();
        assert_eq!((file.name.as_str(), file.digest.len()), ("t.txt", 71));
        let problems = Targets::parse("t.txt", "one\n\ntwo # 2\n").unwrap_err();
        assert_eq!(problems.len(), 2);
        assert!(problems[1].starts_with("t.txt:3: \"two\" is no"), "{problems:?}");
    }
}

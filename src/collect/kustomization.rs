//! Kustomizations: <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>.

use std::path::Path;

use crate::document::{Content, Node};

/// Whether kustomize looks for a kustomization in a file of this name.
pub(super) fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    ["kustomization.yaml", "kustomization.yml", "Kustomization"].contains(&&*name)
}

/// What a kustomization does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kustomization {
    /// Files, folders and addresses whose objects it lists.
    pub resources: Vec<String>,
    /// Keys that change the objects, or add others.
    pub changes: Vec<String>,
}

/// Keys that change nothing.
const HARMLESS: [&str; 5] = ["apiVersion", "kind", "metadata", "sortOptions", "generatorOptions"];

/// Reads a kustomization from a file of its [name](is_named_so); `None` if the document is another object.
pub(super) fn read(node: &Node<'_>) -> Option<Kustomization> {
    let Content::Object(entries) = &node.content else { return None };
    // The kind may be left out.
    if !matches!(node.get("kind").map(Node::as_str), None | Some(Some("Kustomization" | "Component"))) {
        return None;
    }
    let group = node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    if group.contains('/') && !group.starts_with("kustomize.config.k8s.io/") {
        return None;
    }
    let mut found = Kustomization::default();
    for entry in entries {
        let key: &str = &entry.key;
        match (&entry.value.content, key) {
            (Content::Null, _) => {}
            (_, key) if HARMLESS.contains(&key) => {}
            (Content::List(items), "resources" | "bases") => {
                found.resources.extend(items.iter().filter_map(Node::as_str).map(str::to_owned));
            }
            (Content::List(items), _) if items.is_empty() => {}
            (Content::Object(entries), _) if entries.is_empty() => {}
            (Content::Str(text), _) if text.is_empty() => {}
            _ => found.changes.push(key.to_owned()),
        }
    }
    Some(found)
}

/// Whether kustomize would fetch a resource.
pub(super) fn is_remote(resource: &str) -> bool {
    resource.contains("://")
        || resource.contains("?ref=")
        || resource.starts_with("git@")
        || resource.starts_with("github.com/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse_yaml_documents;

    #[test]
    fn a_kustomization_that_only_lists_changes_nothing() {
        let lists = |text: &str| {
            let nodes = parse_yaml_documents("", text, str::to_owned).unwrap();
            read(&nodes[0]).map(|k| (k.resources.len(), k.changes))
        };
        assert_eq!(lists("resources: [a.yaml, ../base]"), Some((2, vec![])));
        assert_eq!(lists("kind: Kustomization\nbases: [a]\npatches: []\nnamePrefix: ''\nlabels:"), Some((1, vec![])));
        for key in ["patches: [{path: p}]", "namespace: x", "namePrefix: a-", "images: [{name: a}]", "components: [c]"]
        {
            let (_, changes) = lists(&format!("resources: [a.yaml]\n{key}")).unwrap();
            assert_eq!(changes, [key.split(':').next().unwrap()]);
        }
        assert_eq!(lists("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {}"), None);
        assert_eq!(lists("apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a }"), None);
    }
}

//! Who may do what. RBAC only adds rights, so a denial here is the absence of a grant: whoever may not list a kind in
//! one namespace may not list it in all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::serve::Reply;
use super::status;

/// What a request wants, as an authorizer sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Want {
    pub verb: String,
    pub group: String,
    pub resource: String,
    pub subresource: String,
    /// Empty at the cluster scope.
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Debug)]
struct Denial {
    user: String,
    verb: String,
    group: String,
    resource: String,
    namespace: Option<String>,
}

#[derive(Clone, Debug)]
struct Rule {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    names: Vec<String>,
}

/// What a user holds before anything is denied.
#[derive(Clone, Debug)]
enum Base {
    Everything,
    Only(Vec<Rule>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    base: BTreeMap<String, Base>,
    denied: Vec<Denial>,
    /// Whether refusals name the IAM permission too, as GKE's authorizer does.
    gke_words: bool,
}

fn fits(pattern: &str, value: &str) -> bool {
    pattern == "*" || pattern == value
}

impl Rights {
    pub(super) fn new(gke_words: bool) -> Rights {
        Rights { gke_words, ..Rights::default() }
    }

    pub(super) fn everything(&mut self, user: &str) {
        self.base.insert(user.to_owned(), Base::Everything);
    }

    pub(super) fn nothing(&mut self, user: &str) {
        self.base.insert(user.to_owned(), Base::Only(Vec::new()));
    }

    /// Adds the rules of a ClusterRole, bound with a ClusterRoleBinding, to a user who starts with nothing.
    pub(super) fn bind(&mut self, user: &str, role: &Value) {
        let list = |rule: &Value, key: &str| -> Vec<String> {
            let values = rule[key].as_array().cloned().unwrap_or_default();
            values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        let rules = role["rules"].as_array().expect("a ClusterRole has rules").iter().map(|r| Rule {
            verbs: list(r, "verbs"),
            groups: list(r, "apiGroups"),
            resources: list(r, "resources"),
            names: list(r, "resourceNames"),
        });
        match self.base.entry(user.to_owned()).or_insert(Base::Only(Vec::new())) {
            Base::Everything => {}
            Base::Only(held) => held.extend(rules),
        }
    }

    /// `*` stands for any user, verb, group or resource; no namespace stands for all.
    pub(super) fn deny(&mut self, user: &str, verb: &str, group: &str, resource: &str, namespace: Option<&str>) {
        self.denied.push(Denial {
            user: user.to_owned(),
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
        });
    }

    pub(super) fn allow_again(&mut self) {
        self.denied.clear();
    }

    pub(super) fn administrator(&self, user: &str) -> bool {
        matches!(self.base.get(user), Some(Base::Everything))
    }

    pub(super) fn allowed(&self, user: &str, want: &Want) -> bool {
        // system:basic-user and system:discovery are bound to everybody who is authenticated.
        if want.verb == "create" && want.resource.starts_with("selfsubject") {
            return user != "system:anonymous";
        }
        let resource = match want.subresource.as_str() {
            "" => want.resource.clone(),
            sub => format!("{}/{sub}", want.resource),
        };
        let held = match self.base.get(user) {
            None => false,
            Some(Base::Everything) => true,
            Some(Base::Only(rules)) => rules.iter().any(|r| {
                r.verbs.iter().any(|v| fits(v, &want.verb))
                    && r.groups.iter().any(|g| fits(g, &want.group))
                    && r.resources.iter().any(|x| fits(x, &resource))
                    && (r.names.is_empty() || r.names.contains(&want.name))
            }),
        };
        let denied = self.denied.iter().any(|d| {
            fits(&d.user, user)
                && fits(&d.verb, &want.verb)
                && fits(&d.group, &want.group)
                && fits(&d.resource, &resource)
                && d.namespace.as_ref().is_none_or(|n| want.namespace.is_empty() || *n == want.namespace)
        });
        held && !denied
    }

    /// k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go, `forbiddenMessage`.
    pub(super) fn refusal(&self, user: &str, want: &Want) -> Reply {
        let mut object = status::qualified(&want.resource, &want.group);
        if !want.name.is_empty() {
            object.push_str(&format!(" \"{}\"", want.name));
        }
        let resource = match want.subresource.as_str() {
            "" => want.resource.clone(),
            sub => format!("{}/{sub}", want.resource),
        };
        let scope = match want.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace \"{namespace}\""),
        };
        let mut message = format!(
            "{object} is forbidden: User \"{user}\" cannot {} resource \"{resource}\" in API group \"{}\" {scope}",
            want.verb, want.group
        );
        if self.gke_words {
            message
                .push_str(&format!(": requires one of [\"container.{}.{}\"] permission(s).", want.resource, want.verb));
        }
        let mut details = json!({"kind": want.resource});
        if !want.name.is_empty() {
            details["name"] = json!(want.name);
        }
        if !want.group.is_empty() {
            details["group"] = json!(want.group);
        }
        status::forbidden(&message, details)
    }
}

/// A path that is no resource, which only administrators may ask for.
pub(super) fn path_refusal(user: &str, verb: &str, path: &str) -> Reply {
    status::forbidden(&format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\""), json!({}))
}

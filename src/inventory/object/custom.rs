//! Custom resources: databases of CloudNativePG, and GKE compute classes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Labels, Meta};

/// Cluster of postgresql.cnpg.io/v1: the fields that decide who may log in, how, and under which pod labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CnpgCluster {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// Default 1.
    pub instances: u32,
    /// `spec.imageName`, whose tag gives the PostgreSQL version; absent if not set.
    pub image_name: Option<String>,
    /// `spec.imageCatalogRef.major`.
    pub image_catalog_major: Option<u32>,
    /// `spec.postgresql.pg_hba`, one string an item; an item may hold several lines.
    pub pg_hba: Vec<String>,
    /// `spec.postgresql.parameters`.
    pub parameters: Labels,
    /// `spec.postgresql.ldap` has `bindAsAuth` or `bindSearchAuth`.
    pub ldap: bool,
    /// Names in `spec.podSelectorRefs` with the number of addresses in `status.podSelectorRefs`, where the status was read.
    pub pod_selector_refs: BTreeMap<String, Option<Vec<String>>>,
    /// `spec.enableSuperuserAccess`; absent if not set, which means false.
    pub enable_superuser_access: Option<bool>,
    /// Labels put on every generated object, `spec.inheritedMetadata.labels`.
    pub inherited_labels: Labels,
    /// Application database and owner of `spec.bootstrap.*`; the operator's default is `app`/`app`.
    pub database: Option<String>,
    /// `owner` of the same bootstrap method; absent if not set.
    pub owner_role: Option<String>,
    /// Names of Secrets that carry credentials of this database, with what they hold.
    pub secrets: Vec<(String, String)>,
    /// Version of the operator, from annotation `cnpg.io/operatorVersion`.
    pub operator_version: Option<String>,
}

/// Pooler of postgresql.cnpg.io/v1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CnpgPooler {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// Name of the Cluster in the same namespace.
    pub cluster: String,
    /// `spec.instances`: number of PgBouncer pods, 1 if not set.
    pub instances: u32,
    /// `spec.pgbouncer.parameters`, with secrets masked.
    pub parameters: Labels,
    /// `spec.pgbouncer.pg_hba`, one string an item; an item may hold several lines.
    pub pg_hba: Vec<String>,
    /// Labels of `spec.template.metadata`.
    pub template_labels: Labels,
    /// An `authQuerySecret` is set.
    pub auth_query_secret: bool,
}

/// ComputeClass of cloud.google.com/v1: the fields that decide whether and how node pools are created for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComputeClass {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// `spec.nodePoolAutoCreation.enabled`.
    pub creates_pools: bool,
    /// `spec.nodePoolConfig.serviceAccount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
}

//! Clusters and node pools in the exports of Cloud Asset Inventory:
//! <https://cloud.google.com/asset-inventory/docs/reference/rest/v1/Asset>.

use serde_json::Value;

use crate::inventory::ClusterName;

/// What an asset is. The names are those of clusters.
pub(crate) enum Asset<'a> {
    Cluster(&'a Value, Option<ClusterName>),
    NodePool(&'a Value, Option<ClusterName>),
    /// A cluster or node pool of which only the name was exported.
    WithoutContent(&'a str),
    /// Type and name.
    Other(&'a str, &'a str),
}

/// Reads an asset as `gcloud asset list` and `gcloud asset export` write it, the latter in snake_case; `None` if it is none.
pub(crate) fn asset(json: &Value) -> Option<Asset<'_>> {
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let (name, kind) = (text("name")?, text("assetType").or(text("asset_type"))?);
    let cluster = ClusterName::parse(name.split_once("/nodePools/").map_or(name, |(cluster, _)| cluster));
    let data = json.pointer("/resource/data").filter(|data| data.is_object());
    Some(match (kind, data) {
        ("container.googleapis.com/Cluster", Some(data)) => Asset::Cluster(data, cluster),
        ("container.googleapis.com/NodePool", Some(data)) => Asset::NodePool(data, cluster),
        ("container.googleapis.com/Cluster" | "container.googleapis.com/NodePool", None) => Asset::WithoutContent(name),
        _ => Asset::Other(kind, name),
    })
}

//! From the bytes of a file to a fleet report. Damaged files and other versions are refused.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::check::Severity;
use crate::report::{Outcome, Tool};

use super::*;

/// What every version has in common.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    schema_version: u32,
    #[serde(default)]
    tool: Tool,
    /// In the report of one cluster only.
    target: Option<IgnoredAny>,
    /// In that of a fleet only.
    scope: Option<IgnoredAny>,
}

/// Decodes a fleet report.
///
/// # Errors
/// What is wrong, to follow the file's name: not a fleet report, of another version, or damaged.
pub fn decode(bytes: &[u8]) -> Result<FleetReport, String> {
    const AGAIN: &str = "run its shard again, or delete it to have the shard reported as missing";
    let head: Head = serde_json::from_slice(bytes).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => format!("is not a fleet report of gke-posture: {e}"),
        _ => format!("is damaged or cut off ({e}); {AGAIN}"),
    })?;
    if head.target.is_some() && head.scope.is_none() {
        return Err("is the report of one cluster, not of a fleet".into());
    }
    if head.schema_version != FLEET_SCHEMA_VERSION {
        let advice = match head.schema_version > FLEET_SCHEMA_VERSION {
            true => "use a newer gke-posture",
            false => "run its shard again with this one",
        };
        return Err(format!(
            "has version {} of the fleet report, written by {} {}; this gke-posture reads version \
             {FLEET_SCHEMA_VERSION}: {advice}",
            head.schema_version, head.tool.name, head.tool.version
        ));
    }
    let report: FleetReport = serde_json::from_slice(bytes)
        .map_err(|e| format!("is not a fleet report of gke-posture, or is damaged ({e}); {AGAIN}"))?;
    match find_contradiction(&report) {
        None => Ok(report),
        Some(what) => Err(format!("contradicts itself: {what}. It was changed or damaged; {AGAIN}")),
    }
}

/// Finds what cannot be in a report that this tool wrote: a damaged file must not make a cluster look better than it is.
fn find_contradiction(report: &FleetReport) -> Option<String> {
    if report.generated_at.parse::<jiff::Timestamp>().is_err() {
        return Some(format!("\"{}\" is not a time", report.generated_at));
    }
    let bad = report.scope.discovered.iter().find(|t| t.parse::<ClusterName>().is_err());
    if let Some(bad) = bad {
        return Some(format!("\"{bad}\" is not a cluster"));
    }
    for c in &report.clusters {
        let name = c.target.parse::<ClusterName>().ok();
        if name.is_none_or(|n| (n.to_string(), n.project, n.location, n.name) != names_of(c)) {
            return Some(format!("\"{}\" is not a cluster, or not the one it is described as", c.target));
        }
        let has_result = c.outcome != Outcome::NoResult;
        if c.summary.is_some() != has_result || c.error.is_some() == has_result || c.exit_status != c.outcome.status() {
            return Some(format!("{}: its outcome does not go with the rest of it", c.target));
        }
        let counts_findings = |s: &ClusterSummary| {
            Severity::ALL.into_iter().any(|v| report.exit.fail_on.is_some_and(|t| v >= t) && s.by_severity.of(v) > 0)
        };
        let has_findings = matches!(c.outcome, Outcome::Findings | Outcome::FindingsIncomplete);
        if c.summary.as_ref().is_some_and(|s| counts_findings(s) != has_findings) {
            return Some(format!("{}: its outcome does not go with its counts", c.target));
        }
    }
    None
}

fn names_of(c: &ClusterEntry) -> (String, String, String, String) {
    (c.target.clone(), c.project.clone(), c.location.clone(), c.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::sample::fleet;
    use crate::report::format::json::to_json;
    use crate::report::sample::sample;
    use serde_json::{Value as Json, json};

    #[test]
    fn what_was_written_is_read() {
        let report = fleet();
        assert_eq!(decode(to_json(&report).unwrap().as_bytes()), Ok(report));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        let good = to_json(&fleet()).unwrap();
        let with = |change: &dyn Fn(&mut Json)| {
            let mut json: Json = serde_json::from_str(&good).unwrap();
            change(&mut json);
            json.to_string()
        };
        let worst = fleet().clusters.iter().position(|c| c.outcome == Outcome::Findings).unwrap();
        let unread = fleet().clusters.iter().position(|c| c.outcome == Outcome::NoResult).unwrap();
        let cases: Vec<(String, &str)> = vec![
            (String::new(), "damaged or cut off (EOF"),
            (good[..good.len() / 2].into(), "damaged or cut off (EOF"),
            (good.replace(':', ";"), "damaged or cut off"),
            ("[]".into(), "is not a fleet report"),
            ("{\"a\": 1}".into(), "is not a fleet report of gke-posture: missing field `schemaVersion`"),
            (to_json(&sample()).unwrap(), "is the report of one cluster, not of a fleet"),
            (with(&|j| _ = j.as_object_mut().unwrap().remove("scope")), "missing field `scope`"),
            (
                with(&|j| j["schemaVersion"] = 3.into()),
                "version 3 of the fleet report, written by gke-posture 0.1.0; this gke-posture reads version 2: use a newer",
            ),
            (
                with(&|j| j["schemaVersion"] = 1.into()),
                "version 1 of the fleet report, written by gke-posture 0.1.0; this gke-posture reads version 2: run its shard",
            ),
            // Another version may have any shape.
            ("{\"schemaVersion\": 9}".into(), "version 9"),
            (with(&|j| j["outcome"] = "green".into()), "unknown variant `green`"),
            (with(&|j| j["generatedAt"] = "yesterday".into()), "\"yesterday\" is not a time"),
            (with(&|j| j["scope"]["discovered"][0] = "main".into()), "\"main\" is not a cluster"),
            (with(&|j| j["clusters"][0]["target"] = "main".into()), "\"main\" is not a cluster"),
            (with(&|j| j["clusters"][0]["project"] = "other".into()), "not the one it is described as"),
            (with(&|j| j["clusters"][worst]["outcome"] = "pass".into()), "does not go with"),
            (
                with(&|j| {
                    j["clusters"][worst]["outcome"] = "pass".into();
                    j["clusters"][worst]["exitStatus"] = 0.into();
                }),
                "its outcome does not go with its counts",
            ),
            (
                with(&|j| {
                    j["clusters"][unread]["outcome"] = "pass".into();
                    j["clusters"][unread]["exitStatus"] = 0.into();
                }),
                "does not go with the rest of it",
            ),
            (with(&|j| j["part"] = json!({ "shard": { "index": 8, "count": 8 } })), "counted from 0"),
        ];
        for (text, says) in cases {
            let e = decode(text.as_bytes()).unwrap_err();
            assert!(e.contains(says), "no {says:?} in {e:?}");
        }
        assert!(decode(&[0xff, 0xfe]).is_err());
    }
}

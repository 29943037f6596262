//! From evidence to a report: the one pipeline of every audit, of one cluster or of many.

mod terraform;
mod unused;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::check::{FixTool, Registry, waiver_report};
use crate::collect::{self, terraform::Cluster};
use crate::config::{Config, Profile};
use crate::facts::schema::SubjectKind;
use crate::facts::{self, Knowledge};
use crate::inventory::{Completeness, Dataplane, Enforcement, Inventory, Need, Snapshot};
use crate::network::{Reach, well_known};
use crate::platform;
use crate::report::{self, ExitPolicy, Parts, Report};

/// The options of an audit.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// The checks that run.
    pub registry: &'a Registry,
    /// Environments, settings of checks, thresholds and waivers.
    pub config: &'a Config,
    /// Stated by the user; `None` is decided by the cluster configuration.
    pub dataplane: Option<Dataplane>,
    /// The one time of the run.
    pub now: jiff::Timestamp,
    /// Which results fail the audit.
    pub exit: ExitPolicy,
    /// The tool whose fixes the report has; `None`: all tools.
    pub fix_for: Option<FixTool>,
}

impl<'a> Settings<'a> {
    /// The defaults: dataplane decided by the evidence, fixes for all tools.
    pub fn new(registry: &'a Registry, config: &'a Config, now: jiff::Timestamp) -> Settings<'a> {
        Settings { registry, config, dataplane: None, now, exit: ExitPolicy::default(), fix_for: None }
    }
}

/// The evidence of one cluster.
pub struct Evidence<'a> {
    snapshot: Snapshot,
    /// The cluster in the Terraform state.
    state: Option<&'a Cluster>,
    digest: String,
}

impl<'a> Evidence<'a> {
    /// `state` is the cluster in the Terraform state, which the snapshot is compared with.
    pub fn new(mut snapshot: Snapshot, state: Option<&'a Cluster>) -> Evidence<'a> {
        if let Some(cluster) = state {
            snapshot.terraform.clone_from(&cluster.addresses);
        }
        let digest = collect::digest(&snapshot);
        Evidence { snapshot, state, digest }
    }

    /// `sha256:…` of the snapshot.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// The evidence joined, with reach over it.
pub fn prepare(snapshot: Snapshot, dataplane: Option<Dataplane>) -> (Inventory, Reach) {
    let inventory = Inventory::new(snapshot);
    let reach = Reach::new(&inventory, platform::describe(&inventory, dataplane), &well_known::imagined());
    (inventory, reach)
}

/// Evaluates the checks on the evidence.
pub fn audit(evidence: Evidence<'_>, settings: &Settings<'_>) -> Report {
    let Evidence { mut snapshot, state, digest } = evidence;
    // Nothing is concluded from the configuration of a cluster that is still being created.
    snapshot.gaps.extend(facts::cluster::unsettled(&snapshot));
    let (inventory, mut reach) = prepare(snapshot, settings.dataplane);
    let knowledge = facts::build(&inventory, &mut reach, settings.config, settings.now);
    let today = jiff::tz::Offset::UTC.to_datetime(settings.now).date();
    let mut results = settings.registry.run(&knowledge.table, settings.config, today);
    let waivers = waiver_report(settings.config, &results, today);
    let snapshot = &inventory.snapshot;
    terraform::add_places(&mut results, snapshot);
    let objects = unused::list_objects(&inventory, &results);
    let mut evidence = summarize(snapshot, digest);
    evidence.notes.extend(inventory.notes.iter().cloned());
    evidence.notes.extend(knowledge.notes.iter().cloned());
    evidence.notes.extend(unmatched(settings.config, &inventory, &knowledge));
    Report::new(Parts {
        tool: report::Tool::current(),
        generated_at: settings.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        exit: settings.exit,
        target: target(&inventory, &reach.enforcement),
        evidence,
        results,
        fix_for: settings.fix_for,
        gaps: gaps(snapshot),
        waivers,
        not_evaluated: report::NotEvaluated { checks: unused_checks(settings, &knowledge), objects },
        checks: describe_checks(settings),
        namespaces: namespaces(&knowledge),
        comparison: terraform::compare(state, snapshot),
    })
}

fn target(inventory: &Inventory, enforcement: &Enforcement) -> report::Target {
    let config = inventory.snapshot.cluster.as_ref().map(|c| &c.config);
    let asked = inventory.snapshot.name.as_ref();
    let text = |key: &str| config.and_then(|c| c.get(key)).and_then(Json::as_str).map(str::to_owned);
    let project = text("selfLink").and_then(|link| {
        let (_, rest) = link.split_once("/projects/")?;
        Some(rest.split('/').next()?.to_owned())
    });
    let note = if enforcement.stated {
        Some("the dataplane was stated with --dataplane".to_owned())
    } else if config.is_none() || inventory.snapshot.cluster.as_ref().is_some_and(|c| c.pools_only) {
        Some(
            "no cluster configuration: enforcement is assumed, and where Calico and Dataplane V2 differ the answer is unknown"
                .to_owned(),
        )
    } else {
        enforcement.reason.as_ref().map(|r| r.text.clone())
    };
    report::Target {
        name: text("name").or_else(|| asked.map(|a| a.name.clone())),
        project: project.or_else(|| asked.map(|a| a.project.clone())),
        location: text("location").or_else(|| text("zone")).or_else(|| asked.map(|a| a.location.clone())),
        version: text("currentMasterVersion"),
        dataplane: enforcement.dataplane,
        enforced: enforcement.enforced,
        dataplane_note: note,
    }
}

fn summarize(s: &Snapshot, digest: String) -> report::EvidenceSummary {
    let mut kinds: BTreeMap<String, usize> = s.kinds().into_iter().map(|(kind, n)| (kind, n as usize)).collect();
    if s.cluster.is_some() {
        kinds.insert("GKE cluster configuration".to_owned(), 1);
    }
    let unused: usize = s.unmodelled.values().map(|n| *n as usize).sum();
    let mut notes = s.notes.clone();
    if s.finished_pods > 0 {
        notes.push(format!("{} finished pods hold no address and were left out", s.finished_pods));
    }
    report::EvidenceSummary {
        source: s.source.clone(),
        collected_at: s.collected_at.clone(),
        collector: s.collector.clone().map(|v| report::Collector { identity: s.identity.clone(), version: Some(v) }),
        evidence_digest: digest,
        objects: kinds.values().sum::<usize>() + unused,
        kinds,
        ignored_files: s.ignored_files as usize,
        complete: s.completeness == Completeness::Complete
            && s.gaps.is_empty()
            && !s.unread.contains_key(&Need::ConfigMaps),
        notes,
    }
}

/// Entries of the configuration's environments that match nothing in the evidence: most often a misspelled name.
fn unmatched(config: &Config, inventory: &Inventory, knowledge: &Knowledge) -> Vec<String> {
    let databases = knowledge.table.subjects.get(&SubjectKind::Database).map(Vec::as_slice).unwrap_or_default();
    let mut notes = Vec::new();
    for (name, environment) in &config.environments {
        for p in &environment.namespaces {
            if !inventory.namespaces.keys().any(|n| p.matches(n)) {
                notes.push(format!("configuration: environment {name}: no namespace is called {}", p.as_str()));
            }
        }
        for p in &environment.databases {
            if !databases.iter().any(|d| p.matches(&d.subject.id)) {
                notes.push(format!("configuration: environment {name}: no database is called {}", p.as_str()));
            }
        }
    }
    notes
}

/// Gaps by id: one cause may cost several needs, and reads as one.
fn gaps(s: &Snapshot) -> Vec<report::Gap> {
    let mut found: Vec<report::Gap> = Vec::new();
    for g in &s.gaps {
        let need = g.need.rights_text();
        match found.iter_mut().find(|f| f.id == g.id) {
            Some(f) => f.need = format!("{}, {need}", f.need),
            None => found.push(report::Gap { id: g.id.clone(), need, error: g.error.clone() }),
        }
    }
    found
}

/// Checks out of scope, by what is missing.
fn unused_checks(settings: &Settings<'_>, knowledge: &Knowledge) -> Vec<report::UnusedChecks> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let (config, table) = (settings.config, &knowledge.table);
    let absent = settings.registry.out_of_scope(table);
    for check in settings.registry.checks() {
        let out_of_scope = absent.iter().any(|(id, _)| *id == check.id);
        let reason = match check.subject {
            _ if !config.is_enabled(&check.id) => "switched off in the configuration",
            _ if !check.is_selected(config) => match check.profile {
                Profile::Operations => "about operations, not security: --profile all evaluates them too",
                Profile::Security => "about security, not operations: --profile all evaluates them too",
            },
            SubjectKind::Cluster | SubjectKind::NodePool if out_of_scope => report::UnusedChecks::NO_CLUSTER,
            _ if out_of_scope => report::UnusedChecks::NO_OBJECTS,
            _ => continue,
        };
        by_reason.entry(reason).or_default().push(check.id.clone());
    }
    by_reason.into_iter().map(|(reason, checks)| report::UnusedChecks { checks, reason: reason.to_owned() }).collect()
}

/// The checks of an audit, without counts.
pub(crate) fn describe_checks(settings: &Settings<'_>) -> Vec<report::CheckSummary> {
    settings
        .registry
        .checks()
        .iter()
        .filter(|c| c.is_selected(settings.config))
        .map(|c| report::CheckSummary {
            id: c.id.clone(),
            title: c.title.clone(),
            finding: (c.finding != c.title).then(|| c.finding.clone()),
            severity: settings.config.severity_of(&c.id).unwrap_or(c.severity),
            why: c.why.clone(),
            references: c.references.clone(),
            controls: settings.registry.controls_of(&c.id).clone(),
            counts: Default::default(),
        })
        .collect()
}

fn namespaces(knowledge: &Knowledge) -> Vec<report::NamespaceCoverage> {
    knowledge
        .coverage
        .iter()
        .map(|c| report::NamespaceCoverage {
            namespace: c.namespace.clone(),
            environment: c.environment.as_ref().map(|e| e.name.clone()),
            environment_guessed: c.environment.as_ref().is_some_and(|e| e.guessed),
            platform: c.platform,
            coverage: report::Coverage {
                workloads: c.workloads as usize,
                ingress_isolated: c.isolated[0] as usize,
                ingress_unknown: c.unknown[0] as usize,
                egress_isolated: c.isolated[1] as usize,
                egress_unknown: c.unknown[1] as usize,
            },
            default_deny_ingress: c.default_deny[0],
            default_deny_egress: c.default_deny[1],
        })
        .collect()
}

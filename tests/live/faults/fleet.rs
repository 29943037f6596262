//! The questions by which a fleet's clusters are found: a project's list, and two pages of Cloud Asset Inventory.
//!
//! Their answer is read by the same client as Resource Manager's, or as the GKE API's cluster; the faults are a sample of
//! those at a cluster.

use serde_json::{Value, json};

use crate::servers::{Cut, Effect, Fault, Shape};
use crate::world::{CLUSTER, Login, PROJECT, World};

const OTHER: &str = "projects/development-485000/locations/asia-east1-a/clusters/gke-other";

/// The rule that makes two pages of one: the second begins after the first cluster.
fn first_page_of_two() -> Fault {
    let cut = |page: &mut Value| {
        page["results"].as_array_mut().expect("results").truncate(1);
        page["nextPageToken"] = json!("page-1");
    };
    Fault::on("/v1/folders/11:searchAllResources", Effect::edit(cut)).once()
}

struct Place {
    name: &'static str,
    pattern: &'static str,
    args: [&'static str; 2],
    scope: &'static str,
    /// Clusters that are found all the same.
    found: usize,
}

const PLACES: [Place; 3] = [
    Place {
        name: "project list",
        pattern: "/v1/projects/development-485000/locations/-/clusters",
        args: ["--project", PROJECT],
        scope: "projects/development-485000",
        found: 0,
    },
    Place {
        name: "assets",
        pattern: "/v1/folders/11:searchAllResources",
        args: ["--folder", "11"],
        scope: "folders/11",
        found: 0,
    },
    Place {
        name: "second page of assets",
        pattern: "/v1/folders/11:searchAllResources?*pageToken=page-1*",
        args: ["--folder", "11"],
        scope: "folders/11",
        found: 1,
    },
];

/// Effects, and whether they pass.
fn faults() -> Vec<(&'static str, Effect, Option<usize>)> {
    vec![
        ("503 once", Effect::status(503), Some(1)),
        ("401 once", Effect::status(401), Some(1)),
        ("cut once", Effect::CutChunked(Cut::Half), Some(1)),
        ("403", Effect::status(403), None),
        ("401", Effect::status(401), None),
        ("404", Effect::status(404), None),
        ("500", Effect::status(500), None),
        ("malformed", Effect::Malformed, None),
        ("an array", Effect::Shape(Shape::Array), None),
        ("a page with 200", Effect::Html { code: 200 }, None),
        ("hang", Effect::Hang, None),
    ]
}

pub(super) const COUNT: usize = 33;

/// What is wrong with any of them.
pub(super) fn all() -> Vec<String> {
    let mut wrong = Vec::new();
    std::thread::scope(|scope| {
        let running: Vec<_> = PLACES
            .iter()
            .map(|place| {
                scope.spawn(move || {
                    let base = run(place, None);
                    assert_eq!((base.0, &base.1["gaps"]), (1, &json!([])), "{}", place.name);
                    let evaluated = faults().into_iter().map(|(name, effect, times)| {
                        let passes = times.is_some();
                        let fault = Fault::on(place.pattern, effect);
                        let got = run(place, Some(if passes { fault.once() } else { fault }));
                        evaluate(place, passes, &base, &got)
                            .map_err(|why| format!("{} × {name}: {why}\n{} {:#}", place.name, got.0, got.1["gaps"]))
                    });
                    evaluated.filter_map(Result::err).collect::<Vec<String>>()
                })
            })
            .collect();
        wrong.extend(running.into_iter().flat_map(|r| r.join().expect("a fleet of the table")));
    });
    wrong
}

fn run(place: &Place, fault: Option<Fault>) -> (i32, Value) {
    let world = World::with(Default::default(), &crate::world::objects());
    let other = crate::servers::data::served_by(
        crate::servers::data::example_cluster(),
        &world.kube,
        crate::servers::data::Endpoint::Public,
    );
    world.google.cluster(OTHER, other);
    if place.found > 0 {
        world.google.faults().add(first_page_of_two());
    }
    let struck = fault.is_some();
    let hangs = fault.as_ref().is_some_and(Fault::hangs);
    fault.into_iter().for_each(|f| world.google.faults().add(f));
    let mut args = vec!["audit", place.args[0], place.args[1], "--format", "json"];
    if hangs {
        // The clusters are read by then, or not at all: each has its own time.
        args.extend(["--timeout", "8s"]);
    }
    let out = world.run(Login::TokenFile, &args);
    let expected = usize::from(struck) + usize::from(place.found > 0);
    assert!(world.google.faults().struck() >= expected, "{}: the fault struck nothing", place.name);
    world.assert_only_reads(false);
    (out.status, out.json())
}

/// Complete, or a gap that names the scope, the clusters that were found, and the status of an incomplete fleet.
fn evaluate(place: &Place, passes: bool, base: &(i32, Value), got: &(i32, Value)) -> Result<(), String> {
    let targets = |report: &Value| -> Vec<String> {
        let clusters = report["clusters"].as_array().expect("clusters").iter();
        clusters.map(|c| c["target"].as_str().unwrap_or_default().to_owned()).collect()
    };
    if passes {
        // The digest of the evidence has the servers' ports in it.
        let clusters = |report: &Value| {
            let mut clusters = report["clusters"].clone();
            let each = clusters.as_array_mut().expect("clusters").iter_mut();
            each.for_each(|c| drop(c.as_object_mut().expect("a cluster").remove("evidence")));
            clusters
        };
        let same = got.0 == base.0
            && ["gaps", "outcome", "summary"].iter().all(|k| got.1[k] == base.1[k])
            && clusters(&got.1) == clusters(&base.1);
        return if same { Ok(()) } else { Err("a fault that passes is not fixed".to_owned()) };
    }
    let gap = got.1["gaps"].as_array().and_then(|g| g.iter().find(|g| g["scope"] == place.scope));
    let Some(gap) = gap else { return Err(format!("no gap names {}", place.scope)) };
    for part in ["what", "why", "fix"] {
        if gap[part].as_str().unwrap_or_default().is_empty() {
            return Err(format!("the gap has no {part}"));
        }
    }
    let found = targets(&got.1);
    if found.len() != place.found || !found.iter().all(|t| [CLUSTER, OTHER].contains(&t.as_str())) {
        return Err(format!("clusters {found:?}"));
    }
    let expected = match place.found {
        0 => ("no-result", 4),
        _ => ("findings-incomplete", 1),
    };
    let said = (got.1["outcome"].as_str().unwrap_or_default(), got.0);
    if said == expected { Ok(()) } else { Err(format!("outcome and status are {said:?}, not {expected:?}")) }
}

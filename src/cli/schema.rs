//! `gke-posture schema`

use super::Failure;
use super::output;

#[derive(clap::Args)]
pub(super) struct Args {
    /// What the schema describes.
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// gke-posture.yaml
    Config,
    /// What `audit --format json` prints.
    Report,
    /// What `report merge --format json` prints, and what a fleet audit writes as fleet.json.
    Fleet,
    /// What `audit --framework ID --format json` prints.
    Framework,
    /// What `reach --format json` prints.
    Reach,
    /// What `reach --pairs --format json` prints.
    ReachPairs,
}

pub(super) fn run(args: Args) -> Result<u8, Failure> {
    let schema = match args.what {
        What::Config => crate::config::json_schema(),
        What::Report => crate::report::json_schema(),
        What::Fleet => crate::fleet::json_schema(),
        What::Framework => crate::report::framework::json_schema(),
        What::Reach => schemars::schema_for!(crate::network::table::ReachSets).to_value(),
        What::ReachPairs => schemars::schema_for!(crate::network::table::ReachTable).to_value(),
    };
    let mut text =
        serde_json::to_string_pretty(&schema).map_err(|e| Failure::input(format!("cannot print the schema: {e}")))?;
    text.push('\n');
    output::print(&text)?;
    Ok(0)
}

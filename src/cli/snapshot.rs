//! `gke-posture snapshot`

use std::path::PathBuf;

use crate::collect;
use crate::config::Config;

use super::input::Evidence;
use super::output;
use super::{Failure, limits, log};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    evidence: Evidence,
    /// File to write. It holds no secrets: of Secrets only names and key names, of variables only values that are not secret.
    #[arg(help_heading = "Snapshot", long, short, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(args: Args) -> Result<u8, Failure> {
    limits::limit_time(args.evidence.live.timeout);
    let (snapshot, _) = args.evidence.read(super::input::registry(&[])?.needs(&Config::default()), None)?;
    if snapshot.is_empty() {
        return Err(Failure {
            text: "nothing could be read: no object that this tool knows is in the input".to_owned(),
            status: 4,
        });
    }
    let bytes = collect::encode(&snapshot).map_err(|e| Failure::input(format!("cannot make the snapshot: {e}")))?;
    output::write_file(&args.output, &bytes)?;
    let objects: u32 = snapshot.kinds().values().sum::<u32>()
        + snapshot.unmodelled.values().sum::<u32>()
        + u32::from(snapshot.cluster.is_some());
    log::line(&format!("{}: {objects} objects, {}", args.output.display(), collect::digest(&snapshot)));
    let path = args.output.display().to_string();
    let file = crate::check::shell_quote(&path);
    log::line(&format!("Next: gke-posture audit {file}"));
    Ok(0)
}

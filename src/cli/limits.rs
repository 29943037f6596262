//! What bounds a whole run: its time and its memory. Whatever the input is, the run ends with a message and not by a kill.

use std::process::exit;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::log;

#[derive(clap::Args, Clone, Copy)]
pub(super) struct LimitArgs {
    /// Maximum memory, such as 450Mi or 2Gi. A run that needs more ends with exit status 4 [default: nine tenths of the
    /// container's limit, else 2Gi]
    #[arg(global = true, long, value_name = "SIZE", value_parser = size, help_heading = "Limits")]
    memory: Option<u64>,
}

/// What a run is doing, for the message of one that is ended.
const PHASES: [&str; 3] = ["it read the inputs", "it evaluated them", "it wrote the report"];
static PHASE: AtomicUsize = AtomicUsize::new(0);

/// The end of the run in milliseconds from its start; 0: none.
static END: AtomicU64 = AtomicU64::new(0);

/// Without a container's limit.
const DEFAULT_MEMORY: u64 = 2 << 30;
/// No message can be late by more. Memory grows by less than 30 MB meanwhile.
const INTERVAL: Duration = Duration::from_millis(15);

/// Watches the run from now on.
pub(super) fn watch(args: LimitArgs) {
    let start = Instant::now();
    let memory = args.memory.unwrap_or_else(default_memory);
    // Without a thread there are no limits, and nothing else is different.
    let _ = thread::Builder::new().name("limits".to_owned()).spawn(move || {
        loop {
            thread::sleep(INTERVAL);
            let phase = PHASES.get(PHASE.load(Ordering::Relaxed)).unwrap_or(&"it ended");
            let end = Duration::from_millis(END.load(Ordering::Relaxed));
            if !end.is_zero() && start.elapsed() > end {
                log::error(&format!(
                    "the run was ended after {} seconds, while {phase}: raise --timeout, or give it less to read",
                    end.as_secs()
                ));
                exit(4);
            }
            if resident().is_some_and(|bytes| bytes > memory) {
                log::error(&format!(
                    "the run was ended because it uses more than {} MiB of memory, while {phase}: raise --memory, or give it \
                     less to read",
                    memory >> 20
                ));
                exit(4);
            }
        }
    });
}

/// Ends a run that takes longer than reading may, and a quarter of that and ten seconds for everything else.
pub(super) fn limit_time(reading: Option<Duration>) {
    let reading = reading.unwrap_or(Duration::from_secs(300));
    let end = reading + reading / 4 + Duration::from_secs(10);
    END.store(u64::try_from(end.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// The time of a fleet depends on its size: reading each cluster has its limit, the run has none.
pub(super) fn limit_each_cluster() {
    END.store(0, Ordering::Relaxed);
}

/// The inputs are read, and evaluated from now on.
pub(super) fn inputs_are_read() {
    PHASE.store(1, Ordering::Relaxed);
}

/// The report is made from now on.
pub(super) fn inputs_are_evaluated() {
    PHASE.store(2, Ordering::Relaxed);
}

/// Nine tenths of the limit of the control group, as a container has it; else [`DEFAULT_MEMORY`].
fn default_memory() -> u64 {
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = files.iter().find_map(|file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    // Without a limit, version 1 of control groups has a number that no machine reaches.
    limit.filter(|bytes| *bytes < 1 << 46).map_or(DEFAULT_MEMORY, |bytes| bytes / 10 * 9)
}

/// Memory of the process that is in use, in bytes; `None` where the system does not say it in `/proc`.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?;
    kilobytes.parse::<u64>().ok().map(|kb| kb << 10)
}

/// Parses `450Mi`, `2Gi`, `1G` or a number of bytes.
fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 6] =
        [("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)];
    const SMALLEST: u64 = 64 << 20;
    let text = text.trim();
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, unit) = unit.unwrap_or((text, 1));
    let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    let bytes = bytes.ok_or("expected a size such as 450Mi or 2Gi")?;
    Some(bytes).filter(|b| *b >= SMALLEST).ok_or_else(|| "expected at least 64Mi".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_units_of_kubernetes() {
        for (text, bytes) in [("450Mi", 450 << 20), ("2Gi", 2 << 30), ("1G", 1_000_000_000), ("134217728", 1 << 27)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "1", "10Mi", "-1Gi", "2 Gb", "99999999999Gi", "1.5Gi"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}

//! Keeps requests apart, for all clusters of a run together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two requests to the GKE API: 300 a minute, half of the least quota that a project has had
/// (<https://cloud.google.com/kubernetes-engine/quotas>), so that others can work beside a run.
const APART: Duration = Duration::from_millis(200);
/// Requests that may go at once after a pause.
const BURST: u32 = 10;

static NEXT: Mutex<Option<Instant>> = Mutex::new(None);

/// Waits for this request's turn.
pub(super) async fn turn() {
    let at = {
        let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earliest = now.checked_sub(APART * BURST).unwrap_or(now);
        let at = next.unwrap_or(earliest).max(earliest);
        *next = Some(at + APART);
        at
    };
    tokio::time::sleep_until(at).await;
}

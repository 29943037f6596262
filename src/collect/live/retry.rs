//! Retries where that can help, within the time of the run.

use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;

/// Requests that fail for a while are sent at most this often.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A server that asks for more patience than this is taken as not answering.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// One attempt, with its answer's body.
const ATTEMPT: Duration = Duration::from_secs(60);

/// Sends a request until it gives an answer, a fault that repeating cannot fix, or the deadline.
///
/// # Errors
/// The last fault; inside of [`Fault::OutOfTime`] where only the deadline kept it from being tried again.
pub(super) async fn retry<T, F, A>(deadline: Instant, what: &str, mut attempt: F) -> Result<T, Fault>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, Fault>>,
{
    let mut tried = 0;
    loop {
        tried += 1;
        let started = Instant::now();
        let end = deadline.min(started + ATTEMPT);
        let fault = match tokio::time::timeout_at(end, attempt()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(fault)) => fault,
            Err(_) => Fault::Slow(end - started),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = after(fault, tried, left)?;
        tracing::debug!(what, attempt = tried, wait_ms = wait.as_millis() as u64, "trying again");
        tokio::time::sleep(wait).await;
    }
}

/// How long to wait after the `tried`th attempt with `left` of the run's time.
///
/// # Errors
/// The fault, where that was the last attempt.
fn after(fault: Fault, tried: u32, left: Duration) -> Result<Duration, Fault> {
    if left.is_zero() && matches!(fault, Fault::Slow(_)) {
        return Err(Fault::OutOfTime(Box::new(fault)));
    }
    if !fault.is_transient() || tried >= ATTEMPTS {
        return Err(fault);
    }
    let asked = match &fault {
        Fault::Unavailable { after: Some(after), .. } if *after > LONGEST_RETRY_AFTER => return Err(fault),
        Fault::Unavailable { after: Some(after), .. } => *after,
        _ => Duration::ZERO,
    };
    let pause = FIRST_PAUSE.saturating_mul(1 << (tried - 1).min(16)).min(LONGEST_PAUSE);
    let wait = asked.max(jitter(pause));
    if wait >= left { Err(Fault::OutOfTime(Box::new(fault))) } else { Ok(wait) }
}

/// Between half of it and all of it, so that clients that failed together do not return together.
fn jitter(pause: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let part = RandomState::new().hash_one(pause) % 1000;
    pause / 2 + pause.mul_f64(part as f64 / 2000.0)
}

/// `Retry-After` in seconds; its date form is not used by these servers.
pub(super) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(300);

    fn busy(after: Option<u64>) -> Fault {
        Fault::Unavailable { status: 429, message: String::new(), after: after.map(Duration::from_secs) }
    }

    #[test]
    fn what_may_pass_is_tried_again_a_few_times() {
        for fault in [busy(None), Fault::CutOff(String::new()), Fault::Slow(ATTEMPT), Fault::Unreachable(String::new())]
        {
            for tried in 1..ATTEMPTS {
                let wait = after(fault.clone(), tried, LONG).unwrap();
                let most = FIRST_PAUSE * (1 << (tried - 1));
                assert!(wait >= most / 2 && wait <= most, "{fault} {tried}: {wait:?}");
            }
            assert_eq!(after(fault.clone(), ATTEMPTS, LONG), Err(fault));
        }
    }

    #[test]
    fn what_cannot_pass_is_not() {
        for fault in [
            Fault::Forbidden { message: "no".into(), user: None, reason: None },
            Fault::NotFound(String::new()),
            Fault::Unauthorized(String::new()),
            Fault::Expired,
            Fault::Certificate(String::new()),
        ] {
            assert_eq!(after(fault.clone(), 1, LONG), Err(fault));
        }
    }

    #[test]
    fn the_server_says_how_long_to_wait_within_reason() {
        assert_eq!(after(busy(Some(20)), 1, LONG), Ok(Duration::from_secs(20)));
        assert_eq!(after(busy(Some(3600)), 1, LONG), Err(busy(Some(3600))));
    }

    #[test]
    fn the_deadline_ends_it() {
        let fault = busy(Some(20));
        assert_eq!(after(fault.clone(), 1, Duration::from_secs(10)), Err(Fault::OutOfTime(Box::new(fault))));
        let slow = Fault::Slow(Duration::from_secs(7));
        assert_eq!(after(slow.clone(), 1, Duration::ZERO), Err(Fault::OutOfTime(Box::new(slow))));
    }
}

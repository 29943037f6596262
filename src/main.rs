//! The `gke-posture` command; the command line is [`gke_posture::cli`].

use std::process::ExitCode;

// Many short texts are read by several threads, and musl's own allocator lets one at a time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(gke_posture::cli::run())
}

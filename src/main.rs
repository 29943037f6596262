use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(gke_posture::cli::run())
}

use super::*;
use crate::report::sample::sample;

#[test]
fn print() {
    for w in [80, 100, 140] {
        let footer = vec![
            "Next: gke-posture checks show policy-port-mismatch            why it matters and how to fix it"
                .to_string(),
            "      gke-posture reach --demo --from tomoda/frontend --to data/postgres-prod --port 5432".to_string(),
            "A real audit would have ended with exit status 1 (findings at or above high).".to_string(),
        ];
        println!("{}\n=====", render(&sample(), &Style { footer, ..Style::new(w) }));
    }
}

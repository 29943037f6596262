//! Which shard of a fleet this run is: that of `--shard`, else that of Cloud Run or of a Kubernetes Job.

use std::ffi::OsString;

use crate::fleet::shard::Shard;

use super::Failure;

/// Index and total as Cloud Run gives them to the tasks of a job:
/// <https://cloud.google.com/run/docs/container-contract#jobs-env-vars>.
const CLOUD_RUN: Pair = Pair {
    index: "CLOUD_RUN_TASK_INDEX",
    count: "CLOUD_RUN_TASK_COUNT",
    lacking: "Cloud Run sets both, so pass both on",
};

/// Kubernetes sets the index in the pods of an Indexed Job, and no total:
/// <https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode>.
const INDEXED_JOB: Pair = Pair {
    index: "JOB_COMPLETION_INDEX",
    count: "JOB_COMPLETIONS",
    lacking: "Kubernetes does not give the total: set JOB_COMPLETIONS to the Job's spec.completions, or use --shard I/N",
};

/// Two variables of the environment that make a shard.
struct Pair {
    index: &'static str,
    count: &'static str,
    /// What to do where only one of them is set.
    lacking: &'static str,
}

/// The shard of this run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// `None`: the whole fleet.
    pub shard: Option<Shard>,
    /// What all shards of the run have in common: the Cloud Run execution, or the Kubernetes Job.
    pub run: Option<String>,
    /// A note for people, where several of them name a shard.
    pub note: Option<String>,
}

/// Decides by the flag, else by Cloud Run's variables, else by those of an Indexed Job. `env` is the environment; what
/// is empty counts as not set.
///
/// # Errors
/// Variables of which one is missing or no number, unless the flag decides.
pub(super) fn choose(flag: Option<Shard>, env: impl Fn(&str) -> Option<OsString>) -> Result<Choice, Failure> {
    let env = |name: &str| env(name).filter(|v| !v.is_empty());
    let name = |name: &str| env(name).and_then(|v| v.into_string().ok());
    let run = name("CLOUD_RUN_EXECUTION").or_else(|| env(INDEXED_JOB.index).and_then(|_| name("JOB_NAME")));
    let present: Vec<&Pair> = [&CLOUD_RUN, &INDEXED_JOB].into_iter().filter(|p| p.is_set(&env)).collect();
    let names = |pairs: &[&Pair]| pairs.iter().map(|p| p.name()).collect::<Vec<_>>().join(" and ");
    let (shard, note) = match (flag, &present[..]) {
        (Some(shard), []) => (Some(shard), None),
        (Some(shard), others) => {
            let same = others.iter().all(|p| p.read(&env).is_ok_and(|s| s == shard));
            let note = format!("--shard {shard} is used, not {}", names(others));
            (Some(shard), (!same).then_some(note))
        }
        (None, []) => (None, None),
        (None, [first, others @ ..]) => {
            let shard = first.read(&env)?;
            let note = format!("shard {shard} of {} is used, not {}", first.name(), names(others));
            (Some(shard), (!others.is_empty()).then_some(note))
        }
    };
    Ok(Choice { shard: shard.filter(|s| !s.is_whole()), run, note })
}

impl Pair {
    fn is_set(&self, env: &impl Fn(&str) -> Option<OsString>) -> bool {
        // A total alone means nothing: manifests set it where no Job sets an index, such as in a trial run.
        env(self.index).is_some() || self.index == CLOUD_RUN.index && env(self.count).is_some()
    }

    fn name(&self) -> String {
        format!("{}/{}", self.index, self.count)
    }

    fn read(&self, env: &impl Fn(&str) -> Option<OsString>) -> Result<Shard, Failure> {
        let number = |name: &str| -> Result<u32, Failure> {
            let value = env(name).ok_or_else(|| {
                let other = if name == self.count { self.index } else { self.count };
                Failure::input(format!("{other} is set and {name} is not. {}", self.lacking))
            })?;
            let text = value.to_string_lossy();
            text.trim()
                .parse()
                .map_err(|_| Failure::input(format!("{name} is \"{text}\", which is not a number of a shard")))
        };
        let (index, count) = (number(self.index)?, number(self.count)?);
        Shard::new(index, count)
            .map_err(|e| Failure::input(format!("{} is {index} and {} is {count}: {e}", self.index, self.count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(flag: &str, env: &[(&str, &str)]) -> Result<Choice, Failure> {
        let flag = (!flag.is_empty()).then(|| flag.parse().unwrap());
        choose(flag, |name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)))
    }

    #[test]
    fn flag_then_cloud_run_then_job() {
        const RUN: [(&str, &str); 3] =
            [("CLOUD_RUN_TASK_INDEX", "3"), ("CLOUD_RUN_TASK_COUNT", "8"), ("CLOUD_RUN_EXECUTION", "audit-x7k2p")];
        const JOB: [(&str, &str); 3] =
            [("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETIONS", "4"), ("JOB_NAME", "fleet-29400000")];
        let both = [RUN, JOB].concat();
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<&'a str>, Option<&'a str>, Option<&'a str>);
        let rows: &[Row] = &[
            ("", &[], None, None, None),
            ("2/5", &[], Some("2/5"), None, None),
            ("", &RUN, Some("3/8"), Some("audit-x7k2p"), None),
            ("", &JOB, Some("1/4"), Some("fleet-29400000"), None),
            ("", &[("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETIONS", "4")], Some("1/4"), None, None),
            (
                "",
                &both,
                Some("3/8"),
                Some("audit-x7k2p"),
                Some(
                    "shard 3/8 of CLOUD_RUN_TASK_INDEX/CLOUD_RUN_TASK_COUNT is used, not JOB_COMPLETION_INDEX/JOB_COMPLETIONS",
                ),
            ),
            (
                "2/5",
                &RUN,
                Some("2/5"),
                Some("audit-x7k2p"),
                Some("--shard 2/5 is used, not CLOUD_RUN_TASK_INDEX/CLOUD_RUN_TASK_COUNT"),
            ),
            ("3/8", &RUN, Some("3/8"), Some("audit-x7k2p"), None),
            // The flag also wins over an environment that makes no sense.
            (
                "1/4",
                &[("JOB_COMPLETION_INDEX", "1")],
                Some("1/4"),
                None,
                Some("--shard 1/4 is used, not JOB_COMPLETION_INDEX/JOB_COMPLETIONS"),
            ),
            // A single task is no split.
            ("", &[("CLOUD_RUN_TASK_INDEX", "0"), ("CLOUD_RUN_TASK_COUNT", "1")], None, None, None),
            ("0/1", &[], None, None, None),
            // Not in a Job: the total of the manifest, the job of some other program.
            ("", &[("JOB_COMPLETIONS", "4"), ("JOB_NAME", "nightly")], None, None, None),
            ("", &[("JOB_COMPLETION_INDEX", ""), ("JOB_COMPLETIONS", "4")], None, None, None),
        ];
        for (flag, env, shard, run, note) in rows {
            let c = choice(flag, env).unwrap();
            let seen = (c.shard.map(|s| s.to_string()), c.run, c.note);
            assert_eq!(
                (seen.0.as_deref(), seen.1.as_deref(), seen.2.as_deref()),
                (*shard, *run, *note),
                "{flag} {env:?}"
            );
        }
    }

    #[test]
    fn half_an_environment_is_a_usage_error() {
        let rows: &[(&[(&str, &str)], &str)] = &[
            (
                &[("JOB_COMPLETION_INDEX", "1")],
                "JOB_COMPLETION_INDEX is set and JOB_COMPLETIONS is not. Kubernetes does not",
            ),
            (&[("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETIONS", "")], "JOB_COMPLETIONS is not"),
            (&[("CLOUD_RUN_TASK_INDEX", "1")], "CLOUD_RUN_TASK_INDEX is set and CLOUD_RUN_TASK_COUNT is not"),
            (&[("CLOUD_RUN_TASK_COUNT", "8")], "CLOUD_RUN_TASK_COUNT is set and CLOUD_RUN_TASK_INDEX is not"),
            (
                &[("JOB_COMPLETION_INDEX", "one"), ("JOB_COMPLETIONS", "4")],
                "JOB_COMPLETION_INDEX is \"one\", which is not",
            ),
            (&[("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETIONS", "-4")], "JOB_COMPLETIONS is \"-4\""),
            (
                &[("JOB_COMPLETION_INDEX", "4"), ("JOB_COMPLETIONS", "4")],
                "is 4 and JOB_COMPLETIONS is 4: shards are counted",
            ),
            (&[("CLOUD_RUN_TASK_INDEX", "0"), ("CLOUD_RUN_TASK_COUNT", "0")], "at least 1"),
        ];
        for (env, says) in rows {
            let e = choice("", env).unwrap_err();
            assert_eq!(e.status, 2);
            assert!(e.text.contains(says), "no {says:?} in {:?}", e.text);
        }
    }
}

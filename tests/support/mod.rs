//! Runs the built binary as a user would, in a folder of its own.
#![allow(dead_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// 2025-11-24T16:00:00Z.
pub(crate) const EPOCH: &str = "1764000000";

/// The formats of a report, by their names on the command line.
pub(crate) fn formats() -> impl Iterator<Item = &'static str> {
    gke_posture::report::Format::ALL.iter().map(|format| format.name())
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Out {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Out {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Fails with everything that was printed.
    #[track_caller]
    pub(crate) fn status(self, expected: i32) -> Self {
        assert_eq!(self.status, expected, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no {text:?} in stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn warns(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in stderr:\n{}", self.stderr);
        self
    }

    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A temporary folder in which the binary runs. It looks like the root of a repository, so that no configuration file
/// above it is found.
pub(crate) struct Room {
    dir: tempfile::TempDir,
}

impl Room {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        Room { dir }
    }

    /// A room with one file, `in.yaml`.
    pub(crate) fn with(text: &str) -> Self {
        let room = Room::new();
        room.write("in.yaml", text);
        room
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The binary in this folder, with an environment that does not depend on who runs the test.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        command_in(self.dir.path(), args)
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Out {
        output(self.command(args), None)
    }

    /// As `run`, with the words of one line.
    #[track_caller]
    pub(crate) fn sh(&self, line: &str) -> Out {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[track_caller]
    pub(crate) fn pipe(&self, args: &[&str], stdin: &[u8]) -> Out {
        output(self.command(args), Some(stdin))
    }
}

pub(crate) fn command_in(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gke-posture"));
    command.args(args).current_dir(dir).env("SOURCE_DATE_EPOCH", EPOCH);
    for name in ["COLUMNS", "NO_COLOR", "TERM"] {
        command.env_remove(name);
    }
    command
}

#[track_caller]
pub(crate) fn output(mut command: Command, stdin: Option<&[u8]>) -> Out {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().unwrap();
    if let Some(bytes) = stdin {
        // A program that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(bytes);
    }
    let out = child.wait_with_output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).expect("output is UTF-8");
    let out = Out { status: out.status.code().unwrap_or(-1), stdout: text(out.stdout), stderr: text(out.stderr) };
    assert!(!out.stderr.contains("panicked"), "{}", out.stderr);
    out
}

pub(crate) fn deployment(namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name}, namespace: {namespace} }}
spec:
  replicas: 2
  template:
    metadata: {{ labels: {{ app: {name} }} }}
    spec: {{ containers: [{{ name: main, image: example/{name}, ports: [{{ name: http, containerPort: 8080 }}] }}] }}
---
"
    )
}

/// A policy of `spec` (flow style).
pub(crate) fn policy(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: {name}, namespace: {namespace} }}
spec: {spec}
---
"
    )
}

pub(crate) const CALICO: &str = r#"{"name": "c", "currentMasterVersion": "1.33.4-gke.1350000", "location": "europe-west1",
  "networkPolicy": {"enabled": true, "provider": "CALICO"}, "addonsConfig": {"networkPolicyConfig": {}}}"#;

/// The results of a check in a JSON report, as (subject, verdict).
pub(crate) fn verdicts(report: &Value, check: &str) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["check"] == check)
        .map(|r| (text(&r["subject"]["id"]), text(&r["verdict"])))
        .collect()
}

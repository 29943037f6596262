//! The files that checks and controls are loaded from.

use sha2::{Digest, Sha256};

/// A file of checks or controls: its display name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path with its folders, such as `checks/cluster/alpha-cluster.yaml`: those in a folder `controls` are frameworks.
    pub name: String,
    /// The whole file, as YAML.
    pub text: String,
}

/// Files split by what they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// One check each.
    pub checks: Vec<SourceFile>,
    /// One framework of controls each.
    pub controls: Vec<SourceFile>,
}

static BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/builtin_checks.rs"));

/// The files embedded in the binary: every `*.yaml` below `checks/`, sorted by name.
pub fn builtin_files() -> Files {
    Files::split(BUILTIN.iter().map(|(name, text)| SourceFile { name: (*name).into(), text: (*text).into() }))
}

impl Files {
    /// Files in a folder `controls` are controls, all others are checks; sorted by name.
    pub fn split(files: impl IntoIterator<Item = SourceFile>) -> Files {
        let (mut controls, mut checks): (Vec<_>, Vec<_>) = files.into_iter().partition(SourceFile::is_controls);
        controls.sort_by(|a, b| a.name.cmp(&b.name));
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        Files { checks, controls }
    }

    /// These files and a user's own behind them.
    pub fn and(mut self, other: Files) -> Files {
        self.checks.extend(other.checks);
        self.controls.extend(other.controls);
        self
    }
}

impl Files {
    /// `sha256:` and the hex digest of all texts, whatever the files are called and wherever they lie: equal for runs
    /// that use the same checks and controls.
    pub fn digest(&self) -> String {
        let mut texts: Vec<&str> = self.checks.iter().chain(&self.controls).map(|f| f.text.as_str()).collect();
        texts.sort_unstable();
        let mut hash = Sha256::new();
        for text in texts {
            // With its length, so that two texts never hash like one.
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().iter().fold(String::from("sha256:"), |s, byte| s + &format!("{byte:02x}"))
    }
}

impl SourceFile {
    fn is_controls(&self) -> bool {
        let mut folders = self.name.rsplit(['/', '\\']).skip(1);
        folders.next() == Some("controls")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_split_by_their_folder_and_sorted() {
        let names = ["checks/b.yaml", "checks/controls/cis.yaml", "checks/controls.yaml", "checks/a/a.yaml"];
        let files = Files::split(names.map(|n| SourceFile { name: n.into(), text: String::new() }));
        let of = |list: &[SourceFile]| list.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        assert_eq!(of(&files.checks), ["checks/a/a.yaml", "checks/b.yaml", "checks/controls.yaml"]);
        assert_eq!(of(&files.controls), ["checks/controls/cis.yaml"]);
    }

    #[test]
    fn the_digest_is_of_texts_not_of_names() {
        let files = |texts: &[(&str, &str)]| {
            Files::split(texts.iter().map(|(n, t)| SourceFile { name: (*n).into(), text: (*t).into() })).digest()
        };
        let one = files(&[("a.yaml", "x"), ("b.yaml", "y")]);
        assert!(one.starts_with("sha256:") && one.len() == 71);
        assert_eq!(one, files(&[("/elsewhere/c.yaml", "y"), ("d.yaml", "x")]));
        for other in [&[("a.yaml", "x")][..], &[("a.yaml", "xy")], &[("a.yaml", "x"), ("b.yaml", "y "), ("c.yaml", "")]]
        {
            assert_ne!(one, files(other));
        }
    }

    #[test]
    fn every_embedded_file_is_a_yaml_file_below_checks() {
        let files = builtin_files();
        for file in files.checks.iter().chain(&files.controls) {
            assert!(file.name.starts_with("checks/") && file.name.ends_with(".yaml"), "{}", file.name);
        }
    }
}

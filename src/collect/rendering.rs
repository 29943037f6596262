//! Text that another program has to render before it is evidence: which program, in one line.

use std::path::Path;

/// Whether a file is Terraform's own language: <https://developer.hashicorp.com/terraform/language/files>.
pub(super) fn is_terraform(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    [".tf", ".tf.json", ".tofu", ".tofu.json", ".tfvars", ".tfvars.json"].iter().any(|end| name.ends_with(end))
}

/// What to do with Terraform's own files.
pub(super) const TERRAFORM: &str = "Terraform configuration (HCL) states what is planned only after Terraform has read it: run `terraform plan -out=plan` and \
     give the output of `terraform show -json plan`";

/// What to do with a template.
pub(super) const TEMPLATE: &str =
    "a template ({{ … }}) and no manifest: render it, for example with `helm template CHART`, and give the output";

/// What to do with a Helm chart.
pub(super) fn chart(folder: &str) -> String {
    format!("a Helm chart, whose templates are no manifests: give the output of `helm template {}`", shown(folder))
}

/// What to do with a kustomization; `keys` are those that change objects.
pub(super) fn kustomization(folder: &str, keys: &[String]) -> String {
    format!(
        "a kustomization that changes what it lists ({}): give the output of `kubectl kustomize {}`",
        keys.join(", "),
        shown(folder)
    )
}

/// A path as a word of a command.
fn shown(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    match path {
        "" => ".".to_owned(),
        path if path.chars().all(plain) => path.to_owned(),
        path => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

/// What bytes that are no text are, if that is known: a plan of Terraform is a ZIP archive.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<&'static str> {
    bytes
        .starts_with(b"PK\x03\x04")
        .then_some("a binary plan of Terraform, or another archive: give the output of `terraform show -json FILE`")
}

/// What a text is that is neither YAML nor JSON, or holds no evidence, if that is known.
pub(super) fn of_text(text: &str) -> Option<&'static str> {
    let first = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let heading = |known: &[&str]| words.first() == Some(&"NAME") && known.iter().any(|k| words.contains(k));
    if text.contains("{{") {
        return Some(TEMPLATE);
    }
    if words.contains(&"MASTER_VERSION") || heading(&["MACHINE_TYPE", "LOCATION"]) {
        return Some(
            "a table of gcloud: give the output of the command with `--format=json`, or of `gcloud container clusters describe`",
        );
    }
    if words.starts_with(&["NAMESPACE", "NAME"])
        || heading(&["READY", "STATUS", "AGE", "DATA", "TYPE", "CLUSTER-IP", "POD-SELECTOR", "DESIRED"])
    {
        return Some("a table of kubectl: give the output of the command with `-o yaml`");
    }
    let describes = |line: &str| line.starts_with("Name:") && !line.contains('{');
    if describes(first) && text.lines().any(|l| l.starts_with("Namespace:") || l.starts_with("Labels:")) {
        return Some("the output of `kubectl describe`: give that of `kubectl get -o yaml`");
    }
    let plan = ["Terraform will perform", "Terraform used the selected providers", "No changes. "];
    let hcl = |l: &str| {
        let l = l.trim_start();
        l.starts_with("resource \"")
            || l.starts_with("module \"")
            || l.starts_with("provider \"")
            || l.starts_with("terraform {")
    };
    if plan.iter().any(|p| text.contains(p)) || text.lines().any(hcl) {
        return Some("text of Terraform: give the output of `terraform show -json FILE` for a plan or a state");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_other_programs_are_known() {
        for (text, renderer) in [
            ("kind: {{ .Values.kind }}\n", "helm template"),
            ("\nNAME  LOCATION  MASTER_VERSION  STATUS\nc  europe-west1  1.33  RUNNING\n", "--format=json"),
            ("NAME    READY   STATUS    RESTARTS\nweb-1   1/1  Running 0\n", "-o yaml"),
            ("NAMESPACE   NAME  DATA   AGE\n", "-o yaml"),
            ("Name:         web\nNamespace:    shop\n", "kubectl get -o yaml"),
            ("Terraform will perform the following actions:\n  # google_container_cluster.c\n", "terraform show -json"),
            ("  resource \"google_container_cluster\" \"c\" {\n}\n", "terraform show -json"),
        ] {
            assert!(of_text(text).is_some_and(|hint| hint.contains(renderer)), "{text}");
        }
        for text in ["a: b\n", "name: web\nnamespace: x\n", "just words\n", ""] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }

    #[test]
    fn folders_are_quoted_in_commands() {
        assert!(chart("a b").ends_with("`helm template 'a b'`"));
        assert!(chart("").ends_with("`helm template .`"));
    }
}

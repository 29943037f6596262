//! Where a report goes, and how wide it is.

use std::process::Stdio;

use crate::support::{CALICO, Room, deployment};

fn shop() -> Room {
    Room::with(&deployment("shop", "web"))
}

#[test]
fn the_ending_of_a_file_says_the_format_and_missing_folders_are_made() {
    let room = shop();
    let out = room.sh("audit in.yaml --output out/a/r.json -o r.md -o r.markdown --output=r.txt").status(0);
    assert!(out.stdout.contains("PASS"));
    let json: serde_json::Value = serde_json::from_str(&room.text("out/a/r.json")).unwrap();
    assert_eq!(json["outcome"], "pass");
    assert_eq!(room.text("out/a/r.json"), room.sh("audit in.yaml --format json").stdout);
    assert_eq!(room.text("r.md"), room.sh("audit in.yaml --format markdown").stdout);
    assert_eq!(room.text("r.md"), room.text("r.markdown"));
    assert!(room.text("r.txt").contains("PASS") && !room.text("r.txt").contains('\u{1b}'));
    let left: Vec<_> = std::fs::read_dir(room.path(".")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 6, "a temporary file was left: {left:?}");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let room = shop();
    room.write("file", "");
    std::fs::create_dir(room.path("folder.json")).unwrap();
    room.sh("audit in.yaml -o file/r.json").status(2).warns("cannot write file/r.json");
    room.sh("audit in.yaml -o folder.json").status(2).warns("cannot write folder.json");
    for path in ["r.html", "r", "r.JSON.gz"] {
        let out = room.sh(&format!("audit in.yaml -o {path}")).status(2).warns(path).warns(".md, .json or .txt");
        assert_eq!(out.stdout, "");
    }
    room.sh("snapshot in.yaml -o file/x").status(2).warns("cannot write file/x");
    #[cfg(target_os = "linux")]
    {
        use std::fs::OpenOptions;
        let mut command = room.command(&["audit", "in.yaml"]);
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let out = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&out.stderr).contains("cannot write to standard output"));
    }
}

#[test]
fn a_template_of_ones_own_makes_the_markdown_report() {
    let room = shop();
    room.write("own.md.j2", "{% for r in results %}{{ r.verdict }} {{ r.check }}\n{% endfor %}{{ outcome }}\n");
    let out = room.sh("audit in.yaml --format markdown --template own.md.j2").status(0).says("pass\n");
    assert!(out.stdout.contains("fail workload-egress-isolated"), "{}", out.stdout);
    room.write("broken.j2", "one\n{% for r in results %}\n{{ r.check \n");
    let out = room.sh("audit in.yaml --format markdown --template broken.j2").status(2).warns("broken.j2:");
    assert_eq!(out.stdout, "");
    room.write("wrong.j2", "{{ results | no_such_filter }}");
    room.sh("audit in.yaml --format markdown --template wrong.j2").status(2).warns("wrong.j2:1");
    room.sh("audit in.yaml --format markdown --template none.j2").status(2).warns("cannot read template none.j2");
}

#[track_caller]
fn fits(text: &str, width: usize) {
    for line in text.lines() {
        let wide = line.chars().count();
        assert!(wide <= width, "{wide} > {width}: {line}");
    }
}

#[test]
fn no_line_of_the_table_is_wider_than_the_terminal() {
    let room = shop();
    for width in [60, 80, 140] {
        for args in [&["audit", "--demo", "--all"][..], &["audit", "in.yaml"], &["checks", "list"]] {
            if args[0] == "checks" && width < 140 {
                continue;
            }
            let mut command = room.command(args);
            command.env("COLUMNS", width.to_string());
            fits(&crate::support::output(command, None).status(0).stdout, width);
        }
    }
    let default = room.sh("audit --demo").stdout;
    fits(&default, 80);
    for columns in ["0", "wide"] {
        let mut command = room.command(&["audit", "--demo"]);
        command.env("COLUMNS", columns);
        assert_eq!(crate::support::output(command, None).stdout, default, "COLUMNS={columns}");
    }
    for columns in ["1", "20", "100000"] {
        let mut command = room.command(&["audit", "--demo"]);
        command.env("COLUMNS", columns);
        crate::support::output(command, None).status(0);
    }
}

/// Wrapping a long word takes time in proportion to its length.
#[test]
fn a_very_long_word_is_wrapped_in_no_time() {
    // The API limits names of objects, and nothing limits that of a cluster in a file.
    let room = Room::with(&deployment("shop", "web"));
    room.write("cluster.json", CALICO.replace("\"c\"", &format!("\"{}\"", "a".repeat(300_000))));
    let started = std::time::Instant::now();
    fits(&room.sh("audit in.yaml cluster.json").status(1).stdout, 80);
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn colour_is_for_terminals() {
    let room = shop();
    for line in [
        "audit --demo",
        "audit --demo --color never",
        "reach --demo",
        "checks list",
        "checks show policy-port-mismatch",
    ] {
        let out = room.sh(line).status(0);
        assert!(!out.all().contains('\u{1b}'), "{line}");
    }
    let coloured = room.sh("audit --demo --color always").status(0).stdout;
    assert!(coloured.contains("\u{1b}["));
    // Colour says nothing that is not there without it.
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, room.sh("audit --demo").stdout);
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let room = shop();
    for line in ["audit --demo --format json", "reach --demo --format json", "checks list", "schema report", "--help"] {
        let args: Vec<_> = line.split(' ').collect();
        let mut child = room.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let out = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&out.stderr)
                .replace("note: A real audit would have ended with exit status 1 (findings at or above high).\n", ""),
            "",
            "{line}"
        );
        assert_eq!(out.status.code(), Some(0), "{line}");
    }
}

#[test]
fn commands_to_paste_repeat_the_inputs() {
    let room = shop();
    room.sh("snapshot --demo -o the_file.snapshot").status(0);
    std::fs::rename(room.path("the_file.snapshot"), room.path("the file")).unwrap();
    room.write(
        "c.yaml",
        "environments: { production: { namespaces: [prod] }, development: { namespaces: [tomoda] } }\n",
    );
    let mut command = room.command(&["audit", "the file", "--config", "c.yaml", "--dataplane", "calico"]);
    command.env("COLUMNS", "140");
    let out = crate::support::output(command, None);
    let line = out.stdout.lines().find(|l| l.contains("gke-posture reach")).unwrap_or_else(|| panic!("{out:?}")).trim();
    assert_eq!(line, "gke-posture reach --dataplane calico 'the file' --to data/Cluster/postgres-prod");
    let check = out.stdout.lines().find_map(|l| l.strip_prefix("Next: gke-posture ")).unwrap();
    room.sh(check).status(0);
    room.run(&["reach", "--dataplane", "calico", "the file", "--to", "data/Cluster/postgres-prod"]).status(0);
}

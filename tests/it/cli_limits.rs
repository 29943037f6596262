//! A run ends with a message, whatever it is given: not by the kernel, and not never.

use crate::support::{Room, deployment};

/// The example's files are small: what is held is the program itself.
#[test]
fn memory_is_bounded_and_the_message_names_the_option() {
    let room = Room::with(&deployment("shop", "web"));
    room.sh("audit in.yaml --memory 1Gi --fail-on none --allow-unknown").status(0);
    for input in ["/dev/zero", "in.yaml /dev/zero"] {
        let out = room.sh(&format!("audit {input} --memory 200Mi")).status(4);
        assert!(out.stdout.is_empty());
        out.warns("more than 200 MiB of memory, while it read the inputs: raise --memory");
    }
    room.sh("audit in.yaml --memory 1Mi").status(2).warns("expected at least 64Mi");
    room.sh("audit in.yaml --memory much").status(2).warns("expected a size such as 450Mi or 2Gi");
}

/// Nobody writes into the pipe.
#[cfg(unix)]
#[test]
fn time_is_bounded_where_an_input_never_ends() {
    let room = Room::new();
    let pipe = room.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let out = room.sh("audit pipe --timeout 1s").status(4);
    out.warns("the run was ended after 11 seconds, while it read the inputs: raise --timeout");
}

#[test]
fn a_check_cannot_multiply_the_time_of_an_evaluation() {
    let list = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]";
    let nested = |depth: usize| {
        let begin: String = (0..depth).map(|i| format!("{list}.all(x{i}, ")).collect();
        format!("{begin}service.backends > 0{}", ")".repeat(depth))
    };
    let check = |pass: &str| {
        let room = Room::new();
        let tests = "tests:\n  - { name: a, given: { service: { backends: 1 } }, expect: pass }\n  - { name: b, given: { service: { backends: 0 } }, expect: fail }\n";
        let text = format!(
            "id: own-check\ntitle: T\nseverity: low\nsubject: service\npass: \"{pass}\"\nmessage: m\nwhy: w\nfix: {{ kubectl: k }}\nreferences: [https://kubernetes.io/]\n{tests}"
        );
        room.write("checks/own-check.yaml", text);
        room.sh("checks test checks")
    };
    check(&nested(2)).status(0);
    check(&nested(3)).status(2).warns("own-check.yaml:5:").warns("macros are nested more than 2 deep");
    check(&nested(9)).status(2);
}

//! What holds for both formats and for every problem.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Strings that mean the same in JSON and as flow style of YAML.
fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~éü漢😀\n\t]{0,12}",
        prop::sample::select(vec!["yes", "null", "~", "1", "1.0", "on", "<<", "*a", "&a", "!t", "# no", "- x", "a: b"])
            .prop_map(str::to_owned),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000i32..1000).prop_map(|n| Value::from(f64::from(n) / 8.0 + 0.0625)),
        string().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(string().prop_filter("a merge", |k| k != "<<"), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The same tree without positions.
fn without_positions(node: &Node<'_>) -> Node<'static> {
    match &node.content {
        Content::List(items) => Content::List(items.iter().map(without_positions).collect()).into(),
        Content::Object(entries) => {
            let entry = |e: &node::Entry<'_>| (e.key.clone().into_owned(), without_positions(&e.value)).into();
            Content::Object(entries.iter().map(entry).collect()).into()
        }
        _ => Node { line: 0, column: 0, ..node.clone().into_owned() },
    }
}

/// Reads every node as what it is not, and answers how many there are.
fn misread(c: Cursor<'_>) -> usize {
    match &c.node.content {
        Content::List(_) => {
            assert_eq!(c.str(), None);
            1 + c.list().into_iter().map(misread).sum::<usize>()
        }
        Content::Object(_) => {
            assert_eq!(c.int(), None);
            1 + c.entries().into_iter().map(|(_, v)| misread(v)).sum::<usize>()
        }
        _ => {
            assert!(c.list().is_empty());
            1
        }
    }
}

/// Every path below a value, in the order of its text.
fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| paths(v, &format!("{path}[{i}]"), all)),
        Value::Object(map) => {
            let dot = if path.is_empty() { "" } else { "." };
            map.iter().for_each(|(key, v)| paths(v, &format!("{path}{dot}{key}"), all));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_json_text_and_the_same_text_as_yaml_give_the_same_nodes(document in document()) {
        let text = document.to_string();
        let json = parse_json_value(&text).unwrap();
        let yaml = parse_yaml("f", &text).unwrap();
        prop_assert_eq!(&without_positions(&yaml), &json);
        prop_assert_eq!(json.to_json(), document);
        // serde-saphyr leaves out documents that are null.
        let documents = if yaml.is_null() { Vec::new() } else { vec![yaml] };
        let manifest = parse_yaml_documents("f", &text, str::to_owned).unwrap();
        let nodes = |documents: &[Node<'_>]| documents.iter().map(without_positions).collect::<Vec<_>>();
        prop_assert_eq!(nodes(&manifest), nodes(&documents));
        prop_assert_eq!(&json.clone().into_owned(), &json);
    }

    #[test]
    fn every_problem_has_file_line_and_path(document in document().prop_filter("no document", |d| !d.is_null())) {
        // One line for each entry and item, so that the line of a node is known.
        let text = serde_json::to_string_pretty(&document).unwrap();
        let root = parse_yaml("f.yaml", &text).unwrap();
        let problems = Problems::default();
        let count = misread(Cursor::new(&root, &problems));
        prop_assert_eq!(problems.len(), count);
        let problems = problems.drain("f.yaml", &root);
        let mut expected = Vec::new();
        paths(&document, "", &mut expected);
        prop_assert_eq!(problems.len(), expected.len());
        for (problem, path) in problems.iter().zip(&expected) {
            prop_assert_eq!(&problem.file, "f.yaml");
            prop_assert!(problem.line >= 1 && problem.column >= 1, "{}", problem);
            let start = if path.is_empty() { "expected ".to_owned() } else { format!("{path}: expected ") };
            prop_assert!(problem.message.starts_with(&start), "{} {}", problem, path);
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".{0,60}") {
        let _ = (parse_json("f", &text, str::to_owned), parse_yaml("f", &text));
        let _ = parse_yaml_documents("f", &text, str::to_owned);
    }
}

#[test]
fn nodes_and_keys_of_yaml_have_their_position() {
    let root = parse_yaml("f", "a:\n  - b: x\n    ü: [1,  2]\n").unwrap();
    let Content::List(items) = &root.get("a").unwrap().content else { panic!("a list") };
    let Content::Object(entries) = &items[0].content else { panic!("an object") };
    assert_eq!((items[0].line, items[0].column), (2, 5));
    let keys: Vec<_> = entries.iter().map(|e| (&*e.key, e.line, e.column, e.value.line, e.value.column)).collect();
    assert_eq!(keys, [("b", 2, 5, 2, 8), ("ü", 3, 5, 3, 8)]);
    let Content::List(numbers) = &entries[1].value.content else { panic!("a list") };
    assert_eq!(numbers.iter().map(|n| (n.line, n.column)).collect::<Vec<_>>(), [(3, 9), (3, 13)]);
}

#[test]
fn items_of_a_list_in_json_have_the_line_they_start_on() {
    let lines = |node: &Node<'_>| {
        let Content::List(items) = &node.content else { panic!("a list") };
        items.iter().map(|i| i.line).collect::<Vec<_>>()
    };
    let node = parse_json("f", "[1,\n\n2]", str::to_owned).unwrap();
    assert_eq!(lines(&node), [1, 3]);
    assert_eq!(parse_json("f", "\n\n {\"a\": 1}", str::to_owned).unwrap().line, 3);
}

#[test]
fn a_list_of_objects_is_detected_and_read_an_item_at_a_time() {
    const ITEMS: &str = "\"items\": [\n  {\"a\": 1},\n  {\"a\":\n 2}, {\"a\": 3}\n]";
    for text in [
        format!("\n{{\"apiVersion\": \"v1\", \"kind\": \"PodList\", {ITEMS}}}"),
        format!(
            "\n{{{ITEMS}, \"kind\": \"Pod\\u004cist\", \"metadata\": {{\"x\": []}}, \"apiVersion\": \"v1\", \"more\": 1}}"
        ),
    ] {
        let list = JsonList::detect(&text).unwrap();
        assert_eq!((list.api_version.as_deref(), list.kind.as_deref()), (Some("v1"), Some("PodList")));
        let nodes: Vec<_> = list.nodes(&text).map(Result::unwrap).collect();
        assert_eq!(nodes.iter().map(|n| n.line).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(nodes[1].get("a").unwrap().content, Content::Int(2));
    }
    for text in [
        "",
        "[\"v1\", \"PodList\", {}, []]",
        "{\"apiVersion\": \"v1\", \"kind\": \"PodList\"}",
        "{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": null}",
        "{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": {}}",
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"items\": []}",
        "{\"kind\": \"PodList\", \"items\": []}",
        "{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": [}",
        "{\"apiVersion\": \"v1\", \"kind\": \"AllowList\", \"metadata\": {\"name\": \"a\"}, \"items\": []}",
    ] {
        assert!(JsonList::detect(text).is_none(), "{text}");
    }
}

#[test]
fn an_item_that_is_nested_too_deep_is_an_error_of_its_own() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{{}},\n\n {{\"a\": {deep}}}, {{\"a\": 1}}]}}"
    );
    let list = JsonList::detect(&text).unwrap();
    let read: Vec<_> = list.nodes(&text).map(|node| node.map(|n| n.line)).collect();
    let [Ok(1), Err((line, e)), Ok(3)] = &read[..] else { panic!("{read:?}") };
    let problem = json_problem("f.json", *line, e, str::to_owned);
    assert_eq!((problem.line, problem.message.as_str()), (3, "not valid JSON: recursion limit exceeded"));
}

#[test]
fn a_problem_without_a_line_gets_that_of_the_document() {
    let root = parse_json("f.json", "\n{\"spec\": {\"replicas\": \"3\"}}", str::to_owned).unwrap();
    let problems = Problems::default();
    Cursor::new(&root, &problems).at("spec.replicas").unwrap().int();
    let [problem] = &problems.drain("f.json", &root)[..] else { panic!("one problem") };
    assert_eq!(problem.to_string(), "f.json:2: spec.replicas: expected a whole number, found a string");
    assert_eq!(problems.len(), 0);
}

#[test]
fn strings_are_slices_of_json_where_they_can_be() {
    let root = parse_json_value(r#"{"plain": "a", "escaped": "\u0061"}"#).unwrap();
    let Content::Object(entries) = &root.content else { panic!("an object") };
    let borrowed = |e: &node::Entry<'_>| matches!(&e.value.content, Content::Str(std::borrow::Cow::Borrowed("a")));
    assert!(borrowed(&entries[0]) && !borrowed(&entries[1]));
    assert_eq!(root.get("escaped").unwrap().as_str(), Some("a"));
}

#[test]
fn of_a_key_that_repeats_the_last_value_wins_in_json_and_yaml_refuses_it() {
    let text = r#"{"a": 1, "b": 0, "a": 2}"#;
    assert_eq!(parse_json_value(text).unwrap().get("a").unwrap().content, Content::Int(2));
    let problem = parse_yaml("f.yaml", "a: 1\na: 2\n").unwrap_err();
    assert_eq!(problem.to_string(), "f.yaml:2:1: not valid YAML: the key \"a\" is given twice");
    assert!(parse_yaml_documents("f", "a: {x: 1,\n x: 2}", str::to_owned).is_err());
}

#[test]
fn syntax_errors_have_one_position_and_no_snippet() {
    for text in ["a: [1,\nb", "a: 'b", "a: *x", "a: b: c"] {
        let problem = parse_yaml("f", text).unwrap_err();
        assert!(problem.line > 0, "{text}: {problem}");
        assert!(problem.message.starts_with("not valid YAML: "), "{problem}");
        assert!(!problem.message.contains(" line ") && !problem.message.contains('\n'), "{problem}");
    }
    let problem = parse_json("f", "{\n\"a\": x}", str::to_owned).unwrap_err();
    assert_eq!((problem.line, problem.column), (2, 6));
    assert!(!problem.message.contains(" line "), "{problem}");
    // What a message quotes may be a secret.
    let hidden: fn(&str) -> String = |_| "hidden".to_owned();
    let problem = parse_yaml_documents("f", "pass=word: 1\npass=word: 2\n", hidden).unwrap_err();
    assert_eq!(problem.message, "not valid YAML: hidden");
    assert_eq!(parse_json("f", "{\"pass\" word}", hidden).unwrap_err().message, "not valid JSON: hidden");
}

#[test]
fn one_document_is_expected_in_files_of_our_own() {
    let problem = parse_yaml("f", "a: 1\n---\nb: 1\n").unwrap_err();
    assert_eq!(problem.to_string(), "f:3:1: a second YAML document, expected one");
    for text in ["", "# nothing\n", "~", "---\n"] {
        assert_eq!(parse_yaml("f", text).unwrap().content, Content::Null, "{text:?}");
    }
    assert_eq!(parse_yaml_documents("f", "a: 1\n---\nb: 1\n", str::to_owned).unwrap().len(), 2);
}

#[test]
fn words_of_yaml_1_1_are_booleans_only_as_for_kubectl() {
    let text = "[on, no, y, 2027-01-31, 1.5, 7, ~]";
    let types = |node: &Node<'_>| {
        let Content::List(items) = &node.content else { panic!("a list") };
        items.iter().map(|n| n.content.type_name()).collect::<Vec<_>>()
    };
    let rest = ["a string", "a number", "a number", "null"];
    let own = types(&parse_yaml("f", text).unwrap());
    assert_eq!(own, [&["a string"; 3][..], &rest].concat());
    let manifest = types(&parse_yaml_documents("f", text, str::to_owned).unwrap()[0]);
    assert_eq!(manifest, [&["a boolean"; 3][..], &rest].concat());
}

/// A thread with the stack of a program's main thread, where files are read: those of tests have a quarter of it.
fn on_main_stack(test: fn()) {
    std::thread::Builder::new().stack_size(8 << 20).spawn(test).unwrap().join().unwrap();
}

#[test]
fn depth_is_limited() {
    on_main_stack(|| {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for depth in [10, 100] {
            assert!(parse_json("f", &nested(depth), str::to_owned).is_ok());
            assert!(parse_yaml("f", &nested(depth)).is_ok());
        }
        let problem = parse_yaml("f", &nested(250)).unwrap_err();
        assert!(problem.message.ends_with("nested deeper than 200 levels"), "{problem}");
        let problem = parse_json("f", &nested(250), str::to_owned).unwrap_err();
        assert!(problem.message.contains("recursion limit"), "{problem}");
        assert!(parse_yaml("f", &"[".repeat(100_000)).is_err());
        assert!(parse_json("f", &"[".repeat(100_000), str::to_owned).is_err());
    });
}

#[test]
fn what_aliases_make_of_a_text_is_limited() {
    // Each line doubles the one before ten times.
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        text += &format!("a{i}: &a{i} [{items}]\n");
    }
    for result in [parse_yaml("f", &text).map(drop), parse_yaml_documents("f", &text, str::to_owned).map(drop)] {
        let problem = result.unwrap_err();
        assert!(problem.message.contains("aliases would make it many times as large"), "{problem}");
    }
    // A long list is no bomb.
    let long = "- {name: a, value: b}\n".repeat(5_000);
    assert!(parse_yaml_documents("f", &long, str::to_owned).is_ok());
}

#[test]
fn paths_are_written_in_the_style_of_the_file() {
    let text = "list: [{ key: 1 }]\nmap: { a: 1 }\n";
    let root = parse_yaml("f", text).unwrap();
    let messages = |style: PathStyle, named: bool| {
        let problems = Problems::new(style);
        let c = Cursor::new(&root, &problems);
        c.problem("p");
        let item = c.items("list")[0];
        let item = if named { item.named("item") } else { item };
        item.problem("p");
        item.get("key").unwrap().problem("p");
        c.problem_without_path((7, 8), "p");
        let problems = problems.drain("f", &root);
        assert_eq!((problems[3].line, problems[3].column), (7, 8));
        problems.into_iter().map(|p| p.message).collect::<Vec<_>>()
    };
    assert_eq!(messages(PathStyle::API, false), ["p", "list[0]: p", "list[0].key: p", "p"]);
    let own = PathStyle { root: "file", separator: ": ", indexes: false };
    assert_eq!(messages(own, false), ["file: p", "list: p", "list: key: p", "p"]);
    assert_eq!(messages(own, true), ["file: p", "item: p", "item: key: p", "p"]);
}

#[test]
fn unknown_keys_name_the_nearest_and_have_the_position_of_the_key() {
    let root = parse_yaml("f", "a:\n  namespcaes: []\n  zebra: ~\n").unwrap();
    let problems = Problems::default();
    let a = Cursor::new(&root, &problems).get("a").unwrap();
    a.object(&["namespaces", "databases"]);
    a.refuse_unknown_fields(&["namespaces"], "kubectl refuses it");
    a.require("databases");
    a.object_with_renames(&["zebra", "namespaces"], &[("namspcaes", "x"), ("namespcaes", "namespaces")]);
    let problems: Vec<String> = problems.drain("f", &root).iter().map(Problem::to_string).collect();
    assert_eq!(
        problems,
        [
            "f:2:3: a: unknown key \"namespcaes\" (did you mean \"namespaces\"?)",
            "f:3:3: a: unknown key \"zebra\"; valid: namespaces, databases",
            "f:2:15: a.namespcaes: unknown field (did you mean \"namespaces\"?); kubectl refuses it",
            "f:2:3: a: \"databases\" is missing",
            "f:2:3: a: unknown key \"namespcaes\": it is called \"namespaces\" now",
        ]
    );
}

#[test]
fn values_out_of_range_are_problems() {
    let text = json!([0, 100, 101, -1, 0.5, 65536, "", " ", "x", "y"]).to_string();
    let root = parse_yaml("f", &text).unwrap();
    let problems = Problems::default();
    let items = Cursor::new(&root, &problems).list();
    let percents: Vec<_> = items[..5].iter().map(Cursor::percent).collect();
    assert_eq!(percents, [Some(0), Some(100), None, None, None]);
    assert_eq!(items[..6].iter().map(Cursor::port).collect::<Vec<_>>(), [None, Some(100), Some(101), None, None, None]);
    assert_eq!(items[6..].iter().map(Cursor::text).collect::<Vec<_>>(), [None, None, Some("x"), Some("y")]);
    assert_eq!(items[8].one_of("letter", &[("x", 1), ("z", 2)]), Some(1));
    assert_eq!(items[9].one_of("letter", &[("x", 1), ("z", 2)]), None);
    let messages: Vec<_> = problems.drain("f", &root).into_iter().map(|p| p.message).collect();
    assert_eq!(
        messages,
        [
            "[2]: 101 is out of range, expected 0 to 100",
            "[3]: -1 is out of range, expected 0 to 100",
            "[4]: expected a whole number from 0 to 100, found a number",
            "[0]: port 0 is not in 1–65535",
            "[3]: port -1 is not in 1–65535",
            "[4]: expected a whole number, found a number",
            "[5]: port 65536 is not in 1–65535",
            "[6]: is empty",
            "[7]: is empty",
            "[9]: unknown letter \"y\" (did you mean \"x\"?); valid: x, z",
        ]
    );
}

use proptest::prelude::*;

use super::*;
use crate::lexicon::Value;

/// Parses what collection would have kept.
fn dsn(raw: &str) -> Dsn {
    let masked = Value::mask("DATABASE_URL", raw);
    match parse(masked.text().unwrap_or_else(|| panic!("withheld: {raw}"))) {
        Some(Ok(d)) => d,
        other => panic!("{raw}: {other:?}"),
    }
}

fn host(d: &Dsn) -> (&str, &str) {
    (d.hosts[0].name.known().unwrap_or("?"), d.hosts[0].port.known().unwrap_or(""))
}

#[test]
fn forms() {
    for (raw, engine, syntax, name, port, database) in [
        ("postgres://u:p@h:5433/d?sslmode=require", Engine::Postgres, Syntax::Uri, "h", "5433", "d"),
        ("postgresql+asyncpg://u:p@h/d", Engine::Postgres, Syntax::Uri, "h", "", "d"),
        ("host=h dbname=d sslmode = 'require'", Engine::Postgres, Syntax::KeyValue, "h", "", "d"),
        ("jdbc:postgresql://h:5432/d?ssl=true", Engine::Postgres, Syntax::Jdbc, "h", "5432", "d"),
        ("jdbc:otel:postgresql://h/d", Engine::Postgres, Syntax::Jdbc, "h", "", "d"),
        ("r2dbc:pool:postgresql://h/d?sslMode=require", Engine::Postgres, Syntax::R2dbc, "h", "", "d"),
        ("Host=h;Port=5432;Database=d;Password=p", Engine::Postgres, Syntax::DotNet, "h", "5432", "d"),
        ("u:p@tcp(h:3306)/d?tls=true", Engine::MySql, Syntax::GoMySql, "h", "3306", "d"),
        ("mysql://h/d", Engine::MySql, Syntax::Uri, "h", "", "d"),
        ("redis://h:6379/0", Engine::Redis, Syntax::Uri, "h", "6379", "0"),
        ("mongodb+srv://u:p@h/d", Engine::MongoDb, Syntax::Uri, "h", "", "d"),
        ("postgres://u:p@[fd00::1]:5432/d", Engine::Postgres, Syntax::Uri, "fd00::1", "5432", "d"),
        ("postgres:///d?host=/cloudsql/p:r:i", Engine::Postgres, Syntax::Uri, "/cloudsql/p:r:i", "", "d"),
        ("postgres://u:p@h/d?host=other&port=1", Engine::Postgres, Syntax::Uri, "other", "1", "d"),
    ] {
        let d = dsn(raw);
        assert_eq!(
            (d.engine, d.syntax, host(&d), d.database.known()),
            (engine, syntax, (name, port), Some(database)),
            "{raw}"
        );
    }
    assert_eq!(dsn("postgresql+asyncpg://u:p@h/d").driver.as_deref(), Some("asyncpg"));
    assert_eq!(dsn("postgres://h/d?schema=public").driver.as_deref(), Some("prisma"));
    assert_eq!(dsn("postgres://h1:1,h2:2/d").hosts.len(), 2);
    let many = dsn("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=5432 dbname=d");
    assert_eq!(
        (many.hosts.len(), many.hosts[1].address.known(), many.hosts[1].port.known()),
        (2, Some("10.0.0.2"), Some("5432"))
    );
    assert!(parse("http://example.com").is_none());
    assert!(parse("just words").is_none());
}

#[test]
fn repeated_keys_and_d19_d20_sockets() {
    let d = dsn("postgres://h/d?sslmode=require&sslmode=disable");
    assert_eq!(d.problems, vec![DsnProblem::RepeatedKey("sslmode".into())]);
    assert_eq!(d.last("sslmode").and_then(DsnValue::known), Some("disable"));
    let d = dsn("host=h dbname=d sslmode = 'require'");
    assert_eq!(d.last("sslmode").and_then(DsnValue::known), Some("require"));
    let d = dsn("host=/cloudsql/p:r:i dbname=d sslmode=verify-full");
    assert!(d.hosts[0].is_socket());
}

#[test]
fn text_in_a_password_is_no_setting() {
    let d = dsn("postgres://u:sslmode=require@h/d");
    assert!(d.parameters.is_empty() && d.password == Password::Literal && d.problems.is_empty());
}

#[test]
fn an_ambiguous_userinfo_is_reported() {
    for raw in ["postgres://u:p@w@h/d", "postgres://u:p#w@h/d", "postgres://u:p?w@h/d", "postgres://u:p/w@h/d"] {
        let d = dsn(raw);
        assert!(d.problems.contains(&DsnProblem::AmbiguousUserinfo), "{raw}");
        assert_eq!(host(&d), ("h", ""), "{raw}");
    }
}

#[test]
fn holes_stay_in_their_part() {
    let parsed = |t: &str| parse(t).and_then(Result::ok).expect("a DSN");
    let d = parsed("postgres://u:\u{E000}@db.data/x?sslmode=disable");
    assert_eq!(
        (d.password, host(&d).0, d.last("sslmode").and_then(DsnValue::known)),
        (Password::Reference, "db.data", Some("disable"))
    );
    let d = parsed("postgres://u:***@\u{E000}:5432/x?sslmode=\u{E000}");
    assert_eq!(
        (&d.hosts[0].name, d.password, d.last("sslmode")),
        (&DsnValue::Opaque, Password::Literal, Some(&DsnValue::Opaque))
    );
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "(postgres://|jdbc:|host=|Host=|@tcp\\(|[a-z]|[@:/?#;='\" &%\\\\,\\[\\])0-9]|\\PC){0,30}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_password_is_never_held(password in "[G-Z6-9@#?/:%-]{4,16}", masked: bool) {
        let raw = format!("postgres://u:{password}@db.data/x?sslmode=require");
        let text = if masked { Value::mask("URL", &raw).text().unwrap_or_default().to_owned() } else { raw };
        if let Some(Ok(d)) = parse(&text) {
            let shown = format!("{d:?}");
            // Only what a driver could take for a host or a database may show, and only where it is unmasked.
            let run = password.split(|c: char| !c.is_ascii_alphanumeric()).find(|r| r.len() > 3 && shown.contains(r));
            prop_assert!(!masked || run.is_none(), "{shown}");
        }
    }
}

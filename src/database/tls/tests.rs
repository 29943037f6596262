use super::evaluate::evaluate;
use super::table::ROWS;
use super::*;
use crate::database::dsn::{Dsn, parse};
use crate::lexicon::Value;
use Class::{Allow, Disable, Error as TE, Prefer, Require, VerifyCa, VerifyFull};
use Driver::*;

fn dsn(raw: &str) -> Dsn {
    let full = if raw.starts_with('?') { format!("postgres://u:p@h/d{raw}") } else { raw.to_owned() };
    let text = Value::mask("DATABASE_URL", &full);
    match parse(text.text().unwrap_or_default()) {
        Some(Ok(d)) => d,
        other => panic!("{raw}: {other:?}"),
    }
}

fn class(driver: Driver, raw: &str) -> Class {
    class_with(driver, raw, Settings::default())
}

fn class_with(driver: Driver, raw: &str, settings: Settings<'_>) -> Class {
    let d = dsn(raw);
    evaluate(driver, &Settings { dsn: Some(&d), ..settings }).and_then(|j| j.class).expect("a class")
}

fn env(driver: Driver, mode: &str) -> Class {
    let settings = Settings { pgsslmode: Setting::Set(mode.into()), ..Settings::default() };
    class_with(driver, "?", settings)
}

fn unknown(raw: &str) -> Range {
    let d = dsn(raw);
    class_range(UNKNOWN_DRIVER, &Settings { dsn: Some(&d), ..Settings::default() }).expect("a class_range")
}

#[test]
fn every_driver_has_one_row() {
    for r in ROWS {
        assert_eq!(ROWS.iter().filter(|o| o.driver == r.driver).count(), 1);
        assert!(std::ptr::eq(table::row(r.driver), r));
    }
    for d in UNKNOWN_DRIVER {
        assert!(ROWS.iter().any(|r| r.driver == *d));
    }
}

#[test]
fn drivers_and_parameters() {
    for (raw, cases) in [
        ("?", vec![(Libpq, Prefer), (NodePg, Disable), (GoPq, Require)]),
        ("?sslmode=require", vec![(Libpq, Require), (NodePg, VerifyFull), (Prisma, Require)]),
        (
            "?sslmode=require&sslmode=disable",
            vec![
                (Libpq, Disable),
                (NodePg, Disable),
                (Asyncpg, Disable),
                (Sqlx, Disable),
                (Pgx, Disable),
                (GoPq, Require),
                (GoPq110, Require),
                (Pgx510, Require),
            ],
        ),
        ("?sslmode=disable&sslmode=require", vec![(GoPq, Disable), (Pgx510, Disable), (Libpq, Require)]),
        ("?sslmode=Require", vec![(Libpq, TE), (NodePg, VerifyFull), (Sqlx, Require)]),
        ("?SSLMODE=require", vec![(Libpq, TE), (NodePg, Disable), (Sqlx, Prefer), (GoPq, TE)]),
        ("?sslmode=require%20", vec![(Libpq, TE)]),
        (
            "?ssl=true",
            vec![
                (Libpq, Require),
                (NodePg, VerifyFull),
                (SqlAlchemyPsycopg, TE),
                (Sqlx, Prefer),
                (GoPq, TE),
                (Pgx, Require),
            ],
        ),
        ("?ssl=false", vec![(Libpq, TE), (NodePg, TE), (PostgresJs, Disable)]),
        (
            "?sslmode=prefer",
            vec![(Libpq, Prefer), (NodePg, VerifyFull), (PostgresJs, Prefer), (GoPq, Prefer), (GoPq111, TE)],
        ),
        ("?sslmode=allow", vec![(Libpq, Allow), (NodePg, VerifyFull), (Sqlx, Disable)]),
        ("?sslmode=verify-full&schema=public", vec![(Prisma, Prefer)]),
        ("?sslmode=bogus", vec![(NodePg, VerifyFull), (Libpq, TE)]),
        ("host=h dbname=d sslmode = 'require'", vec![(Libpq, Require)]),
        ("jdbc:postgresql://h/d?ssl=true", vec![(Pgjdbc, VerifyFull)]),
        ("jdbc:postgresql://h/d?ssl", vec![(Pgjdbc, VerifyFull)]),
        ("jdbc:postgresql://h/d?ssl=false", vec![(Pgjdbc, Prefer)]),
        ("jdbc:postgresql://h/d?ssl=true&sslmode=disable", vec![(Pgjdbc, Disable)]),
        (
            "jdbc:postgresql://h/d?sslmode=verify-full&sslfactory=org.postgresql.ssl.NonValidatingFactory",
            vec![(Pgjdbc, Require)],
        ),
        ("r2dbc:postgresql://h/d?sslmode=require", vec![(R2dbc, Disable)]),
        ("r2dbc:postgresql://h/d?sslMode=require", vec![(R2dbc, Require)]),
        ("Host=h;SSL Mode=Require", vec![(Npgsql, Require), (Npgsql6, TE), (Npgsql5, VerifyFull)]),
        ("postgresql+asyncpg://h/d?sslmode=require", vec![(SqlAlchemyAsyncpg, TE)]),
        ("postgresql+asyncpg://h/d?ssl=require", vec![(SqlAlchemyAsyncpg, Require)]),
        ("postgresql+asyncpg://h/d?ssl=true", vec![(SqlAlchemyAsyncpg, TE)]),
        ("?", vec![(NodePg, Disable)]),
        ("postgres://u:sslmode=require@h/d", vec![(NodePg, Disable), (Libpq, Prefer)]),
        ("?sslrootcert=/ca.crt", vec![(NodePg, VerifyFull), (Libpq, Prefer)]),
        ("?sslcert=/c.crt", vec![(NodePg, VerifyFull)]),
        ("Host=h;SSL Mode=VerifyFull;Trust Server Certificate=true", vec![(Npgsql, VerifyFull), (Npgsql6, TE)]),
        (
            "Host=h;SSL Mode=Require;Trust Server Certificate=true",
            vec![(Npgsql, Require), (Npgsql6, Require), (Npgsql5, Require)],
        ),
        ("?uselibpqcompat=true&sslmode=require", vec![(NodePg, Require)]),
        ("?sslmode=require&sslaccept=strict", vec![(Prisma, VerifyFull)]),
        ("?ssl=0", vec![(PostgresJs, VerifyFull), (NodePg, Disable)]),
        ("?sslmode=no-verify", vec![(NodePg, Require), (Libpq, TE)]),
        ("?ssl-mode=disable", vec![(Sqlx, Disable)]),
        ("jdbc:postgresql://h/d?sslmode=REQUIRE", vec![(Pgjdbc, Require)]),
        ("?requiressl=1", vec![(Libpq, Require)]),
        ("?schema=public", vec![(Libpq, TE)]),
        ("?sslnegotiation=direct", vec![(Libpq, TE)]),
    ] {
        for (driver, want) in cases {
            assert_eq!(class(driver, raw), want, "{driver:?} {raw}");
        }
    }
}

#[test]
fn unknown_driver() {
    let d01 = unknown("?");
    assert_eq!((d01.worst, d01.best), (Disable, Require));
    assert!(d01.worst_drivers.contains(&NodePg) && d01.best_drivers == vec![GoPq]);
    for raw in ["?sslmode=require&sslmode=disable", "?sslmode=disable&sslmode=require"] {
        let r = unknown(raw);
        assert_eq!((r.single(), r.repeated), (Some(Disable), true), "{raw}");
    }
    let d43 = unknown("?sslmode=verify-full");
    assert_eq!((d43.worst, d43.worst_drivers, d43.best), (Prefer, vec![Prisma], VerifyFull));
    let jdbc = unknown("jdbc:postgresql://h/d");
    assert_eq!((jdbc.single(), jdbc.evaluations.len()), (Some(Prefer), 1));
}

#[test]
fn variables_of_the_environment() {
    assert_eq!(env(NodePg, "allow"), Disable);
    assert_eq!(env(PostgresJs, "require"), Disable);
    let jdbc = Settings { pgsslmode: Setting::Set("require".into()), ..Settings::default() };
    assert_eq!(class_with(Pgjdbc, "jdbc:postgresql://h/d", jdbc.clone()), Prefer);
    assert_eq!(class_with(Npgsql, "Host=h;Database=d", jdbc), Prefer);
    for (driver, want) in [(Sqlx, Prefer), (NodePg, Disable), (Libpq, TE)] {
        assert_eq!(env(driver, "requrie"), want, "{driver:?}");
    }
    for text in ["disable", "false", "0", "true"] {
        let settings = Settings { pgssl: Setting::Set(text.into()), ..Settings::default() };
        assert_eq!(class_with(PostgresJs, "?", settings), VerifyFull, "{text}");
    }
    for (driver, want) in [
        (Libpq, TE),
        (Asyncpg, TE),
        (GoPq, TE),
        (GoPq111, TE),
        (Pgx, Prefer),
        (NodePg, Disable),
        (Sqlx, Prefer),
        (GoPq110, Require),
    ] {
        assert_eq!(env(driver, ""), want, "{driver:?}");
    }
    assert_eq!(env(Libpq, "require\n"), TE, "a newline is part of the value");
}

#[test]
fn roots_and_switches() {
    let node = Settings { node_accepts_any: true, ..Settings::default() };
    assert_eq!(class_with(NodePg, "?sslmode=verify-full", node.clone()), Require);
    assert_eq!(class_with(Libpq, "?sslmode=verify-full", node), VerifyFull, "not Node");
    let root = |root| Settings { root, ..Settings::default() };
    let d = dsn("?sslmode=require");
    let fragile = evaluate(Libpq, &Settings { dsn: Some(&d), ..root(RootFile::Mounted) }).expect("fits");
    assert_eq!((fragile.class, fragile.fragile), (Some(VerifyCa), true));
    for (driver, want) in [(Libpq, Require), (Asyncpg, TE), (Pgx, TE)] {
        assert_eq!(class_with(driver, "?sslmode=require", root(RootFile::Missing)), want, "{driver:?}");
    }
    assert_eq!(class_with(Libpq, "?sslmode=prefer", root(RootFile::Mounted)), Prefer);
    for (driver, want) in [(Libpq, TE), (Libpq15, Require), (GoPq, TE), (GoPq111, Require)] {
        let raw = "host=h dbname=d sslrootcert=system sslmode=require";
        assert_eq!(class_with(driver, raw, root(RootFile::System)), want, "{driver:?}");
    }
    assert_eq!(class_with(Libpq, "?sslrootcert=system", root(RootFile::System)), VerifyFull);
}

#[test]
fn declared_words() {
    assert_eq!(parse_declared_mode("verify_full"), Declared::Class { class: VerifyFull, respelled: true });
    assert_eq!(class(Libpq, "?sslmode=verify_full"), TE);
    assert_eq!(parse_declared_mode("require"), Declared::Class { class: Require, respelled: false });
    assert_eq!(parse_declared_mode(" Require\n"), Declared::Class { class: Require, respelled: true });
    assert_eq!(
        (parse_declared_mode(""), parse_declared_mode("$(MODE)"), parse_declared_mode("allow")),
        (Declared::Empty, Declared::Unrecognized, Declared::Class { class: Allow, respelled: false })
    );
    assert_eq!(parse_other_mode("verifyCa"), Declared::Class { class: VerifyCa, respelled: false });
    assert_eq!(parse_declared_boolean("true"), DeclaredBoolean::Wanted);
    assert_eq!(parse_declared_boolean("verify-full"), DeclaredBoolean::Mode(VerifyFull));
    assert_eq!(parse_declared_boolean("{\"rejectUnauthorized\":false}"), DeclaredBoolean::Wanted);
}

#[test]
fn other_engines() {
    for (raw, want) in [
        ("mysql://h/d?ssl-mode=PREFERRED", Some((Prefer, Prefer))),
        ("redis://h", Some((Disable, Disable))),
        ("rediss://h", Some((Require, VerifyFull))),
        ("rediss://h?ssl_cert_reqs=none", Some((Require, Require))),
        ("mongodb://h/d", Some((Disable, Disable))),
        ("mongodb+srv://h/d", Some((VerifyFull, VerifyFull))),
        ("u:p@tcp(h)/d?tls=skip-verify", Some((Require, Require))),
        ("u:p@tcp(h)/d", Some((Disable, Disable))),
    ] {
        assert_eq!(other_engine(&dsn(raw)), want, "{raw}");
    }
}

#[test]
fn who_falls_back_when_hba_rejects_tls() {
    for d in [Libpq, Asyncpg, Pgx, Pgjdbc, Npgsql] {
        assert!(d.falls_back_on_hba(), "{d:?}");
    }
    for d in [GoPq, PostgresJs, Sqlx, Pgx56] {
        assert!(!d.falls_back_on_hba(), "{d:?}");
    }
    assert_eq!(unknown("?").falls_back_on_hba(), None);
    assert_eq!(unknown("jdbc:postgresql://h/d").falls_back_on_hba(), Some(true));
}

#[test]
fn an_opaque_mode_has_no_class() {
    let d = parse("postgres://u:p@h/d?sslmode=\u{E000}").and_then(Result::ok).expect("a DSN");
    let settings = Settings { dsn: Some(&d), ..Settings::default() };
    assert_eq!(evaluate(Libpq, &settings).and_then(|j| j.class), None);
    assert_eq!(class_range(UNKNOWN_DRIVER, &settings), None);
    let bound = dsn("?sslmode=require&channel_binding=require");
    assert!(evaluate(Libpq, &Settings { dsn: Some(&bound), ..Settings::default() }).is_some_and(|j| j.bound));
}

use super::table::ROWS;
use super::*;
use crate::database::dsn::{Dsn, parse};
use crate::lexicon::Value;
use Class::{Error as TE, T0, T1, T2, T3, T4, T5};
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
    judge(driver, &Settings { dsn: Some(&d), ..settings }).and_then(|j| j.class).expect("a class")
}

fn env(driver: Driver, mode: &str) -> Class {
    let settings = Settings { pgsslmode: Setting::Set(mode.into()), ..Settings::default() };
    class_with(driver, "?", settings)
}

fn unknown(raw: &str) -> Range {
    let d = dsn(raw);
    range(UNKNOWN_DRIVER, &Settings { dsn: Some(&d), ..Settings::default() }).expect("a range")
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
fn d01_to_d29_and_d40_drivers_and_parameters() {
    for (id, raw, cases) in [
        ("D01", "?", vec![(Libpq, T2), (NodePg, T0), (GoPq, T3)]),
        ("D02", "?sslmode=require", vec![(Libpq, T3), (NodePg, T5), (Prisma, T3)]),
        (
            "D03",
            "?sslmode=require&sslmode=disable",
            vec![
                (Libpq, T0),
                (NodePg, T0),
                (Asyncpg, T0),
                (Sqlx, T0),
                (Pgx, T0),
                (GoPq, T3),
                (GoPq110, T3),
                (Pgx510, T3),
            ],
        ),
        ("D03b", "?sslmode=disable&sslmode=require", vec![(GoPq, T0), (Pgx510, T0), (Libpq, T3)]),
        ("D04", "?sslmode=Require", vec![(Libpq, TE), (NodePg, T5), (Sqlx, T3)]),
        ("D05", "?SSLMODE=require", vec![(Libpq, TE), (NodePg, T0), (Sqlx, T2), (GoPq, TE)]),
        ("D06", "?sslmode=require%20", vec![(Libpq, TE)]),
        (
            "D07",
            "?ssl=true",
            vec![(Libpq, T3), (NodePg, T5), (SqlAlchemyPsycopg, TE), (Sqlx, T2), (GoPq, TE), (Pgx, T3)],
        ),
        ("D08", "?ssl=false", vec![(Libpq, TE), (NodePg, TE), (PostgresJs, T0)]),
        ("D09", "?sslmode=prefer", vec![(Libpq, T2), (NodePg, T5), (PostgresJs, T2), (GoPq, T2), (GoPq111, TE)]),
        ("D10", "?sslmode=allow", vec![(Libpq, T1), (NodePg, T5), (Sqlx, T0)]),
        ("D13", "?sslmode=verify-full&schema=public", vec![(Prisma, T2)]),
        ("D15", "?sslmode=bogus", vec![(NodePg, T5), (Libpq, TE)]),
        ("D19", "host=h dbname=d sslmode = 'require'", vec![(Libpq, T3)]),
        ("D21", "jdbc:postgresql://h/d?ssl=true", vec![(Pgjdbc, T5)]),
        ("D21 bare", "jdbc:postgresql://h/d?ssl", vec![(Pgjdbc, T5)]),
        ("D22", "jdbc:postgresql://h/d?ssl=false", vec![(Pgjdbc, T2)]),
        ("D23", "jdbc:postgresql://h/d?ssl=true&sslmode=disable", vec![(Pgjdbc, T0)]),
        (
            "D24",
            "jdbc:postgresql://h/d?sslmode=verify-full&sslfactory=org.postgresql.ssl.NonValidatingFactory",
            vec![(Pgjdbc, T3)],
        ),
        ("D25", "r2dbc:postgresql://h/d?sslmode=require", vec![(R2dbc, T0)]),
        ("D25", "r2dbc:postgresql://h/d?sslMode=require", vec![(R2dbc, T3)]),
        ("D26", "Host=h;SSL Mode=Require", vec![(Npgsql, T3), (Npgsql6, TE), (Npgsql5, T5)]),
        ("D27", "postgresql+asyncpg://h/d?sslmode=require", vec![(SqlAlchemyAsyncpg, TE)]),
        ("D27", "postgresql+asyncpg://h/d?ssl=require", vec![(SqlAlchemyAsyncpg, T3)]),
        ("D27", "postgresql+asyncpg://h/d?ssl=true", vec![(SqlAlchemyAsyncpg, TE)]),
        ("D28 Sequelize reads only the URL", "?", vec![(NodePg, T0)]),
        ("D29", "postgres://u:sslmode=require@h/d", vec![(NodePg, T0), (Libpq, T2)]),
        ("D40", "?sslrootcert=/ca.crt", vec![(NodePg, T5), (Libpq, T2)]),
        ("D40", "?sslcert=/c.crt", vec![(NodePg, T5)]),
        ("D42", "Host=h;SSL Mode=VerifyFull;Trust Server Certificate=true", vec![(Npgsql, T5), (Npgsql6, TE)]),
        (
            "2.3",
            "Host=h;SSL Mode=Require;Trust Server Certificate=true",
            vec![(Npgsql, T3), (Npgsql6, T3), (Npgsql5, T3)],
        ),
        ("2.3", "?uselibpqcompat=true&sslmode=require", vec![(NodePg, T3)]),
        ("2.3", "?sslmode=require&sslaccept=strict", vec![(Prisma, T5)]),
        ("2.3", "?ssl=0", vec![(PostgresJs, T5), (NodePg, T0)]),
        ("2.3", "?sslmode=no-verify", vec![(NodePg, T3), (Libpq, TE)]),
        ("2.3", "?ssl-mode=disable", vec![(Sqlx, T0)]),
        ("2.3", "jdbc:postgresql://h/d?sslmode=REQUIRE", vec![(Pgjdbc, T3)]),
        ("2.2", "?requiressl=1", vec![(Libpq, T3)]),
        ("2.2", "?schema=public", vec![(Libpq, TE)]),
        ("2.1", "?sslnegotiation=direct", vec![(Libpq, TE)]),
    ] {
        for (driver, want) in cases {
            assert_eq!(class(driver, raw), want, "{id} {driver:?} {raw}");
        }
    }
}

#[test]
fn d01_d03_d43_unknown_driver() {
    let d01 = unknown("?");
    assert_eq!((d01.worst, d01.best), (T0, T3), "D01");
    assert!(d01.worst_drivers.contains(&NodePg) && d01.best_drivers == vec![GoPq]);
    for raw in ["?sslmode=require&sslmode=disable", "?sslmode=disable&sslmode=require"] {
        let r = unknown(raw);
        assert_eq!((r.single(), r.repeated), (Some(T0), true), "D03 {raw}");
    }
    let d43 = unknown("?sslmode=verify-full");
    assert_eq!((d43.worst, d43.worst_drivers, d43.best), (T2, vec![Prisma], T5), "D43");
    let jdbc = unknown("jdbc:postgresql://h/d");
    assert_eq!((jdbc.single(), jdbc.judgements.len()), (Some(T2), 1));
}

#[test]
fn d11_d12_d16_d39_d41_environment() {
    assert_eq!(env(NodePg, "allow"), T0, "D11");
    assert_eq!(env(PostgresJs, "require"), T0, "D12");
    let jdbc = Settings { pgsslmode: Setting::Set("require".into()), ..Settings::default() };
    assert_eq!(class_with(Pgjdbc, "jdbc:postgresql://h/d", jdbc.clone()), T2, "D12");
    assert_eq!(class_with(Npgsql, "Host=h;Database=d", jdbc), T2, "D12");
    for (driver, want) in [(Sqlx, T2), (NodePg, T0), (Libpq, TE)] {
        assert_eq!(env(driver, "requrie"), want, "D16 {driver:?}");
    }
    for text in ["disable", "false", "0", "true"] {
        let settings = Settings { pgssl: Setting::Set(text.into()), ..Settings::default() };
        assert_eq!(class_with(PostgresJs, "?", settings), T5, "D39 {text}");
    }
    for (driver, want) in
        [(Libpq, TE), (Asyncpg, TE), (GoPq, TE), (GoPq111, TE), (Pgx, T2), (NodePg, T0), (Sqlx, T2), (GoPq110, T3)]
    {
        assert_eq!(env(driver, ""), want, "D41 {driver:?}");
    }
    assert_eq!(env(Libpq, "require\n"), TE, "a newline is part of the value");
}

#[test]
fn d14_d17_d18_d38_roots_and_switches() {
    let node = Settings { node_accepts_any: true, ..Settings::default() };
    assert_eq!(class_with(NodePg, "?sslmode=verify-full", node.clone()), T3, "D14");
    assert_eq!(class_with(Libpq, "?sslmode=verify-full", node), T5, "D14: not Node");
    let root = |root| Settings { root, ..Settings::default() };
    let d = dsn("?sslmode=require");
    let fragile = judge(Libpq, &Settings { dsn: Some(&d), ..root(RootFile::Mounted) }).expect("fits");
    assert_eq!((fragile.class, fragile.fragile), (Some(T4), true), "D17");
    for (driver, want) in [(Libpq, T3), (Asyncpg, TE), (Pgx, TE)] {
        assert_eq!(class_with(driver, "?sslmode=require", root(RootFile::Missing)), want, "D17 {driver:?}");
    }
    assert_eq!(class_with(Libpq, "?sslmode=prefer", root(RootFile::Mounted)), T2, "D18");
    for (driver, want) in [(Libpq, TE), (Libpq15, T3), (GoPq, TE), (GoPq111, T3)] {
        let raw = "host=h dbname=d sslrootcert=system sslmode=require";
        assert_eq!(class_with(driver, raw, root(RootFile::System)), want, "D38 {driver:?}");
    }
    assert_eq!(class_with(Libpq, "?sslrootcert=system", root(RootFile::System)), T5);
}

#[test]
fn d36_declared_words() {
    assert_eq!(declared("verify_full"), Declared::Class { class: T5, respelled: true }, "D36");
    assert_eq!(class(Libpq, "?sslmode=verify_full"), TE, "D36");
    assert_eq!(declared("require"), Declared::Class { class: T3, respelled: false });
    assert_eq!(declared(" Require\n"), Declared::Class { class: T3, respelled: true });
    assert_eq!(
        (declared(""), declared("$(MODE)"), declared("allow")),
        (Declared::Empty, Declared::Unrecognised, Declared::Class { class: T1, respelled: false })
    );
    assert_eq!(declared_other("verifyCa"), Declared::Class { class: T4, respelled: false });
    assert_eq!(declared_boolean("true"), DeclaredBoolean::Wanted);
    assert_eq!(declared_boolean("verify-full"), DeclaredBoolean::Mode(T5));
    assert_eq!(declared_boolean("{\"rejectUnauthorized\":false}"), DeclaredBoolean::Wanted);
}

#[test]
fn d37_other_engines() {
    for (raw, want) in [
        ("mysql://h/d?ssl-mode=PREFERRED", Some((T2, T2))),
        ("redis://h", Some((T0, T0))),
        ("rediss://h", Some((T3, T5))),
        ("rediss://h?ssl_cert_reqs=none", Some((T3, T3))),
        ("mongodb://h/d", Some((T0, T0))),
        ("mongodb+srv://h/d", Some((T5, T5))),
        ("u:p@tcp(h)/d?tls=skip-verify", Some((T3, T3))),
        ("u:p@tcp(h)/d", Some((T0, T0))),
    ] {
        assert_eq!(other_engine(&dsn(raw)), want, "D37 {raw}");
    }
}

#[test]
fn h33_who_falls_back_when_hba_rejects_tls() {
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
    assert_eq!(judge(Libpq, &settings).and_then(|j| j.class), None);
    assert_eq!(range(UNKNOWN_DRIVER, &settings), None);
    let bound = dsn("?sslmode=require&channel_binding=require");
    assert!(judge(Libpq, &Settings { dsn: Some(&bound), ..Settings::default() }).is_some_and(|j| j.bound));
}

use proptest::prelude::*;

use super::*;

fn kept(name: &str, raw: &str) -> Option<String> {
    match name {
        "args" => arguments(&[raw]).remove(0),
        _ => Value::mask(name, raw).text().map(str::to_owned),
    }
}

fn arguments(words: &[&str]) -> Vec<Option<String>> {
    Value::arguments(words).iter().map(|v| v.text().map(str::to_owned)).collect()
}

#[test]
fn what_is_kept_and_what_is_not() {
    for (name, raw, want) in [
        ("DB_PASSWORD", "hunter2", None),
        ("DB_PASSWORD", "require", None),
        ("PIN", "1234", None),
        ("API_KEY", "12345", None),
        ("apiKey", "true", None),
        ("DB_PASSWORD", "$(PW)", Some("$(PW)")),
        ("DB_PASSWORD", "a$(PW)", None),
        ("DB_PASSWORD", "$$(PW)", None),
        ("DB_PASSWORD", "", Some("")),
        ("PGSSLKEY", "/tls/tls.key", Some("/tls/tls.key")),
        ("PGSSLKEY", "-----BEGIN KEY-----\nabc", None),
        ("DB_NAME", "orders", Some("orders")),
        ("DB_HOST", "postgres.data.svc:5432", Some("postgres.data.svc:5432")),
        ("host", "postgres.data", Some("postgres.data")),
        ("DB_PORT", "5432", Some("5432")),
        ("PGSSLMODE", "require\n", Some("require\n")),
        ("PGSSLMODE", "requrie", Some("requrie")),
        ("WHATEVER", "verify_full", Some("verify_full")),
        ("WHATEVER", "hunter2", None),
        ("NODE_EXTRA_CA_CERTS", "/ca/ca.crt", Some("/ca/ca.crt")),
        ("DB_CA_CERT", "-----BEGIN CERTIFICATE-----\nabc", None),
        ("DB_SSL", "{\"rejectUnauthorized\":false,\"key\":\"abc\"}", Some("{\"rejectUnauthorized\":false}")),
        ("X", "$(A):$(B)", Some("$(A):$(B)")),
        ("X", "$(A)hunter2", Some("$(A)***")),
        ("X", "$(SCHEME)://u:hunter2@h", Some("$(SCHEME)***")),
        ("URL", "postgres://u:$(PW)@h/d?sslmode=$(M)", Some("postgres://u:$(PW)@h/d?sslmode=$(M)")),
        ("URL", "postgres://u:x$(PW)@h/d", Some("postgres://u:***@h/d")),
        ("URL", "postgres://u:p@w@h/d", Some("postgres://u:***ambiguous***@h/d")),
        ("URL", "postgres://u:p#w@h/d?sslmode=disable", Some("postgres://u:***ambiguous***@h/d?sslmode=disable")),
        ("URL", "postgres://u:12/34@h/d", Some("postgres://u:***ambiguous***@h/d")),
        (
            "URL",
            "postgres://h/d?user=u&password=p&sslmode=require",
            Some("postgres://h/d?user=u&password=***&sslmode=require"),
        ),
        ("URL", "postgres://u:p@h/d?application_name=a@b", Some("postgres://u:***@h/d?application_name=***")),
        ("URL", "postgres://u:hunter2", Some("postgres://***")),
        (
            "X",
            "host=h dbname=d password='a b' sslmode = 'require'",
            Some("host=h dbname=d password=*** sslmode = 'require'"),
        ),
        ("X", "host=h password=a b", Some("host=h password=*** ***")),
        ("X", "password=a b host=h dbname=d", None),
        ("X", "Host=h;Password=a;SSL Mode=Require", Some("Host=h;Password=***;SSL Mode=Require")),
        ("X", "Host=h;Password=\"a;b\";SSL Mode=Require", Some("Host=h;Password=***;SSL Mode=Require")),
        (
            "X",
            "jdbc:postgresql://h/d?user=u&password=p&ssl=true",
            Some("jdbc:postgresql://h/d?user=u&password=***&ssl=true"),
        ),
        ("X", "jdbc:oracle:thin:scott/tiger@h:1521:x", Some("jdbc:oracle:***")),
        ("X", "user:pw@tcp(h:3306)/d?tls=true", Some("user:***@tcp(h:3306)/d?tls=true")),
        ("KC_DB_URL_PROPERTIES", "?sslmode=require&password=p", Some("?sslmode=require&password=***")),
        ("X", "https://ghp_abcdef@github.com", None),
        ("POSTGRES_HOST_AUTH_METHOD", "trust", Some("trust")),
        ("args", "--address=0.0.0.0", Some("--address=0.0.0.0")),
        ("args", "proj:europe-west1:db?address=0.0.0.0", Some("proj:europe-west1:db?address=0.0.0.0")),
        ("args", "-instances=p:us-east1:i=tcp:0.0.0.0:5432", Some("-instances=p:us-east1:i=tcp:0.0.0.0:5432")),
        ("args", "--password=hunter2", Some("--password=***")),
        ("args", "-phunter2", None),
        ("args", "hunter2", None),
        ("args", "ssl=on", Some("ssl=on")),
        ("args", "-c", Some("-c")),
        ("args", "export DB_SSLMODE=disable; run --pw hunter2", Some("*** DB_SSLMODE=disable ***")),
    ] {
        assert_eq!(kept(name, raw).as_deref(), want, "{name}={raw}");
    }
}

#[test]
fn a_part_of_a_connection_string_is_kept_in_its_form_only() {
    for (name, raw, want) in [
        ("URL", "postgres://db.data/app -U app -W hunter2", Some("postgres://db.data/***")),
        ("URL", "postgres://db.data/app\nuser\nhunter2", Some("postgres://db.data/***")),
        ("URL", "postgres://db.data/app\n", Some("postgres://db.data/app\n")),
        ("URL", "postgres://app%3Ahunter2@db.data/app", Some("postgres://***@db.data/app")),
        ("URL", "postgres://app%40srv:pw@db.data/app", Some("postgres://app%40srv:***@db.data/app")),
        ("URL", "postgres://app:hunter:5432/x", Some("postgres://***")),
        ("URL", "postgres://h/d?sslmode=hunter2&host=a:b", Some("postgres://h/d?sslmode=***&host=***")),
        ("URL", "postgres://h/d?options=-c%20x&h4nter=1", Some("postgres://h/d?options=***&***")),
        ("URL", "postgres://[fd00::1]:5432/d", Some("postgres://[fd00::1]:5432/d")),
        ("X", "host=app:hunter2@db.data dbname=x", Some("host=*** dbname=x")),
        ("X", "host=h dbname='a b' user=u", Some("host=h dbname=*** user=u")),
        ("X", "host=h dbname=d application_name='pw \\' x'", Some("host=h dbname=d application_name=***")),
        ("X", "Server=postgres://app:hunter2@h/x;Ssl Mode=Require", Some("Server=***;Ssl Mode=Require")),
        ("X", "address=redis://:hunter2@redis:6379;ssl=true", Some("address=***;ssl=true")),
        ("X", "Server=tcp:h,1433;Encrypt=true", Some("Server=tcp:h,1433;Encrypt=true")),
        ("DB_HOST", "app:hunter2", None),
        ("DB_HOST", "a.b:5432,c", Some("a.b:5432,c")),
        ("DB_NAME", "a%20b", None),
        ("X", "12345", None),
        ("X", "1", Some("1")),
        ("API_PORT", "8080", Some("8080")),
        ("SERVICE_USER", "hunter2", None),
    ] {
        assert_eq!(kept(name, raw).as_deref(), want, "{name}={raw}");
    }
}

#[test]
fn arguments_belong_together() {
    for words in [
        &["--requirepass", "12345"][..],
        &["--password", "/hunter2"],
        &["--token", "true"],
        &["-p", "on"],
        &["foo:hunter2:1001:100:upload"],
        &["$(PREFIX)hunter2"],
        &["--hunter2"],
        &["--config", "/etc/hunter2"],
    ] {
        let kept = arguments(words);
        let last = kept.last().cloned().flatten().unwrap_or_default();
        assert!(!last.contains("hunter") && Some(&last.as_str()) != words.last(), "{words:?} -> {kept:?}");
    }
    let kept = |words: &[&str]| arguments(words).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(kept(&["/bin/sh", "-ec", "exec app DB_SSLMODE=disable"]), ["sh", "*** DB_SSLMODE=disable ***"]);
    assert_eq!(kept(&["--address", "0.0.0.0", "p:us-east1:i"]), ["--address", "0.0.0.0", "p:us-east1:i"]);
    assert_eq!(kept(&["postgres", "-c", "ssl=on"]), ["postgres", "-c", "ssl=on"]);
}

#[test]
fn an_annotation_is_kept_in_its_form_only() {
    for (key, raw, want) in [
        ("cnpg.io/podPatch", "[{\"value\":\"hunter2\"}]", "***"),
        ("env", "production", "production"),
        ("env", "postgres://u:hunter2@h/d", "***"),
        ("db/ssl", "hunter2", "***"),
        ("db/sslmode", "require", "require"),
        ("cloud.google.com/neg", "{\"ingress\": true}", "{\"ingress\": true}"),
    ] {
        assert_eq!(mask_annotation(key, raw), want, "{key}");
    }
}

#[test]
fn masking_what_is_masked_changes_nothing() {
    for raw in ["postgres://u:p@w@h/d", "postgres://u:pw@h/d?password=x", "host=h password=x", "Host=h;Password=x"] {
        let once = kept("DATABASE_URL", raw).unwrap_or_default();
        assert_eq!(kept("DATABASE_URL", &once).as_deref(), Some(once.as_str()));
    }
}

#[test]
fn free_text() {
    for (raw, want) in [
        ("dial postgres://u:p@w@h/d: refused", "dial postgres://u:***@h/d: refused"),
        (
            "host all all all ldap ldapbindpasswd=abc ldapserver=h",
            "host all all all ldap ldapbindpasswd=*** ldapserver=h",
        ),
        ("radiussecrets=\"a b\" x", "radiussecrets=*** x"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
        ("--password hunter2 --x", "--password *** --x"),
        ("{\"token\": \"abc\"}", "{\"token\": ***}"),
        ("a -----BEGIN KEY-----\nabc\n-----END KEY----- b", "a *** b"),
        ("host all all 0.0.0.0/0 scram-sha-256", "host all all 0.0.0.0/0 scram-sha-256"),
    ] {
        assert_eq!(mask_text(raw), want);
    }
}

#[test]
fn names() {
    for (name, want) in [
        ("PGSSLMODE", Some((Purpose::ModeDriver, "libpq", Confidence::High))),
        ("DB_SSLMODE", Some((Purpose::ModeConvention, "DB", Confidence::High))),
        ("db_sslmode", Some((Purpose::ModeConvention, "DB", Confidence::Medium))),
        ("db.sslmode", Some((Purpose::ModeConvention, "DB", Confidence::Low))),
        ("SSLMODE", Some((Purpose::ModeConvention, "", Confidence::Low))),
        ("GITEA__database__SSL_MODE", Some((Purpose::ModeConvention, "GITEA__database", Confidence::High))),
        ("AUTHENTIK_POSTGRESQL__SSLMODE", Some((Purpose::ModeConvention, "AUTHENTIK_POSTGRESQL", Confidence::High))),
        (
            "ZITADEL_DATABASE_POSTGRES_USER_SSL_MODE",
            Some((Purpose::ModeConvention, "ZITADEL_DATABASE_POSTGRES_USER", Confidence::High)),
        ),
        ("KUMA_STORE_POSTGRES_TLS_MODE", Some((Purpose::ModeOther, "KUMA_STORE_POSTGRES", Confidence::High))),
        ("MYSQL_SSL_MODE", Some((Purpose::ModeOther, "MYSQL", Confidence::High))),
        ("DB_POSTGRESDB_SSL_ENABLED", Some((Purpose::Boolean, "DB_POSTGRESDB", Confidence::High))),
        ("NODE_TLS_REJECT_UNAUTHORIZED", Some((Purpose::VerifySwitch, "", Confidence::High))),
        ("MYSQL_ATTR_SSL_CA", Some((Purpose::CertificateAuthority, "MYSQL", Confidence::High))),
        ("SPRING_DATASOURCE_URL", Some((Purpose::Jdbc, "SPRING_DATASOURCE", Confidence::High))),
        (
            "SPRING_DATASOURCE_HIKARI_DATA_SOURCE_PROPERTIES_SSLMODE",
            Some((Purpose::ModeConvention, "SPRING_DATASOURCE", Confidence::High)),
        ),
        ("READ_DATABASE_URL", Some((Purpose::Url, "READ_DATABASE", Confidence::High))),
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", Some((Purpose::Url, "AIRFLOW__DATABASE__SQL", Confidence::High))),
        ("ConnectionStrings__Default", Some((Purpose::DotNet, "ConnectionStrings__Default", Confidence::High))),
        ("DB_HOST", Some((Purpose::Host, "DB", Confidence::High))),
        ("RDS_HOSTNAME", Some((Purpose::Host, "RDS", Confidence::High))),
        ("POSTGRES_DB", Some((Purpose::DatabaseName, "POSTGRES", Confidence::High))),
        ("SERVICE_URL", None),
        ("SSL", None),
        ("NAME", None),
    ] {
        let got = classify(name);
        assert_eq!(got.as_ref().map(|v| (v.purpose, v.profile.as_str(), v.confidence)), want, "{name}");
    }
    for (name, secret) in [
        ("DB_NAME", false),
        ("PGSSLKEY", false),
        ("STRIPE_KEY", true),
        ("DBPASS", true),
        ("COMPASS_URL", false),
        ("privateKey", true),
        ("db.pass-word", true),
    ] {
        assert_eq!(is_secret_name(name), secret, "{name}");
    }
}

#[test]
fn annotations() {
    for key in [
        "networking.gke.io/network",
        "cnpg.io/operatorVersion",
        "cloud.google.com/neg",
        "db/ssl",
        "example.com/environment",
    ] {
        assert!(keep_annotation(key), "{key}");
    }
    for key in [
        "kubectl.kubernetes.io/last-applied-configuration",
        "vault.hashicorp.com/token",
        "db/password",
        "checksum/config",
    ] {
        assert!(!keep_annotation(key), "{key}");
    }
}

/// A run of four letters or digits of the password that the text still shows.
fn leaked(password: &str, text: &str) -> Option<String> {
    password
        .split(|c: char| !c.is_ascii_alphanumeric())
        .flat_map(|run| run.as_bytes().windows(4).map(|w| String::from_utf8_lossy(w).into_owned()))
        .find(|w| text.contains(w.as_str()))
}

const FORMS: &[&str] = &[
    "postgres://u:{}@db.data/x?sslmode=require",
    "postgresql+asyncpg://u:{}@db.data:5432/x",
    "postgres://db.data/x?user=u&password={}&sslmode=require",
    "jdbc:postgresql://db.data/x?password={}",
    "jdbc:postgresql://db.data:5432/x?user=u&password={}",
    "jdbc:sqlserver://db.data:1433;user=u;password={};encrypt=true",
    "postgres://u@db.data/x?password={}&sslmode=require",
    "mysql://u:{}@tcp(db.data:3306)/x",
    "host=db.data password='{}' sslmode=require",
    "host=db.data password={} sslmode=require",
    "Host=db.data;Password={};SSL Mode=Require",
    "Host=db.data;Password=\"{}\";SSL Mode=Require",
    "u:{}@tcp(db.data:3306)/x",
    "redis://:{}@db.data/0",
    "mongodb+srv://u:{}@db.data/x",
    "{}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_password_leaks(password in "[G-Z6-9@#?/:&=;%'\" .,$()\\\\-]{4,24}", form in 0..FORMS.len(), named in 0..5usize) {
        let raw = FORMS[form].replace("{}", &password);
        let name = ["DATABASE_URL", "X", "ConnectionStrings__A", "args", "DB_SSLMODE"][named];
        if let Some(text) = kept(name, &raw) {
            // A reference is kept on purpose.
            prop_assert!(password.contains("$(") || leaked(&password, &text).is_none(), "{raw} -> {text}");
        }
    }

    #[test]
    fn any_text_can_be_masked(name in "\\PC{0,20}", raw in "\\PC{0,60}") {
        let _ = (Value::mask(&name, &raw), Value::arguments(&[&name, &raw]), mask_text(&raw), classify(&name), keep_annotation(&name));
    }

    #[test]
    fn free_text_hides_parameters(password in "[G-Z6-9@#?/:=%-]{4,20}") {
        let text = mask_text(&format!("bad dsn postgres://db.data:5432/x?user=u&password={password}: timeout"));
        prop_assert!(leaked(&password, &text).is_none(), "{text}");
    }

    #[test]
    fn free_text_hides_url_passwords(password in "[G-Z6-9@#?/:&=;%-]{4,20}") {
        let text = mask_text(&format!("cannot connect to postgres://u:{password}@db.data/x: timeout"));
        prop_assert!(leaked(&password, &text).is_none(), "{text}");
    }
}

#[test]
fn of_a_secret_only_the_setting_of_tls_is_kept() {
    let kept = |name: &str, raw: &str| Value::tls_setting(name, raw).text().map(str::to_owned);
    for (name, raw, expected) in [
        ("DB_SSLMODE", "require", Some("require")),
        ("PGSSLMODE", "verify-full", Some("verify-full")),
        (
            "DATABASE_URL",
            "postgres://u:pw@host.example:5432/db?sslmode=require&application_name=x",
            Some("postgres://***/?sslmode=require"),
        ),
        ("DATABASE_URL", "postgresql://host/db", Some("postgresql://***/")),
        (
            "JDBC_URL",
            "jdbc:postgresql://h/d?user=u&password=pw&ssl=true&sslmode=verify-ca",
            Some("jdbc:postgresql://***/?ssl=true&sslmode=verify-ca"),
        ),
        ("DSN", "host=h user=u password='a b' sslmode=prefer", Some("host=*** sslmode=prefer")),
        ("url", "postgres://u:p/w?sslmode=require", None),
        ("url", "postgres://h/d?sslmode=whatever-this-is", None),
        ("DB_HOST", "host.example", None),
        ("DB_USER", "u", None),
        ("DB_PASSWORD", "require", None),
        ("DB_SSLMODE", "hunter2hunter2", None),
        ("API_TOKEN", "abc", None),
        ("anything", "a=b sslmode=require", None),
    ] {
        assert_eq!(kept(name, raw).as_deref(), expected, "{name}={raw}");
    }
}

proptest! {
    /// Whatever a Secret holds, no host, name or password of it is kept.
    #[test]
    fn nothing_else_of_a_secret_is_kept(word in "CANARY[a-z0-9]{1,8}", shape in 0usize..6) {
        let raw = match shape {
            0 => word.clone(),
            1 => format!("postgres://{word}:{word}@{word}/{word}?sslmode=require&password={word}&options={word}"),
            2 => format!("host={word} user={word} password={word} dbname={word} sslmode=require"),
            3 => format!("jdbc:postgresql://{word}/{word}?password={word}&sslpassword={word}&ssl=true"),
            4 => format!("postgres://{word}?sslmode={word}"),
            _ => format!("Server={word};Password={word};SslMode=Require"),
        };
        for name in ["DATABASE_URL", "DB_SSLMODE", "DB_HOST", "x", "JDBC_URL", "DB_PASSWORD"] {
            let kept = Value::tls_setting(name, &raw);
            prop_assert!(!kept.text().unwrap_or_default().contains("CANARY"), "{name}={raw}: {kept:?}");
        }
    }
}

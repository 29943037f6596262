//! Names of environment variables, and the purpose of each.
//!
//! Sources: the environment of [libpq](https://www.postgresql.org/docs/current/libpq-envars.html) and the configuration
//! pages of the frameworks and products that define the other names.

/// The purpose of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Purpose {
    /// The TLS mode that drivers read themselves (`PGSSLMODE`).
    ModeDriver,
    /// A TLS mode that an application may read, but no driver (`DB_SSLMODE`).
    ModeConvention,
    /// A TLS mode with other words (`MYSQL_SSL_MODE`, `…_TLS_MODE`).
    ModeOther,
    /// Whether TLS is wanted (`DB_SSL`, `PGREQUIRESSL`).
    Boolean,
    /// `PGSSL`, read by postgres.js.
    PostgresJs,
    /// Turns verification off (`NODE_TLS_REJECT_UNAUTHORIZED`, `…_TLS_INSECURE`).
    VerifySwitch,
    /// `…TRUST_SERVER_CERTIFICATE`.
    TrustSwitch,
    /// Path or PEM of a CA.
    CertificateAuthority,
    /// Path or PEM of a client certificate or its key.
    ClientCertificate,
    /// Other settings of libpq (`PGCHANNELBINDING`, `PGREQUIREAUTH`, `PGSERVICE`, …).
    DriverSetting,
    Url,
    /// Query parameters in a variable of their own (`KC_DB_URL_PROPERTIES`).
    UrlProperties,
    Jdbc,
    DotNet,
    Host,
    Port,
    DatabaseName,
    User,
    Password,
    /// Configures a server (`PGDATA`, `POSTGRES_HOST_AUTH_METHOD`).
    Server,
    /// Configures a database proxy or connector (`CSQL_PROXY_…`, `INSTANCE_CONNECTION_NAME`).
    Proxy,
}

/// How certain the purpose of a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// `SSLMODE` without a prefix, or a name with other separators.
    Low,
    /// A name in another case.
    Medium,
    High,
}

/// A variable name whose purpose is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariableName {
    pub purpose: Purpose,
    /// The prefix that the variables of one connection share (`DB` in `DB_HOST`), `libpq` for the `PG…` variables, or
    /// empty for a variable of the whole process.
    pub profile: String,
    pub confidence: Confidence,
}

/// Profile of the variables that libpq reads.
pub(crate) const LIBPQ: &str = "libpq";

const EXACT: &[(&str, Purpose, &str)] = &[
    ("PGSSLMODE", Purpose::ModeDriver, LIBPQ),
    ("PGREQUIRESSL", Purpose::Boolean, LIBPQ),
    ("PGSSL", Purpose::PostgresJs, LIBPQ),
    ("PGHOST", Purpose::Host, LIBPQ),
    ("PGHOSTADDR", Purpose::Host, LIBPQ),
    ("PGPORT", Purpose::Port, LIBPQ),
    ("PGDATABASE", Purpose::DatabaseName, LIBPQ),
    ("PGUSER", Purpose::User, LIBPQ),
    ("PGPASSWORD", Purpose::Password, LIBPQ),
    ("PGPASSFILE", Purpose::Password, LIBPQ),
    ("PGSSLROOTCERT", Purpose::CertificateAuthority, LIBPQ),
    ("PGSSLCERT", Purpose::ClientCertificate, LIBPQ),
    ("PGSSLKEY", Purpose::ClientCertificate, LIBPQ),
    ("PGSSLCRL", Purpose::ClientCertificate, LIBPQ),
    ("PGSERVICE", Purpose::DriverSetting, LIBPQ),
    ("PGSERVICEFILE", Purpose::DriverSetting, LIBPQ),
    ("PGSSLNEGOTIATION", Purpose::DriverSetting, LIBPQ),
    ("PGSSLCERTMODE", Purpose::DriverSetting, LIBPQ),
    ("PGSSLMINPROTOCOLVERSION", Purpose::DriverSetting, LIBPQ),
    ("PGGSSENCMODE", Purpose::DriverSetting, LIBPQ),
    ("PGCHANNELBINDING", Purpose::DriverSetting, LIBPQ),
    ("PGREQUIREAUTH", Purpose::DriverSetting, LIBPQ),
    ("PGDATA", Purpose::Server, ""),
    ("POSTGRES_HOST_AUTH_METHOD", Purpose::Server, ""),
    ("POSTGRESQL_ENABLE_TLS", Purpose::Server, ""),
    ("ALLOW_NOSSL", Purpose::Server, ""),
    ("NODE_TLS_REJECT_UNAUTHORIZED", Purpose::VerifySwitch, ""),
    ("NODE_EXTRA_CA_CERTS", Purpose::CertificateAuthority, ""),
    ("DIRECT_URL", Purpose::Url, "DIRECT"),
    ("DATA_SOURCE_NAME", Purpose::Url, "DATA_SOURCE_NAME"),
    ("GOOSE_DBSTRING", Purpose::Url, "GOOSE"),
    ("MM_SQLSETTINGS_DATASOURCE", Purpose::Url, "MM_SQLSETTINGS"),
    ("DATASOURCES_DEFAULT_URL", Purpose::Jdbc, "DATASOURCES_DEFAULT"),
    ("LIQUIBASE_COMMAND_URL", Purpose::Jdbc, "LIQUIBASE_COMMAND"),
    ("QUARKUS_DATASOURCE_REACTIVE_URL", Purpose::Jdbc, "QUARKUS_DATASOURCE_REACTIVE"),
    ("KC_DB_URL", Purpose::Jdbc, "KC_DB"),
    ("KC_DB_URL_HOST", Purpose::Host, "KC_DB"),
    ("KC_DB_URL_PORT", Purpose::Port, "KC_DB"),
    ("KC_DB_URL_DATABASE", Purpose::DatabaseName, "KC_DB"),
    ("KC_DB_URL_PROPERTIES", Purpose::UrlProperties, "KC_DB"),
    ("INSTANCE_CONNECTION_NAME", Purpose::Proxy, ""),
    ("INSTANCE_UNIX_SOCKET", Purpose::Proxy, ""),
    ("SSLMODE", Purpose::ModeConvention, ""),
    ("SSL_MODE", Purpose::ModeConvention, ""),
];

/// Words that identify a database, in any case.
#[rustfmt::skip]
const STEMS: &[&str] = &[
    "DB", "DATABASE", "PG", "POSTGRES", "POSTGRESQL", "POSTGRESDB", "PSQL", "SQL", "RDS", "TYPEORM", "DATASOURCE",
    "MYSQL", "MARIADB", "REDIS", "MONGO", "MONGODB", "COCKROACH", "TIMESCALE", "SQLALCHEMY", "PGRST",
];

/// Endings and their purposes. The first match wins, so longer endings come first. `true`: with any prefix.
const ENDINGS: &[(&str, Purpose, bool)] = &[
    ("SSL__REJECT_UNAUTHORIZED", Purpose::VerifySwitch, true),
    ("SSL_REJECT_UNAUTHORIZED", Purpose::VerifySwitch, true),
    ("SSL_VERIFY", Purpose::VerifySwitch, true),
    ("TLS_INSECURE", Purpose::VerifySwitch, true),
    ("TRUST_SERVER_CERTIFICATE", Purpose::TrustSwitch, true),
    ("TRUSTSERVERCERTIFICATE", Purpose::TrustSwitch, true),
    ("CONNECTION_STRING", Purpose::Url, true),
    ("SSLMODE", Purpose::ModeConvention, false),
    ("SSL_MODE", Purpose::ModeConvention, false),
    ("TLS_MODE", Purpose::ModeOther, false),
    ("SSL_ENABLED", Purpose::Boolean, false),
    ("TLS_ENABLED", Purpose::Boolean, false),
    ("REQUIRE_SSL", Purpose::Boolean, false),
    ("ENABLE_SSL", Purpose::Boolean, false),
    ("USE_SSL", Purpose::Boolean, false),
    ("USE_TLS", Purpose::Boolean, false),
    ("SSL", Purpose::Boolean, false),
    ("TLS", Purpose::Boolean, false),
    ("ATTR_SSL_CA", Purpose::CertificateAuthority, false),
    ("SSL_CA_CERT", Purpose::CertificateAuthority, false),
    ("SSL_ROOT_CERT", Purpose::CertificateAuthority, false),
    ("SSL_ROOTCERT", Purpose::CertificateAuthority, false),
    ("SSLROOTCERT", Purpose::CertificateAuthority, false),
    ("SSL_CA_FILE", Purpose::CertificateAuthority, false),
    ("SSL_CA", Purpose::CertificateAuthority, false),
    ("TLS_CA", Purpose::CertificateAuthority, false),
    ("CA_CERT", Purpose::CertificateAuthority, false),
    ("SSL_CERT", Purpose::ClientCertificate, false),
    ("SSLCERT", Purpose::ClientCertificate, false),
    ("SSL_KEY", Purpose::ClientCertificate, false),
    ("SSLKEY", Purpose::ClientCertificate, false),
    ("JDBC_DATABASE_URL", Purpose::Jdbc, true),
    ("JDBC_URL", Purpose::Jdbc, true),
    ("R2DBC_URL", Purpose::Jdbc, true),
    ("FLYWAY_URL", Purpose::Jdbc, true),
    ("LIQUIBASE_URL", Purpose::Jdbc, true),
    ("DATASOURCE_URL", Purpose::Jdbc, true),
    ("CONNECTION_URI", Purpose::Url, false),
    ("ALCHEMY_CONN", Purpose::Url, false),
    ("DSN", Purpose::Url, false),
    ("URL", Purpose::Url, false),
    ("URI", Purpose::Url, false),
    ("HOSTADDR", Purpose::Host, false),
    ("HOSTNAME", Purpose::Host, false),
    ("HOST", Purpose::Host, false),
    ("SERVER", Purpose::Host, false),
    ("ADDRESS", Purpose::Host, false),
    ("ADDR", Purpose::Host, false),
    ("ENDPOINT", Purpose::Host, false),
    ("PORT", Purpose::Port, false),
    ("DBNAME", Purpose::DatabaseName, false),
    ("DATABASE", Purpose::DatabaseName, false),
    ("NAME", Purpose::DatabaseName, false),
    ("DB", Purpose::DatabaseName, false),
    ("USERNAME", Purpose::User, false),
    ("USER", Purpose::User, false),
    ("PASSWORD", Purpose::Password, false),
    ("PASSWD", Purpose::Password, false),
    ("PASS", Purpose::Password, false),
    ("PWD", Purpose::Password, false),
];

/// Finds the purpose of a variable name: first as it is written, then in upper case with `_` for `.` and `-`.
pub(crate) fn classify(name: &str) -> Option<VariableName> {
    if let Some((purpose, profile)) = matched(name) {
        let bare = matches!(name, "SSLMODE" | "SSL_MODE");
        let confidence = if bare { Confidence::Low } else { Confidence::High };
        return Some(VariableName { purpose, profile, confidence });
    }
    let upper = name.to_ascii_uppercase();
    let (folded, confidence) = if upper.contains(['.', '-']) {
        (upper.replace(['.', '-'], "_"), Confidence::Low)
    } else {
        (upper, Confidence::Medium)
    };
    if folded == name {
        return None;
    }
    matched(&folded).map(|(purpose, profile)| VariableName { purpose, profile, confidence })
}

fn matched(name: &str) -> Option<(Purpose, String)> {
    if let Some((_, purpose, profile)) = EXACT.iter().find(|(n, ..)| *n == name) {
        return Some((*purpose, (*profile).to_owned()));
    }
    let dot_net = ["ConnectionStrings__", "CONNECTIONSTRINGS__", "POSTGRESQLCONNSTR_", "CUSTOMCONNSTR_"];
    if dot_net.iter().any(|p| name.starts_with(p)) {
        return Some((Purpose::DotNet, name.to_owned()));
    }
    if name.starts_with("CSQL_PROXY_") || name.starts_with("ALLOYDB_PROXY_") {
        return Some((Purpose::Proxy, String::new()));
    }
    ENDINGS.iter().find_map(|(ending, purpose, any)| {
        let prefix = name.strip_suffix(ending)?;
        if !prefix.is_empty() && !prefix.ends_with('_') {
            return None;
        }
        if *purpose == Purpose::Jdbc {
            // `SPRING_DATASOURCE_URL`: the stem is part of the ending.
            return Some((*purpose, name.strip_suffix("_URL").unwrap_or(name).to_owned()));
        }
        let profile = prefix.trim_end_matches('_');
        let profile = profile.strip_suffix("_HIKARI_DATA_SOURCE_PROPERTIES").unwrap_or(profile);
        if *any {
            return Some((*purpose, profile.to_owned()));
        }
        let stem = profile.split('_').find_map(|t| STEMS.iter().find(|s| s.eq_ignore_ascii_case(t)))?;
        let other = *purpose == Purpose::ModeConvention && matches!(*stem, "MYSQL" | "MARIADB");
        Some((if other { Purpose::ModeOther } else { *purpose }, profile.to_owned()))
    })
}

fn words(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|t| !t.is_empty()).map(str::to_ascii_uppercase)
}

/// Whether the last word in `name` is one of `wanted`.
pub(super) fn ends_with_word(name: &str, wanted: &[&str]) -> bool {
    words(name).last().is_some_and(|t| wanted.contains(&t.as_str()))
}

/// Whether a name identifies a secret: `…PASSWORD`, `…TOKEN`, `…_KEY`, `apiKey`, …
pub(crate) fn is_secret_name(name: &str) -> bool {
    const ANYWHERE: &[&str] = &["PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "SECRET", "TOKEN", "CREDENTIAL"];
    const WORDS: &[&str] = &["PIN", "OTP", "SALT", "PEPPER", "COOKIE", "SIGNATURE", "JWT", "CREDS", "BEARER", "PW"];
    let upper = name.to_ascii_uppercase();
    // `PASS_WORD` and `API-KEY` are the same words as `PASSWORD` and `APIKEY`.
    let joined: String = upper.chars().filter(char::is_ascii_alphanumeric).collect();
    ANYWHERE.iter().any(|w| joined.contains(w))
        || words(name).any(|t| {
            WORDS.contains(&t.as_str())
                || (t.ends_with("PASS") && !matches!(t.as_str(), "COMPASS" | "BYPASS"))
                || t.ends_with("PWD")
                || ((t.ends_with("KEY") || t.ends_with("KEYS")) && t != "SSLKEY" && t != "PGSSLKEY")
        })
}

//! Names of environment variables in the wild, and what each is for.
//!
//! Sources: the environment of [libpq](https://www.postgresql.org/docs/current/libpq-envars.html) and the configuration
//! pages of the frameworks and products that own the other names.

/// What a variable is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// `PGSSLMODE`: read by drivers themselves.
    ModeDriver,
    /// `DB_SSLMODE` and its like: read by no driver, a declared intent.
    ModeConvention,
    /// Modes with another vocabulary (`MYSQL_SSL_MODE`, `…_TLS_MODE`).
    ModeOther,
    /// TLS wanted or not (`DB_SSL`, `PGREQUIRESSL`).
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
    /// Query parameters kept apart from their URL (`KC_DB_URL_PROPERTIES`).
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

/// How surely a name means what its group says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// A bare `SSLMODE`, or a match that needed both another case and other separators.
    Low,
    /// Matched only when case was ignored.
    Medium,
    High,
}

/// A recognised variable name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub group: Group,
    /// What the variables of one connection have in common (`DB` of `DB_HOST`), `libpq` for the `PG…` variables, and
    /// empty for a variable that concerns the whole process.
    pub profile: String,
    pub confidence: Confidence,
}

/// Profile of the variables that libpq reads.
pub(crate) const LIBPQ: &str = "libpq";

const EXACT: &[(&str, Group, &str)] = &[
    ("PGSSLMODE", Group::ModeDriver, LIBPQ),
    ("PGREQUIRESSL", Group::Boolean, LIBPQ),
    ("PGSSL", Group::PostgresJs, LIBPQ),
    ("PGHOST", Group::Host, LIBPQ),
    ("PGHOSTADDR", Group::Host, LIBPQ),
    ("PGPORT", Group::Port, LIBPQ),
    ("PGDATABASE", Group::DatabaseName, LIBPQ),
    ("PGUSER", Group::User, LIBPQ),
    ("PGPASSWORD", Group::Password, LIBPQ),
    ("PGPASSFILE", Group::Password, LIBPQ),
    ("PGSSLROOTCERT", Group::CertificateAuthority, LIBPQ),
    ("PGSSLCERT", Group::ClientCertificate, LIBPQ),
    ("PGSSLKEY", Group::ClientCertificate, LIBPQ),
    ("PGSSLCRL", Group::ClientCertificate, LIBPQ),
    ("PGSERVICE", Group::DriverSetting, LIBPQ),
    ("PGSERVICEFILE", Group::DriverSetting, LIBPQ),
    ("PGSSLNEGOTIATION", Group::DriverSetting, LIBPQ),
    ("PGSSLCERTMODE", Group::DriverSetting, LIBPQ),
    ("PGSSLMINPROTOCOLVERSION", Group::DriverSetting, LIBPQ),
    ("PGGSSENCMODE", Group::DriverSetting, LIBPQ),
    ("PGCHANNELBINDING", Group::DriverSetting, LIBPQ),
    ("PGREQUIREAUTH", Group::DriverSetting, LIBPQ),
    ("PGDATA", Group::Server, ""),
    ("POSTGRES_HOST_AUTH_METHOD", Group::Server, ""),
    ("POSTGRESQL_ENABLE_TLS", Group::Server, ""),
    ("ALLOW_NOSSL", Group::Server, ""),
    ("NODE_TLS_REJECT_UNAUTHORIZED", Group::VerifySwitch, ""),
    ("NODE_EXTRA_CA_CERTS", Group::CertificateAuthority, ""),
    ("DIRECT_URL", Group::Url, "DIRECT"),
    ("DATA_SOURCE_NAME", Group::Url, "DATA_SOURCE_NAME"),
    ("GOOSE_DBSTRING", Group::Url, "GOOSE"),
    ("MM_SQLSETTINGS_DATASOURCE", Group::Url, "MM_SQLSETTINGS"),
    ("DATASOURCES_DEFAULT_URL", Group::Jdbc, "DATASOURCES_DEFAULT"),
    ("LIQUIBASE_COMMAND_URL", Group::Jdbc, "LIQUIBASE_COMMAND"),
    ("QUARKUS_DATASOURCE_REACTIVE_URL", Group::Jdbc, "QUARKUS_DATASOURCE_REACTIVE"),
    ("KC_DB_URL", Group::Jdbc, "KC_DB"),
    ("KC_DB_URL_HOST", Group::Host, "KC_DB"),
    ("KC_DB_URL_PORT", Group::Port, "KC_DB"),
    ("KC_DB_URL_DATABASE", Group::DatabaseName, "KC_DB"),
    ("KC_DB_URL_PROPERTIES", Group::UrlProperties, "KC_DB"),
    ("INSTANCE_CONNECTION_NAME", Group::Proxy, ""),
    ("INSTANCE_UNIX_SOCKET", Group::Proxy, ""),
    ("SSLMODE", Group::ModeConvention, ""),
    ("SSL_MODE", Group::ModeConvention, ""),
];

/// Tokens that say "a database", in any case.
const STEMS: &[&str] = &[
    "DB",
    "DATABASE",
    "PG",
    "POSTGRES",
    "POSTGRESQL",
    "POSTGRESDB",
    "PSQL",
    "SQL",
    "RDS",
    "TYPEORM",
    "DATASOURCE",
    "MYSQL",
    "MARIADB",
    "REDIS",
    "MONGO",
    "MONGODB",
    "COCKROACH",
    "TIMESCALE",
    "SQLALCHEMY",
    "PGRST",
];

/// Endings and their groups. The first that fits wins, so longer ones stand first. `true`: any prefix will do.
const ENDINGS: &[(&str, Group, bool)] = &[
    ("SSL__REJECT_UNAUTHORIZED", Group::VerifySwitch, true),
    ("SSL_REJECT_UNAUTHORIZED", Group::VerifySwitch, true),
    ("SSL_VERIFY", Group::VerifySwitch, true),
    ("TLS_INSECURE", Group::VerifySwitch, true),
    ("TRUST_SERVER_CERTIFICATE", Group::TrustSwitch, true),
    ("TRUSTSERVERCERTIFICATE", Group::TrustSwitch, true),
    ("CONNECTION_STRING", Group::Url, true),
    ("SSLMODE", Group::ModeConvention, false),
    ("SSL_MODE", Group::ModeConvention, false),
    ("TLS_MODE", Group::ModeOther, false),
    ("SSL_ENABLED", Group::Boolean, false),
    ("TLS_ENABLED", Group::Boolean, false),
    ("REQUIRE_SSL", Group::Boolean, false),
    ("ENABLE_SSL", Group::Boolean, false),
    ("USE_SSL", Group::Boolean, false),
    ("USE_TLS", Group::Boolean, false),
    ("SSL", Group::Boolean, false),
    ("TLS", Group::Boolean, false),
    ("ATTR_SSL_CA", Group::CertificateAuthority, false),
    ("SSL_CA_CERT", Group::CertificateAuthority, false),
    ("SSL_ROOT_CERT", Group::CertificateAuthority, false),
    ("SSL_ROOTCERT", Group::CertificateAuthority, false),
    ("SSLROOTCERT", Group::CertificateAuthority, false),
    ("SSL_CA_FILE", Group::CertificateAuthority, false),
    ("SSL_CA", Group::CertificateAuthority, false),
    ("TLS_CA", Group::CertificateAuthority, false),
    ("CA_CERT", Group::CertificateAuthority, false),
    ("SSL_CERT", Group::ClientCertificate, false),
    ("SSLCERT", Group::ClientCertificate, false),
    ("SSL_KEY", Group::ClientCertificate, false),
    ("SSLKEY", Group::ClientCertificate, false),
    ("JDBC_DATABASE_URL", Group::Jdbc, true),
    ("JDBC_URL", Group::Jdbc, true),
    ("R2DBC_URL", Group::Jdbc, true),
    ("FLYWAY_URL", Group::Jdbc, true),
    ("LIQUIBASE_URL", Group::Jdbc, true),
    ("DATASOURCE_URL", Group::Jdbc, true),
    ("CONNECTION_URI", Group::Url, false),
    ("ALCHEMY_CONN", Group::Url, false),
    ("DSN", Group::Url, false),
    ("URL", Group::Url, false),
    ("URI", Group::Url, false),
    ("HOSTADDR", Group::Host, false),
    ("HOSTNAME", Group::Host, false),
    ("HOST", Group::Host, false),
    ("SERVER", Group::Host, false),
    ("ADDRESS", Group::Host, false),
    ("ADDR", Group::Host, false),
    ("ENDPOINT", Group::Host, false),
    ("PORT", Group::Port, false),
    ("DBNAME", Group::DatabaseName, false),
    ("DATABASE", Group::DatabaseName, false),
    ("NAME", Group::DatabaseName, false),
    ("DB", Group::DatabaseName, false),
    ("USERNAME", Group::User, false),
    ("USER", Group::User, false),
    ("PASSWORD", Group::Password, false),
    ("PASSWD", Group::Password, false),
    ("PASS", Group::Password, false),
    ("PWD", Group::Password, false),
];

/// Recognises a variable name, as it stands first, then with case ignored and `.` and `-` read as `_`.
pub fn classify(name: &str) -> Option<Variable> {
    if let Some((group, profile)) = matched(name) {
        let bare = matches!(name, "SSLMODE" | "SSL_MODE");
        let confidence = if bare { Confidence::Low } else { Confidence::High };
        return Some(Variable { group, profile, confidence });
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
    matched(&folded).map(|(group, profile)| Variable { group, profile, confidence })
}

fn matched(name: &str) -> Option<(Group, String)> {
    if let Some((_, group, profile)) = EXACT.iter().find(|(n, ..)| *n == name) {
        return Some((*group, (*profile).to_owned()));
    }
    let dot_net = ["ConnectionStrings__", "CONNECTIONSTRINGS__", "POSTGRESQLCONNSTR_", "CUSTOMCONNSTR_"];
    if dot_net.iter().any(|p| name.starts_with(p)) {
        return Some((Group::DotNet, name.to_owned()));
    }
    if name.starts_with("CSQL_PROXY_") || name.starts_with("ALLOYDB_PROXY_") {
        return Some((Group::Proxy, String::new()));
    }
    ENDINGS.iter().find_map(|(ending, group, any)| {
        let prefix = name.strip_suffix(ending)?;
        if !prefix.is_empty() && !prefix.ends_with('_') {
            return None;
        }
        if *group == Group::Jdbc {
            // `SPRING_DATASOURCE_URL`: the stem is part of the ending.
            return Some((*group, name.strip_suffix("_URL").unwrap_or(name).to_owned()));
        }
        let profile = prefix.trim_end_matches('_');
        let profile = profile.strip_suffix("_HIKARI_DATA_SOURCE_PROPERTIES").unwrap_or(profile);
        if *any {
            return Some((*group, profile.to_owned()));
        }
        let stem = profile.split('_').find_map(|t| STEMS.iter().find(|s| s.eq_ignore_ascii_case(t)))?;
        let other = *group == Group::ModeConvention && matches!(*stem, "MYSQL" | "MARIADB");
        Some((if other { Group::ModeOther } else { *group }, profile.to_owned()))
    })
}

fn tokens(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|t| !t.is_empty()).map(str::to_ascii_uppercase)
}

/// Whether the last token of `name` is one of `wanted`.
pub(super) fn has_token(name: &str, wanted: &[&str]) -> bool {
    tokens(name).last().is_some_and(|t| wanted.contains(&t.as_str()))
}

/// Whether a name says that its value is a secret: `…PASSWORD`, `…TOKEN`, `…_KEY`, `apiKey`, …
pub fn is_secret_name(name: &str) -> bool {
    const ANYWHERE: &[&str] = &["PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "SECRET", "TOKEN", "CREDENTIAL"];
    const TOKENS: &[&str] = &["PIN", "OTP", "SALT", "PEPPER", "COOKIE", "SIGNATURE", "JWT", "CREDS", "BEARER", "PW"];
    let upper = name.to_ascii_uppercase();
    // Separators inside a word (`PASS_WORD`, `API-KEY`) do not make it another word.
    let joined: String = upper.chars().filter(char::is_ascii_alphanumeric).collect();
    ANYWHERE.iter().any(|w| joined.contains(w))
        || tokens(name).any(|t| {
            TOKENS.contains(&t.as_str())
                || (t.ends_with("PASS") && !matches!(t.as_str(), "COMPASS" | "BYPASS"))
                || t.ends_with("PWD")
                || ((t.ends_with("KEY") || t.ends_with("KEYS")) && t != "SSLKEY" && t != "PGSSLKEY")
        })
}

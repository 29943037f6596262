//! The mode of a connection: what drivers read, what other variables declare, and which of the two counts.

use super::convention::{Declaration, conventions};
use super::gather::{Connection, ConnectionVariable, Gathered};
use super::{Delegation, Mode, Profile, Sidecar, VariableEvidence, sidecars};
use crate::database::dsn::{Dsn, DsnProblem, DsnValue, Engine};
use crate::database::env::{EnvValue, Environment, PodContext};
use crate::database::outcome::Client;
use crate::database::tls::{
    Class, Declared, Driver, Range, RootFile, Setting, Settings, UNKNOWN_DRIVER, class_range, other_engine,
    parse_declared_mode, table,
};
use crate::inventory::Reason;
use crate::inventory::object::Container;
use crate::lexicon::{Confidence, Purpose};

/// Builds the profiles of one container's connections.
pub(super) struct ProfileBuilder<'a> {
    pod: &'a PodContext<'a>,
    container: &'a Container,
    env: &'a Environment,
    gathered: &'a Gathered,
    sidecars: Vec<Sidecar>,
}

impl<'a> ProfileBuilder<'a> {
    pub(super) fn new(
        pod: &'a PodContext<'a>,
        container: &'a Container,
        env: &'a Environment,
        gathered: &'a Gathered,
    ) -> Self {
        ProfileBuilder { pod, container, env, gathered, sidecars: sidecars(pod.spec) }
    }

    fn named(&self, purpose: Purpose) -> impl Iterator<Item = &'a ConnectionVariable> {
        self.gathered.variables.iter().filter(move |f| f.purpose == purpose)
    }

    fn setting(&self, name: &str) -> Setting {
        match self.env.get(name) {
            EnvValue::Known(v) => Setting::Set(v),
            EnvValue::Absent => Setting::Unset,
            _ => Setting::Unknown,
        }
    }

    /// Builds the profile of one connection.
    pub(super) fn build(&self, c: &Connection) -> Profile {
        let (drivers, hint) = self.drivers(c);
        let mut out = Profile {
            name: c.name.clone(),
            engine: c.engine,
            syntax: c.dsn.as_ref().map(|d| d.syntax),
            hosts: c.hosts.clone(),
            database: c.database.clone(),
            user: c.user.clone(),
            password: c.password,
            mode: Mode {
                client: Client::Unknown,
                declared: false,
                confidence: c.confidence,
                explicit: None,
                valid: None,
                text: None,
                convention: None,
                range: None,
                delegation: None,
                verification_off: None,
            },
            drivers,
            driver_hint: hint,
            evidence: c.evidence.clone(),
            conflicts: Vec::new(),
            problems: c.problems.clone(),
            reasons: c.reasons.clone(),
        };
        self.find_delegation(c, &mut out);
        self.evaluate_mode(c, &mut out);
        out
    }

    /// The possible drivers, and what identifies them.
    fn drivers(&self, c: &Connection) -> (Vec<Driver>, Option<String>) {
        let fits = |list: &[Driver]| -> Vec<Driver> {
            list.iter().copied().filter(|d| c.dsn.as_ref().is_none_or(|s| d.fits(s.syntax))).collect()
        };
        if c.engine != Engine::Postgres {
            return (Vec::new(), None);
        }
        if let Some(driver) = c.dsn.as_ref().and_then(|d| d.driver.as_deref()) {
            let exact: &[Driver] = match driver {
                "asyncpg" => &[Driver::SqlAlchemyAsyncpg],
                "psycopg" | "psycopg2" | "psycopg2cffi" | "psycopg_async" => &[Driver::SqlAlchemyPsycopg],
                "pg8000" => &[Driver::Pg8000],
                // Prisma uses its native engine up to version 6, and node-postgres from version 7.
                "prisma" => &[Driver::Prisma, Driver::NodePg],
                _ => &[],
            };
            if !exact.is_empty() {
                return (exact.to_vec(), Some(format!("the connection string names {driver}")));
            }
        }
        if c.name == "libpq" {
            // postgres.js reads PGHOST and similar variables, but not PGSSLMODE.
            let reads =
                |d: &Driver| !matches!(table::row(*d).env, table::PgSslMode::Ignored) || *d == Driver::PostgresJs;
            let readers: Vec<Driver> = UNKNOWN_DRIVER.iter().copied().filter(reads).collect();
            return (readers, Some("libpq and compatible drivers read PG… variables".to_owned()));
        }
        let has = |prefix: &str| self.env.variables.keys().find(|k| k.starts_with(prefix));
        let image = self.container.image.rsplit('/').next().unwrap_or_default();
        let image = image.split([':', '@']).next().unwrap_or_default();
        let hint = |list: &[Driver], why: String| {
            let list = fits(list);
            (!list.is_empty()).then_some((list, Some(why)))
        };
        let node = [Driver::NodePg, Driver::PostgresJs, Driver::Prisma];
        let found = if let Some(v) = has("NODE_") {
            hint(&node, format!("{v} is a Node variable"))
        } else if matches!(image, "node" | "bun") {
            hint(&node, format!("image {image}"))
        } else if let Some(v) = has("SPRING_").or(has("JAVA_")).or(has("QUARKUS_")) {
            hint(&[Driver::Pgjdbc, Driver::R2dbc], format!("{v} is a Java variable"))
        } else if let Some(v) = has("DOTNET_").or(has("ASPNETCORE_")) {
            hint(&[Driver::Npgsql, Driver::Npgsql6, Driver::Npgsql5], format!("{v} is a .NET variable"))
        } else {
            None
        };
        found.unwrap_or_else(|| (fits(UNKNOWN_DRIVER), None))
    }

    /// Finds sockets, loopback addresses and connectors, where the driver's TLS does not protect the connection.
    fn find_delegation(&self, c: &Connection, out: &mut Profile) {
        let connector = c.dsn.as_ref().is_some_and(|d| {
            let google =
                d.last("socketFactory").and_then(DsnValue::known).is_some_and(|f| f.starts_with("com.google.cloud"));
            google || d.last("cloudSqlInstance").is_some()
        });
        if connector {
            out.mode.delegation = Some(Delegation::Connector);
            return;
        }
        let mut all: Option<Delegation> = None;
        for host in &c.hosts {
            let place = host.address.known().or(host.name.known());
            let one = if host.is_socket() {
                let cloud = host.name.known().is_some_and(|n| n.starts_with("/cloudsql/"));
                Some(if cloud { Delegation::Connector } else { Delegation::Socket })
            } else if place.is_some_and(is_loopback) {
                self.loopback(out)
            } else {
                None
            };
            match one {
                // One host outside the pod is enough.
                None => return,
                some => all = all.or(some),
            }
        }
        out.mode.delegation = all;
    }

    fn loopback(&self, out: &mut Profile) -> Option<Delegation> {
        if self.pod.spec.host_network {
            out.problems.push("the loopback address is the node's, because the pod has `hostNetwork: true`".to_owned());
            return None;
        }
        let own = &self.container.name;
        let proxies = self.sidecars.iter().find_map(|s| match s {
            Sidecar::Proxy { container, .. } if container != own => {
                Some(Delegation::Proxy { container: container.clone() })
            }
            _ => None,
        });
        let others = || {
            self.sidecars.iter().find_map(|s| match s {
                Sidecar::Pooler { container } | Sidecar::Server { container } => {
                    Some(Delegation::InPod { container: container.clone() })
                }
                Sidecar::Proxy { .. } => None,
            })
        };
        let found = proxies.or_else(others);
        if found.is_none() {
            out.problems.push("loopback address, but no proxy, pooler or database runs in this pod".to_owned());
        }
        found
    }

    fn is_mounted(&self, path: &str) -> bool {
        self.container.mounts.iter().any(|m| {
            path.strip_prefix(m.path.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn root_file(&self, dsn: Option<&Dsn>) -> (RootFile, Option<VariableEvidence>) {
        let (part, evidence) = match dsn.and_then(|d| d.last("sslrootcert")) {
            Some(p) => (p.clone(), None),
            None => {
                let Some(f) = self.gathered.variables.iter().find(|f| f.name == "PGSSLROOTCERT") else {
                    return (RootFile::None, None);
                };
                (DsnValue::from_text(f.text.trim()), Some(f.evidence.clone()))
            }
        };
        let root = match part.known() {
            None => RootFile::Unknown,
            Some("") => RootFile::None,
            Some("system") => RootFile::System,
            Some(path) if self.is_mounted(path) => RootFile::Mounted,
            Some(_) => RootFile::Missing,
        };
        (root, evidence)
    }

    /// The switch of the application or the process that accepts any certificate, and whether it is Node's.
    fn verification_off(&self, c: &Connection) -> Option<(&'a ConnectionVariable, bool)> {
        self.named(Purpose::VerifySwitch)
            .filter(|f| f.profile == c.name || !self.gathered.has(&f.profile))
            .find(|f| {
                let word = f.text.trim().to_ascii_lowercase();
                let off = matches!(word.as_str(), "false" | "0" | "no" | "off");
                let on = matches!(word.as_str(), "true" | "1" | "yes" | "on");
                if f.name.to_ascii_uppercase().ends_with("INSECURE") { on } else { off }
            })
            .map(|f| (f, f.name == "NODE_TLS_REJECT_UNAUTHORIZED"))
    }

    /// The settings that drivers read, with their evidence and problems added to `out`.
    fn settings<'c>(&self, c: &'c Connection, out: &mut Profile) -> Settings<'c> {
        let dsn = c.dsn.as_ref();
        let (root, root_evidence) = self.root_file(dsn);
        out.evidence.extend(root_evidence);
        if root == RootFile::Missing {
            out.problems.push("the CA file is not in a mounted volume".to_owned());
        }
        let own = |f: &&ConnectionVariable| {
            f.name != "PGSSLROOTCERT" && (f.profile == c.name || !self.gathered.has(&f.profile))
        };
        for f in self.named(Purpose::CertificateAuthority).filter(own) {
            let path = f.text.trim();
            out.evidence.push(f.evidence.clone());
            if path.starts_with('/') && f.value.known().is_some() && !self.is_mounted(path) {
                out.problems.push(format!("{} names a CA file that is not in a mounted volume", f.name));
            }
        }
        let switch = self.verification_off(c);
        if let Some((f, _)) = switch {
            out.mode.verification_off = Some(f.name.clone());
            out.evidence.push(f.evidence.clone());
        }
        let service = self.env.get("PGSERVICE").is_visible() || dsn.is_some_and(|d| d.last("service").is_some());
        let is = |name: &str, value: &str| self.env.get(name).known() == Some(value);
        Settings {
            dsn,
            // A connection service file takes precedence over the environment, and is not read:
            // https://www.postgresql.org/docs/current/libpq-pgservice.html
            pgsslmode: if service { Setting::Unknown } else { self.setting("PGSSLMODE") },
            pgrequiressl: self.setting("PGREQUIRESSL"),
            pgssl: self.setting("PGSSL"),
            root,
            node_accepts_any: switch.is_some_and(|(_, node)| node),
            verification_off: switch.is_some_and(|(_, node)| !node),
            bound: is("PGCHANNELBINDING", "require") || is("PGREQUIREAUTH", "scram-sha-256"),
        }
    }

    /// Whether a shell starts the container, which then expands `$NAME` itself.
    fn runs_in_shell(&self) -> bool {
        let mut words = self.container.command.iter().filter_map(|v| v.text());
        words.any(|w| matches!(w.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash")))
    }

    fn evaluate_mode(&self, c: &Connection, out: &mut Profile) {
        let dsn = c.dsn.as_ref();
        let settings = self.settings(c, out);
        let read: Option<Range> = if c.opaque { None } else { class_range(&out.drivers, &settings) };
        let other = dsn.filter(|_| c.engine != Engine::Postgres && !c.opaque).and_then(other_engine);
        let mode = dsn.and_then(explicit_mode);
        let driver_set = mode.is_some() || (c.engine == Engine::Postgres && self.env.get("PGSSLMODE").is_visible());
        if let Some(f) = self.gathered.variables.iter().find(|f| f.name == "PGSSLMODE" && mode.is_none()) {
            out.evidence.push(f.evidence.clone());
        }
        out.mode.text = match mode {
            Some(p) => p.known().map(str::to_owned),
            None => self.env.get("PGSSLMODE").known().map(str::to_owned),
        };
        out.mode.valid = match (&read, &out.mode.text) {
            (Some(range), Some(mode)) => Some(is_valid_mode(mode, range, out.mode.verification_off.is_some())),
            _ => None,
        };
        if self.runs_in_shell() && out.mode.text.as_deref().is_some_and(|t| t.contains("${") || t.starts_with('$')) {
            out.mode.valid = None;
            out.reasons.push(Reason::undecided(format!(
                "the mode of connection {} of {} container {} may be expanded by the shell that starts it: use $(NAME), which Kubernetes expands",
                c.name, self.pod.workload, self.env.container
            )));
            return;
        }
        let client = match (&read, other) {
            (Some(r), _) => Some(Client::from(r)),
            (None, Some((worst, best))) => Some(Client::Classes { worst, best }),
            (None, None) => None,
        };
        out.mode.range = read;
        for p in dsn.into_iter().flat_map(|d| &d.problems) {
            if let DsnProblem::RepeatedKey(k) = p {
                out.conflicts.push(format!("{k} is repeated with different values"));
            }
        }
        // Scheme and parameters set the mode of other engines.
        self.combine_declarations(c, out, client, driver_set || other.is_some());
        if c.shadowed && out.mode.client != Client::Unknown {
            out.mode.declared = true;
            out.mode.confidence = Confidence::Low;
        }
        let delegated = match &out.mode.delegation {
            Some(Delegation::Proxy { .. } | Delegation::Connector) => Client::Delegated,
            Some(Delegation::Socket | Delegation::InPod { .. }) => Client::Local,
            None => return,
        };
        out.mode.client = delegated;
        // No setting of the driver matters.
        out.reasons = c.reasons.clone();
    }

    /// Combines the mode that drivers read with declared modes.
    fn combine_declarations(&self, c: &Connection, out: &mut Profile, read: Option<Client>, driver_set: bool) {
        let all = conventions(self.gathered, c);
        let mut unread = false;
        // The declared class, worst and best, and the variable that declares it.
        let mut declared_mode: Option<(&ConnectionVariable, Class, Class, Confidence)> = None;
        for (by, reading) in &all {
            out.evidence.push(by.evidence.clone());
            match *reading {
                Declaration::Unread => {
                    unread = true;
                    out.reasons.extend(self.env.reasons(&by.name, self.pod));
                }
                Declaration::Invalid(what) => {
                    let why = if what == Declared::Empty { "is set but empty" } else { "is not a TLS mode" };
                    out.problems.push(format!("{} {why}", by.name));
                    out.mode.valid = Some(false);
                    out.mode.convention.get_or_insert((by.name.clone(), what));
                }
                Declaration::Declares { worst, best, what, confidence } => {
                    // A valid declaration counts more than an invalid one.
                    match &out.mode.convention {
                        Some((_, Declared::Class { .. })) => {}
                        _ => out.mode.convention = Some((by.name.clone(), what)),
                    }
                    declared_mode = Some(match declared_mode {
                        None => (*by, worst, best, confidence),
                        Some((first, w, b, sure)) if best < w || b < worst => {
                            out.conflicts.push(format!(
                                "{} is {}, but {} is {}",
                                first.name,
                                first.text.trim(),
                                by.name,
                                by.text.trim()
                            ));
                            (first, w.min(worst), b.min(best), sure.min(confidence))
                        }
                        // `DB_SSL=true` beside `DB_SSLMODE=verify-full`: the narrower one.
                        Some((first, w, b, sure)) => (first, w.max(worst), b.min(best), sure),
                    });
                }
            }
        }
        if c.opaque {
            // The unread connection string may set any mode.
            return;
        }
        if unread {
            // The unread variable may set a weaker mode.
            out.mode.client = match read {
                Some(Client::Classes { worst: Class::Disable, best: Class::Disable }) if driver_set => {
                    Client::class(Class::Disable)
                }
                _ => Client::Unknown,
            };
        } else if let Some((by, worst, best, confidence)) = declared_mode {
            let off = out.mode.verification_off.is_some();
            let capped = |class: Class| if off { class.min(Class::Require) } else { class };
            self.apply_declaration(out, read, driver_set, by, (capped(worst), capped(best)), confidence);
        } else if all.is_empty() && !driver_set && self.maybe_declared(c, out) {
            return;
        } else {
            out.mode.explicit = Some(driver_set);
            out.mode.client = read.unwrap_or(Client::Unknown);
        }
        if out.mode.client == Client::Unknown {
            self.add_reasons(c, out, driver_set);
        }
    }

    /// Applies a declared mode. Alone, it counts as declared; with a mode that drivers read, the weaker counts.
    fn apply_declaration(
        &self,
        out: &mut Profile,
        read: Option<Client>,
        driver_set: bool,
        by: &ConnectionVariable,
        (worst, best): (Class, Class),
        confidence: Confidence,
    ) {
        out.mode.explicit = Some(true);
        if !driver_set {
            out.mode.client = Client::Classes { worst, best };
            out.mode.declared = true;
            out.mode.valid = out.mode.valid.or(Some(true));
            out.mode.text = Some(by.text.trim().to_owned());
            out.mode.confidence = out.mode.confidence.min(confidence);
            return;
        }
        out.mode.client = match read {
            Some(Client::Classes { worst: w, best: b }) => {
                // Compares the mode in the connection string, as libpq defines it, with the declared mode.
                let word = out.mode.text.as_deref().map(parse_declared_mode);
                let same = matches!(word, Some(Declared::Class { class, .. }) if class >= worst && class <= best);
                if same || (w >= worst && b <= best) {
                    Client::Classes { worst: w, best: b }
                } else {
                    let text = out.mode.text.as_deref().unwrap_or("another mode");
                    out.conflicts.push(format!("{} is {}, but the driver uses {text}", by.name, by.text.trim()));
                    Client::Classes { worst: weaker(w, worst), best: weaker(b, best) }
                }
            }
            _ => Client::Unknown,
        };
    }

    /// Whether an unread source may set a mode, although no visible one does. Adds the reasons.
    fn maybe_declared(&self, c: &Connection, out: &mut Profile) -> bool {
        let own = format!("{}_SSLMODE", c.name);
        let maybe = [own.as_str(), "DB_SSLMODE", "PGSSLMODE"]
            .into_iter()
            .find(|n| matches!(self.env.get(n), EnvValue::MaybeAbsent(_)));
        let Some(name) = maybe else { return false };
        out.reasons.extend(self.env.reasons(name, self.pod));
        true
    }

    /// Adds the reasons for an unknown mode. An unknown always has a reason.
    fn add_reasons(&self, c: &Connection, out: &mut Profile, driver_set: bool) {
        if driver_set {
            let names = c.evidence.iter().map(|e| e.variable.as_str()).chain(["PGSSLMODE"]);
            let more: Vec<Reason> = names.flat_map(|n| self.env.reasons(n, self.pod)).collect();
            out.reasons.extend(more.into_iter().filter(|r| !c.reasons.contains(r)));
        }
        if out.reasons.is_empty() {
            out.reasons.push(Reason::undecided(format!(
                "the environment of {} container {} does not state how connection {} is encrypted: set sslmode in its connection string",
                self.pod.workload, self.env.container, c.name
            )));
        }
        out.reasons.sort();
        out.reasons.dedup();
    }
}

fn weaker(a: Class, b: Class) -> Class {
    if a == Class::Error { b } else { a.weaker(b) }
}

/// The parameter that sets the mode, by any of its names.
fn explicit_mode(dsn: &Dsn) -> Option<&DsnValue> {
    const KEYS: &[&str] = &["sslmode", "sslMode", "ssl", "ssl-mode", "ssl_mode", "tls", "requiressl", "useSSL"];
    KEYS.iter().find_map(|k| dsn.last(k))
}

/// Whether drivers accept the mode, and protect the connection at least as much as it states.
fn is_valid_mode(mode: &str, range: &Range, verification_off: bool) -> bool {
    // Another key or another spelling can be without effect for every driver.
    let without_effect =
        matches!(parse_declared_mode(mode), Declared::Class { class, .. } if !verification_off && range.best < class);
    let weakened = range.evaluations.iter().any(|(_, e)| e.weakened);
    let known = table::WORDS.contains(&mode) || is_switch_word(mode);
    known && !without_effect && !weakened && range.errors.len() < range.evaluations.len()
}

fn is_switch_word(word: &str) -> bool {
    matches!(word, "true" | "false" | "1" | "0" | "" | "no-verify" | "tunnel")
        || table::WORDS.iter().any(|w| w.replace('-', "").eq_ignore_ascii_case(&word.replace(['-', ' '], "")))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

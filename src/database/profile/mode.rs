//! The mode of a connection: what drivers read, what a convention variable declares, and which of them counts.

use super::convention::{Reading, conventions};
use super::gather::{Connection, Found, Gathered};
use super::{Delegation, Evidence, Mode, Profile, Sidecar, sidecars};
use crate::database::dsn::{Dsn, Engine, Part, Problem};
use crate::database::env::{EnvValue, Environment, PodContext};
use crate::database::tls::{
    Class, Declared, Driver, Range, RootFile, Setting, Settings, UNKNOWN_DRIVER, declared, other_engine, range, table,
};
use crate::database::verdict::Client;
use crate::inventory::Reason;
use crate::inventory::object::Container;
use crate::lexicon::{Confidence, Group};

/// What all connections of a container share.
pub(super) struct Shared<'a> {
    pod: &'a PodContext<'a>,
    container: &'a Container,
    env: &'a Environment,
    gathered: &'a Gathered,
    sidecars: Vec<Sidecar>,
}

impl<'a> Shared<'a> {
    pub fn new(
        pod: &'a PodContext<'a>,
        container: &'a Container,
        env: &'a Environment,
        gathered: &'a Gathered,
    ) -> Self {
        Shared { pod, container, env, gathered, sidecars: sidecars(pod.spec) }
    }

    fn named(&self, group: Group) -> impl Iterator<Item = &'a Found> {
        self.gathered.found.iter().filter(move |f| f.group == group)
    }

    fn setting(&self, name: &str) -> Setting {
        match self.env.get(name) {
            EnvValue::Known(v) => Setting::Set(v),
            EnvValue::Absent => Setting::Unset,
            _ => Setting::Unknown,
        }
    }

    /// Judges one connection.
    pub fn profile(&self, c: &Connection) -> Profile {
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
        self.delegate(c, &mut out);
        self.judge(c, &mut out);
        out
    }

    /// Drivers that the environment leaves possible.
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
                // The native engine up to 6, node-postgres from 7.
                "prisma" => &[Driver::Prisma, Driver::NodePg],
                _ => &[],
            };
            if !exact.is_empty() {
                return (exact.to_vec(), Some(format!("the connection string names {driver}")));
            }
        }
        if c.name == "libpq" {
            // postgres.js reads PGHOST and its like, and not PGSSLMODE.
            let reads = |d: &Driver| !matches!(table::row(*d).env, table::Env::Ignored) || *d == Driver::PostgresJs;
            let readers: Vec<Driver> = UNKNOWN_DRIVER.iter().copied().filter(reads).collect();
            return (readers, Some("PG… variables are read by libpq-like drivers".to_owned()));
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

    /// Sockets, loopback, connectors: where the driver's TLS is not what protects the connection.
    fn delegate(&self, c: &Connection, out: &mut Profile) {
        let connector = c.dsn.as_ref().is_some_and(|d| {
            let google =
                d.last("socketFactory").and_then(Part::known).is_some_and(|f| f.starts_with("com.google.cloud"));
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
                // One host that goes out of the pod is enough.
                None => return,
                some => all = all.or(some),
            }
        }
        out.mode.delegation = all;
    }

    fn loopback(&self, out: &mut Profile) -> Option<Delegation> {
        if self.pod.spec.host_network {
            out.problems.push("the loopback address is the node's, because the pod uses the host network".to_owned());
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
            out.problems.push(
                "dangling loopback: no proxy, pooler or database runs in this pod that the address could lead to"
                    .to_owned(),
            );
        }
        found
    }

    fn is_mounted(&self, path: &str) -> bool {
        self.container.mounts.iter().any(|m| {
            path.strip_prefix(m.path.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn root(&self, dsn: Option<&Dsn>) -> (RootFile, Option<Evidence>) {
        let (part, evidence) = match dsn.and_then(|d| d.last("sslrootcert")) {
            Some(p) => (p.clone(), None),
            None => {
                let Some(f) = self.gathered.found.iter().find(|f| f.name == "PGSSLROOTCERT") else {
                    return (RootFile::None, None);
                };
                (Part::of(f.text.trim()), Some(f.evidence.clone()))
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

    /// A switch of the application or the process that accepts any certificate: its name, and whether it is Node's.
    fn verification_off(&self, c: &Connection) -> Option<(&'a Found, bool)> {
        self.named(Group::VerifySwitch)
            .filter(|f| f.profile == c.name || !self.gathered.has(&f.profile))
            .find(|f| {
                let word = f.text.trim().to_ascii_lowercase();
                let off = matches!(word.as_str(), "false" | "0" | "no" | "off");
                let on = matches!(word.as_str(), "true" | "1" | "yes" | "on");
                if f.name.to_ascii_uppercase().ends_with("INSECURE") { on } else { off }
            })
            .map(|f| (f, f.name == "NODE_TLS_REJECT_UNAUTHORIZED"))
    }

    fn judge(&self, c: &Connection, out: &mut Profile) {
        let dsn = c.dsn.as_ref();
        let (root, root_evidence) = self.root(dsn);
        out.evidence.extend(root_evidence);
        if root == RootFile::Missing {
            out.problems.push("the CA file that is named is not mounted".to_owned());
        }
        let own = |f: &&Found| f.name != "PGSSLROOTCERT" && (f.profile == c.name || !self.gathered.has(&f.profile));
        for f in self.named(Group::CertificateAuthority).filter(own) {
            let path = f.text.trim();
            out.evidence.push(f.evidence.clone());
            if path.starts_with('/') && f.value.known().is_some() && !self.is_mounted(path) {
                out.problems.push(format!("{} names a CA file that is not mounted", f.name));
            }
        }
        let switch = self.verification_off(c);
        if let Some((f, _)) = switch {
            out.mode.verification_off = Some(f.name.clone());
            out.evidence.push(f.evidence.clone());
        }
        let service = self.env.get("PGSERVICE").is_visible() || dsn.is_some_and(|d| d.last("service").is_some());
        let is = |name: &str, value: &str| self.env.get(name).known() == Some(value);
        let settings = Settings {
            dsn,
            // A service file comes before the environment, and is not read.
            pgsslmode: if service { Setting::Unknown } else { self.setting("PGSSLMODE") },
            pgrequiressl: self.setting("PGREQUIRESSL"),
            pgssl: self.setting("PGSSL"),
            root,
            node_accepts_any: switch.is_some_and(|(_, node)| node),
            verification_off: switch.is_some_and(|(_, node)| !node),
            bound: is("PGCHANNELBINDING", "require") || is("PGREQUIREAUTH", "scram-sha-256"),
        };
        let read: Option<Range> = if c.opaque { None } else { range(&out.drivers, &settings) };
        let other = dsn.filter(|_| c.engine != Engine::Postgres && !c.opaque).and_then(other_engine);
        let mode = dsn.and_then(explicit_mode);
        let driver_set = mode.is_some() || (c.engine == Engine::Postgres && self.env.get("PGSSLMODE").is_visible());
        if let Some(f) = self.gathered.found.iter().find(|f| f.name == "PGSSLMODE" && mode.is_none()) {
            out.evidence.push(f.evidence.clone());
        }
        out.mode.text = match mode {
            Some(p) => p.known().map(str::to_owned),
            None => self.env.get("PGSSLMODE").known().map(str::to_owned),
        };
        out.mode.valid = match (&read, &out.mode.text) {
            (Some(r), Some(word)) => {
                // The best that any driver makes of it is less than the word says (another key, another spelling).
                let lost =
                    matches!(declared(word), Declared::Class { class, .. } if switch.is_none() && r.best < class);
                let weak = lost || r.judgements.iter().any(|(_, j)| j.weakened);
                Some(
                    (table::WORDS.contains(&word.as_str()) || is_switch_word(word))
                        && !weak
                        && r.errors.len() < r.judgements.len(),
                )
            }
            _ => None,
        };
        let shell = self
            .container
            .command
            .iter()
            .filter_map(|v| v.text())
            .any(|w| matches!(w.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash")));
        if shell && out.mode.text.as_deref().is_some_and(|t| t.contains("${") || t.starts_with('$')) {
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
            if let Problem::RepeatedKey(k) = p {
                out.conflicts.push(format!("{k} is given more than once with different values"));
            }
        }
        // Engines other than PostgreSQL decide by scheme and parameters.
        self.decide(c, out, client, driver_set || other.is_some());
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
        // No setting matters any more.
        out.reasons = c.reasons.clone();
    }

    /// Puts driver-read and declared mode together.
    fn decide(&self, c: &Connection, out: &mut Profile, read: Option<Client>, driver_set: bool) {
        let all = conventions(self.gathered, c);
        let mut unread = false;
        // The declared class, worst and best, with the variable that it comes from.
        let mut said: Option<(&Found, Class, Class, Confidence)> = None;
        for (by, reading) in &all {
            out.evidence.push(by.evidence.clone());
            match *reading {
                Reading::Unread => {
                    unread = true;
                    out.reasons.extend(self.env.reasons(&by.name, self.pod));
                }
                Reading::Invalid(what) => {
                    let why = if what == Declared::Empty { "is set but empty" } else { "is not a TLS mode" };
                    out.problems.push(format!("{} {why}", by.name));
                    out.mode.valid = Some(false);
                    out.mode.convention.get_or_insert((by.name.clone(), what));
                }
                Reading::Declares { worst, best, what, confidence } => {
                    // A real declaration says more than an empty one.
                    match &out.mode.convention {
                        Some((_, Declared::Class { .. })) => {}
                        _ => out.mode.convention = Some((by.name.clone(), what)),
                    }
                    said = Some(match said {
                        None => (*by, worst, best, confidence),
                        Some((first, w, b, sure)) if best < w || b < worst => {
                            out.conflicts.push(format!(
                                "{} says {}, and {} says {}",
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
            // The string itself may say anything.
            return;
        }
        if unread {
            // A weaker reading cannot be excluded.
            out.mode.client = match read {
                Some(Client::Classes { worst: Class::T0, best: Class::T0 }) if driver_set => Client::class(Class::T0),
                _ => Client::Unknown,
            };
        } else if let Some((by, worst, best, confidence)) = said {
            let off = out.mode.verification_off.is_some();
            let capped = |class: Class| if off { class.min(Class::T3) } else { class };
            self.declare(out, read, driver_set, by, (capped(worst), capped(best)), confidence);
        } else if all.is_empty() && !driver_set && self.maybe_declared(c, out) {
            return;
        } else {
            out.mode.explicit = Some(driver_set);
            out.mode.client = read.unwrap_or(Client::Unknown);
        }
        if out.mode.client == Client::Unknown {
            self.explain(c, out, driver_set);
        }
    }

    /// A mode is declared: alone it counts as declared, beside one that drivers read the weaker counts.
    fn declare(
        &self,
        out: &mut Profile,
        read: Option<Client>,
        driver_set: bool,
        by: &Found,
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
                // The word in the string, in libpq's meaning, against the declared word.
                let word = out.mode.text.as_deref().map(declared);
                let same = matches!(word, Some(Declared::Class { class, .. }) if class >= worst && class <= best);
                if same || (w >= worst && b <= best) {
                    Client::Classes { worst: w, best: b }
                } else {
                    let text = out.mode.text.as_deref().unwrap_or("another mode");
                    out.conflicts.push(format!("{} says {}, and the driver reads {text}", by.name, by.text.trim()));
                    Client::Classes { worst: weaker(w, worst), best: weaker(b, best) }
                }
            }
            _ => Client::Unknown,
        };
    }

    /// Nothing visible sets a mode: whether something that is not read may, with the reasons.
    fn maybe_declared(&self, c: &Connection, out: &mut Profile) -> bool {
        let own = format!("{}_SSLMODE", c.name);
        let maybe = [own.as_str(), "DB_SSLMODE", "PGSSLMODE"]
            .into_iter()
            .find(|n| matches!(self.env.get(n), EnvValue::MaybeAbsent(_)));
        let Some(name) = maybe else { return false };
        out.reasons.extend(self.env.reasons(name, self.pod));
        true
    }

    /// An unknown always has a reason.
    fn explain(&self, c: &Connection, out: &mut Profile, driver_set: bool) {
        if driver_set {
            let names = c.evidence.iter().map(|e| e.variable.as_str()).chain(["PGSSLMODE"]);
            let more: Vec<Reason> = names.flat_map(|n| self.env.reasons(n, self.pod)).collect();
            out.reasons.extend(more.into_iter().filter(|r| !c.reasons.contains(r)));
        }
        if out.reasons.is_empty() {
            out.reasons.push(Reason::undecided(format!(
                "nothing in the environment of {} container {} says how connection {} is encrypted: set sslmode in its connection string",
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

/// The parameter of a connection string that sets the mode, under any of its names.
fn explicit_mode(dsn: &Dsn) -> Option<&Part> {
    const KEYS: &[&str] = &["sslmode", "sslMode", "ssl", "ssl-mode", "ssl_mode", "tls", "requiressl", "useSSL"];
    KEYS.iter().find_map(|k| dsn.last(k))
}

fn is_switch_word(word: &str) -> bool {
    matches!(word, "true" | "false" | "1" | "0" | "" | "no-verify" | "tunnel")
        || table::WORDS.iter().any(|w| w.replace('-', "").eq_ignore_ascii_case(&word.replace(['-', ' '], "")))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

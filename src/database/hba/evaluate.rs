//! Can a client log in without TLS? [The first rule that matches](https://www.postgresql.org/docs/current/auth-pg-hba-conf.html)
//! decides a login.
//!
//! The evaluation uses finitely many witnesses, so that every possible login matches the same rules as one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    Acceptance, Address, CertificateBypass, ConnectionType, Database, Method, Origin, Posture, Question, Reached, Rule,
    Rules, Transport, User, Witness,
};
use crate::inventory::Reason;

/// Roles of the operator. Its own rules apply to them.
const OPERATOR_ROLES: &[&str] = &["streaming_replica", "cnpg_pooler_pgbouncer", "cnp_pooler_pgbouncer"];

/// The most rule comparisons for one list, about a second of work. Real lists take thousands.
const BUDGET: usize = 50_000_000;

/// The most rules in a list that is evaluated.
const MAX_RULES: usize = 2_000;

const ANY_USER: &str = "any other user";
const ANY_DATABASE: &str = "any other database";

/// Evaluates a list for `question`.
pub(crate) fn evaluate(rules: &Rules, question: &Question) -> Posture {
    let empty =
        |acceptance| Posture { acceptance, reached: Vec::new(), certificate_bypass: Vec::new(), shadowed: Vec::new() };
    if !rules.errors.is_empty() {
        return empty(Acceptance::Invalid(rules.errors.clone()));
    }
    if rules.rules.len() > MAX_RULES {
        return empty(too_many());
    }
    let requests = Requests::new(&rules.rules, question);
    if requests.count().saturating_mul(2 * rules.rules.len().max(1)) > BUDGET {
        return empty(too_many());
    }
    let mut tally = Tally::default();
    for request in requests.iter() {
        for transport in [Transport::Cleartext, Transport::Tls] {
            let deciding_rules = deciding_rules(&rules.rules, &request, transport);
            tally.add(&rules.rules, &request, transport, &deciding_rules);
        }
    }
    let included: Vec<Reason> = rules
        .unread
        .iter()
        .map(|u| Reason::undecided(format!("{u}: write the rules or names into spec.postgresql.pg_hba itself")))
        .collect();
    let acceptance = if included.is_empty() { tally.acceptance(&rules.rules) } else { Acceptance::Unknown(included) };
    let shadowed = rules
        .rules
        .iter()
        .enumerate()
        .filter(|(i, r)| r.origin != Origin::Operator && is_evaluated(r) && !tally.touched.contains(i))
        .map(|(i, _)| i)
        .collect();
    // A question about one client does not evaluate the rules for other clients.
    let whole = question.database.is_none() && question.user.is_none() && question.addresses.is_empty();
    if !rules.unread.is_empty() {
        // Unread rules may come before all others.
        return empty(acceptance);
    }
    Posture {
        acceptance,
        certificate_bypass: certificate_bypasses(&rules.rules, &tally),
        reached: tally.reached.into_values().collect(),
        shadowed: if whole { shadowed } else { Vec::new() },
    }
}

fn too_many() -> Acceptance {
    Acceptance::Unknown(vec![Reason::undecided("pg_hba has too many rules to decide: shorten the list")])
}

fn is_evaluated(rule: &Rule) -> bool {
    !matches!(rule.connection, ConnectionType::Local | ConnectionType::HostGssEnc)
        && rule.databases.iter().any(|d| *d != Database::Replication)
}

/// A user who stands for all users that match the same rules.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UserWitness {
    name: String,
    /// The `+role` that this user is a member of.
    member_of: Option<String>,
    /// Stands for all names that no rule names.
    fresh: bool,
}

struct Request<'a> {
    database: &'a str,
    user: &'a UserWitness,
    address: IpAddr,
}

impl Request<'_> {
    fn witness(&self) -> Witness {
        Witness { database: self.database.to_owned(), user: self.user.name.clone(), address: self.address }
    }
}

struct Requests {
    databases: Vec<String>,
    users: Vec<UserWitness>,
    addresses: Vec<IpAddr>,
}

impl Requests {
    fn new(rules: &[Rule], question: &Question) -> Self {
        let named = |name: &str| UserWitness { name: name.to_owned(), member_of: None, fresh: false };
        let mut users: Vec<UserWitness> = Vec::new();
        let mut databases: BTreeSet<String> = BTreeSet::new();
        for rule in rules {
            for user in &rule.users {
                let witness = match user {
                    // No role is named "ALL": such a rule is a misspelled keyword, and matches no login.
                    User::Name(n) if n.eq_ignore_ascii_case("all") || OPERATOR_ROLES.contains(&n.as_str()) => continue,
                    User::Name(n) => named(n),
                    User::Role(r) => {
                        UserWitness { name: format!("a member of {r}"), member_of: Some(r.clone()), fresh: true }
                    }
                    User::All | User::File(_) | User::Regex(_) => continue,
                };
                if !users.contains(&witness) {
                    users.push(witness);
                }
            }
            for database in &rule.databases {
                if let Database::Name(n) = database
                    && !n.eq_ignore_ascii_case("all")
                {
                    databases.insert(n.clone());
                }
            }
        }
        users.push(UserWitness { name: ANY_USER.to_owned(), member_of: None, fresh: true });
        if let Some(user) = &question.user {
            users = vec![named(user)];
        }
        let by_name =
            rules.iter().flat_map(|r| &r.databases).any(|d| matches!(d, Database::SameUser | Database::SameRole));
        if by_name {
            databases.extend(users.iter().map(|u| u.name.clone()));
        }
        databases.insert(ANY_DATABASE.to_owned());
        let databases = match &question.database {
            Some(d) => vec![d.clone()],
            None => databases.into_iter().collect(),
        };
        let addresses = if question.addresses.is_empty() {
            address_witnesses(rules, question.ipv4_only)
        } else {
            question.addresses.clone()
        };
        Requests { databases, users, addresses }
    }

    fn count(&self) -> usize {
        self.databases.len().saturating_mul(self.users.len()).saturating_mul(self.addresses.len())
    }

    fn iter(&self) -> impl Iterator<Item = Request<'_>> {
        self.databases.iter().flat_map(move |database| {
            self.users
                .iter()
                .flat_map(move |user| self.addresses.iter().map(move |&address| Request { database, user, address }))
        })
    }
}

/// The first address of every interval between the borders of the rules' networks, in both families.
fn address_witnesses(rules: &[Rule], ipv4_only: bool) -> Vec<IpAddr> {
    let (mut v4, mut v6) = (BTreeSet::from([0u32]), BTreeSet::from([0u128]));
    for rule in rules {
        match rule.address {
            Address::Net { address: IpAddr::V4(a), mask: IpAddr::V4(m) } => {
                let start = a.to_bits() & m.to_bits();
                v4.insert(start);
                v4.extend((start | !m.to_bits()).checked_add(1));
            }
            Address::Net { address: IpAddr::V6(a), mask: IpAddr::V6(m) } => {
                let start = a.to_bits() & m.to_bits();
                v6.insert(start);
                v6.extend((start | !m.to_bits()).checked_add(1));
            }
            _ => {}
        }
    }
    let v4 = v4.into_iter().map(|b| IpAddr::V4(Ipv4Addr::from_bits(b)));
    let v6 = v6.into_iter().map(|b| IpAddr::V6(Ipv6Addr::from_bits(b)));
    let mut all: Vec<IpAddr> = if ipv4_only { v4.collect() } else { v4.chain(v6).collect() };
    // Addresses that match the same rules need one witness.
    let mut seen = BTreeSet::new();
    all.retain(|ip| seen.insert(rules.iter().map(|r| r.address.matches(*ip)).collect::<Vec<_>>()));
    all
}

/// Whether a rule matches. `None` if the configuration does not decide.
type Match = Option<bool>;

fn and(a: Match, b: impl FnOnce() -> Match) -> Match {
    match a {
        Some(false) => Some(false),
        Some(true) => b(),
        None => match b() {
            Some(false) => Some(false),
            _ => None,
        },
    }
}

fn any(items: impl Iterator<Item = Match>) -> Match {
    let mut out = Some(false);
    for item in items {
        match item {
            Some(true) => return Some(true),
            None => out = None,
            Some(false) => {}
        }
    }
    out
}

fn transport_matches(connection: ConnectionType, transport: Transport) -> bool {
    match connection {
        ConnectionType::Host | ConnectionType::HostNoGssEnc => true,
        ConnectionType::HostSsl => transport == Transport::Tls,
        ConnectionType::HostNoSsl => transport == Transport::Cleartext,
        ConnectionType::Local | ConnectionType::HostGssEnc => false,
    }
}

fn database_matches(database: &Database, request: &Request<'_>) -> Match {
    match database {
        Database::All => Some(true),
        Database::SameUser => Some(request.database == request.user.name),
        Database::SameRole if request.database == request.user.name => Some(true),
        Database::SameRole => {
            if request.user.member_of.as_deref() == Some(request.database) {
                Some(true)
            } else {
                None
            }
        }
        Database::Replication => Some(false),
        Database::Name(n) => Some(n == request.database),
        Database::File(_) | Database::Regex(_) => None,
    }
}

fn user_matches(user: &User, witness: &UserWitness) -> Match {
    match user {
        User::All => Some(true),
        User::Name(n) => Some(*n == witness.name),
        User::Role(r) if witness.member_of.as_ref() == Some(r) => Some(true),
        // The fresh user is a member of no role. Any other user may be a member.
        User::Role(_) if witness.fresh && witness.member_of.is_none() => Some(false),
        // A role is a member of itself.
        User::Role(r) if *r == witness.name => Some(true),
        User::Role(_) | User::File(_) | User::Regex(_) => None,
    }
}

/// The rules that may decide, in order. The last entry is a rule that certainly matches, or `None` for "no rule".
fn deciding_rules(rules: &[Rule], request: &Request<'_>, transport: Transport) -> Vec<Option<usize>> {
    let mut out = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        if !transport_matches(rule.connection, transport) {
            continue;
        }
        let found = and(any(rule.databases.iter().map(|d| database_matches(d, request))), || {
            and(any(rule.users.iter().map(|u| user_matches(u, request.user))), || rule.address.matches(request.address))
        });
        match found {
            Some(false) => {}
            Some(true) if !rule.uncertain => {
                out.push(Some(i));
                return out;
            }
            _ => out.push(Some(i)),
        }
    }
    out.push(None);
    out
}

#[derive(Clone, Copy, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
    unclear: usize,
}

#[derive(Default)]
struct Tally {
    cleartext: Counts,
    tls: Counts,
    open: Vec<Witness>,
    refused: Vec<Witness>,
    /// By rule and transport, in list order for reports.
    reached: BTreeMap<(usize, Transport), Reached>,
    touched: BTreeSet<usize>,
    /// Rules for which it is not known whether they decide a cleartext login.
    unclear_rules: BTreeSet<usize>,
}

impl Tally {
    fn add(&mut self, rules: &[Rule], request: &Request<'_>, transport: Transport, deciding_rules: &[Option<usize>]) {
        let accepts = |d: &Option<usize>| d.is_some_and(|i| rules[i].method != Method::Reject);
        let (yes, no) = (deciding_rules.iter().any(accepts), deciding_rules.iter().any(|d| !accepts(d)));
        let certain = deciding_rules.len() == 1;
        for i in deciding_rules.iter().copied().flatten() {
            self.touched.insert(i);
            let entry = self.reached.entry((i, transport)).or_insert_with(|| Reached {
                rule: i,
                transport,
                method: rules[i].method,
                witness: request.witness(),
                certain,
            });
            if certain && !entry.certain {
                *entry = Reached { certain, witness: request.witness(), ..entry.clone() };
            }
        }
        let cleartext = transport == Transport::Cleartext;
        let counts = if cleartext { &mut self.cleartext } else { &mut self.tls };
        let (count, list) = match (yes, no) {
            (true, false) => (&mut counts.accepted, Some(&mut self.open)),
            (false, _) => (&mut counts.refused, Some(&mut self.refused)),
            (true, true) => (&mut counts.unclear, None),
        };
        *count += 1;
        match list {
            Some(list) if cleartext && list.len() < Acceptance::MAX_WITNESSES => list.push(request.witness()),
            None if cleartext => {
                let undecided = deciding_rules.len().saturating_sub(1);
                self.unclear_rules.extend(deciding_rules[..undecided].iter().copied().flatten());
            }
            _ => {}
        }
    }

    fn acceptance(&mut self, rules: &[Rule]) -> Acceptance {
        let (clear, tls) = (self.cleartext, self.tls);
        if clear.accepted > 0 && clear.refused > 0 {
            return Acceptance::Partial {
                open: std::mem::take(&mut self.open),
                refused: std::mem::take(&mut self.refused),
            };
        }
        if clear.unclear > 0 {
            let reasons = self.unclear_rules.iter().map(|&i| {
                Reason::undecided(format!(
                    "the configuration does not decide whether pg_hba rule `{}` matches (host name, file, regular expression, role membership or pod selector): list databases, users and CIDR ranges instead",
                    rules[i].text
                ))
            });
            return Acceptance::Unknown(reasons.collect());
        }
        let tls_refused = tls.accepted == 0 && tls.unclear == 0;
        match (clear.accepted > 0, tls_refused) {
            (true, true) => Acceptance::CleartextOnly,
            (true, false) => Acceptance::Open,
            (false, true) => Acceptance::LockedOut,
            (false, false) => Acceptance::TlsOnly,
        }
    }
}

/// Roles named in a user's `hostssl … cert` rule that another rule accepts in cleartext.
fn certificate_bypasses(rules: &[Rule], tally: &Tally) -> Vec<CertificateBypass> {
    let mut out: Vec<CertificateBypass> = Vec::new();
    for (c, rule) in rules.iter().enumerate() {
        let required = rule.client_certificate && rule.origin != Origin::Operator;
        if !required || rule.method == Method::Reject {
            continue;
        }
        for user in &rule.users {
            let name = match user {
                User::All => ANY_USER,
                User::Name(n) => n,
                _ => continue,
            };
            let witness = UserWitness { name: name.to_owned(), member_of: None, fresh: *user == User::All };
            // Cleartext to any database of the rule, from any address, is a bypass.
            let found = tally.reached.values().find(|r| {
                r.certain
                    && r.transport == Transport::Cleartext
                    && r.method != Method::Reject
                    && any(rules[r.rule].users.iter().map(|u| user_matches(u, &witness))) == Some(true)
                    && serves_cleartext(rules, rule, r.rule, &witness)
            });
            if let Some(r) = found {
                out.push(CertificateBypass { user: name.to_owned(), certificate_rule: c, cleartext_rule: r.rule });
            }
        }
    }
    out
}

/// Whether `target` decides a cleartext login of `user` to a database of the certificate rule.
fn serves_cleartext(rules: &[Rule], certificate: &Rule, target: usize, user: &UserWitness) -> bool {
    let addresses = address_witnesses(rules, false);
    certificate.databases.iter().any(|d| {
        let database = match d {
            Database::Name(n) => n.as_str(),
            Database::SameUser => user.name.as_str(),
            _ => ANY_DATABASE,
        };
        addresses.iter().any(|&address| {
            deciding_rules(rules, &Request { database, user, address }, Transport::Cleartext) == [Some(target)]
        })
    })
}

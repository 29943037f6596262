//! Bearer tokens and whom they stand for. The token service hands them out; Google's APIs and the API server look them
//! up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// In every token that is made here, so that a test can search outputs for a leaked one.
pub(crate) const MARK: &str = "fake-access-token";

#[derive(Clone, Default)]
pub(crate) struct Tokens(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    tokens: HashMap<String, Token>,
    made: usize,
    /// For the tokens made from now on.
    lifetime: Option<Duration>,
    uses: Option<usize>,
}

struct Token {
    user: String,
    until: Option<Instant>,
    /// Requests that it is still good for.
    uses: Option<usize>,
    revoked: bool,
}

impl Tokens {
    pub(crate) fn issue(&self, user: &str) -> String {
        let mut table = self.0.lock().unwrap();
        table.made += 1;
        let token = format!("ya29.{MARK}-{}", table.made);
        let until = table.lifetime.map(|d| Instant::now() + d);
        let uses = table.uses;
        table.tokens.insert(token.clone(), Token { user: user.to_owned(), until, uses, revoked: false });
        token
    }

    /// Makes a text of the test's own a token.
    pub(crate) fn accept(&self, token: &str, user: &str) {
        let entry = Token { user: user.to_owned(), until: None, uses: None, revoked: false };
        self.0.lock().unwrap().tokens.insert(token.to_owned(), entry);
    }

    /// How long tokens made from now on live, and what is said of it as `expires_in`. An hour less a second by default,
    /// as Google says; then nothing is enforced.
    pub(crate) fn set_lifetime(&self, lifetime: Duration) {
        self.0.lock().unwrap().lifetime = Some(lifetime);
    }

    /// Tokens made from now on are refused after so many requests: expiry without a clock.
    pub(crate) fn set_uses(&self, uses: usize) {
        self.0.lock().unwrap().uses = Some(uses);
    }

    /// Seconds, as the token endpoints say it.
    pub(crate) fn expires_in(&self) -> u64 {
        self.0.lock().unwrap().lifetime.map_or(3599, |d| d.as_secs())
    }

    pub(crate) fn revoke(&self, token: &str) {
        if let Some(token) = self.0.lock().unwrap().tokens.get_mut(token) {
            token.revoked = true;
        }
    }

    pub(crate) fn revoke_all(&self) {
        self.0.lock().unwrap().tokens.values_mut().for_each(|t| t.revoked = true);
    }

    /// Whom a token stands for, without using it up.
    pub(crate) fn owner(&self, token: &str) -> Option<String> {
        self.0.lock().unwrap().tokens.get(token).map(|t| t.user.clone())
    }

    /// Whom a token stands for if it is good; counts as one use.
    pub(super) fn authenticate(&self, token: &str) -> Option<String> {
        let mut table = self.0.lock().unwrap();
        let token = table.tokens.get_mut(token)?;
        if token.revoked || token.until.is_some_and(|t| Instant::now() >= t) {
            return None;
        }
        if let Some(uses) = &mut token.uses {
            *uses = uses.checked_sub(1)?;
        }
        Some(token.user.clone())
    }
}

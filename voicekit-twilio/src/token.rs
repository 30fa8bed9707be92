//! One-time tokens that tie a media stream to the webhook request that announced it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::live::Key;

/// How many tokens may be outstanding; beyond it the oldest is dropped. More than a thousand
/// webhooks within the time to live, none followed by its stream, are an attack or an outage.
const MAX_OUTSTANDING: usize = 1_024;
/// How many tokens of one call may be outstanding: the request that announced it and the latest
/// three repetitions of it, in case the carrier follows another answer than the first. A request
/// that is replayed drops no token of another call, nor the first of its own.
const MAX_PER_CALL: usize = 4;

/// What the webhook said about a call, kept here rather than sent through the carrier in the clear.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Empty if the request named none.
    pub(crate) account: String,
    pub(crate) call: String,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

impl Announced {
    fn key(&self) -> Key {
        Key { account: self.account.clone(), call: self.call.clone() }
    }

    /// Whether a stream that names this account and call is the one that was announced.
    fn names(&self, account: &str, call: &str) -> bool {
        let is_account = account.is_empty() || self.account.is_empty() || self.account == account;
        is_account && self.call == call
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Never issued, used before, or dropped.
    Unknown,
    /// Too old.
    Expired,
    /// Issued for another call. It is used up nevertheless.
    OtherCall,
}

/// The outstanding tokens.
///
/// They are kept by their hashes, so that how long a search takes says nothing about them.
pub(crate) struct Tokens {
    ttl: Duration,
    issued: BTreeMap<Hash, (Instant, Announced)>,
    oldest_first: VecDeque<Hash>,
    /// The tokens of each call, oldest first.
    of_call: BTreeMap<Key, Vec<Hash>>,
}

type Hash = [u8; 32];

impl Tokens {
    pub(crate) fn new(ttl: Duration) -> Self {
        let (issued, oldest_first) = (BTreeMap::new(), VecDeque::new());
        Self { ttl, issued, oldest_first, of_call: BTreeMap::new() }
    }

    /// Makes a token out of 128 random bits.
    pub(crate) fn issue(&mut self, now: Instant, random: [u8; 16], announced: Announced) -> String {
        self.forget_old(now);
        let call = announced.key();
        if let Some(own) = self.of_call.get(&call)
            && own.len() >= MAX_PER_CALL
        {
            self.remove(own[1]);
        }
        if self.oldest_first.len() >= MAX_OUTSTANDING
            && let Some(oldest) = self.oldest_first.front().copied()
        {
            self.remove(oldest);
        }
        let token = format!("{:032x}", u128::from_be_bytes(random));
        let key = hash(&token);
        self.issued.insert(key, (now, announced));
        self.oldest_first.push_back(key);
        self.of_call.entry(call).or_default().push(key);
        token
    }

    /// Uses a token up.
    pub(crate) fn redeem(
        &mut self,
        now: Instant,
        token: &str,
        account: &str,
        call: &str,
    ) -> Result<Announced, Refused> {
        let (issued_at, announced) = self.remove(hash(token)).ok_or(Refused::Unknown)?;
        if now.duration_since(issued_at) > self.ttl {
            return Err(Refused::Expired);
        }
        if !announced.names(account, call) {
            return Err(Refused::OtherCall);
        }
        Ok(announced)
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(oldest) = self.oldest_first.front().copied() {
            let expired = |(at, _): &(Instant, _)| now.duration_since(*at) > self.ttl;
            if !self.issued.get(&oldest).is_some_and(expired) {
                return;
            }
            self.remove(oldest);
        }
    }

    fn remove(&mut self, token: Hash) -> Option<(Instant, Announced)> {
        let removed = self.issued.remove(&token)?;
        self.oldest_first.retain(|other| *other != token);
        let call = removed.1.key();
        if let Some(own) = self.of_call.get_mut(&call) {
            own.retain(|other| *other != token);
            if own.is_empty() {
                self.of_call.remove(&call);
            }
        }
        Some(removed)
    }
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Announced {
        Announced { account: String::new(), call: id.to_owned(), from: None, to: None }
    }

    #[test]
    fn a_token_opens_its_call_once() {
        let now = Instant::now();
        let mut tokens = Tokens::new(Duration::from_secs(60));
        let token = tokens.issue(now, [7; 16], call("CA1"));
        assert_eq!(token.len(), 32);
        assert!(tokens.redeem(now, &token, "", "CA1").is_ok());
        assert_eq!(tokens.redeem(now, &token, "", "CA1").err(), Some(Refused::Unknown));
    }

    #[test]
    fn a_token_tried_on_another_call_is_used_up() {
        let now = Instant::now();
        let mut tokens = Tokens::new(Duration::from_secs(60));
        let token = tokens.issue(now, [7; 16], call("CA1"));
        assert_eq!(tokens.redeem(now, &token, "", "CA2").err(), Some(Refused::OtherCall));
        assert_eq!(tokens.redeem(now, &token, "", "CA1").err(), Some(Refused::Unknown));
    }

    #[test]
    fn an_old_token_opens_nothing() {
        let (now, ttl) = (Instant::now(), Duration::from_secs(60));
        let mut tokens = Tokens::new(ttl);
        let first = tokens.issue(now, [1; 16], call("CA1"));
        let second = tokens.issue(now, [2; 16], call("CA2"));
        assert!(tokens.redeem(now + ttl, &first, "", "CA1").is_ok());
        let late = now + ttl + Duration::from_millis(1);
        assert_eq!(tokens.redeem(late, &second, "", "CA2").err(), Some(Refused::Expired));
    }

    #[test]
    fn a_flood_of_webhooks_drops_the_oldest_token_and_grows_no_further() {
        let now = Instant::now();
        let mut tokens = Tokens::new(Duration::from_secs(60));
        let issued: Vec<String> = (0..=MAX_OUTSTANDING as u128)
            .map(|n| tokens.issue(now, n.to_be_bytes(), call(&n.to_string())))
            .collect();
        assert_eq!(tokens.issued.len(), MAX_OUTSTANDING);
        assert_eq!(tokens.redeem(now, &issued[0], "", "0").err(), Some(Refused::Unknown));
        assert!(tokens.redeem(now, &issued[1], "", "1").is_ok());
        let kept = (tokens.oldest_first.len(), tokens.of_call.len());
        assert_eq!(kept, (tokens.issued.len(), tokens.issued.len()));
    }

    #[test]
    fn a_webhook_that_is_replayed_flushes_neither_other_calls_nor_its_own_first_token() {
        let now = Instant::now();
        let mut tokens = Tokens::new(Duration::from_secs(60));
        let other = tokens.issue(now, [1; 16], call("other"));
        let replayed: Vec<String> =
            (0..5_000_u128).map(|n| tokens.issue(now, n.to_be_bytes(), call("replayed"))).collect();
        assert_eq!(tokens.issued.len(), 1 + MAX_PER_CALL);
        assert!(tokens.redeem(now, &other, "", "other").is_ok());
        assert!(tokens.redeem(now, &replayed[0], "", "replayed").is_ok());
        assert!(tokens.redeem(now, &replayed[4_999], "", "replayed").is_ok());
        assert_eq!(tokens.redeem(now, &replayed[1], "", "replayed").err(), Some(Refused::Unknown));
    }

    #[test]
    fn a_token_opens_no_call_of_the_same_name_in_another_account() {
        let now = Instant::now();
        let mut tokens = Tokens::new(Duration::from_secs(60));
        let announced = || Announced { account: "AC1".to_owned(), ..call("CA1") };
        for (account, is_refused) in [("AC1", false), ("", false), ("AC2", true)] {
            let token = tokens.issue(now, [7; 16], announced());
            assert_eq!(
                tokens.redeem(now, &token, account, "CA1").is_err(),
                is_refused,
                "{account}"
            );
        }
    }
}

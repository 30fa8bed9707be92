//! One-time tokens that tie a media stream to the webhook request that announced it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// How many tokens may be outstanding; beyond it the oldest is dropped. More than a thousand
/// webhooks within the time to live, none followed by its stream, are an attack or an outage.
const MAX_OUTSTANDING: usize = 1_024;

/// What the webhook said about a call, kept here rather than sent through the carrier in the clear.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) call: String,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
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
}

type Hash = [u8; 32];

impl Tokens {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, issued: BTreeMap::new(), oldest_first: VecDeque::new() }
    }

    /// Makes a token out of 128 random bits.
    pub(crate) fn issue(&mut self, now: Instant, random: [u8; 16], announced: Announced) -> String {
        self.forget_old(now);
        let token = format!("{:032x}", u128::from_be_bytes(random));
        let key = hash(&token);
        self.issued.insert(key, (now, announced));
        self.oldest_first.push_back(key);
        token
    }

    /// Uses a token up.
    pub(crate) fn redeem(
        &mut self,
        now: Instant,
        token: &str,
        call: &str,
    ) -> Result<Announced, Refused> {
        let key = hash(token);
        let (issued_at, announced) = self.issued.remove(&key).ok_or(Refused::Unknown)?;
        self.oldest_first.retain(|other| *other != key);
        if now.duration_since(issued_at) > self.ttl {
            return Err(Refused::Expired);
        }
        if announced.call != call {
            return Err(Refused::OtherCall);
        }
        Ok(announced)
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some(oldest) = self.oldest_first.front() {
            let expired = |(at, _): &(Instant, _)| now.duration_since(*at) > self.ttl;
            let full = self.oldest_first.len() >= MAX_OUTSTANDING;
            if !full && !self.issued.get(oldest).is_some_and(expired) {
                return;
            }
            self.issued.remove(oldest);
            self.oldest_first.pop_front();
        }
    }
}

fn hash(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Announced {
        Announced { call: id.to_owned(), from: None, to: None }
    }

    #[test]
    fn a_token_opens_its_call_once() {
        let now = Instant::now();
        let mut tokens = Tokens::new(Duration::from_secs(60));
        let token = tokens.issue(now, [7; 16], call("CA1"));
        assert_eq!(token.len(), 32);
        assert!(tokens.redeem(now, &token, "CA1").is_ok());
        assert_eq!(tokens.redeem(now, &token, "CA1").err(), Some(Refused::Unknown));
    }

    #[test]
    fn a_token_tried_on_another_call_is_used_up() {
        let now = Instant::now();
        let mut tokens = Tokens::new(Duration::from_secs(60));
        let token = tokens.issue(now, [7; 16], call("CA1"));
        assert_eq!(tokens.redeem(now, &token, "CA2").err(), Some(Refused::OtherCall));
        assert_eq!(tokens.redeem(now, &token, "CA1").err(), Some(Refused::Unknown));
    }

    #[test]
    fn an_old_token_opens_nothing() {
        let (now, ttl) = (Instant::now(), Duration::from_secs(60));
        let mut tokens = Tokens::new(ttl);
        let first = tokens.issue(now, [1; 16], call("CA1"));
        let second = tokens.issue(now, [2; 16], call("CA2"));
        assert!(tokens.redeem(now + ttl, &first, "CA1").is_ok());
        let late = now + ttl + Duration::from_millis(1);
        assert_eq!(tokens.redeem(late, &second, "CA2").err(), Some(Refused::Expired));
    }

    #[test]
    fn a_flood_of_webhooks_drops_the_oldest_token_and_grows_no_further() {
        let now = Instant::now();
        let mut tokens = Tokens::new(Duration::from_secs(60));
        let issued: Vec<String> = (0..=MAX_OUTSTANDING as u128)
            .map(|n| tokens.issue(now, n.to_be_bytes(), call("CA1")))
            .collect();
        assert_eq!(tokens.issued.len(), MAX_OUTSTANDING);
        assert_eq!(tokens.redeem(now, &issued[0], "CA1").err(), Some(Refused::Unknown));
        assert!(tokens.redeem(now, &issued[1], "CA1").is_ok());
    }
}

//! `X-Twilio-Signature`: who signed a request, and over what.
//!
//! The signature is `base64(HMAC-SHA1(auth token, URL + parameters))`, where the URL is the public
//! one as the carrier called it. Proxies and frameworks change URLs, so a request is accepted if
//! one of these was signed: the URL as given, without its port, with its scheme's default port,
//! each also with its query decoded and encoded again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use voicekit_net::Secret;

use crate::wire;

/// What of a request's body is signed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SignedBody<'a> {
    /// Nothing: a GET request, whose parameters are in the URL.
    Empty,
    /// The parameters of a form, names and values decoded, unknown ones included, in any order.
    Form(&'a [(String, String)]),
    /// Any other body: the URL carries its SHA-256 as `bodySHA256`.
    Raw(&'a [u8]),
}

/// Signs a request as the carrier does; for simulated carriers.
pub fn sign(token: &Secret, url: &str, body: SignedBody<'_>) -> String {
    let digest = mac(token, url.as_bytes(), &parameters(body));
    STANDARD.encode(digest)
}

/// Whether one of `tokens` signed a request to the public `url`.
///
/// Takes the same time whichever part of the signature is wrong.
pub fn is_signed(tokens: &[Secret], signature: &str, url: &str, body: SignedBody<'_>) -> bool {
    if let SignedBody::Raw(bytes) = body
        && !is_hash_of(url, bytes)
    {
        return false;
    }
    any_signed(tokens, signature, &with_and_without_port(url), &parameters(body))
}

/// Whether one of `tokens` signed the WebSocket handshake at the public `url` (`wss://…`).
///
/// What exactly is signed is not published: the URL is accepted as `wss` and as `https`, with and
/// without port and closing slash.
pub fn is_upgrade_signed(tokens: &[Secret], signature: &str, url: &str) -> bool {
    let url = url.strip_suffix('/').unwrap_or(url);
    let http = url.strip_prefix("ws").map_or_else(|| url.to_owned(), |rest| format!("http{rest}"));
    let urls: Vec<String> = [url, &http]
        .into_iter()
        .flat_map(|url| [url.to_owned(), format!("{url}/")])
        .flat_map(|url| with_and_without_port(&url))
        .collect();
    any_signed(tokens, signature, &urls, &[])
}

fn any_signed(tokens: &[Secret], signature: &str, urls: &[String], parameters: &[u8]) -> bool {
    let mut found = Choice::from(0);
    for token in tokens {
        for url in urls {
            let expected = STANDARD.encode(mac(token, url.as_bytes(), parameters));
            found |= expected.as_bytes().ct_eq(signature.as_bytes());
        }
    }
    found.into()
}

fn mac(token: &Secret, url: &[u8], parameters: &[u8]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(url);
    mac.update(parameters);
    mac.finalize().into_bytes().into()
}

/// Names in byte order, each before each of its values; equal pairs once.
fn parameters(body: SignedBody<'_>) -> Vec<u8> {
    let SignedBody::Form(pairs) = body else { return Vec::new() };
    let mut pairs: Vec<&(String, String)> = pairs.iter().collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
        .into_iter()
        .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()].concat())
        .collect()
}

fn is_hash_of(url: &str, body: &[u8]) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let Some((_, claimed)) = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == wire::BODY_HASH_PARAMETER)
    else {
        return false;
    };
    let actual: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    actual.as_bytes().ct_eq(claimed.as_bytes()).into()
}

fn with_and_without_port(url: &str) -> Vec<String> {
    let Some(url) = Url::parse(url) else { return vec![url.to_owned()] };
    let default_port = if matches!(url.scheme, "https" | "wss") { ":443" } else { ":80" };
    let mut ports = vec![url.port, ""];
    if url.port.is_empty() {
        ports.push(default_port);
    }
    let (query, legacy) = (url.query.to_owned(), url.legacy_query());
    ports.iter().flat_map(|port| [&query, &legacy].map(|query| url.with(port, query))).collect()
}

/// A URL in the parts that matter here. `port` keeps its colon, `query` its question mark.
struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Url<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let (scheme, rest) = url.split_once("://")?;
        let (rest, query) = rest.find('?').map_or((rest, ""), |at| rest.split_at(at));
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let host_at = authority.rfind('@').map_or(0, |at| at + 1);
        let address_end = authority.rfind(']').unwrap_or(host_at);
        let port_at = authority[address_end..].rfind(':').map(|at| at + address_end);
        let (host, port) = authority.split_at(port_at.unwrap_or(authority.len()));
        Some(Self { scheme, host, port, path, query })
    }

    /// The query with every character encoded that a form would encode: `'` becomes `%27`.
    fn legacy_query(&self) -> String {
        let Some(query) = self.query.strip_prefix('?') else { return String::new() };
        let pairs = form_urlencoded::parse(query.as_bytes());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("?{query}")
    }

    fn with(&self, port: &str, query: &str) -> String {
        let Self { scheme, host, path, .. } = self;
        format!("{scheme}://{host}{port}{path}{query}")
    }
}

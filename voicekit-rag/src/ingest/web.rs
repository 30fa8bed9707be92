//! Documents on the web.

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;
use url::Url;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::retry::RetryPolicy;
use voicekit_net::{Connector, Endpoint, HttpClient, HttpConfig, HttpRequest, Refusal};

use super::SERVICE;
use crate::load::{Format, Limits, with_charset};

/// How often a document may say that it is somewhere else, as browsers' limits of twenty are more
/// than any page needs.
const MOVES: usize = 5;

/// Addresses in a list.
const MOST: usize = 100_000;

/// How documents are fetched: over HTTP or HTTPS, with redirects followed, up to five of them and
/// never from HTTPS to HTTP. The largest is [`Limits::file`].
///
/// Whatever address is listed is asked, in networks of one's own too: a list is as trustworthy as
/// who writes it.
#[derive(Clone, Debug)]
pub struct Web {
    connector: Connector,
    limit: Duration,
}

/// A document that was fetched.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) bytes: Vec<u8>,
    pub(super) format: Format,
    /// A title, where it has none.
    pub(super) name: String,
}

impl Web {
    /// The web, over TCP.
    ///
    /// # Errors
    ///
    /// `Internal` if TLS cannot be set up.
    pub fn new() -> Result<Self> {
        Ok(Self::with_connector(Connector::new()?))
    }

    /// The web, as `connector` reaches it.
    pub fn with_connector(connector: Connector) -> Self {
        Self { connector, limit: Duration::from_secs(60) }
    }

    /// Sets how long a document may take, with all its redirects and attempts. Default: 60 s.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn client(&self, limits: &Limits, retry: &RetryPolicy) -> Client {
        let largest = usize::try_from(limits.file).unwrap_or(usize::MAX);
        let config = HttpConfig::default().with_largest_body(largest).with_retry(retry.clone());
        let http = HttpClient::new(self.connector.clone(), config).with_classify(classify);
        Client { http, limit: self.limit }
    }
}

/// Fetches documents within limits.
#[derive(Debug)]
pub(super) struct Client {
    http: HttpClient,
    limit: Duration,
}

impl Client {
    pub(super) async fn fetch(&self, address: &str) -> Result<Page> {
        timeout(self.limit, self.follow(address)).await.unwrap_or_else(|_| {
            let text = format!("did not come within {} s", self.limit.as_secs());
            Err(Error::new(ErrorKind::Timeout, SERVICE, text))
        })
    }

    async fn follow(&self, address: &str) -> Result<Page> {
        let mut url = parsed(address).ok_or_else(|| rejected("is no address of the web"))?;
        for _ in 0..=MOVES {
            let endpoint = Endpoint::new(SERVICE, url.as_str())?;
            let error = match self.http.send(HttpRequest::get(endpoint)).await {
                Ok(response) => {
                    let content = response.header("content-type").unwrap_or_default().to_owned();
                    let format = format_of(&content, &url)?;
                    let bytes = with_charset(&content, format, response.bytes().await?.to_vec());
                    return Ok(Page { bytes, format, name: name_of(&url) });
                }
                Err(error) => error,
            };
            let Some(location) = moved(&error) else { return Err(error) };
            let next = url.join(location).ok().and_then(|url| parsed(url.as_str()));
            let next = next.ok_or_else(|| rejected("leads to what is no address of the web"))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(rejected("leads away from HTTPS"));
            }
            url = next;
        }
        Err(rejected(format!("leads on more than {MOVES} times")))
    }
}

/// The addresses in a list: one a line, `#` begins a comment; each once, in order.
///
/// # Errors
///
/// `Config` if a line is no address of HTTP or HTTPS, there are more than 100,000, or none.
pub fn urls(list: &str) -> Result<Vec<String>> {
    let wrong = |text: String| Error::new(ErrorKind::Config, SERVICE, text);
    let mut urls: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (line, nth) in list.lines().zip(1..) {
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let url = parsed(line);
        let url = url.ok_or_else(|| {
            wrong(format!(
                "line {nth} is no address: wanted is http://… or https://…, without a user"
            ))
        })?;
        if seen.insert(url.to_string()) {
            urls.push(url.into());
        }
        if urls.len() > MOST {
            return Err(wrong(format!("there are more than {MOST} addresses")));
        }
    }
    if urls.is_empty() {
        Err(wrong("there is no address in the list".to_owned()))
    } else {
        Ok(urls)
    }
}

/// `address` without the place within the page; `None` if it is none that can be asked.
fn parsed(address: &str) -> Option<Url> {
    let mut url = Url::parse(address).ok()?;
    url.set_fragment(None);
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    (is_web && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// By what the server says it is; where it says little, by the end of the path.
fn format_of(content: &str, url: &Url) -> Result<Format> {
    let by_name = || Format::of(std::path::Path::new(url.path()));
    let kind = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let format = match kind.as_str() {
        "text/html" | "application/xhtml+xml" => Some(Format::Html),
        "text/markdown" => Some(Format::Markdown),
        "text/csv" | "text/tab-separated-values" => Some(Format::Table),
        "application/json" => Some(Format::Json),
        "application/x-ndjson" | "application/jsonl" => Some(Format::JsonLines),
        "application/pdf" => Some(Format::Pdf),
        "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint"
        | "application/rtf" => Some(Format::LegacyOffice),
        kind if kind.starts_with("application/vnd.openxmlformats-officedocument.")
            || kind.starts_with("application/vnd.oasis.opendocument.") =>
        {
            Some(Format::Office)
        }
        "text/plain" => by_name().or(Some(Format::Text)),
        "" | "application/octet-stream" | "binary/octet-stream" => by_name(),
        _ => None,
    };
    format.ok_or_else(|| rejected(format!("is of the kind {kind:?}, which is not read")))
}

fn name_of(url: &Url) -> String {
    let last = url.path_segments().and_then(|segments| segments.rev().find(|one| !one.is_empty()));
    let name = last.map_or_else(
        || url.host_str().unwrap_or_default(),
        |last| last.rsplit_once('.').map_or(last, |(stem, _)| stem),
    );
    name.replace(['-', '_'], " ")
}

/// Where a document is instead, as the source of an error.
#[derive(Debug)]
struct Moved(String);

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "moved to {}", self.0)
    }
}

impl std::error::Error for Moved {}

fn moved(error: &Error) -> Option<&str> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<Moved>().map(|moved| moved.0.as_str())
}

fn classify(refusal: &Refusal) -> Option<Error> {
    let is_moved = matches!(refusal.status(), 301 | 302 | 303 | 307 | 308);
    let location = refusal.header("location").filter(|_| is_moved)?.to_owned();
    Some(refusal.error_of(ErrorKind::Rejected).with_source(Moved(location)))
}

fn rejected(text: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Rejected, SERVICE, text)
}

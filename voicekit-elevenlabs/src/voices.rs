//! The list of voices.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::{HttpRequest, lenient};

use crate::SERVICE;
use crate::failure::malformed;
use crate::tts::Service;

/// Pages of 100 voices that are read: more than any account may have.
const MOST_PAGES: usize = 100;

/// The most bytes of all pages: 10,000 voices of 1.5 kB.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// For how long a list counts: voices are made and removed by people, by hand.
const KEPT: Duration = Duration::from_secs(300);

/// The list of voices, as it last was.
#[derive(Debug, Default)]
pub(crate) struct Voices(Mutex<Option<(Instant, Vec<Voice>)>>);

impl Voices {
    /// The list. Whoever wants it while it is being fetched waits for that.
    pub(crate) async fn of(&self, service: &Service) -> Result<Vec<Voice>> {
        let mut last = self.0.lock().await;
        if let Some((at, voices)) = &*last
            && at.elapsed() < KEPT
        {
            return Ok(voices.clone());
        }
        let voices = list(service).await?;
        *last = Some((Instant::now(), voices.clone()));
        Ok(voices)
    }
}

/// A voice that the account can use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Voice {
    /// What [`ElevenLabsConfig::voice`](crate::ElevenLabsConfig::voice) wants.
    #[serde(rename = "voice_id")]
    pub id: String,
    /// What people call it; not unique.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// Where it comes from: `premade`, `cloned`, `professional` …
    #[serde(default, deserialize_with = "lenient::text")]
    pub category: String,
    /// What it is like: `accent`, `gender`, `use_case` …
    #[serde(default, deserialize_with = "labels")]
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Page {
    voices: Value,
    #[serde(default, deserialize_with = "lenient::flag")]
    has_more: bool,
    #[serde(default, deserialize_with = "lenient::some_text")]
    next_page_token: Option<String>,
}

async fn list(service: &Service) -> Result<Vec<Voice>> {
    let first = service.voice_list()?;
    let (mut voices, mut at, mut bytes) = (Vec::new(), first.clone(), 0);
    for _ in 0..MOST_PAGES {
        let body = service.http.send(HttpRequest::get(at)).await?.bytes().await?;
        bytes += body.len();
        if bytes > MOST_BYTES {
            let text = format!("the list of voices is larger than {MOST_BYTES} bytes");
            return Err(Error::new(ErrorKind::Protocol, SERVICE, text));
        }
        let page = page(&body)?;
        voices.extend(voices_of(page.voices)?);
        match page.next_page_token.filter(|token| page.has_more && !token.is_empty()) {
            None => return Ok(voices),
            Some(token) => at = first.clone().with_query("next_page_token", &token)?,
        }
    }
    let text = format!("the list of voices goes on after {MOST_PAGES} pages");
    Err(Error::new(ErrorKind::Protocol, SERVICE, text))
}

fn page(body: &[u8]) -> Result<Page> {
    let value = lenient::parse(&String::from_utf8_lossy(body)).ok();
    value.and_then(|value| serde_json::from_value(value).ok()).ok_or_else(not_a_list)
}

/// The voices of a page. One without an id cannot be used and is left out.
fn voices_of(value: Value) -> Result<Vec<Voice>> {
    let Value::Array(voices) = value else { return Err(not_a_list()) };
    let voices = voices.into_iter().filter_map(|voice| serde_json::from_value(voice).ok());
    Ok(voices.collect())
}

fn not_a_list() -> Error {
    malformed("the list of voices")
}

/// Labels whose values are text; `null` and others are left out.
fn labels<'de, D>(from: D) -> std::result::Result<BTreeMap<String, String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let labels = lenient::fields_of(&Value::deserialize(from)?).into_iter();
    Ok(labels.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect())
}

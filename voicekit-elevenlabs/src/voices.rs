//! The list of voices.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::HttpRequest;

use crate::SERVICE;
use crate::tts::Service;

/// Pages of 100 voices that are read: more than any account may have.
const MOST_PAGES: usize = 100;

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
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Where it comes from: `premade`, `cloned`, `professional` …
    #[serde(default, deserialize_with = "or_default")]
    pub category: String,
    /// What it is like: `accent`, `gender`, `use_case` …
    #[serde(default, deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Page {
    voices: Vec<Voice>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    next_page_token: Option<String>,
}

async fn list(service: &Service) -> Result<Vec<Voice>> {
    let first = service.voice_list()?;
    let (mut voices, mut at) = (Vec::new(), first.clone());
    for _ in 0..MOST_PAGES {
        let page: Page = service.http.send(HttpRequest::get(at)).await?.json().await?;
        voices.extend(page.voices);
        match page.next_page_token.filter(|_| page.has_more) {
            None => return Ok(voices),
            Some(token) => at = first.clone().with_query("next_page_token", &token)?,
        }
    }
    let text = format!("the list of voices goes on after {MOST_PAGES} pages");
    Err(Error::new(ErrorKind::Protocol, SERVICE, text))
}

fn or_default<'de, T, D>(from: D) -> std::result::Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

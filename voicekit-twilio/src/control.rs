//! Call control over the carrier's REST interface.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use form_urlencoded::Serializer;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use voicekit_core::control::{CallControl, Keys, Transfer};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::transport::CallInfo;
use voicekit_net::http::HttpConfig;
use voicekit_net::{Connector, Endpoint, HttpClient, HttpRequest, Refusal, RetryPolicy};

use crate::account::{Account, is_sid};
use crate::{SERVICE, twiml};

/// The longest document that the interface takes, in characters.
const MAX_TWIML_CHARS: usize = 4_000;
/// How long a call that is transferred may ring.
const MAX_RING: Duration = Duration::from_secs(600);

/// The longest pause before a request is repeated.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// The account's calls.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    http: HttpClient,
    account: Endpoint,
}

impl Rest {
    /// # Errors
    ///
    /// `Config` if `account` cannot work.
    pub(crate) fn new(account: &Account) -> Result<Self> {
        account.check()?;
        let Account { sid, secret, api_url, .. } = account;
        let basic = BASE64_STANDARD.encode(format!("{}:{}", account.user(), secret.expose()));
        let account = Endpoint::new(SERVICE, api_url)?
            .with_path(&format!("2010-04-01/Accounts/{sid}"))?
            .with_header("authorization", format!("Basic {basic}"))?;
        // What timed out may have been done: only what was refused is tried again.
        let config = HttpConfig::default().with_retry(RetryPolicy::never());
        let http = HttpClient::new(Connector::new()?, config).with_classify(classify);
        Ok(Self { http, account })
    }

    async fn update(&self, call: &str, fields: &[(&str, &str)]) -> Result<()> {
        if !is_sid(call, "CA") {
            let text = "the call is not one of the carrier's: it has no SID";
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        }
        self.post::<Named>(&format!("Calls/{call}.json"), fields).await.map(drop)
    }

    async fn create(&self, fields: &[(&str, &str)]) -> Result<Named> {
        self.post("Calls.json", fields).await
    }

    /// The interface asks for patience at more than a few requests a second; then, and only then,
    /// is a request repeated.
    async fn post<T: DeserializeOwned>(&self, path: &str, fields: &[(&str, &str)]) -> Result<T> {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = HttpRequest::post(self.account.clone().with_path(path)?)
            .body("application/x-www-form-urlencoded", body)
            .accept("application/json");
        let retry = RetryPolicy::exponential(3, Duration::from_millis(250), MAX_BACKOFF);
        let mut failed = 0;
        loop {
            let error = match self.http.send(request.clone()).await {
                Ok(response) => return response.json().await,
                Err(error) => error,
            };
            let refused = error.kind() == ErrorKind::RateLimited;
            let Some(wait) = retry.wait(failed, &error).filter(|_| refused) else {
                return Err(error);
            };
            failed += 1;
            tokio::time::sleep(wait).await;
        }
    }
}

/// Of what is known of a call, its name.
#[derive(Deserialize)]
struct Named {
    sid: String,
}

/// One call of the account.
#[derive(Debug)]
pub(crate) struct Control {
    rest: Rest,
    call: CallInfo,
    answer_url: Option<String>,
}

impl Control {
    pub(crate) fn new(rest: &Rest, call: &CallInfo, answer_url: Option<String>) -> Arc<Self> {
        Arc::new(Self { rest: rest.clone(), call: call.clone(), answer_url })
    }

    async fn follow(&self, document: &str) -> Result<()> {
        if document.chars().count() > MAX_TWIML_CHARS {
            let text = format!("the instructions are longer than {MAX_TWIML_CHARS} characters");
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        }
        self.rest.update(&self.call.id, &[("Twiml", document)]).await
    }

    /// Whoever is called is rung first: if that is refused, the caller is still with the agent.
    async fn introduce(&self, to: &Transfer, announcement: &str) -> Result<()> {
        let from = to.caller_id.as_deref().or(self.call.to.as_deref());
        let Some(from) = from else {
            let text = "the number to call from is not known: give the transfer a caller_id";
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        };
        let room = format!("voicekit-{}", self.call.id);
        let (document, ring) =
            (twiml::tell_and_join(announcement, &room), to.ring.as_secs().to_string());
        let mut fields =
            vec![("To", &*to.to), ("From", from), ("Timeout", &*ring), ("Twiml", &*document)];
        if let Some(keys) = &to.keys {
            fields.push(("SendDigits", keys.as_str()));
        }
        let rung = self.rest.create(&fields).await?;
        let moved = self.follow(&twiml::wait_in(&room)).await;
        if moved.is_err() {
            // Nobody is to wait in an empty room.
            let ended = self.rest.update(&rung.sid, &[("Status", "completed")]).await;
            if let Err(error) = ended {
                tracing::warn!(%error, "whoever was called in vain could not be let go");
            }
        }
        moved
    }
}

#[async_trait]
impl CallControl for Control {
    async fn transfer(&self, to: &Transfer) -> Result<()> {
        check(to)?;
        match &to.announcement {
            Some(announcement) => self.introduce(to, announcement).await,
            None => self.follow(&twiml::dial(to)).await,
        }
    }

    async fn press(&self, keys: &Keys) -> Result<()> {
        let Some(url) = &self.answer_url else {
            let text = "the call could not come back: set public_url";
            return Err(Error::new(ErrorKind::Config, SERVICE, text));
        };
        self.follow(&twiml::press(keys, url)).await
    }

    async fn redirect(&self, url: &str) -> Result<()> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("https" | "http")) || url.len() > MAX_TWIML_CHARS {
            let text = "whom to ask is no address that begins with https:// or http://";
            return Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        }
        self.rest.update(&self.call.id, &[("Url", url), ("Method", "POST")]).await
    }
}

/// What the interface would refuse, or the carrier dial wrongly.
fn check(to: &Transfer) -> Result<()> {
    let unfit = |what: String| Err(Error::new(ErrorKind::Unsupported, SERVICE, what));
    let is_number = |text: &str| {
        let digits = text.strip_prefix('+').unwrap_or_default();
        (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
    };
    if !is_number(&to.to) && !twiml::is_sip(&to.to) {
        return unfit("whom to call is neither a number such as +15551230003 nor sip:…".to_owned());
    }
    if twiml::is_sip(&to.to) && to.keys.is_some() {
        return unfit("keys are pressed for numbers only, not for SIP addresses".to_owned());
    }
    if to.ring < Duration::from_secs(5) || to.ring > MAX_RING {
        return unfit(format!("it may ring for 5 s to 600 s, not for {:?}", to.ring));
    }
    if to.announcement.as_ref().is_some_and(|text| text.chars().count() > 2_000) {
        return unfit("an announcement has at most 2,000 characters".to_owned());
    }
    Ok(())
}

/// What the interface's own codes mean; its words may hold numbers, and are left out.
fn classify(refusal: &Refusal) -> Option<Error> {
    let code = refusal.field("/code").unwrap_or_default();
    let (kind, text) = match code.as_str() {
        "20003" => (ErrorKind::Unauthenticated, "account.sid, key or secret is wrong"),
        "20404" => (ErrorKind::Rejected, "the call is over"),
        "20429" => (ErrorKind::RateLimited, "too many requests"),
        "21211" | "21214" | "21217" => (ErrorKind::Rejected, "whom to call is no valid number"),
        "21210" | "21212" => (ErrorKind::Rejected, "the number to call from is not the account's"),
        "21215" => (ErrorKind::Rejected, "the account may not call that country"),
        "21219" => (ErrorKind::Rejected, "a trial account calls verified numbers only"),
        "21220" => (ErrorKind::Rejected, "the call is not in progress"),
        _ => return Some(unknown(refusal, &code)),
    };
    let meant = refusal.error_of(kind);
    let text = format!("{text} (code {code})");
    Some(Error::new(kind, SERVICE, text).with_retry(meant.retry()))
}

fn unknown(refusal: &Refusal, code: &str) -> Error {
    let usual = refusal.error();
    let code: String = code.chars().filter(char::is_ascii_digit).take(8).collect();
    let text = match &*code {
        "" => format!("HTTP {}", refusal.status()),
        code => format!("HTTP {} (code {code})", refusal.status()),
    };
    Error::new(usual.kind(), SERVICE, text).with_retry(usual.retry())
}

//! The two routes: the webhook that announces a call, and the stream that carries it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, http};
use tokio::time::Instant;
use tracing::{debug, error, warn};
use voicekit_core::error::Result;
use voicekit_core::transport::Answer;
use voicekit_net::Secret;

use crate::config::{SignaturePolicy, TokenPolicy, TwilioConfig, is_host};
use crate::control::Rest;
use crate::crowd::Crowd;
use crate::live::Live;
use crate::signature::{SignedBody, is_signed, is_upgrade_signed};
use crate::throttle::Throttle;
use crate::token::{Announced, Tokens};
use crate::{media, twiml, wire};

/// The largest webhook accepted. Real ones have one or two kilobytes.
const MAX_BODY_BYTES: usize = 64 << 10;
/// The longest name of a call or party that is kept; SIP addresses have up to 255 characters.
const MAX_NAME_BYTES: usize = 512;
/// How many media streams may be open that have not started. Twilio's start within milliseconds.
const MAX_UNSTARTED: usize = 256;

/// Routes that hand every call to `answer`: the voice webhook (`POST` and `GET`) and the media
/// stream's WebSocket, at the paths of `config`.
///
/// Each call is held in its own socket's task; there is no other task and no queue between the
/// carrier and `answer`.
///
/// # Errors
///
/// `Config`, naming the field, if `config` cannot work.
pub fn routes(answer: impl Answer, config: TwilioConfig) -> Result<Router> {
    config.check()?;
    let (answer_path, media_path) = (config.answer_path.clone(), config.media_path.clone());
    let front = Arc::new(Front {
        answer: Arc::new(answer),
        tokens: Mutex::new(Tokens::new(config.token_ttl)),
        live: Live::default(),
        unstarted: Crowd::new(MAX_UNSTARTED),
        refused_streams: Throttle::default(),
        unsigned: Throttle::default(),
        rest: config.account.as_ref().map(Rest::new).transpose()?,
        config,
    });
    Ok(Router::new()
        .route(&answer_path, get(announce).post(announce))
        .route(&media_path, get(stream))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(front))
}

/// What all requests share.
pub(crate) struct Front {
    pub(crate) answer: Arc<dyn Answer>,
    pub(crate) config: TwilioConfig,
    pub(crate) rest: Option<Rest>,
    pub(crate) live: Live,
    /// The media streams that have not said yet which call they are.
    pub(crate) unstarted: Crowd,
    pub(crate) refused_streams: Throttle,
    unsigned: Throttle,
    tokens: Mutex<Tokens>,
}

impl Front {
    /// Who is on the call that opens its stream with `token`, which may be empty.
    pub(crate) fn redeem(
        &self,
        token: &str,
        account: &str,
        call: &str,
    ) -> std::result::Result<Announced, crate::token::Refused> {
        if token.is_empty() && self.config.token == TokenPolicy::IfPresent {
            let (account, call) = (account.to_owned(), call.to_owned());
            return Ok(Announced { account, call, from: None, to: None });
        }
        self.tokens().redeem(Instant::now(), token, account, call)
    }

    fn issue(&self, announced: Announced) -> std::result::Result<String, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(self.tokens().issue(Instant::now(), random, announced))
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The public place of this server.
    fn place(&self, headers: &HeaderMap, uri: &Uri) -> Option<Place> {
        if let Some(url) = &self.config.public_url {
            let rest = url.strip_prefix("https://").unwrap_or(url);
            return Some(Place { tls: true, rest: rest.trim_end_matches('/').to_owned() });
        }
        let first = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            value.split(',').next().map(str::trim)
        };
        let host =
            first(HOST.as_str()).or_else(|| uri.authority().map(http::uri::Authority::as_str));
        let (tls, host) = match self.config.trust_forwarded_headers {
            true => {
                let tls = first("x-forwarded-proto").is_none_or(|proto| proto == "https");
                (tls, first("x-forwarded-host").or(host))
            }
            false => (false, host),
        };
        let rest = host.filter(|host| is_host(host))?.to_owned();
        Some(Place { tls, rest })
    }
}

/// Where the carrier finds this server: `rest` is `host[:port][/prefix]`.
struct Place {
    tls: bool,
    rest: String,
}

impl Place {
    fn http(&self, path: &str, query: Option<&str>) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{scheme}://{}{path}{query}", self.rest)
    }

    fn ws(&self, path: &str) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.rest)
    }
}

async fn announce(
    State(front): State<Arc<Front>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(place) = front.place(&headers, &uri) else {
        return refuse(StatusCode::BAD_REQUEST, "the request names no host");
    };
    let form = is_form(&headers).then(|| pairs(&body));
    let signed = match &form {
        Some(form) => SignedBody::Form(form),
        None if body.is_empty() => SignedBody::Empty,
        None => SignedBody::Raw(&body),
    };
    let url = place.http(&front.config.answer_path, uri.query());
    let valid = |tokens: &[Secret], given: &str| is_signed(tokens, given, &url, signed);
    if !is_admitted(&front, front.config.signature, &headers, "webhook", valid) {
        return refuse(StatusCode::FORBIDDEN, "the request is not signed for this server");
    }
    let parameters = form.unwrap_or_else(|| pairs(uri.query().unwrap_or_default().as_bytes()));
    let Some(announced) = announced(&parameters) else {
        return refuse(StatusCode::BAD_REQUEST, "the request names no call");
    };
    debug!(call = announced.call, "the carrier announces a call");
    match front.issue(announced) {
        Ok(token) => {
            front.answer.announced();
            let url = place.ws(&front.config.media_path);
            let xml = twiml::connect(&url, &token, &front.config.parameters);
            ([(CONTENT_TYPE, "text/xml; charset=utf-8")], xml).into_response()
        }
        Err(error) => {
            error!(%error, "no random numbers: the call cannot be accepted");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "the call cannot be accepted")
        }
    }
}

async fn stream(State(front): State<Arc<Front>>, request: Request) -> Response {
    let Some(place) = front.place(request.headers(), request.uri()) else {
        return refuse(StatusCode::BAD_REQUEST, "the request names no host");
    };
    let url = place.ws(&front.config.media_path);
    let valid = |tokens: &[Secret], given: &str| is_upgrade_signed(tokens, given, &url);
    let policy = front.config.upgrade_policy();
    if !is_admitted(&front, policy, request.headers(), "media stream", valid) {
        return refuse(StatusCode::FORBIDDEN, "the request is not signed for this server");
    }
    media::upgrade(front, request)
}

fn is_admitted(
    front: &Front,
    policy: SignaturePolicy,
    headers: &HeaderMap,
    what: &str,
    is_valid: impl Fn(&[Secret], &str) -> bool,
) -> bool {
    if policy == SignaturePolicy::Off {
        return true;
    }
    let given = headers.get(wire::SIGNATURE_HEADER).and_then(|given| given.to_str().ok());
    if given.is_some_and(|given| is_valid(&front.config.auth_tokens, given)) {
        return true;
    }
    let admitted = policy == SignaturePolicy::Warn;
    if let Some(suppressed) = front.unsigned.admit() {
        warn!(
            what,
            signed = given.is_some(),
            admitted,
            suppressed,
            "a request without a valid signature: if it is the carrier's, public_url or \
             auth_tokens do not match its settings"
        );
    }
    admitted
}

pub(crate) fn announced(parameters: &[(String, String)]) -> Option<Announced> {
    let find = |name: &str| {
        let (_, value) = parameters.iter().find(|(key, _)| key == name)?;
        (!value.is_empty() && value.len() <= MAX_NAME_BYTES).then(|| value.clone())
    };
    let account = find(wire::ACCOUNT).unwrap_or_default();
    Some(Announced { account, call: find(wire::CALL)?, from: find(wire::FROM), to: find(wire::TO) })
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

pub(crate) fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

fn refuse(status: StatusCode, why: &'static str) -> Response {
    (status, why).into_response()
}

//! The carrier's question to the application: what to do with this call?

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::{Either, select};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sha1::Sha1;
use tokio::io::{AsyncRead, AsyncWrite};

use super::call::CallError;
use super::wire::Names;

const SIGNATURE: &str = "x-twilio-signature";

/// An incoming call, announced to the voice webhook.
#[derive(Clone)]
pub struct Webhook {
    url: String,
    public_url: Option<String>,
    auth_token: Option<String>,
    from: String,
    to: String,
    call: u64,
}

/// What the webhook said: connect the call to this stream.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instructions {
    /// The stream's URL.
    pub url: String,
    /// The stream's custom parameters.
    pub parameters: BTreeMap<String, String>,
}

impl Webhook {
    /// A call to the application whose webhook is at `url`: `http://host:port/path`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            public_url: None,
            auth_token: None,
            from: "+15551230001".to_owned(),
            to: "+15551230002".to_owned(),
            call: 0,
        }
    }

    /// Signs the request and the stream's handshake with the account's token, as the carrier does.
    /// Default: unsigned.
    #[must_use]
    pub fn with_auth_token(mut self, token: impl Into<String>) -> Self {
        self.auth_token = Some(token.into());
        self
    }

    /// The URL under which the webhook is known to the carrier, which is what is signed. Default:
    /// the URL that is asked.
    #[must_use]
    pub fn with_public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Who calls whom. Default: +15551230001 calls +15551230002.
    #[must_use]
    pub fn with_parties(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.from = from.into();
        self.to = to.into();
        self
    }

    /// Which call it is: its ids are made of this number. Default: 0.
    #[must_use]
    pub fn with_call(mut self, number: u64) -> Self {
        self.call = number;
        self
    }

    /// The URL that is asked.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks over `stream`, a connection to the webhook's server.
    ///
    /// # Errors
    ///
    /// If the server does not speak HTTP, refuses, or names no stream.
    pub async fn request<S>(&self, stream: S) -> Result<Instructions, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(CallError::Webhook)?;
        let request = self.http_request()?;
        let exchange = Box::pin(async move {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            Ok((status, response.into_body().collect().await?.to_bytes()))
        });
        // The exchange needs the connection driven; the connection may end a moment earlier.
        let answer = match select(exchange, connection).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, exchange)) => exchange.await,
        };
        let (status, body) = answer.map_err(CallError::Webhook)?;
        if status != 200 {
            return Err(CallError::Refused(status));
        }
        instructions(&String::from_utf8_lossy(&body)).ok_or(CallError::NoStream)
    }

    pub(super) fn call(&self) -> u64 {
        self.call
    }

    /// The header that signs a request without parameters.
    pub(super) fn signature_of(&self, url: &str) -> Option<(&'static str, String)> {
        let token = self.auth_token.as_deref()?;
        Some((SIGNATURE, sign(token, url, &BTreeMap::new())))
    }

    fn http_request(&self) -> Result<Request<Full<Bytes>>, CallError> {
        let form = self.form();
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut request = Request::post(if path.is_empty() { "/" } else { path })
            .header("host", authority)
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(token) = &self.auth_token {
            let url = self.public_url.as_ref().unwrap_or(&self.url);
            request = request.header(SIGNATURE, sign(token, url, &form));
        }
        let body: Vec<String> =
            form.iter().map(|(key, value)| format!("{key}={}", percent(value))).collect();
        request.body(Full::from(body.join("&"))).map_err(|_| CallError::Url {
            url: self.url.clone(),
            reason: "it does not fit into an HTTP request",
        })
    }

    fn form(&self) -> BTreeMap<&'static str, String> {
        let names = Names::of_call(self.call);
        BTreeMap::from([
            ("AccountSid", names.account),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("CallSid", names.call),
            ("CallStatus", "ringing".to_owned()),
            ("Called", self.to.clone()),
            ("Caller", self.from.clone()),
            ("Direction", "inbound".to_owned()),
            ("From", self.from.clone()),
            ("To", self.to.clone()),
        ])
    }
}

/// Shows neither the token nor the numbers.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("url", &self.url)
            .field("signed", &self.auth_token.is_some())
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// Shows the names of the parameters only: one of them is a secret.
impl fmt::Debug for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instructions")
            .field("url", &self.url)
            .field("parameters", &self.parameters.keys())
            .finish()
    }
}

/// HMAC-SHA1 over the URL and the parameters in the order of their names.
fn sign(token: &str, url: &str, form: &BTreeMap<&'static str, String>) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("a key of any length");
    mac.update(url.as_bytes());
    for (key, value) in form {
        mac.update(key.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// What the TwiML connects the call to.
fn instructions(twiml: &str) -> Option<Instructions> {
    let stream = twiml.find("<Stream")?;
    let mut tags = twiml[stream..].split('<').skip(1);
    let url = attribute(tags.next()?, "url")?;
    let parameters = tags
        .take_while(|tag| !tag.starts_with("/Stream"))
        .filter(|tag| tag.starts_with("Parameter"))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
        .collect();
    Some(Instructions { url, parameters })
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}="))? + name.len() + 2;
    let quote = tag[start..].chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let value = tag[start + 1..].split(quote).next()?;
    let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some(plain.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&"))
}

fn percent(value: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
    let encode = |byte| if keep(byte) { char::from(byte).into() } else { format!("%{byte:02X}") };
    value.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_signature_of_a_form_is_reproduced() {
        let form = BTreeMap::from([
            ("CallSid", "CA1234567890ABCDE".to_owned()),
            ("Caller", "+14158675309".to_owned()),
            ("Digits", "1234".to_owned()),
            ("From", "+14158675309".to_owned()),
            ("To", "+18005551212".to_owned()),
        ]);
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(sign("12345", url, &form), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }

    #[test]
    fn the_stream_and_its_parameters_are_read_from_twiml() {
        let twiml = r#"<?xml version="1.0"?><Response><Connect><Stream name="agent"
            url="wss://a.example/twilio/media"><Parameter name="token" value="a&amp;&quot;b"/>
            <Parameter value='2' name='n'/></Stream></Connect></Response>"#;
        let Instructions { url, parameters } = instructions(twiml).unwrap();
        assert_eq!(url, "wss://a.example/twilio/media");
        let expected = [("n", "2"), ("token", "a&\"b")];
        assert_eq!(parameters, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert!(instructions("<Response><Hangup/></Response>").is_none());
    }
}

//! The carrier's REST interface, as far as it sends calls elsewhere.

use std::io;

use serde_json::json;
use tokio::sync::watch;

use super::wire::Names;
use crate::server::http::{Answer, Asked, HttpServer};

/// Takes orders to update calls, on a free port of 127.0.0.1.
///
/// A [`SimulatedCall`](super::SimulatedCall) that is
/// [reached through it](super::SimulatedCall::reached_through) leaves its stream when it is sent
/// elsewhere, as calls do at the carrier. Requests are not authenticated. Dropping it closes the
/// port.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use voicekit_testkit::carrier::Exchange;
///
/// let exchange = Exchange::start().await?;
/// assert!(exchange.url().starts_with("http://127.0.0.1:"));
/// assert!(exchange.redirected().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Exchange {
    server: HttpServer,
    redirected: watch::Sender<Vec<Redirected>>,
}

/// A call was sent elsewhere.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirected {
    /// The call's SID.
    pub call: String,
    /// The instructions that it follows from now on.
    pub twiml: String,
}

/// Instructions hold numbers.
impl std::fmt::Debug for Redirected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redirected").field("call", &self.call).finish_non_exhaustive()
    }
}

impl Exchange {
    /// Takes orders.
    ///
    /// # Errors
    ///
    /// If there is no port to be had.
    pub async fn start() -> io::Result<Self> {
        let redirected = watch::Sender::new(Vec::new());
        let orders = redirected.clone();
        let server = HttpServer::start_answering(move |asked| answer(asked, &orders)).await?;
        Ok(Self { server, redirected })
    }

    /// Where it is: what the account's API address is set to.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The account whose calls it carries.
    pub fn account(&self) -> String {
        Names::of_call(0).account
    }

    /// The calls that were sent elsewhere so far, in order.
    pub fn redirected(&self) -> Vec<Redirected> {
        self.redirected.borrow().clone()
    }

    pub(super) fn orders(&self) -> watch::Receiver<Vec<Redirected>> {
        self.redirected.subscribe()
    }
}

fn answer(asked: &Asked, orders: &watch::Sender<Vec<Redirected>>) -> Answer {
    let path = asked.target.split('/').collect::<Vec<_>>();
    let ["", _version, "Accounts", _account, "Calls", file] = path[..] else {
        return Answer::json(404, r#"{"code":20404,"message":"there is no such resource"}"#);
    };
    let (Some(call), Some(twiml)) = (file.strip_suffix(".json"), field(asked, "Twiml")) else {
        return Answer::json(400, r#"{"code":21218,"message":"only a call's Twiml can be set"}"#);
    };
    orders.send_modify(|all| all.push(Redirected { call: call.to_owned(), twiml }));
    Answer::json(200, json!({"sid": call, "status": "in-progress"}).to_string())
}

/// A field of the form that was sent.
fn field(asked: &Asked, name: &str) -> Option<String> {
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    Some(unescaped(value))
}

fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let mut hex = || char::from(rest.next()?).to_digit(16).and_then(|d| u8::try_from(d).ok());
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex().zip(hex()).map_or(b'%', |(high, low)| high << 4 | low),
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

//! Connections in memory, and the service's end of them.

use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::{SinkExt, StreamExt};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use voicekit_net::{Connector, Dial, Endpoint, Io, Link};

/// A service in memory: every connection that is made arrives at [`accept`](Self::accept).
pub(crate) struct Service {
    dials: mpsc::Receiver<DuplexStream>,
    dial: Memory,
}

#[derive(Clone, Debug)]
struct Memory {
    to: mpsc::Sender<DuplexStream>,
    size: usize,
    /// How many of the next connections fail.
    refuse: Arc<Mutex<usize>>,
}

#[async_trait]
impl Dial for Memory {
    async fn dial(&self, _: &str, _: u16) -> io::Result<Box<dyn Io>> {
        let refused = {
            let mut refuse = self.refuse.lock().unwrap();
            let refused = *refuse > 0;
            *refuse = refuse.saturating_sub(1);
            refused
        };
        if refused {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(self.size);
        self.to.send(theirs).await.map_err(|_| io::Error::other("the service is gone"))?;
        Ok(Box::new(ours))
    }
}

impl Service {
    /// A service whose connections hold `size` bytes before they block.
    pub(crate) fn new(size: usize) -> Self {
        let (to, dials) = mpsc::channel(64);
        Self { dials, dial: Memory { to, size, refuse: Arc::default() } }
    }

    /// Refuses the next `count` connections.
    pub(crate) fn refuse(&self, count: usize) {
        *self.dial.refuse.lock().unwrap() = count;
    }

    pub(crate) fn connector(&self) -> Connector {
        Connector::new().unwrap().with_dial(self.dial.clone())
    }

    pub(crate) fn link(&self) -> Link {
        Link::new(self.connector(), endpoint("ws://service.test/listen"))
    }

    /// The next connection, before anything is said on it.
    pub(crate) async fn raw(&mut self) -> DuplexStream {
        self.dials.recv().await.unwrap()
    }

    /// The next connection, upgraded.
    pub(crate) async fn accept(&mut self) -> Peer {
        Peer(tokio_tungstenite::accept_async(self.raw().await).await.unwrap())
    }
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint::new("test", url).unwrap()
}

/// The service's end of a WebSocket.
pub(crate) struct Peer(pub(crate) WebSocketStream<DuplexStream>);

impl Peer {
    /// The next message; `None` once the connection is gone.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        self.0.next().await.and_then(Result::ok)
    }

    /// The next message, which is text.
    pub(crate) async fn text(&mut self) -> String {
        self.next().await.unwrap().into_text().unwrap().as_str().to_owned()
    }

    /// The next message, which is audio.
    pub(crate) async fn audio(&mut self) -> Vec<u8> {
        let message = self.next().await.unwrap();
        assert!(message.is_binary(), "not audio: {message:?}");
        message.into_data().to_vec()
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let _ = self.0.close(Some(frame)).await;
        while self.next().await.is_some() {}
    }
}

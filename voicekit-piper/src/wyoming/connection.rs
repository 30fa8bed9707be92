//! A connection over which events go.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use voicekit_core::error::{ErrorKind, Result};
use voicekit_net::{Silence, Wire};

use super::event::{Decoder, Event};
use crate::{SERVICE, error};

/// Read at once: a few chunks of 1,024 samples, as the server sends them.
const READ: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    decoder: Decoder,
    buffer: Box<[u8]>,
}

impl Connection {
    pub(super) fn over(wire: Wire) -> Self {
        Self { wire, decoder: Decoder::default(), buffer: vec![0; READ].into() }
    }

    pub(super) async fn send(&mut self, event: &Event, limit: Duration) -> Result<()> {
        let bytes = event.encode();
        let sent = async {
            self.wire.write_all(&bytes).await?;
            self.wire.flush().await
        };
        let sent = timeout(limit, sent)
            .await
            .map_err(|_| error(ErrorKind::Timeout, "nothing could be sent in time"))?;
        sent.map_err(|lost| {
            error(ErrorKind::Connection, format!("the connection broke: {lost}")).with_source(lost)
        })
    }

    /// The next event, within `limit`.
    pub(super) async fn receive(&mut self, limit: Duration) -> Result<Event> {
        let mut silence = Silence::begin(SERVICE);
        let next = timeout(limit, self.next()).await;
        silence.end();
        next.unwrap_or_else(|_| {
            let text = format!("nothing came for {} ms", limit.as_millis());
            Err(error(ErrorKind::Timeout, text))
        })
    }

    async fn next(&mut self) -> Result<Event> {
        loop {
            let event = self.decoder.next().map_err(|wrong| {
                error(ErrorKind::Protocol, format!("a malformed event: {}", wrong.0))
            })?;
            if let Some(event) = event {
                return Ok(event);
            }
            let read = self.wire.read(&mut self.buffer).await.map_err(|lost| {
                let text = format!("the connection broke: {lost}");
                error(ErrorKind::Connection, text).with_source(lost)
            })?;
            if read == 0 {
                let text = "the server closed the connection before its last word";
                return Err(error(ErrorKind::Connection, text));
            }
            self.decoder.feed(&self.buffer[..read]);
        }
    }
}

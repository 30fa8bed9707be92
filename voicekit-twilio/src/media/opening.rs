//! The first messages of a stream, up to the one that says which call it is.

use std::collections::BTreeMap;

use tracing::debug;

use super::session::Fault;
use crate::wire::{self, Inbound};

/// Waits for `start`. Pure: texts go in.
///
/// `connected` comes first, but a stream that does without it is not refused: what vouches for it
/// is the token. Everything else before `start` is ignored.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    connected: bool,
}

/// What a stream says of itself.
pub(crate) struct Opened {
    /// Empty if the stream names none.
    pub(crate) account: String,
    pub(crate) call: String,
    pub(crate) stream: String,
    /// Empty if the stream has none.
    pub(crate) token: String,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Opening {
    pub(crate) fn handle_text(&mut self, text: &str) -> Result<Option<Opened>, Fault> {
        match wire::decode(text).map_err(Fault::Malformed)? {
            Inbound::Connected => self.connected = true,
            Inbound::Start(start) => return self.start(start).map(Some),
            Inbound::Media { .. }
            | Inbound::Dtmf { .. }
            | Inbound::Mark { .. }
            | Inbound::Stop { .. } => debug!("a message before the start is ignored"),
            Inbound::Unknown(event) => debug!(%event, "an unknown event is ignored"),
        }
        Ok(None)
    }

    fn start(&self, start: wire::Start) -> Result<Opened, Fault> {
        if !self.connected {
            debug!("the stream starts without having connected");
        }
        if !start.media_format.is_phone() {
            return Err(Fault::NotPhone);
        }
        let mut parameters = start.custom_parameters;
        let token = parameters.remove(wire::TOKEN_PARAMETER).unwrap_or_default();
        let account = start.account_sid;
        Ok(Opened { account, call: start.call_sid, stream: start.stream_sid, token, parameters })
    }
}

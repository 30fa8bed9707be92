//! An agent behind a socket.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use voicekit::Agent;
use voicekit_twilio::TwilioConfig;

/// Lets `agent` answer over Twilio's media streams, on a port of its own.
pub(crate) fn serve(runtime: &Runtime, agent: Agent) -> Result<SocketAddr> {
    let app = voicekit_twilio::routes(agent, TwilioConfig::local())?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("no port")?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        // A socket that is gone is noticed when it is written to.
        let _ = stream.set_nodelay(true);
    });
    runtime.spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

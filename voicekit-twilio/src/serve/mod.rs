//! An HTTP server for a public address: [`serve`] runs a router within [`ServerConfig`]'s limits.
//!
//! `axum::serve` waits for slow peers as long as they like and takes as many connections as there
//! are. [`serve`] does the same work with time limits, a limit of connections, and a stop that an
//! unfinished request does not hold up.
//!
//! ```no_run
//! # async fn example(agent: impl voicekit_core::transport::Answer) -> Result<(), Box<dyn std::error::Error>> {
//! use voicekit_twilio::serve::{ServerConfig, serve};
//! use voicekit_twilio::{TwilioConfig, routes};
//!
//! let app = routes(agent, TwilioConfig::from_env()?)?;
//! let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
//! let stop = std::future::pending();
//! serve(listener, app, &ServerConfig::default(), stop).await?;
//! # Ok(())
//! # }
//! ```

mod config;
mod connection;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::serve::Listener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use voicekit_core::error::Result;

use self::connection::{Connection, Slot};
use crate::crowd::Crowd;
use crate::throttle::Throttle;

pub use self::config::ServerConfig;

/// Serves `app` on `listener` until `stop` completes.
///
/// Then no connection is accepted any more, idle ones are closed, and requests that are under way
/// have [`ServerConfig::stop_timeout`] to complete. WebSockets are not waited for: they live in
/// tasks of their own and go on until their calls end.
///
/// # Errors
///
/// `Config`, naming the field, if `config` cannot work.
pub async fn serve<L: Listener>(
    mut listener: L,
    app: Router,
    config: &ServerConfig,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    config.check()?;
    let server = Server {
        app,
        config: config.clone(),
        crowd: Crowd::new(config.max_waiting),
        open: Arc::new(AtomicUsize::new(0)),
        refused: Throttle::default(),
        crowded: Throttle::default(),
    };
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            (io, _) = listener.accept() => {
                if let Some(connection) = server.admit(io) {
                    connections.spawn(connection.run(stopped.clone()));
                }
            }
        }
    }
    drop(listener);
    // Without connections, there is nobody to tell.
    let _ = stopping.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(config.stop_timeout, all).await.is_err() {
        tracing::debug!(left = connections.len(), "unfinished requests are dropped");
    }
    Ok(())
}

struct Server {
    app: Router,
    config: ServerConfig,
    crowd: Crowd,
    open: Arc<AtomicUsize>,
    refused: Throttle,
    crowded: Throttle,
}

impl Server {
    /// A connection for `io`, unless there are too many.
    fn admit<I>(&self, io: I) -> Option<Connection<I>> {
        let most = self.config.max_connections;
        let Some(slot) = Slot::take(&self.open, most) else {
            if let Some(suppressed) = self.refused.admit() {
                tracing::warn!(most, suppressed, "a connection is refused: there are too many");
            }
            return None;
        };
        let (place, is_full) = self.crowd.enter();
        if is_full && let Some(suppressed) = self.crowded.admit() {
            let most = self.config.max_waiting;
            tracing::warn!(
                most,
                suppressed,
                "too many connections that are not calls: the oldest is closed"
            );
        }
        Some(Connection { io, slot, place, app: self.app.clone(), config: self.config.clone() })
    }
}

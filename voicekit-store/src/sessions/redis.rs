//! Conversations in Redis, or in whatever speaks as it does (Valkey, KeyDB, Dragonfly).
//!
//! A conversation is one string, its record as JSON, under `voicekit:session:ID`; Redis forgets it by
//! itself when its time is over. The connection is made when it is first needed and made again when
//! it was lost.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, RedisError, SetExpiry, SetOptions};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::store::{SessionRecord, SessionStore};

const SERVICE: &str = "redis";
const PREFIX: &str = "voicekit:session:";
/// How long an answer may take: a healthy server takes less than a millisecond.
const RESPONSE: Duration = Duration::from_secs(1);
/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(1);
/// How often it is tried to connect for one command. The next command tries again.
const TRIES: usize = 2;
/// Redis takes no longer time than this: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Keeps conversations in Redis. Clones share the connection.
#[derive(Clone)]
pub struct Redis {
    connection: ConnectionManager,
    prefix: String,
}

impl Redis {
    /// A server by its address, such as `redis://user:password@host:6379/0`. It is not asked
    /// anything yet. Must be called within a `tokio` runtime.
    ///
    /// # Errors
    ///
    /// `Config` if it is no such address.
    pub fn new(url: &str) -> Result<Self> {
        let invalid = |error: RedisError| {
            // The address may hold a password.
            Error::new(
                ErrorKind::Config,
                SERVICE,
                "not an address of a Redis server: redis://HOST:PORT",
            )
            .with_source(error)
        };
        let client = Client::open(url).map_err(invalid)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(TRIES)
            .set_response_timeout(Some(RESPONSE))
            .set_connection_timeout(Some(CONNECTING))
            .set_max_delay(Duration::from_millis(100));
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(invalid)?;
        Ok(Self { connection, prefix: PREFIX.to_owned() })
    }

    /// Sets what keys begin with, for several agents on one server. Default: `voicekit:session:`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }
}

/// Shows no address: it may hold a password.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for Redis {
    async fn load(&self, id: &str) -> Result<Option<SessionRecord>> {
        let mut connection = self.connection.clone();
        let json: Option<Vec<u8>> = connection.get(self.key(id)).await.map_err(failed)?;
        let record = json.map(|json| serde_json::from_slice(&json)).transpose();
        record.map_err(|error| {
            Error::new(ErrorKind::Internal, SERVICE, "a session is damaged").with_source(error)
        })
    }

    async fn save(&self, id: &str, record: &SessionRecord, keep: Duration) -> Result<()> {
        let json = serde_json::to_vec(record).map_err(|error| {
            Error::new(ErrorKind::Internal, SERVICE, "a session cannot be written")
                .with_source(error)
        })?;
        let keep = keep.min(LONGEST).as_millis().max(1);
        let keep = SetExpiry::PX(u64::try_from(keep).unwrap_or(u64::MAX));
        let options = SetOptions::default().with_expiration(keep);
        let mut connection = self.connection.clone();
        connection.set_options(self.key(id), json, options).await.map_err(failed)
    }

    async fn forget(&self, id: &str) -> Result<()> {
        let mut connection = self.connection.clone();
        connection.del(self.key(id)).await.map_err(failed)
    }
}

fn failed(error: RedisError) -> Error {
    let kind = match () {
        () if error.is_timeout() => ErrorKind::Timeout,
        () if error.is_io_error() || error.is_connection_dropped() => ErrorKind::Connection,
        () if error.kind() == redis::ErrorKind::AuthenticationFailed => ErrorKind::Unauthenticated,
        () => ErrorKind::Internal,
    };
    Error::new(kind, SERVICE, format!("the server failed: {error}")).with_source(error)
}

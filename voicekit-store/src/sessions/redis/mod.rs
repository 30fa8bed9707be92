//! Conversations in Redis, or in a server that speaks its protocol (Valkey, KeyDB, Dragonfly), on
//! one's own machines or managed by a cloud.
//!
//! A conversation is one string, its record as JSON, under `voicekit:session:ID`; Redis forgets it by
//! itself when its time is over.
//!
//! # The connection
//!
//! The connection is made when it is first needed. Servers and load balancers close connections that
//! idle; a request that finds its connection closed is sent again once, on a new one. All requests
//! (`GET`, `SET … PX`, `DEL`) have the same result when they are carried out twice. So is one that a
//! read-only server refuses: after a failover, the address leads to another server.
//!
//! # When the server refuses
//!
//! | the server says | kind | retry |
//! |---|---|---|
//! | `NOAUTH`, `WRONGPASS`, `NOPERM` | `Unauthenticated` | never |
//! | `MOVED`, `ASK`, `CROSSSLOT`: a cluster | `Config` | never |
//! | no such database, `WRONGTYPE`, `DENIED`, a certificate that is not trusted | `Config` | never |
//! | `OOM`, `MISCONF`: memory or disk is full | `Quota` | never |
//! | too many clients, `BUSY` | `RateLimited` | after 1 s |
//! | `LOADING`, `READONLY`, `MASTERDOWN`, `CLUSTERDOWN`, `TRYAGAIN`, `NOREPLICAS` | `Connection` | after 1 s |
//! | no answer within 1 s | `Timeout` | at once |
//! | no connection | `Connection` | at once |
//! | anything else | `Rejected` | never |
//!
//! What the server says in its own words is in the error's source only: it may quote keys.

mod refusal;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    AsyncCommands, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, RedisError,
    RedisResult, SetExpiry, SetOptions, TlsCertificates,
};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::store::{SessionRecord, SessionStore};

const SERVICE: &str = "redis";
const PREFIX: &str = "voicekit:session:";
/// How long an answer may take: a healthy server takes less than a millisecond.
const RESPONSE: Duration = Duration::from_secs(1);
/// How long connecting may take, TLS included.
const CONNECTING: Duration = Duration::from_secs(2);
/// How often it is tried to connect for one command. The next command tries again.
const TRIES: usize = 2;
/// Redis takes no longer time than this: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Which server keeps the conversations, and how to reach it.
#[derive(Clone)]
#[non_exhaustive]
pub struct RedisConfig {
    /// `redis://[user[:password]@]host[:port][/database]`, with TLS `rediss://…`. The port is 6379
    /// unless given, the database 0; users and passwords are percent-encoded. `rediss://…/#insecure`
    /// accepts every certificate: for tests only.
    pub url: String,
    /// The user, if it is not in the URL. Default: that of the URL, or else `default`.
    pub username: Option<String>,
    /// The password, if it is not in the URL. Default: that of the URL, or none.
    pub password: Option<String>,
    /// Certificates of the authorities that vouch for the server, in PEM. Default: those that the
    /// machine trusts.
    pub ca: Option<Vec<u8>>,
    /// This client's certificate and its key, in PEM, if the server asks for one. Default: none.
    pub client_certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// What keys begin with, for several agents on one server. Default: `voicekit:session:`.
    pub prefix: String,
}

impl RedisConfig {
    /// The server at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            username: None,
            password: None,
            ca: None,
            client_certificate: None,
            prefix: PREFIX.to_owned(),
        }
    }

    /// Sets [`username`](Self::username) and [`password`](Self::password).
    #[must_use]
    pub fn with_credentials(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        (self.username, self.password) = (Some(user.into()), Some(password.into()));
        self
    }

    /// Sets [`ca`](Self::ca).
    #[must_use]
    pub fn with_ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// Sets [`client_certificate`](Self::client_certificate).
    #[must_use]
    pub fn with_client_certificate(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Sets [`prefix`](Self::prefix).
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn client(&self) -> RedisResult<Client> {
        let mut info = self.url.as_str().into_connection_info()?;
        if self.username.is_some() || self.password.is_some() {
            let mut settings = info.redis_settings().clone();
            if let Some(user) = &self.username {
                settings = settings.set_username(user);
            }
            if let Some(password) = &self.password {
                settings = settings.set_password(password);
            }
            info = info.set_redis_settings(settings);
        }
        if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Client::open(info);
        }
        let client_tls = self.client_certificate.clone();
        let client_tls =
            client_tls.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        Client::build_with_tls(info, TlsCertificates { client_tls, root_cert: self.ca.clone() })
    }
}

/// Shows neither the address, which may hold a password, nor credentials.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Keeps conversations in Redis. Clones share the connection.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    connection: Arc<Mutex<ConnectionManager>>,
    prefix: String,
}

impl Redis {
    /// A server by its address, such as `rediss://user:password@host:6379/0`. It is not asked
    /// anything yet. Must be called within a `tokio` runtime.
    ///
    /// # Errors
    ///
    /// `Config` if it is no such address.
    pub fn new(url: &str) -> Result<Self> {
        Self::with_config(RedisConfig::new(url))
    }

    /// A server as `config` says. It is not asked anything yet. Must be called within a `tokio`
    /// runtime.
    ///
    /// # Errors
    ///
    /// `Config` if the address or a certificate cannot be read.
    pub fn with_config(config: RedisConfig) -> Result<Self> {
        let invalid = |error: RedisError| {
            // The address may hold a password.
            let text = "not an address or certificate of a Redis server: use \
                        redis[s]://[user[:password]@]host[:port][/database]";
            Error::new(ErrorKind::Config, SERVICE, text).with_source(error)
        };
        let client = config.client().map_err(invalid)?;
        let connection = Arc::new(Mutex::new(connect(&client).map_err(invalid)?));
        Ok(Self { client, connection, prefix: config.prefix })
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

    fn connection(&self) -> ConnectionManager {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does `command`, which may be carried out twice, and once more on a new connection if the
    /// first was closed or leads to a server that is not the primary any more.
    async fn run<T, F>(&self, command: impl Fn(ConnectionManager) -> F) -> Result<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let error = match command(self.connection()).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if !refusal::is_of_the_connection(&error) {
            return Err(refusal::meaning(error));
        }
        if refusal::is_read_only(&error) {
            let fresh = connect(&self.client).map_err(refusal::meaning)?;
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        command(self.connection()).await.map_err(refusal::meaning)
    }
}

/// A connection that is made when it is needed, and again when it was lost.
fn connect(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(TRIES)
        .set_response_timeout(Some(RESPONSE))
        .set_connection_timeout(Some(CONNECTING))
        .set_max_delay(Duration::from_millis(100));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
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
        let key = self.key(id);
        let get = |mut connection: ConnectionManager| {
            let key = key.clone();
            async move { connection.get::<_, Option<Vec<u8>>>(key).await }
        };
        let json = self.run(get).await?;
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
        let key = self.key(id);
        let set = |mut connection: ConnectionManager| {
            let (key, json) = (key.clone(), json.clone());
            let options = SetOptions::default().with_expiration(keep);
            async move { connection.set_options(key, json, options).await }
        };
        self.run(set).await
    }

    async fn forget(&self, id: &str) -> Result<()> {
        let key = self.key(id);
        let delete = |mut connection: ConnectionManager| {
            let key = key.clone();
            async move { connection.del(key).await }
        };
        self.run(delete).await
    }
}

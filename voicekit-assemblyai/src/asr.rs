//! AssemblyAI as a recogniser: how a stream is opened.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::stream::BoxStream;
use voicekit_core::asr::{Asr, AsrEvent, AsrInfo, AsrInput, AsrRequest, keep_words};
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_net::pump::{Chunking, Pace};
use voicekit_net::{Connector, Endpoint, Link, PumpConfig, RetryPolicy, pump};

use crate::SERVICE;
use crate::account::Credentials;
use crate::codec::Codec;
use crate::config::{AssemblyAiConfig, Parameter, Turns, list};
use crate::lifetime::Lifetime;

/// What is taken, the telephone's own first: it goes through untouched.
const FORMATS: [AudioFormat; 5] = [
    AudioFormat::PHONE,
    AudioFormat::pcm16(8_000),
    AudioFormat::pcm16(16_000),
    AudioFormat::pcm16(24_000),
    AudioFormat::pcm16(48_000),
];

/// Pieces of less than 50 ms or more than 1 s are refused (close code 3007); the SDK sends 50 ms.
const PIECES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(100));

/// Audio may not come faster than it is spoken (3007). A tenth more is within what an uneven line
/// gives, and lets a stream that was interrupted catch up.
const SPEED: f64 = 1.1;

/// What comes before a connection is open is sent at once, up to this.
const BURST: Duration = Duration::from_millis(500);

/// How long the SDK waits for `Termination`.
const CLOSE: Duration = Duration::from_secs(5);

/// The most terms, and the longest in characters, that the service is given. The provider's own
/// limits are not in its published specification; these are careful.
const MOST_TERMS: usize = 100;
const LONGEST_TERM: usize = 50;

/// AssemblyAI's streaming service as a recogniser.
#[derive(Debug)]
pub struct AssemblyAi {
    config: AssemblyAiConfig,
    connector: Connector,
    endpoint: Endpoint,
}

impl AssemblyAi {
    /// A recogniser as `config` says.
    ///
    /// # Errors
    ///
    /// `Config`, naming the field that is wrong.
    pub fn new(config: AssemblyAiConfig) -> Result<Self> {
        config.check()?;
        let endpoint = config.account.endpoint()?;
        Ok(Self { config, connector: Connector::new()?, endpoint })
    }

    /// The defaults, for the [`Account::from_env`](crate::Account::from_env).
    ///
    /// # Errors
    ///
    /// `Config` if a variable is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Self::new(AssemblyAiConfig::new(crate::Account::from_env()?))
    }

    /// Makes its connections by `connector`.
    #[must_use]
    pub fn with_connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    fn endpoint(&self, request: &AsrRequest) -> Result<Endpoint> {
        let (config, format) = (&self.config, request.format);
        let mut query: Vec<Parameter> = vec![
            ("sample_rate", format.rate_hz.to_string()),
            ("encoding", encoding(format).to_owned()),
        ];
        query.extend(config.query(&request.language));
        query.extend(list("keyterms_prompt", &terms(&request.vocabulary)));
        let own = query.iter().map(|(name, value)| (*name, value));
        let others = config.parameters.iter().map(|(name, value)| (name.as_str(), value));
        own.chain(others).try_fold(self.endpoint.clone(), |endpoint, (name, value)| {
            endpoint.with_query(name, value)
        })
    }

    fn check(&self, request: &AsrRequest) -> Result<()> {
        let unsupported = |text| Err(Error::new(ErrorKind::Unsupported, SERVICE, text));
        if !FORMATS.contains(&request.format) {
            let format = request.format;
            return unsupported(format!("{format} is none of the formats it takes"));
        }
        let language = request.language.to_lowercase();
        if self.config.is_english() && language.split('-').next() != Some("en") {
            let (model, language) = (&self.config.model, &request.language);
            return unsupported(format!("{model} understands English, not {language}"));
        }
        Ok(())
    }

    fn pump(&self) -> PumpConfig {
        let (least, most) = PIECES;
        let config = PumpConfig::default()
            .with_answer(self.config.finalize_timeout)
            .with_close(CLOSE)
            .with_chunking(Chunking::new(least, most).padded())
            .with_pace(Pace::new(SPEED).with_burst(BURST))
            .with_buffer(self.config.replay)
            // Longer outages end the stream, and whoever opened it decides.
            .with_reconnect(RetryPolicy::exponential(
                5,
                Duration::from_millis(100),
                Duration::from_secs(5),
            ));
        match self.config.inactivity_timeout {
            Some(timeout) => config.with_keep_alive(timeout / 2),
            None => config,
        }
    }

    /// A token's session cannot be followed by another.
    fn lifetime(&self) -> Option<Lifetime> {
        match self.config.account.credentials {
            Credentials::Key(_) => Some(Lifetime::new(unix_time())),
            Credentials::Token(_) => None,
        }
    }
}

#[async_trait]
impl Asr for AssemblyAi {
    fn info(&self) -> AsrInfo {
        let info = AsrInfo::new(SERVICE, FORMATS).with_final_latency(self.config.finalize_timeout);
        match self.config.turns {
            Turns::Engine => info,
            Turns::Service => info.with_turns(),
        }
    }

    async fn recognize(
        &self,
        request: AsrRequest,
        input: BoxStream<'static, AsrInput>,
    ) -> Result<BoxStream<'static, Result<AsrEvent>>> {
        self.check(&request)?;
        let link = Link::new(self.connector.clone(), self.endpoint(&request)?);
        let codec = Codec::new(&self.config, request.format, self.lifetime());
        Ok(keep_words(pump(link, codec, input, self.pump())))
    }
}

/// The encoding's name in the query.
fn encoding(format: AudioFormat) -> &'static str {
    match format.encoding {
        Encoding::MuLaw => "pcm_mulaw",
        // There is no other one among the formats.
        Encoding::Pcm16 | Encoding::ALaw | _ => "pcm_s16le",
    }
}

/// As many of the terms as are taken.
fn terms(vocabulary: &[String]) -> Vec<String> {
    let short = vocabulary.iter().filter(|term| term.chars().count() <= LONGEST_TERM);
    let terms: Vec<String> = short.take(MOST_TERMS).cloned().collect();
    if terms.len() < vocabulary.len() {
        let (given, taken) = (vocabulary.len(), terms.len());
        tracing::warn!(service = SERVICE, given, taken, "the vocabulary is too long");
    }
    terms
}

#[expect(clippy::disallowed_methods, reason = "the service says in wall time how long it lives")]
fn unix_time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

//! The latency that voicekit itself adds to a call, measured over real sockets.
//!
//! A simulated carrier, a recogniser, a model and a voice stand around an agent with its real
//! adapters: Twilio's media streams, Deepgram's Nova, OpenAI's chat completions, ElevenLabs'
//! multi-context sockets. All are connected over loopback TCP. They answer at once and note when
//! something goes out and when it comes in:
//!
//! | leg | from | to |
//! |---|---|---|
//! | audio in | the carrier writes 20 ms of the caller's sound | the recogniser has them |
//! | token | the model writes the token that completes a clause | the voice has the clause |
//! | voice | the voice writes the first sound of a reply | the carrier has its first frame |
//!
//! The legs of a turn are those of the last frame of the caller's speech, of the first clause and
//! of the first sound of the reply; their sum is what voicekit adds to what the caller waits for.
//! `docs/latency.md` says what is left out and why.
//!
//! # Where it runs
//!
//! The agent has a runtime of its own with a thread for each core, as in a server. Everything around
//! it shares one other thread, so that it does not wait for the agent's tasks nor they for it; but
//! all threads share the machine's cores. What is late in being noted counts against voicekit.

mod carrier;
mod place;
mod services;
mod stamps;
mod table;
mod tag;

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use tokio::runtime::Builder;
use voicekit::Agent;
use voicekit_core::turn::Config as Turn;
use voicekit_deepgram::{Account, Nova, NovaConfig};
use voicekit_elevenlabs::{ElevenLabs, ElevenLabsConfig};
use voicekit_local::Silero;
use voicekit_openai::{OpenAi, OpenAiConfig};
use voicekit_testkit::speech::recording;

use crate::server::serve;
use carrier::Call;
use place::{Place, processor_time};
use services::Services;
use stamps::{Span, Stamped, Stamps};

/// The names of the threads, as systems show them.
const AGENT: &str = "agent";
const WORLD: &str = "world";

/// Between the starts of two calls: their frames then lie at different times within 20 ms.
const STAGGER: Duration = Duration::from_millis(153);

/// The targets for the sum of the legs, with ten calls.
pub const MEDIAN: Duration = Duration::from_millis(2);
/// The same for all but one of a hundred turns.
pub const P99: Duration = Duration::from_millis(10);

/// What is measured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How many calls at once.
    pub calls: u16,
    /// Each call begins no turn after so long, but holds one at least.
    pub length: Duration,
}

impl Config {
    /// So many calls at once, of about this length.
    pub fn new(calls: u16, length: Duration) -> Self {
        Self { calls, length }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// How many calls there were.
    pub calls: u16,
    /// How many turns callers took.
    pub turns: usize,
    /// Each frame of the callers': audio in.
    pub frames: Vec<Duration>,
    /// Each clause: token.
    pub clauses: Vec<Duration>,
    /// The first sound of each reply: voice.
    pub voices: Vec<Duration>,
    /// The legs of each turn of which all were seen.
    pub sums: Vec<Duration>,
    /// What went in and did not come out, of everything: frames, clauses, sound.
    pub lost: usize,
    /// How long it took.
    pub took: Duration,
    /// The processor time of the agent, where the system says it.
    pub agent: Option<Duration>,
    /// The same of the carrier and the services.
    pub world: Option<Duration>,
    /// The cores of the machine.
    pub cores: usize,
}

/// Holds the calls, in real time.
///
/// # Errors
///
/// If something could not be started, or a call broke or was not answered.
pub fn run(config: &Config) -> Result<Outcome> {
    let stamps = Stamps::default();
    let world = Place::start(WORLD)?;
    let services = world.run(Services::start(stamps.clone()))?;
    let cores = available_parallelism().map_or(1, NonZero::get);
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores)
        .thread_name(AGENT)
        .enable_all()
        .build()?;
    let agent = agent(&services)?;
    let address = serve(&runtime, agent.clone())?;
    let begun = stamps::now();
    world.run(call(config.clone(), address, stamps.clone()))?;
    let took = begun.elapsed();
    let (of_agent, of_world) = (processor_time(AGENT), processor_time(WORLD));
    runtime.block_on(agent.drain(Duration::ZERO));
    let stamped = std::mem::take(&mut *stamps.lock());
    Ok(Outcome { took, agent: of_agent, world: of_world, cores, ..outcome(config, &stamped) })
}

/// An agent as one would build it. Replies are not prepared before the turn is over: what is
/// prepared waits for the turn, not for voicekit.
fn agent(services: &Services) -> Result<Agent> {
    const KEY: &str = "none";
    let recogniser = Nova::new(NovaConfig::new(Account::new(KEY).with_url(services.recogniser())))?;
    let model = OpenAi::new(OpenAiConfig::new(KEY).with_base_url(services.model()))?;
    let voice = ElevenLabs::new(ElevenLabsConfig::new(KEY).with_url(services.voice()))?;
    let mut turn = Turn::default();
    turn.speculation.most = 0;
    let agent = Agent::builder().instructions("You answer the telephone.").turn(turn);
    Ok(agent.asr(recogniser).llm(model).tts(voice).vad(Silero::new).build()?)
}

async fn call(config: Config, address: SocketAddr, stamps: Stamps) -> Result<()> {
    let speech: Arc<[i16]> = recording("goforward.wav").over_the_phone().into();
    let calls = (0..config.calls).map(|number| {
        let (speech, stamps) = (Arc::clone(&speech), stamps.clone());
        let call = Call { number, address, speech, length: config.length, stamps };
        async move {
            tokio::time::sleep(STAGGER * u32::from(number)).await;
            call.hold().await.with_context(|| format!("call {number}"))
        }
    });
    try_join_all(calls).await?;
    Ok(())
}

fn outcome(config: &Config, stamped: &Stamped) -> Outcome {
    let sent = stamped.frames.len() + stamped.clauses.len() + stamped.voices.len();
    let frames: Vec<_> = stamped.frames.values().filter_map(Span::length).collect();
    let clauses: Vec<_> = stamped.clauses.values().filter_map(Span::length).collect();
    let voices: Vec<_> = stamped.voices.values().filter_map(Span::length).collect();
    let received = frames.len() + clauses.len() + voices.len();
    let sums = stamped.turns.iter().filter_map(|(turn, frame)| sum(stamped, *turn, *frame));
    Outcome {
        calls: config.calls,
        turns: stamped.turns.len(),
        sums: sums.collect(),
        lost: sent - received + (stamped.spoken - stamped.heard),
        frames,
        clauses,
        voices,
        took: Duration::ZERO,
        agent: None,
        world: None,
        cores: 0,
    }
}

/// What voicekit adds to a turn: its last frame, its first clause, its first sound.
fn sum(stamped: &Stamped, (call, turn): (u16, u16), frame: u32) -> Option<Duration> {
    let clause = tag::Tag { call, turn, piece: 0, frame: 0 };
    let legs = [
        stamped.frames.get(&(call, frame)),
        stamped.clauses.get(&clause),
        stamped.voices.get(&(call, turn)),
    ];
    legs.into_iter().map(|leg| leg?.length()).sum()
}

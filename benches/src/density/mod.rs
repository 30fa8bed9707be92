//! How many calls a machine holds, measured over real sockets in real time.
//!
//! The agent answers over Twilio's media streams with Silero, the echo gate and the turn engine; what
//! it hears with, thinks with and speaks with costs next to nothing
//! ([`voicekit_testkit::load`]), because in production these run elsewhere. The callers are another
//! process ([`callers`]), so that what is measured here is the agent alone; but both share the
//! machine's cores.
//!
//! Each caller speaks for some three seconds out of twelve and is answered for six: both directions
//! carry mu-law in frames of 20 ms, each a JSON message of its own.
//!
//! # What is measured
//!
//! | figure | from | to |
//! |---|---|---|
//! | lateness in | the caller writes a frame | the recogniser has it |
//! | lateness out | when a frame is due by the reply's pace | the caller has it |
//! | processor time | all calls have begun | the same, later by the time asked for |
//! | memory | before the first call | the end |
//!
//! Lateness in is told by the clock's microseconds, which a frame carries in the lowest bits of its
//! samples. Lateness out counts from the first frame of the same reply.

pub mod callers;
mod ear;
mod process;
mod stamp;

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;
use tokio::time::sleep;
use voicekit::{Agent, Phrases};
use voicekit_local::Silero;
use voicekit_testkit::load::{Model, Voice};

use crate::server::serve;
use ear::Ear;

/// How long the agent speaks in each turn.
const REPLY: Duration = Duration::from_secs(6);
/// How long it may take until all calls have begun: their starts are spread, and a machine that is
/// too small takes longer.
const BEGINNING: Duration = Duration::from_secs(60);
/// Before measuring, so that the last calls have got going.
const SETTLING: Duration = Duration::from_secs(2);
/// Descriptors that are not calls.
const OTHER_FILES: u64 = 100;

/// What is measured.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How many calls at once.
    pub calls: u32,
    /// How long they are measured.
    pub length: Duration,
}

impl Config {
    /// So many calls at once, for so long.
    pub fn new(calls: u32, length: Duration) -> Self {
        Self { calls, length }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What was measured.
    pub config: Config,
    /// The agent's processor time.
    pub processor: Duration,
    /// The agent's memory, for each call, in bytes.
    pub memory: u64,
    /// From the caller to the recogniser.
    pub inward: Lateness,
    /// From the pace of the reply to the caller.
    pub outward: Lateness,
}

/// How late frames were, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lateness {
    /// How many frames.
    pub frames: u64,
    /// The median.
    pub p50: u64,
    /// All but one of a hundred.
    pub p99: u64,
    /// All but one of a thousand.
    pub p999: u64,
    /// The worst.
    pub max: u64,
}

/// Holds the calls, in real time. `callers` is this program, told to be the callers of an address.
///
/// # Errors
///
/// If something could not be started, or calls were refused or lost.
pub fn run(config: Config, callers: Command) -> Result<Outcome> {
    raise_files(config.calls)?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let ear = Ear::default();
    let agent = agent(&ear)?;
    let address = serve(&runtime, agent.clone())?;
    let before = process::memory()?;
    let mut callers = Callers::start(callers, address, config.calls)?;
    runtime.block_on(begun(&ear, config.calls))?;
    runtime.block_on(async { sleep(SETTLING).await });
    ear.forget();
    let processor = process::time()?;
    runtime.block_on(async { sleep(config.length).await });
    let processor = process::time()? - processor;
    let (inward, after) = (ear.lateness(), process::memory()?);
    ensure!(ear.live() == config.calls, "{} of {} calls are left", ear.live(), config.calls);
    let outward = callers.stop()?;
    runtime.block_on(agent.drain(Duration::ZERO));
    let memory = after.saturating_sub(before) / u64::from(config.calls.max(1));
    Ok(Outcome { config, processor, memory, inward, outward })
}

/// A call is a descriptor on either side.
fn raise_files(calls: u32) -> Result<()> {
    let wanted = u64::from(calls) + OTHER_FILES;
    let allowed = rlimit::increase_nofile_limit(wanted)?;
    ensure!(allowed >= wanted, "{calls} calls need {wanted} open files, {allowed} are allowed");
    Ok(())
}

fn agent(ear: &Ear) -> Result<Agent> {
    let mut phrases = Phrases::default();
    phrases.greeting = None;
    let agent = Agent::builder().instructions("You answer the telephone.").phrases(phrases);
    let answer = Model::new("We are open from nine to five, and on Saturdays from ten to two.");
    Ok(agent.asr(ear.clone()).llm(answer).tts(Voice::new(REPLY)).vad(Silero::new).build()?)
}

async fn begun(ear: &Ear, calls: u32) -> Result<()> {
    const TICK: Duration = Duration::from_millis(50);
    for _ in 0..BEGINNING.as_millis() / TICK.as_millis() {
        if ear.live() == calls {
            return Ok(());
        }
        sleep(TICK).await;
    }
    bail!("only {} of {calls} calls have begun after {BEGINNING:?}", ear.live())
}

/// The callers' process. Dropping it ends all calls.
struct Callers(Child);

impl Callers {
    fn start(mut program: Command, address: SocketAddr, calls: u32) -> Result<Self> {
        program.args(["--callers", &address.to_string(), "--calls", &calls.to_string()]);
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(Self(program.spawn().context("cannot start the callers")?))
    }

    /// All callers hang up, and say what they have heard.
    fn stop(&mut self) -> Result<Lateness> {
        let mut input = self.0.stdin.take().context("the callers do not listen")?;
        input.write_all(b"stop\n").context("the callers are gone")?;
        drop(input);
        let output = self.0.stdout.take().context("the callers do not speak")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(self.0.wait()?.success(), "the callers have failed");
        serde_json::from_str(&line).context("the callers have said nothing")
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { calls, length } = self.config;
        let seconds = length.as_secs_f64();
        let minutes = f64::from(calls) * seconds / 60.0;
        let each = self.processor.as_secs_f64() * 1_000.0 / minutes;
        writeln!(f, "{calls} calls for {seconds:.0} s")?;
        writeln!(
            f,
            "processor  {:.2} cores, {each:.1} ms for a minute of a call",
            self.processor.as_secs_f64() / seconds,
        )?;
        writeln!(f, "memory     {:.1} KiB for a call", kib(self.memory))?;
        writeln!(
            f,
            "lateness   {:>9} {:>8} {:>8} {:>8} {:>8}",
            "frames", "p50", "p99", "p99.9", "max"
        )?;
        writeln!(f, "in         {}", self.inward)?;
        write!(f, "out        {}", self.outward)
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, p50, p99, p999, max } = *self;
        write!(f, "{frames:>9}")?;
        for microseconds in [p50, p99, p999, max] {
            write!(f, " {:>5.2} ms", Duration::from_micros(microseconds).as_secs_f64() * 1_000.0)?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1_024.0
}

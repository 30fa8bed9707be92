//! `phone-agent call`: places a call over a simulated carrier, and keeps what was heard.

mod args;
mod clips;
mod jsonl;
mod page;
pub(crate) mod record;
pub(crate) mod story;
mod summary;
mod talk;

use std::future::pending;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{StreamExt, stream};
use tokio::net::TcpListener;
use voicekit::CallEvent;
use voicekit::store::files;
use voicekit::store::recordings::Recordings;
use voicekit_core::time::Timestamp;
use voicekit_core::tts::{Spoken, Tts, TtsRequest};
use voicekit_testkit::carrier::{CallReport, Exchange, SimulatedCall, Webhook};
use voicekit_testkit::script::{Outcome, Script};
use voicekit_twilio::{Account, TwilioConfig};

use crate::agent::Followers;
use crate::booking::Bookings;
use crate::parts::Plan;
use crate::settings::Settings;
use crate::{agent, console, desk, models, serve};
use record::{Record, Recorder};
use story::Held;

pub(crate) use args::CallArgs;

/// What the caller says if nothing else is asked for.
const SMALL_TALK: [&str; 2] = ["When are you open?", "Thank you, goodbye."];

/// How long a recording may take after the call until it is where it belongs.
const SETTLING: Duration = Duration::from_secs(60);

/// Calls, prints the conversation and writes the recording, the trace and the page.
pub(crate) async fn run(args: CallArgs) -> Result<ExitCode> {
    // A wrong file or address shows before any model is loaded.
    let recordings = args.agent.recordings()?;
    let said = args.lines(if args.story { &story::LINES } else { &SMALL_TALK });
    for line in said.iter().filter(|line| is_file(line)) {
        clips::read(Path::new(line))?;
    }
    files::create_dir_all(&args.out)
        .with_context(|| format!("cannot create the directory {}", args.out.display()))?;
    let recovering = recordings.clone().map(|recordings| tokio::spawn(serve::recover(recordings)));
    let call = SimulatedCall::new(script(&args, &said).await?).observe(talk::print);
    let mut wrong = Vec::new();
    let record = match &args.url {
        None => here(&args, call, recordings.as_ref(), &mut wrong).await?,
        Some(url) if url.starts_with("ws:") => elsewhere(call.dial(url).await?),
        Some(url) => elsewhere(call.dial_webhook(&webhook(&args, url)).await?),
    };
    if let Some(recovering) = recovering {
        // What cannot be uploaded by then stays for the next start.
        tokio::time::timeout(SETTLING, recovering).await.map(drop).unwrap_or_default();
    }
    console::line(summary::write(&record));
    write(&args.out, &record)?;
    if args.story && wrong.is_empty() {
        console::line("The story went as it is told.");
    }
    for line in &wrong {
        console::note(format_args!("not as the story tells: {line}"));
    }
    Ok(if wrong.is_empty() { verdict(&record.call) } else { ExitCode::FAILURE })
}

/// Calls an agent of our own, behind a server of our own. What is `wrong` with a story is said.
async fn here(
    args: &CallArgs,
    call: SimulatedCall,
    recordings: Option<&Recordings>,
    wrong: &mut Vec<String>,
) -> Result<Record> {
    let recorder = Recorder::default();
    let exchange = Exchange::start().await?;
    let mut settings = Settings::load(args.agent.config.as_deref())?;
    if settings.transfer.is_empty() {
        settings.transfer = desk::front_desk();
    }
    let held = Held::new(args.agent.desk.bookings()?);
    let bookings: Arc<dyn Bookings> =
        if args.story { Arc::new(held.clone()) } else { args.agent.desk.bookings()? };
    console::note(Plan::new(&settings)?);
    let followers = Followers::default()
        .observed(observe(&recorder, &held))
        .heard(recorder.clone())
        .recorded(recordings);
    let agent = agent::agent(settings, &args.agent, bookings, followers).await?;
    recorder.configured(agent.turn());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/twilio/voice", listener.local_addr()?);
    let served = serve::serve(listener, agent.clone(), carrier(&exchange), pending());
    let call = call.reached_through(&exchange);
    let webhook = webhook(args, &url);
    tokio::select! {
        report = call.dial_webhook(&webhook) => {
            let call = report?;
            // The recording, if there is one, is complete then.
            agent.drain(SETTLING).await;
            let record = Record { call, trace: recorder.trace() };
            if args.story {
                *wrong = story::check(&record, &held.written(), &exchange.redirected());
            }
            Ok(record)
        }
        ended = served => {
            ended?;
            bail!("the server stopped before the call was over")
        }
    }
}

/// A call to an agent that runs elsewhere: only the carrier's side is known.
fn elsewhere(call: CallReport) -> Record {
    Record { call, trace: record::Trace::default() }
}

/// The simulated carrier, as the agent sees it.
pub(crate) fn carrier(exchange: &Exchange) -> TwilioConfig {
    let account = Account::new(exchange.account(), "simulated").with_api_url(exchange.url());
    TwilioConfig::local().with_account(account)
}

pub(crate) fn observe(recorder: &Recorder, held: &Held) -> agent::Observe {
    let (recorder, held) = (recorder.clone(), held.clone());
    Arc::new(move |_| {
        let (recorder, held) = (recorder.clone(), held.clone());
        Box::new(move |at: Timestamp, event: CallEvent<'_>| {
            talk::show(at, &event);
            held.note(&event);
            recorder.note(at, &event);
        })
    })
}

fn webhook(args: &CallArgs, url: &str) -> Webhook {
    let mut webhook = Webhook::new(url).with_call(std::process::id().into());
    if let Some(token) = &args.auth_token {
        webhook = webhook.with_auth_token(token);
    }
    if let Some(public) = &args.public_url {
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        webhook = webhook.with_public_url(format!("{}/{path}", public.trim_end_matches('/')));
    }
    webhook
}

/// What the caller does, with texts spoken by the agent's own voice.
async fn script(args: &CallArgs, said: &[String]) -> Result<Script> {
    let mut voice = None;
    let mut clips = Vec::new();
    for line in said {
        let samples = if is_file(line) {
            clips::read(Path::new(line))?
        } else {
            if voice.is_none() {
                voice = Some(models::load(&args.agent.models).await?.tts);
            }
            match &voice {
                Some(voice) => speak(voice, line).await?,
                None => Vec::new(),
            }
        };
        clips.push(samples);
    }
    if args.story {
        return Ok(story::script(clips));
    }
    let mut script = Script::new().with_gap(args.gap).with_answer_wait(args.patience);
    for (line, samples) in said.iter().zip(clips) {
        script = script.say(label(line), samples);
    }
    for interruption in &args.interrupt_after {
        script = match interruption.turn.checked_sub(1) {
            Some(step) => script.interrupt_after(step, interruption.after),
            None => script.interrupt_greeting_after(interruption.after),
        };
    }
    Ok(args.press.iter().fold(script, |script, press| script.press_at(press.at, press.key)))
}

pub(crate) async fn speak(voice: &dyn Tts, text: &str) -> Result<Vec<i16>> {
    let format = *voice.info().formats.first().context("the voice names no audio format")?;
    let clauses = stream::iter([text.to_owned()]).boxed();
    let mut spoken = voice.speak(TtsRequest::new(format), clauses).await?;
    let mut samples = Vec::new();
    while let Some(item) = spoken.next().await {
        if let Spoken::Audio(chunk) = item? {
            chunk.decode_into(&mut samples);
        }
    }
    clips::telephone(&samples, format.rate_hz)
}

fn is_file(line: &str) -> bool {
    Path::new(line).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"))
}

fn label(line: &str) -> String {
    let stem = Path::new(line).file_stem().filter(|_| is_file(line));
    stem.map_or_else(|| line.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn write(directory: &Path, record: &Record) -> Result<()> {
    let files: [(&str, Vec<u8>); 3] = [
        ("call.wav", record.call.report.wav()),
        ("call.jsonl", jsonl::write(record).into_bytes()),
        ("call.html", page::write(record, "Call").into_bytes()),
    ];
    for (name, bytes) in files {
        let path = directory.join(name);
        files::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        console::line(path.display());
    }
    Ok(())
}

/// A call that broke, was never answered, or broke the protocol is a failure.
fn verdict(call: &CallReport) -> ExitCode {
    let fine =
        matches!(call.outcome, Outcome::Completed | Outcome::AgentHungUp | Outcome::Redirected);
    if fine && call.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

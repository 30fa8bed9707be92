//! Listening in on calls.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::time::{Instant, sleep, sleep_until};
use voicekit::{Agent, Refused};
use voicekit_core::audio::AudioFormat;
use voicekit_core::error::Result;
use voicekit_core::listen::{AudioEvent, CallAudio, Missed};
use voicekit_core::record::recording::{Lacks, Recording};
use voicekit_core::record::wav::Wav;
use voicekit_core::transport::{
    CallInfo, Transport, TransportCommand, TransportEvent, TransportSink,
};
use voicekit_testkit::fake::{FakeVad, line, scripted_line};
use voicekit_testkit::phone::{Report, silence, tone};
use voicekit_testkit::script::Script;

use crate::parts::{HOURS, Parts, ms};

/// Samples in one frame of the line.
const FRAME: usize = 160;

/// What a recorder makes of a call's sound: caller, agent, what is missing.
async fn record(audio: CallAudio) -> (Vec<i16>, Vec<i16>, Lacks) {
    let mut recording = Recording::new(audio.format(), None).unwrap();
    let mut file = recording.header();
    let mut events = audio;
    while let Some(event) = events.next().await {
        recording.handle(event);
        while recording.poll(&mut file) {}
    }
    recording.finish();
    while recording.poll(&mut file) {}
    let wav = Wav::parse(&file).unwrap();
    (wav.channel(0), wav.channel(1), recording.lacks())
}

/// A call in which the caller interrupts, with pauses, coughs and all.
fn eventful() -> (Parts, Script) {
    let heard = ["When are you open?", "", "On Sunday?"];
    let parts = Parts::new(heard, [HOURS, "We are closed on Sundays."]);
    let script = Script::new()
        .say("hours", tone(ms(1_200)))
        .say("cough", tone(ms(400)))
        .interrupt_after(0, ms(1_550))
        .say("sunday", tone(ms(1_000)))
        .interrupt_after(1, ms(900));
    (parts, script)
}

/// An agent whose calls `listen` follows.
fn listened(parts: &Parts, listen: impl voicekit_core::listen::Listen) -> Agent {
    let mut phrases = voicekit::Phrases::default();
    phrases.greeting = Some(crate::parts::HELLO.to_owned());
    Agent::builder()
        .phrases(phrases)
        .asr(parts.asr.clone())
        .llm(parts.llm.clone())
        .tts(parts.tts.clone())
        .vad(|| Ok(FakeVad::new()))
        .listen(listen)
        .build()
        .unwrap()
}

type Tracks = (Vec<i16>, Vec<i16>, Lacks);

/// An agent that records its calls, and where the recordings go.
fn recorded(parts: &Parts) -> (Agent, Arc<Mutex<Vec<Tracks>>>) {
    let kept: Arc<Mutex<Vec<Tracks>>> = Arc::default();
    let tracks = Arc::clone(&kept);
    let agent = listened(parts, move |_: CallInfo, audio: CallAudio| {
        let tracks = Arc::clone(&tracks);
        async move {
            let track = record(audio).await;
            tracks.lock().unwrap().push(track);
        }
    });
    (agent, kept)
}

fn same(what: &str, recorded: &[i16], carrier: &[i16]) {
    let differs = recorded.iter().zip(carrier).position(|(ours, theirs)| ours != theirs);
    assert_eq!(differs, None, "{what} differs at {:?} of {}", differs, carrier.len());
}

/// The recording is the carrier's own, sample by sample. Only the last of the caller's frames,
/// which was not complete when the call ended, never left the phone.
fn is_the_carriers(report: &Report, (caller, agent, lacks): &Tracks) {
    let (heard, said) = (report.caller_track(), report.agent_track());
    assert!(lacks.is_nothing());
    assert_eq!((caller.len(), agent.len()), (heard.len(), said.len()));
    let sent = heard.len() - heard.len() % FRAME;
    same("the caller", &caller[..sent], &heard[..sent]);
    same("the agent", agent, &said);
    assert!(said.iter().any(|sample| sample.unsigned_abs() > 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_recording_of_an_interrupted_call_is_the_carriers_own_sample_by_sample() {
    let (parts, script) = eventful();
    let (agent, kept) = recorded(&parts);
    let (line, handle) = scripted_line(script);
    agent.call(Box::new(line)).await;
    assert_eq!(agent.drain(ms(1_000)).await, 0);
    assert!(handle.report().clears.len() >= 2, "{:?}", handle.report().clears);
    is_the_carriers(&handle.report(), &kept.lock().unwrap()[0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_mid_sentence_is_recorded_as_far_as_it_was_heard() {
    for after in [133, 333, 1_007, 1_500] {
        let parts = Parts::new(["Hello?"], [HOURS]);
        let (agent, kept) = recorded(&parts);
        let (line, handle) = line();
        let call = agent.call(Box::new(line));
        let hang_up = async {
            sleep(ms(after)).await;
            handle.hang_up();
        };
        tokio::join!(call, hang_up);
        agent.drain(ms(1_000)).await;
        is_the_carriers(&handle.report(), &kept.lock().unwrap()[0]);
    }
}

/// A line whose carrier is so far away.
#[derive(Debug)]
struct Distant<L>(L, Duration);

struct DistantSink(futures::channel::mpsc::Sender<(Instant, TransportCommand)>, Duration);

impl TransportSink for DistantSink {
    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        command: &mut Option<TransportCommand>,
    ) -> Poll<Result<()>> {
        if let Some(command) = command.take() {
            self.0.try_send((Instant::now() + self.1, command)).unwrap();
        }
        Poll::Ready(Ok(()))
    }
}

impl<L: Transport + 'static> Transport for Distant<L> {
    fn call(&self) -> &CallInfo {
        self.0.call()
    }

    fn format(&self) -> AudioFormat {
        self.0.format()
    }

    fn split(
        self: Box<Self>,
    ) -> (Box<dyn TransportSink>, BoxStream<'static, Result<TransportEvent>>) {
        let way = self.1;
        let (mut sink, mut events) = Box::new(self.0).split();
        let (sender, mut commands) = futures::channel::mpsc::channel(10_000);
        tokio::spawn(async move {
            while let Some((due, command)) = commands.next().await {
                sleep_until(due).await;
                if sink.send(command).await.is_err() {
                    break;
                }
            }
        });
        let (mut late, received) = futures::channel::mpsc::channel(10_000);
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if late.send((Instant::now() + way, event)).await.is_err() {
                    break;
                }
            }
        });
        let received = received.then(|(due, event)| sleep_until(due).map(|()| event));
        (Box::new(DistantSink(sender, way)), received.boxed())
    }
}

impl fmt::Debug for DistantSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DistantSink")
    }
}

#[tokio::test(start_paused = true)]
async fn over_a_network_replies_stand_where_the_caller_hears_them_once_the_way_is_known() {
    let (parts, script) = eventful();
    let (agent, kept) = recorded(&parts);
    let (line, handle) = scripted_line(script);
    agent.call(Box::new(Distant(line, ms(70)))).await;
    agent.drain(ms(1_000)).await;
    let kept = kept.lock().unwrap();
    let (caller, agent, _) = &kept[0];
    let report = handle.report();
    let (heard, said) = (report.caller_track(), report.agent_track());
    let whole = caller.len().min(heard.len()) / FRAME * FRAME;
    same("the caller", &caller[..whole], &heard[..whole]);
    // The greeting was sent before any mark had come back.
    let from = report.turns[0].clip.speech.start.as_micros() / 125;
    let from = usize::try_from(from).unwrap();
    let until = agent.len().min(said.len());
    same("the agent", &agent[from..until], &said[from..until]);
}

#[tokio::test(start_paused = true)]
async fn one_who_does_not_read_misses_the_oldest_and_is_told_and_nobody_else_misses_any() {
    let (parts, script) = eventful();
    let (agent, kept) = recorded(&parts);
    let (line, handle) = scripted_line(script.say("later", silence(ms(25_000))));
    let session = agent.session(Box::new(line));
    let mut stuck = session.handle().listen().unwrap();
    let report = session.run().await;
    agent.drain(ms(1_000)).await;
    is_the_carriers(&handle.report(), &kept.lock().unwrap()[0]);
    assert!(report.ended.as_millis() > 25_000);

    let Some(AudioEvent::Missed(missed)) = stuck.next().await else { panic!("nothing missed") };
    assert_eq!(missed.from.samples, 0);
    let mut rest = stuck.collect::<Vec<_>>().await;
    // The cut that was among it is not lost.
    assert!(matches!(rest.remove(0), AudioEvent::Cut { .. }));
    assert!(matches!(rest.last(), Some(AudioEvent::Ended { .. })));
    let first = rest.iter().find_map(|event| match event {
        AudioEvent::Caller { at, .. } => Some(at.samples),
        AudioEvent::Agent { .. }
        | AudioEvent::Cut { .. }
        | AudioEvent::Missed(_)
        | AudioEvent::Ended { .. }
        | _ => None,
    });
    assert_eq!(first, Some(missed.caller), "what comes next is what follows what is missing");
    let commands = handle.commands();
    let is_audio = |(_, command): &&_| matches!(command, TransportCommand::Audio(_));
    let agent_frames = commands.iter().filter(is_audio).count();
    let agent_left = rest.iter().filter(|event| matches!(event, AudioEvent::Agent { .. })).count();
    assert_eq!(missed.agent, ((agent_frames - agent_left) * FRAME) as u64);
}

#[tokio::test(start_paused = true)]
async fn one_who_reads_slowly_is_told_in_order_what_is_missing() {
    let parts = Parts::new(["Hello?"], [HOURS]);
    let (agent, _) = recorded(&parts);
    let (line, _handle) =
        scripted_line(Script::new().say("hello", tone(ms(600))).say("later", silence(ms(60_000))));
    let session = agent.session(Box::new(line));
    let mut slow = session.handle().listen().unwrap();
    let slow = async move {
        let (mut position, mut skipped, mut told) = (0, 0, 0);
        while let Some(event) = slow.next().await {
            match event {
                AudioEvent::Missed(Missed { from, caller, .. }) => {
                    assert!(from.samples >= position);
                    skipped += caller;
                    told += 1;
                }
                AudioEvent::Caller { at, chunk, .. } => {
                    assert_eq!(at.samples, position + skipped);
                    position = at.samples + chunk.samples() as u64;
                    skipped = 0;
                }
                AudioEvent::Agent { .. }
                | AudioEvent::Cut { .. }
                | AudioEvent::Ended { .. }
                | _ => {}
            }
            sleep(ms(60)).await;
        }
        told
    };
    let (_, told) = tokio::join!(session.run(), slow);
    assert!(told > 10, "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_listener_joins_a_running_call_and_leaves_it() {
    let (agent, _) = recorded(&Parts::new(["Hello?"], [HOURS]));
    let (line, handle) = line();
    let session = agent.session(Box::new(line));
    let call = session.handle();
    let running = tokio::spawn(session.run());
    sleep(ms(1_010)).await;
    let mut audio = call.listen().unwrap();
    assert_eq!(audio.format(), AudioFormat::PHONE);
    let mut positions = Vec::new();
    for _ in 0..4 {
        if let Some(AudioEvent::Caller { at, came, chunk, .. }) = audio
            .by_ref()
            .filter(|event| futures::future::ready(matches!(event, AudioEvent::Caller { .. })))
            .next()
            .await
        {
            assert_eq!(came.since_start(), at.duration() + chunk.duration());
            positions.push(at.duration().as_millis());
        }
    }
    assert_eq!(positions, [1_000, 1_020, 1_040, 1_060]);
    drop(audio);
    let left = call.listen().unwrap();
    handle.hang_up();
    running.await.unwrap();
    assert!(matches!(left.collect::<Vec<_>>().await.last(), Some(AudioEvent::Ended { .. })));
    assert!(matches!(call.listen(), Err(Refused::Over)));
}

#[tokio::test(start_paused = true)]
async fn more_than_sixteen_may_not_join_until_one_leaves() {
    let (line, _handle) = line();
    let agent = Parts::new(["Hello?"], [HOURS]).agent(&Arc::default());
    let session = agent.session(Box::new(line));
    let call = session.handle();
    let mut all: Vec<CallAudio> = (0..16).map(|_| call.listen().unwrap()).collect();
    assert!(matches!(call.listen(), Err(Refused::Busy)));
    let _running = tokio::spawn(session.run());
    all.pop();
    sleep(ms(100)).await;
    assert!(call.listen().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_abandoned_ends_its_listeners() {
    let agent = Parts::new(["Hello?"], [HOURS]).agent(&Arc::default());
    for run in [false, true] {
        let (line, _handle) = line();
        let session = agent.session(Box::new(line));
        let audio = session.handle().listen().unwrap();
        if run {
            let running = tokio::spawn(session.run());
            sleep(ms(500)).await;
            running.abort();
        } else {
            drop(session);
        }
        let heard = audio.collect::<Vec<_>>().await;
        assert!(!heard.iter().any(|event| matches!(event, AudioEvent::Ended { .. })));
        assert_eq!(heard.is_empty(), !run);
    }
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_those_who_listen() {
    let parts = Parts::new(["Hello?"], [HOURS]);
    let done = Arc::new(Mutex::new(false));
    let saved = Arc::clone(&done);
    let agent = listened(&parts, move |_: CallInfo, audio: CallAudio| {
        let saved = Arc::clone(&saved);
        async move {
            audio.for_each(|_| futures::future::ready(())).await;
            sleep(ms(3_000)).await;
            *saved.lock().unwrap() = true;
        }
    });
    let (line, _handle) = scripted_line(Script::new().say("hello", tone(ms(600))));
    agent.call(Box::new(line)).await;
    assert!(!*done.lock().unwrap());
    agent.drain(ms(10_000)).await;
    assert!(*done.lock().unwrap());
}

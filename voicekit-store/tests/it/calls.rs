//! Whole calls that are recorded, in virtual time.

use std::io::{self, Cursor, SeekFrom};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncSeek, AsyncWrite};
use tokio::time::{Sleep, sleep};
use voicekit::{Agent, AgentBuilder};
use voicekit_core::listen::CallAudio;
use voicekit_core::record::wav::Wav;
use voicekit_core::transport::CallInfo;
use voicekit_store::recordings::{Recordings, RecordingsConfig, Written, record_to};
use voicekit_testkit::fake::{FakeAsr, FakeLlm, FakeTts, FakeVad, scripted_line};
use voicekit_testkit::logs::Logs;
use voicekit_testkit::phone::{Report, tone};
use voicekit_testkit::script::Script;

use crate::directory::{Directory, clock};

const HOURS: &str = "We are open from seven to six on weekdays. On Saturday we close at two.";

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn agent() -> AgentBuilder {
    Agent::builder()
        .greeting("Corner Bakery, good morning.")
        .asr(FakeAsr::new(["When are you open?", "On Sunday?"]))
        .llm(FakeLlm::new([HOURS, "We are closed."]))
        .tts(FakeTts::new().with_word_times())
        .vad(|| Ok(FakeVad::new()))
}

/// Whether both tracks are the carrier's own. The caller's last frame, which was not complete when
/// the call ended, never left the phone.
fn is_the_carriers(file: &[u8], report: &Report) {
    let wav = Wav::parse(file).unwrap();
    let (caller, agent) = (report.caller_track(), report.agent_track());
    assert_eq!(wav.frames(), caller.len());
    let sent = caller.len() / 160 * 160;
    assert!(wav.channel(0)[..sent] == caller[..sent], "the caller differs");
    assert!(wav.channel(1) == agent, "the agent differs");
    assert!(agent.iter().any(|sample| *sample != 0));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_call_is_in_the_directory_as_the_carrier_heard_it() {
    let directory = Directory::new();
    let config = RecordingsConfig::default().with_clock(clock);
    let recordings = Recordings::with_config(&directory.url(), config).unwrap();
    let agent = agent().listen(recordings).build().unwrap();
    let script = Script::new()
        .say("hours", tone(ms(1_200)))
        .say("sunday", tone(ms(1_000)))
        .interrupt_after(0, ms(1_500));
    let (line, handle) = scripted_line(script);
    agent.call(Box::new(line)).await;
    assert_eq!(agent.drain(ms(10_000)).await, 0);
    assert_eq!(directory.files(), ["2026/01/31/fake-call.wav"]);
    let file = std::fs::read(directory.path().join("2026/01/31/fake-call.wav")).unwrap();
    assert!(!handle.report().clears.is_empty());
    is_the_carriers(&file, &handle.report());
}

/// A disk that stalls for half a minute once it has taken so much.
struct Stalling {
    file: Cursor<Vec<u8>>,
    stalls_at: usize,
    stall: Option<Pin<Box<Sleep>>>,
}

impl AsyncWrite for Stalling {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.file.get_ref().len() >= self.stalls_at {
            let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(ms(30_000))));
            ready!(stall.as_mut().poll(cx));
        }
        Pin::new(&mut self.file).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Stalling {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.file).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.file).poll_complete(cx)
    }
}

type Kept = Arc<Mutex<Option<(Written, Vec<u8>)>>>;

/// Records to a disk that stalls once it has taken so much.
fn recorder(stalls_at: usize) -> (impl voicekit_core::listen::Listen, Kept) {
    let kept = Kept::default();
    let keep = Arc::clone(&kept);
    let listener = move |_: CallInfo, audio: CallAudio| {
        let keep = Arc::clone(&keep);
        async move {
            let mut disk = Stalling { file: Cursor::default(), stalls_at, stall: None };
            let written = record_to(audio, None, &mut disk).await.unwrap();
            *keep.lock().unwrap() = Some((written, disk.file.into_inner()));
        }
    };
    (listener, kept)
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_stalls_costs_its_recording_some_sound_and_nobody_else_anything() {
    let logs = Logs::catch();
    let (stalling, stalled) = recorder(50_000);
    let (sound, whole) = recorder(usize::MAX);
    let agent = agent().listen(stalling).listen(sound).build().unwrap();
    let (line, handle) = scripted_line(Script::new().say("long", tone(ms(60_000))));
    agent.call(Box::new(line)).await;
    assert_eq!(agent.drain(ms(60_000)).await, 0);
    let report = handle.report();

    let (written, file) = whole.lock().unwrap().take().unwrap();
    assert!(written.lacks.is_nothing());
    is_the_carriers(&file, &report);

    let (written, file) = stalled.lock().unwrap().take().unwrap();
    let wav = Wav::parse(&file).unwrap();
    let (caller, heard) = (wav.channel(0), report.caller_track());
    assert_eq!(caller.len(), heard.len(), "silence is as long as what is missing");
    let missing: Vec<usize> =
        (0..heard.len() / 160 * 160).filter(|i| caller[*i] != heard[*i]).collect();
    assert!(missing.iter().all(|i| caller[*i] == 0));
    let (first, last) = (missing[0], missing[missing.len() - 1]);
    // A tone passes through zero now and then.
    let lacks = usize::try_from(written.lacks.caller).unwrap();
    assert!((lacks - 2..=lacks).contains(&(last + 1 - first)), "{first}..{last}, {lacks}");
    assert!(lacks > 8_000 * 5);
    let text = logs.text();
    assert!(text.contains("WARN") && text.contains("too slow"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_does_not_disturb_the_call() {
    let directory = Directory::new();
    let spool = directory.path().join("spool");
    let config = RecordingsConfig::default().with_clock(clock).with_spool(&spool);
    let recordings = Recordings::with_config(&directory.url(), config).unwrap();
    // Nothing can be made below what is no directory.
    std::fs::remove_dir(&spool).unwrap();
    std::fs::write(&spool, "").unwrap();
    let logs = Logs::catch();
    let agent = agent().listen(recordings).build().unwrap();
    let (line, handle) = scripted_line(Script::new().say("hours", tone(ms(1_200))));
    agent.call(Box::new(line)).await;
    assert_eq!(agent.drain(ms(10_000)).await, 0);
    assert!(handle.report().turns[0].answer.is_some());
    assert!(logs.text().contains("not recorded"), "{}", logs.text());
}

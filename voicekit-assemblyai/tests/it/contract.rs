//! The contract of `Asr`.

use std::sync::Arc;

use voicekit_assemblyai::{AssemblyAi, AssemblyAiConfig};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_testkit::contract::Subject;
use voicekit_testkit::contract_tests;
use voicekit_testkit::server::{Received, Reply, Script, WebSocketServer};

use crate::support::{TERMINATE, TERMINATION, asr, config, ms, said, turns};

/// Hears a word in everything, and ends the turn when it is told to.
fn hears() -> impl FnMut(&Received) -> Vec<Reply> {
    let (mut bytes, mut order, mut is_open) = (0, 0, false);
    move |received| {
        bytes += received.binary().map_or(0, |audio| audio.len());
        let at = u64::try_from(AudioFormat::PHONE.duration_of(bytes).as_millis()).unwrap();
        let word = said(order, "word", at.saturating_sub(100));
        let mut replies = Vec::new();
        match received.text() {
            None if received.binary().is_some() => {
                is_open = true;
                replies.push(Reply::Text(word.text()));
            }
            Some(_) if is_open => {
                replies.push(Reply::Text(word.end().text()));
                (is_open, order) = (false, order + 1);
            }
            Some(_) | None => {}
        }
        if received.text() == Some(TERMINATE) {
            replies.push(Reply::Text(TERMINATION.to_owned()));
            replies.push(Reply::Close(1000, String::new()));
        }
        replies
    }
}

/// Two seconds but for a piece that has to be filled up.
fn hearing(config: AssemblyAiConfig) -> Subject<AssemblyAi> {
    let server = hearing_service();
    let script = |_| Some(Script::new().answer(forgets()));
    let forgetting = Arc::new(WebSocketServer::in_memory_serving(script));
    let (asr, forgetful) = (asr(config.clone(), &server), asr(config, &forgetting));
    let speech = AudioChunk::silence(AudioFormat::PHONE, ms(1_900));
    let subject = Subject::new(asr).with_speech(speech).with_forgetful(forgetful);
    subject.with_work(move || server.open_connections())
}

/// Shows a word in everything, and ends the turn without any.
fn forgets() -> impl FnMut(&Received) -> Vec<Reply> {
    let mut hears = hears();
    move |received| {
        let mut replies = hears(received);
        if received.text().is_some() {
            for reply in &mut replies {
                if let Reply::Text(text) = reply {
                    *text = text.replace(r#""transcript":"word""#, r#""transcript":"""#);
                    *text = text.replace(r#""text":"word""#, r#""text":"""#);
                }
            }
        }
        replies
    }
}

pub(crate) fn hearing_service() -> Arc<WebSocketServer> {
    let script = |_| Some(Script::new().answer(hears()));
    Arc::new(WebSocketServer::in_memory_serving(script))
}

contract_tests! { engine_ends_the_turns: Asr = hearing(config()) }
contract_tests! { with_format: Asr = hearing(config().with_format_turns(true)) }
contract_tests! { service_ends_the_turns: Asr = hearing(turns()) }

//! A whole call with every combination of providers, over their own protocols, in memory.

use std::sync::Arc;

use voicekit::{Agent, Phrases};
use voicekit_anthropic::{Anthropic, AnthropicConfig};
use voicekit_assemblyai::{AssemblyAi, AssemblyAiConfig};
use voicekit_core::asr::Asr;
use voicekit_core::codec::mulaw;
use voicekit_core::llm::{Llm, Message};
use voicekit_core::tts::Tts;
use voicekit_deepgram::{Account, Aura, AuraConfig, Flux, FluxConfig, Nova, NovaConfig};
use voicekit_elevenlabs::{ElevenLabs, ElevenLabsConfig};
use voicekit_net::Connector;
use voicekit_openai::{OpenAi, OpenAiConfig};
use voicekit_testkit::fake::{FakeVad, scripted_line};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::Script as Caller;
use voicekit_testkit::server::http::{Answer, HttpServer};
use voicekit_testkit::server::provider::{
    Heard, anthropic, assemblyai, deepgram, elevenlabs, openai, spell,
};
use voicekit_testkit::server::{Script, WebSocketServer};

use crate::parts::ms;

const HELLO: &str = "Corner Bakery.";
const ASKED: [&str; 2] = ["When are you open?", "And on Sunday?"];
const SAID: [&str; 2] = ["We open at nine.", "On Sunday we are closed, I am afraid."];

fn socket(script: impl Fn() -> Script + Send + 'static) -> Connector {
    let server = WebSocketServer::in_memory_serving(move |_| Some(script()));
    Connector::new().unwrap().with_pipe(move || server.connect())
}

fn web(answers: [Answer; 2]) -> Connector {
    let server = HttpServer::in_memory(answers);
    Connector::new().unwrap().with_pipe(move || server.connect())
}

fn account() -> Account {
    Account::new("key").with_url("ws://deepgram.test")
}

fn ears() -> [Arc<dyn Asr>; 3] {
    let heard = || Heard::new(ASKED);
    let (nova, flux, streaming) = (heard(), heard(), heard());
    let nova = socket(move || deepgram::nova(&nova));
    let flux = socket(move || deepgram::flux(&flux));
    let streaming = socket(move || assemblyai::streaming(&streaming));
    let config = AssemblyAiConfig::new(
        voicekit_assemblyai::Account::new("key").with_url("ws://assemblyai.test"),
    );
    [
        Arc::new(Nova::new(NovaConfig::new(account())).unwrap().with_connector(nova)),
        Arc::new(Flux::new(FluxConfig::new(account())).unwrap().with_connector(flux)),
        Arc::new(AssemblyAi::new(config).unwrap().with_connector(streaming)),
    ]
}

fn minds() -> [Arc<dyn Llm>; 2] {
    let open = OpenAiConfig::new("key").with_base_url("http://openai.test/v1");
    let claude = AnthropicConfig::new("key").with_base_url("http://anthropic.test");
    [
        Arc::new(OpenAi::with_connector(open, web(SAID.map(openai::says))).unwrap()),
        Arc::new(Anthropic::with_connector(claude, web(SAID.map(anthropic::says))).unwrap()),
    ]
}

fn mouths() -> [Arc<dyn Tts>; 2] {
    let config = ElevenLabsConfig::new("key").with_url("ws://elevenlabs.test");
    let aura = Aura::new(AuraConfig::new(account())).unwrap();
    [
        Arc::new(ElevenLabs::with_connector(config, socket(elevenlabs::contexts)).unwrap()),
        Arc::new(aura.with_connector(socket(deepgram::aura))),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_provider_holds_a_conversation_with_every_other() {
    for ear in 0..3 {
        for mind in 0..2 {
            for mouth in 0..2 {
                let (asr, llm) = (Arc::clone(&ears()[ear]), Arc::clone(&minds()[mind]));
                converse(asr, llm, Arc::clone(&mouths()[mouth])).await;
            }
        }
    }
}

async fn converse(asr: Arc<dyn Asr>, llm: Arc<dyn Llm>, tts: Arc<dyn Tts>) {
    let who = format!("{}, {}, {}", asr.info().name, llm.info().name, tts.info().name);
    let mut phrases = Phrases::default();
    phrases.greeting = Some(HELLO.to_owned());
    let agent = Agent::builder().phrases(phrases).asr(asr).llm(llm).tts(tts);
    let agent = agent.vad(|| Ok(FakeVad::new())).build().unwrap();
    let caller = Caller::new().say("hours", tone(ms(1_200))).say("sunday", tone(ms(1_000)));
    let (line, phone) = scripted_line(caller);
    let report = agent.call(Box::new(line)).await;
    let said: Vec<&str> = report.messages.iter().map(Message::text).collect();
    assert_eq!(said, [HELLO, ASKED[0], SAID[0], ASKED[1], SAID[1]], "{who}");
    let codes: Vec<u8> =
        phone.report().agent_track().into_iter().map(mulaw::encode_sample).collect();
    let heard = spell(&codes);
    let words: Vec<&str> = heard.split_whitespace().collect();
    let expected = [HELLO, SAID[0], SAID[1]].join(" ");
    assert_eq!(words.concat(), expected.replace(' ', ""), "{who}");
}

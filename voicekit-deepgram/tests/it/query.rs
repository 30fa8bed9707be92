//! What is asked for when a connection is opened.
//!
//! The parameters are those of the service's AsyncAPI description, snapshot of July 2026
//! (`channels./v1/listen`, `/v2/listen` and `/v1/speak`, `bindings.ws.query`).

use std::sync::Arc;

use futures::StreamExt;
use voicekit_core::asr::{Asr, AsrRequest};
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_deepgram::{
    Aura, AuraConfig, Credentials, Flux, FluxConfig, Nova, NovaConfig, Secret,
};
use voicekit_testkit::server::{Opened, Script, WebSocketServer};

use crate::support::{KEY, account, clauses, connector, ms, service};

/// `no_delay` is in the service's SDKs and not in its description.
const V1_LISTEN: &[&str] = &[
    "callback",
    "callback_method",
    "channels",
    "detect_entities",
    "diarize",
    "diarize_model",
    "dictation",
    "encoding",
    "endpointing",
    "extra",
    "interim_results",
    "keyterm",
    "keywords",
    "language",
    "mip_opt_out",
    "model",
    "multichannel",
    "no_delay",
    "numerals",
    "profanity_filter",
    "punctuate",
    "redact",
    "replace",
    "sample_rate",
    "search",
    "smart_format",
    "tag",
    "utterance_end_ms",
    "vad_events",
    "version",
];

const V2_LISTEN: &[&str] = &[
    "eager_eot_threshold",
    "encoding",
    "eot_threshold",
    "eot_timeout_ms",
    "keyterm",
    "language_hint",
    "mip_opt_out",
    "model",
    "numerals",
    "profanity_filter",
    "redact",
    "sample_rate",
    "tag",
];

const V1_SPEAK: &[&str] = &["encoding", "mip_opt_out", "model", "sample_rate", "speed"];

async fn opened(server: &Arc<WebSocketServer>) -> Opened {
    server.until(|seen| !seen.is_empty()).await.remove(0)
}

async fn listening(server: &Arc<WebSocketServer>, asr: &dyn Asr, request: AsrRequest) -> Opened {
    let input = futures::stream::pending().boxed();
    let _events = asr.recognize(request, input).await.unwrap();
    opened(server).await
}

async fn nova(config: NovaConfig, request: AsrRequest) -> Opened {
    let server = service([Script::new()]);
    let asr = Nova::new(config).unwrap().with_connector(connector(&server));
    listening(&server, &asr, request).await
}

async fn flux(config: FluxConfig, request: AsrRequest) -> Opened {
    let server = service([Script::new()]);
    let asr = Flux::new(config).unwrap().with_connector(connector(&server));
    listening(&server, &asr, request).await
}

async fn aura(config: AuraConfig, request: TtsRequest) -> Opened {
    let server = service([Script::new()]);
    let tts = Aura::new(config).unwrap().with_connector(connector(&server));
    let _spoken = tts.speak(request, clauses(&[])).await.unwrap();
    opened(&server).await
}

fn assert_known(opened: &Opened, known: &[&str]) {
    for (name, _) in opened.parameters() {
        assert!(known.contains(&name.as_str()), "{name} is not known to {}", opened.path);
    }
}

fn phone() -> AsrRequest {
    AsrRequest::new(AudioFormat::PHONE)
}

#[tokio::test(start_paused = true)]
async fn nova_asks_for_what_a_call_needs() {
    let opened = nova(NovaConfig::new(account()), phone()).await;
    assert_eq!(opened.path, "/v1/listen");
    let wanted = "model=nova-3&interim_results=true&endpointing=300&utterance_end_ms=1000\
                  &punctuate=true&language=en&channels=1&encoding=mulaw&sample_rate=8000";
    assert_eq!(opened.query, wanted);
}

#[tokio::test(start_paused = true)]
async fn nova_sends_lists_one_by_one_and_encoded() {
    let mut request = AsrRequest::new(AudioFormat::pcm16(16_000));
    request.language = "de".to_owned();
    request.vocabulary = vec!["Müller & Söhne".to_owned(), "account number".to_owned()];
    let mut config = NovaConfig::new(account());
    config.redact = vec!["pci".to_owned(), "ssn".to_owned()];
    config.tags = vec!["line 1".to_owned()];
    config.endpointing = ms(0);
    config.utterance_end = ms(0);
    config.smart_format = true;
    config.no_delay = true;
    config.numerals = true;
    config.profanity_filter = true;
    config.mip_opt_out = true;
    let opened = nova(config, request).await;
    let wanted = "model=nova-3&interim_results=true&endpointing=false&punctuate=true\
                  &smart_format=true&no_delay=true&numerals=true&profanity_filter=true\
                  &mip_opt_out=true&redact=pci&redact=ssn&tag=line%201&language=de&channels=1\
                  &encoding=linear16&sample_rate=16000&keyterm=M%C3%BCller%20%26%20S%C3%B6hne\
                  &keyterm=account%20number";
    assert_eq!(opened.query, wanted);
    assert_known(&opened, V1_LISTEN);
}

#[tokio::test(start_paused = true)]
async fn older_models_take_keywords_and_a_language_may_be_fixed() {
    let mut request = phone();
    request.vocabulary = vec!["voicekit".to_owned()];
    let config = NovaConfig::new(account()).with_model("nova-2-phonecall").with_language("multi");
    let opened = nova(config, request).await;
    assert!(opened.query.ends_with("&keywords=voicekit"), "{}", opened.query);
    assert!(opened.query.contains("language=multi"));
    assert_known(&opened, V1_LISTEN);
}

#[tokio::test(start_paused = true)]
async fn a_vocabulary_is_cut_where_the_service_would_refuse_it() {
    let mut request = phone();
    request.vocabulary = (0..150).map(|n| n.to_string()).collect();
    let opened = nova(NovaConfig::new(account()), request).await;
    let terms = opened.parameters().into_iter().filter(|(name, _)| name == "keyterm");
    assert_eq!(terms.count(), 100);
}

#[tokio::test(start_paused = true)]
async fn flux_is_asked_for_nothing_it_does_not_know() {
    let mut request = AsrRequest::new(AudioFormat::new(Encoding::ALaw, 8_000));
    request.vocabulary = vec!["account number".to_owned()];
    let mut config = FluxConfig::new(account()).with_eager_eot_threshold(0.4);
    config.redact = vec!["numbers".to_owned()];
    config.tags = vec!["a".to_owned(), "b".to_owned()];
    config.numerals = true;
    config.profanity_filter = true;
    config.mip_opt_out = true;
    let opened = flux(config, request).await;
    assert_eq!(opened.path, "/v2/listen");
    let wanted = "model=flux-general-en&eot_threshold=0.7&eot_timeout_ms=5000\
                  &eager_eot_threshold=0.4&numerals=true&profanity_filter=true&mip_opt_out=true\
                  &redact=numbers&tag=a&tag=b&encoding=alaw&sample_rate=8000\
                  &keyterm=account%20number";
    assert_eq!(opened.query, wanted);
    assert_known(&opened, V2_LISTEN);
}

#[tokio::test(start_paused = true)]
async fn flux_is_told_the_language_where_it_knows_several() {
    let mut config = FluxConfig::new(account()).with_model("flux-general-multi");
    config.language_hints = vec!["es".to_owned()];
    let opened = flux(config, phone()).await;
    assert!(opened.query.ends_with("&language_hint=en&language_hint=es"), "{}", opened.query);
    assert_known(&opened, V2_LISTEN);
}

#[tokio::test(start_paused = true)]
async fn aura_speaks_as_a_telephone_does() {
    let opened = aura(AuraConfig::new(account()), TtsRequest::new(AudioFormat::PHONE)).await;
    assert_eq!(opened.path, "/v1/speak");
    assert_eq!(opened.query, "model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000");
}

#[tokio::test(start_paused = true)]
async fn a_reply_may_name_its_voice() {
    let mut config = AuraConfig::new(account()).with_speed(1.1);
    config.mip_opt_out = true;
    let mut request = TtsRequest::new(AudioFormat::pcm16(24_000));
    request.voice = Some("aura-2-julius-de".to_owned());
    let opened = aura(config, request).await;
    let wanted = "model=aura-2-julius-de&encoding=linear16&sample_rate=24000&mip_opt_out=true\
                  &speed=1.1";
    assert_eq!(opened.query, wanted);
    assert_known(&opened, V1_SPEAK);
}

#[tokio::test(start_paused = true)]
async fn credentials_are_a_key_or_a_token() {
    let opened = nova(NovaConfig::new(account()), phone()).await;
    assert_eq!(opened.header("authorization"), Some(format!("Token {KEY}").as_str()));
    assert!(opened.header("user-agent").is_some_and(|agent| agent.starts_with("voicekit/")));
    let token = account().with_credentials(Credentials::Token(Secret::new("a.b.c")));
    let opened = nova(NovaConfig::new(token), phone()).await;
    assert_eq!(opened.header("authorization"), Some("Bearer a.b.c"));
}

#[tokio::test(start_paused = true)]
async fn a_service_of_ones_own_may_lie_below_a_path() {
    let account = account().with_url("ws://deepgram.test/speech/");
    assert_eq!(nova(NovaConfig::new(account), phone()).await.path, "/speech/v1/listen");
}

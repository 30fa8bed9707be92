//! What is asked for when a connection is opened.

use futures::StreamExt;
use voicekit_assemblyai::{AssemblyAiConfig, Credentials, Turns};
use voicekit_core::asr::{Asr, AsrRequest};
use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::ErrorKind;
use voicekit_testkit::server::{Opened, Script};

use crate::support::{KEY, account, asr, config, ms, service, turns};

async fn opened(config: AssemblyAiConfig, request: AsrRequest) -> Opened {
    let server = service([Script::new()]);
    let input = futures::stream::pending().boxed();
    let _events = asr(config, &server).recognize(request, input).await.unwrap();
    server.until(|seen| !seen.is_empty()).await.remove(0)
}

fn phone() -> AsrRequest {
    AsrRequest::new(AudioFormat::PHONE)
}

#[tokio::test(start_paused = true)]
async fn the_query_is_what_the_service_documents() {
    let mut request = phone();
    request.vocabulary = vec!["voicekit".to_owned(), "Søren & Co".to_owned()];
    let seen = opened(config(), request).await;
    assert_eq!(seen.path, "/v3/ws");
    let wanted = "sample_rate=8000&encoding=pcm_mulaw\
                  &speech_model=universal-streaming-english&format_turns=false\
                  &end_of_turn_confidence_threshold=1&min_turn_silence=160\
                  &keyterms_prompt=%5B%22voicekit%22%2C%22S%C3%B8ren%20%26%20Co%22%5D";
    assert_eq!(seen.query, wanted);
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_set_is_asked_for() {
    let mut config = config().with_model("u3-rt-pro").with_format_turns(true);
    config.turns = Turns::Service;
    config.end_of_turn_confidence_threshold = Some(0.5);
    config.min_turn_silence = Some(ms(300));
    config.max_turn_silence = Some(ms(900));
    config.language_codes = vec!["en".to_owned(), "es".to_owned()];
    config.inactivity_timeout = Some(ms(30_000));
    let config = config.with_parameter("vad_threshold", "0.3").with_parameter("mode", "balanced");
    let seen = opened(config, AsrRequest::new(AudioFormat::pcm16(16_000))).await;
    let wanted = "sample_rate=16000&encoding=pcm_s16le&speech_model=u3-rt-pro&format_turns=true\
                  &end_of_turn_confidence_threshold=0.5&min_turn_silence=300&max_turn_silence=900\
                  &language_codes=%5B%22en%22%2C%22es%22%5D&inactivity_timeout=30\
                  &mode=balanced&vad_threshold=0.3";
    assert_eq!(seen.query, wanted);
}

#[tokio::test(start_paused = true)]
async fn where_the_engine_ends_turns_the_service_finalises_early_and_otherwise_waits() {
    let seen = opened(config().with_model("universal-3-5-pro"), phone()).await;
    let asked = seen.parameters();
    let value = |name: &str| {
        let mut found = asked.iter().filter(|(other, _)| other == name);
        found.next().map(|(_, value)| value.clone())
    };
    assert_eq!(value("min_turn_silence").as_deref(), Some("100"));
    assert_eq!(value("max_turn_silence").as_deref(), Some("100"));
    assert_eq!(value("language_codes").as_deref(), Some(r#"["en"]"#));
    assert_eq!(value("end_of_turn_confidence_threshold"), None);
    let seen = opened(turns(), phone()).await;
    assert!(!seen.query.contains("silence"), "{}", seen.query);
}

#[tokio::test(start_paused = true)]
async fn the_key_is_the_whole_header_and_nowhere_else() {
    let seen = opened(config(), phone()).await;
    assert_eq!(seen.header("authorization"), Some(KEY));
    assert_eq!(seen.header("assemblyai-version"), Some("2025-05-12"));
    assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("voicekit/")));
    assert!(!seen.query.contains(KEY), "{}", seen.query);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_in_the_query_and_in_no_header() {
    let mut config = config();
    config.account = account().with_credentials(Credentials::Token("a+b".into()));
    let seen = opened(config, phone()).await;
    assert_eq!(seen.parameters()[0], ("token".to_owned(), "a+b".to_owned()));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test(start_paused = true)]
async fn a_path_in_front_of_the_services_own_stays() {
    let mut config = config();
    config.account = account().with_url("ws://localhost:8080/proxy/");
    assert_eq!(opened(config, phone()).await.path, "/proxy/v3/ws");
}

#[tokio::test(start_paused = true)]
async fn terms_that_are_too_many_or_too_long_stay_at_home() {
    let mut request = phone();
    request.vocabulary = (0..150).map(|number| format!("term {number}")).collect();
    request.vocabulary.insert(0, "x".repeat(51));
    let seen = opened(config(), request).await;
    let asked = seen.parameters();
    let (_, terms) = asked.iter().find(|(name, _)| name == "keyterms_prompt").unwrap();
    let terms: Vec<String> = serde_json::from_str(terms).unwrap();
    assert_eq!((terms.len(), terms[0].as_str()), (100, "term 0"));
}

#[tokio::test(start_paused = true)]
async fn what_it_cannot_understand_is_refused() {
    let server = service([]);
    let foreign = AudioFormat::new(Encoding::ALaw, 8_000);
    let mut german = phone();
    german.language = "de-DE".to_owned();
    for (request, wanted) in [
        (AsrRequest::new(foreign), "alaw/8000 is none of the formats it takes"),
        (german.clone(), "universal-streaming-english understands English, not de-DE"),
    ] {
        let input = futures::stream::pending().boxed();
        let refused = asr(config(), &server).recognize(request, input).await;
        let error = refused.err().unwrap();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, wanted));
    }
    opened(config().with_model("universal-streaming-multilingual"), german).await;
}

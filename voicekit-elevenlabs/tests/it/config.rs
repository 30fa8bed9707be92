//! Settings: what they become, and what is wrong with them.

use voicekit_core::audio::{AudioFormat, Encoding};
use voicekit_core::error::ErrorKind;
use voicekit_core::tts::{Tts, TtsRequest};
use voicekit_elevenlabs::{
    ElevenLabs, ElevenLabsConfig, PronunciationDictionary, Route, TextNormalization, VoiceSettings,
};

use crate::support::{KEY, Manner, config, ms, speaker, voice, voice_with};

/// The URL and the header of the socket to which this leads.
async fn socket(config: ElevenLabsConfig, request: &TtsRequest) -> (String, Option<String>) {
    let server = speaker(Manner::default());
    let voice = voice_with(&server, config);
    voice.warm(request).await.unwrap();
    let seen = server.connections();
    let key = seen[0].header("xi-api-key").map(str::to_owned);
    (format!("{}?{}", seen[0].path, seen[0].query), key)
}

#[tokio::test(start_paused = true)]
async fn the_url_says_all_that_is_fixed_for_a_socket() {
    let phone = TtsRequest::new(AudioFormat::PHONE);
    let (url, key) = socket(config(), &phone).await;
    assert_eq!(key.as_deref(), Some(KEY));
    assert_eq!(
        url,
        "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/multi-stream-input?model_id=eleven_flash_v2_5\
         &output_format=ulaw_8000&auto_mode=true&inactivity_timeout=180&language_code=en\
         &sync_alignment=true"
    );
    let mut request = TtsRequest::new(AudioFormat::pcm16(16_000));
    request.voice = Some("a voice/ö".to_owned());
    let mut all = config()
        .with_model("eleven_multilingual_v2")
        .with_chunk_schedule([50])
        .with_words(false)
        .with_text_normalization(TextNormalization::Off);
    (all.ssml, all.logging, all.seed) = (true, false, Some(7));
    let (url, _) = socket(all, &request).await;
    assert_eq!(
        url,
        "/v1/text-to-speech/a%20voice%2F%C3%B6/multi-stream-input?\
         model_id=eleven_multilingual_v2&output_format=pcm_16000&auto_mode=false\
         &inactivity_timeout=180&enable_ssml_parsing=true&enable_logging=false\
         &apply_text_normalization=off&seed=7"
    );
    assert!(!url.contains(KEY));
}

#[tokio::test(start_paused = true)]
async fn the_language_is_sent_where_the_model_can_be_told() {
    for (model, tag, code) in [
        ("eleven_flash_v2_5", "en-US", Some("en")),
        ("eleven_flash_v2_5", "nb-NO", Some("no")),
        ("eleven_turbo_v2_5", "PT_br", Some("pt")),
        ("eleven_flash_v2_5", "sw", None),
        ("eleven_multilingual_v2", "de", None),
    ] {
        let mut request = TtsRequest::new(AudioFormat::PHONE);
        request.language = tag.to_owned();
        let (url, _) = socket(config().with_model(model), &request).await;
        let expected = code.map(|code| format!("&language_code={code}&"));
        let is_right = match &expected {
            Some(expected) => url.contains(expected),
            None => !url.contains("language_code"),
        };
        assert!(is_right, "{model} {tag}: {url}");
    }
    let request = TtsRequest::new(AudioFormat::PHONE);
    let (url, _) = socket(config().with_language("fr-CA"), &request).await;
    assert!(url.contains("language_code=fr"), "what is set goes before the call's: {url}");
}

#[tokio::test(start_paused = true)]
async fn formats_have_the_names_of_the_service() {
    let server = speaker(Manner::default());
    let voice = voice(&server);
    let info = voice.info();
    assert_eq!((info.name, info.words, info.formats[0]), ("elevenlabs", true, AudioFormat::PHONE));
    for format in &info.formats {
        voice.warm(&TtsRequest::new(*format)).await.unwrap();
    }
    let names: Vec<String> = server
        .connections()
        .iter()
        .map(|one| {
            one.parameters().into_iter().find(|(name, _)| name == "output_format").unwrap().1
        })
        .collect();
    let expected = [
        "ulaw_8000",
        "alaw_8000",
        "pcm_8000",
        "pcm_16000",
        "pcm_22050",
        "pcm_24000",
        "pcm_32000",
        "pcm_44100",
        "pcm_48000",
    ];
    assert_eq!(names, expected);
    let foreign = TtsRequest::new(AudioFormat::new(Encoding::MuLaw, 16_000));
    let error = voice.speak(foreign, Box::pin(futures::stream::empty())).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_setting_that_is_wrong_is_named() {
    let settings = |settings: VoiceSettings| config().with_voice_settings(settings);
    let many = || (0..4).map(|_| PronunciationDictionary::new("d", "v")).collect::<Vec<_>>();
    for (config, text) in [
        (ElevenLabsConfig::new(" "), "api_key is empty"),
        (config().with_voice(""), "voice is empty"),
        (config().with_model(" "), "model is empty"),
        (config().with_model("eleven_v3"), "model eleven_v3 needs route = \"http\""),
        (
            settings(VoiceSettings::default().with_stability(1.5)),
            "voice_settings.stability is 1.5, not 0 to 1",
        ),
        (
            settings(VoiceSettings::default().with_speed(2.0)),
            "voice_settings.speed is 2, not 0.7 to 1.2",
        ),
        (config().with_chunk_schedule([120, 20]), "chunk_schedule is 20, not 50 to 500"),
        (config().with_pronunciation(many()), "the number of pronunciation is 4, not 0 to 3"),
        (config().with_answer(ms(1)), "answer_ms is 1, not 500 to 30000"),
        (config().with_idle(ms(500_000)), "idle_ms is 500000, not 1000 to 170000"),
        (config().with_idle_sockets(1_000), "idle_sockets is 1000, not 0 to 256"),
        (config().with_url("elevenlabs.io"), "the URL must start with"),
    ] {
        let error = ElevenLabs::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with(text), "{error}");
    }
    assert!(ElevenLabs::new(config().with_model("eleven_v3").with_route(Route::Http)).is_ok());
    assert!(ElevenLabs::new(config().with_model("eleven_v2_flash")).is_ok());
}

#[test]
fn settings_are_read_from_a_file() {
    let text = r#"
        api_key = "k"
        voice = "v"
        route = "http"
        alignment = "normalized"
        answer_ms = 2500
        chunk_schedule = [50, 80]
        pronunciation = [{ pronunciation_dictionary_id = "d", version_id = "1" }]
        [voice_settings]
        stability = 0.5
    "#;
    let config: ElevenLabsConfig = toml::from_str(text).unwrap();
    assert_eq!((config.answer, config.route), (ms(2_500), Route::Http));
    assert!(ElevenLabs::new(config).is_ok());
    let error = toml::from_str::<ElevenLabsConfig>("api_key = \"k\"\nvioce = \"v\"").unwrap_err();
    assert!(error.message().contains("vioce"), "{error}");
}

//! Settings: written, read and checked.

use voicekit_assemblyai::{Account, AssemblyAi, AssemblyAiConfig, Credentials, Turns};
use voicekit_core::error::{Error, ErrorKind};

use crate::support::{config, ms};

fn wrong(change: impl FnOnce(&mut AssemblyAiConfig)) -> Error {
    let mut config = config();
    change(&mut config);
    let error = AssemblyAi::new(config).unwrap_err();
    assert_eq!((error.kind(), error.service()), (ErrorKind::Config, "assemblyai"));
    error
}

#[test]
fn a_setting_that_is_wrong_is_named_with_its_value_and_range() {
    let cases = [
        (wrong(|c| c.model = " ".to_owned()), "model is empty"),
        (
            wrong(|c| c.end_of_turn_confidence_threshold = Some(1.5)),
            "end_of_turn_confidence_threshold is 1.5, not 0 to 1",
        ),
        (
            wrong(|c| (c.min_turn_silence, c.max_turn_silence) = (Some(ms(900)), Some(ms(400)))),
            "min_turn_silence_ms is 900, more than max_turn_silence_ms, which is 400",
        ),
        (
            wrong(|c| c.inactivity_timeout = Some(ms(1_000))),
            "inactivity_timeout_ms is 1000, not 5000 to 3600000",
        ),
        (
            wrong(|c| c.inactivity_timeout = Some(ms(5_500))),
            "inactivity_timeout_ms is 5500, no whole seconds",
        ),
        (wrong(|c| c.finalize_timeout = ms(0)), "finalize_timeout_ms is 0, not 100 to 5000"),
        (wrong(|c| c.replay = ms(9_000)), "replay_ms is 9000, not 500 to 5000"),
        (
            wrong(|c| *c = c.clone().with_parameter("sample_rate", "8000")),
            "parameters.sample_rate is the adapter's own",
        ),
        (wrong(|c| c.account = Account::new(" ")), "account.credentials is empty"),
    ];
    for (error, wanted) in cases {
        assert_eq!(error.message(), wanted);
    }
    for url in ["assemblyai.test", "ftp://assemblyai.test", "wss://me:secret@assemblyai.test"] {
        let error = wrong(|c| c.account.url = url.to_owned());
        assert!(!error.message().contains("secret"), "{error}");
    }
    wrong(|c| c.account = Account::new("line\nbreak"));
}

#[test]
fn settings_are_read_from_a_file() {
    let config: AssemblyAiConfig = toml::from_str(
        r#"
        model = "u3-rt-pro"
        turns = "service"
        min_turn_silence_ms = 200
        [account]
        credentials = { key = "abc" }
        [parameters]
        mode = "min_latency"
        "#,
    )
    .unwrap();
    assert_eq!((config.turns, config.min_turn_silence), (Turns::Service, Some(ms(200))));
    assert_eq!((config.max_turn_silence, config.finalize_timeout), (None, ms(1_000)));
    assert_eq!(config.account.url, "wss://streaming.assemblyai.com");
    assert!(matches!(&config.account.credentials, Credentials::Key(key) if key.expose() == "abc"));
    assert_eq!(config.parameters["mode"], "min_latency");
    let text = "modle = 1\naccount.credentials.key = \"a\"";
    assert!(toml::from_str::<AssemblyAiConfig>(text).is_err());
}

//! Settings: written, read and checked.

use std::time::Duration;

use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_deepgram::{
    Account, Aura, AuraConfig, Credentials, Flux, FluxConfig, Nova, NovaConfig,
};

use crate::support::{account, ms};

fn wrong<T: std::fmt::Debug>(made: Result<T>) -> Error {
    let error = made.unwrap_err();
    assert_eq!((error.kind(), error.service()), (ErrorKind::Config, "deepgram"));
    error
}

fn nova_with(change: impl FnOnce(&mut NovaConfig)) -> Result<Nova> {
    let mut config = NovaConfig::new(account());
    change(&mut config);
    Nova::new(config)
}

fn flux_with(change: impl FnOnce(&mut FluxConfig)) -> Result<Flux> {
    let mut config = FluxConfig::new(account());
    change(&mut config);
    Flux::new(config)
}

fn aura_with(change: impl FnOnce(&mut AuraConfig)) -> Result<Aura> {
    let mut config = AuraConfig::new(account());
    change(&mut config);
    Aura::new(config)
}

#[test]
fn a_setting_that_is_wrong_is_named_with_its_value_and_range() {
    let cases = [
        (wrong(nova_with(|c| c.model.clear())), "model is empty"),
        (wrong(nova_with(|c| c.endpointing = ms(5))), "endpointing_ms is 5, not 10 to 5000"),
        (
            wrong(nova_with(|c| c.utterance_end = ms(900))),
            "utterance_end_ms is 900, not 1000 to 5000",
        ),
        (
            wrong(nova_with(|c| c.finalize_timeout = ms(0))),
            "finalize_timeout_ms is 0, not 100 to 5000",
        ),
        (wrong(nova_with(|c| c.replay = ms(20_000))), "replay_ms is 20000, not 500 to 10000"),
        (wrong(flux_with(|c| c.eot_threshold = 0.4)), "eot_threshold is 0.4, not 0.5 to 1"),
        (
            wrong(flux_with(|c| c.eager_eot_threshold = Some(0.8))),
            "eager_eot_threshold is 0.8, not 0.3 to 0.7",
        ),
        (wrong(flux_with(|c| c.eot_timeout = ms(100))), "eot_timeout_ms is 100, not 500 to 60000"),
        (
            wrong(flux_with(|c| c.language_hints = vec!["es".to_owned()])),
            "language_hints need flux-general-multi, not flux-general-en",
        ),
        (wrong(flux_with(|c| c.eot_threshold = f32::NAN)), "eot_threshold is NaN, not 0.5 to 1"),
        (wrong(aura_with(|c| c.speed = Some(3.0))), "speed is 3, not 0.5 to 2"),
        (wrong(aura_with(|c| c.voice = " ".to_owned())), "voice is empty"),
        (wrong(aura_with(|c| c.answer = ms(1))), "answer_ms is 1, not 500 to 30000"),
        (wrong(nova_with(|c| c.account = Account::new(" "))), "account.credentials is empty"),
    ];
    for (error, wanted) in cases {
        assert_eq!(error.message(), wanted);
    }
    for url in ["deepgram.test", "ftp://deepgram.test", "wss://me:secret@deepgram.test"] {
        let error = wrong(nova_with(|c| c.account.url = url.to_owned()));
        assert!(!error.message().contains("secret"), "{error}");
    }
    wrong(nova_with(|c| c.account = Account::new("line\nbreak")));
}

#[test]
fn settings_are_read_from_a_file() {
    let config: NovaConfig = toml::from_str(
        r#"
        model = "nova-2-phonecall"
        endpointing_ms = 200
        [account]
        credentials = { key = "abc" }
        "#,
    )
    .unwrap();
    assert_eq!(config.endpointing, Duration::from_millis(200));
    assert_eq!(config.account.url, "wss://api.deepgram.com");
    assert!(matches!(&config.account.credentials, Credentials::Key(key) if key.expose() == "abc"));
    let defaults = NovaConfig::new(account());
    assert_eq!(config.finalize_timeout, defaults.finalize_timeout);
    assert_eq!(config.utterance_end, defaults.utterance_end);
    let flux = "eager_eot_threshold = 0.5\naccount.credentials.token = \"a.b.c\"";
    let config: FluxConfig = toml::from_str(flux).unwrap();
    assert_eq!(config.eager_eot_threshold, Some(0.5));
    let aura = "voice = \"aura-2-julius-de\"\naccount.credentials.key = \"abc\"";
    let config: AuraConfig = toml::from_str(aura).unwrap();
    assert_eq!(config.voice, "aura-2-julius-de");
    assert!(toml::from_str::<NovaConfig>("modle = 1\naccount.credentials.key = \"a\"").is_err());
}

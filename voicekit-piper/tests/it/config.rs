//! Settings: written, read and checked.

use std::time::Duration;

use voicekit_core::error::ErrorKind;
use voicekit_piper::{Piper, PiperConfig};

#[test]
fn a_setting_that_is_wrong_is_named_with_its_value_and_range() {
    let wrong = |url: &str, change: fn(&mut PiperConfig)| {
        let mut config = PiperConfig::new(url);
        change(&mut config);
        let error = Piper::new(config).unwrap_err();
        assert_eq!((error.kind(), error.service()), (ErrorKind::Config, "piper"));
        error.message().to_owned()
    };
    let (tcp, http) = ("tcp://localhost", "http://localhost:5000");
    let cases: [(String, &str); 9] = [
        (wrong(tcp, |c| c.voice = Some(" ".to_owned())), "voice is empty"),
        (wrong(tcp, |c| c.speaker = Some("1".to_owned())), "speaker needs voice over Wyoming"),
        (wrong(tcp, |c| c.length_scale = Some(1.0)), "length_scale cannot be sent over Wyoming"),
        (wrong(http, |c| c.length_scale = Some(9.0)), "length_scale is 9, not 0.25 to 4"),
        (wrong(http, |c| c.rate_hz = 96_000), "rate_hz is 96000, not 8000 to 48000"),
        (wrong(http, |c| c.concurrency = 0), "concurrency is 0, not 1 to 8"),
        (wrong(http, |c| c.connect = Duration::ZERO), "connect_ms is 0, not 100 to 10000"),
        (wrong(http, |c| c.answer = Duration::ZERO), "answer_ms is 0, not 500 to 60000"),
        (wrong("tcp://a:b:c", |_| ()), "the URL cannot be read"),
    ];
    for (error, wanted) in cases {
        assert_eq!(error, wanted);
    }
    for url in ["", "localhost:10200", "ws://localhost", "tcp://", "tcp://localhost/path"] {
        assert!(wrong(url, |_| ()).starts_with("url must be tcp://"), "{url}");
    }
    for url in ["tcp://localhost:1", "tcp://[::1]", "tcp://[::1]:10200", "https://a.test/piper/"] {
        assert!(Piper::new(PiperConfig::new(url)).is_ok(), "{url}");
    }
}

#[test]
fn settings_are_read_from_a_file() {
    let text = "url = \"tcp://localhost\"\nvoice = \"joe\"\nanswer_ms = 2000";
    let config: PiperConfig = toml::from_str(text).unwrap();
    let mut wanted = PiperConfig::new("tcp://localhost").with_voice("joe");
    wanted.answer = Duration::from_secs(2);
    assert_eq!(config, wanted);
    assert!(toml::from_str::<PiperConfig>("url = \"tcp://localhost\"\nvocie = 1").is_err());
}

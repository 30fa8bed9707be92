//! The contract of `Tts`, in both ways.

use voicekit_core::audio::AudioFormat;
use voicekit_core::record::wav;
use voicekit_testkit::contract;
use voicekit_testkit::server::http::Answer;

use crate::server::{Wyoming, speaking};
use crate::support::{answering, config, over_http, wyoming};

#[tokio::test(start_paused = true)]
async fn the_contract_is_kept_over_wyoming() {
    for streams in [true, false] {
        let server = Wyoming::new(speaking(streams, 100));
        contract::tts(&wyoming(&server, config())).await.assert_kept(&[7]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_contract_is_kept_over_http() {
    let file = wav::encode(AudioFormat::pcm16(22_050), 1, &[5; 2_205]).unwrap();
    let server = answering((0..99).map(|_| Answer::new(200).then(file.clone())));
    contract::tts(&over_http(&server, |_| ())).await.assert_kept(&[7]);
}

//! The contract of `Tts`, on both routes and with every manner of service.

use voicekit_elevenlabs::{ElevenLabs, ElevenLabsConfig, Route};
use voicekit_testkit::contract;
use voicekit_testkit::server::http::{Answer, HttpServer};
use voicekit_testkit::server::{Script, WebSocketServer};

use crate::http::line;
use crate::support::{KEY, Manner, config, speaker, speaking, voice, voice_with};

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract() {
    for chunk in [1, 4, 1_000] {
        for (finals, flush_done, snake) in
            [(true, false, false), (true, true, true), (false, false, false), (false, true, false)]
        {
            let manner = Manner { finals, flush_done, snake, chunk, aligned: true };
            let server = speaker(manner);
            contract::tts(&voice(&server)).await.assert_kept(&[]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_words_it_keeps_the_rest() {
    let server = speaker(Manner { aligned: false, ..Manner::default() });
    let voice = voice_with(&server, config().with_words(false));
    contract::tts(&voice).await.assert_kept(&[7]);
}

#[tokio::test]
async fn it_keeps_the_contract_over_a_real_socket() {
    let script = |_| Some(Script::new().answer(speaking(Manner::default())));
    let server = WebSocketServer::serving(script).await.unwrap();
    let voice = ElevenLabs::new(ElevenLabsConfig::new(KEY).with_url(server.url())).unwrap();
    contract::tts(&voice).await.assert_kept(&[]);
}

#[tokio::test]
async fn it_keeps_the_contract_over_http() {
    let clauses = ["Good morning, this is the bakery. ", "What can I do for you?"];
    // As the contract asks: the whole text, then the first clause twice.
    let answers = [clauses[0], clauses[1], clauses[0], clauses[0]];
    let answers = answers.map(|clause| Answer::new(200).then(line(clause, 0.0)));
    let server = HttpServer::start(answers).await.unwrap();
    let config = ElevenLabsConfig::new(KEY).with_url(server.url()).with_route(Route::Http);
    contract::tts(&ElevenLabs::new(config).unwrap()).await.assert_kept(&[]);
}

//! The contract of `Tts`, on both routes and with every manner of service.

use std::sync::Arc;
use std::time::Duration;

use voicekit_elevenlabs::{ElevenLabs, ElevenLabsConfig, Route};
use voicekit_net::Connector;
use voicekit_testkit::contract::{self, Subject};
use voicekit_testkit::contract_tests;
use voicekit_testkit::server::http::{Answer, HttpServer};
use voicekit_testkit::server::{Script, WebSocketServer};

use crate::http::line;
use crate::support::{KEY, Manner, config, open_contexts, speaker, speaking, voice, voice_with};

contract_tests! { sockets: Tts = over_sockets(Manner::default()) }

contract_tests! {
    sockets_without_words: Tts = {
        let server = speaker(Manner { aligned: false, ..Manner::default() });
        let voice = voice_with(&server, config().with_words(false));
        Subject::new(voice).with_work(move || open_contexts(&server))
    },
    skip: { 7 => "it was asked for no word times" },
}

contract_tests! {
    real_sockets: Tts = {
        let script = |_| Some(Script::new().answer(speaking(Manner::default())));
        let server = WebSocketServer::serving(script).await.unwrap();
        let voice = ElevenLabs::new(ElevenLabsConfig::new(KEY).with_url(server.url())).unwrap();
        Subject::new(voice).with_work(move || open_contexts(&server))
    },
    time: real,
}

contract_tests! {
    requests: Tts = {
        let server = Arc::new(HttpServer::in_memory_answering(|asked| {
            let text = asked.json()["text"].as_str().unwrap_or_default().to_owned();
            Answer::new(200).then(line(&text, 0.0)).then_wait(Duration::from_secs(1))
        }));
        let served = Arc::clone(&server);
        let connector = Connector::new().unwrap().with_pipe(move || served.connect());
        let voice = ElevenLabs::with_connector(config().with_route(Route::Http), connector);
        Subject::new(voice.unwrap()).with_work(move || server.open_answers())
    },
}

fn over_sockets(manner: Manner) -> Subject<ElevenLabs> {
    let server = speaker(manner);
    Subject::new(voice(&server)).with_work(move || open_contexts(&server))
}

#[tokio::test(start_paused = true)]
async fn it_is_kept_whatever_the_service_says_and_leaves_out() {
    for chunk in [1, 4, 1_000] {
        for (finals, flush_done, snake) in
            [(true, false, false), (true, true, true), (false, false, false), (false, true, false)]
        {
            let manner = Manner { finals, flush_done, snake, chunk, aligned: true };
            contract::tts(&over_sockets(manner)).await.assert_kept(&[]);
        }
    }
}

//! A minimal agent on a media stream: greets, answers every utterance with a tone, and falls
//! silent when spoken over.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use voicekit_testkit::mulaw;
use voicekit_testkit::phone::tone;

/// How the agent behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agent {
    pub(crate) greeting: Option<Duration>,
    pub(crate) answer: Duration,
    /// From the first silent frame to the answer.
    pub(crate) endpoint: Duration,
    /// Closes the socket after this many answers have been sent.
    pub(crate) hang_up_after: Option<usize>,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            greeting: Some(Duration::from_millis(500)),
            answer: Duration::from_secs(1),
            endpoint: Duration::from_millis(400),
            hang_up_after: None,
        }
    }
}

impl Agent {
    pub(crate) async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let (mut sid, mut speaking, mut answers) = (String::new(), 0, 0);
        let mut due: Option<Instant> = None;
        loop {
            let later = Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                message = socket.next() => {
                    let Some(Ok(Message::Text(text))) = message else { return };
                    let message: Value = serde_json::from_str(&text).unwrap();
                    match message["event"].as_str().unwrap() {
                        "start" => {
                            sid = message["streamSid"].as_str().unwrap().to_owned();
                            if let Some(length) = self.greeting {
                                say(&mut socket, &sid, length).await;
                            }
                        }
                        "media" if loud(&message) => {
                            speaking += 1;
                            due = None;
                            if speaking == 5 {
                                let clear = json!({"event": "clear", "streamSid": sid});
                                socket.send(Message::text(clear.to_string())).await.unwrap();
                            }
                        }
                        "media" if speaking > 0 => {
                            speaking = 0;
                            due = Some(Instant::now() + self.endpoint);
                        }
                        _ => {}
                    }
                }
                () = sleep_until(due.unwrap_or(later)) => {
                    due = None;
                    say(&mut socket, &sid, self.answer).await;
                    answers += 1;
                    if self.hang_up_after == Some(answers) {
                        socket.close(None).await.unwrap();
                    }
                }
            }
        }
    }
}

async fn say<S>(socket: &mut WebSocketStream<S>, sid: &str, length: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let payload = STANDARD.encode(mulaw::encode(&tone(length)));
    let media = json!({"event": "media", "streamSid": sid, "media": {"payload": payload}});
    let mark = json!({"event": "mark", "streamSid": sid, "mark": {"name": "end"}});
    for message in [media, mark] {
        socket.send(Message::text(message.to_string())).await.unwrap();
    }
}

fn loud(message: &Value) -> bool {
    let payload = STANDARD.decode(message["media"]["payload"].as_str().unwrap()).unwrap();
    mulaw::decode(&payload).iter().any(|sample| sample.unsigned_abs() > 1_000)
}

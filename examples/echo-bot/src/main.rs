//! Says back what it heard: the smallest complete program. Call `POST /twilio/voice` on port 8080.

use axum::Router;
use futures::StreamExt;
use tokio::net::TcpListener;
use voicekit_core::transport::{Transport, TransportCommand, TransportEvent};
use voicekit_twilio::TwilioConfig;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new().merge(voicekit_twilio::routes(echo, TwilioConfig::local())?);
    Ok(axum::serve(TcpListener::bind("127.0.0.1:8080").await?, app).await?)
}

async fn echo(line: Box<dyn Transport>) {
    let (mut sink, mut events) = line.split();
    while let Some(Ok(event)) = events.next().await {
        if let TransportEvent::Audio { chunk, .. } = event
            && sink.send(TransportCommand::Audio(chunk)).await.is_err()
        {
            break;
        }
    }
}

//! The server: where a carrier asks what to do with a call, and where its audio comes in.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use clap::Args;
use tokio::net::TcpListener;
use voicekit::Agent;
use voicekit::store::recordings::Recordings;
use voicekit_core::log::escaped;
use voicekit_twilio::TwilioConfig;
use voicekit_twilio::serve::ServerConfig;

use crate::agent::Followers;
use crate::parts::Plan;
use crate::settings::Settings;
use crate::signals::Signals;
use crate::{AgentArgs, agent, console};

/// How to wait for calls.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The address to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The port to listen on, where `--listen` is not given.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    port: u16,
    /// How long calls may go on when the server is told to stop, in seconds; then the agent says
    /// goodbye.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    #[command(flatten)]
    agent: AgentArgs,
}

impl ServeArgs {
    /// Behind a carrier, the server is to be reached from outside; without one, only from here.
    fn address(&self, public: bool) -> SocketAddr {
        let host = if public { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        self.listen.unwrap_or_else(|| (host, self.port).into())
    }
}

/// Serves until it is told to stop.
pub(crate) async fn run(args: ServeArgs) -> Result<()> {
    let public = std::env::var_os("TWILIO_AUTH_TOKEN").is_some();
    let twilio = if public { TwilioConfig::from_env()? } else { TwilioConfig::local() };
    let address = args.address(public);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another with --listen"))?;
    let mut settings = Settings::load(args.agent.config.as_deref())?;
    if twilio.account.is_none() {
        // Nobody could connect them.
        settings.transfer.clear();
    }
    let recordings = args.agent.recordings()?;
    console::line(Plan::new(&settings)?);
    let followers = Followers::default().recorded(recordings.as_ref());
    let agent = agent::agent(settings, &args.agent, args.agent.desk.bookings()?, followers).await?;
    let recovering = recordings.map(|recordings| tokio::spawn(recover(recordings)));
    let address = listener.local_addr()?;
    welcome(address, public);
    let signals = Signals::catch();
    let work = async {
        serve(listener, agent.clone(), twilio, signals.received(1)).await?;
        console::line("Waiting for calls to end; stop again to leave at once.");
        let left = agent.drain(Duration::from_secs(args.patience)).await;
        if left > 0 {
            console::line(format_args!("{left} calls could not be ended."));
        }
        Ok(())
    };
    let outcome = tokio::select! {
        biased;
        () = signals.received(2) => {
            console::line("Leaving at once.");
            Ok(())
        }
        outcome = work => outcome,
    };
    if let Some(recovering) = recovering {
        // What is not uploaded yet stays for the next start.
        recovering.abort();
    }
    outcome
}

/// Uploads what an earlier run has not, while calls are taken already.
pub(crate) async fn recover(recordings: Recordings) {
    match recordings.recover().await {
        Ok(recovered) => {
            for recorded in recovered.uploaded {
                console::line(format_args!("Recovered the recording {}.", recorded.key));
            }
            for (path, error) in recovered.left {
                let path = escaped(path.display());
                tracing::warn!(%path, %error, "a recording of an earlier call stays in the spool");
            }
        }
        Err(error) => tracing::warn!(%error, "recordings of earlier calls cannot be looked for"),
    }
}

/// Serves `agent` on `listener` until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    agent: Agent,
    twilio: TwilioConfig,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    use axum::serve::ListenerExt;
    // Small audio messages must not wait for the acknowledgement of the ones before.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!(%error, "could not set TCP_NODELAY");
        }
    });
    let app = router(agent, twilio)?;
    Ok(voicekit_twilio::serve::serve(listener, app, &ServerConfig::default(), stop).await?)
}

pub(crate) fn router(agent: Agent, twilio: TwilioConfig) -> Result<Router> {
    let health = Router::new().route("/healthz", get(|| async { "ok\n" }));
    Ok(health.merge(voicekit_twilio::routes(agent, twilio)?))
}

fn welcome(address: SocketAddr, public: bool) {
    console::line(format_args!("Listening on http://{address}"));
    if public {
        console::line(
            "Set the voice webhook of your number to PUBLIC_URL/twilio/voice and call it.",
        );
        return;
    }
    console::line(format_args!(
        "
Try it without a telephone, from another terminal:

  cargo run --release -p phone-agent -- call --url http://{address}/twilio/voice \\
      \"When are you open?\" \"Thank you, goodbye.\"

On a real number: set TWILIO_AUTH_TOKEN and PUBLIC_URL=https://…, start again, and set the
number's voice webhook to PUBLIC_URL/twilio/voice. Without the token, requests are not verified:
keep this port to yourself."
    ));
}

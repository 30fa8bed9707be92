//! The callers: a process that keeps many cheap lines open.

use std::cell::RefCell;
use std::io::BufRead;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use futures::{SinkExt, StreamExt};
use hdrhistogram::Histogram;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::ear::{histogram, lateness};
use super::{Lateness, raise_files, stamp};
use crate::caller::{Caller, what_callers_say};

/// The starts of the calls are spread over so long.
const SPREAD: Duration = Duration::from_secs(10);

/// Holds `calls` calls with the agent at `address` until a line comes from standard input; tells how
/// late the agent's frames were.
///
/// # Errors
///
/// If a call is refused, or lost before its time.
pub fn run(address: SocketAddr, calls: u32) -> Result<Lateness> {
    raise_files(calls)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = watch::channel(());
    std::thread::spawn(move || {
        let mut line = String::new();
        // The end of the input stops the calls, too.
        let _ = std::io::stdin().lock().read_line(&mut line);
        drop(stop);
    });
    let late = Rc::new(RefCell::new(histogram()));
    let codes: Rc<[u8]> = what_callers_say().into();
    LocalSet::new().block_on(&runtime, async {
        let first = Instant::now();
        let calls = (0..calls).map(|number| {
            let start = first + SPREAD * number / calls;
            let (codes, late, stopped) = (Rc::clone(&codes), Rc::clone(&late), stopped.clone());
            tokio::task::spawn_local(async move {
                sleep_until(start).await;
                let held = hold(address, number, codes, &late, stopped).await;
                held.with_context(|| format!("call {number}"))
            })
        });
        try_join_all(calls).await?.into_iter().collect::<Result<()>>()
    })?;
    Ok(lateness(&late.borrow()))
}

async fn hold(
    address: SocketAddr,
    number: u32,
    codes: Rc<[u8]>,
    late: &RefCell<Histogram<u64>>,
    mut stop: watch::Receiver<()>,
) -> Result<()> {
    let mut socket = open(address).await?;
    let mut caller = Caller::new(number, codes, Instant::now());
    for text in caller.opening() {
        socket.send(Message::text(text)).await?;
    }
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => break,
            message = socket.next() => {
                let message = message.context("the line is dead")??;
                let Message::Text(text) = message else { bail!("no text but {message:?}") };
                if let Some(microseconds) = caller.receive(Instant::now(), &text)? {
                    late.borrow_mut().saturating_record(microseconds);
                }
            }
            () = sleep_until(caller.due()) => {
                let stamped = |codes: &mut [u8]| stamp::write(codes, stamp::now());
                while let Some(text) = caller.next(Instant::now(), stamped) {
                    socket.send(Message::text(text)).await?;
                }
            }
        }
    }
    socket.send(Message::text(caller.closing())).await?;
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    Ok(())
}

async fn open(address: SocketAddr) -> Result<WebSocketStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.context("cannot call")?;
    stream.set_nodelay(true)?;
    let url = format!("ws://{address}/twilio/media");
    let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0);
    let opened = client_async_with_config(url, stream, Some(config)).await;
    Ok(opened.context("the call was refused")?.0)
}

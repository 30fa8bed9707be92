//! Nothing is left behind: neither tasks nor sockets.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::Message;
use voicekit_net::{Connector, HttpClient, HttpConfig, HttpRequest, Link, PumpConfig, pump};
use voicekit_testkit::repetitions;

use crate::codec::{Recogniser, chunk, feed};
use crate::server::{Service, endpoint};

#[tokio::test(start_paused = true)]
async fn connections_that_are_dropped_leave_no_task() {
    let mut service = Service::new(1 << 16);
    let before = Handle::current().metrics().num_alive_tasks();
    for nth in 0..repetitions(1_000) {
        let (to, input) = feed();
        let mut output = pump(service.link(), Recogniser::default(), input, PumpConfig::default());
        match nth % 4 {
            // Before anything was done; in the handshake; with audio on the way; in talk.
            0 => drop(output),
            1 => drop((service.raw().await, output)),
            2 => {
                let mut peer = service.accept().await;
                to.send(chunk(0)).await.unwrap_or_else(|_| panic!());
                peer.audio().await;
                drop(output);
            }
            _ => {
                let mut peer = service.accept().await;
                peer.say("hello").await;
                output.next().await.unwrap().unwrap();
                drop(output);
            }
        }
        to.closed().await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_that_are_dropped_leave_no_task() {
    let mut service = Service::new(1 << 16);
    let client = HttpClient::new(service.connector(), HttpConfig::default());
    let before = Handle::current().metrics().num_alive_tasks();
    for _ in 0..1_000 {
        let request = HttpRequest::get(endpoint("http://service.test"));
        let client = client.clone();
        let sending = tokio::spawn(async move { client.send(request).await.map(|_| ()) });
        let mut io = service.raw().await;
        let _ = io.read(&mut [0; 4_096]).await.unwrap();
        sending.abort();
        assert!(sending.await.unwrap_err().is_cancelled());
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_that_are_dropped_leave_no_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let connector = Connector::new().unwrap();
    for _ in 0..300 {
        let (to, input) = feed();
        let link = Link::new(connector.clone(), endpoint(&url));
        let mut output = pump(link, Recogniser::default(), input, PumpConfig::default());
        let (stream, _) = listener.accept().await.unwrap();
        let ours = stream.peer_addr().unwrap();
        let mut peer = tokio_tungstenite::accept_async(stream).await.unwrap();
        peer.send(Message::text("hello")).await.unwrap();
        output.next().await.unwrap().unwrap();
        assert!(is_open(ours.port()));
        drop(output);
        to.closed().await;
        // The peer hears of it as soon as it is closed.
        while peer.next().await.is_some_and(|message| message.is_ok()) {}
        drop(peer);
        assert!(!is_open(ours.port()));
    }
}

/// Whether this process holds a socket whose local port this is.
#[cfg(target_os = "linux")]
fn is_open(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let inodes: Vec<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.get(1).is_some_and(|address| address.ends_with(&local)))
        .filter_map(|fields| fields.get(9).map(|inode| format!("socket:[{inode}]")))
        .collect();
    let held = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let mut held = held.filter_map(|fd| std::fs::read_link(fd.path()).ok());
    held.any(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str()))
}

//! Stopping the server, as a supervisor does it. The models are fetched if they are not here.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than anything here takes, shorter than `--patience`.
const LIMIT: Duration = Duration::from_secs(120);

struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_phone-agent"))
            .args(["--listen", "127.0.0.1:0", "--patience", "600"])
            .env_remove("TWILIO_AUTH_TOKEN")
            .env("RUST_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let line = line_with(&mut output, "Listening on http://");
        let address = line.trim().rsplit('/').next().unwrap().to_owned();
        Self { process, output, address }
    }

    fn signal(&self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the end. A server that does not stop is killed, and fails the test.
    fn ended(mut self) -> Option<ExitStatus> {
        let (sender, receiver) = mpsc::channel();
        let id = self.process.id().to_string();
        std::thread::spawn(move || {
            let ended = self.process.wait();
            sender.send(ended).ok();
        });
        let ended = receiver.recv_timeout(LIMIT).ok();
        if ended.is_none() {
            Command::new("kill").args(["-KILL", &id]).status().unwrap();
        }
        ended.map(Result::unwrap)
    }
}

fn line_with(output: &mut impl BufRead, text: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "the server ended");
        if line.contains(text) {
            return line;
        }
    }
}

/// A live call: a media stream that has started. A text frame is masked with zeros.
fn call(address: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(
        socket,
        "GET /twilio/media HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\n\
         connection: upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    let start = r#"{"event":"start","streamSid":"MZ1","start":{"streamSid":"MZ1","callSid":"CA1","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;
    let length = u16::try_from(start.len()).unwrap().to_be_bytes();
    let frame = [&[0x81, 0x80 | 126], &length[..], &[0; 4], start.as_bytes()].concat();
    socket.write_all(&frame).unwrap();
    // The agent greets: the call lives.
    let mut greeting = [0; 64];
    socket.read_exact(&mut greeting).unwrap();
    socket
}

#[test]
fn an_unfinished_request_does_not_hold_up_the_end_and_a_second_signal_leaves_a_call_at_once() {
    let server = Server::start();
    let mut unfinished = TcpStream::connect(&server.address).unwrap();
    unfinished.write_all(b"POST /twilio/voice HTTP/1.1\r\ncontent-length: 9\r\n\r\nCall").unwrap();
    server.signal();
    assert!(server.ended().expect("an unfinished request held up the end").success());

    let mut server = Server::start();
    let _call = call(&server.address);
    server.signal();
    line_with(&mut server.output, "Waiting for calls to end");
    server.signal();
    line_with(&mut server.output, "Leaving at once");
    assert!(server.ended().is_some(), "the second signal did not end it");
}

//! The scripted servers keep what they promise. In memory, in virtual time.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use voicekit_testkit::server::http::{Answer, HttpServer};
use voicekit_testkit::server::{Reply, Script, Sent, WebSocketServer};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn dial(server: &WebSocketServer) -> Result<WebSocketStream<DuplexStream>, Error> {
    client_async("ws://server.test/path?a=1&a=%20", server.connect())
        .await
        .map(|(socket, _)| socket)
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_recorded_with_its_time() {
    let server = WebSocketServer::in_memory([Script::new()]);
    let mut client = dial(&server).await.unwrap();
    client.send(Message::text("one")).await.unwrap();
    tokio::time::sleep(ms(300)).await;
    client.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(server.open_connections(), 1);
    client.close(None).await.unwrap();
    let seen = server.until(|seen| seen[0].is_over).await;
    assert_eq!(server.open_connections(), 0);
    assert_eq!(seen[0].path, "/path");
    let pairs = [("a", "1"), ("a", " ")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(seen[0].parameters(), pairs);
    let received = seen[0].received.iter().map(|one| (one.at, one.sent.clone()));
    let binary = Sent::Binary(vec![1, 2].into());
    let expected =
        [(ms(0), Sent::Text("one".to_owned())), (ms(300), binary), (ms(300), Sent::Close(None))];
    assert_eq!(received.collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_its_status_headers_and_body_and_so_has_the_end_of_the_scripts() {
    let server = WebSocketServer::in_memory([Script::refuse(429, &[("retry-after", "7")], "busy")]);
    for (status, body) in [(429, "busy"), (503, "no script is left")] {
        let Err(Error::Http(response)) = dial(&server).await else { panic!("it was accepted") };
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().contains_key("retry-after"), status == 429);
        assert_eq!(response.body().as_deref(), Some(body.as_bytes()));
    }
}

#[tokio::test(start_paused = true)]
async fn steps_take_their_time_and_a_close_has_its_code() {
    let script = Script::new().wait(ms(500)).say("late").until_text("go").close(4_000, "enough");
    let server = WebSocketServer::in_memory([script]);
    let mut client = dial(&server).await.unwrap();
    let begun = Instant::now();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("late"));
    assert_eq!(begun.elapsed(), ms(500));
    assert!(timeout(ms(60_000), client.next()).await.is_err(), "it was not told to go on");
    client.send(Message::text("go")).await.unwrap();
    let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else {
        panic!("no close")
    };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4_000, "enough"));
}

#[tokio::test(start_paused = true)]
async fn a_stall_reads_nothing_and_a_cut_says_nothing() {
    let server = WebSocketServer::in_memory([Script::new().stall(), Script::new().cut()]);
    let mut client = dial(&server).await.unwrap();
    client.send(Message::text("heard?")).await.unwrap();
    assert!(timeout(ms(60_000), client.next()).await.is_err());
    assert_eq!(server.connections()[0].received, []);
    let mut cut = dial(&server).await.unwrap();
    assert!(cut.next().await.unwrap().is_err(), "no close frame came");
}

#[tokio::test(start_paused = true)]
async fn every_message_is_answered() {
    let mut count = 0;
    let script = Script::new().answer(move |received| {
        count += 1;
        vec![Reply::Text(format!("{count} {}", received.text().unwrap_or_default()))]
    });
    let server = WebSocketServer::in_memory([script]);
    let mut client = dial(&server).await.unwrap();
    for expected in ["1 hello", "2 hello"] {
        client.send(Message::text("hello")).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(expected));
    }
}

/// Sends a request and gives the connection.
async fn ask(server: &HttpServer) -> DuplexStream {
    let mut socket = server.connect();
    let request = "POST /x?y=1 HTTP/1.1\r\nhost: server.test\r\ncontent-length: 2\r\n\r\n{}";
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

/// What comes within a minute.
async fn read(socket: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(ms(60_000), socket.read_to_end(&mut bytes)).await;
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn answers_are_counted_while_they_are_given() {
    let server =
        HttpServer::in_memory([Answer::json(429, "{}"), Answer::new(200).then("a").then_stall()]);
    let mut socket = ask(&server).await;
    assert!(read(&mut socket).await.starts_with("HTTP/1.1 429"));
    let counts = || (server.connections(), server.open_connections(), server.open_answers());
    assert_eq!(counts(), (1, 1, 0));
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/x?y=1"));
    assert_eq!((asked.header("host"), &asked.body[..]), ("server.test", &b"{}"[..]));
    drop(socket);
    let mut socket = ask(&server).await;
    assert!(read(&mut socket).await.starts_with("HTTP/1.1 200"));
    assert_eq!(counts(), (2, 1, 1));
    drop(socket);
    timeout(ms(60_000), server.abandoned(1)).await.unwrap();
    tokio::time::sleep(ms(1)).await;
    assert_eq!(counts(), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_its_time_is_cut_or_never_comes() {
    let slow = Answer::new(200).then("a").then_wait(ms(700)).then("b").then_cut();
    let server = HttpServer::in_memory([slow, Answer::hang_up(), Answer::never()]);
    let begun = Instant::now();
    let cut = read(&mut ask(&server).await).await;
    assert!(cut.contains("\r\na\r\n") && !cut.ends_with("0\r\n\r\n"), "{cut}");
    assert_eq!(begun.elapsed(), ms(700));
    for nothing in ["hung up", "never"] {
        assert_eq!(read(&mut ask(&server).await).await, "", "{nothing}");
    }
    assert!(read(&mut ask(&server).await).await.contains("501"), "the script is over");
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_depend_on_the_request() {
    let server =
        HttpServer::in_memory_answering(|asked| Answer::new(200).then(asked.target.clone()));
    assert!(read(&mut ask(&server).await).await.contains("/x?y=1"));
}

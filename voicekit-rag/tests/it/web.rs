//! Documents on the web.

use std::sync::Arc;
use std::time::Duration;

use voicekit_core::error::ErrorKind;
use voicekit_core::retrieve::{Index, Query, Retriever};
use voicekit_core::retry::RetryPolicy;
use voicekit_net::Connector;
use voicekit_rag::ingest::{Report, Web, urls};
use voicekit_rag::load::Limits;
use voicekit_rag::{EmbeddedIndex, Ingestion, SECTION, SOURCE};
use voicekit_testkit::fake::FakeEmbedder;
use voicekit_testkit::server::http::{Answer, Asked, HttpServer};

/// What an ingestion of `urls` from a server that answers by `answer` does to `index`.
async fn run(
    index: &EmbeddedIndex,
    urls: &[&str],
    answer: impl FnMut(&Asked) -> Answer + Send + 'static,
) -> Report {
    let server = HttpServer::in_memory_answering(answer);
    let connector = Connector::new().unwrap().with_pipe(move || server.connect());
    let web = Web::with_connector(connector).with_limit(Duration::from_secs(30));
    let ingestion = Ingestion::new(Arc::new(index.clone()), Arc::new(FakeEmbedder::new()))
        .with_limits(Limits::default().with_file(1_000))
        .with_retry(RetryPolicy::after([Duration::from_secs(1)]));
    let urls = urls.iter().map(|url| (*url).to_owned());
    ingestion.run_urls(&web, urls, |_| {}).await.unwrap()
}

fn index() -> EmbeddedIndex {
    EmbeddedIndex::in_memory(Arc::new(FakeEmbedder::new()))
}

/// Added, changed, unchanged, removed, failed.
fn counts(report: &Report) -> [usize; 5] {
    let Report { added, changed, unchanged, removed, failed, .. } = report;
    [*added, *changed, *unchanged, *removed, failed.len()]
}

fn page(kind: &str, text: &str) -> Answer {
    Answer::new(200).with_header("content-type", kind).then(text.to_owned())
}

const DOGS: &str = "http://hotel.test/dogs?lang=en";
const CARS: &str = "http://hotel.test/getting-here.txt";

#[tokio::test]
async fn an_index_stays_in_step_with_a_list_of_addresses() {
    let index = index();
    let answer = |asked: &Asked| match asked.target.as_str() {
        "/dogs?lang=en" => {
            page("text/html; charset=utf-8", "<h1>Dogs</h1><p>Dogs are welcome.</p>")
        }
        _ => page("text/plain", "Cars stay in the garage."),
    };
    assert_eq!(counts(&run(&index, &[DOGS, CARS], answer).await), [2, 0, 0, 0, 0]);
    let passages = index.retrieve(&Query::new("are dogs welcome")).await.unwrap();
    assert_eq!(
        (passages[0].metadata[SOURCE].as_str(), &*passages[0].metadata[SECTION]),
        (DOGS, "Dogs")
    );
    let passages = index.retrieve(&Query::new("where do cars stay")).await.unwrap();
    assert_eq!(passages[0].metadata[SECTION], "getting here");
    assert_eq!(counts(&run(&index, &[DOGS, CARS], answer).await), [0, 0, 2, 0, 0]);
    let report =
        run(&index, &[DOGS], |_| page("text/html", "<h1>Dogs</h1>Dogs stay outside.")).await;
    assert_eq!(counts(&report), [0, 1, 0, 1, 0]);
    let documents = index.documents().await.unwrap();
    assert_eq!(documents.into_keys().collect::<Vec<_>>(), [DOGS]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_fetched_is_reported_and_what_is_known_of_it_stays() {
    let slow = [(); 4].iter().fold(page("text/plain", "so "), |page, ()| {
        page.then_wait(Duration::from_secs(10)).then("slow ")
    });
    for (answer, problem) in [
        (Answer::new(404), "HTTP 404"),
        (Answer::new(503), "HTTP 503"),
        (Answer::hang_up(), "the request failed"),
        (Answer::never(), "no answer within 10000 ms"),
        (page("text/plain", "so ").then_stall(), "nothing came for 20000 ms"),
        (slow, "did not come within 30 s"),
        (page("text/plain", &"x".repeat(1_001)), "larger than 1000 bytes"),
        (page("image/png", "png"), "of the kind \"image/png\""),
        (page("text/plain", "   "), "holds no text"),
        (Answer::new(302).with_header("location", "ftp://x"), "no address of the web"),
        (Answer::new(302), "HTTP 302"),
        (Answer::new(301).with_header("location", "/again"), "more than 5 times"),
    ] {
        let index = index();
        let good = |_: &Asked| page("text/plain", "Cars stay in the garage.");
        assert_eq!(counts(&run(&index, &[CARS], good).await), [1, 0, 0, 0, 0]);
        let bad = answer.clone();
        let mixed = move |asked: &Asked| match asked.target.contains("dogs") {
            true => page("text/plain", "Dogs are welcome."),
            false => bad.clone(),
        };
        let report = run(&index, &[CARS, DOGS], mixed).await;
        assert_eq!(counts(&report), [1, 0, 0, 0, 1], "{answer:?}");
        let (document, error) = &report.failed[0];
        assert_eq!(document, CARS);
        assert!(error.message().contains(problem), "{error}");
        assert_eq!(index.documents().await.unwrap().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_moved_is_followed_and_a_service_that_stumbles_is_asked_again() {
    let index = index();
    let mut stumbled = false;
    let report = run(&index, &["http://hotel.test/old/dogs#top"], move |asked| {
        match asked.target.as_str() {
            "/old/dogs" => Answer::new(308).with_header("location", "../new/dogs.md"),
            "/new/dogs.md" if !stumbled => {
                stumbled = true;
                Answer::new(503)
            }
            "/new/dogs.md" => page("", "# Dogs\n\nDogs are welcome."),
            _ => Answer::new(404),
        }
    })
    .await;
    assert_eq!(counts(&report), [1, 0, 0, 0, 0], "{:?}", report.failed);
}

#[test]
fn a_list_is_an_address_a_line() {
    let list = "\u{feff}# The hotel\n\n https://hotel.test/a \nhttp://hotel.test/b?c=d#e\nhttps://hotel.test/a\n";
    assert_eq!(urls(list).unwrap(), ["https://hotel.test/a", "http://hotel.test/b?c=d"]);
    for (list, problem) in [
        ("https://a.test\nhotel.test\n", "line 2 is no address"),
        ("file:///etc/passwd", "line 1"),
        ("https://user:secret@a.test", "without a user"),
        ("# nothing\n", "no address in the list"),
    ] {
        let failure = urls(list).unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Config);
        assert!(failure.message().contains(problem) && !failure.message().contains("secret"));
    }
}

#[tokio::test]
async fn a_page_is_read_in_the_charset_that_the_server_names() {
    let latin = |kind: &str, start: &[u8]| {
        Answer::new(200).with_header("content-type", kind).then([start, b"<p>caf\xe9</p>"].concat())
    };
    for answer in [
        latin("text/html; charset=windows-1252", b""),
        latin("text/html;charset=\"ISO-8859-1\"; x=y", b""),
        latin("Text/HTML; Charset='latin1'", b"<meta charset=utf-8>"),
        latin("text/html; charset=unknown", b"<meta charset=latin1>"),
        latin("text/html", b"<meta charset=latin1>"),
        latin("text/plain; charset=cp1252", b""),
        page("text/html; charset=latin1", "\u{feff}<p>caf\u{e9}</p>"),
        page("text/html; charset=utf-8", "<meta charset=latin1><p>caf\u{e9}</p>"),
    ] {
        let index = index();
        let shown = format!("{answer:?}");
        let report = run(&index, &["http://hotel.test/cafe"], move |_| answer.clone()).await;
        assert_eq!(counts(&report), [1, 0, 0, 0, 0], "{:?}", report.failed);
        let passages = index.retrieve(&Query::new("caf\u{e9}")).await.unwrap();
        assert!(passages[0].text.contains("caf\u{e9}"), "{:?} of {shown}", passages[0].text);
    }
}

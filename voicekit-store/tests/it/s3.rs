//! S3 as it is spoken: a scripted server in place of it.

use voicekit_core::error::ErrorKind;
use voicekit_core::transport::CallInfo;
use voicekit_store::recordings::{Recordings, RecordingsConfig};
use voicekit_testkit::server::http::{Answer, HttpServer};

use crate::directory::{Directory, has_seconds, seconds};

fn config(spool: &Directory, server: &HttpServer) -> RecordingsConfig {
    spool
        .config()
        .with_option("aws_endpoint", server.url())
        .with_option("aws_access_key_id", "AKID")
        .with_option("aws_secret_access_key", "hush")
        .with_option("aws_region", "eu-central-1")
}

fn part(number: u32) -> Answer {
    Answer::new(200).with_header("etag", &number.to_string())
}

fn xml(body: &'static str) -> Answer {
    Answer::new(200).with_header("content-type", "application/xml").then(body)
}

#[tokio::test]
async fn a_short_recording_is_one_signed_request() {
    let server = HttpServer::start([Answer::new(404), part(1)]).await.unwrap();
    let spool = Directory::new();
    let recordings = Recordings::with_config("s3://bucket/calls", config(&spool, &server)).unwrap();
    let recorded = recordings.record(&CallInfo::new("CA1"), seconds(2)).await.unwrap();
    assert_eq!(recorded.key, "calls/2026/01/31/CA1.wav");
    let asked = server.asked();
    let [head, put] = &asked[..] else { panic!("{} requests", asked.len()) };
    assert_eq!((head.method.as_str(), put.method.as_str()), ("HEAD", "PUT"));
    assert_eq!(put.target, "/bucket/calls/2026/01/31/CA1.wav");
    assert!(put.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
    assert!(put.header("authorization").contains("/eu-central-1/s3/aws4_request"));
    assert_eq!(put.header("host"), server.url().trim_start_matches("http://"));
    has_seconds(&put.body, 2);
    assert!(spool.files().is_empty());
}

#[tokio::test]
async fn a_long_recording_is_sent_in_parts_of_the_same_size() {
    let begun =
        "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";
    let done = "<CompleteMultipartUploadResult><ETag>9</ETag></CompleteMultipartUploadResult>";
    let answers = [Answer::new(404), xml(begun), part(1), part(2), part(3), xml(done)];
    let server = HttpServer::start(answers).await.unwrap();
    let spool = Directory::new();
    let recordings = Recordings::with_config("s3://bucket", config(&spool, &server)).unwrap();
    recordings.record(&CallInfo::new("CA1"), seconds(300)).await.unwrap();
    let asked = server.asked();
    let mut file = Vec::new();
    let parts = asked.iter().filter(|asked| asked.method == "PUT");
    let sizes: Vec<usize> = parts
        .inspect(|part| file.extend_from_slice(&part.body))
        .map(|part| part.body.len())
        .collect();
    assert_eq!(sizes, [8 << 20, 8 << 20, 300 * 64_000 + 44 - (16 << 20)]);
    has_seconds(&file, 300);
    assert!(spool.files().is_empty());
}

#[tokio::test]
async fn credentials_that_are_refused_are_not_tried_again_and_nothing_is_lost() {
    let server = HttpServer::start([Answer::new(403)]).await.unwrap();
    let spool = Directory::new();
    let recordings = Recordings::with_config("s3://bucket", config(&spool, &server)).unwrap();
    let error = recordings.record(&CallInfo::new("CA1"), seconds(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(server.asked().len(), 1);
    assert_eq!(spool.files().len(), 1);
}

#[tokio::test]
async fn an_option_that_is_none_is_refused() {
    let spool = Directory::new();
    let config = spool.config().with_option("aws_flavour", "sweet");
    let error = Recordings::with_config("s3://bucket", config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("aws_flavour"), "{error}");
}

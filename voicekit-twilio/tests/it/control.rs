//! Call control: the requests that a scripted REST interface sees, and what its refusals mean.

use std::sync::Arc;
use std::time::Duration;

use voicekit_core::control::{CallControl, Keys, Transfer};
use voicekit_core::error::{Error, ErrorKind};
use voicekit_testkit::server::http::{Answer, Asked, HttpServer};
use voicekit_twilio::{Account, SignaturePolicy, TwilioConfig, routes};

use crate::carrier::{CALL, Carrier, connected, start};

const ACCOUNT: &str = "AC00000000000000000000000000000009";
const OTHER: &str = "CA00000000000000000000000000000002";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The answer to an update, trimmed.
const UPDATED: &str =
    r#"{"sid":"CA00000000000000000000000000000001","status":"in-progress","price":null}"#;
const CREATED: &str =
    r#"{"sid":"CA00000000000000000000000000000002","status":"queued","price":null}"#;

fn config(server: &HttpServer) -> TwilioConfig {
    let account = Account::new(ACCOUNT, SECRET).with_api_url(server.url());
    let config = TwilioConfig::local().with_public_url("https://agent.example.com/a/");
    config.with_account(account)
}

/// The control of a call on a line, and the REST interface behind it.
async fn call(answers: impl IntoIterator<Item = Answer>) -> (HttpServer, Arc<dyn CallControl>) {
    let server = HttpServer::start(answers).await.unwrap();
    let control = control(config(&server)).await.unwrap();
    (server, control)
}

async fn control(config: TwilioConfig) -> Option<Arc<dyn CallControl>> {
    let mut carrier = Carrier::new(config);
    let token = carrier.token().await;
    let mut socket = carrier.open(&[]).await.unwrap();
    socket.say(&connected()).await;
    socket.say(&start(&token)).await;
    carrier.line().await.control()
}

fn fields(asked: &Asked) -> Vec<(String, String)> {
    form_urlencoded::parse(&asked.body).into_owned().collect()
}

fn field(asked: &Asked, name: &str) -> String {
    let fields = fields(asked);
    fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn document(asked: &Asked) -> String {
    let document = field(asked, "Twiml");
    let head = r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#;
    let body = document.strip_prefix(head).unwrap().strip_suffix("</Response>").unwrap();
    body.to_owned()
}

fn refusal(status: u16, code: u32) -> Answer {
    let message = "The number +15550001111 is not valid.";
    let body = serde_json::json!({"code": code, "message": message, "status": status});
    Answer::json(status, body.to_string())
}

async fn refused(answer: Answer) -> Error {
    let (_server, control) = call([answer]).await;
    control.transfer(&Transfer::to("+15550001111")).await.unwrap_err()
}

#[tokio::test]
async fn a_cold_transfer_updates_the_call_with_instructions_to_dial() {
    let (server, control) = call([Answer::json(200, UPDATED)]).await;
    control.transfer(&Transfer::to("+15550001111")).await.unwrap();
    let asked = server.asked();
    let [asked] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"));
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    let basic = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwOTowMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==";
    assert_eq!(asked.header("authorization"), basic);
    assert_eq!(fields(asked).len(), 1);
    assert_eq!(document(asked), r#"<Dial timeout="30"><Number>+15550001111</Number></Dial>"#);
}

#[tokio::test]
async fn a_transfer_says_who_calls_how_long_it_rings_and_which_extension_it_is() {
    let answers = [Answer::json(200, UPDATED), Answer::json(200, UPDATED)];
    let (server, control) = call(answers).await;
    let to = Transfer::to("+15550001111")
        .with_caller_id("+15550002222")
        .with_ring(Duration::from_secs(12))
        .with_keys(Keys::new("ww12#").unwrap());
    control.transfer(&to).await.unwrap();
    let sip = Transfer::to("sip:sales&more@pbx.example.com");
    control.transfer(&sip).await.unwrap();
    let asked = server.asked();
    assert_eq!(
        document(&asked[0]),
        "<Dial timeout=\"12\" callerId=\"+15550002222\">\
         <Number sendDigits=\"ww12#\">+15550001111</Number></Dial>"
    );
    assert_eq!(
        document(&asked[1]),
        r#"<Dial timeout="30"><Sip>sip:sales&amp;more@pbx.example.com</Sip></Dial>"#
    );
}

#[tokio::test]
async fn a_warm_transfer_rings_first_and_then_has_both_meet_in_a_conference() {
    let answers = [Answer::json(201, CREATED), Answer::json(200, UPDATED)];
    let (server, control) = call(answers).await;
    let to = Transfer::to("+15550001111").with_announcement("Mrs <Miller> & a bill.");
    control.transfer(&to).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"));
    assert_eq!(field(&asked[0], "To"), "+15550001111");
    // The number that the caller had called.
    assert_eq!(field(&asked[0], "From"), "+15551230002");
    let room = format!("voicekit-{CALL}");
    assert_eq!(
        document(&asked[0]),
        format!(
            "<Say>Mrs &lt;Miller&gt; &amp; a bill.</Say><Dial><Conference \
             startConferenceOnEnter=\"true\" endConferenceOnExit=\"true\" beep=\"false\">{room}\
             </Conference></Dial>"
        )
    );
    assert_eq!(asked[1].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"));
    assert!(document(&asked[1]).contains(&room) && document(&asked[1]).contains("\"false\""));
}

#[tokio::test]
async fn whoever_was_called_in_vain_is_let_go() {
    let answers = [Answer::json(201, CREATED), refusal(404, 20404), Answer::json(200, CREATED)];
    let (server, control) = call(answers).await;
    let to = Transfer::to("+15550001111").with_announcement("A caller.");
    let error = control.transfer(&to).await.unwrap_err();
    assert_eq!(error.message(), "the call is over (code 20404)");
    let asked = server.asked();
    assert_eq!(asked[2].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{OTHER}.json"));
    assert_eq!(fields(&asked[2]), [("Status".to_owned(), "completed".to_owned())]);
}

#[tokio::test]
async fn a_warm_transfer_that_cannot_ring_leaves_the_caller_with_the_agent() {
    let (server, control) = call([refusal(400, 21211)]).await;
    let to = Transfer::to("+15550001111").with_announcement("A caller.");
    assert_eq!(control.transfer(&to).await.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn the_carrier_is_sent_elsewhere_for_what_to_do() {
    let (server, control) = call([Answer::json(200, UPDATED)]).await;
    control.redirect("https://b.example.com/twilio/voice").await.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(field(asked, "Url"), "https://b.example.com/twilio/voice");
    assert_eq!(field(asked, "Method"), "POST");
    let refused = control.redirect("b.example.com").await.unwrap_err();
    assert_eq!((refused.kind(), server.asked().len()), (ErrorKind::Unsupported, 1));
}

#[tokio::test]
async fn keys_are_pressed_and_the_call_comes_back() {
    let (server, control) = call([Answer::json(200, UPDATED)]).await;
    control.press(&Keys::new("1w2#").unwrap()).await.unwrap();
    assert_eq!(
        document(&server.asked()[0]),
        "<Play digits=\"1w2#\"/><Redirect method=\"POST\">\
         https://agent.example.com/a/twilio/voice</Redirect>"
    );
}

#[tokio::test]
async fn refusals_are_explained_without_numbers() {
    for (answer, kind, words) in [
        (refusal(401, 20003), ErrorKind::Unauthenticated, "account.sid, key or secret is wrong"),
        (refusal(404, 20404), ErrorKind::Rejected, "the call is over"),
        (refusal(400, 21211), ErrorKind::Rejected, "no valid number"),
        (refusal(400, 21219), ErrorKind::Rejected, "verified numbers only"),
        (refusal(400, 21220), ErrorKind::Rejected, "not in progress"),
        (refusal(400, 99999), ErrorKind::Rejected, "HTTP 400 (code 99999)"),
        (Answer::new(502), ErrorKind::Connection, "HTTP 502"),
        (Answer::json(200, "<html>"), ErrorKind::Protocol, ""),
    ] {
        let error = refused(answer).await;
        assert_eq!((error.kind(), error.service()), (kind, "twilio"), "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(!format!("{error:?}").contains("5550001111"), "{error:?}");
    }
}

#[tokio::test]
async fn only_what_was_refused_for_its_pace_is_repeated() {
    let answers = [refusal(429, 20429), Answer::json(200, UPDATED)];
    let (server, control) = call(answers).await;
    control.transfer(&Transfer::to("+15550001111")).await.unwrap();
    assert_eq!(server.asked().len(), 2);
    for answer in [Answer::hang_up(), Answer::new(500)] {
        let (server, control) = call([answer, Answer::json(200, UPDATED)]).await;
        control.transfer(&Transfer::to("+15550001111")).await.unwrap_err();
        assert_eq!(server.asked().len(), 1, "it may have been done");
    }
}

#[tokio::test]
async fn what_cannot_be_dialled_is_refused_here() {
    let (server, control) = call([]).await;
    for to in [
        Transfer::to("911"),
        Transfer::to("+1555<Hangup/>"),
        Transfer::to(""),
        Transfer::to("+15550001111").with_ring(Duration::from_secs(601)),
        Transfer::to("sip:a@b.example").with_keys(Keys::new("1").unwrap()),
        Transfer::to("+15550001111").with_announcement("x".repeat(2_001)),
        Transfer::to(format!("sip:{}@b.example", "&".repeat(1_000))),
    ] {
        let error = control.transfer(&to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_line_without_an_account_has_no_control() {
    assert!(control(TwilioConfig::local()).await.is_none());
}

#[tokio::test]
async fn an_account_is_checked_and_never_shown() {
    let server = HttpServer::start([Answer::json(200, UPDATED)]).await.unwrap();
    let answer = |_| async {};
    let wrong = |account: Account| {
        let config = TwilioConfig::local().with_account(account);
        routes(answer, config).unwrap_err().to_string()
    };
    assert!(wrong(Account::new("AC12", SECRET)).contains("account.sid"));
    assert!(wrong(Account::new(ACCOUNT, " ")).contains("account.secret"));
    assert!(wrong(Account::new(ACCOUNT, SECRET).with_key("SK1", "x")).contains("account.key"));
    assert!(wrong(Account::new(ACCOUNT, SECRET).with_api_url("x")).contains("URL"));
    let key = "SK00000000000000000000000000000007";
    let account = Account::new(ACCOUNT, "unused-token").with_key(key, SECRET);
    let config = TwilioConfig::local()
        .with_signature(SignaturePolicy::Off)
        .with_account(account.with_api_url(server.url()));
    assert!(!format!("{config:?}").contains(SECRET));
    let control = control(config).await.unwrap();
    control.transfer(&Transfer::to("+15550001111")).await.unwrap();
    assert!(!format!("{control:?}").contains(SECRET));
    // The user is the key, not the account.
    assert!(server.asked()[0].header("authorization").starts_with("Basic U0sw"));
}

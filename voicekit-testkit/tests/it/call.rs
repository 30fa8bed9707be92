//! Whole calls in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::duplex;
use voicekit_testkit::carrier::{
    Breach, CallError, CallReport, Chaos, Observation, SimulatedCall, Webhook, in_memory,
};
use voicekit_testkit::phone::tone;
use voicekit_testkit::script::{Outcome, Script};

use crate::agent::Agent;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn hold(agent: Agent, call: SimulatedCall) -> CallReport {
    let (client, server) = duplex(1 << 20);
    let (report, ()) = tokio::join!(call.over(client, "ws://test/media"), agent.serve(server));
    report.unwrap()
}

fn question() -> Vec<i16> {
    tone(ms(600))
}

#[tokio::test(start_paused = true)]
async fn turns_follow_one_another_when_the_agent_has_finished() {
    let script = Script::new().say("one", question()).say("two", question());
    let call = hold(Agent::default(), SimulatedCall::new(script)).await;
    assert_eq!(call.outcome, Outcome::Completed);
    assert_eq!(call.violations, []);
    let report = call.report;
    assert_eq!(report.utterances.len(), 3, "a greeting and two answers");
    // The caller's silence is seen when its first frame is complete, 20 ms on.
    let latencies = report.latencies();
    assert_eq!(latencies.len(), 2);
    assert!(latencies.iter().all(|latency| (ms(410)..ms(450)).contains(latency)), "{latencies:?}");
    let wait = report.turns[1].clip.speech.start.since(report.utterances[1].end);
    assert!((ms(700)..ms(740)).contains(&wait), "{wait:?}");
    assert!(report.marks.iter().all(|mark| mark.returned == Some(mark.due) && !mark.cleared));
}

#[tokio::test(start_paused = true)]
async fn an_interruption_comes_when_it_was_asked_for() {
    let script = Script::new()
        .say("tell me", question())
        .say("stop", question())
        .interrupt_after(0, ms(750));
    let agent = Agent { answer: ms(5_000), ..Agent::default() };
    let report = hold(agent, SimulatedCall::new(script)).await.report;
    let answer = report.turns[0].answer.unwrap().utterance;
    assert_eq!(report.turns[1].clip.speech.start.since(answer.start), ms(750));
    assert_eq!(report.barge_ins.len(), 1);
    let barge_in = report.barge_ins[0];
    // Five loud frames of 20 ms, the first of them perhaps in part, then the clear.
    assert!((ms(80)..ms(125)).contains(&barge_in.silence_after), "{barge_in:?}");
    assert_eq!(barge_in.clear_after, Some(barge_in.silence_after));
    assert!(report.marks.iter().any(|mark| mark.cleared));
    assert_eq!(report.latencies().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_is_not_greeted_speaks_first() {
    let agent = Agent { greeting: None, ..Agent::default() };
    let script = Script::new().say("hello?", question()).with_greeting_wait(ms(2_000));
    let call = hold(agent, SimulatedCall::new(script)).await;
    assert_eq!(call.outcome, Outcome::Completed);
    let onset = call.report.turns[0].clip.speech.start.since_start();
    assert!((ms(2_000)..ms(2_040)).contains(&onset), "{onset:?}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_never_answers_is_reported() {
    let agent = Agent { endpoint: ms(60_000), ..Agent::default() };
    let script = Script::new().say("hello?", question()).with_answer_wait(ms(3_000));
    let call = hold(agent, SimulatedCall::new(script)).await;
    assert_eq!(call.outcome, Outcome::NoAnswer { step: 0 });
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_up_cuts_its_own_goodbye_short() {
    let agent = Agent { hang_up_after: Some(1), ..Agent::default() };
    let call = hold(agent, SimulatedCall::new(Script::new().say("bye", question()))).await;
    assert_eq!(call.outcome, Outcome::AgentHungUp);
    assert!(call.report.marks.last().unwrap().returned.is_none());
    assert_eq!(call.report.utterances.len(), 1, "only the greeting was heard");
}

#[tokio::test(start_paused = true)]
async fn keys_reach_the_server_and_the_report() {
    let script = Script::new().press("12#").with_answer_wait(ms(1_000));
    let call = hold(Agent::default(), SimulatedCall::new(script)).await;
    let keys: String = call.report.digits.iter().map(|(_, digit)| digit.key()).collect();
    assert_eq!(keys, "12#");
    assert_eq!(call.outcome, Outcome::NoAnswer { step: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_vanishes_sends_no_stop() {
    let script = Script::new().say("one", question());
    let call = SimulatedCall::new(script).with_chaos(Chaos::new().vanish_at(ms(1_000)));
    let call = hold(Agent::default(), call).await;
    assert_eq!(call.outcome, Outcome::Lost);
    assert_eq!(call.report.length, ms(1_000));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_stalls_hears_late() {
    let chaos = Chaos::new().stall_reading(ms(0), ms(900));
    let script = Script::new().say("one", question());
    let call = hold(Agent::default(), SimulatedCall::new(script).with_chaos(chaos)).await;
    assert_eq!(call.report.utterances[0].start.since_start(), ms(900));
    assert_eq!(call.outcome, Outcome::Completed);
}

#[tokio::test(start_paused = true)]
async fn an_observer_sees_the_conversation_in_order() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let call = SimulatedCall::new(Script::new().say("one", question())).observe(move |_, event| {
        log.lock().unwrap().push(match event {
            Observation::CallerSpeaks { label, .. } => format!("caller {label}"),
            Observation::CallerDone { .. } => "caller done".to_owned(),
            Observation::AgentSpeaks { latency } => format!("agent {}", latency.is_some()),
            Observation::AgentSilent { spoke } => format!("agent spoke {spoke:?}"),
            other => format!("{other:?}"),
        });
    });
    hold(Agent::default(), call).await;
    let expected = [
        "agent false",
        "agent spoke 500ms",
        "caller one",
        "Cleared { dropped: 0ns }",
        "caller done",
        "agent true",
        "agent spoke 1s",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_router_is_called_in_memory_by_way_of_its_webhook() {
    use axum::routing::post;
    let twiml = r#"<Response><Connect><Stream url="wss://public.example/media">
        <Parameter name="token" value="t"/></Stream></Connect></Response>"#;
    let signature = axum::http::HeaderName::from_static("x-twilio-signature");
    let voice = move |headers: axum::http::HeaderMap, body: String| async move {
        assert!(headers.contains_key(signature) && body.contains("From=%2B15551230001"));
        twiml
    };
    let server = in_memory(axum::Router::new().route("/voice", post(voice)));
    let webhook = Webhook::new("http://public.example/voice").with_auth_token("secret");
    let instructions = webhook.request(server.connect()).await.unwrap();
    assert_eq!(instructions.parameters["token"], "t");
    // The stream itself is not served here.
    let call = SimulatedCall::new(Script::new());
    let refused = call.follow(&webhook, instructions, server.connect()).await.unwrap_err();
    assert!(matches!(refused, CallError::Handshake(_)), "{refused}");
    let lost = Webhook::new("http://public.example/nowhere").request(server.connect()).await;
    assert!(matches!(lost, Err(CallError::Refused(404))), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_breaks_the_protocol_is_reported() {
    use futures::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let (client, server) = duplex(1 << 20);
    let rude = async {
        let mut socket = tokio_tungstenite::accept_async(server).await.unwrap();
        socket.next().await.unwrap().unwrap();
        socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
        socket.send(Message::text("{}")).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    };
    let script = Script::new().with_greeting_wait(ms(500));
    let call = SimulatedCall::new(script).over(client, "ws://test/media");
    let (call, ()) = tokio::join!(call, rude);
    let breaches: Vec<Breach> = call.unwrap().violations.into_iter().map(|v| v.breach).collect();
    assert_eq!(breaches, [Breach::Binary, Breach::WrongKey("event".to_owned())]);
}

#[tokio::test]
async fn a_server_is_called_over_tcp() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/media", listener.local_addr().unwrap());
    let agent = Agent { greeting: Some(ms(100)), ..Agent::default() };
    let server = async { agent.serve(listener.accept().await.unwrap().0).await };
    let script = Script::new().with_gap(ms(20));
    let (call, ()) = tokio::join!(SimulatedCall::new(script).dial(&url), server);
    let call = call.unwrap();
    assert_eq!(call.outcome, Outcome::Completed);
    assert_eq!(call.report.agent_speech(), ms(100));
}

#[tokio::test]
async fn a_url_that_cannot_be_dialled_is_explained() {
    let error = SimulatedCall::new(Script::new()).dial("wss://a.example/x").await.unwrap_err();
    assert!(error.to_string().contains("TLS is left to the proxy"), "{error}");
    let error = SimulatedCall::new(Script::new()).dial("a.example").await.unwrap_err();
    assert!(error.to_string().contains("ws://host:port/path"), "{error}");
}

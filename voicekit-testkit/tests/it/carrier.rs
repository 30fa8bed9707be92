//! The carrier machine: its messages and how it reads the server's.

use serde_json::{Value, json};
use voicekit_core::time::Timestamp;
use voicekit_core::transport::Digit;
use voicekit_testkit::carrier::{Breach, Carrier, CarrierConfig, Chaos};

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn sent(carrier: &mut Carrier) -> Vec<Value> {
    std::iter::from_fn(|| carrier.poll_output())
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect()
}

fn carrier(chaos: Chaos) -> Carrier {
    let parameters = [("token".to_owned(), "one-time".to_owned())].into();
    let config = CarrierConfig::new().with_call(7).with_parameters(parameters).with_chaos(chaos);
    Carrier::new(config)
}

/// Names of the events and, for media, the chunk.
fn summary(messages: &[Value]) -> Vec<String> {
    let name = |message: &Value| {
        let event = message["event"].as_str().unwrap();
        format!("{event}{}", message["media"]["chunk"].as_str().unwrap_or_default())
    };
    messages.iter().map(name).collect()
}

#[test]
fn a_stream_reads_as_the_carrier_writes_it() {
    let mut carrier = carrier(Chaos::new());
    carrier.phone().press(at(25), Digit::new('1').unwrap());
    carrier.handle_timeout(at(20));
    let mark = json!({"event": "mark", "streamSid": carrier.stream_sid(), "mark": {"name": "m"}});
    carrier.handle_text(at(22), &mark.to_string());
    carrier.handle_timeout(at(30));
    carrier.stop(at(30));
    let (call, stream) =
        ("CA00000000000000000000000000000007", "MZ00000000000000000000000000000007");
    let account = "AC00000000000000000000000000000000";
    let silence = "////".repeat(53) + "/w==";
    let expected = [
        json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
        json!({"event": "start", "sequenceNumber": "1", "streamSid": stream, "start": {
            "accountSid": account, "callSid": call, "streamSid": stream, "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "one-time"}}}),
        json!({"event": "media", "sequenceNumber": "2", "streamSid": stream, "media": {
            "track": "inbound", "chunk": "1", "timestamp": "0", "payload": silence}}),
        json!({"event": "mark", "sequenceNumber": "3", "streamSid": stream,
            "mark": {"name": "m"}}),
        json!({"event": "dtmf", "sequenceNumber": "4", "streamSid": stream,
            "dtmf": {"track": "inbound_track", "digit": "1"}}),
        json!({"event": "stop", "sequenceNumber": "5", "streamSid": stream,
            "stop": {"accountSid": account, "callSid": call}}),
    ];
    assert_eq!(sent(&mut carrier), expected);
}

#[test]
fn what_the_protocol_does_not_allow_is_a_violation_without_effect() {
    let wrong_key = |key: &str| Breach::WrongKey(key.to_owned());
    let cases = [
        ("nonsense", Breach::NotJson),
        ("[1]", Breach::NotJson),
        (r#"{"event":"hangup","streamSid":"$"}"#, Breach::UnknownEvent("hangup".to_owned())),
        (r#"{"event":"clear"}"#, wrong_key("streamSid")),
        (r#"{"event":"clear","stream_sid":"$"}"#, wrong_key("stream_sid")),
        (r#"{"event":"clear","streamSid":"$","x":1}"#, wrong_key("x")),
        (r#"{"event":"clear","streamSid":"MZ1"}"#, Breach::WrongStream("MZ1".to_owned())),
        (r#"{"event":"mark","streamSid":"$","mark":{"name":7}}"#, wrong_key("name")),
        (r#"{"event":"mark","streamSid":"$","mark":"x"}"#, wrong_key("mark")),
        (
            r#"{"event":"media","streamSid":"$","media":{"payload":"_w=="}}"#,
            Breach::BadPayload("not base64"),
        ),
        (
            r#"{"event":"media","streamSid":"$","media":{"payload":"/w"}}"#,
            Breach::BadPayload("not base64"),
        ),
        (
            r#"{"event":"media","streamSid":"$","media":{"payload":""}}"#,
            Breach::BadPayload("empty"),
        ),
        (
            r#"{"event":"media","streamSid":"$","media":{"payload":"/w==","track":"outbound"}}"#,
            wrong_key("track"),
        ),
        (
            r#"{"event":"media","streamSid":"$","media":{"payload":"UklGRiQA"}}"#,
            Breach::BadPayload("a WAV header, which is heard as noise"),
        ),
    ];
    for (text, breach) in cases {
        let mut carrier = carrier(Chaos::new());
        carrier.handle_text(at(5), &text.replace('$', "MZ00000000000000000000000000000007"));
        let violations = carrier.violations();
        assert_eq!(violations.len(), 1, "{text}");
        assert_eq!((violations[0].at, &violations[0].breach), (at(5), &breach), "{text}");
        let report = carrier.phone().report();
        assert!(report.arrivals.is_empty() && report.marks.is_empty() && report.clears.is_empty());
    }
}

#[test]
fn a_binary_frame_is_a_violation() {
    let mut carrier = carrier(Chaos::new());
    carrier.handle_binary(at(1));
    assert_eq!(carrier.violations()[0].breach, Breach::Binary);
}

#[test]
fn chunks_are_lost_doubled_and_mislabelled_on_request() {
    let chaos = Chaos::new().lose(2..=3).double(4..=4).strange_stream_from(5, "MZother");
    let mut carrier = carrier(chaos);
    carrier.handle_timeout(at(100));
    let messages = sent(&mut carrier);
    assert_eq!(summary(&messages)[2..], ["media1", "media4", "media4", "media5"]);
    assert_eq!(messages[3]["sequenceNumber"], "5", "a lost chunk keeps its sequence number");
    assert_eq!(messages[5]["streamSid"], "MZother");
}

#[test]
fn a_stream_without_start_begins_with_media() {
    let mut carrier = carrier(Chaos::new().without_start());
    carrier.handle_timeout(at(20));
    assert_eq!(summary(&sent(&mut carrier)), ["connected", "media1"]);
    carrier.handle_text(at(21), "{}");
    assert_eq!(carrier.violations()[0].breach, Breach::TooEarly);
}

#[test]
fn any_text_can_be_sent_at_any_time() {
    let mut carrier = carrier(Chaos::new().send_at(std::time::Duration::from_millis(7), "{oops"));
    assert_eq!(carrier.poll_timeout(), Some(at(7)));
    carrier.handle_timeout(at(7));
    assert_eq!(std::iter::from_fn(|| carrier.poll_output()).last().unwrap(), "{oops");
    assert_eq!(carrier.poll_timeout(), Some(at(20)));
}

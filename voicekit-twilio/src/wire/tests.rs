//! Messages with one field changed: none of what is optional ends a call.

use serde_json::{Value, json};
use voicekit_testkit::mutate::mutations;

use super::{Inbound, decode};

/// The documented messages, with what each of them cannot do without.
fn messages() -> Vec<(Value, &'static [&'static str])> {
    vec![
        (json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" }), &["/event"]),
        (
            json!({
                "event": "start", "sequenceNumber": "1", "streamSid": "MZ1",
                "start": {
                    "accountSid": "AC1", "streamSid": "MZ1", "callSid": "CA1",
                    "tracks": ["inbound"],
                    "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
                    "customParameters": { "token": "secret", "plan": "gold" },
                },
            }),
            &[
                "/event",
                "/start/callSid",
                "/start/mediaFormat/encoding",
                "/start/mediaFormat/sampleRate",
            ],
        ),
        (
            json!({
                "event": "media", "sequenceNumber": "3", "streamSid": "MZ1",
                "media": { "track": "inbound", "chunk": "1", "timestamp": "5", "payload": "//8=" },
            }),
            &["/event", "/media/payload"],
        ),
        (
            json!({
                "event": "dtmf", "sequenceNumber": "5", "streamSid": "MZ1",
                "dtmf": { "track": "inbound_track", "digit": "1" },
            }),
            &["/event", "/dtmf/digit"],
        ),
        (
            json!({
                "event": "mark", "sequenceNumber": 4, "streamSid": "MZ1",
                "mark": { "name": "r0/1" },
            }),
            &["/event", "/mark/name"],
        ),
        (
            json!({
                "event": "stop", "sequenceNumber": "5", "streamSid": "MZ1",
                "stop": { "accountSid": "AC1", "callSid": "CA1" },
            }),
            &["/event"],
        ),
    ]
}

#[test]
fn no_optional_field_ends_a_call() {
    for (message, required) in messages() {
        for mutation in mutations(&message) {
            let text = mutation.message.to_string();
            match decode(&text) {
                Ok(_) => {}
                Err(malformed) => {
                    assert!(mutation.touches(required), "{mutation}: {malformed}");
                    let said = malformed.to_string();
                    assert!(!said.contains("secret") && !said.contains("CA1"), "{said}");
                }
            }
        }
    }
}

#[test]
fn numbers_and_texts_stand_for_each_other() {
    let format = |channels: Value| json!({ "encoding": "audio/x-mulaw", "sampleRate": "8000", "channels": channels });
    for channels in [json!(1), json!("1"), json!(1.0), json!(null), json!("one"), json!([])] {
        let text = json!({
            "event": "start", "streamSid": 7, "start": {
                "callSid": "CA1", "mediaFormat": format(channels.clone()),
                "customParameters": { "a": "b", "n": 5, "yes": true, "no": null, "list": [] },
            },
        });
        let text = text.to_string();
        let Ok(Inbound::Start(start)) = decode(&text) else { panic!("{text}") };
        assert!(start.media_format.is_phone(), "{channels}");
        assert_eq!(start.stream_sid, "7");
        let parameters: Vec<(&str, &str)> =
            start.custom_parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(parameters, [("a", "b"), ("n", "5"), ("yes", "true")]);
    }
    for (timestamp, wanted) in [
        (json!("5"), Some(5)),
        (json!(5), Some(5)),
        (json!(5.0), Some(5)),
        (json!(-5), None),
        (json!(5.5), None),
        (json!(1e300), None),
        (json!(true), None),
        (json!({ "a": [1] }), None),
        (json!(null), None),
    ] {
        let media = json!({ "payload": "//8=", "timestamp": timestamp, "track": null });
        let text = json!({ "event": "media", "streamSid": "MZ1", "media": media }).to_string();
        let Ok(Inbound::Media { media, .. }) = decode(&text) else { panic!("{text}") };
        assert_eq!(media.timestamp, wanted, "{text}");
        assert!(media.is_inbound());
    }
}

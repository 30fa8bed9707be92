//! The published signatures.

use serde_json::Value;
use voicekit_twilio::{Secret, SignedBody, is_signed, is_upgrade_signed, sign};

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../data/signatures.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn form(vector: &Value) -> Vec<(String, String)> {
    let values = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let form = vector["form_params"].as_object().unwrap();
    let pairs = |(name, value): (&String, &Value)| {
        values(value).iter().map(|value| (name.clone(), text(value))).collect::<Vec<_>>()
    };
    form.iter().flat_map(pairs).collect()
}

fn is_accepted(vector: &Value) -> bool {
    let text = |name: &str| vector[name].as_str().unwrap_or_default();
    let (token, url, form) = (Secret::new(text("auth_token")), text("request_url"), form(vector));
    let body = match vector["raw_body"].as_str() {
        Some(raw) => SignedBody::Raw(raw.as_bytes()),
        None => SignedBody::Form(&form),
    };
    match url.starts_with("wss://") {
        true => is_upgrade_signed(&[token], text("signature"), url),
        false => is_signed(&[token], text("signature"), url, body),
    }
}

#[test]
fn every_published_signature_is_accepted() {
    let vectors = vectors("positive");
    assert_eq!(vectors.len(), 20);
    for vector in vectors {
        assert!(is_accepted(&vector), "{}", vector["id"]);
    }
}

#[test]
fn every_forgery_is_refused() {
    let vectors = vectors("negative");
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        if vector["expect_valid"] == "either" {
            continue;
        }
        assert!(!is_accepted(&vector), "{}", vector["id"]);
    }
}

#[test]
fn signing_gives_the_published_signatures() {
    for vector in vectors("positive") {
        let text = |name: &str| vector[name].as_str().unwrap_or_default();
        let form = form(&vector);
        let token = Secret::new(text("auth_token"));
        let signed = sign(&token, text("signed_url"), SignedBody::Form(&form));
        assert_eq!(signed, text("signature"), "{}", vector["id"]);
    }
}

#[test]
fn any_of_several_tokens_may_have_signed() {
    let (old, new) = (Secret::new("old"), Secret::new("new"));
    let url = "https://agent.example.com/twilio/voice";
    for token in [&old, &new] {
        let signature = sign(token, url, SignedBody::Empty);
        let tokens = [old.clone(), new.clone()];
        assert!(is_signed(&tokens, &signature, url, SignedBody::Empty));
        assert!(!is_signed(&[], &signature, url, SignedBody::Empty));
    }
}

#[test]
fn a_handshake_signed_for_another_place_is_refused() {
    let token = [Secret::new("12345")];
    let good = "wss://agent.example.com/twilio/media";
    for (signed, accepted) in [
        ("wss://agent.example.com/twilio/media", true),
        ("https://agent.example.com:443/twilio/media/", true),
        ("wss://agent.example.com/twilio/media?x=1", false),
        ("wss://evil.example.com/twilio/media", false),
        ("http://agent.example.com/twilio/media", false),
    ] {
        let signature = sign(&token[0], signed, SignedBody::Empty);
        assert_eq!(is_upgrade_signed(&token, &signature, good), accepted, "{signed}");
    }
}

#[test]
fn a_stream_at_a_path_that_ends_in_two_slashes_is_signed_as_it_is() {
    let token = [Secret::new("12345")];
    for url in ["wss://agent.example.com/media//", "wss://agent.example.com//"] {
        let signature = sign(&token[0], url, SignedBody::Empty);
        assert!(is_upgrade_signed(&token, &signature, url), "{url}");
    }
}

#[test]
fn addresses_with_brackets_and_odd_urls_are_handled() {
    let token = [Secret::new("12345")];
    let signed = |url: &str, request: &str| {
        is_signed(&token, &sign(&token[0], url, SignedBody::Empty), request, SignedBody::Empty)
    };
    assert!(signed("https://[::1]:443/x", "https://[::1]/x"));
    assert!(signed("https://[::1]/x", "https://[::1]:8443/x"));
    assert!(signed("https://agent.example.com:443", "https://agent.example.com"));
    for odd in ["", "://", "https://", "https://]@:/", "https://a@:1@b:2?'#x", "é"] {
        assert!(!is_signed(&token, "x", odd, SignedBody::Raw(b"y")), "{odd}");
        assert!(signed(odd.split('#').next().unwrap(), odd), "{odd}");
    }
}

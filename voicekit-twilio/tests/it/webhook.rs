//! The webhook: who may announce a call, and what is answered.

use axum::http::{Request, StatusCode};
use voicekit_twilio::{Secret, SignaturePolicy, SignedBody, TwilioConfig, sign};

use crate::carrier::{ANNOUNCE, Carrier, token_in};

const TOKEN: &str = "12345";
const URL: &str = "https://agent.example.com/app/twilio/voice";

fn config() -> TwilioConfig {
    TwilioConfig::new(TOKEN, "https://agent.example.com/app")
}

fn signature(url: &str, form: &str) -> String {
    let form: Vec<(String, String)> =
        form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    sign(&Secret::new(TOKEN), url, SignedBody::Form(&form))
}

#[tokio::test]
async fn a_signed_announcement_is_answered_with_the_stream() {
    let carrier = Carrier::new(config());
    let signature = signature(URL, ANNOUNCE);
    let response = carrier.post(ANNOUNCE, &[("x-twilio-signature", &signature)]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/xml"));
    let token = token_in(response.body());
    assert_eq!(token.len(), 32);
    assert_eq!(
        response.body().replace(&token, "TOKEN"),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect>\
         <Stream url=\"wss://agent.example.com/app/twilio/media\">\
         <Parameter name=\"token\" value=\"TOKEN\"/></Stream></Connect></Response>"
    );
}

#[tokio::test]
async fn each_call_has_its_own_token() {
    let carrier = Carrier::local();
    assert_ne!(carrier.token().await, carrier.token().await);
}

#[tokio::test]
async fn an_announcement_without_a_valid_signature_is_refused() {
    let carrier = Carrier::new(config());
    let good = signature(URL, ANNOUNCE);
    let other_call = ANNOUNCE.replace("CallSid=CA0", "CallSid=CA1");
    let stripped = ANNOUNCE.replace("&FutureThing=x", "");
    for (body, signature) in
        [(ANNOUNCE, ""), (ANNOUNCE, "x"), (&*other_call, &*good), (&*stripped, &*good)]
    {
        let response = carrier.post(body, &[("x-twilio-signature", signature)]).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{body}");
    }
    assert_eq!(carrier.post(ANNOUNCE, &[]).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_policy_may_let_unsigned_requests_pass() {
    for (policy, status) in [
        (SignaturePolicy::Require, StatusCode::FORBIDDEN),
        (SignaturePolicy::Warn, StatusCode::OK),
        (SignaturePolicy::Off, StatusCode::OK),
    ] {
        let carrier = Carrier::new(config().with_signature(policy));
        assert_eq!(carrier.post(ANNOUNCE, &[]).await.status(), status);
    }
}

#[tokio::test]
async fn repeated_and_unknown_parameters_are_signed_over() {
    let carrier = Carrier::new(config());
    let body = format!("{ANNOUNCE}&Z=2&Z=1&Z=1&Unheard%20Of=%C3%A9");
    let signature = signature(URL, &body);
    let response = carrier.post(&body, &[("x-twilio-signature", &signature)]).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_query_in_the_webhook_url_is_signed_with_it() {
    let carrier = Carrier::new(config());
    let signature = signature(&format!("{URL}?tenant=7"), ANNOUNCE);
    let request = Request::post("/twilio/voice?tenant=7")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .header("x-twilio-signature", signature)
        .body(ANNOUNCE.to_owned())
        .unwrap();
    assert_eq!(carrier.request(request).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_webhook_may_be_a_get() {
    let carrier = Carrier::new(config());
    let signature = signature(&format!("{URL}?{ANNOUNCE}"), "");
    let get = |signature: &str| {
        let get = Request::get(format!("/twilio/voice?{ANNOUNCE}"));
        get.header("x-twilio-signature", signature).body(String::new()).unwrap()
    };
    let response = carrier.request(get(&signature)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.body().contains("<Stream "));
    assert_eq!(carrier.request(get("x")).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_twiml_is_escaped() {
    let config = TwilioConfig::local().with_parameter("a&b", "<\"it's\">");
    let carrier = Carrier::new(config);
    let response = carrier.post(ANNOUNCE, &[]).await;
    let escaped = r#"<Parameter name="a&amp;b" value="&lt;&quot;it&apos;s&quot;&gt;"/>"#;
    assert!(response.body().contains(escaped), "{}", response.body());
}

#[tokio::test]
async fn a_local_server_is_found_where_the_request_found_it() {
    let response = Carrier::local().post(ANNOUNCE, &[("x-forwarded-proto", "https")]).await;
    assert!(response.body().contains(r#"url="ws://agent.local:8080/twilio/media""#));
}

#[tokio::test]
async fn a_trusted_proxy_says_where_the_server_is() {
    let config =
        TwilioConfig::default().with_auth_token(TOKEN).with_trusted_forwarded_headers(true);
    let carrier = Carrier::new(config);
    let signature = signature("https://public.example.com/twilio/voice", ANNOUNCE);
    let headers = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "public.example.com"),
        ("x-twilio-signature", &*signature),
    ];
    let response = carrier.post(ANNOUNCE, &headers).await;
    assert!(response.body().contains(r#"url="wss://public.example.com/twilio/media""#));
    assert_eq!(carrier.post(ANNOUNCE, &headers[..1]).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_host_that_is_not_one_is_refused() {
    let carrier = Carrier::local();
    for host in ["evil.example.com/x?", "a b", "<x>", "user@host", ""] {
        let request = Request::post("/twilio/voice").header("host", host);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = carrier.request(request.body(ANNOUNCE.to_owned()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{host}");
    }
}

#[tokio::test]
async fn an_announcement_of_no_call_is_refused() {
    let carrier = Carrier::local();
    for body in ["", "From=x", "CallSid=&From=x"] {
        assert_eq!(carrier.post(body, &[]).await.status(), StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let body = format!("CallSid=CA1&Long={}", "x".repeat(65 << 10));
    let response = Carrier::local().post(&body, &[]).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

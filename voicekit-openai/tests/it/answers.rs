//! What is heard of an answer.

use futures::StreamExt;
use voicekit_core::answer::is_empty_answer;
use voicekit_core::llm::Llm;
use voicekit_testkit::server::http::Answer;

use crate::service::{ask, chunks, hear, question, serve};

const TEXT: &str = include_str!("../fixtures/text.sse");
const GROQ: &str = include_str!("../fixtures/groq.sse");

#[tokio::test]
async fn text_comes_in_order_with_what_it_cost() {
    let said = hear(TEXT).await;
    assert_eq!((said.text.as_str(), said.pieces, said.tokens()), ("Hello", 1, (19, 10)));
}

#[tokio::test]
async fn a_stream_may_be_cut_anywhere_and_have_any_line_ends() {
    let events = chunks(&[
        r#"{"choices":[{"delta":{"content":"Grüß "}}]}"#,
        r#"{"choices":[{"delta":{"content":"Gott 🙂"},"finish_reason":"stop"}]}"#,
    ]);
    let spaced = format!("\u{feff}: hello\r\n\r\n{}", events.replace('\n', "\r\n"));
    for events in [events.clone(), spaced, format!("{events}data: [DONE]")] {
        let answers = (1..8).map(|size| Answer::events(events.clone()).in_pieces_of(size));
        let (_server, model) = serve(answers).await;
        for _ in 1..8 {
            let said = ask(&model, question()).await.unwrap();
            assert_eq!((said.text.as_str(), said.pieces), ("Grüß Gott 🙂", 2));
        }
    }
}

#[tokio::test]
async fn reasoning_is_never_heard() {
    let said = hear(GROQ).await;
    assert_eq!((said.text.as_str(), said.usage), ("", None));
    assert!(is_empty_answer(&said.error.unwrap()));
    let said = hear(&chunks(&[
        r#"{"choices":[{"delta":{"reasoning_content":"hm","content":"<th"}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":"hm","content":"ink>well</think>Yes."}}]}"#,
        "[DONE]",
    ]))
    .await;
    assert_eq!(said.text, "Yes.");
}

#[tokio::test]
async fn what_is_null_missing_or_unknown_is_skipped() {
    let said = hear(&chunks(&[
        r#"{"choices":[{"index":0,"delta":null,"finish_reason":null}],"usage":null,"error":null}"#,
        r#"{"object":"chat.completion.chunk","prompt_filter_results":[]}"#,
        r#"{"choices":null}"#,
        r#"{"choices":[],"surprise":{"a":[1]}}"#,
        r#"{"choices":[{"delta":{"content":null,"tool_calls":null,"role":7}}]}"#,
        r#"{"choices":[{"delta":{"content":"","annotations":[]}}]}"#,
        r#"{"choices":[{"delta":{"content":"Yes."},"logprobs":{"content":[]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]))
    .await;
    assert_eq!((said.text.as_str(), said.tokens()), ("Yes.", (0, 0)));
}

#[tokio::test]
async fn a_sum_that_is_repeated_is_not_added_up() {
    let said = hear(&chunks(&[
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#,
        r#"{"choices":[{"delta":{"content":"b"}}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#,
        "[DONE]",
    ]))
    .await;
    assert_eq!(said.tokens(), (9, 2));
}

#[tokio::test]
async fn an_answer_ends_as_its_reason_says() {
    let finished = |reason: &str| {
        let finish = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        chunks(&[r#"{"choices":[{"delta":{"content":"Yes"}}]}"#, &finish, "[DONE]"])
    };
    for reason in ["stop", "length", "tool_calls", "function_call", "eos"] {
        assert!(hear(&finished(reason)).await.error.is_none(), "{reason}");
    }
    let error = hear(&finished("content_filter")).await.error.unwrap();
    assert_eq!(error.to_string(), "openai: a content filter stopped the answer");
}

#[tokio::test]
async fn a_refusal_in_words_is_heard() {
    let events = chunks(&[r#"{"choices":[{"delta":{"refusal":"I cannot."}}]}"#, "[DONE]"]);
    assert_eq!(hear(&events).await.text, "I cannot.");
}

#[tokio::test]
async fn a_connection_serves_one_answer_after_the_other() {
    let (server, model) = serve([Answer::events(TEXT), Answer::events(TEXT)]).await;
    model.warm().await.unwrap();
    for _ in 0..2 {
        let mut answer = model.chat(question()).await.unwrap();
        while answer.next().await.is_some() {}
    }
    assert_eq!(server.connections(), 1);
}

//! Models that fail.

use futures::StreamExt;
use tokio::time::Instant;
use voicekit::resilience::{
    BreakerConfig, CircuitBreaker, Fallback, Limits, Order, Retrying, Timeout,
};
use voicekit_core::error::{Error, ErrorKind};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, Message};
use voicekit_core::retry::RetryPolicy;
use voicekit_core::tool::{ToolCall, ToolSpec};
use voicekit_testkit::fake::{FakeLlm, Fate, Fault};

use super::{kind, ms, settle, twice_more};

const ANSWER: &str = "We are open from nine to five.";

fn request() -> ChatRequest {
    ChatRequest::new("You are a bakery.", [Message::caller("When are you open?")])
}

async fn answer(llm: &dyn Llm) -> Result<String, Error> {
    let mut events = llm.chat(request()).await?;
    let mut said = String::new();
    while let Some(event) = events.next().await {
        match event? {
            ChatEvent::Text(text) => said.push_str(&text),
            ChatEvent::Done(_) => return Ok(said),
            ChatEvent::ToolCall(_) | _ => {}
        }
    }
    panic!("the answer has no end");
}

#[tokio::test(start_paused = true)]
async fn another_model_answers_where_one_refuses() {
    let first = FakeLlm::new([ANSWER]).with_fault(0, Fault::Refuse(ErrorKind::RateLimited));
    let second = FakeLlm::new([ANSWER]);
    let llm = Fallback::llm(first).or(second.clone());
    assert_eq!(answer(&llm).await.unwrap(), ANSWER);
    assert_eq!(second.journal().calls()[0].request, request());
}

#[tokio::test(start_paused = true)]
async fn another_model_goes_on_where_one_breaks_off() {
    for repeats in ["nine to five.", "from nine to five.", ANSWER] {
        let first = FakeLlm::new([ANSWER]).with_fault(0, Fault::Fail(5, ErrorKind::Connection));
        let second = FakeLlm::new([repeats]);
        let llm = Fallback::llm(first).or(second.clone());
        assert_eq!(answer(&llm).await.unwrap(), ANSWER, "{repeats}");
        let asked = &second.journal().calls()[0].request;
        assert!(asked.instructions.starts_with("You are a bakery."), "{asked:?}");
        assert!(asked.instructions.contains("\"We are open from"), "{asked:?}");
        assert_eq!(asked.messages, request().messages);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_ends_without_its_end_was_cut_off() {
    let first = FakeLlm::new([ANSWER]).with_fault(0, Fault::Truncate(3));
    let llm = Fallback::llm(first).or(FakeLlm::new(["open from nine to five."]));
    assert_eq!(answer(&llm).await.unwrap(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_never_answers_gives_way_in_time() {
    for words in [0, 4] {
        let first = FakeLlm::new([ANSWER]).with_fault(0, Fault::Stall(words));
        let limits = Limits::default().with_first(ms(900)).with_between(ms(700));
        let llm =
            Fallback::llm(Timeout::new(first.clone()).with_limits(limits)).or(FakeLlm::new([
                ANSWER,
            ])
            .with_first_token(ms(0))
            .with_token(ms(0)));
        let asked = Instant::now();
        assert_eq!(answer(&llm).await.unwrap(), ANSWER);
        let expected = if words == 0 { ms(900) } else { ms(200 + 3 * 20 + 700) };
        assert_eq!(asked.elapsed(), expected);
        assert_eq!(first.journal().fates()[0], Fate::Dropped);
    }
}

#[tokio::test(start_paused = true)]
async fn no_tool_is_called_twice() {
    let call = ToolCall::new("1", "book", "{}");
    let first = FakeLlm::new(["One moment."])
        .with_tool_call(0, call)
        .with_fault(0, Fault::Fail(3, ErrorKind::Connection));
    let second = FakeLlm::new([ANSWER]);
    let llm = Fallback::llm(first).or(second.clone());
    let mut request = request();
    request.tools = vec![ToolSpec::new("book", "Books a table.")];
    let events: Vec<_> = llm.chat(request).await.unwrap().collect().await;
    assert!(matches!(events[2], Ok(ChatEvent::ToolCall(_))), "{events:?}");
    assert!(matches!(&events[3], Err(error) if error.kind() == ErrorKind::Connection));
    assert!(second.journal().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_broken_model_is_passed_over_until_it_has_recovered() {
    let first = FakeLlm::new(["First."])
        .with_fault(0, Fault::Refuse(ErrorKind::Unauthenticated))
        .with_fault(1, Fault::Refuse(ErrorKind::Unauthenticated));
    let config = BreakerConfig::default().with_cool_down(ms(1_000), ms(60_000));
    let llm = Fallback::llm(first.clone()).or(FakeLlm::new(["Second."])).with_breaker(config);
    assert_eq!(answer(&llm).await.unwrap(), "Second.");
    assert_eq!(answer(&llm).await.unwrap(), "Second.");
    assert_eq!(first.journal().len(), 1, "it was left alone");
    // It is asked after 1 s, in vain, and 2 s later again.
    tokio::time::sleep(ms(1_500)).await;
    assert_eq!(first.journal().len(), 2);
    assert_eq!(answer(&llm).await.unwrap(), "Second.");
    tokio::time::sleep(ms(1_500)).await;
    assert_eq!(first.journal().len(), 3);
    assert_eq!(answer(&llm).await.unwrap(), "First.");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_accept_the_question_is_not_asked_all_the_time() {
    let first = FakeLlm::new(["First."]).with_fault(0, Fault::Refuse(ErrorKind::Connection));
    let first = (1..50)
        .fold(first, |first, stream| first.with_fault(stream, Fault::Refuse(ErrorKind::Rejected)));
    let llm = Fallback::llm(first.clone()).or(FakeLlm::new(["Second."]));
    assert_eq!(answer(&llm).await.unwrap(), "Second.");
    tokio::time::sleep(ms(300_000)).await;
    // After 5, 10, 20, 40 s and then every minute.
    assert_eq!(first.journal().len(), 1 + 4 + 3);
}

#[tokio::test(start_paused = true)]
async fn what_a_model_does_not_accept_does_not_break_it() {
    let first = FakeLlm::new(["First."]).with_fault(0, Fault::Refuse(ErrorKind::Rejected));
    let llm = Fallback::llm(first).or(FakeLlm::new(["Second."]));
    assert_eq!(answer(&llm).await.unwrap(), "Second.");
    assert_eq!(answer(&llm).await.unwrap(), "First.");
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_each_was_tried_once_and_the_last_says_why() {
    let broken = |kind| {
        let refuse = |llm: FakeLlm, stream| llm.with_fault(stream, Fault::Refuse(kind));
        (0..5).fold(FakeLlm::new([ANSWER]), refuse)
    };
    let (first, second) = (broken(ErrorKind::Connection), broken(ErrorKind::Quota));
    let llm = Fallback::llm(first.clone()).or(second.clone());
    assert_eq!(kind(answer(&llm).await), ErrorKind::Quota);
    // Broken as they are, they are all there is.
    assert!(answer(&llm).await.is_err());
    assert_eq!((first.journal().len(), second.journal().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_on_once_a_fallback_is_dropped() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let first = FakeLlm::new([ANSWER]).with_fault(0, Fault::Refuse(ErrorKind::Connection));
    let llm = Fallback::llm(first).or(FakeLlm::new([ANSWER]));
    answer(&llm).await.unwrap();
    assert_eq!(tasks(), before + 1, "it is asked whether it has recovered");
    drop(llm);
    settle().await;
    assert_eq!(tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn the_fastest_model_is_asked_first_unless_there_is_little_to_gain() {
    let slow = FakeLlm::new(["Slow."]).with_first_token(ms(500));
    for (delay, expected) in [(ms(300), "Fast."), (ms(450), "Slow.")] {
        let fast = FakeLlm::new(["Fast."]).with_first_token(delay);
        let llm = Fallback::llm(slow.clone()).or(fast).with_order(Order::Fastest);
        answer(&llm).await.unwrap();
        tokio::time::sleep(ms(1_000)).await;
        assert_eq!(answer(&llm).await.unwrap(), expected, "{delay:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_breaks_while_it_is_measured_recovers_all_the_same() {
    let first = FakeLlm::new(["First."])
        .with_first_token(ms(100))
        .with_fault(0, Fault::Refuse(ErrorKind::Connection));
    let llm = Fallback::llm(first).or(FakeLlm::new(["Second."])).with_order(Order::Fastest);
    assert_eq!(answer(&llm).await.unwrap(), "Second.");
    tokio::time::sleep(ms(6_000)).await;
    assert_eq!(answer(&llm).await.unwrap(), "First.");
}

#[tokio::test(start_paused = true)]
async fn a_model_is_asked_again_when_that_may_help() {
    let cases = [
        (Fault::Refuse(ErrorKind::Connection), true),
        (Fault::Refuse(ErrorKind::Unauthenticated), false),
        (Fault::Fail(5, ErrorKind::Connection), true),
        (Fault::Fail(5, ErrorKind::Quota), false),
    ];
    for (fault, helps) in cases {
        let model = FakeLlm::new([ANSWER]).with_fault(0, fault);
        let llm = Retrying::new(model.clone()).with_policy(twice_more());
        let said = answer(&llm).await;
        assert_eq!(said.is_ok_and(|said| said == ANSWER), helps, "{fault:?}");
        assert_eq!(model.journal().len(), if helps { 2 } else { 1 }, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_is_not_asked_for_ever() {
    let model = (0..9).fold(FakeLlm::new([ANSWER]), |model, stream| {
        model.with_fault(stream, Fault::Refuse(ErrorKind::Timeout))
    });
    let policy = RetryPolicy::after([ms(100), ms(300)]);
    let llm = Retrying::new(model.clone()).with_policy(policy);
    let asked = Instant::now();
    assert_eq!(kind(answer(&llm).await), ErrorKind::Timeout);
    assert_eq!((model.journal().len(), asked.elapsed()), (3, ms(400)));
}

#[tokio::test(start_paused = true)]
async fn a_broken_circuit_fails_at_once_and_closes_after_a_while() {
    let model = FakeLlm::new([ANSWER])
        .with_fault(0, Fault::Refuse(ErrorKind::Timeout))
        .with_fault(1, Fault::Refuse(ErrorKind::Timeout));
    let config = BreakerConfig::default().with_failures(2).with_cool_down(ms(1_000), ms(60_000));
    let llm = CircuitBreaker::llm(model.clone()).with_config(config);
    assert_eq!(kind(answer(&llm).await), ErrorKind::Timeout);
    assert_eq!(kind(answer(&llm).await), ErrorKind::Timeout);
    assert_eq!(kind(answer(&llm).await), ErrorKind::Connection);
    assert_eq!(model.journal().len(), 2);
    tokio::time::sleep(ms(1_000)).await;
    assert_eq!(answer(&llm).await.unwrap(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_answer_cancels_the_model_that_gives_it() {
    let first = FakeLlm::new([ANSWER]).with_fault(0, Fault::Fail(2, ErrorKind::Connection));
    let second = FakeLlm::new([ANSWER]);
    let llm = Fallback::llm(first).or(Retrying::new(Timeout::new(second.clone())));
    let mut events = llm.chat(request()).await.unwrap();
    for _ in 0..4 {
        events.next().await;
    }
    drop(events);
    assert_eq!(second.journal().fates(), [Fate::Dropped]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_complete_when_it_was_cut_off_needs_no_more_words() {
    let cut = |words| Fault::Fail(words, ErrorKind::Connection);
    let llm = Fallback::llm(FakeLlm::new([ANSWER]).with_fault(0, cut(7))).or(FakeLlm::new([""]));
    assert_eq!(answer(&llm).await.unwrap(), ANSWER);
    // In the middle of a sentence there is more to say.
    let first = || FakeLlm::new([ANSWER]).with_fault(0, cut(4));
    let llm = Fallback::llm(first()).or(FakeLlm::new([""]));
    assert_eq!(kind(answer(&llm).await), ErrorKind::Protocol);
    let rest = FakeLlm::new(["nine to five."]);
    let llm = Fallback::llm(first()).or(FakeLlm::new([""])).or(rest);
    assert_eq!(answer(&llm).await.unwrap(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_answers_nothing_has_not_recovered() {
    let first = FakeLlm::new(["", "🙂", "First."]);
    let llm = Fallback::llm(first.clone()).or(FakeLlm::new(["Second."]));
    assert_eq!(answer(&llm).await.unwrap(), "Second.");
    tokio::time::sleep(ms(6_000)).await;
    assert_eq!(first.journal().len(), 2, "it was asked whether it has recovered");
    assert_eq!(answer(&llm).await.unwrap(), "Second.");
    tokio::time::sleep(ms(11_000)).await;
    assert_eq!(answer(&llm).await.unwrap(), "First.");
}

#[tokio::test(start_paused = true)]
async fn reasoning_that_is_recognized_late_is_taken_back_through_the_wrappers() {
    let thoughtful = FakeLlm::new(["They ask when.</think>We are open."]);
    let llm = Fallback::llm(Timeout::new(thoughtful)).or(FakeLlm::new([ANSWER]));
    let events: Vec<_> = Retrying::new(llm).chat(request()).await.unwrap().collect().await;
    let at = events.iter().position(|event| matches!(event, Ok(ChatEvent::Retracted))).unwrap();
    let after = events[at..].iter().filter_map(|event| match event {
        Ok(ChatEvent::Text(text)) => Some(text.as_str()),
        Ok(_) | Err(_) => None,
    });
    assert_eq!(after.collect::<String>(), "We are open.");
}

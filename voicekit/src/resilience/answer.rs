//! One answer of a model, from as many tries as it takes.

use std::collections::VecDeque;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::time::Instant;
use voicekit_core::answer::{Check, checked, is_empty_answer};
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, Usage};

use crate::knowledge::briefing::brief;

use super::attempts::{Attempts, Tries};
use super::overlap::{Overlap, WholeWords};

/// An answer to `request`. It ends with `Done` or one error.
pub(super) fn relay<P, A>(
    attempts: A,
    request: ChatRequest,
) -> BoxStream<'static, Result<ChatEvent>>
where
    P: Llm + ?Sized,
    A: Attempts<P>,
{
    let relay = Relay {
        tries: Tries::new(attempts),
        request,
        live: None,
        ready: VecDeque::new(),
        said: String::new(),
        called: false,
        over: false,
    };
    stream::unfold(Some(relay), |relay| async move {
        let mut relay = relay?;
        if relay.over {
            relay.rest().await;
            return None;
        }
        let event = relay.next().await;
        relay.over = matches!(event, Ok(ChatEvent::Done(_)));
        let failed = event.is_err();
        Some((event, (!failed).then_some(relay)))
    })
    .boxed()
}

struct Relay<P: ?Sized, A> {
    tries: Tries<P, A>,
    request: ChatRequest,
    live: Option<Live>,
    /// What is to be given out.
    ready: VecDeque<ChatEvent>,
    /// All text that was given out.
    said: String,
    /// Whether a tool was called.
    called: bool,
    /// Whether `Done` was given out.
    over: bool,
}

/// A model's answer that is being read.
struct Live {
    name: &'static str,
    events: BoxStream<'static, Result<ChatEvent>>,
    asked: Instant,
    answered: bool,
    /// How much had been given out before it, in bytes.
    from: usize,
    words: WholeWords,
    overlap: Overlap,
}

impl<P: Llm + ?Sized, A: Attempts<P>> Relay<P, A> {
    async fn next(&mut self) -> Result<ChatEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let Some(live) = &mut self.live else {
                self.open().await?;
                continue;
            };
            match live.events.next().await {
                Some(Ok(event)) => self.take(event),
                Some(Err(error)) => self.failed(error)?,
                None => {
                    let text = "the answer was cut off";
                    let error = Error::new(ErrorKind::Protocol, live.name, text);
                    self.failed(error)?;
                }
            }
        }
    }

    /// Reads the answer to its end, so that its connection is kept for the next.
    async fn rest(&mut self) {
        if let Some(live) = &mut self.live {
            while live.events.next().await.is_some() {}
        }
    }

    async fn open(&mut self) -> Result<()> {
        let part = self.tries.part().await?;
        let (name, asked) = (part.info().name, Instant::now());
        let request = brief(self.continued(), &part.info());
        let check = Check::new(name, &request);
        match part.chat(request).await {
            Ok(events) => {
                let (words, overlap) = (WholeWords::default(), Overlap::new(&self.said));
                let (events, from) = (checked(events, check), self.said.len());
                let answered = false;
                self.live = Some(Live { name, events, asked, answered, from, words, overlap });
                Ok(())
            }
            Err(error) => self.failed(error),
        }
    }

    /// The request, with what was already said in answer to it.
    fn continued(&self) -> ChatRequest {
        let mut request = self.request.clone();
        if !self.said.is_empty() {
            let said = self.said.trim_end();
            request.instructions.push_str(&format!(
                "\n\nA technical fault cut off your answer to the last message after these words, \
                 which the caller has heard: \"{said}\"\nGo on with exactly the next word. Do not \
                 repeat any of it and do not mention the fault."
            ));
        }
        request
    }

    fn take(&mut self, event: ChatEvent) {
        let Some(live) = &mut self.live else { return };
        if !std::mem::replace(&mut live.answered, true) {
            self.tries.attempts.answered(live.asked.elapsed());
        }
        match event {
            ChatEvent::Text(piece) => {
                let whole = live.words.push(&piece);
                let new = live.overlap.push(&whole);
                self.say(new);
            }
            ChatEvent::Retracted => {
                self.said.truncate(live.from);
                live.words = WholeWords::default();
                live.overlap = Overlap::new(&self.said);
                self.ready.retain(|event| !matches!(event, ChatEvent::Text(_)));
                self.ready.push_back(ChatEvent::Retracted);
            }
            ChatEvent::ToolCall(_) | ChatEvent::Done(_) | _ => {
                let last = live.words.flush();
                let mut new = live.overlap.push(&last);
                new.push_str(&live.overlap.flush());
                self.say(new);
                self.called |= matches!(event, ChatEvent::ToolCall(_));
                if matches!(event, ChatEvent::Done(_)) {
                    self.tries.attempts.completed();
                }
                self.ready.push_back(event);
            }
        }
    }

    fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.said.push_str(&text);
            self.ready.push_back(ChatEvent::Text(text));
        }
    }

    fn failed(&mut self, error: Error) -> Result<()> {
        self.live = None;
        if self.called {
            return Err(error);
        }
        if is_empty_answer(&error) && ends_a_sentence(&self.said) {
            // What was cut off was complete: there was nothing left to say.
            self.ready.push_back(ChatEvent::Done(Usage::default()));
            return Ok(());
        }
        self.tries.failed(error, !self.said.is_empty())
    }
}

fn ends_a_sentence(said: &str) -> bool {
    let end = said.trim_end().trim_end_matches(['"', '\'', '”', '’', ')', '*', '_']);
    end.ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

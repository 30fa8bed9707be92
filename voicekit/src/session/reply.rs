//! One reply, from the model's first word to the voice's last sample, as one lazy stream.
//!
//! Nothing happens unless the stream is polled, and dropping it cancels everything: the model's
//! stream lives inside the voice's, and the voice's inside this one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, Fuse};
use futures::task::AtomicWaker;
use futures::{Stream, StreamExt, TryFutureExt};
use voicekit_core::answer::{Check, checked};
use voicekit_core::audio::{AudioChunk, AudioFormat};
use voicekit_core::dsp::Converter;
use voicekit_core::error::{Error, ErrorKind, Result};
use voicekit_core::llm::{ChatEvent, Message, Usage};
use voicekit_core::text::{SpokenClauses, speakable};
use voicekit_core::tool::ToolCall;
use voicekit_core::tts::{Spoken, SpokenWord, TtsRequest};

use crate::agent::{Parts, negotiate};
use crate::knowledge::Found;
use crate::knowledge::briefing::brief;
use crate::prompt::Draft;

/// What a reply is made of, in the order in which it is made.
#[derive(Debug)]
pub(super) enum Item {
    /// The next piece of text has gone to the voice.
    Clause(String),
    /// The voice says where a word lies.
    Word(SpokenWord),
    /// The next piece of audio, in the line's format.
    Audio(AudioChunk),
    /// The model wants a tool run.
    Tool(ToolCall),
    /// What the model's answer has cost.
    Usage(Usage),
    /// What was looked up for it.
    Found(Found),
    /// There is no more.
    Done,
    /// There is no more, although there should be.
    Failed(Error),
}

/// Where a reply's words come from.
pub(super) enum Words {
    Model(Box<Question>),
    Phrase(String),
    /// None, because the model cannot be asked.
    Unasked(Error),
}

/// What the model is asked.
pub(super) struct Question {
    pub(super) draft: Draft,
    /// What has to be known first, if anything.
    pub(super) search: Option<BoxFuture<'static, Found>>,
}

/// A reply that is made in silence: nothing of it is played, and no tool of it runs, until it is
/// taken over.
pub(super) struct Prepared {
    items: BoxStream<'static, Item>,
    made: VecDeque<Item>,
    ahead: Duration,
    over: bool,
    usage: Usage,
}

impl Prepared {
    /// A reply to a request of `input_tokens`, about.
    pub(super) fn new(input_tokens: u64, items: BoxStream<'static, Item>) -> Self {
        let mut usage = Usage::default();
        usage.input_tokens = input_tokens;
        Self { items, made: VecDeque::new(), ahead: Duration::ZERO, over: false, usage }
    }

    /// Makes the next item; once all is made, or `most` of audio, never returns.
    pub(super) async fn more(&mut self, most: Duration) {
        if self.over || self.ahead >= most {
            return std::future::pending().await;
        }
        let Some(item) = self.items.next().await else {
            self.over = true;
            return;
        };
        match &item {
            Item::Clause(text) => self.usage.output_tokens += estimate(text),
            Item::Audio(chunk) => self.ahead += chunk.duration(),
            Item::Usage(usage) if *usage != Usage::default() => self.usage = *usage,
            // Nothing is made past a tool: the model waits for its result.
            Item::Usage(_)
            | Item::Found(_)
            | Item::Word(_)
            | Item::Tool(_)
            | Item::Done
            | Item::Failed(_) => {}
        }
        self.made.push_back(item);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.made.iter().any(|item| matches!(item, Item::Failed(_)))
    }

    /// The whole reply, as if it were made now.
    pub(super) fn into_items(self) -> BoxStream<'static, Item> {
        stream::iter(self.made).chain(self.items).boxed()
    }

    /// What it has cost so far.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }
}

impl Words {
    /// The tokens that the model reads for them, about.
    pub(super) fn tokens(&self) -> u64 {
        let Self::Model(question) = self else { return 0 };
        let request = question.draft.request();
        let messages: u64 = request.messages.iter().map(Message::text).map(estimate).sum();
        estimate(&request.instructions) + messages
    }
}

/// Four characters of English are a token, about.
fn estimate(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}

/// Makes a reply for a line in `line`. The last item is `Done` or `Failed`.
pub(super) fn make(
    parts: &Parts,
    language: &str,
    words: Words,
    line: AudioFormat,
) -> BoxStream<'static, Item> {
    let said = Arc::new(Said::default());
    let clauses = match words {
        Words::Phrase(phrase) => stream::iter(fit_to_speak(&phrase)).boxed(),
        Words::Model(question) => clauses(parts, *question, Arc::clone(&said)),
        Words::Unasked(error) => return stream::iter([Item::Failed(error)]).boxed(),
    };
    let text = Arc::clone(&said);
    let text = clauses.map(move |clause| text.clause(clause));
    let over = Arc::clone(&said);
    let text = text.chain(stream::poll_fn(move |_| {
        over.lock().over = true;
        Poll::Ready(None)
    }));
    let format = negotiate(&parts.tts.info().formats, line);
    let converter = match Converter::new(format, line) {
        Ok(converter) => converter,
        Err(error) => return stream::iter([Item::Failed(error)]).boxed(),
    };
    let mut request = TtsRequest::new(format);
    language.clone_into(&mut request.language);
    let tts = Arc::clone(&parts.tts);
    let voice = async move { tts.speak(request, text.boxed()).await }.try_flatten_stream().boxed();
    let voice = Some(voice.fuse());
    Making { said, voice, next: None, converter, spoke: false, sounded: false }.boxed()
}

/// A phrase as it is spoken, with one space where another may follow; `None` if it is silent.
fn fit_to_speak(clause: &str) -> Option<String> {
    let mut spoken = speakable(clause);
    if spoken.is_empty() {
        return None;
    }
    if clause.ends_with(char::is_whitespace) {
        spoken.push(' ');
    }
    Some(spoken)
}

/// The model's answer, cut into clauses and freed of markup. How it ended is noted in `said`.
fn clauses(parts: &Parts, question: Question, said: Arc<Said>) -> BoxStream<'static, String> {
    let llm = Arc::clone(&parts.llm);
    let info = llm.info();
    let name = info.name;
    let Question { draft, search } = question;
    let filter = parts.filter;
    let found = Arc::clone(&said);
    let chat = async move {
        let mut passages = Vec::new();
        if let Some(search) = search {
            let search = search.await;
            passages.clone_from(&search.passages);
            found.found(search);
        }
        let mut request = draft.finish(passages)?;
        request.filter = filter;
        let request = brief(request, &info);
        let check = Check::new(name, &request);
        Ok::<_, Error>(checked(llm.chat(request).await?, check))
    };
    let chat = chat.try_flatten_stream().boxed();
    let answer = Answer::Given(chat, Box::new(SpokenClauses::new(parts.clauses)), said);
    let batches = stream::unfold(Some(answer), move |answer| async move {
        let (mut chat, mut clauses, said) = match answer? {
            Answer::Given(chat, clauses, said) => (chat, clauses, said),
            Answer::Over(mut chat) => {
                while chat.next().await.is_some() {}
                return None;
            }
        };
        let batch = loop {
            let error = match chat.next().await {
                Some(Ok(ChatEvent::Text(text))) => {
                    let ready = clauses.push(&text);
                    if ready.is_empty() {
                        continue;
                    }
                    break ready;
                }
                Some(Ok(ChatEvent::ToolCall(call))) => {
                    said.call(call);
                    let ready = clauses.flush();
                    if ready.is_empty() {
                        continue;
                    }
                    break ready;
                }
                Some(Ok(ChatEvent::Retracted)) => {
                    clauses.reset();
                    continue;
                }
                Some(Ok(ChatEvent::Done(usage))) => {
                    said.lock().usage = Some(usage);
                    return Some((clauses.flush(), Some(Answer::Over(chat))));
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => error,
                None => Error::new(ErrorKind::Protocol, name, "the answer was cut off"),
            };
            said.fail(error);
            return Some((clauses.flush(), None));
        };
        Some((batch, Some(Answer::Given(chat, clauses, said))))
    });
    batches.flat_map(stream::iter).boxed()
}

/// How far the model's answer has come.
enum Answer {
    Given(BoxStream<'static, Result<ChatEvent>>, Box<SpokenClauses>, Arc<Said>),
    /// All has been said. It is read to its end, so that its connection is kept for the next.
    Over(BoxStream<'static, Result<ChatEvent>>),
}

/// What the inside of a reply tells the outside: the text that went to the voice.
#[derive(Default)]
struct Said {
    state: Mutex<SaidState>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct SaidState {
    clauses: VecDeque<String>,
    calls: VecDeque<ToolCall>,
    usage: Option<Usage>,
    found: Option<Found>,
    error: Option<Error>,
    /// Whether the voice has taken all of the text.
    over: bool,
}

impl SaidState {
    /// Whether the outside knows all that the inside has said.
    fn is_told(&self) -> bool {
        self.clauses.is_empty()
            && self.calls.is_empty()
            && self.usage.is_none()
            && self.found.is_none()
    }
}

impl Said {
    fn clause(&self, clause: String) -> String {
        self.lock().clauses.push_back(clause.clone());
        self.waker.wake();
        clause
    }

    fn call(&self, call: ToolCall) {
        self.lock().calls.push_back(call);
        self.waker.wake();
    }

    fn found(&self, found: Found) {
        self.lock().found = Some(found);
        self.waker.wake();
    }

    fn fail(&self, error: Error) {
        self.lock().error = Some(error);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SaidState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Making {
    said: Arc<Said>,
    /// `None` once the last item is out.
    voice: Option<Fuse<BoxStream<'static, Result<Spoken>>>>,
    /// What the voice said but is not out yet.
    next: Option<Option<Result<Spoken>>>,
    converter: Converter,
    /// Whether there were words to pronounce, and whether any were.
    spoke: bool,
    sounded: bool,
}

impl Making {
    fn end(&mut self) -> Item {
        self.voice = None;
        if let Some(error) = self.said.lock().error.take() {
            return Item::Failed(error);
        }
        if !self.said.lock().over {
            return Item::Failed(broken("the voice ended before its text"));
        }
        if self.spoke && !self.sounded {
            return Item::Failed(broken("the voice gave no audio"));
        }
        Item::Done
    }

    fn fail(&mut self, error: Error) -> Item {
        self.voice = None;
        Item::Failed(error)
    }
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, "tts", message)
}

impl Stream for Making {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let this = &mut *self;
        loop {
            this.said.waker.register(cx.waker());
            let Some(voice) = &mut this.voice else { return Poll::Ready(None) };
            if let Some(found) = this.said.lock().found.take() {
                return Poll::Ready(Some(Item::Found(found)));
            }
            if let Some(clause) = this.said.lock().clauses.pop_front() {
                this.spoke |= clause.contains(char::is_alphanumeric);
                return Poll::Ready(Some(Item::Clause(clause)));
            }
            if let Some(call) = this.said.lock().calls.pop_front() {
                return Poll::Ready(Some(Item::Tool(call)));
            }
            if let Some(usage) = this.said.lock().usage.take() {
                return Poll::Ready(Some(Item::Usage(usage)));
            }
            let spoken = match this.next.take() {
                Some(spoken) => spoken,
                None => match voice.poll_next_unpin(cx) {
                    Poll::Ready(spoken) => spoken,
                    Poll::Pending if this.said.lock().is_told() => return Poll::Pending,
                    Poll::Pending => continue,
                },
            };
            if !this.said.lock().is_told() {
                // The text comes before the audio it was made into.
                this.next = Some(spoken);
                continue;
            }
            return Poll::Ready(Some(match spoken {
                Some(Ok(Spoken::Audio(chunk))) => match this.converter.process(&chunk) {
                    Ok(audio) if audio.is_empty() => continue,
                    Ok(audio) => {
                        this.sounded = true;
                        Item::Audio(audio)
                    }
                    Err(error) => this.fail(error),
                },
                Some(Ok(Spoken::Word(word))) => Item::Word(word),
                Some(Ok(_)) => continue,
                Some(Err(error)) => this.fail(error),
                None => match this.converter.flush() {
                    Ok(rest) if !rest.is_empty() && this.sounded => {
                        this.sounded = true;
                        Item::Audio(rest)
                    }
                    Ok(_) => this.end(),
                    Err(error) => this.fail(error),
                },
            }));
        }
    }
}

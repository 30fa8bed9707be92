//! A receptionist: answers callers from a file of facts and takes orders, without a language model.
//!
//! It understands a question by its meaning ([`Embedder`]), says "I don't know" to what is not in
//! its file, fills the slots of an order one by one, takes corrections, reads the order back and
//! never invents anything. What it knows is a [`Knowledge`] file.
//!
//! What its file does not answer, it looks for in the [passages](ChatRequest::passages) of the
//! request, and says the sentence that answers, word for word. What is agreed, it has a
//! [tool](ChatRequest::tools) do; it connects callers with `transfer` and ends calls with `hang_up`
//! where these are offered.
//!
//! - **Stateless**: the conversation is all there is. The answer is a function of the messages,
//!   the same byte for byte every time.
//! - **Interruptions**: a caller who interrupts with something else is answered that. A yes to a
//!   read-back that was interrupted does not count; the order is read back again. A tool is asked
//!   for once for each yes, whatever is said while it runs.
//! - **English only.** Days stay as they are said ("Friday"): it has no calendar.
//!
//! ```
//! use voicekit_local::receptionist::Knowledge;
//!
//! let knowledge = Knowledge::bakery();
//! assert!(knowledge.greeting().contains("Corner Bakery"));
//!
//! let error = Knowledge::from_toml("[business]\nname = 'Shop'\nopen = true").unwrap_err();
//! assert_eq!(error.line, 3);
//! ```

mod dialogue;
mod excerpt;
mod knowledge;
mod matching;
mod slots;
mod smalltalk;
mod words;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use voicekit_core::error::Result;
use voicekit_core::llm::{ChatEvent, ChatRequest, Llm, LlmInfo, Message, Usage};
use voicekit_core::retrieve::{Embedder, Embedding, Passage};

use self::dialogue::{Desk, Entry, Part, Reply, Turn};
pub use self::knowledge::{Knowledge, KnowledgeError};
use self::matching::Index;

/// Answers the telephone from a [`Knowledge`] file.
#[derive(Debug)]
pub struct Receptionist {
    knowledge: Knowledge,
    index: Index,
    embedder: Arc<dyn Embedder>,
    /// The meaning of texts seen before; saves time and changes nothing.
    meanings: Mutex<BTreeMap<String, Embedding>>,
}

/// Meanings kept; when there are more, all are dropped. A text of 384 dimensions takes 1.6 kB.
const MEANINGS: usize = 1024;

impl Receptionist {
    /// A receptionist who knows `knowledge`. Embeds every known way to ask: with MiniLM about
    /// 10 ms each.
    ///
    /// # Errors
    ///
    /// Those of `embedder`.
    pub async fn new(knowledge: Knowledge, embedder: Arc<dyn Embedder>) -> Result<Self> {
        let lines = matching::lines(&knowledge);
        let texts: Vec<String> = lines.iter().map(|(_, text)| (*text).to_owned()).collect();
        let embeddings = embedder.embed(&texts).await?;
        let index = Index::new(&lines, embeddings);
        Ok(Self { knowledge, index, embedder, meanings: Mutex::default() })
    }

    /// What the receptionist knows.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// The answer to a conversation; the greeting if the caller has said nothing.
    ///
    /// It has no tools and no passages: as [`chat`](Llm::chat) with neither.
    ///
    /// # Errors
    ///
    /// Those of the embedder.
    pub async fn answer(&self, messages: &[Message]) -> Result<String> {
        Ok(self.reply(&ChatRequest::new("", messages)).await?.text)
    }

    async fn reply(&self, request: &ChatRequest) -> Result<Reply> {
        let Self { knowledge, index, .. } = self;
        let desk = Desk { knowledge, index, tools: &request.tools };
        let entries = self.entries(&request.messages).await?;
        let reply = dialogue::reply(desk, &entries, None);
        if !reply.is_unknown || request.passages.is_empty() {
            return Ok(reply);
        }
        let found = self.look_up(&request.passages, &entries).await?;
        Ok(found.map_or(reply, |found| dialogue::reply(desk, &entries, Some(&found))))
    }

    async fn entries<'a>(&self, messages: &'a [Message]) -> Result<Vec<Entry<'a>>> {
        let mut entries = Vec::with_capacity(messages.len());
        for message in messages {
            entries.push(match message {
                Message::Caller { text } => {
                    Entry::Caller(Turn { text: text.clone(), parts: self.parts(text).await? })
                }
                Message::Agent { text, interrupted } => {
                    Entry::Agent { text, interrupted: *interrupted }
                }
                Message::Tool { call, outcome } => Entry::Tool { call, outcome },
            });
        }
        Ok(entries)
    }

    /// What the passages say about the caller's last words.
    async fn look_up(&self, passages: &[Passage], entries: &[Entry<'_>]) -> Result<Option<String>> {
        let turn = entries.iter().rev().find_map(|entry| match entry {
            Entry::Caller(turn) => Some(turn),
            Entry::Agent { .. } | Entry::Tool { .. } => None,
        });
        let Some(turn) = turn else { return Ok(None) };
        let sentences = excerpt::sentences(passages);
        let texts: Vec<String> =
            sentences.iter().map(|sentence| sentence.in_context.clone()).collect();
        let meanings = self.meanings(&texts).await?;
        Ok(excerpt::excerpt(&sentences, &meanings, &turn.parts))
    }

    async fn parts(&self, text: &str) -> Result<Vec<Part>> {
        let texts = dialogue::parts(text);
        let meanings = self.meanings(&texts).await?;
        let parts = texts.into_iter().zip(meanings);
        Ok(parts.map(|(text, embedding)| Part { text, embedding }).collect())
    }

    /// The meanings of `texts`, in order.
    async fn meanings(&self, texts: &[String]) -> Result<Vec<Embedding>> {
        let mut known: BTreeMap<&str, Embedding> = {
            let meanings = self.meanings.lock().unwrap_or_else(PoisonError::into_inner);
            let known = texts.iter().filter_map(|text| {
                meanings.get(text).map(|meaning| (text.as_str(), meaning.clone()))
            });
            known.collect()
        };
        let is_new = |text: &&String| !known.contains_key(text.as_str());
        let new: Vec<String> = texts.iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            let learned = self.embedder.embed(&new).await?;
            self.keep(&new, &learned);
            let learned = texts.iter().filter(is_new).map(String::as_str).zip(learned);
            let learned: Vec<_> = learned.collect();
            known.extend(learned);
        }
        let nothing = || Embedding::new(Vec::new());
        let all = texts.iter().map(|text| known.get(text.as_str()).cloned());
        Ok(all.map(|meaning| meaning.unwrap_or_else(nothing)).collect())
    }

    fn keep(&self, texts: &[String], embeddings: &[Embedding]) {
        let mut meanings = self.meanings.lock().unwrap_or_else(PoisonError::into_inner);
        if meanings.len() + texts.len() > MEANINGS {
            meanings.clear();
        }
        let learned = texts.iter().zip(embeddings);
        meanings.extend(learned.map(|(text, meaning)| (text.clone(), meaning.clone())));
    }
}

#[async_trait]
impl Llm for Receptionist {
    fn info(&self) -> LlmInfo {
        LlmInfo::new("receptionist").with_passages()
    }

    /// Answers in sentences, then asks for a tool if there is something to be done. The instructions, the limit of tokens and the temperature have no
    /// effect.
    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let reply = self.reply(&request).await?;
        let pieces = pieces(&reply.text).into_iter().map(ChatEvent::Text);
        let call = reply.call.map(ChatEvent::ToolCall);
        let events = pieces.chain(call).chain([ChatEvent::Done(Usage::default())]).map(Ok);
        Ok(stream::iter(events.collect::<Vec<_>>()).boxed())
    }
}

/// `answer` cut after each sentence; concatenated the pieces are the answer.
fn pieces(answer: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in answer.split_inclusive(' ') {
        let Some(piece) = pieces.last_mut() else { break };
        piece.push_str(word);
        let end = word.trim_end();
        let is_end = end.ends_with(['?', '!']) || end.ends_with('.') && !end.ends_with(".m.");
        if is_end && word.len() > end.len() {
            pieces.push(String::new());
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

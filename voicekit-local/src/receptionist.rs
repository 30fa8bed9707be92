//! A receptionist: answers callers from a file of facts and takes orders, without a language model.
//!
//! It understands a question by its meaning ([`Embedder`]), says "I don't know" to what is not in
//! its file, fills the slots of an order one by one, takes corrections, reads the order back and
//! never invents anything. What it knows is a [`Knowledge`] file.
//!
//! - **Stateless**: the conversation is all there is. The answer is a function of the messages,
//!   the same byte for byte every time.
//! - **Interruptions**: a caller who interrupts with something else is answered that. A yes to a
//!   read-back that was interrupted does not count; the order is read back again.
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
use voicekit_core::retrieve::{Embedder, Embedding};

use self::dialogue::{Part, Turn};
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
    /// # Errors
    ///
    /// Those of the embedder.
    pub async fn answer(&self, messages: &[Message]) -> Result<String> {
        let mut turns = Vec::new();
        let mut heard_out = true;
        for message in messages {
            match message {
                Message::Caller { text } => {
                    turns.push(Turn {
                        text: text.clone(),
                        parts: self.parts(text).await?,
                        heard_out,
                    });
                    heard_out = false;
                }
                Message::Agent { interrupted, .. } => heard_out = !interrupted,
                // It calls no tools, so these are another model's.
                Message::Tool { .. } => {}
            }
        }
        Ok(dialogue::reply(&self.knowledge, &self.index, &turns))
    }

    async fn parts(&self, text: &str) -> Result<Vec<Part>> {
        let texts = dialogue::parts(text);
        let known: Vec<Option<Embedding>> = {
            let meanings = self.meanings.lock().unwrap_or_else(PoisonError::into_inner);
            texts.iter().map(|text| meanings.get(text).cloned()).collect()
        };
        let mut parts = Vec::with_capacity(texts.len());
        for (text, known) in texts.into_iter().zip(known) {
            let embedding = match known {
                Some(embedding) => embedding,
                None => self.learn(&text).await?,
            };
            parts.push(Part { text, embedding });
        }
        Ok(parts)
    }

    async fn learn(&self, text: &str) -> Result<Embedding> {
        let texts = [text.to_owned()];
        let embedding = self.embedder.embed(&texts).await?.pop();
        let embedding = embedding.unwrap_or_else(|| Embedding::new(Vec::new()));
        let mut meanings = self.meanings.lock().unwrap_or_else(PoisonError::into_inner);
        if meanings.len() >= MEANINGS {
            meanings.clear();
        }
        meanings.insert(text.to_owned(), embedding.clone());
        Ok(embedding)
    }
}

#[async_trait]
impl Llm for Receptionist {
    fn info(&self) -> LlmInfo {
        LlmInfo::new("receptionist")
    }

    /// Answers in sentences. The instructions, the limit of tokens and the temperature have no
    /// effect.
    async fn chat(&self, request: ChatRequest) -> Result<BoxStream<'static, Result<ChatEvent>>> {
        let answer = self.answer(&request.messages).await?;
        let pieces = pieces(&answer).into_iter().map(ChatEvent::Text);
        let events: Vec<_> = pieces.chain([ChatEvent::Done(Usage::default())]).map(Ok).collect();
        Ok(stream::iter(events).boxed())
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

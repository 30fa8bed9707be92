//! The contract of `Index`.

use std::collections::BTreeMap;
use std::future::Future;

use tokio::time::timeout;
use voicekit_core::error::{ErrorKind, Result as CoreResult};
use voicekit_core::retrieve::{Chunk, Embedding, Index, Passage, Query, Retriever, Settled};

use super::retriever::ask;
use super::{ContractReport, PATIENCE, Subject, Verdict, knowledge, name_of, unless};

/// The clauses of [`Index`].
pub(super) const CLAUSES: u32 = 5;

/// The question that finds everything.
const WIDE: &str = "parking, breakfast, dinner and dogs in a room of the house";

/// Checks the contract of [`Index`] on one that is empty, and through its own searches. What the
/// checks wrote is deleted again.
///
/// Its searches have to see the meaning that [`Subject::with_embedder`]'s embedder sees.
pub async fn index<I: Index + Retriever>(subject: &Subject<I>) -> ContractReport {
    let mut report = ContractReport::new(name_of::<I>());
    for number in 1..=CLAUSES {
        report.add(number, clause(subject, number).await);
    }
    report
}

pub(super) async fn clause<I: Index + Retriever>(subject: &Subject<I>, number: u32) -> Verdict {
    let facts = knowledge(&subject.embedder).await;
    let check = Check { index: &subject.adapter, facts };
    let checked = match number {
        1 => check.replaces().await,
        2 => check.refuses().await,
        3 => check.is_found().await,
        4 => check.settles().await,
        _ => check.forgives().await,
    };
    let cleared = check.clear().await;
    match (checked, cleared) {
        (Ok(verdict), Ok(())) => verdict,
        (Err(seen), _) | (Ok(_), Err(seen)) => Verdict::Broken(seen),
    }
}

struct Check<'a, I> {
    index: &'a I,
    facts: Vec<Chunk>,
}

impl<I: Index + Retriever> Check<'_, I> {
    /// Clause 1.
    async fn replaces(&self) -> Result<Verdict, String> {
        self.write(self.facts.clone()).await?;
        let before = self.passages().await?;
        self.write(self.facts.clone()).await?;
        if self.passages().await? != before {
            return Ok(Verdict::Broken("sending a batch again changes what is found".to_owned()));
        }
        let mut other = self.facts[0].clone();
        other.text = "Parking is on the roof of the house.".to_owned();
        self.write(vec![other.clone()]).await?;
        let after = self.passages().await?;
        let texts: Vec<&str> =
            after.iter().filter(|(id, _)| *id == other.id).map(|(_, text)| text.as_str()).collect();
        Ok(unless(after.len() == before.len() && texts == [&other.text], || {
            format!("{} chunks became {}, the one replaced is {texts:?}", before.len(), after.len())
        }))
    }

    /// Clause 2.
    async fn refuses(&self) -> Result<Verdict, String> {
        self.write(self.facts.clone()).await?;
        let before = (self.passages().await?, self.documents().await?);
        let [first, second] = [&self.facts[0], &self.facts[1]];
        let with = |embedding| {
            let mut chunk = second.clone();
            (chunk.embedding, chunk.text) = (embedding, "Parking is far.".to_owned());
            chunk
        };
        let more = [first.embedding.values(), &[0.5]].concat();
        let mut twice = first.clone();
        twice.text = "Parking is nowhere.".to_owned();
        for (batch, what) in [
            (vec![twice.clone(), twice], "an id twice"),
            (vec![first.clone(), with(Embedding::new(more))], "dimensions that differ"),
            (vec![with(Embedding::new(vec![1.0, 0.0]))], "other dimensions"),
            (vec![with(Embedding::new(Vec::new()))], "no embedding"),
        ] {
            match self.done(self.index.upsert(batch)).await? {
                Ok(()) => return Ok(Verdict::Broken(format!("a batch with {what} was taken"))),
                Err(error) if error.kind() != ErrorKind::Rejected => {
                    return Ok(Verdict::Broken(format!("{what} is {:?}: {error}", error.kind())));
                }
                Err(_) => {}
            }
            if (self.passages().await?, self.documents().await?) != before {
                return Ok(Verdict::Broken(format!("a batch with {what} changed something")));
            }
        }
        Ok(Verdict::Kept)
    }

    /// Clause 3.
    async fn is_found(&self) -> Result<Verdict, String> {
        for fact in &self.facts {
            let mut chunk = fact.clone();
            chunk.text = format!("{} That is new.", fact.text);
            self.write(vec![chunk.clone()]).await?;
            let found = ask(self.index, &Query::new(&fact.text)).await?;
            let is_it = |one: &Passage| one.id == chunk.id && one.text == chunk.text;
            if !found.iter().any(is_it) {
                let text = format!("{:?} was written and is not found", chunk.text);
                return Ok(Verdict::Broken(text));
            }
        }
        Ok(Verdict::Kept)
    }

    /// Clause 4, and what a document is known by before and after.
    async fn settles(&self) -> Result<Verdict, String> {
        self.write(self.facts.clone()).await?;
        let known = self.documents().await?;
        let unsettled = ["animals", "food", "parking"].map(|name| (name.to_owned(), String::new()));
        if known != BTreeMap::from(unsettled) {
            let text = format!("before anything is settled, the documents are {known:?}");
            return Ok(Verdict::Broken(text));
        }
        self.settle(Settled::new("parking", "v1", ["parking#2".to_owned()])).await?;
        let left: Vec<String> = self.passages().await?.into_iter().map(|(id, _)| id).collect();
        if left != ["animals#1", "food#1", "food#2", "parking#2"] {
            return Ok(Verdict::Broken(format!("parking#1 was to go; left are {left:?}")));
        }
        let settled = self.documents().await?;
        if settled.get("parking").map(String::as_str) != Some("v1") {
            return Ok(Verdict::Broken(format!("settled documents are {settled:?}")));
        }
        self.write(vec![self.facts[0].clone()]).await?;
        let written = self.documents().await?;
        Ok(unless(written.get("parking").is_some_and(String::is_empty), || {
            format!("a document that is written again counts as whole: {written:?}")
        }))
    }

    /// Clause 5.
    async fn forgives(&self) -> Result<Verdict, String> {
        self.write(self.facts.clone()).await?;
        let before = self.passages().await?;
        self.delete("nowhere").await?;
        self.settle(Settled::new("nowhere", "v1", Vec::new())).await?;
        self.delete("nowhere").await?;
        if self.passages().await? != before || self.documents().await?.contains_key("nowhere") {
            return Ok(Verdict::Broken("a document that is not there left a trace".to_owned()));
        }
        self.delete("food").await?;
        let (left, known) = (self.passages().await?, self.documents().await?);
        let is_gone = !known.contains_key("food") && left.iter().all(|(id, _)| id != "food#1");
        Ok(unless(is_gone && left.len() == before.len() - 2, || {
            format!("food was deleted; left are {left:?} of {known:?}")
        }))
    }

    /// Removes all that is there.
    async fn clear(&self) -> Result<(), String> {
        for document in self.documents().await?.keys() {
            self.delete(document).await?;
        }
        let left = self.passages().await?;
        if left.is_empty() { Ok(()) } else { Err(format!("what was deleted is found: {left:?}")) }
    }

    /// Ids and texts of what is found, in order.
    async fn passages(&self) -> Result<Vec<(String, String)>, String> {
        let found = ask(self.index, &Query::new(WIDE).with_limit(100)).await?;
        let mut found: Vec<(String, String)> =
            found.into_iter().map(|passage| (passage.id, passage.text)).collect();
        found.sort();
        Ok(found)
    }

    async fn write(&self, chunks: Vec<Chunk>) -> Result<(), String> {
        let written = self.done(self.index.upsert(chunks)).await?;
        written.map_err(|error| format!("writing fails: {error}"))
    }

    async fn settle(&self, document: Settled) -> Result<(), String> {
        let settled = self.done(self.index.settle(document)).await?;
        settled.map_err(|error| format!("settling fails: {error}"))
    }

    async fn delete(&self, document: &str) -> Result<(), String> {
        let deleted = self.done(self.index.delete(document)).await?;
        deleted.map_err(|error| format!("deleting fails: {error}"))
    }

    async fn documents(&self) -> Result<BTreeMap<String, String>, String> {
        let documents = self.done(self.index.documents()).await?;
        documents.map_err(|error| format!("the documents cannot be listed: {error}"))
    }

    async fn done<T>(
        &self,
        work: impl Future<Output = CoreResult<T>>,
    ) -> Result<CoreResult<T>, String> {
        timeout(PATIENCE, work).await.map_err(|_| "it does not end".to_owned())
    }
}

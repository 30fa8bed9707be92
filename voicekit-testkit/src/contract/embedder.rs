//! The contract of `Embedder`.

use tokio::time::timeout;
use voicekit_core::retrieve::{Embedder, Embedding};

use super::{ContractReport, PATIENCE, Subject, Verdict, name_of, unless};

/// The clauses of [`Embedder`].
pub(super) const CLAUSES: u32 = 3;

/// How far lengths and components may be from what they should be: vectors come as decimals, or in
/// half precision.
const NEAR: f32 = 1e-3;

const TEXTS: [&str; 3] =
    ["Dogs are welcome in every room.", "Breakfast is at seven.", "Where do I park?"];

/// Checks the contract of [`Embedder`] with three sentences.
pub async fn embedder<E: Embedder>(subject: &Subject<E>) -> ContractReport {
    let mut report = ContractReport::new(name_of::<E>());
    for number in 1..=CLAUSES {
        report.add(number, clause(subject, number).await);
    }
    report
}

pub(super) async fn clause<E: Embedder>(subject: &Subject<E>, number: u32) -> Verdict {
    let embedder = &subject.adapter;
    let checked = match number {
        1 => is_one_each(embedder).await,
        2 => is_of_one_size(embedder).await,
        _ => is_the_same_again(embedder).await,
    };
    checked.unwrap_or_else(Verdict::Broken)
}

async fn is_one_each(embedder: &dyn Embedder) -> Result<Verdict, String> {
    let together = embed(embedder, &TEXTS).await?;
    if together.len() != TEXTS.len() || !embed(embedder, &[]).await?.is_empty() {
        return Ok(Verdict::Broken(format!("{} embeddings of 3 texts", together.len())));
    }
    for (text, embedding) in TEXTS.iter().zip(&together) {
        let alone = embed(embedder, &[text]).await?;
        if !alone.first().is_some_and(|alone| is_near(alone, embedding)) {
            return Ok(Verdict::Broken(format!("{text:?} alone has another embedding")));
        }
    }
    Ok(Verdict::Kept)
}

async fn is_of_one_size(embedder: &dyn Embedder) -> Result<Verdict, String> {
    let embeddings = embed(embedder, &TEXTS).await?;
    let size = embeddings.first().map_or(0, |first| first.values().len());
    let fits = |embedding: &Embedding| {
        let length = embedding.values().iter().map(|value| value * value).sum::<f32>().sqrt();
        embedding.values().len() == size && size > 0 && (length - 1.0).abs() < NEAR
    };
    Ok(unless(embeddings.iter().all(fits), || "dimensions or lengths differ".to_owned()))
}

async fn is_the_same_again(embedder: &dyn Embedder) -> Result<Verdict, String> {
    let (one, other) = (embed(embedder, &TEXTS).await?, embed(embedder, &TEXTS).await?);
    let same = one.iter().zip(&other).all(|(one, other)| is_near(one, other));
    Ok(unless(same, || "the same text has two embeddings".to_owned()))
}

fn is_near(one: &Embedding, other: &Embedding) -> bool {
    let pairs = one.values().iter().zip(other.values());
    one.values().len() == other.values().len()
        && pairs.into_iter().all(|(a, b)| (a - b).abs() < NEAR)
}

async fn embed(embedder: &dyn Embedder, texts: &[&str]) -> Result<Vec<Embedding>, String> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    match timeout(PATIENCE, embedder.embed(&texts)).await {
        Ok(Ok(embeddings)) => Ok(embeddings),
        Ok(Err(error)) => Err(format!("embedding fails: {error}")),
        Err(_) => Err("embedding does not end".to_owned()),
    }
}

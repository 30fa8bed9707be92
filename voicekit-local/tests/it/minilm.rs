//! The embedder, with a network that has the shape of MiniLM.

use voicekit_core::retrieve::Embedder;
use voicekit_local::minilm::MiniLm;

fn minilm() -> MiniLm {
    MiniLm::new(include_bytes!("../data/tiny-minilm.onnx").to_vec()).unwrap()
}

#[tokio::test]
async fn every_text_has_an_embedding_of_length_one() {
    let texts: Vec<String> = (0..20).map(|number| format!("text number {number}")).collect();
    let embeddings = minilm().embed(&texts).await.unwrap();
    assert_eq!(embeddings.len(), texts.len());
    for embedding in &embeddings {
        let length: f32 = embedding.values().iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-4 && embedding.values().len() == 4);
    }
}

#[tokio::test]
async fn an_embedding_does_not_depend_on_the_texts_beside_it() {
    let minilm = minilm();
    let texts = ["When do you open?".to_owned(), String::new(), "bread ".repeat(500)];
    let together = minilm.embed(&texts).await.unwrap();
    for (text, embedding) in texts.iter().zip(&together) {
        assert_eq!(minilm.embed(std::slice::from_ref(text)).await.unwrap()[0], *embedding);
    }
    assert!(minilm.embed(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn case_and_accents_do_not_matter() {
    let texts = ["Crème Brûlée".to_owned(), "creme brulee".to_owned()];
    let embeddings = minilm().embed(&texts).await.unwrap();
    assert_eq!(embeddings[0], embeddings[1]);
}

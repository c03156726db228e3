//! Greedy answers, and the share of them that is exactly right.

use candle_core::{D, Result};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::skills::{self, Skill};
use crate::{
    device::{down, up},
    model::{Decoder, Doors, tokens},
};

/// No answer is longer than this many tokens.
const LONGEST: usize = 18;

/// Prompts that are answered side by side.
const GROUP: usize = 50;

/// Greedy answers to `prompts`, each up to and including its `.`; prompts of one length run as one batch.
///
/// # Errors
/// A prompt holds a character outside the vocabulary.
pub fn answer(model: &Decoder, doors: &dyn Doors, prompts: &[String]) -> Result<Vec<String>> {
    let mut answers = vec![String::new(); prompts.len()];
    let mut order: Vec<usize> = (0..prompts.len()).collect();
    order.sort_by_key(|i| prompts[*i].len());
    for group in order.chunk_by(|a, b| prompts[*a].len() == prompts[*b].len()) {
        for part in group.chunks(GROUP) {
            let mut rows = part.iter().map(|i| tokens::encode(&prompts[*i])).collect::<Result<Vec<_>>>()?;
            let start = rows[0].len();
            for _ in 0..LONGEST {
                let width = rows[0].len();
                let ids = up(rows.concat(), (rows.len(), width), model.device())?;
                let logits = model.forward(&ids, doors)?;
                let last = logits.narrow(1, logits.dim(1)? - 1, 1)?.squeeze(1)?;
                for (row, next) in rows.iter_mut().zip(down::<u32>(&last.argmax(D::Minus1)?)?) {
                    row.push(next);
                }
                if rows.iter().all(|row| row[start..].contains(&tokens::END)) {
                    break;
                }
            }
            for (i, row) in part.iter().zip(rows) {
                let written = &row[start..];
                let end = written.iter().position(|id| *id == tokens::END).map_or(written.len(), |end| end + 1);
                answers[*i] = tokens::decode(&written[..end]);
            }
        }
    }
    Ok(answers)
}

/// Share of `count` held-out examples of `skill` whose greedy answer is exactly right, 0 to 1.
///
/// # Errors
/// As [`answer`].
pub fn exact_match(model: &Decoder, doors: &dyn Doors, skill: Skill, count: usize, seed: u64) -> Result<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let examples: Vec<_> = (0..count).filter_map(|_| skills::draw(&[skill], &mut rng, true)).collect();
    let prompts: Vec<String> = examples.iter().map(|(prompt, _)| prompt.clone()).collect();
    let answers = answer(model, doors, &prompts)?;
    let right = answers.iter().zip(&examples).filter(|(given, (_, right))| *given == right).count();
    Ok(right as f64 / examples.len().max(1) as f64)
}

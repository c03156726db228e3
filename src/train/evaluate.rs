//! How well held-out examples are done: the loss of their scored tokens, and the share of answers that greedy decoding gets wholly right.

use candle_core::{D, DType, Result, Tensor};
use serde::{Deserialize, Serialize};

use super::{Batch, Example};
use crate::{
    device::down,
    model::{Decoder, Doors},
};

/// Positions side by side in a forward pass, virtual ones included.
const GROUP: usize = 2048;

/// What an evaluation found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Mean cross entropy of the scored tokens, in nats.
    pub loss: f64,
    /// Share of examples whose scored tokens are all the likeliest ones, 0 to 1. Greedy decoding writes exactly the right answer if and only
    /// if, at each of its tokens, the right one is the likeliest after the right ones before it: so one forward pass tells.
    pub exact: f64,
    /// Examples.
    pub examples: usize,
}

/// Evaluates `examples`; `pad` fills short rows.
///
/// # Errors
/// There are no examples, or the doors do not fit the model.
pub fn evaluate(model: &Decoder, doors: &dyn Doors, examples: &[Example], pad: u32) -> Result<Held> {
    let mut order: Vec<&Example> = examples.iter().collect();
    order.sort_by_key(|example| example.read());
    let (mut loss, mut tokens, mut exact) = (0.0, 0, 0);
    for group in groups(&order, virtual_positions(model, doors)?) {
        let batch = Batch::padded(group, pad, model.device())?;
        let logits = batch.logits(model, doors)?.detach();
        let likely = candle_nn::ops::log_softmax(&logits, D::Minus1)?.gather(&batch.targets.unsqueeze(1)?, 1)?;
        loss -= down::<f32>(&likely)?.into_iter().map(f64::from).sum::<f64>();
        let right: Vec<u8> = down(&logits.argmax(D::Minus1)?.eq(&batch.targets)?)?;
        let mut start = 0;
        for example in group {
            let count = example.count();
            exact += usize::from(right[start..start + count].iter().all(|right| *right == 1));
            start += count;
        }
        tokens += start;
    }
    if tokens == 0 {
        candle_core::bail!("there is no example to evaluate");
    }
    let examples = examples.len();
    Ok(Held { loss: loss / tokens as f64, exact: exact as f64 / examples as f64, examples })
}

/// How many positions the doors put before each example.
fn virtual_positions(model: &Decoder, doors: &dyn Doors) -> Result<usize> {
    let token = Tensor::zeros((1, 1, model.config().hidden_size), DType::F32, model.device())?;
    Ok(doors.prompt(token)?.dim(1)? - 1 + doors.cached_positions())
}

/// Groups of neighbours that fill about [`GROUP`] positions, with `before` before each example.
fn groups<'a, 'e>(order: &'a [&'e Example], before: usize) -> impl Iterator<Item = &'a [&'e Example]> {
    let mut rest = order;
    std::iter::from_fn(move || {
        let mut count = 0;
        while count < rest.len() && (count + 1) * (before + rest[count].read()) <= GROUP {
            count += 1;
        }
        let (group, after) = rest.split_at(count.max(1).min(rest.len()));
        rest = after;
        (!group.is_empty()).then_some(group)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;
    use crate::{
        model::{Shut, tiny, tokens},
        train::{Skill, answer, exact_match, loss, skills},
    };
    use rand::SeedableRng as _;

    #[test]
    fn it_agrees_with_greedy_decoding_and_with_the_training_loss() {
        let base = tiny::load(&Device::Cpu).unwrap();
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let skills = [Skill::named("add").unwrap(), Skill::named("revup").unwrap()];
        let pairs: Vec<_> = (0..60).map(|_| skills::draw(&skills, &mut rng, true).unwrap()).collect();
        let encode = |text: &str| tokens::encode(text).unwrap();
        let examples: Vec<Example> = pairs.iter().map(|(p, a)| Example::answer(encode(p), encode(a))).collect();
        let held = evaluate(&base, &Shut, &examples, tokens::PAD).unwrap();
        let prompts: Vec<String> = pairs.iter().map(|(prompt, _)| prompt.clone()).collect();
        let answers = answer(&base, &Shut, &prompts).unwrap();
        let right = answers.iter().zip(&pairs).filter(|(given, (_, right))| *given == right).count();
        assert_eq!(held.exact, right as f64 / 60.0);
        assert!(right > 0 && right < 60, "{right}: the base adds, and does not know revup");
        let batch = Batch::new(&pairs, &Device::Cpu).unwrap();
        let plain = f64::from(loss(&base, &Shut, &batch).unwrap().to_scalar::<f32>().unwrap());
        assert!((held.loss - plain).abs() < 1e-3, "{} {plain}", held.loss);
        assert!(exact_match(&base, &Shut, skills[0], 10, 1).unwrap() > 0.5);
    }
}

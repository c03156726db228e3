//! Prefix and prompt tuning: where their vectors act, what is stored, what they cost.

use std::cell::RefCell;

use candle_core::{Result as TensorResult, Tensor};

use super::Computation;
use crate::{
    analysis::params::Method as Counted,
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, arch, count},
    },
    demos::{Error, lab, toy},
    model::{Doors, Projection, Site, Weight},
    peft::{Method as _, Prefix, Prompt, dense::Dense},
};

pub(super) const ALL: &[Computation] = &[
    ("prefix-embedding-space", prefix_place),
    ("prefix-reparameterisation", reparameterisation),
    ("prompt-input-only", input_only),
    ("prompt-100b", trails_lora),
    ("prompt-cost", cost),
];

/// Keys and values of every layer as attention sees them, and optionally a change of every MLP output below.
struct Watched<'a> {
    prefix: &'a Prefix,
    disturb: bool,
    seen: RefCell<Vec<(Tensor, Tensor)>>,
}

impl Doors for Watched<'_> {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> TensorResult<Tensor> {
        let y = weight.apply(x)?;
        if self.disturb && site.projection == Projection::Down { y * 2.0 } else { Ok(y) }
    }

    fn cache(&self, layer: usize, keys: Tensor, values: Tensor) -> TensorResult<(Tensor, Tensor)> {
        let both = self.prefix.cache(layer, keys, values)?;
        self.seen.borrow_mut().push(both.clone());
        Ok(both)
    }

    fn cached_positions(&self) -> usize {
        self.prefix.cached_positions()
    }
}

const POSITIONS: usize = 5;

fn prefix_place(bench: &Bench) -> Result<Evidence, Error> {
    let base = bench.base();
    let prefix = Prefix::random(POSITIONS, base.config(), &mut toy::random(0), &lab::device())?;
    let batch = lab::batch(4, 0)?;
    let keys = |disturb| -> Result<Vec<Tensor>, Error> {
        let watched = Watched { prefix: &prefix, disturb, seen: RefCell::default() };
        base.forward(&batch.ids, &watched)?;
        Ok(watched.seen.into_inner().into_iter().map(|(keys, _)| keys).collect())
    };
    let (plain, disturbed) = (keys(false)?, keys(true)?);
    let (mut prefix_moved, mut real_moved) = (0.0, 0.0);
    for (a, b) in plain.iter().zip(&disturbed) {
        let part = |tensor: &Tensor, start, count| tensor.narrow(2, start, count);
        let tokens = a.dim(2)? - POSITIONS;
        prefix_moved += lab::norm(&(part(a, 0, POSITIONS)? - part(b, 0, POSITIONS)?)?)?;
        real_moved += lab::norm(&(part(a, POSITIONS, tokens)? - part(b, POSITIONS, tokens)?)?)?;
    }
    let prompt = Prompt::from_vocabulary(POSITIONS, base, &mut toy::random(0))?;
    let config = base.config();
    let expected = POSITIONS * 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim();
    Ok(Evidence::new("A prefix of 5 positions on the tiny base: its keys while all that the layers below compute is changed; and a prompt of 5")
        .number("change of the prefix's keys", prefix_moved)
        .number("change of the real tokens' keys", real_moved)
        .number("prefix, trained numbers", prefix.parameter_count() as f64)
        .number("prompt, trained numbers", prompt.parameter_count() as f64)
        .expect("prefix keys do not come from lower layers: they stay to the last bit", prefix_moved == 0.0 && real_moved > 0.0)
        .expect("a prefix is p·2·L·d_kv numbers, not p·d", prefix.parameter_count() == expected)
        .expect("a prompt is p·d", prompt.parameter_count() == POSITIONS * config.hidden_size))
}

fn reparameterisation(bench: &Bench) -> Result<Evidence, Error> {
    let (base, mut random) = (bench.base(), toy::random(0));
    let config = base.config();
    let width = config.num_key_value_heads * config.head_dim();
    let columns = 2 * config.num_hidden_layers * width;
    let hidden = 64;
    let embedding = Dense::torch(width, POSITIONS, &mut random, &lab::device())?.weight;
    let first = Dense::torch(width, hidden, &mut random, &lab::device())?;
    let second = Dense::torch(hidden, columns, &mut random, &lab::device())?;
    let trained = Prefix::with_mlp(embedding, first, second, config)?;
    let stored = Prefix::new(candle_core::Var::from_tensor(&trained.embeddings()?)?, config)?;
    let batch = lab::batch(4, 0)?;
    let off = (base.forward(&batch.ids, &trained)? - base.forward(&batch.ids, &stored)?)?
        .abs()?
        .max_all()?
        .to_scalar::<f32>()?;
    let llama = |method| count("llama-2-7b", &method);
    let (big, small) = (llama(Counted::PrefixMlp { tokens: 20, width: 512 })?, llama(Counted::Prefix { tokens: 20 })?);
    Ok(Evidence::new("A prefix made by an MLP on the tiny base, and P alone after the MLP is thrown away; counts on Llama-2-7B, p = 20, h = 512")
        .number("largest difference of a logit", f64::from(off))
        .number("tiny base, in training", trained.parameter_count() as f64)
        .number("tiny base, stored", stored.parameter_count() as f64)
        .number("Llama-2-7B, in training", big)
        .number("Llama-2-7B, stored", small)
        .expect("without the MLP the model is the same", off == 0.0)
        .expect("far less is stored than trained", big > 20.0 * small))
}

/// Loss on held-out examples of prompts of some lengths, trained as long as LoRA is.
fn prompts(bench: &Bench) -> Result<Vec<f64>, Error> {
    let losses = bench.numbers("prompts", || {
        let mut losses = Vec::new();
        for length in LENGTHS {
            let prompt = Prompt::from_vocabulary(length, bench.base(), &mut toy::random(0))?;
            bench.train(bench.base(), &prompt, prompt.variables(), Recipe::default().steps, 0.05)?;
            losses.push(bench.held_out(bench.base(), &prompt, &[lab::new_skill()?])?);
        }
        Ok(losses)
    })?;
    Ok(losses.to_vec())
}

const LENGTHS: [usize; 2] = [1, 20];

fn input_only(bench: &Bench) -> Result<Evidence, Error> {
    let before = bench.held_out(bench.base(), &crate::model::Shut, &[lab::new_skill()?])?;
    let losses = prompts(bench)?;
    let width = bench.base().config().hidden_size;
    let mut evidence = Evidence::new("Prompt tuning on the tiny base, 40 steps: held-out loss, nats a token")
        .number("without a prompt", before);
    let mut exact = true;
    for (length, loss) in LENGTHS.into_iter().zip(&losses) {
        let count = Prompt::from_vocabulary(length, bench.base(), &mut toy::random(0))?.parameter_count();
        evidence = evidence
            .number(format!("p = {length}, trained"), count as f64)
            .number(format!("p = {length}, loss"), *loss);
        exact &= count == length * width;
    }
    Ok(evidence
        .expect("p·d numbers train, and nothing else", exact)
        .expect("they do teach it something: the loss falls by a quarter or more", losses[1] < 0.75 * before))
}

fn trails_lora(bench: &Bench) -> Result<Evidence, Error> {
    let lora = bench.lora(&Recipe::at_rank(1))?;
    let (lora_loss, prompt) = (bench.held_out(bench.base(), &lora.method, &[lab::new_skill()?])?, prompts(bench)?[1]);
    Ok(Evidence::new("The tiny base cannot show scale; the published tables do. What it shows: prompt tuning beside LoRA, 40 steps, held-out loss")
        .number("prompt of 20, trained", (20 * bench.base().config().hidden_size) as f64)
        .number("prompt of 20, loss", prompt)
        .number("LoRA r = 1, trained", lora.method.parameter_count() as f64)
        .number("LoRA r = 1, loss", lora_loss)
        .number("published: GPT-3 175B on WikiSQL, input embeddings", 63.1)
        .number("published: full fine-tuning", 73.8)
        .number("published: T5-XXL that matches, billion parameters", 11.0)
        .expect("on a small model the prompt stays behind", Finding::above(prompt, lora_loss, 0.05))
        .expect("175B did not suffice in one table, 11B did in another", 73.8 - 63.1 > 5.0))
}

fn cost(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-7b")?;
    // Keys and values of every layer, in 16 bits.
    let token = (2 * model.layers * model.kv * 2) as f64;
    Ok(Evidence::new("Llama-2-7B, cache in 16 bits: what virtual tokens take in every request")
        .number("one token, MB", token / 1e6)
        .number("100 prompt tokens, MB", 100.0 * token / 1e6)
        .number("100 prompt tokens, share of a context of 2048, %", 100.0 * 100.0 / 2048.0)
        .number("64 requests with 100 each, GB", 64.0 * 100.0 * token / 1e9)
        .expect(
            "100 tokens take more room than their own trained numbers in 16 bits",
            100.0 * token > 100.0 * 4096.0 * 2.0,
        ))
}

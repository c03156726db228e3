//! Training over a four-bit base.

use super::Computation;
use crate::{
    analysis::spectrum::energy_at,
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, of},
    },
    demos::{Error, lab, toy},
    model::{Decoder, Projection},
    peft::{Lora, Method as _},
    quant::{Codebook, quantise},
};

pub(super) const ALL: &[Computation] = &[
    ("paged-optimizer", paged),
    ("qlora-backward", backward),
    ("qlora-compensates-noise", compensates),
    ("qlora-quality", quality),
    ("qlora-recipe", recipe),
];

fn paged(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("paged", &[])?;
    let mut evidence = Evidence::new(
        "An emulated page table under AdamW on the tiny base, 3 steps: page faults by the memory allowed to the state",
    );
    let mut same = true;
    for percent in [100, 75, 50, 10] {
        evidence = evidence.number(format!("faults at {percent} %"), of(&demo, &format!("faults {percent} %"))?);
        same &= of(&demo, &format!("same {percent} %"))? == 1.0;
    }
    let (roomy, tight) = (of(&demo, "faults 100 %")?, of(&demo, "faults 10 %")?);
    Ok(evidence
        .expect(
            "while the state fits it is touched for the first time and then stays: fewer faults than under pressure",
            roomy < tight,
        )
        .expect("the weights are the same, bit for bit, at any budget", same))
}

fn backward(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("backward", &[])?;
    let mut evidence =
        Evidence::new("‖∂L/∂B‖ by layer of the tiny base, with the error signal stopped after the MLP of layer 2");
    let (mut below, mut above, mut free) = (0.0, true, true);
    for layer in 0..5 {
        let (open, stopped) =
            (of(&demo, &format!("free_layer_{layer}"))?, of(&demo, &format!("stopped_layer_{layer}"))?);
        evidence = evidence.number(format!("layer {layer}"), open).number(format!("layer {layer}, stopped"), stopped);
        free &= open > 0.0;
        if layer <= 2 { below += stopped } else { above &= stopped > 0.0 }
    }
    Ok(evidence
        .expect("every layer's adapter is reached, through the frozen weights", free)
        .expect("stop the signal and the adapters below get nothing, those above go on", below == 0.0 && above))
}

fn compensates(bench: &Bench) -> Result<Evidence, Error> {
    let mut random = toy::random(0);
    let wide = toy::gaussian(512, 512, 1.0, &mut random);
    let site = crate::model::Site { layer: 2, projection: Projection::Up };
    let weight = bench.base().projection(site).ok_or_else(|| Error::Other(format!("no {site}")))?;
    let mut evidence = Evidence::new("The energy of W − Q(W) in NF4 that the best correction of a rank removes, %");
    let mut removed = Vec::new();
    for (name, matrix) in [("Gaussian 512×512", wide), ("up_proj of layer 2, 384×128", lab::matrix(&weight.dense()?)?)]
    {
        let values: Vec<f32> = matrix.iter().copied().collect();
        let back =
            quantise(&values, 64, &Codebook::nf4()).map_err(|error| Error::Other(error.to_string()))?.dequantise();
        let back =
            ndarray::Array2::from_shape_vec(matrix.dim(), back).map_err(|error| Error::Other(error.to_string()))?;
        let spectrum = toy::spectrum(&(&matrix - &back))?;
        for rank in [8, 16] {
            let share = 100.0 * energy_at(&spectrum, rank);
            evidence = evidence.number(format!("{name}, rank {rank}"), share);
            removed.push(share);
        }
    }
    Ok(evidence
        .number("4r/d at r = 16 and d = 4096, %", 100.0 * 4.0 * 16.0 / 4096.0)
        .expect("on the Gaussian matrix rank 16 leaves more than 85 % of the noise", removed[1] < 15.0)
        .expect("on a real matrix rank 8 leaves more than half", removed[2] < 50.0))
}

/// The base with every projection on a grid of `levels` values, dequantised: what training sees of so few bits.
fn coarse(base: &Decoder, levels: &[f32]) -> Result<Decoder, Error> {
    // A table has sixteen places; the last value fills those left over.
    let table = Codebook::of(std::array::from_fn(|code| levels[code.min(levels.len() - 1)]));
    let mut weights = base.weights();
    for site in base.sites(&Projection::ALL) {
        let Some(weight) = base.projection(site) else { continue };
        let dense = weight.dense()?;
        let coded = quantise(&dense.flatten_all()?.to_vec1::<f32>()?, 64, &table)
            .map_err(|error| Error::Other(error.to_string()))?;
        let back = candle_core::Tensor::from_vec(coded.dequantise(), dense.shape(), base.device())?;
        weights.insert(format!("{site}.weight"), back.into());
    }
    Ok(Decoder::from_weights(base.config().clone(), &weights)?)
}

fn quality(bench: &Bench) -> Result<Evidence, Error> {
    let recipe = Recipe::default();
    let dense = bench.lora(&recipe)?;
    let skill = [lab::new_skill()?];
    let dense_loss = bench.held_out(bench.base(), &dense.method, &skill)?;
    let dense_score = bench.lora_score(&recipe)?;
    let mut evidence = Evidence::new("One LoRA recipe over the tiny base in 32 bits, in NF4 and on a grid of four levels (2 bits): held-out loss and exact match")
        .number("32 bits, loss", dense_loss)
        .number("32 bits, exact match, %", dense_score);
    let mut results = Vec::new();
    for (name, base) in
        [("NF4", bench.base().quantised(true)?), ("2 bits", coarse(bench.base(), &[-1.0, -1.0 / 3.0, 1.0 / 3.0, 1.0])?)]
    {
        let lora = Lora::new(&base, recipe.config())?;
        bench.train(&base, &lora, lora.variables(), recipe.steps, recipe.rate)?;
        let (loss, score) = (bench.held_out(&base, &lora, &skill)?, bench.score(&base, &lora)?);
        evidence = evidence.number(format!("{name}, loss"), loss).number(format!("{name}, exact match, %"), score);
        results.push((loss, score));
    }
    Ok(evidence
        .expect(
            "over NF4 it comes within five points of the 32-bit base",
            Finding::below(dense_score - results[0].1, 5.0, 0.0),
        )
        .expect("at two bits it does not", Finding::above(dense_score - results[1].1, 5.0, 0.0)))
}

fn recipe(bench: &Bench) -> Result<Evidence, Error> {
    let lora = Lora::new(bench.base(), Recipe { rank: 64, alpha: 16.0, ..Recipe::default() }.config())?;
    let scale = lora.factors().values().next().map_or(f64::NAN, crate::peft::lora::Factors::scale);
    Ok(Evidence::new("An adapter with the released r and α, on all linear layers of the tiny base")
        .number("scale", scale)
        .number("adapted matrices", lora.factors().len() as f64)
        .expect("α/r is a quarter", scale == 0.25)
        .expect("every linear layer is adapted", lora.factors().len() == bench.base().sites(&Projection::ALL).len()))
}

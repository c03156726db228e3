//! Trainable parameters: arithmetic over the shapes of real models.

use super::Computation;
use crate::{
    analysis::params::Method,
    claims::{
        Bench, Evidence,
        bench::{arch, count, lora_of},
    },
    demos::Error,
};

pub(super) const ALL: &[Computation] = &[
    ("lora-param-count", lora_param_count),
    ("ratio-125x", ratio),
    ("hundred-times-fewer", hundred_times),
    ("qv-one-percent", qv_percent),
    ("lora-per-layer-6k", per_layer),
    ("adapter-percent", adapter_percent),
    ("adapterfusion", fusion),
    ("prefix-reparam-count", prefix_mlp),
    ("prefix-percent", prefix_percent),
    ("prompt-percent", prompt_percent),
    ("ia3-percent", ia3_percent),
    ("vera-params", vera),
    ("tied-lora", tied),
];

/// Per cent of the model.
fn percent(model: &str, trained: f64) -> Result<f64, Error> {
    Ok(100.0 * trained / arch(model)?.total as f64)
}

fn lora_param_count(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("params", &[])?;
    let mut evidence = Evidence::new(
        "Formula against tensors on the tiny base, and the rank at which LoRA is no smaller than the matrix",
    );
    for what in ["LoRA r=16 on q,v", "LoRA r=16 on all-linear"] {
        let (formula, counted) = (
            crate::claims::bench::of(&demo, &format!("live formula {what}"))?,
            crate::claims::bench::of(&demo, &format!("live counted {what}"))?,
        );
        evidence = evidence
            .number(format!("{what}, by the formula"), formula)
            .number(format!("{what}, in the tensors"), counted)
            .expect(format!("formula and tensors agree for {what}"), formula == counted);
    }
    let (d, k) = (4096.0, 11_008.0);
    let break_even = d * k / (d + k);
    let size = |r: f64| r * (d + k);
    Ok(evidence.number("break-even rank of a 4096×11008 matrix", break_even).expect(
        "just below it LoRA is smaller, just above larger",
        size(break_even.floor()) < d * k && size(break_even.ceil()) > d * k,
    ))
}

fn ratio(_: &Bench) -> Result<Evidence, Error> {
    let mut evidence = Evidence::new("One 4096×4096 matrix");
    let full = 4096u64 * 4096;
    for r in [8, 16, 64] {
        evidence = evidence.number(format!("full over LoRA at r = {r}"), full as f64 / (r * 8192) as f64);
    }
    Ok(evidence
        .number("LoRA, r = 16", (16 * 8192) as f64)
        .number("the matrix", full as f64)
        .expect("the quotient at r = 16 is exactly 128", full == 128 * 16 * 8192))
}

fn hundred_times(_: &Bench) -> Result<Evidence, Error> {
    let (mut evidence, mut ratios) = (Evidence::new("Whole models: all parameters over LoRA's"), Vec::new());
    for (model, rank, targets) in [
        ("llama-2-7b", 16, "q,v"),
        ("llama-2-7b", 16, "all-linear"),
        ("llama-2-7b", 64, "all-linear"),
        ("gpt-3", 4, "q,v"),
    ] {
        let times = arch(model)?.total as f64 / count(model, &lora_of(rank, targets))?;
        evidence = evidence.number(format!("{model}, r = {rank} on {targets}"), times.round());
        ratios.push(times);
    }
    let off = |times: &f64| !(50.0..=200.0).contains(times);
    Ok(evidence
        .expect("on 7B shapes it runs from far below to far above a hundred", ratios[2] < 50.0 && ratios[0] > 500.0)
        .expect(
            "so most of these are not within a factor of two of a hundred",
            ratios.iter().filter(|times| off(times)).count() >= 3,
        ))
}

fn qv_percent(_: &Bench) -> Result<Evidence, Error> {
    let share = |model, rank, targets| percent(model, count(model, &lora_of(rank, targets))?);
    let (two, three) = (share("llama-2-7b", 16, "q,v")?, share("llama-3-8b", 16, "q,v")?);
    Ok(Evidence::new("LoRA at r = 16 on q and v, per cent of the model")
        .number("Llama-2-7B, %", two)
        .number("Llama-3-8B, %", three)
        .number("Llama-2-7B at r = 128, %", share("llama-2-7b", 128, "q,v")?)
        .number("Llama-2-7B, all linear layers, %", share("llama-2-7b", 16, "all-linear")?)
        .expect("it is less than a fifth of one per cent", two < 0.2 && three < 0.2))
}

fn per_layer(_: &Bench) -> Result<Evidence, Error> {
    let (matrix, layer) =
        (2.0 * 768.0 * 8.0, count("roberta-base", &lora_of(8, "q,v"))? / arch("roberta-base")?.layers as f64);
    Ok(Evidence::new("LoRA at r = 8 on a 768-wide model")
        .number("one matrix", matrix)
        .number("a layer, q and v", layer)
        .expect("one matrix alone has twice 6K", matrix > 12_000.0 && layer == 2.0 * matrix))
}

fn adapter_percent(_: &Bench) -> Result<Evidence, Error> {
    let at = |model, bottleneck| percent(model, count(model, &Method::Houlsby { bottleneck })?);
    let pfeiffer = percent("llama-2-7b", count("llama-2-7b", &Method::Pfeiffer { bottleneck: 64 })?)?;
    let (bert, llama) = (at("bert-large", 64)?, at("llama-2-7b", 64)?);
    Ok(Evidence::new("Bottleneck adapters of width 64, per cent of the model")
        .number("Houlsby on BERT-large, %", bert)
        .number("Houlsby on Llama-2-7B, %", llama)
        .number("Pfeiffer on Llama-2-7B, %", pfeiffer)
        .expect("at the same width the share falls as the model grows", llama < bert)
        .expect("on a 7B one of the two lies below the range that is quoted", pfeiffer < 0.5))
}

fn fusion(_: &Bench) -> Result<Evidence, Error> {
    let mixer = count("llama-2-7b", &Method::Fusion)?;
    let one = count("llama-2-7b", &Method::Pfeiffer { bottleneck: 64 })?;
    Ok(Evidence::new("AdapterFusion on Llama-2-7B: the mixer beside the adapters it mixes (Pfeiffer, m = 64)")
        .number("mixer", mixer)
        .number("one adapter", one)
        .number("mixer, % of the model", percent("llama-2-7b", mixer)?)
        .number("mixer over one adapter", mixer / one)
        .expect(
            "the mixer is no small module: more than a tenth of the model",
            mixer > 0.1 * arch("llama-2-7b")?.total as f64,
        ))
}

fn prefix_mlp(_: &Bench) -> Result<Evidence, Error> {
    let (tokens, width) = (20, 512);
    let trained = count("gpt2-small", &Method::PrefixMlp { tokens, width })?;
    let stored = count("gpt2-small", &Method::Prefix { tokens })?;
    let folklore = 12.0 * (20.0 * 768.0 / 2.0 + 2.0 * 768.0 * 768.0);
    Ok(Evidence::new("A prefix of 20 positions on GPT-2 small, MLP of width 512")
        .number("in training", trained)
        .number("stored", stored)
        .number("L(p·d/2 + 2d²)", folklore)
        .expect("the formula as said is off by more than a quarter", folklore > 1.25 * trained)
        .expect("what is stored is L·p·2d", stored == 12.0 * 20.0 * 2.0 * 768.0))
}

fn prefix_percent(_: &Bench) -> Result<Evidence, Error> {
    let at = |model| percent(model, count(model, &Method::Prefix { tokens: 20 })?);
    let (two, three) = (at("llama-2-7b")?, at("llama-3-8b")?);
    Ok(Evidence::new("A stored prefix of 20 positions, per cent of the model")
        .number("Llama-2-7B, %", two)
        .number("Llama-3-8B, %", three)
        .number("GPT-2 medium, %", at("gpt2-medium")?)
        .expect("on these models it lies below the range that is quoted", two < 0.1 && three < 0.1)
        .expect("narrow keys and values make it smaller", three < two))
}

fn prompt_percent(_: &Bench) -> Result<Evidence, Error> {
    let llama = percent("llama-2-7b", count("llama-2-7b", &Method::Prompt { tokens: 100 })?)?;
    // T5-XXL: 100 tokens of width 4096; 11.1 billion parameters (arXiv 2104.08691).
    let xxl = 100.0 * 100.0 * 4096.0 / 11.1e9;
    Ok(Evidence::new("100 prompt tokens, per cent of the model")
        .number("Llama-2-7B, %", llama)
        .number("T5-XXL, %", xxl)
        .expect("less than 0.01 % at these sizes", llama < 0.01 && xxl < 0.01))
}

fn ia3_percent(_: &Bench) -> Result<Evidence, Error> {
    let trained = count("llama-2-7b", &Method::Ia3 { targets: None })?;
    let share = percent("llama-2-7b", trained)?;
    Ok(Evidence::new("(IA)³ on Llama-2-7B")
        .number("trained", trained)
        .number("% of the model", share)
        .expect("about 0.01 %", (0.005..=0.02).contains(&share)))
}

fn vera(_: &Bench) -> Result<Evidence, Error> {
    let of = |rank| count("llama-2-7b", &Method::Vera { rank, targets: "q,v".to_owned() });
    let (low, high) = (of(1)?, of(1024)?);
    let lora = count("llama-2-7b", &lora_of(1024, "q,v"))? / count("llama-2-7b", &lora_of(1, "q,v"))?;
    Ok(Evidence::new("VeRA on q,v of Llama-2-7B, from r = 1 to r = 1024")
        .number("trained at r = 1", low)
        .number("trained at r = 256", of(256)?)
        .number("trained at r = 1024", high)
        .number("VeRA grows by the factor", high / low)
        .number("LoRA grows by the factor", lora)
        .number("frozen pair at r = 1024", 1024.0 * 8192.0)
        .expect("a thousandfold rank costs VeRA less than half as much again", high < 1.5 * low && lora > 1000.0))
}

fn tied(_: &Bench) -> Result<Evidence, Error> {
    let tied = count("llama-2-7b", &Method::TiedLora { rank: 8 })?;
    // LoRA on the stacked (3d, d) projection: L·r(d + 3d).
    let (layers, d) = (arch("llama-2-7b")?.layers as f64, arch("llama-2-7b")?.hidden as f64);
    let lora = layers * 8.0 * 4.0 * d;
    let deeper = |layers: f64| 4.0 * d * 8.0 + layers * (8.0 + 3.0 * d);
    Ok(Evidence::new("Tied-LoRA at r = 8 on the stacked q,k,v of Llama-2-7B, everything trained")
        .number("tied", tied)
        .number("LoRA", lora)
        .number("tied, % of LoRA", 100.0 * tied / lora)
        .number("tied at 48 layers over 24", deeper(48.0) / deeper(24.0))
        .expect("near the 13 % of the abstract", (0.11..=0.15).contains(&(tied / lora))))
}

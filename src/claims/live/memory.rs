//! Bytes of training: arithmetic over real models, and what is there on the tiny base.

use super::Computation;
use crate::{
    analysis::{
        memory::{NF4_DOUBLE, Regime, activations, bytes, of as bytes_of},
        params::Method,
    },
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, arch, count, lora_of},
    },
    demos::{Error, lab},
    optim::{AdamW, Hyper, Optimizer as _, eight_bit},
    peft::{Full, Lora, Method as _},
    train::loss,
};

pub(super) const ALL: &[Computation] = &[
    ("peft-freezes-base", freezes),
    ("full-ft-three-to-four-times", regimes),
    ("seventy-b-sixteen-gpus", seventy),
    ("activations-dominate", activations_dominate),
    ("qlora-headline", headline),
    ("qlora-35gb", thirty_five),
    ("paged-threshold", threshold),
    ("galore-same-memory", galore),
    ("seven-b-fp16-training", seven),
    ("prompt-or-ia3-for-memory", small_methods),
];

const CARD: f64 = 80e9;

fn giga(bytes: f64) -> f64 {
    bytes / 1e9
}

fn freezes(bench: &Bench) -> Result<Evidence, Error> {
    let base = bench.base();
    let (lora, full) = (Lora::new(base, Recipe::default().config())?, Full::new(base)?);
    let state =
        |variables: Vec<_>| Ok::<_, Error>(AdamW::new(variables.into(), Hyper::default())?.state_bytes() as f64);
    let adapter = state(lora.variables())?;
    let everything = state(full.variables().iter().map(|(_, variable)| variable.clone()).collect())?;
    let grads = loss(base, &lora, &lab::batch(16, 0)?)?.backward()?;
    let frozen = base.tensors().values().filter(|tensor| grads.get(tensor).is_some()).count();
    let trained = lora.variables().iter().filter(|variable| grads.get(variable.as_tensor()).is_some()).count();
    let lowest = bench.demo("backward", &[])?.numbers.get("free_layer_0").copied().unwrap_or(f64::NAN);
    Ok(Evidence::new("LoRA at r = 8 on every projection of the tiny base, beside full fine-tuning")
        .number("trained by LoRA", lora.parameter_count() as f64)
        .number("in the base", base.parameter_count() as f64)
        .number("Adam's state for LoRA, bytes", adapter)
        .number("Adam's state in full, bytes", everything)
        .number("frozen tensors with a gradient", frozen as f64)
        .number("gradient of layer 0's B", lowest)
        .expect("no frozen tensor gets a gradient, every factor does", frozen == 0 && trained == lora.variables().len())
        .expect("the state shrinks with what trains", adapter < everything / 5.0)
        .expect("and the error still reaches the lowest layer, through all frozen ones", lowest > 0.0))
}

fn regimes(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-7b")?;
    let weights = 2.0 * model.total as f64;
    let (mut evidence, mut extra) = (Evidence::new("Llama-2-7B: all states over the 16-bit weights"), Vec::new());
    for regime in [Regime::Mixed, Regime::Bf16Moments32, Regime::PureBf16] {
        let all = bytes_of(regime, model, 0).total();
        evidence = evidence
            .number(format!("{}, GB", regime.name()), giga(all))
            .number(format!("{}, times on top of the weights", regime.name()), all / weights - 1.0);
        extra.push(all / weights - 1.0);
    }
    // QLoRA's own figure for the regime without a master copy: 65B, more than 780 GB.
    let paper = giga(bytes(Regime::Bf16Moments32, 65e9, 0.0, 0.0).total());
    Ok(evidence
        .number("65B without a master copy, GB", paper)
        .expect("the usual regime lies far above three to four times", extra[0] > 4.5)
        .expect("only pure bf16 lies within", (3.0..=4.0).contains(&extra[2]) && extra[1] > 4.5)
        .expect("the count gives the 780 GB of QLoRA's paper", paper >= 780.0))
}

fn seventy(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-70b")?;
    let cards = |regime, adapter| bytes_of(regime, model, adapter).total() / CARD;
    let adapter = count("llama-2-70b", &lora_of(16, "all-linear"))? as u64;
    let mixed = cards(Regime::Mixed, 0);
    Ok(Evidence::new("Llama-2-70B: 80 GB cards for the states alone")
        .number("16 bytes a parameter, GB", giga(bytes_of(Regime::Mixed, model, 0).total()))
        .number("16 bytes a parameter, cards", mixed)
        .number("the same with 20 % head-room, cards", 1.2 * mixed)
        .number("12 bytes a parameter, cards", cards(Regime::Bf16Moments32, 0))
        .number("LoRA on bf16, cards", cards(Regime::Lora, adapter))
        .expect("sixteen are of the right order at 16 bytes", (12.0..=16.0).contains(&mixed))
        .expect("but the regime decides: at 12 bytes eleven hold the states", cards(Regime::Bf16Moments32, 0) <= 11.0)
        .expect("bf16 LoRA's states fit two", cards(Regime::Lora, adapter) <= 2.0))
}

fn activations_dominate(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-7b")?;
    let adapter = |rank| count("llama-2-7b", &lora_of(rank, "all-linear"));
    let states = |rank| Ok::<_, Error>(12.0 * adapter(rank)?);
    let mut evidence = Evidence::new("Llama-2-7B in NF4, LoRA on all linear layers: gigabytes by part, one sequence")
        .number("base in NF4, GB", giga(bytes_of(Regime::Qlora, model, 0).total()));
    for rank in [8, 64] {
        evidence = evidence.number(format!("adapter and its states, r = {rank}, GB"), giga(states(rank)?));
    }
    for tokens in [256, 1024, 4096] {
        evidence = evidence.number(format!("activations of {tokens} tokens, GB"), giga(activations(model, tokens).all));
    }
    let long = activations(model, 4096).all;
    Ok(evidence
        .number("activations of 4096 tokens, checkpointed, GB", giga(activations(model, 4096).checkpointed))
        .expect(
            "at 4096 tokens the activations outweigh base and adapter together",
            long > bytes_of(Regime::Qlora, model, adapter(64)? as u64).total(),
        )
        .expect(
            "going from r = 64 to r = 8 saves less than checkpointing",
            states(64)? - states(8)? < long - activations(model, 4096).checkpointed,
        ))
}

fn headline(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-70b")?;
    let adapter = count("llama-2-70b", &lora_of(64, "all-linear"))?;
    let states = bytes_of(Regime::Qlora, model, adapter as u64).total();
    let checkpointed = activations(model, 2048).checkpointed;
    // LLaMA-65B: 64.76 billion linear weights of 65.29 (analysis::memory has the same figures in a test).
    let (linear, all, paper_adapter) = (64.76e9, 65.29e9, 799.5e6);
    let paper = bytes(Regime::Qlora, linear, all - linear, paper_adapter).total();
    Ok(Evidence::new("QLoRA at r = 64 on all linear layers: weights, adapter and its states")
        .number("70B, states, GB", giga(states))
        .number("70B, 2048 tokens of checkpointed activations, GB", giga(checkpointed))
        .number("65B, states, GB", giga(paper))
        .expect("the 70B fits 80 GB with its activations", states + checkpointed < 80e9)
        .expect("the paper's 65B fits 48 GB before activations", paper < 48e9))
}

fn thirty_five(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-70b")?;
    let linear = model.linear_weights() as f64;
    let other = model.total as f64 - linear;
    let naive = giga(0.5 * model.total as f64);
    let whole = giga(NF4_DOUBLE * linear + 2.0 * other);
    Ok(Evidence::new("Llama-2-70B in NF4 with double quantisation")
        .number("half a byte each, GB", naive)
        .number("linear layers at 4.127 bits, GB", giga(NF4_DOUBLE * linear))
        .number("embeddings, head and norms in 16 bits, GB", giga(2.0 * other))
        .number("in all, GB", whole)
        .expect("the overhead is there", whole > naive + 1.0)
        .expect("and small: less than a tenth", whole < 1.1 * naive))
}

/// bitsandbytes' `get_state_buffer`: smaller tensors are not paged.
const PAGED_FROM: f64 = 1e5;

fn threshold(_: &Bench) -> Result<Evidence, Error> {
    let size = |rank: f64| rank * 4096.0;
    Ok(Evidence::new("Elements of one LoRA factor at d = 4096, against the 100,000 from which bitsandbytes pages")
        .number("r = 16", size(16.0))
        .number("r = 64", size(64.0))
        .number("smallest rank that is paged", (PAGED_FROM / 4096.0).ceil())
        .number("elements from which 8-bit states are used", eight_bit::SMALLEST as f64)
        .expect("r = 16 is not paged", size(16.0) < PAGED_FROM)
        .expect("r = 64 is", size(64.0) >= PAGED_FROM))
}

fn galore(bench: &Bench) -> Result<Evidence, Error> {
    let (m, n, r) = (4096.0, 11_008.0, 128.0);
    let (galore, lora) = (m * n + m * r + 2.0 * n * r, m * n + 3.0 * r * (m + n));
    let demo = bench.demo("galore", &[])?;
    let mut evidence =
        Evidence::new("One 4096×11008 matrix at r = 128, and the states that are there on the tiny base at r = 8")
            .number("GaLore, weights and states, numbers", galore)
            .number("LoRA, weights and states, numbers", lora)
            .number("GaLore with its full gradient, numbers", galore + m * n)
            .number("LoRA with its gradient, numbers", lora + r * (m + n));
    for name in ["GaLore, r = 8", "LoRA, r = 8, AdamW", "full fine-tuning, AdamW"] {
        evidence = evidence.number(
            format!("tiny base: {name}, bytes of state"),
            crate::claims::bench::of(&demo, &format!("bytes {name}"))?,
        );
    }
    // Frozen weights may be in four bits, trained ones in sixteen.
    let (q_lora, g_galore) = (m * n * NF4_DOUBLE + 2.0 * (lora - m * n), 2.0 * galore);
    Ok(evidence
        .number("QLoRA, bytes", q_lora)
        .number("GaLore in 16 bits, bytes", g_galore)
        .expect("they are not the same: GaLore keeps less at equal rank and 16 bits", galore < lora)
        .expect("with the gradient that must be there at once GaLore needs more", galore + m * n > lora + r * (m + n))
        .expect("and a base in four bits needs less than either", q_lora < g_galore))
}

fn seven(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-7b")?;
    let adapter = count("llama-2-7b", &lora_of(16, "all-linear"))?;
    let states = bytes_of(Regime::Lora, model, adapter as u64).total();
    let kept = activations(model, 2048);
    Ok(Evidence::new("Llama-2-7B, LoRA at r = 16 on all linear layers over a 16-bit base, one sequence of 2048 tokens")
        .number("weights, adapter and its states, GB", giga(states))
        .number("activations, GB", giga(kept.all))
        .number("activations, checkpointed, GB", giga(kept.checkpointed))
        .number("largest fp16 number", f64::from(half::f16::MAX))
        .expect("it fits 24 GB with checkpointing", states + kept.checkpointed < 24e9)
        .expect("and does not without", states + kept.all > 24e9)
        .expect(
            "70,000 is infinite in fp16 and finite in bf16",
            half::f16::from_f32(7e4).is_infinite() && half::bf16::from_f32(7e4).is_finite(),
        ))
}

fn small_methods(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-7b")?;
    let kept = activations(model, 2048).checkpointed;
    let with = |trained: f64| giga(bytes_of(Regime::Lora, model, trained as u64).total() + kept);
    let lora = with(count("llama-2-7b", &lora_of(16, "q,v"))?);
    let (ia3, prompt) = (
        with(count("llama-2-7b", &Method::Ia3 { targets: None })?),
        with(count("llama-2-7b", &Method::Prompt { tokens: 20 })?),
    );
    let qlora = giga(bytes_of(Regime::Qlora, model, count("llama-2-7b", &lora_of(16, "q,v"))? as u64).total() + kept);
    Ok(Evidence::new("Training Llama-2-7B on 2048 tokens, checkpointed: gigabytes in all")
        .number("LoRA r = 16 on q,v", lora)
        .number("(IA)³", ia3)
        .number("prompt tuning, 20 tokens", prompt)
        .number("QLoRA r = 16 on q,v", qlora)
        .expect(
            "(IA)³ and prompts save less than two per cent of LoRA's memory",
            Finding::below((lora - ia3.min(prompt)) / lora, 0.02, 0.0),
        )
        .expect("four bits save more than half", qlora < 0.5 * lora))
}

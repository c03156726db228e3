//! `b-zero`: why B starts at zero, and what happens otherwise.
//!
//! `y = W₀ x + s·B(Ax)`, `∂L/∂B = s·G Aᵀ`, `∂L/∂A = s·Bᵀ G` (Hu et al. 2021, arXiv 2106.09685, §4.1). With B = 0 the model is the base
//! to the last bit, A's gradient is exactly zero and B's is not. Both zero never moves. Both random disturbs the base at once.

use candle_core::Tensor;

use super::{ArgSpec, Args, Chart, Demo, Error, Figure, Report, Series, Table, lab};
use crate::{
    model::{Decoder, Shut},
    peft::{
        Method as _, Targets,
        lora::{Config, Init, Lora},
    },
    train::{Batch, loss},
};

pub(super) const DEMO: Demo = Demo {
    name: "b-zero",
    about: "a fresh adapter changes nothing; the gradients of A and B at step 0; other starts, tried",
    args: &[
        ArgSpec { name: "init", default: "standard", help: "your choice: standard, both-zero, both-random or swapped" },
        ArgSpec { name: "rank", default: "8", help: "rank of the adapter, 1 to 64" },
        ArgSpec { name: "steps", default: "12", help: "training steps of each start, 1 to 200" },
        ArgSpec { name: "seed", default: "0", help: "seed of the factors and examples, 0 to 1000000" },
    ],
    run,
};

/// The four starts with the names the arguments use.
const STARTS: [(&str, Init, &str); 4] = [
    ("standard", Init::Standard, "A random, B = 0"),
    ("both-zero", Init::BothZero, "A = 0, B = 0"),
    ("both-random", Init::BothRandom, "A random, B random"),
    ("swapped", Init::Swapped, "A = 0, B random"),
];

/// What was measured for one start.
struct Start {
    name: &'static str,
    what: &'static str,
    /// Largest |logit − base logit|.
    shift: f64,
    bit_identical: bool,
    /// Norms of ∂L/∂A and ∂L/∂B at step 0.
    gradients: [f64; 2],
    curve: Vec<(f64, f64)>,
}

fn run(args: &Args) -> Result<Report, Error> {
    let rank = lab::number("b-zero", args, "rank", 8, 1..=64)?;
    let steps = lab::number("b-zero", args, "steps", 12, 1..=200)?;
    let seed = lab::number("b-zero", args, "seed", 0, 0..=1_000_000)?;
    let chosen = args.get("init").map_or("standard", String::as_str);
    if !STARTS.iter().any(|(name, ..)| *name == chosen) {
        let message = format!("init is `{chosen}`; it takes standard, both-zero, both-random or swapped");
        return Err(Error::Argument { demo: "b-zero", message });
    }

    let base = lab::base()?;
    let batch = lab::batch(16, seed)?;
    let logits = base.forward(&batch.ids, &Shut)?;
    let mut starts = Vec::new();
    for (name, init, what) in STARTS {
        let config = Config { rank, alpha: rank as f64, targets: Targets::AllLinear, init, seed, ..Config::default() };
        let lora = Lora::new(&base, config)?;
        let (shift, bit_identical) = compare(&base.forward(&batch.ids, &lora)?, &logits)?;
        let gradients = gradient_norms(&base, &lora, &batch)?;
        let curve = lab::train(&base, &lora, lora.variables(), &lab::plan(steps, 16, 5e-3, seed)?)?;
        starts.push(Start { name, what, shift, bit_identical, gradients, curve });
    }
    Ok(report(chosen, &starts))
}

/// Largest difference, and whether every bit agrees.
fn compare(logits: &Tensor, base: &Tensor) -> Result<(f64, bool), Error> {
    let shift = (logits - base)?.abs()?.max_all()?.to_scalar::<f32>()?;
    let bits = |tensor: &Tensor| -> Result<Vec<u32>, Error> {
        Ok(tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect())
    };
    Ok((f64::from(shift), bits(logits)? == bits(base)?))
}

/// Norms over all sites of the gradients of A and of B.
fn gradient_norms(base: &Decoder, lora: &Lora, batch: &Batch) -> Result<[f64; 2], Error> {
    let grads = loss(base, lora, batch)?.backward()?;
    let mut squares = [0.0; 2];
    for factors in lora.factors().values() {
        for (square, factor) in squares.iter_mut().zip([&factors.a, &factors.b]) {
            if let Some(grad) = grads.get(factor.as_tensor()) {
                *square += lab::norm(grad)?.powi(2);
            }
        }
    }
    Ok(squares.map(f64::sqrt))
}

fn report(chosen: &str, starts: &[Start]) -> Report {
    let mut report = Report {
        demo: "b-zero".to_owned(),
        title: "LoRA's start: four ways, on the tiny base".to_owned(),
        text: Vec::new(),
        numbers: std::collections::BTreeMap::new(),
        tables: Vec::new(),
        figure: None,
    };
    let mut rows = Vec::new();
    for start in starts {
        let first = start.curve.first().map_or(f64::NAN, |(_, loss)| *loss);
        let last = lab::tail(&start.curve);
        let key = start.name.replace('-', "_");
        for (what, value) in [
            ("bit_identical", f64::from(u8::from(start.bit_identical))),
            ("logit_shift", start.shift),
            ("grad_a", start.gradients[0]),
            ("grad_b", start.gradients[1]),
            ("loss_first", first),
            ("loss_last", last),
        ] {
            report.numbers.insert(format!("{key}_{what}"), value);
        }
        if start.name == chosen {
            report.text.push(verdict(start, first, last));
        }
        let identical = if start.bit_identical { "yes" } else { "no" };
        let mark = if start.name == chosen { "→ " } else { "" };
        rows.push(vec![
            format!("{mark}{}", start.what).into(),
            identical.into(),
            start.shift.into(),
            start.gradients[0].into(),
            start.gradients[1].into(),
            first.into(),
            last.into(),
        ]);
    }
    report.text.push("Needed is ΔW = 0 and a gradient somewhere. One zero factor gives both; two zeros give no gradient; none gives a damaged base.".to_owned());
    report.tables.push(Table {
        title: "At step 0, and the loss (nats a token) before and after a short training".to_owned(),
        columns: [
            "start",
            "logits = base's, bit for bit",
            "largest shift",
            "‖∂L/∂A‖",
            "‖∂L/∂B‖",
            "loss at 0",
            "loss at the end",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
    });
    report.figure = Some(Figure {
        title: "Loss from four starts".to_owned(),
        x: "step".to_owned(),
        y: "loss, nats a token".to_owned(),
        log_x: false,
        log_y: false,
        chart: Chart::Lines(
            starts.iter().map(|s| Series { name: s.what.to_owned(), points: s.curve.clone() }).collect(),
        ),
    });
    report
}

/// What the chosen start did, in words that follow from its own figures.
fn verdict(start: &Start, first: f64, last: f64) -> String {
    let [a, b] = start.gradients;
    let same = if start.bit_identical { "is the base, bit for bit" } else { "is not the base any more" };
    let moved = if a == 0.0 && b == 0.0 {
        "both gradients are exactly zero, so nothing can ever train (the loss moves only because each step draws another batch)".to_owned()
    } else {
        format!("‖∂L/∂A‖ = {a:.4} and ‖∂L/∂B‖ = {b:.4}")
    };
    format!(
        "{}: the fresh model {same} (largest logit shift {:.3}); {moved}. Loss {first:.3} → {last:.3}.",
        start.what, start.shift
    )
}

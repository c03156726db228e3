//! The kernels over random shapes and types, each against its twin on the CPU.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Check, Found, Plan, shapes};
use crate::{
    device::{Precision, down, up},
    model::{Config, Shut, Weight, linear, one_line},
    peft::{Lora, Method as _, Targets, lora},
    serve::{Batch, Packed, page::PagePool},
    train::fresh,
};

/// Random cases of each kind.
const CASES: usize = 12;

/// The largest difference that passes, over the largest expected value: sums in another order.
const SUMS: f64 = 1e-5;

/// What passes in a type: a result that lies between two of its numbers may be rounded either way.
fn bound(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => SUMS,
        Precision::Bf16 => 1.0 / 128.0,
        Precision::F16 => 1.0 / 1024.0,
    }
}

/// Makes the checks.
pub(super) fn run(plan: &Plan, found: &mut Found) {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let limit = if plan.small { 96 } else { 2048 };
    for precision in Precision::ALL {
        for case in 0..CASES / 2 {
            // Every other one of whole words, whose codes are read by the word.
            let whole = if case % 2 == 0 { 8 } else { 1 };
            let shape = (rng.random_range(1..limit), rng.random_range(1..=limit / whole) * whole);
            let (double, rows) =
                (rng.random(), if case < CASES / 4 { rng.random_range(1..9) } else { rng.random_range(9..20) });
            let about = format!(
                "NF4 {} × {} in {precision}, {rows} rows, scales in {} bits",
                shape.0,
                shape.1,
                if double { 8 } else { 32 }
            );
            push(found, about, bound(precision), || four_bit(plan, &mut rng, shape, (precision, double), rows));
        }
    }
    for precision in Precision::ALL {
        for _ in 0..CASES / 3 {
            let (shape, rows) = ((rng.random_range(1..limit), rng.random_range(1..limit)), rng.random_range(1..40));
            let about = format!("frozen linear {} × {} in {precision}, {rows} rows", shape.0, shape.1);
            push(found, about, bound(precision), || frozen(plan, &mut rng, shape, precision, rows));
        }
    }
    for tokens in [1, 3] {
        for _ in 0..CASES / 4 {
            let ranks: Vec<usize> = (0..rng.random_range(1..6)).map(|_| rng.random_range(1..40)).collect();
            let about = format!("mixed batch of ranks {ranks:?}, {tokens} tokens a row");
            push(found, about, 10.0 * SUMS, || mixed(plan, &mut rng, &ranks, tokens));
        }
    }
}

fn push(found: &mut Found, name: String, bound: f64, gap: impl FnOnce() -> Result<f64>) {
    if !found.has_time(&name) {
        return;
    }
    let (passed, detail) = match gap() {
        Ok(gap) => (gap <= bound, format!("off by {gap:.1e} of the largest, bound {bound:.1e}")),
        Err(error) => (false, one_line(&error)),
    };
    found.checks.push(Check { part: "kernels".to_owned(), name, passed, detail });
}

/// Largest difference over the largest expected value; NaN is larger than any bound.
fn gap(pairs: &[(Tensor, Tensor)]) -> Result<f64> {
    let (mut most, mut largest) = (0f64, f64::MIN_POSITIVE);
    for (ours, expected) in pairs {
        for (ours, expected) in down::<f32>(ours)?.into_iter().zip(down::<f32>(expected)?) {
            let gap = f64::from((ours - expected).abs());
            most = if gap.is_nan() { f64::INFINITY } else { most.max(gap) };
            largest = largest.max(f64::from(expected.abs()));
        }
    }
    Ok(most / largest)
}

/// A product's result and the gradient of its input, on `device`.
fn both(x: &Tensor, device: &Device, apply: impl Fn(&Tensor) -> Result<Tensor>) -> Result<[Tensor; 2]> {
    let x = Var::from_tensor(&x.to_device(device)?)?;
    let y = apply(x.as_tensor())?;
    let grads = (&y * &y)?.sum_all()?.backward()?;
    match grads.get(x.as_tensor()) {
        Some(grad) => Ok([y.detach(), grad.clone()]),
        None => candle_core::bail!("no gradient comes back"),
    }
}

fn four_bit(
    plan: &Plan,
    rng: &mut ChaCha8Rng,
    shape: (usize, usize),
    (precision, double): (Precision, bool),
    rows: usize,
) -> Result<f64> {
    let numbers = crate::quant::quantise(&random(rng, shape.0 * shape.1), 64, &crate::quant::Codebook::nf4())?;
    let numbers = if double { numbers.double() } else { numbers };
    let there = Weight::from_quantised(numbers.clone(), shape, &plan.device)?;
    let here = Weight::from_quantised(numbers, shape, &Device::Cpu)?;
    let x = up(random(rng, rows * shape.1), (rows, shape.1), &Device::Cpu)?;
    let wide = |weight: &Weight| weight.dense_in(precision)?.to_dtype(DType::F32);
    let dense = gap(&[(wide(&there)?, wide(&here)?)])?;
    if dense != 0.0 {
        candle_core::bail!("dequantised numbers are off by {dense:.1e}; they must be the same bits");
    }
    let apply = |weight: &Weight, x: &Tensor| match weight.computing_in(precision) {
        Some(weight) => weight.apply(x),
        None => candle_core::bail!("the weight is not in four bits"),
    };
    let ours = both(&x, &plan.device, |x| apply(&there, x))?;
    worst(ours, both(&x, &Device::Cpu, |x| apply(&here, x))?)
}

fn frozen(plan: &Plan, rng: &mut ChaCha8Rng, shape: (usize, usize), precision: Precision, rows: usize) -> Result<f64> {
    let weight = up(random(rng, shape.0 * shape.1), shape, &Device::Cpu)?.to_dtype(precision.dtype())?;
    let x = up(random(rng, rows * shape.1), (rows, shape.1), &Device::Cpu)?;
    let there = weight.to_device(&plan.device)?;
    let (ours, twins) =
        (both(&x, &plan.device, |x| linear(x, &there))?, both(&x, &Device::Cpu, |x| linear(x, &weight))?);
    worst(ours, twins)
}

/// The larger of the two gaps: the result's and the gradient's.
fn worst(ours: [Tensor; 2], twins: [Tensor; 2]) -> Result<f64> {
    let gaps: Vec<f64> = ours.into_iter().zip(twins).map(|pair| gap(&[pair])).collect::<Result<_>>()?;
    Ok(gaps.into_iter().fold(0.0, f64::max))
}

/// Logits of a batch whose rows have adapters of these ranks, and one row none.
fn mixed(plan: &Plan, rng: &mut ChaCha8Rng, ranks: &[usize], tokens: usize) -> Result<f64> {
    let config = Config { vocab_size: 64, ..shapes::small() };
    let seed = rng.random();
    let logits = |device: &Device| -> Result<Tensor> {
        let base = fresh(&config, seed, device)?;
        let pool = PagePool::new(64 << 20, 4 * config.intermediate_size);
        let mut packed = vec![None];
        for (number, rank) in ranks.iter().enumerate() {
            let settings =
                lora::Config { rank: *rank, targets: Targets::AllLinear, seed: number as u64, ..Default::default() };
            let lora = Lora::new(&base, settings)?;
            for variable in lora.variables() {
                variable.set(&(variable.as_tensor() + 0.02)?)?;
            }
            packed.push(Packed::new(&lora, &pool)?);
        }
        let rows: Vec<Option<Arc<Packed>>> = packed.iter().chain(&packed).cloned().collect();
        let ids = shapes::ids(&config, rows.len(), tokens, device)?;
        let batch = Batch::new(rows.into_iter().map(|row| (tokens, row)));
        let logits = base.forward(&ids, &batch)?;
        // A batch that changed nothing would agree with itself.
        match gap(&[(logits.clone(), base.forward(&ids, &Shut)?)])? > 0.0 {
            true => logits.to_dtype(DType::F32),
            false => candle_core::bail!("the adapters changed nothing"),
        }
    };
    gap(&[(logits(&plan.device)?, logits(&Device::Cpu)?)])
}

fn random(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

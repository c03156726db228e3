//! `nf4`: what four bits keep of weights, measured.

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab, toy};
use crate::{
    model::Projection,
    quant::{Codebook, Quantised, quantise},
};

pub(super) const DEMO: Demo = Demo {
    name: "nf4",
    about: "NF4's levels, how they are used, its error against FP4 and INT4, bits with double quantisation",
    args: &[
        ArgSpec { name: "block", default: "64", help: "weights that share a constant, 2 to 4096" },
        ArgSpec { name: "seed", default: "0", help: "seed of the Gaussian weights, 0 to 1000000" },
    ],
    run,
};

/// Gaussian weights that are quantised.
const SAMPLE: usize = 1 << 18;

fn run(args: &Args) -> Result<Report, Error> {
    let block: usize = lab::number("nf4", args, "block", 64, 2..=4096)?;
    let seed = lab::number("nf4", args, "seed", 0, 0..=1_000_000)?;
    let gaussian = toy::normal(SAMPLE, &mut toy::random(seed)).to_vec();
    let base = lab::base()?;
    let mut weights = Vec::new();
    for site in base.sites(&Projection::ALL) {
        if let Some(weight) = base.projection(site) {
            weights.extend(weight.dense()?.flatten_all()?.to_vec1::<f32>()?);
        }
    }
    let failed = |error: crate::quant::NotFinite| Error::Other(error.to_string());
    let (nf4, fp4, int4) = (Codebook::nf4(), Codebook::fp4(), Codebook::int4());

    let mut report = Report::new("nf4", format!("Four bits a weight, blocks of {block}"));
    let mut rows = Vec::new();
    for (name, values) in [("Gaussian", &gaussian), ("tiny base", &weights)] {
        for (kind, table) in [("NF4", &nf4), ("FP4", &fp4), ("INT4", &int4)] {
            let coded = quantise(values, block, table).map_err(failed)?;
            let error = relative_error(values, &coded.dequantise());
            let usage = usage(&coded);
            let entropy: f64 = usage.iter().filter(|p| **p > 0.0).map(|p| -p * p.log2()).sum();
            let used = || usage.iter().copied().filter(|p| *p > 0.0);
            let (least, most) = (used().fold(1.0, f64::min), used().fold(0.0, f64::max));
            report =
                report.number(format!("error {kind} {name}"), error).number(format!("entropy {kind} {name}"), entropy);
            rows.push(vec![
                format!("{kind}, {name}").into(),
                (100.0 * error).into(),
                entropy.into(),
                (100.0 * least).into(),
                (100.0 * most).into(),
            ]);
        }
    }
    let mut blocks = Vec::new();
    for size in [32, 64, 128, 256, 1024] {
        let plain = quantise(&gaussian, size, &nf4).map_err(failed)?;
        let error = relative_error(&gaussian, &plain.dequantise());
        // Counted in the bytes that are there, not by the formula.
        let bits = |coded: &Quantised| 8.0 * coded.bytes() as f64 / coded.count() as f64;
        let (single, double) = (bits(&plain), bits(&plain.double()));
        report = report
            .number(format!("bits block {size}"), single)
            .number(format!("bits block {size} double"), double)
            .number(format!("error block {size}"), error);
        blocks.push(vec![(size as u64).into(), single.into(), double.into(), (100.0 * error).into()]);
    }
    let usage = usage(&quantise(&gaussian, block, &nf4).map_err(failed)?);
    let bars = nf4.values().iter().zip(usage).map(|(level, share)| (format!("{level:+.4}"), 100.0 * share)).collect();
    Ok(report
        .line("The levels are quantiles: dense near zero, seven negative, an exact zero, eight positive.")
        .line("Yet the bins are not used equally, because each block is scaled by its own maximum: the entropy stays under 4 bits, so \"information-theoretically optimal\" is a slogan.")
        .line("The error is no small thing: what makes QLoRA work is that the adapter trains with it in place.")
        .table("Error and use of the bins", &["type, weights", "relative error, %", "entropy, bits", "rarest bin, %", "commonest bin, %"], rows)
        .table("Block size: bits a weight, without and with double quantisation", &["block", "bits, fp32 constants", "bits, double", "error, %"], blocks)
        .figure("Use of NF4's levels, Gaussian weights", ("", "% of weights"), (false, false), Chart::Bars(bars)))
}

fn relative_error(values: &[f32], back: &[f32]) -> f64 {
    let square = |value: f32| f64::from(value).powi(2);
    let off: f64 = values.iter().zip(back).map(|(a, b)| square(a - b)).sum();
    (off / values.iter().map(|value| square(*value)).sum::<f64>()).sqrt()
}

fn usage(coded: &Quantised) -> [f64; 16] {
    let mut counts = [0.0; 16];
    (0..coded.count()).for_each(|index| counts[usize::from(coded.code(index))] += 1.0 / coded.count() as f64);
    counts
}

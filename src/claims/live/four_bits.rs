//! NF4 and its constants, on Gaussian numbers and on the tiny base's weights.

use super::Computation;
use crate::{
    claims::{Bench, Evidence, Finding, bench::of},
    demos::{Error, toy},
    quant::{Codebook, DynamicMap, EightBit, Quantised, nf4, quantise},
};

pub(super) const ALL: &[Computation] = &[
    ("qlora-fp16", fp16),
    ("nf4-optimal", optimal),
    ("nf4-construction", construction),
    ("nf4-asymmetry", asymmetry),
    ("nf4-dynamic-range", dynamic_range),
    ("double-quant-saving", saving),
    ("double-quant-format", format),
];

/// Gaussian numbers that are coded.
const SAMPLE: usize = 1 << 18;

const BLOCK: usize = 64;

fn gaussian(count: usize) -> Vec<f32> {
    toy::normal(count, &mut toy::random(0)).to_vec()
}

fn coded(values: &[f32], block: usize, table: &Codebook) -> Result<Quantised, Error> {
    quantise(values, block, table).map_err(|error| Error::Other(error.to_string()))
}

/// Mean square of the error.
fn error(values: &[f32], coded: &Quantised) -> f64 {
    let back = coded.dequantise();
    values.iter().zip(back).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / values.len() as f64
}

fn fp16(_: &Bench) -> Result<Evidence, Error> {
    let (most, brain) = (f64::from(half::f16::MAX), f64::from(half::bf16::MAX));
    let activation = 400.0f32;
    let square = activation * activation;
    Ok(Evidence::new("The range of both 16-bit formats, and the square of an activation of 400, as a norm forms it")
        .number("largest fp16 number", most)
        .number("largest bf16 number", brain)
        .number("the square", f64::from(square))
        .expect("in fp16 it overflows", half::f16::from_f32(square).is_infinite())
        .expect("in bf16 it does not", half::bf16::from_f32(square).is_finite()))
}

/// A table fitted to the numbers: Lloyd's iteration with −1, 0 and 1 kept, from NF4's levels on.
fn fitted(values: &[f32], block: usize) -> Result<Codebook, Error> {
    let mut levels = *Codebook::nf4().values();
    for _ in 0..20 {
        let table = Codebook::of(levels);
        let coded = coded(values, block, &table)?;
        // Weighted by the square of the block's scale, as the error is.
        let (mut sums, mut weights) = ([0f64; 16], [0f64; 16]);
        for (index, value) in values.iter().enumerate() {
            let (code, scale) = (usize::from(coded.code(index)), f64::from(coded.scales().get(index / block)));
            sums[code] += f64::from(*value) * scale;
            weights[code] += scale * scale;
        }
        for (code, level) in levels.iter_mut().enumerate() {
            if ![0, 7, 15].contains(&code) && weights[code] > 0.0 {
                *level = (sums[code] / weights[code]) as f32;
            }
        }
    }
    Ok(Codebook::of(levels))
}

fn optimal(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("nf4", &[])?;
    let values = gaussian(SAMPLE);
    let nf4 = coded(&values, BLOCK, &Codebook::nf4())?;
    let mut shares = [0f64; 16];
    (0..SAMPLE).for_each(|index| shares[usize::from(nf4.code(index))] += 1.0 / SAMPLE as f64);
    let (least, most) = (shares.iter().copied().fold(1.0, f64::min), shares.iter().copied().fold(0.0, f64::max));
    let ours = error(&values, &nf4);
    let better = error(&values, &coded(&values, BLOCK, &fitted(&values, BLOCK)?)?);
    let [int4, fp4] = [Codebook::int4(), Codebook::fp4()]
        .map(|table| coded(&values, BLOCK, &table).map(|coded| error(&values, &coded)));
    let (int4, fp4, entropy) = (int4?, fp4?, of(&demo, "entropy NF4 Gaussian")?);
    Ok(Evidence::new(
        "NF4 on Gaussian numbers in blocks of 64, and a table fitted to the same numbers by Lloyd's iteration",
    )
    .number("rarest bin, %", 100.0 * least)
    .number("commonest bin, %", 100.0 * most)
    .number("entropy, bits", entropy)
    .number("mean square error, NF4", ours)
    .number("mean square error, fitted table", better)
    .number("mean square error, INT4", int4)
    .number("mean square error, FP4", fp4)
    .expect("the bins are not used equally: one more than three times as often as another", most > 3.0 * least)
    .expect("and the entropy stays under 3.95 bits", entropy < 3.95)
    .expect("a fitted table has an error lower by more than 3 %", better < 0.97 * ours)
    .expect("NF4 is still better than INT4 and FP4", ours < int4 && ours < fp4))
}

fn construction(_: &Bench) -> Result<Evidence, Error> {
    let off = nf4::levels().iter().zip(nf4::PUBLISHED).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    // Sixteen quantiles of equal mass, as the phrase suggests, would have neither a zero nor these levels.
    let negative = nf4::PUBLISHED.iter().filter(|level| **level < 0.0).count();
    let gap = |a: usize, b: usize| f64::from(nf4::PUBLISHED[b] - nf4::PUBLISHED[a]);
    Ok(Evidence::new("The levels computed from two halves of normal quantiles, against bitsandbytes' table")
        .number("largest difference", off)
        .number("negative levels", negative as f64)
        .number("step next to zero, below", gap(6, 7))
        .number("step next to zero, above", gap(7, 8))
        .expect("the two halves give the table to 2e-7", off < 2e-7)
        .expect("the two sides differ: quantiles of one distribution would not", (gap(6, 7) - gap(7, 8)).abs() > 0.01))
}

fn asymmetry(_: &Bench) -> Result<Evidence, Error> {
    let values = gaussian(SAMPLE);
    let mirrored: Vec<f32> = values.iter().map(|value| -value).collect();
    let (plain, mirror) = (
        coded(&values, BLOCK, &Codebook::nf4())?.dequantise(),
        coded(&mirrored, BLOCK, &Codebook::nf4())?.dequantise(),
    );
    let same = plain.iter().zip(&mirror).filter(|(a, b)| **a == -**b).count() as f64 / SAMPLE as f64;
    let with_zero = coded(&[0.0, 0.3, -1.0, 0.7], BLOCK, &Codebook::nf4())?.dequantise();
    Ok(Evidence::new("Gaussian numbers and their negatives in NF4")
        .number("share with Q(−x) = −Q(x), %", 100.0 * same)
        .number("what 0 becomes", f64::from(with_zero[0]))
        .expect("for most numbers Q(−x) is not −Q(x)", same < 0.5)
        .expect("zero is exact", with_zero[0] == 0.0))
}

fn dynamic_range(_: &Bench) -> Result<Evidence, Error> {
    let ends = |table: &Codebook| {
        table.values().iter().fold((0f32, 0f32), |(low, high), value| (low.min(*value), high.max(*value)))
    };
    let near = |table: &Codebook| table.values().iter().filter(|value| value.abs() <= 0.3).count() as f64;
    let (nf4, int4) = (Codebook::nf4(), Codebook::int4());
    Ok(Evidence::new("Where the levels of NF4 and INT4 lie on [−1, 1]")
        .number("NF4 levels within ±0.3", near(&nf4))
        .number("INT4 levels within ±0.3", near(&int4))
        .expect("both span the same range", ends(&nf4) == ends(&int4))
        .expect("NF4 has more levels near zero", near(&nf4) > near(&int4)))
}

fn saving(_: &Bench) -> Result<Evidence, Error> {
    let values = gaussian(1 << 20);
    let plain = coded(&values, BLOCK, &Codebook::nf4())?;
    let double = plain.clone().double();
    let bits = |coded: &Quantised| 8.0 * coded.bytes() as f64 / coded.count() as f64;
    let relative = |coded: &Quantised| error(&values, coded).sqrt();
    let (saved, derived) = (bits(&plain) - bits(&double), 0.5 - (8.0 / 64.0 + 32.0 / (64.0 * 256.0)));
    Ok(Evidence::new("A million Gaussian numbers in NF4, bytes counted")
        .number("bits a parameter, plain", bits(&plain))
        .number("bits a parameter, double", bits(&double))
        .number("saved", saved)
        .number("saved, by the formula", derived)
        .number("saved at 65B, GB", 65.0 * derived / 8.0)
        .number("relative error, plain", relative(&plain))
        .number("relative error, double", relative(&double))
        .expect("0.373 bits, not 0.4", (saved - 0.373).abs() < 0.001)
        .expect("the error grows by less than a hundredth", relative(&double) < 1.01 * relative(&plain)))
}

fn format(_: &Bench) -> Result<Evidence, Error> {
    let scales = coded(&gaussian(1 << 20), BLOCK, &Codebook::nf4())?.absmax().into_owned();
    let mean = (scales.iter().map(|scale| f64::from(*scale)).sum::<f64>() / scales.len() as f64) as f32;
    let map = DynamicMap::signed();
    let relative = |offset: f32| {
        let centred: Vec<f32> = scales.iter().map(|scale| scale - offset).collect();
        let back = EightBit::quantise(&centred, 256, map).dequantise(map);
        let off: f64 = centred.iter().zip(back).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        (off / scales.iter().map(|scale| f64::from(*scale).powi(2)).sum::<f64>()).sqrt()
    };
    let (plain, centred) = (relative(0.0), relative(mean));
    let steps: Vec<f32> = map.values().windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (finest, coarsest) = steps.iter().fold((f32::MAX, 0f32), |(low, high), step| (low.min(*step), high.max(*step)));
    Ok(Evidence::new("Block maxima of Gaussian numbers in 8 bits, with and without their mean taken off")
        .number("values in the map", map.values().len() as f64)
        .number("least value", f64::from(map.values()[0]))
        .number("coarsest step over finest", f64::from(coarsest) / f64::from(finest.max(f32::MIN_POSITIVE)))
        .number("relative error, not centred, %", 100.0 * plain)
        .number("relative error, centred, %", 100.0 * centred)
        .expect("it is no int8: the steps differ by more than a thousandfold", coarsest > 1000.0 * finest)
        .expect("centring lowers the error", Finding::below(centred, plain, 0.0)))
}

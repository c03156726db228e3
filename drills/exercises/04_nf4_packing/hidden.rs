//! Hidden tests: a real matrix as bitsandbytes 0.50.2 packs it (torch 2.15.0; the repository's `tests/data/goldens/nf4`, matrix `odd_5x13`), and
//! bounds that hold for any numbers.
// Eight digits name a number in 32 bits, whatever a shorter one would do.
#![allow(clippy::excessive_precision)]

use deltaw::classroom::Suite;

use super::answer::{LEVELS, dequantise, pack, quantise};

/// 65 numbers: a block of 64 and a block of one.
#[rustfmt::skip]
const VALUES: [f32; 65] = [
    -0.04790106, -0.111621954, 0.08126861, -0.044331826, -0.09346944, 0.034664232, 0.014379645, -0.022824762, 0.047067575, 0.035300072,
    -0.031105176, -0.010286456, -0.068214946, -0.16324677, -0.024100257, 0.02762129, -0.16238526, 0.03801657, 0.08774277, 0.08179848,
    0.015572317, 0.10311437, -0.13067631, 0.077839695, 0.03096288, -0.002737572, 0.04460555, -0.033957414, -0.1372112, -0.02968362,
    0.031136675, 0.054648425, -0.0878639, -0.04074743, -0.028405339, -0.03435125, 0.08954574, 0.106444195, 0.04199406, -0.0844967,
    -0.110273, 0.0029893848, 0.07826469, -0.039266743, 0.03183249, -0.053066432, -0.0079067415, -0.037133414, 0.0112793846, 0.005369456,
    0.0134164365, -0.014239137, 0.1051003, 0.044694163, 0.068463445, 0.003472351, 0.056166053, -0.07229597, 0.0005599995, -0.016761968,
    0.0395274, -0.0017157125, -0.038174774, -0.032521315, 0.07042226,
];

const PACKED: [u8; 33] = [
    65, 196, 42, 133, 170, 86, 48, 89, 10, 220, 141, 28, 151, 165, 21, 155, 36, 85, 222, 162, 23, 196, 148, 101, 135,
    134, 234, 199, 179, 118, 167, 85, 247,
];

const ABSMAX: [f32; 2] = [0.16324677, 0.07042226];

pub fn register(suite: &mut Suite) {
    suite.case("as bitsandbytes packs it", 4, |case| {
        let (absmax, codes) = quantise(&VALUES, 64);
        case.close("absmax", absmax, ABSMAX, 1e-8);
        case.exact("bytes", pack(&codes), PACKED);
        Ok(())
    });
    suite.case("as bitsandbytes reads it", 2, |case| {
        let numbers = dequantise(&PACKED, &ABSMAX, 64, 65);
        case.exact("count", numbers.len(), 65);
        case.close("the first", &numbers[..3], [4, 1, 12].map(|code| LEVELS[code] * ABSMAX[0]), 1e-7);
        case.close("the last, a block of its own", numbers[64], ABSMAX[1], 1e-7);
        Ok(())
    });
    suite.case("no number moves further than half the widest step", 3, |case| {
        // The widest step is from -1 to -0.6962. Blocks of three, of widely different size.
        let values: Vec<f32> = (0..50).map(|i| ((i * 37 % 50) as f32 - 25.0) * 10f32.powi(i / 10 - 2)).collect();
        let (absmax, codes) = quantise(&values, 3);
        case.exact("blocks", absmax.len(), 17);
        let back = dequantise(&pack(&codes), &absmax, 3, 50);
        let off = |index: usize| (values[index] - back[index]).abs() / absmax[index / 3].max(1e-9);
        let furthest = (0..50).map(off).fold(0f32, f32::max);
        case.that(
            "the furthest",
            furthest <= 0.1520,
            "a number moved further than half a step: not the nearest level, or another block's absmax",
        );
        Ok(())
    });
    suite.case("zeros and nothing", 1, |case| {
        let (absmax, codes) = quantise(&[0.0; 5], 4);
        case.exact("codes of zeros", &codes, [7; 5]);
        case.exact("five zeros", dequantise(&pack(&codes), &absmax, 4, 5), [0.0; 5]);
        case.exact("no bytes of no codes", pack(&[]).len(), 0);
        Ok(())
    });
}

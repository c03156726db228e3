//! `nf4.cu` against `quant::block`.

use deltaw::{
    device::Precision,
    quant::{Codebook, Quantised, Scales, quantise},
};
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    arguments::{Arguments, decode, encode, rounded},
    program::Program,
    random,
};

/// A product: W (out, in) in blocks of `block`, and `rows` rows of inputs.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) shape: (usize, usize),
    pub(crate) rows: usize,
    pub(crate) block: usize,
    pub(crate) double: bool,
    /// Numbers before the inputs in their piece of memory.
    pub(crate) begin: usize,
}

/// Sums in another order may differ by this for each term, whose size is at most 1.
const SUMS: f32 = 1e-5;

/// Half of the distance between neighbours, over the number: what rounding a result may move it by.
fn rounding(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 0.0,
        Precision::Bf16 => 1.0 / 256.0,
        Precision::F16 => 1.0 / 2048.0,
    }
}

/// Every case.
pub(crate) fn all(program: &Program) -> Result<(), String> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    // Rows that begin in the middle of a byte or of a block, a last block that is short, more scales than share a constant, rows of whole words,
    // single terms either way.
    let shapes = [(1, 1), (5, 13), (32, 64), (7, 9), (3, 200), (64, 65), (300, 70), (9, 520), (40, 1), (1, 40)];
    for (number, shape) in shapes.into_iter().enumerate() {
        for double in [false, true] {
            // Powers of two and others, whole words and not.
            let block = [64, 64, 48, 50][(number + usize::from(double)) % 4];
            let (rows, begin) = (1 + number % 2, if double { number % 3 } else { 0 });
            case(program, &mut rng, &Case { shape, rows, block, double, begin })?;
        }
    }
    case(program, &mut rng, &Case { shape: (7, 9), rows: 0, block: 64, double: false, begin: 0 })?;
    extremes(program, &mut rng)
}

/// A few, for programs that are slow.
pub(crate) fn few(program: &Program) -> Result<(), String> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // More outputs than a block of threads has warps, rows that begin inside a byte; whole words, of aligned inputs and others.
    case(program, &mut rng, &Case { shape: (5, 77), rows: 2, block: 64, double: true, begin: 0 })?;
    case(program, &mut rng, &Case { shape: (5, 72), rows: 1, block: 48, double: false, begin: 0 })?;
    case(program, &mut rng, &Case { shape: (3, 264), rows: 1, block: 64, double: false, begin: 1 })
}

/// All kernels on one weight.
pub(crate) fn case(program: &Program, rng: &mut ChaCha8Rng, case: &Case) -> Result<(), String> {
    let (out, width) = case.shape;
    let numbers = quantise(&random(rng, out * width), case.block, &Codebook::nf4()).unwrap();
    let numbers = if case.double { numbers.double() } else { numbers };
    let (x, dy) = (random(rng, case.rows * width), random(rng, case.rows * out));
    for precision in Precision::ALL {
        let what = format!("{case:?} in {precision}");
        dequantise(program, &numbers, precision, &what)?;
        for (side, input) in [(Side::Forward, &x), (Side::Backward, &dy)] {
            product(program, &numbers, case.shape, (side, input, case.begin), precision)
                .map_err(|error| format!("{error}, {case:?}"))?;
        }
    }
    Ok(())
}

/// Bit for bit.
fn dequantise(program: &Program, numbers: &Quantised, precision: Precision, what: &str) -> Result<(), String> {
    let arguments = Arguments::default().unwritten(precision, numbers.count()).quantised(numbers);
    let got = program.run(&format!("nf4_dequantise_{precision}"), &arguments.0)?;
    match got == encode(precision, &numbers.dequantise()) {
        true => Ok(()),
        false => Err(format!("{what}: dequantised numbers are not the same bits")),
    }
}

/// From zero on, as the kernels sum: Rust's own sum of floats begins with -0.
fn sum(terms: impl Iterator<Item = f32>) -> f32 {
    terms.fold(0.0, |sum, term| sum + term)
}

/// x Wᵀ or dy W.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Forward,
    Backward,
}

impl Side {
    fn kernel(self, precision: Precision) -> String {
        match self {
            Self::Forward => format!("nf4_matvec_{precision}"),
            Self::Backward => format!("nf4_matvec_transposed_{precision}"),
        }
    }

    /// What the twin makes of `input`, and how many terms each number of it sums.
    fn twin(self, dense: &[f32], (out, width): (usize, usize), input: &[f32]) -> (Vec<f32>, usize) {
        let weight = |o: usize, i: usize| dense[o * width + i];
        match self {
            Self::Forward => {
                let one = |x: &[f32], o: usize| sum((0..width).map(|i| weight(o, i) * x[i]));
                (input.chunks(width).flat_map(|x| (0..out).map(move |o| one(x, o))).collect(), width)
            }
            Self::Backward => {
                let one = |dy: &[f32], i: usize| sum((0..out).map(|o| weight(o, i) * dy[o]));
                (input.chunks(out).flat_map(|dy| (0..width).map(move |i| one(dy, i))).collect(), out)
            }
        }
    }
}

fn product(
    program: &Program,
    numbers: &Quantised,
    (out, width): (usize, usize),
    (side, input, begin): (Side, &[f32], usize),
    precision: Precision,
) -> Result<(), String> {
    let kernel = side.kernel(precision);
    let dense = rounded(precision, &numbers.dequantise());
    let (want, terms) = side.twin(&dense, (out, width), &rounded(precision, input));
    let placed = [&vec![f32::NAN; begin], input].concat();
    let arguments = Arguments::default().unwritten(precision, want.len()).values(precision, &placed);
    let arguments = arguments.quantised(numbers).longs(&[out as u64]).longs(&[width as u64]).longs(&[begin as u64]);
    let got = program.run(&kernel, &arguments.0)?;
    // A sum of one term is the same in any order.
    if terms == 1 {
        return match got == encode(precision, &want) {
            true => Ok(()),
            false => Err(format!("{kernel}, W ({out}, {width}): single terms are not the same bits")),
        };
    }
    for (got, want) in decode(precision, &got).into_iter().zip(want) {
        let bound = SUMS * terms as f32 + rounding(precision) * want.abs();
        // What is not a number is not within anything.
        if (got - want).abs().partial_cmp(&bound).is_none_or(|order| order.is_gt()) {
            return Err(format!("{kernel}, W ({out}, {width}): {got} for {want}, bound {bound:.1e}"));
        }
    }
    Ok(())
}

/// Scales and inputs far outside the usual: subnormal, largest and infinite halves. Only sums of one term: others have no bound worth stating.
fn extremes(program: &Program, rng: &mut ChaCha8Rng) -> Result<(), String> {
    let count = 512;
    let mut packed = vec![0; count / 2];
    rng.fill_bytes(&mut packed);
    let scales = (0..count / 8).map(|_| wild(rng)).collect();
    let numbers = Quantised::from_parts(packed, Scales::Plain(scales), count, 8, Codebook::nf4())?;
    for precision in Precision::ALL {
        dequantise(program, &numbers, precision, "scales of any size")?;
        for _ in 0..4 {
            let input = [wild(rng)];
            product(program, &numbers, (count, 1), (Side::Forward, &input, 0), precision)?;
            product(program, &numbers, (1, count), (Side::Backward, &input, 0), precision)?;
        }
    }
    Ok(())
}

/// Finite, of either sign, from 2^-30 to 2^17.
fn wild(rng: &mut ChaCha8Rng) -> f32 {
    let size = rng.random_range(1f32..2.0) * f32::from(rng.random_range(-30i8..17)).exp2();
    if rng.random() { size } else { -size }
}

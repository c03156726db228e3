//! `lora.cu` against `serve::kernels`.

use deltaw::{
    device::Precision,
    serve::kernels::{LowRank, bgmv, sgmv},
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    arguments::{Arguments, decode},
    program::Program,
    random,
};

/// Sums in another order may differ by this for each input, whose size is at most 1.
const SUMS: f32 = 2e-5;

/// Every case.
pub(crate) fn all(program: &Program) -> Result<(), String> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    case(program, &mut rng, &[1], 1, (1, 1))?;
    case(program, &mut rng, &[2, 5], 0, (30, 20))?;
    // An adapter that leaves the projection alone, with a bias and without.
    case(program, &mut rng, &[0, 3, 2, 0], 9, (30, 20))?;
    // A block of threads exactly, one fewer, one more; segments that are cut.
    for (width, out) in [(64, 64), (63, 65), (65, 63)] {
        case(program, &mut rng, &[1, 33], 40, (width, out))?;
    }
    for _ in 0..6 {
        let ranks: Vec<usize> = (0..rng.random_range(1..5)).map(|_| rng.random_range(1..17)).collect();
        let (rows, shape) = (rng.random_range(1..12), (rng.random_range(1..150), rng.random_range(1..150)));
        case(program, &mut rng, &ranks, rows, shape)?;
    }
    Ok(())
}

/// A few, for programs that are slow.
pub(crate) fn few(program: &Program) -> Result<(), String> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // The last adapter is not the widest: one rank too many reads what does not exist. Rows alone, and rows that share.
    case(program, &mut rng, &[3, 8, 1], 7, (70, 33))?;
    case(program, &mut rng, &[3, 8, 1], 2, (70, 33))
}

/// Factors of random ranks, each adapter's where it begins in one piece of memory.
struct Mix {
    numbers: Vec<f32>,
    ranks: Vec<usize>,
    a: Vec<u64>,
    b: Vec<u64>,
    bias: Vec<Option<u64>>,
    scales: Vec<f32>,
    width: usize,
    out: usize,
}

impl Mix {
    fn new(rng: &mut ChaCha8Rng, ranks: &[usize], width: usize, out: usize) -> Self {
        let mut numbers = Vec::new();
        let mut put = |count: usize| {
            // What lies between belongs to nobody.
            numbers.extend([f32::NAN; 3]);
            let start = numbers.len() as u64;
            numbers.extend(random(rng, count));
            start
        };
        let (mut a, mut b, mut bias, mut scales) = (vec![], vec![], vec![], vec![]);
        for (number, rank) in ranks.iter().enumerate() {
            b.push(put(rank * out));
            bias.push((number % 2 == 1).then(|| put(out)));
            // Last: what follows the last adapter's A is not there at all.
            a.push(put(rank * width));
            scales.push(0.5 + number as f32);
        }
        Self { numbers, ranks: ranks.to_vec(), a, b, bias, scales, width, out }
    }

    fn views(&self) -> Vec<LowRank<'_>> {
        let rows = |start: u64, rank: usize, count: usize| {
            (0..rank).map(|k| &self.numbers[start as usize + k * count..][..count]).collect()
        };
        let view = |n: usize| LowRank {
            a: rows(self.a[n], self.ranks[n], self.width),
            b: rows(self.b[n], self.ranks[n], self.out),
            scale: self.scales[n],
            bias: self.bias[n].map(|start| &self.numbers[start as usize..][..self.out]),
        };
        (0..self.ranks.len()).map(view).collect()
    }

    fn arguments(&self, arguments: Arguments) -> Arguments {
        let bias: Vec<u64> = self.bias.iter().map(|bias| bias.unwrap_or(u64::MAX)).collect();
        arguments
            .floats(&self.numbers)
            .longs(&self.a)
            .longs(&self.b)
            .longs(&bias)
            .ints(self.ranks.iter().copied())
            .floats(&self.scales)
            .longs(&[self.out as u64])
            .longs(&[self.width as u64])
            .longs(&[self.ranks.iter().copied().max().unwrap_or(0) as u64])
    }
}

/// BGMV and SGMV on rows of random adapters.
pub(crate) fn case(
    program: &Program,
    rng: &mut ChaCha8Rng,
    ranks: &[usize],
    rows: usize,
    (width, out): (usize, usize),
) -> Result<(), String> {
    let mix = Mix::new(rng, ranks, width, out);
    let index: Vec<Option<usize>> =
        (0..rows).map(|_| Some(rng.random_range(0..=ranks.len())).filter(|n| *n < ranks.len())).collect();
    let (x, y, views) = (random(rng, rows * width), random(rng, rows * out), mix.views());
    let mut want = y.clone();
    let mut v = bgmv::shrink(&x, width, &index, &views);
    bgmv::expand(&mut v, &index, &views, &mut want, out);

    let segments = sgmv::segments(&index, views.len());
    let indices: Vec<u8> =
        index.iter().flat_map(|n| n.map_or(-1, |n| i32::try_from(n).unwrap()).to_le_bytes()).collect();
    let starts = segments.iter().scan(0, |sum, segment| {
        *sum += segment.rows.len();
        Some(*sum)
    });
    let arguments = Arguments::default().floats(&y).floats(&x).bytes(&indices);
    let arguments = arguments.ints(segments.iter().flat_map(|segment| segment.rows.iter().copied()));
    let arguments =
        arguments.ints(std::iter::once(0).chain(starts)).ints(segments.iter().map(|segment| segment.adapter));
    let arguments = mix.arguments(arguments);
    let bound = SUMS * width as f32;
    for kernel in ["bgmv", "sgmv"] {
        let got = decode(Precision::F32, &program.run(kernel, &arguments.0)?);
        let gap = got.iter().zip(&want).map(|(got, want)| (got - want).abs());
        // What is not a number is not within anything; `max` would drop it.
        let most = gap.fold(0.0, |most, gap| if gap.is_nan() { f32::INFINITY } else { most.max(gap) });
        if got.len() != want.len() || most > bound {
            return Err(format!(
                "{kernel}, ranks {ranks:?}, {rows} rows, {width} to {out}: off by {most:.1e}, bound {bound:.1e}"
            ));
        }
    }
    Ok(())
}

//! The CUDA kernels without a GPU: the same sources compiled by the host's C++ compiler (`tests/kernels/host.h` plays the device), against
//! their CPU twins, over random shapes; and under ThreadSanitizer, for which a missing barrier is a data race.
#![allow(clippy::unwrap_used)]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use deltaw::{
    quant::{Codebook, DynamicMap, Quantised, Scales, quantise},
    serve::kernels::{LowRank, bgmv, sgmv},
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The kernels as a program, with a sanitizer or without; none where there is no compiler, which is said.
fn program(sanitizer: Option<&str>) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = dir.join(format!("kernels-{}", sanitizer.unwrap_or("plain")));
    let mut compiler = Command::new("g++");
    compiler.args(["-std=c++20", "-O1", "-pthread", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror"]);
    compiler.args(sanitizer.map(|name| format!("-fsanitize={name}")));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels/main.cpp");
    match compiler.arg(source).arg("-o").arg(&program).status() {
        Ok(status) => {
            assert!(status.success(), "g++ does not compile the kernels");
            Some(program)
        }
        Err(error) => {
            eprintln!("SKIPPED: the kernels need g++ to be tested on the host ({error})");
            None
        }
    }
}

fn plain() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(|| program(None)).as_deref()
}

/// What goes to a kernel's program: arrays and numbers, each with its length.
#[derive(Default)]
struct Arguments(Vec<u8>);

impl Arguments {
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend((bytes.len() as u64).to_le_bytes());
        self.0.extend(bytes);
        self
    }

    fn floats(self, values: &[f32]) -> Self {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    }

    fn ints(self, values: impl IntoIterator<Item = usize>) -> Self {
        let values = values.into_iter().map(|value| i32::try_from(value).unwrap().to_le_bytes());
        self.bytes(&values.flatten().collect::<Vec<_>>())
    }

    fn longs(self, values: &[u64]) -> Self {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    }

    fn quantised(self, numbers: &Quantised) -> Self {
        let arguments = self.bytes(numbers.packed()).floats(numbers.codebook().values());
        match numbers.scales() {
            Scales::Plain(absmax) => arguments.floats(absmax).bytes(&[]).floats(&[]).floats(&[]).floats(&[0.0]),
            Scales::Double { coded, offset } => {
                let map = DynamicMap::signed().values();
                arguments.floats(&[]).bytes(&coded.codes).floats(map).floats(&coded.absmax).floats(&[*offset])
            }
        }
    }

    fn run(&self, program: &Path, kernel: &str) -> Vec<u8> {
        let pipes = Command::new(program)
            .arg(kernel)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = pipes.unwrap();
        child.stdin.take().unwrap().write_all(&self.0).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{kernel}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

fn random(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A matrix (out, in) in NF4.
fn weight(rng: &mut ChaCha8Rng, (out, width): (usize, usize), double: bool) -> Quantised {
    let numbers = quantise(&random(rng, out * width), 64, &Codebook::nf4()).unwrap();
    if double { numbers.double() } else { numbers }
}

fn close(got: &[f32], want: &[f32], size: f32, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let gap = got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
    assert!(gap < 1e-5 * size, "{what}: {gap}");
}

fn nf4_case(program: &Path, rng: &mut ChaCha8Rng, shape: (usize, usize), rows: usize, double: bool) {
    let (numbers, (out, width)) = (weight(rng, shape, double), shape);
    let (dense, what) = (numbers.dequantise(), format!("{shape:?}, {rows} rows, double {double}"));

    let arguments = |zeros: &[u8]| Arguments::default().bytes(zeros).quantised(&numbers).longs(&[64]);
    let got = floats(&arguments(&vec![0; 4 * dense.len()]).run(program, "nf4_dequantise_f32"));
    assert_eq!(got, dense, "{what}: bit for bit");
    let got = arguments(&vec![0; 2 * dense.len()]).run(program, "nf4_dequantise_bf16");
    let want: Vec<u8> = dense.iter().flat_map(|value| half::bf16::from_f32(*value).to_bits().to_le_bytes()).collect();
    assert_eq!(got, want, "{what}: bfloat16");

    let (x, dy) = (random(rng, rows * width), random(rng, rows * out));
    let product = |kernel: &str, y: usize, x: &[f32]| {
        let arguments = Arguments::default().floats(&vec![0.0; y]).floats(x).quantised(&numbers);
        let sizes = [out as u64, width as u64, 64];
        let arguments = sizes.iter().fold(arguments, |arguments, size| arguments.longs(&[*size]));
        floats(&arguments.run(program, kernel))
    };
    let (mut forward, mut backward) = (vec![0.0; rows * out], vec![0.0; rows * width]);
    for row in 0..rows {
        for o in 0..out {
            for i in 0..width {
                forward[row * out + o] += dense[o * width + i] * x[row * width + i];
                backward[row * width + i] += dense[o * width + i] * dy[row * out + o];
            }
        }
    }
    close(&product("nf4_matvec", rows * out, &x), &forward, width as f32, &what);
    close(&product("nf4_matvec_transposed", rows * width, &dy), &backward, out as f32, &what);
}

/// Factors of random ranks in one piece of memory, as pages hold them.
struct Mix {
    pages: Vec<f32>,
    a: Vec<Vec<u64>>,
    b: Vec<Vec<u64>>,
    bias: Vec<Option<u64>>,
    scales: Vec<f32>,
    width: usize,
    out: usize,
}

impl Mix {
    fn new(rng: &mut ChaCha8Rng, ranks: &[usize], width: usize, out: usize) -> Self {
        let mut mix = Self { pages: vec![], a: vec![], b: vec![], bias: vec![], scales: vec![], width, out };
        let mut put = |pages: &mut Vec<f32>, count: usize| {
            // Rows lie apart, as they do when pages end.
            pages.extend(random(rng, 3));
            let start = pages.len() as u64;
            pages.extend(random(rng, count));
            start
        };
        for (number, rank) in ranks.iter().enumerate() {
            mix.a.push((0..*rank).map(|_| put(&mut mix.pages, width)).collect());
            mix.b.push((0..*rank).map(|_| put(&mut mix.pages, out)).collect());
            mix.bias.push((number % 2 == 1).then(|| put(&mut mix.pages, out)));
            mix.scales.push(0.5 + number as f32);
        }
        mix
    }

    fn views(&self) -> Vec<LowRank<'_>> {
        let row = |start: &u64, count: usize| &self.pages[*start as usize..][..count];
        let view = |n: usize| LowRank {
            a: self.a[n].iter().map(|start| row(start, self.width)).collect(),
            b: self.b[n].iter().map(|start| row(start, self.out)).collect(),
            scale: self.scales[n],
            bias: self.bias[n].as_ref().map(|start| row(start, self.out)),
        };
        (0..self.a.len()).map(view).collect()
    }

    fn arguments(&self, arguments: Arguments) -> Arguments {
        let ranks: Vec<usize> = self.a.iter().map(Vec::len).collect();
        let first = ranks.iter().scan(0, |sum, rank| Some(std::mem::replace(sum, *sum + rank)));
        let bias: Vec<u64> = self.bias.iter().map(|bias| bias.unwrap_or(u64::MAX)).collect();
        arguments
            .floats(&self.pages)
            .longs(&self.a.concat())
            .longs(&self.b.concat())
            .longs(&bias)
            .ints(first)
            .ints(ranks.iter().copied())
            .floats(&self.scales)
            .longs(&[self.out as u64])
            .longs(&[self.width as u64])
            .longs(&[ranks.iter().copied().max().unwrap_or(0) as u64])
    }
}

fn lora_case(program: &Path, rng: &mut ChaCha8Rng, ranks: &[usize], rows: usize, (width, out): (usize, usize)) {
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
    for kernel in ["bgmv", "sgmv"] {
        let what = format!("{kernel}, ranks {ranks:?}, {rows} rows, {width} to {out}");
        close(&floats(&arguments.run(program, kernel)), &want, (width * 20) as f32, &what);
    }
}

#[test]
fn nf4_kernels_equal_their_cpu_twins() {
    let Some(program) = plain() else { return };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    // Rows that begin in the middle of a byte or of a block, a last block that is short, and more scales than share a constant.
    for (shape, rows) in
        [((1, 1), 1), ((5, 13), 3), ((32, 64), 2), ((7, 9), 0), ((3, 200), 1), ((64, 65), 2), ((300, 70), 2)]
    {
        for double in [false, true] {
            nf4_case(program, &mut rng, shape, rows, double);
        }
    }
}

#[test]
fn mixed_batch_kernels_equal_their_cpu_twins() {
    let Some(program) = plain() else { return };
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    lora_case(program, &mut rng, &[1], 1, (1, 1));
    lora_case(program, &mut rng, &[2, 5], 0, (30, 20));
    // A block of threads exactly, one fewer, one more; segments that are cut.
    for (width, out) in [(64, 64), (63, 65), (65, 63)] {
        lora_case(program, &mut rng, &[1, 33], 40, (width, out));
    }
    for _ in 0..6 {
        let ranks: Vec<usize> = (0..rng.random_range(1..5)).map(|_| rng.random_range(1..17)).collect();
        let (rows, shape) = (rng.random_range(1..12), (rng.random_range(1..150), rng.random_range(1..150)));
        lora_case(program, &mut rng, &ranks, rows, shape);
    }
}

#[test]
fn no_kernel_races_or_reads_outside_its_arrays() {
    for sanitizer in ["thread", "address"] {
        let Some(program) = program(Some(sanitizer)) else { return };
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        nf4_case(&program, &mut rng, (5, 77), 2, true);
        // The last adapter is not the widest: one rank too many is a row that does not exist.
        lora_case(&program, &mut rng, &[3, 8, 1], 7, (70, 33));
    }
}

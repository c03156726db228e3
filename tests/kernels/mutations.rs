//! Mistakes, made one at a time in the sources: the cases that the sources pass must find each of them.
//!
//! ```text
//! cargo test --release --test kernels -- --ignored --nocapture     compiles a program for each: minutes
//! ```

use std::{fs, path::Path};

use super::{
    lora, nf4,
    program::{Build, Program},
};

/// `from` becomes `to` in a source; `build` is the program that sees it.
struct Mutation {
    what: &'static str,
    from: &'static str,
    to: &'static str,
    build: Build,
}

const fn plain(what: &'static str, from: &'static str, to: &'static str) -> Mutation {
    Mutation { what, from, to, build: Build::Plain }
}

const fn address(what: &'static str, from: &'static str, to: &'static str) -> Mutation {
    Mutation { what, from, to, build: Build::Address }
}

const fn thread(what: &'static str, from: &'static str, to: &'static str) -> Mutation {
    Mutation { what, from, to, build: Build::Thread }
}

const NF4: [Mutation; 20] = [
    plain("the wrong half of a byte, dequantised", "narrow(table[pair >> 4] *", "narrow(table[pair & 15] *"),
    plain("the wrong half of a byte, by the word", "(k % 2 ? 0 : 4)", "(k % 2 ? 4 : 0)"),
    plain("the wrong half of a byte, by the byte", "rounded<T>(values[pair >> 4] *", "rounded<T>(values[pair & 15] *"),
    plain("the wrong half of a byte, transposed", "i % 2 ? pair & 15 : pair >> 4", "i % 2 ? pair >> 4 : pair & 15"),
    plain("a block begins a number early", "i >> s.shift", "(i + 1) >> s.shift"),
    plain("the same where it is no power of two", "i / s.block :", "(i + 1) / s.block :"),
    plain("twice the constants of the second level", "block / COARSE]", "block / (COARSE / 2)]"),
    plain("the mean of the scales left out", "s.coarse[block / COARSE] + s.offset", "s.coarse[block / COARSE]"),
    plain("a neighbour's half of a shared byte", "if (i >= first) sum", "sum"),
    plain("a row's last half byte read twice", "if (i + 1 < last)\n", "if (i < last)\n"),
    plain("the first word left out", "first + RUN * lane;", "first + RUN * (lane + 1);"),
    plain("a warp's sum without its last step", "step > 0; step /= 2) sum", "step > 1; step /= 2) sum"),
    plain("another lane writes", "row < out && lane == 0", "row < out && lane == 1"),
    plain("weights not rounded", "return wide(narrower);", "return x;"),
    plain("small halves rounded too coarsely", "+ 0.5f) - 0x3f000000u", "+ 1.0f) - 0x3f800000u"),
    address("an odd count written over its end", "if (i + 1 < count) narrow(", "narrow("),
    address("more rows than there are", "    if (row < out) {", "    {"),
    address("more columns than there are", "if (column >= in) return;", ""),
    address("inputs taken for aligned", " && (size_t)input % 16 == 0", ""),
    thread("levels read before they are written", "__syncthreads();\n    return values;", "return values;"),
];

const LORA: [Mutation; 13] = [
    plain("a warp too many in shared memory", "threadIdx.x < blockDim.x / WARP", "threadIdx.x <= blockDim.x / WARP"),
    plain("a rank too many in v", "k < s.rank[n]", "k <= s.rank[n]"),
    plain("the scale left out", "return s.scale[n] * sum", "return sum"),
    plain("the bias left out", "s.bias[n] ? s.bias[n][col] : 0.0f", "0.0f"),
    plain("the columns of B from the other end", "s.b[n][k * out + col]", "s.b[n][k * out + out - 1 - col]"),
    plain(
        "a segment's last row left out",
        "place < start[g + 1]; place++) {\n        size_t row = order[place];\n        y",
        "place + 1 < start[g + 1]; place++) {\n        size_t row = order[place];\n        y",
    ),
    plain("a warp's sum without its last step", "step > 0; step /= 2)", "step > 1; step /= 2)"),
    address(
        "a rank too many in A, gathered",
        "if (n < 0 || k >= s.rank[n]) return;",
        "if (n < 0 || k > s.rank[n]) return;",
    ),
    address("a rank too many in A, in segments", "    if (k >= s.rank[n]) return;", "    if (k > s.rank[n]) return;"),
    address("rows that have no adapter", "if (n < 0 || col >= out) return;", "if (col >= out) return;"),
    address("more outputs than there are", "    if (col >= out) return;", ""),
    thread("parts read before they are written", "__syncthreads();\n    sum = threadIdx.x", "sum = threadIdx.x"),
    thread("parts overwritten while they are read", "parts.\n    __syncthreads();", "parts."),
];

/// Each source: its macro, its file, its mutations, and the cases that must fail.
type Cases = fn(&Program, Build) -> Result<(), String>;
const SOURCES: [(&str, &str, &[Mutation], Cases); 2] = [
    ("NF4_CU", "src/kernels/nf4.cu", &NF4, |program, build| match build {
        Build::Plain => nf4::all(program),
        Build::Thread | Build::Address => nf4::few(program),
    }),
    ("LORA_CU", "src/kernels/lora.cu", &LORA, |program, build| match build {
        Build::Plain => lora::all(program),
        Build::Thread | Build::Address => lora::few(program),
    }),
];

fn source(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn every_mutation_is_of_one_place() {
    for (_, file, mutations, _) in SOURCES {
        let text = source(file);
        for mutation in mutations {
            assert_eq!(text.matches(mutation.from).count(), 1, "{file}: {}", mutation.what);
        }
    }
}

#[test]
#[ignore = "compiles a program for each of the mistakes"]
fn every_mutation_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut survivors = Vec::new();
    for (name, file, mutations, cases) in SOURCES {
        let text = source(file);
        for mutation in mutations.iter().filter(|mutation| mutation.build.is_possible()) {
            let mutated = dir.path().join("mutated.cu");
            fs::write(&mutated, text.replacen(mutation.from, mutation.to, 1)).unwrap();
            let program = mutation.build.compile(&[(name, &mutated)]);
            match cases(&program, mutation.build) {
                Err(error) => {
                    println!("{file}: {}: found: {}", mutation.what, error.lines().next().unwrap_or_default())
                }
                Ok(()) => survivors.push(format!("{file}: {}", mutation.what)),
            }
        }
    }
    assert!(survivors.is_empty(), "{survivors:#?}");
}

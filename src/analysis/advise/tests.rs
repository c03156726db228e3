//! The table of situations, each with the method that its arithmetic allows.
#![allow(clippy::unwrap_used)]

use super::*;

fn situation(model: &str, memory: f64) -> Situation {
    Situation {
        model: Architecture::named(model).unwrap().clone(),
        base: model.to_owned(),
        memory: memory * 1e9,
        gpus: 1,
        goal: Goal::Instructions,
        examples: 10_000,
        tasks: 1,
        length: 2048,
        serving: Serving::Auto,
        latency: false,
    }
}

fn method(situation: &Situation) -> Choice {
    advise(situation).unwrap().method
}

#[test]
fn memory_decides_between_lora_and_qlora() {
    assert_eq!(method(&situation("llama-2-7b", 24.0)), Choice::Lora);
    assert_eq!(method(&situation("llama-2-7b", 12.0)), Choice::Qlora);
    assert_eq!(method(&situation("llama-2-70b", 80.0)), Choice::Qlora);
    assert_eq!(method(&situation("llama-2-70b", 24.0)), Choice::None);
    assert_eq!(method(&Situation { gpus: 2, ..situation("llama-2-70b", 96.0) }), Choice::Lora);
}

#[test]
fn a_corpus_asks_for_full_fine_tuning_where_it_fits() {
    let corpus = |memory, gpus| Situation { goal: Goal::Knowledge, gpus, ..situation("llama-2-7b", memory) };
    assert_eq!(method(&corpus(80.0, 8)), Choice::Full);
    assert_eq!(method(&corpus(24.0, 1)), Choice::Qlora, "r = 256 on 7B makes a large adapter");
    assert_eq!(method(&Situation { tasks: 5, ..corpus(80.0, 8) }), Choice::Lora);
}

#[test]
fn serving_decides_about_merging() {
    let one = advise(&situation("llama-2-7b", 24.0)).unwrap();
    assert!(one.recommendation.contains("merged") && one.commands.vllm.unwrap().contains("my-merged-model"));
    let many = advise(&Situation { tasks: 200, latency: true, ..situation("llama-2-7b", 24.0) }).unwrap();
    let line = many.commands.vllm.unwrap();
    assert!(line.contains("--enable-lora") && line.contains("--max-loras 32") && line.contains("--max-cpu-loras 200"));
    assert!(many.because.iter().any(|line| line.contains("Latency counts")));
    let four = advise(&situation("llama-2-7b", 12.0)).unwrap();
    assert!(four.because.iter().any(|line| line.contains("merge-into-quantised")));
    // One task kept apart because that was asked for, not because there is no room.
    let asked = advise(&Situation { serving: Serving::Many, ..situation("llama-2-7b", 24.0) }).unwrap();
    assert!(
        asked.because.iter().any(|line| line.starts_with("As asked"))
            && asked.commands.vllm.unwrap().contains("--enable-lora")
    );
    // 138 GB of merged weights fit no card of 80 GB: the adapter stays beside the 4-bit base.
    let large = advise(&situation("llama-2-70b", 80.0)).unwrap();
    assert!(large.commands.vllm.unwrap().contains("--quantization bitsandbytes --enable-lora"));
}

#[test]
fn every_regime_needs_less_than_the_one_before() {
    let advice = advise(&situation("llama-2-7b", 24.0)).unwrap();
    assert!(advice.fits.windows(2).all(|pair| pair[0].states > pair[1].states), "{:?}", advice.fits);
}

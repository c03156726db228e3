//! The shipped tiny base: it masters its skills on inputs it never saw, does not know the new ones, and learns one in seconds.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Var};
use deltaw::{
    model::{Decoder, Doors, Shut, tiny},
    peft::{Full, Lora, Method as _, Targets, lora::Config},
    train::{Plan, Skill, exact_match, fit, skills},
};

const RECORD: &str = include_str!("../assets/tiny/pretrain.json");

fn base() -> Decoder {
    tiny::load(&Device::Cpu).unwrap()
}

fn record() -> serde_json::Value {
    serde_json::from_str(RECORD).unwrap()
}

#[test]
fn the_base_has_the_sizes_that_pretraining_trains_and_the_recorded_count() {
    let base = base();
    assert_eq!(base.config(), &tiny::config());
    assert_eq!(base.parameter_count() as u64, record()["parameters"].as_u64().unwrap());
}

#[test]
fn the_base_masters_what_pretraining_taught_and_the_record_says_so() {
    let base = base();
    for skill in skills::PRETRAINED {
        let recorded = record()["held_out_exact_match"][skill.name].as_f64().unwrap();
        let right = exact_match(&base, &Shut, skill, 200, 3).unwrap();
        println!("{:<6} {right:.3} (recorded {recorded:.3})", skill.name);
        // Two hundred fresh examples against the recorded five hundred: three standard errors apart at most, and never poor.
        let error = (recorded * (1.0 - recorded) / 200.0).sqrt();
        assert!((right - recorded).abs() <= 3.0 * error + 0.02, "{}: {right} against {recorded}", skill.name);
        assert!(right > 0.9, "{}: {right}", skill.name);
    }
}

#[test]
fn the_new_skills_are_new() {
    let base = base();
    for skill in skills::NEW {
        let right = exact_match(&base, &Shut, skill, 100, 3).unwrap();
        assert!(right < 0.1, "{} is known already: {right}", skill.name);
    }
}

fn plan(learning_rate: f64) -> Plan {
    let skills = vec![Skill::named("revup").unwrap()];
    Plan { skills, steps: 80, batch: 24, learning_rate, warmup: 8, weight_decay: 0.0, seed: 0 }
}

fn learn(model: &Decoder, doors: &dyn Doors, variables: Vec<Var>, learning_rate: f64) -> f64 {
    fit(model, doors, variables, &plan(learning_rate), |_| Ok(())).unwrap();
    exact_match(model, doors, Skill::named("revup").unwrap(), 200, 3).unwrap()
}

#[test]
fn full_fine_tuning_learns_the_new_skill() {
    let full = Full::new(&base()).unwrap();
    let right = learn(full.model(), &Shut, full.variables().iter().map(|(_, v)| v.clone()).collect(), 1e-3);
    println!("full fine-tuning: {right:.3}");
    assert!(right > 0.8, "{right}");
}

#[test]
fn lora_learns_the_new_skill_with_a_small_share_of_the_parameters() {
    let base = base();
    let config = Config { rank: 8, alpha: 8.0, targets: Targets::AllLinear, ..Config::default() };
    let lora = Lora::new(&base, config).unwrap();
    let right = learn(&base, &lora, lora.variables(), 5e-3);
    println!("LoRA, {} of {} parameters: {right:.3}", lora.parameter_count(), base.parameter_count());
    assert!(right > 0.8, "{right}");
    assert!(lora.parameter_count() * 5 < base.parameter_count());
}

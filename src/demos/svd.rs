//! `svd`: the singular values of a real update.
//!
//! Fully fine-tunes the tiny base on a skill it has never seen, takes `ΔW = W − W₀` (out, in) of every projection, and compares its
//! spectrum with that of a random matrix of the same norm and with `W₀` itself. "Fine-tuning moves in a low-rank space" is often said;
//! Biderman et al. 2024 (arXiv 2405.09673, §4.6) measured the opposite for code and mathematics. Here is what this run says.

use ndarray::Array2;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::{ArgSpec, Args, Chart, Demo, Error, Figure, Report, Series, Table, lab};
use crate::{
    analysis::spectrum::{effective_rank, energy_at},
    linalg::singular_values,
    model::{Projection, Shut, Site},
    peft::Full,
    train::exact_match,
};

pub(super) const DEMO: Demo = Demo {
    name: "svd",
    about: "fully fine-tunes the tiny base on a new skill and takes the SVD of every update",
    args: &[
        ArgSpec { name: "steps", default: "40", help: "training steps, 1 to 2000" },
        ArgSpec { name: "batch", default: "16", help: "examples a step, 1 to 256" },
        ArgSpec { name: "lr", default: "0.003", help: "peak learning rate, 0.00001 to 0.1" },
        ArgSpec { name: "seed", default: "0", help: "seed of the examples, 0 to 1000000" },
    ],
    run,
};

/// Ranks at which the kept energy is reported.
const RANKS: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// Held-out prompts asked before and after.
const EXAM: usize = 100;

/// The three spectra of one site.
struct Spectra {
    site: Site,
    update: Vec<f64>,
    random: Vec<f64>,
    base: Vec<f64>,
}

fn run(args: &Args) -> Result<Report, Error> {
    let steps = lab::number("svd", args, "steps", 40, 1..=2000)?;
    let batch = lab::number("svd", args, "batch", 16, 1..=256)?;
    let rate = lab::number("svd", args, "lr", 3e-3, 1e-5..=0.1)?;
    let seed = lab::number("svd", args, "seed", 0, 0..=1_000_000)?;

    let base = lab::base()?;
    let before = exact_match(&base, &Shut, lab::new_skill()?, EXAM, 7)?;
    let full = Full::new(&base)?;
    let variables = full.variables().iter().map(|(_, variable)| variable.clone()).collect();
    let curve = lab::train(full.model(), &Shut, variables, &lab::plan(steps, batch, rate, seed)?)?;
    let after = exact_match(full.model(), &Shut, lab::new_skill()?, EXAM, 7)?;

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Vec::new();
    for site in full.sites() {
        let update = lab::matrix(&full.delta(&base, site)?)?;
        let Some(weight) = base.projection(site) else { continue };
        let random = Array2::from_shape_fn(update.dim(), |_| -> f32 { StandardNormal.sample(&mut rng) });
        let spectrum = |matrix: &Array2<f32>| singular_values(matrix).map_err(|error| Error::Other(error.to_string()));
        let update = spectrum(&update)?;
        // Scaling a matrix scales its singular values, so the random one is brought to the update's norm afterwards.
        let mut random = spectrum(&random)?;
        let ratio = frobenius(&update) / frobenius(&random);
        random.iter_mut().for_each(|value| *value *= ratio);
        all.push(Spectra { site, update, random, base: spectrum(&lab::matrix(&weight.dense()?)?)? });
    }
    Ok(report(steps, &all, (before, after), &curve))
}

fn frobenius(singular_values: &[f64]) -> f64 {
    singular_values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

fn report(steps: usize, all: &[Spectra], (before, after): (f64, f64), curve: &[(f64, f64)]) -> Report {
    let skill = lab::NEW_SKILL;
    let full_rank = mean(all.iter().map(|s| s.update.len() as f64));
    let ranks = [
        mean(all.iter().map(|s| effective_rank(&s.update))),
        mean(all.iter().map(|s| effective_rank(&s.random))),
        mean(all.iter().map(|s| effective_rank(&s.base))),
    ];
    let mut numbers = std::collections::BTreeMap::from([
        ("exact_match_before".to_owned(), before),
        ("exact_match_after".to_owned(), after),
        ("loss_first".to_owned(), curve.first().map_or(f64::NAN, |(_, loss)| *loss)),
        ("loss_last".to_owned(), lab::tail(curve)),
        ("full_rank".to_owned(), full_rank),
        ("effective_rank_update".to_owned(), ranks[0]),
        ("effective_rank_random".to_owned(), ranks[1]),
        ("effective_rank_base".to_owned(), ranks[2]),
    ]);
    let mut energy = Vec::new();
    for rank in RANKS {
        let kept = [
            mean(all.iter().map(|s| energy_at(&s.update, rank))),
            mean(all.iter().map(|s| energy_at(&s.random, rank))),
            mean(all.iter().map(|s| energy_at(&s.base, rank))),
        ];
        numbers.insert(format!("energy_update_rank_{rank}"), kept[0]);
        numbers.insert(format!("energy_random_rank_{rank}"), kept[1]);
        let mut row = vec![(rank as u64).into()];
        row.extend(kept.map(|share| (100.0 * share).into()));
        energy.push(row);
    }
    Report {
        demo: "svd".to_owned(),
        title: format!("Singular values of ΔW after fully fine-tuning on `{skill}`"),
        text: vec![
            format!("{steps} steps on a skill that pretraining never showed: held-out exact match {:.0} % → {:.0} %.", 100.0 * before, 100.0 * after),
            format!("Mean effective rank over {} matrices of mean full rank {full_rank:.0}: ΔW {:.1}, random matrix of the same norm {:.1}, W₀ {:.1}.", all.len(), ranks[0], ranks[1], ranks[2]),
            format!("Rank 8 keeps {:.0} % of ΔW's energy on average, and {:.0} % of the random matrix's.", 100.0 * numbers["energy_update_rank_8"], 100.0 * numbers["energy_random_rank_8"]),
            "ΔW is far from random, yet not of rank 8: full fine-tuning does not confine itself to LoRA's space. That LoRA learns the task too shows that many different ΔW do.".to_owned(),
        ],
        numbers,
        tables: vec![
            Table {
                title: "Energy (share of ‖·‖²) kept by the best approximation of rank k, mean over matrices, %".to_owned(),
                columns: ["k", "ΔW", "random", "W₀"].map(str::to_owned).to_vec(),
                rows: energy,
            },
            Table {
                title: "By projection, mean over layers".to_owned(),
                columns: ["projection", "‖ΔW‖/‖W₀‖ %", "effective rank", "of", "energy at 8, %"].map(str::to_owned).to_vec(),
                rows: Projection::ALL.into_iter().map(|projection| by_projection(projection, all)).collect(),
            },
        ],
        figure: Some(spectra_figure(all)),
    }
}

fn by_projection(projection: Projection, all: &[Spectra]) -> Vec<super::Value> {
    let of = || all.iter().filter(|s| s.site.projection == projection);
    vec![
        projection.name().into(),
        (100.0 * mean(of().map(|s| frobenius(&s.update) / frobenius(&s.base)))).into(),
        mean(of().map(|s| effective_rank(&s.update))).into(),
        mean(of().map(|s| s.update.len() as f64)).into(),
        (100.0 * mean(of().map(|s| energy_at(&s.update, 8)))).into(),
    ]
}

/// Mean spectra over all matrices, each divided by its norm: the shape is what is compared.
fn spectra_figure(all: &[Spectra]) -> Figure {
    let shortest = all.iter().map(|s| s.update.len()).min().unwrap_or(0);
    let line = |name: &str, pick: fn(&Spectra) -> &Vec<f64>| Series {
        name: name.to_owned(),
        points: (0..shortest)
            .map(|i| ((i + 1) as f64, mean(all.iter().map(|s| pick(s)[i] / frobenius(pick(s)).max(f64::MIN_POSITIVE)))))
            .collect(),
    };
    Figure {
        title: "Singular values over the matrix norm, mean over matrices".to_owned(),
        x: "index of the singular value".to_owned(),
        y: "σ / ‖·‖".to_owned(),
        log_x: false,
        log_y: true,
        chart: Chart::Lines(vec![line("ΔW", |s| &s.update), line("random", |s| &s.random), line("W₀", |s| &s.base)]),
    }
}

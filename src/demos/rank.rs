//! `rank`: the same task learnt at several ranks.
//!
//! The LoRA paper's Table 6 (arXiv 2106.09685) finds r = 1 competitive on GPT-3; "r = 4 to 8 is the floor" is folklore. Here the tiny
//! base learns a new skill with LoRA on every projection at r = 1, 2, 4, 8, with the same seed and schedule.

use super::{ArgSpec, Args, Chart, Demo, Error, Figure, Report, Series, Table, lab};
use crate::{
    peft::{
        Method as _, Targets,
        lora::{Config, Lora},
    },
    train::exact_match,
};

pub(super) const DEMO: Demo = Demo {
    name: "rank",
    about: "the tiny base learns a new skill with LoRA at r = 1, 2, 4, 8",
    args: &[
        ArgSpec { name: "steps", default: "40", help: "training steps of each run, 1 to 1000" },
        ArgSpec { name: "lr", default: "0.01", help: "peak learning rate, 0.00001 to 0.1" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

const RANKS: [usize; 4] = [1, 2, 4, 8];

/// Held-out prompts asked at the end.
const EXAM: usize = 60;

fn run(args: &Args) -> Result<Report, Error> {
    let steps = lab::number("rank", args, "steps", 40, 1..=1000)?;
    let rate = lab::number("rank", args, "lr", 1e-2, 1e-5..=0.1)?;
    let seed = lab::number("rank", args, "seed", 0, 0..=1_000_000)?;
    let base = lab::base()?;
    let (mut rows, mut lines, mut numbers) = (Vec::new(), Vec::new(), std::collections::BTreeMap::new());
    for rank in RANKS {
        let config = Config { rank, alpha: rank as f64, targets: Targets::AllLinear, seed, ..Config::default() };
        let lora = Lora::new(&base, config)?;
        let curve = lab::train(&base, &lora, lora.variables(), &lab::plan(steps, 16, rate, seed)?)?;
        let right = exact_match(&base, &lora, lab::new_skill()?, EXAM, 7)?;
        let (count, last) = (lora.parameter_count(), lab::tail(&curve));
        numbers.insert(format!("parameters_rank_{rank}"), count as f64);
        numbers.insert(format!("loss_last_rank_{rank}"), last);
        numbers.insert(format!("exact_match_rank_{rank}"), right);
        let share = 100.0 * count as f64 / base.parameter_count() as f64;
        rows.push(vec![(rank as u64).into(), (count as u64).into(), share.into(), last.into(), (100.0 * right).into()]);
        lines.push(Series { name: format!("r = {rank}"), points: curve });
    }
    Ok(Report {
        demo: "rank".to_owned(),
        title: format!("LoRA on every projection, `{}`, {steps} steps, α = r", lab::NEW_SKILL),
        text: vec![
            "Rank 1 learns too; a larger rank has more capacity and, under α = r with Adam, takes larger first steps."
                .to_owned(),
            "A short run at one learning rate ranks nothing for good: sweep the rate for each rank before concluding."
                .to_owned(),
        ],
        numbers,
        tables: vec![Table {
            title: "After training".to_owned(),
            columns: ["r", "trained", "share of the base, %", "loss", "held-out exact match, %"]
                .map(str::to_owned)
                .to_vec(),
            rows,
        }],
        figure: Some(Figure {
            title: "Loss by rank".to_owned(),
            x: "step".to_owned(),
            y: "loss, nats a token".to_owned(),
            log_x: false,
            log_y: false,
            chart: Chart::Lines(lines),
        }),
    })
}

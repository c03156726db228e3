//! Whether the methods are right on the device: golden cases of other libraries, a base in narrower types, the demos.

use candle_core::{Device, Result};

use super::{Check, Found, Plan};
use crate::{
    demos,
    device::{Precision, down},
    model::{Decoder, Shut, one_line, tiny, tokens},
    parity::{self, Outcome},
};

/// What narrower weights may move logits by, over the largest logit.
const BOUNDS: [(Precision, f64); 2] = [(Precision::Bf16, 5e-2), (Precision::F16, 1e-2)];

/// Demos that a small check runs.
const FEW: [&str; 4] = ["b-zero", "merge", "nf4", "dropout"];

/// Golden cases, training traces among them, and bases in narrower types against f32 on the CPU.
pub(super) fn parity(plan: &Plan, found: &mut Found) -> Result<()> {
    let base = parity::base(&plan.goldens, &plan.device)?;
    for name in parity::cases(&plan.goldens)? {
        if !found.has_time(&format!("parity, {name}")) {
            continue;
        }
        let report = parity::run(&plan.goldens, &name, &base);
        let detail = match &report.outcome {
            Outcome::Broken(why) => why.clone(),
            Outcome::Compared(checks) => {
                let share = |check: &parity::Check| check.absolute / check.tolerance.max(f64::MIN_POSITIVE);
                let worst = checks.iter().max_by(|a, b| share(a).total_cmp(&share(b)));
                worst.map_or_else(String::new, |worst| {
                    format!("{}: off by {:.1e}, tolerance {:.1e}", worst.what, worst.absolute, worst.tolerance)
                })
            }
        };
        found.checks.push(Check { part: "parity".to_owned(), name, passed: report.passes(), detail });
    }
    let exact = logits(&tiny::load(&Device::Cpu)?)?;
    let largest = exact.iter().fold(0f32, |most, logit| most.max(logit.abs()));
    for (precision, bound) in BOUNDS {
        let narrow = logits(&tiny::load(&plan.device)?.in_precision(precision)?)?;
        let gaps = narrow.iter().zip(&exact).map(|(narrow, exact)| (narrow - exact).abs());
        // NaN must win: `max` would drop it.
        let most = gaps.fold(0f32, |most, gap| if gap.is_nan() { f32::INFINITY } else { most.max(gap) });
        let off = f64::from(most / largest);
        found.checks.push(Check {
            part: "parity".to_owned(),
            name: format!("the tiny base in {precision}"),
            passed: off <= bound,
            detail: format!("logits off by {off:.1e} of the largest, bound {bound:.1e}"),
        });
    }
    Ok(())
}

fn logits(model: &Decoder) -> Result<Vec<f32>> {
    let ids = tokens::encode("rev:hello>olleh.up:abc>ABC.")?;
    let count = ids.len();
    down(&model.forward(&crate::device::up(ids, (1, count), model.device())?, &Shut)?)
}

/// The demos with their own settings; each must compute something.
pub(super) fn demos(plan: &Plan, found: &mut Found) {
    let before = crate::device::current();
    crate::device::make_current(&plan.device);
    for demo in demos::registry().iter().filter(|demo| !plan.small || FEW.contains(&demo.name)) {
        if !found.has_time(&format!("demo {}", demo.name)) {
            continue;
        }
        let (passed, detail) = match (demo.run)(&demos::Args::new()) {
            Ok(report) => (
                !report.tables.is_empty() || report.figure.is_some(),
                report.text.join(" ").chars().take(160).collect(),
            ),
            Err(error) => (false, one_line(&error)),
        };
        found.checks.push(Check { part: "demos".to_owned(), name: demo.name.to_owned(), passed, detail });
    }
    crate::device::make_current(&before);
}

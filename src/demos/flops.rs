//! `flops`: what a training step of a linear layer costs, full and with LoRA, counted and timed.
//!
//! Full: forward, gradient by the input, gradient by the weight: 3N² multiplications a token. LoRA: the last one falls away and 6Nr come
//! (counted as in Schulman et al. 2025, "LoRA Without Regret"): 2N² + 6Nr.

use std::{hint::black_box, time::Instant};

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab, toy};

pub(super) const DEMO: Demo = Demo {
    name: "flops",
    about: "multiplications and time of a layer's training step, full against LoRA",
    args: &[
        ArgSpec { name: "width", default: "768", help: "N, 64 to 2048" },
        ArgSpec { name: "rank", default: "16", help: "rank, 1 to 256" },
        ArgSpec { name: "tokens", default: "256", help: "tokens in the batch, 16 to 1024" },
    ],
    run,
};

/// Repetitions; the fastest counts.
const ROUNDS: usize = 5;

fn run(args: &Args) -> Result<Report, Error> {
    let n: usize = lab::number("flops", args, "width", 768, 64..=2048)?;
    let r: usize = lab::number("flops", args, "rank", 16, 1..=256)?;
    let tokens: usize = lab::number("flops", args, "tokens", 256, 16..=1024)?;
    let mut random = toy::random(0);
    let (w, x, g) = (
        toy::gaussian(n, n, 0.02, &mut random),
        toy::gaussian(tokens, n, 1.0, &mut random),
        toy::gaussian(tokens, n, 1.0, &mut random),
    );
    let (a, b) = (toy::gaussian(r, n, 0.02, &mut random), toy::gaussian(n, r, 0.02, &mut random));
    let full = fastest(|| {
        black_box(x.dot(&w.t()));
        black_box(g.dot(&w));
        black_box(g.t().dot(&x));
    });
    let lora = fastest(|| {
        let h = x.dot(&a.t());
        black_box(x.dot(&w.t()) + h.dot(&b.t()));
        let back = g.dot(&b);
        black_box(g.dot(&w) + back.dot(&a));
        black_box(g.t().dot(&h));
        black_box(back.t().dot(&x));
    });
    let (count_full, count_lora) = (3 * n * n, 2 * n * n + 6 * n * r);
    let (counted, timed) = (count_lora as f64 / count_full as f64, lora / full);
    let row = |name: &str, count: usize, time: f64| vec![name.into(), (count as u64).into(), (1e3 * time).into()];
    Ok(Report::new("flops", format!("One linear layer, N = {n}, r = {r}, {tokens} tokens"))
        .number("ratio counted", counted)
        .number("ratio timed", timed)
        .line(format!("Counted, a LoRA step costs {:.1} % of a full one: the base's weight gradient falls away, forward and input gradient stay.", 100.0 * counted))
        .line(format!("Timed here, on this CPU and in this run: {:.0} %. Small products are less efficient than large ones.", 100.0 * timed))
        .line("So neither \"the same FLOPs\" nor \"in proportion to the trained parameters\".")
        .table("Forward and backward", &["step", "multiplications a token", "milliseconds"], vec![row("full", count_full, full), row("LoRA", count_lora, lora)])
        .figure("LoRA's step over the full one", ("", "%"), (false, false), Chart::Bars(vec![("counted".to_owned(), 100.0 * counted), ("timed".to_owned(), 100.0 * timed)])))
}

/// Seconds of the fastest of several runs.
fn fastest(mut work: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

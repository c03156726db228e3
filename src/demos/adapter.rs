//! `adapter`: why a bottleneck adapter cannot be folded into a weight and LoRA can.
//!
//! Adapter (Houlsby et al. 2019, arXiv 1902.00751, §2.1): `h + U·f(D·h)`, D (m, d) down, U (d, m) up. With f the identity it would be
//! the matrix `I + UD`; with a nonlinearity no matrix gives the same function.

use ndarray::Array2;

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab, toy};

pub(super) const DEMO: Demo = Demo {
    name: "adapter",
    about: "the best single matrix for a bottleneck adapter and for LoRA: only one of them fits",
    args: &[
        ArgSpec { name: "width", default: "64", help: "d, 8 to 256" },
        ArgSpec { name: "bottleneck", default: "16", help: "m (and LoRA's rank), 1 to 64" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

fn run(args: &Args) -> Result<Report, Error> {
    let d: usize = lab::number("adapter", args, "width", 64, 8..=256)?;
    let m: usize = lab::number("adapter", args, "bottleneck", 16, 1..=64)?;
    let mut random = toy::random(lab::number("adapter", args, "seed", 0, 0..=1_000_000)?);
    let deviation = 1.0 / (d as f32).sqrt();
    let down = toy::gaussian(m, d, deviation, &mut random);
    let up = toy::gaussian(d, m, 1.0 / (m as f32).sqrt(), &mut random);
    // Rows are inputs. More of them than columns, so that a fit cannot cheat.
    let inputs = toy::gaussian(8 * d, d, 1.0, &mut random);
    let relu = |x: f32| x.max(0.0);
    let bottleneck = inputs.dot(&down.t());
    let rows = [
        ("adapter: h + U relu(D h)", &inputs + &bottleneck.mapv(relu).dot(&up.t())),
        ("adapter without the nonlinearity", &inputs + &bottleneck.dot(&up.t())),
        ("LoRA: h + B A h", &inputs + &bottleneck.dot(&up.t())),
        ("reversed: up, relu, down", &inputs + &inputs.dot(&up).mapv(relu).dot(&down)),
    ];
    let mut report = Report::new("adapter", "Is there a matrix that does the same?");
    let (mut table, mut bars) = (Vec::new(), Vec::new());
    for (name, outputs) in &rows {
        let error = residual(&inputs, outputs)?;
        report = report.number(format!("residual {name}"), error);
        table.push(vec![(*name).into(), (100.0 * error).into(), if error < 1e-4 { "yes" } else { "no" }.into()]);
        bars.push(((*name).to_owned(), 100.0 * error));
    }
    let (adapter, lora) = ((2 * d * m + m + d) as f64, (2 * d * m) as f64);
    Ok(report
        .number("adapter parameters", adapter)
        .number("lora parameters", lora)
        .line("For each function the best matrix is fitted by least squares; what remains is what no weight can hold.")
        .line("The nonlinearity alone keeps the adapter from being merged: without it the residual is rounding.")
        .line(format!("Both cost about the same here: {adapter} numbers with biases against {lora}. Only the adapter must run at inference, in series."))
        .table("Least-squares residual of the best matrix", &["function", "residual, %", "mergeable"], table)
        .figure("What no matrix can hold", ("", "% of the output's norm"), (false, false), Chart::Bars(bars)))
}

/// Relative residual of the best linear map from `inputs` to `outputs`, through the SVD of the inputs.
fn residual(inputs: &Array2<f32>, outputs: &Array2<f32>) -> Result<f64, Error> {
    let svd = toy::decompose(inputs)?;
    let outputs = outputs.mapv(f64::from);
    // Projection on the column space of the inputs: the fitted values.
    let fitted = svd.u.dot(&svd.u.t().dot(&outputs));
    let off = (&fitted - &outputs).mapv(|value| value * value).sum();
    Ok((off / outputs.mapv(|value| value * value).sum()).sqrt())
}

//! Bottleneck adapters: order, residual, placement, merging.

use super::Computation;
use crate::{
    claims::{Bench, Evidence, bench::of},
    demos::{Error, lab},
    model::{Shut, Sublayer},
    peft::{bottleneck::Config, houlsby, pfeiffer},
};

pub(super) const ALL: &[Computation] = &[
    ("adapter-order", order),
    ("adapter-residual", residual),
    ("adapter-placement", placement),
    ("adapter-not-mergeable", not_mergeable),
];

fn order(bench: &Bench) -> Result<Evidence, Error> {
    let (d, m) = (bench.base().config().hidden_size, 16);
    let adapters = houlsby::new(bench.base(), &Config { width: m, ..Config::default() })?;
    let module = adapters.modules().values().next().ok_or_else(|| Error::Other("no adapter".to_owned()))?;
    let (first, second) = (module.down.weight.dims2()?, module.up.weight.dims2()?);
    let parts = [&module.down, &module.up];
    let counted: usize = parts
        .iter()
        .map(|dense| dense.weight.elem_count() + dense.bias.as_ref().map_or(0, |bias| bias.elem_count()))
        .sum();
    Ok(Evidence::new("The shapes (out, in) of an adapter on the tiny base, 128 wide, bottleneck 16")
        .number("first matrix, out", first.0 as f64)
        .number("first matrix, in", first.1 as f64)
        .number("second matrix, out", second.0 as f64)
        .number("second matrix, in", second.1 as f64)
        .number("parameters", counted as f64)
        .expect("the first goes down, d to m, the second up again", first == (m, d) && second == (d, m))
        .expect("2dm + m + d parameters", counted == 2 * d * m + m + d))
}

fn residual(bench: &Bench) -> Result<Evidence, Error> {
    let batch = lab::batch(16, 0)?;
    let clean = bench.base().forward(&batch.ids, &Shut)?;
    let mut evidence = Evidence::new("A fresh Houlsby adapter on the tiny base: shift of the logits over their norm");
    let mut shifts = Vec::new();
    for (name, std, zero_up) in
        [("σ = 0.01", 0.01, false), ("σ = 0.02", 0.02, false), ("up-projection zero", 0.02, true)]
    {
        let adapters = houlsby::new(bench.base(), &Config { std, zero_up, ..Config::default() })?;
        let shift = lab::norm(&(bench.base().forward(&batch.ids, &adapters)? - &clean)?)? / lab::norm(&clean)?;
        evidence = evidence.number(format!("{name}, %"), 100.0 * shift);
        shifts.push(shift);
    }
    Ok(evidence
        .expect(
            "near the identity: under a tenth, and nearer for the smaller weights",
            shifts[1] < 0.1 && shifts[0] < shifts[1],
        )
        .expect("with a zero up-projection exactly the base", shifts[2] == 0.0))
}

fn placement(bench: &Bench) -> Result<Evidence, Error> {
    let layers = bench.base().config().num_hidden_layers;
    let (two, one) =
        (houlsby::new(bench.base(), &Config::default())?, pfeiffer::new(bench.base(), &Config::default())?);
    let after_mlp = one.modules().keys().all(|(_, which)| *which == Sublayer::Mlp);
    Ok(Evidence::new("Modules of both kinds on the tiny base, five layers")
        .number("Houlsby", two.modules().len() as f64)
        .number("Pfeiffer", one.modules().len() as f64)
        .expect("Houlsby: two a layer", two.modules().len() == 2 * layers)
        .expect("Pfeiffer: one a layer, after the MLP", one.modules().len() == layers && after_mlp))
}

fn not_mergeable(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("adapter", &[])?;
    let (live, linear) =
        (of(&demo, "residual adapter: h + U relu(D h)")?, of(&demo, "residual adapter without the nonlinearity")?);
    Ok(Evidence::new(
        "The best single matrix for an adapter, by least squares: what it cannot reproduce, % of the output",
    )
    .number("with ReLU, %", 100.0 * live)
    .number("without, %", 100.0 * linear)
    .expect("with the nonlinearity a tenth or more is out of reach", live > 0.1)
    .expect("without it the fit is exact, but for rounding", linear < 1e-5))
}

//! Methods that train vectors: (IA)³ and VeRA.

use candle_core::Tensor;

use super::Computation;
use crate::{
    claims::{Bench, Evidence, bench::of},
    demos::{Error, lab, toy},
    model::{Projection, Shut},
    peft::{Ia3, Method as _, Targets, Vera, ia3::Scaling, merge, vera},
};

pub(super) const ALL: &[Computation] =
    &[("ia3-form", ia3_form), ("ia3-mergeable", ia3_mergeable), ("vera-form", vera_form)];

/// Keys, values and the MLP's inner activations, as in the paper.
fn ia3(bench: &Bench) -> Result<Ia3, Error> {
    let targets = Targets::from([Projection::K, Projection::V, Projection::Down]);
    Ok(Ia3::new(bench.base(), &targets, &Targets::from([Projection::Down]))?)
}

/// Largest difference of a logit.
fn gap(a: &Tensor, b: &Tensor) -> Result<f64, Error> {
    Ok(f64::from((a - b)?.abs()?.max_all()?.to_scalar::<f32>()?))
}

fn ia3_form(bench: &Bench) -> Result<Evidence, Error> {
    let (base, method, batch) = (bench.base(), ia3(bench)?, lab::batch(4, 0)?);
    let clean = base.forward(&batch.ids, &Shut)?;
    let fresh = gap(&base.forward(&batch.ids, &method)?, &clean)?;
    let ones = method
        .variables()
        .iter()
        .all(|l| l.flatten_all().and_then(|l| l.to_vec1::<f32>()).is_ok_and(|l| l.iter().all(|x| *x == 1.0)));
    for variable in method.variables() {
        variable.set(&variable.zeros_like()?)?;
    }
    let zero = gap(&base.forward(&batch.ids, &method)?, &clean)?;
    let config = base.config();
    let wanted =
        config.num_hidden_layers * (2 * config.num_key_value_heads * config.head_dim() + config.intermediate_size);
    Ok(Evidence::new("(IA)³ on k, v and the MLP of the tiny base, fresh and with its vectors at zero")
        .number("trained", method.parameter_count() as f64)
        .number("largest shift of a logit, fresh", fresh)
        .number("largest shift of a logit, vectors at zero", zero)
        .expect("L(2·d_kv + d_ff) numbers", method.parameter_count() == wanted)
        .expect("they start at ones, and the fresh model is the base", ones && fresh == 0.0)
        .expect("zeros would not do", zero > 1.0))
}

fn ia3_mergeable(bench: &Bench) -> Result<Evidence, Error> {
    let (base, method, batch) = (bench.base(), ia3(bench)?, lab::batch(4, 0)?);
    let mut random = toy::random(1);
    for variable in method.variables() {
        let values = toy::normal(variable.elem_count(), &mut random).mapv(|x| 1.0 + 0.2 * x).to_vec();
        variable.set(&Tensor::from_vec(values, variable.shape(), &lab::device())?)?;
    }
    let live = base.forward(&batch.ids, &method)?;
    let merged = merge(base, &method)?;
    let off = gap(&merged.model.forward(&batch.ids, &Shut)?, &live)?;
    let Some((_, variable)) =
        method.scalings().iter().next().map(|(site, Scaling::Output(l) | Scaling::Input(l))| (site, l))
    else {
        return Err(Error::Other("no site".to_owned()));
    };
    variable.set(&variable.zeros_like()?)?;
    let refused = merge(base, &method)?.unmerge(&method).is_err();
    let demo = bench.demo("ia3", &[])?;
    let rank = of(&demo, "rank of the change")?;
    Ok(Evidence::new(
        "(IA)³ with random vectors merged into the tiny base; the rank of (diag(ℓ) − I)W for a random 96×96 W",
    )
    .number("largest difference of a logit", off)
    .number("rank of the change", rank)
    .expect("merged and unmerged agree, but for rounding", off < 1e-3)
    .expect("the change has full rank", rank == 96.0)
    .expect("a factor of zero cannot be taken out again: it is refused", refused))
}

fn vera_form(bench: &Bench) -> Result<Evidence, Error> {
    let (base, batch) = (bench.base(), lab::batch(4, 0)?);
    let method = Vera::new(base, vera::Config::default())?;
    let twin = Vera::new(base, vera::Config::default())?;
    let shift = gap(&base.forward(&batch.ids, &method)?, &base.forward(&batch.ids, &Shut)?)?;
    let same = gap(method.pair().0, twin.pair().0)? + gap(method.pair().1, twin.pair().1)?;
    let two = method.named_variables().len() == 2 * method.vectors().len();
    let all = |tensor: &Tensor, wanted: f32| {
        tensor.to_vec1::<f32>().is_ok_and(|values| values.iter().all(|value| (value - wanted).abs() < 1e-6))
    };
    let starts =
        method.vectors().values().all(|vectors| all(vectors.b.as_tensor(), 0.0) && all(vectors.d.as_tensor(), 0.1));
    Ok(Evidence::new("VeRA at r = 256 on q,v of the tiny base")
        .number("trained", method.parameter_count() as f64)
        .number("largest shift of a logit, fresh", shift)
        .number("difference of two pairs from one seed", same)
        .expect("two vectors a matrix, b from 0 and d from 0.1", two && starts)
        .expect("the fresh model is the base", shift == 0.0)
        .expect("one seed gives one pair", same == 0.0))
}

//! LoftQ's start: the quantised base and what its error left for the factors.

use candle_core::{Result, Tensor, bail};
use serde_json::Value;

use super::{Case, Check, check};
use crate::{model::Decoder, peft::loftq};

pub(super) fn compare(case: &Case, base: &Decoder) -> Result<Vec<Check>> {
    let number = |name: &str| match case.hyper(name).and_then(Value::as_u64) {
        Some(number) => Ok(number as usize),
        None => bail!("case.json has no `{name}`"),
    };
    if number("num_bits")? != 4 {
        bail!("case.json: num_bits other than 4 is not supported");
    }
    let (rank, iterations) = (number("r")?, number("num_iter")?);
    let weights = base.tensors();
    let mut names: Vec<&str> = case.names().filter_map(|name| name.strip_suffix("/dequantised")).collect();
    names.sort_unstable();
    let mut checks = Vec::new();
    for name in names {
        let Some(weight) = weights.get(name) else { bail!("io.safetensors names `{name}`, which the base has not") };
        let (a, b, quantised) = loftq::split(weight, rank, iterations)?;
        checks.push(case.check(&format!("{name}/dequantised"), &quantised, "dequantised_abs")?);
        let product = |a: &Tensor, b: &Tensor| b.matmul(a);
        let expected = product(case.tensor(&format!("{name}/lora_A"))?, case.tensor(&format!("{name}/lora_B"))?)?;
        checks.push(check(format!("{name}: B A"), &product(&a, &b)?, &expected, case.tolerance("BA_abs")?)?);
    }
    Ok(checks)
}

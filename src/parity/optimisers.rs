//! Optimisers on one matrix: AdamW in 32 bits, paged, and with 8-bit moments.

use candle_core::{Result, Tensor, Var, backprop::GradStore, bail};
use serde_json::Value;

use super::{Case, Check};
use crate::optim::{AdamW, Groups, Hyper, Optimizer, eight_bit::AdamW8bit, paged::PagedAdamW};

pub(super) fn compare(case: &Case) -> Result<Vec<Check>> {
    let number = |name: &str| match case.hyper(name).and_then(Value::as_f64) {
        Some(number) => Ok(number),
        None => bail!("case.json has no `{name}`"),
    };
    let beta = |index: usize| case.hyper("betas").and_then(|betas| betas.get(index)).and_then(Value::as_f64);
    let (Some(beta1), Some(beta2)) = (beta(0), beta(1)) else { bail!("case.json has no two betas") };
    let hyper = Hyper {
        learning_rate: number("lr")?,
        betas: (beta1, beta2),
        eps: number("eps")?,
        weight_decay: number("weight_decay")?,
    };
    let run = |make: &dyn Fn(Groups) -> Result<Box<dyn Optimizer>>| -> Result<Tensor> {
        let variable = Var::from_tensor(case.tensor("initial")?)?;
        let mut optimizer = make(Groups::from(vec![variable.clone()]))?;
        for grad in case.tensor("grads")?.chunk(case.tensor("grads")?.dim(0)?, 0)? {
            optimizer.step(&store(&variable, &grad.squeeze(0)?)?)?;
        }
        Ok(variable.as_detached_tensor())
    };
    let plain = run(&|groups| Ok(Box::new(AdamW::new(groups, hyper)?)))?;
    let paged = run(&|groups| Ok(Box::new(PagedAdamW::new(&groups, hyper, 0)?)))?;
    let rounded = run(&|groups| Ok(Box::new(AdamW8bit::new(groups, hyper, 0)?)))?;
    Ok(vec![
        case.check("torch_adamw", &plain, "torch_adamw_abs")?,
        case.check("paged32", &paged, "paged32_abs")?,
        case.check("adam8", &rounded, "adam8_abs")?,
    ])
}

/// A gradient as if the backward pass had found it.
fn store(variable: &Var, grad: &Tensor) -> Result<GradStore> {
    let mut grads = variable.as_tensor().sum_all()?.backward()?;
    grads.insert(variable.as_tensor(), grad.clone());
    Ok(grads)
}

//! Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174): keep the input of each block, and compute the block again when its gradient
//! is wanted.
//!
//! ```text
//! forward:   x₀ = embed(ids),  x_{l+1} = block_l(x_l) with its graph thrown away          kept: x₀ … x_L
//! backward:  g_L = ∂loss/∂x_L;   for l = L−1 … 0:   y = block_l(x_l) again,  ∂⟨y, g_{l+1}⟩ gives g_l and the block's own gradients
//! ```
//!
//! The scalar product turns "continue the backward pass from here with this gradient" into an ordinary loss. Costs one more forward pass;
//! alive at once: the inputs of blocks and the graph of one block instead of all graphs.

use candle_core::{Result, Tensor, Var, backprop::GradStore};

use super::{
    Batch, Stepper,
    step::{add, scalar},
};

/// The loss of a batch, and the gradients of `share` times it for the stepper's variables.
pub(super) fn gradients(stepper: &Stepper<'_>, batch: &Batch, share: f64) -> Result<(f64, GradStore)> {
    let Stepper { model, doors, dropout, variables, .. } = stepper;
    let draws = || dropout.map_or(0, |dropout| dropout.draws());
    let embedded = model.embed(&batch.ids, *doors)?;
    let at = batch.positions(model, *doors, &embedded)?;

    let (mut inputs, mut x) = (Vec::new(), embedded.detach());
    for layer in 0..model.config().num_hidden_layers {
        let input = Var::from_tensor(&x)?;
        let drawn = draws();
        x = model.block(layer, input.as_tensor(), &at, *doors)?.detach();
        inputs.push((input, drawn));
    }
    let drawn = draws();

    let last = Var::from_tensor(&x)?;
    let loss = model.head_loss(last.as_tensor(), batch.ids.dim(1)?, &batch.rows, &batch.targets)?;
    let value = scalar(&loss)?;
    let mut head = (loss * share)?.backward()?;
    let mut grad = take(&mut head, &last)?;
    let mut grads = add(GradStore::default(), head, variables)?;

    for (layer, (input, drawn)) in inputs.into_iter().enumerate().rev() {
        // The same masks as in the forward pass.
        if let Some(dropout) = dropout {
            dropout.set_draws(drawn);
        }
        let y = model.block(layer, input.as_tensor(), &at, *doors)?;
        let mut own = product(&y, &grad)?.backward()?;
        grad = take(&mut own, &input)?;
        grads = add(grads, own, variables)?;
    }
    if let Some(dropout) = dropout {
        dropout.set_draws(drawn);
    }
    // Virtual tokens, or an embedding table that trains.
    if embedded.track_op() {
        grads = add(grads, product(&embedded, &grad)?.backward()?, variables)?;
    }
    Ok((value, grads))
}

/// ⟨y, g⟩ with g constant.
fn product(y: &Tensor, grad: &Tensor) -> Result<Tensor> {
    (y * grad.detach())?.sum_all()
}

fn take(grads: &mut GradStore, input: &Var) -> Result<Tensor> {
    match grads.remove(input.as_tensor()) {
        Some(grad) => Ok(grad),
        None => candle_core::bail!("no gradient reaches the input of a block"),
    }
}

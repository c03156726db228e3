//! Public tests, worked by hand:
//!
//! ```text
//! W = [1 2; 3 4; 5 6]    A = [1 -1; 0 1]    B = [1 0; 2 0; 0 1]    alpha = 1, r = 2, so the scale is 0.5
//! B A = [1 -1; 2 -2; 0 1]    merged [1.5 1.5; 4 3; 5 6.5]    merged twice [2 1; 5 2; 5 7]
//! x = (2, 1):    W x = (4, 10, 16)    0.5 · B A x = (0.5, 1, 0.5)    y = (4.5, 11, 16.5)
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::Layer;

const W: [[f64; 2]; 3] = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
const MERGED: [[f64; 2]; 3] = [[1.5, 1.5], [4.0, 3.0], [5.0, 6.5]];
const TWICE: [[f64; 2]; 3] = [[2.0, 1.0], [5.0, 2.0], [5.0, 7.0]];

fn layer() -> Result<Layer> {
    Ok(Layer {
        w: Tensor::new(&[[1f32, 2.0], [3.0, 4.0], [5.0, 6.0]], &Cpu)?,
        a: Tensor::new(&[[1f32, -1.0], [0.0, 1.0]], &Cpu)?,
        b: Tensor::new(&[[1f32, 0.0], [2.0, 0.0], [0.0, 1.0]], &Cpu)?,
        alpha: 1.0,
        merged: false,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("the merged weight", 2, |case| {
        let mut layer = layer()?;
        layer.merge()?;
        case.close("W", &layer.w, MERGED, 1e-6)
            .mistake("the scale alpha/r is missing", TWICE)
            .mistake("the update is subtracted; merging adds it", [[0.5, 2.5], [2.0, 5.0], [5.0, 5.5]])
            .mistake("the weight is unchanged", W)
            .mistake("the weight is replaced by the update", [[0.5, -0.5], [1.0, -1.0], [0.0, 0.5]]);
        case.that("merged", layer.merged, "the layer does not note that it is merged");
        Ok(())
    });
    suite.case("merging twice", 2, |case| {
        let mut layer = layer()?;
        layer.merge()?;
        layer.merge()?;
        case.close("W", &layer.w, MERGED, 1e-6).mistake("the update is merged twice: look at `merged` first", TWICE);
        Ok(())
    });
    suite.case("back to the base", 2, |case| {
        let mut layer = layer()?;
        layer.merge()?;
        layer.unmerge()?;
        case.close("W", &layer.w, W, 1e-6)
            .mistake("unmerging adds the update once more; it must subtract it", TWICE)
            .mistake("the update is still in the weight", MERGED);
        layer.unmerge()?;
        case.close("W, unmerged twice", &layer.w, W, 1e-6).mistake(
            "an update is taken out that was not in: look at `merged` first",
            [[0.5, 2.5], [2.0, 5.0], [5.0, 5.5]],
        );
        case.that("merged", !layer.merged, "the layer does not note that it is unmerged");
        Ok(())
    });
    suite.case("the output, merged or not", 3, |case| {
        let mut layer = layer()?;
        let x = Tensor::new(&[[2f32, 1.0]], &Cpu)?;
        let want = [[4.5, 11.0, 16.5]];
        case.close("y, not merged", layer.forward(&x)?, want, 1e-6)
            .mistake("the update is missing", [[4.0, 10.0, 16.0]])
            .mistake("the scale alpha/r is missing", [[5.0, 12.0, 17.0]]);
        layer.merge()?;
        case.close("y, merged", layer.forward(&x)?, want, 1e-6)
            .mistake("the update is added again: a merged weight has it already", [[5.0, 12.0, 17.0]]);
        Ok(())
    });
}

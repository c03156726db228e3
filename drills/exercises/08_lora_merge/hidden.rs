//! Hidden tests: another layer, by hand: B A = [2; -1] [1 0 3] = [2 0 6; -1 0 -3], scale 4.

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::Layer;

fn layer() -> Result<Layer> {
    Ok(Layer {
        w: Tensor::new(&[[1f32, 1.0, 1.0], [0.0, 2.0, 0.0]], &Cpu)?,
        a: Tensor::new(&[[1f32, 0.0, 3.0]], &Cpu)?,
        b: Tensor::new(&[[2f32], [-1.0]], &Cpu)?,
        alpha: 4.0,
        merged: false,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("another layer", 2, |case| {
        let mut layer = layer()?;
        layer.merge()?;
        case.close("W", &layer.w, [[9.0, 1.0, 25.0], [-4.0, 2.0, -12.0]], 1e-6);
        layer.merge()?;
        case.close("W, merged twice", &layer.w, [[9.0, 1.0, 25.0], [-4.0, 2.0, -12.0]], 1e-6);
        Ok(())
    });
    suite.case("several inputs, in and out and in", 3, |case| {
        let mut layer = layer()?;
        let x = Tensor::new(&[[1f32, 0.0, 0.0], [0.0, 1.0, 1.0]], &Cpu)?;
        let want = [[9.0, -4.0], [26.0, -10.0]];
        for _ in 0..3 {
            case.close("y, not merged", layer.forward(&x)?, want, 1e-5);
            layer.merge()?;
            case.close("y, merged", layer.forward(&x)?, want, 1e-5);
            layer.unmerge()?;
        }
        case.close("W in the end", &layer.w, [[1.0, 1.0, 1.0], [0.0, 2.0, 0.0]], 1e-5);
        Ok(())
    });
    suite.case("unmerging what is not merged", 1, |case| {
        let mut layer = layer()?;
        layer.unmerge()?;
        case.close("W", &layer.w, [[1.0, 1.0, 1.0], [0.0, 2.0, 0.0]], 0.0);
        Ok(())
    });
}

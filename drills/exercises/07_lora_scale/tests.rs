//! Public tests, by hand: 8/64 = 1/8, 16/√16 = 4, 8/√64 = 1.

use candle_core::{Device::Cpu, Tensor};
use deltaw::classroom::Suite;

use super::answer::{alpha_for, delta, moved, scale};

pub fn register(suite: &mut Suite) {
    suite.case("alpha over r", 2, |case| {
        case.close("PEFT's defaults, r = 8 and alpha = 8", scale(8.0, 8, false), 1.0, 1e-12)
            .mistake("alpha is not divided by anything", 8.0)
            .mistake("the rank's root is rsLoRA's rule", 8f64.sqrt());
        case.close("r = 64, alpha left at 8", scale(8.0, 64, false), 0.125, 1e-12)
            .mistake("r over alpha: the scale is upside down", 8.0)
            .mistake("alpha follows the rank here; in the config it stays as it was", 1.0);
        Ok(())
    });
    suite.case("alpha over the root of r", 2, |case| {
        case.close("r = 4, alpha = 16", scale(16.0, 4, true), 8.0, 1e-12)
            .mistake("rsLoRA divides by the root of the rank, not by the rank", 4.0)
            .mistake("the root is taken of the whole quotient alpha / r", 2.0)
            .mistake("multiplied by the root; divide by it", 32.0);
        case.close("r = 16, alpha = 16", scale(16.0, 16, true), 4.0, 1e-12);
        Ok(())
    });
    suite.case("the alpha for a scale", 1, |case| {
        case.close("0.25 at r = 64", alpha_for(0.25, 64, false), 16.0, 1e-12)
            .mistake("divided by the rank; the inverse of a division is a product", 0.25 / 64.0);
        case.close("4 at r = 16, rsLoRA", alpha_for(4.0, 16, true), 16.0, 1e-12)
            .mistake("rsLoRA's rule is not used", 64.0);
        Ok(())
    });
    suite.case("moved to a server that divides by r", 2, |case| {
        case.close("rsLoRA, r = 16, alpha = 16", moved(16.0, 16, true), 64.0, 1e-12)
            .mistake("alpha stays, so the server scales by alpha / r: the update shrinks by √r", 16.0)
            .mistake("that is the scale; the file wants the alpha that gives it", 4.0);
        case.close("LoRA, r = 16, alpha = 32", moved(32.0, 16, false), 32.0, 1e-12)
            .mistake("a plain LoRA needs no change", 128.0);
        Ok(())
    });
    suite.case("the update", 1, |case| {
        // B A = [1; 0; 2] [1 2] at r = 1: both rules agree there. Scale 3.
        let (a, b) = (Tensor::new(&[[1f32, 2.0]], &Cpu)?, Tensor::new(&[[1f32], [0.0], [2.0]], &Cpu)?);
        let want = [[3.0, 6.0], [0.0, 0.0], [6.0, 12.0]];
        case.close("r = 1", delta(&a, &b, 3.0, true)?, want, 1e-6).scale("alpha", 3.0);
        case.close("r = 1", delta(&a, &b, 3.0, false)?, want, 1e-6).scale("alpha", 3.0);
        Ok(())
    });
}

//! Hidden tests: three adapters, one input, by hand; one adapter alone; equal adapters.
//!
//! ```text
//! h = (1, 1)    Q = [ln 2 0; 0 ln 4]    Q h = (ln 2, ln 4)    z = (1, 0), (0, 1), (-1, 1)    K = identity
//! scores ln 2, ln 4, ln 2: weights 1/4, 1/2, 1/4    V = identity:  o = (1/4 - 1/4, 1/2 + 1/4)
//! ```

use candle_core::{DType, Device::Cpu, Tensor};
use deltaw::classroom::Suite;

use super::answer::{fuse, params};

pub fn register(suite: &mut Suite) {
    suite.case("three adapters", 3, |case| {
        let h = Tensor::new(&[[1f32, 1.0]], &Cpu)?;
        let z = [[1f32, 0.0], [0.0, 1.0], [-1.0, 1.0]].map(|z| Tensor::new(&[z], &Cpu));
        let z = z.into_iter().collect::<Result<Vec<_>, _>>()?;
        let q = Tensor::new(&[[2f32.ln(), 0.0], [0.0, 4f32.ln()]], &Cpu)?;
        let identity = Tensor::eye(2, DType::F32, &Cpu)?;
        case.close("o", fuse(&h, &z, &q, &identity, &identity)?, [[0.0, 0.75]], 1e-5);
        Ok(())
    });
    suite.case("one adapter is only transformed", 1, |case| {
        let h = Tensor::new(&[[3f32, -1.0]], &Cpu)?;
        let z = [Tensor::new(&[[1f32, 2.0]], &Cpu)?];
        let m = Tensor::new(&[[1f32, 2.0], [3.0, 5.0]], &Cpu)?;
        case.close("o", fuse(&h, &z, &m, &m, &m)?, [[5.0, 13.0]], 1e-5);
        Ok(())
    });
    suite.case("equal adapters give one of them", 1, |case| {
        let h = Tensor::new(&[[3f32, -1.0], [0.0, 2.0]], &Cpu)?;
        let z = vec![Tensor::new(&[[1f32, 2.0], [0.5, -4.0]], &Cpu)?; 3];
        let m = Tensor::new(&[[1f32, 2.0], [3.0, 5.0]], &Cpu)?;
        let identity = Tensor::eye(2, DType::F32, &Cpu)?;
        case.close("o", fuse(&h, &z, &m, &m, &identity)?, &z[0], 1e-5);
        Ok(())
    });
    suite.case("other sizes", 1, |case| {
        case.exact("d = 4096, 32 layers", params(4096, 32), 1_610_612_736);
        Ok(())
    });
}

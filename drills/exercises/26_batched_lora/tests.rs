//! Public tests, worked by hand:
//!
//! ```text
//! adapter 0: A = [1 2], B = [1; 0; 1], s = 2        adapter 1: A = [1 0; 0 3], B = [1 0; 0 1; 1 1], s = 0.5
//! x = (1, 0), (0, 1), (5, 5), (1, 1) with adapters 1, 0, none, 1    y = 0, 10, 20, 30 in all columns
//! row 0: 0.5 · B₁ (1, 0) = (0.5, 0, 0.5)    row 1: 2 · B₀ 2 = (4, 0, 4)    row 3: 0.5 · B₁ (1, 3) = (0.5, 1.5, 2)
//! ```

use candle_core::{Device::Cpu, Result, Tensor};
use deltaw::classroom::Suite;

use super::answer::{Adapter, gathered, segmented, segments};

struct Batch {
    y: Tensor,
    x: Tensor,
    adapters: [Adapter; 2],
}

const INDEX: [Option<usize>; 4] = [Some(1), Some(0), None, Some(1)];
const WANT: [[f64; 3]; 4] = [[0.5, 0.0, 0.5], [14.0, 10.0, 14.0], [20.0, 20.0, 20.0], [30.5, 31.5, 32.0]];

pub fn adapters() -> Result<[Adapter; 2]> {
    Ok([
        Adapter { a: Tensor::new(&[[1f32, 2.0]], &Cpu)?, b: Tensor::new(&[[1f32], [0.0], [1.0]], &Cpu)?, s: 2.0 },
        Adapter {
            a: Tensor::new(&[[1f32, 0.0], [0.0, 3.0]], &Cpu)?,
            b: Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 1.0]], &Cpu)?,
            s: 0.5,
        },
    ])
}

fn batch() -> Result<Batch> {
    Ok(Batch {
        y: Tensor::new(&[[0f32; 3], [10.0; 3], [20.0; 3], [30.0; 3]], &Cpu)?,
        x: Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [5.0, 5.0], [1.0, 1.0]], &Cpu)?,
        adapters: adapters()?,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("row by row", 3, |case| {
        let Batch { y, x, adapters } = batch()?;
        case.close("y", gathered(&y, &x, &adapters, &INDEX)?, WANT, 1e-5)
            .mistake("the scales s are missing", [[1.0, 0.0, 1.0], [12.0, 10.0, 12.0], [20.0; 3], [31.0, 33.0, 34.0]])
            .mistake("the base's output y is missing", [[0.5, 0.0, 0.5], [4.0, 0.0, 4.0], [0.0; 3], [0.5, 1.5, 2.0]])
            .mistake(
                "a request of the base has got an adapter",
                [[0.5, 0.0, 0.5], [14.0, 10.0, 14.0], [50.0, 20.0, 50.0], [30.5, 31.5, 32.0]],
            )
            .mistake(
                "all rows have got the first row's adapter",
                [[0.5, 0.0, 0.5], [10.0, 11.5, 11.5], [22.5, 27.5, 30.0], [30.5, 31.5, 32.0]],
            );
        Ok(())
    });
    suite.case("the segments", 2, |case| {
        case.same("rows by adapter", segments(&INDEX), vec![(0, vec![1]), (1, vec![0, 3])])
            .mistake_same("adapters come in ascending order", vec![(1, vec![0, 3]), (0, vec![1])])
            .mistake_same(
                "rows of one adapter belong together, also when others stand between",
                vec![(1, vec![0]), (0, vec![1]), (1, vec![3])],
            )
            .mistake_same("a row of the base is in no segment", vec![(0, vec![1, 2]), (1, vec![0, 3])]);
        Ok(())
    });
    suite.case("by segments", 4, |case| {
        let Batch { y, x, adapters } = batch()?;
        case.close("y", segmented(&y, &x, &adapters, &INDEX)?, WANT, 1e-5)
            .mistake(
                "the rows are left in the segments' order; bring them back",
                [[4.0, 0.0, 4.0], [10.5, 10.0, 10.5], [20.5, 21.5, 22.0], [30.0, 30.0, 30.0]],
            )
            .mistake("the scales s are missing", [[1.0, 0.0, 1.0], [12.0, 10.0, 12.0], [20.0; 3], [31.0, 33.0, 34.0]])
            .mistake("only the last segment is kept", [[0.5, 0.0, 0.5], [10.0; 3], [20.0; 3], [30.5, 31.5, 32.0]])
            .mistake("the base's output y is missing", [[0.5, 0.0, 0.5], [4.0, 0.0, 4.0], [0.0; 3], [0.5, 1.5, 2.0]]);
        Ok(())
    });
    suite.case("an adapter that is not there", 1, |case| {
        let Batch { y, x, adapters } = batch()?;
        case.close("y of the base alone", gathered(&y, &x, &adapters, &[None; 4])?, &y, 0.0);
        let result = gathered(&y, &x, &adapters, &[Some(2), None, None, None]);
        case.refuses("adapter 2 of two", &result, "there are adapters 0 and 1 only: refuse 2");
        Ok(())
    });
}

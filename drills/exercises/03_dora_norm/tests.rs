//! Public tests, worked by hand on Pythagorean rows:
//!
//! ```text
//! W₀ = [3 12; 0 4]    A = [1 0]    B = [1; 1.5]    s = 2    V = [5 12; 3 4]    n = (13, 5)
//! m = (26, 2.5), so m / n = (2, 0.5)    x = (1, 1)    V x = (17, 7)    y = (34, 3.5)
//!
//! With the loss sum(y) and n constant:  dm = V x / n = (17/13, 7/5)
//! dB = (m/n) · s · A x = (4, 1)         dA = Σ (m/n) · s · B · x = (2·2·1 + 0.5·2·1.5) · x = (5.5, 5.5)
//! With the gradient through n, dA has in addition  - Σ (m/n) · (V x / n) · (V / n) · s · B:
//!   first input: 2·(17/13)·(5/13)·2 + 0.5·(7/5)·(3/5)·3;  second: 2·(17/13)·(12/13)·2 + 0.5·(7/5)·(4/5)·3
//! ```

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{forward, row_norms, start};

struct Layer {
    x: Tensor,
    w: Var,
    a: Var,
    b: Var,
    m: Var,
}

const S: f64 = 2.0;

fn layer() -> Result<Layer> {
    Ok(Layer {
        x: Tensor::new(&[[1f32, 1.0]], &Cpu)?,
        w: Var::new(&[[3f32, 12.0], [0.0, 4.0]], &Cpu)?,
        a: Var::new(&[[1f32, 0.0]], &Cpu)?,
        b: Var::new(&[[1f32], [1.5]], &Cpu)?,
        m: Var::new(&[26f32, 2.5], &Cpu)?,
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("the norms of the rows", 2, |case| {
        let Layer { w, a, b, .. } = layer()?;
        case.close("n", row_norms(&w, &a, &b, S)?, [13.0, 5.0], 1e-5)
            .mistake("the norm is taken down the columns; each output has a row", [34f64.sqrt(), 160f64.sqrt()])
            .mistake("the norm is that of W₀ alone; the update B A is missing", [153f64.sqrt(), 4.0])
            .mistake("the scale s is missing", [160f64.sqrt(), (2.25f64 + 16.0).sqrt()])
            .mistake("the root is missing: that is the square of the norm", [169.0, 25.0])
            .mistake("that is the sum of the absolute values; the norm is the root of the sum of squares", [17.0, 7.0]);
        Ok(())
    });
    suite.case("the magnitude at the start", 1, |case| {
        let w = Tensor::new(&[[3f32, 4.0], [0.0, -2.0], [5.0, 12.0]], &Cpu)?;
        case.close("m", start(&w)?, [5.0, 2.0, 13.0], 1e-5)
            .mistake("the norm is taken down the columns; each output has a row", [34f64.sqrt(), 164f64.sqrt()])
            .mistake("a magnitude of one changes the fresh layer: m starts at the norms of W₀", [1.0; 3]);
        Ok(())
    });
    suite.case("the output", 3, |case| {
        let Layer { x, w, a, b, m } = layer()?;
        case.close("y", forward(&x, &w, &a, &b, &m, S)?, [[34.0, 3.5]], 1e-5)
            .mistake("the division by the norm n is missing", [[442.0, 17.5]])
            .mistake("the magnitude m is missing", [[17.0 / 13.0, 1.4]])
            .mistake("m / n is missing: that is LoRA", [[17.0, 7.0]])
            .mistake("n / m: the ratio is upside down", [[8.5, 14.0]])
            .mistake(
                "the norm is that of W₀ alone; the update B A is missing",
                [[26.0 * 17.0 / 153f64.sqrt(), 2.5 * 7.0 / 4.0]],
            )
            .mistake(
                "the norm is taken down the columns; each output has a row",
                [[26.0 * 17.0 / 34f64.sqrt(), 2.5 * 7.0 / 160f64.sqrt()]],
            )
            .mistake(
                "the update is not scaled by m / n: it belongs inside the direction V",
                [[2.0 * 15.0 + 2.0, 0.5 * 4.0 + 3.0]],
            );
        Ok(())
    });
    suite.case("magnitude and factors train", 2, |case| {
        let Layer { x, w, a, b, m } = layer()?;
        let gradients = forward(&x, &w, &a, &b, &m, S)?.sum_all()?.backward()?;
        case.gradient("dL/dm", gradients.get(&m), [17.0 / 13.0, 1.4], 1e-5);
        let through = |row: [f64; 2]| 4.0 * 17.0 / 13.0 * row[0] / 13.0 + 1.5 * 1.4 * row[1] / 5.0;
        case.gradient("dL/dA", gradients.get(&a), [[5.5, 5.5]], 1e-5).mistake(
            "the gradient flows through the norm n; the paper holds it constant",
            [[5.5 - through([5.0, 3.0]), 5.5 - through([12.0, 4.0])]],
        );
        case.gradient("dL/dB", gradients.get(&b), [[4.0], [1.0]], 1e-5);
        Ok(())
    });
    suite.case("the base is frozen", 1, |case| {
        let Layer { x, w, a, b, m } = layer()?;
        let gradients = forward(&x, &w, &a, &b, &m, S)?.sum_all()?.backward()?;
        case.no_gradient("dL/dW₀", gradients.get(&w));
        Ok(())
    });
}

//! Public tests, worked by hand.

use candle_core::{Device::Cpu, Result, Tensor, Var};
use deltaw::classroom::Suite;

use super::answer::{params, positions, prepend, targets};

fn inputs() -> Result<(Var, Tensor)> {
    let p = Var::new(&[[10f32, 20.0], [30.0, 40.0]], &Cpu)?;
    Ok((p, Tensor::new(&[[[1f32, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]], &Cpu)?))
}

/// A tensor (b, n, d) with a row for each sequence.
pub fn flat(tensor: &Tensor) -> Result<Tensor> {
    tensor.flatten_from(1)
}

pub fn register(suite: &mut Suite) {
    suite.case("the prompt in front", 2, |case| {
        let (p, x) = inputs()?;
        let y = prepend(&p, &x)?;
        case.exact("shape", y.dims(), [3, 3, 2])
            .mistake("the batch grew: the prompt goes in front of each sequence, along dimension 1", [5, 1, 2]);
        let want = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].map(|[a, b]| [10.0, 20.0, 30.0, 40.0, a, b]);
        let behind = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].map(|[a, b]| [a, b, 10.0, 20.0, 30.0, 40.0]);
        case.close("X'", flat(&y)?, want, 0.0)
            .mistake("the prompt stands behind the tokens; it belongs in front", behind);
        Ok(())
    });
    suite.case("the prompt trains", 2, |case| {
        let (p, x) = inputs()?;
        let gradients = prepend(&p, &x)?.sum_all()?.backward()?;
        // Three sequences use each number once.
        case.gradient("dL/dP", gradients.get(&p), [[3.0, 3.0], [3.0, 3.0]], 1e-6)
            .mistake("only one sequence of the batch trains the prompt", [[1.0, 1.0], [1.0, 1.0]]);
        Ok(())
    });
    suite.case("positions", 1, |case| {
        case.exact("2 and 3", positions(2, 3), [0, 1, 2, 3, 4])
            .mistake("the tokens begin at 0 again: they stand behind the prompt", [0, 1, 0, 1, 2])
            .mistake("only the tokens have positions here: the prompt's are missing", [2, 3, 4])
            .mistake("positions begin at 0", [1, 2, 3, 4, 5]);
        Ok(())
    });
    suite.case("targets", 3, |case| {
        case.exact("p = 2, tokens 5 6 7", targets(2, &[5, 6, 7]), [-100, 5, 6, 7, -100])
            .mistake("the targets are not shifted: position i predicts what comes at i + 1", [-100, -100, 5, 6, 7])
            .mistake("the last vector of the prompt predicts the first token", [-100, -100, 6, 7, -100])
            .mistake("shifted the wrong way", [-100, -100, -100, 5, 6])
            .mistake("the targets are as long as the tokens; they must be as long as X'", [6, 7, -100])
            .mistake("shifted the wrong way round the end: the last token predicts nothing", [-100, 5, 6, 7, 5]);
        Ok(())
    });
    suite.case("numbers", 1, |case| {
        // T5-XXL, 100 tokens of width 4096
        case.exact("p = 100, d = 4096, 24 layers", params(100, 4096, 24), 409_600)
            .mistake("that would be a prompt in each layer; it stands at the input only", 9_830_400)
            .mistake("keys and values are prefix tuning's", 819_200);
        Ok(())
    });
}

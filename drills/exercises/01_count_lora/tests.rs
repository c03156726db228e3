//! Public tests. Counts of GPT-3 are those of Hu et al. 2021 (arXiv 2106.09685), table 4: 4.7M and 37.7M; the others are worked by hand.

use deltaw::classroom::Suite;

use super::answer::{layer_params, model_params, share};

pub fn register(suite: &mut Suite) {
    suite.case("one layer, square", 1, |case| {
        case.exact("4096 x 4096 at r = 8", layer_params(4096, 4096, 8), 65_536)
            .mistake("only one factor is counted; both A and B train", 32_768)
            .mistake("that is the product of the dimensions; A and B have their sum times r", 8 * 4096 * 4096)
            .mistake("the frozen weight is counted too", 4096 * 4096 + 65_536);
        Ok(())
    });
    suite.case("one layer, not square", 2, |case| {
        case.exact("8192 outputs, 4096 inputs, r = 16", layer_params(8192, 4096, 16), 196_608)
            .mistake("the layer is taken for square: A has d_in columns, B has d_out rows", 2 * 16 * 4096)
            .mistake("the layer is taken for square: A has d_in columns, B has d_out rows", 2 * 16 * 8192)
            .mistake("only one factor is counted: A alone; B has d_out·r numbers too", 16 * 4096)
            .mistake("only one factor is counted: B alone; A has r·d_in numbers too", 16 * 8192);
        Ok(())
    });
    suite.case("the whole of GPT-3", 2, |case| {
        let query_and_value = [(12_288, 12_288), (12_288, 12_288)];
        case.exact("r = 1 on query and value", model_params(&query_and_value, 96, 1), 4_718_592)
            .mistake("the blocks are not counted: each of them has factors of its own", 49_152)
            .mistake("only one of the matrices is counted", 2_359_296);
        case.exact("r = 8 on query and value", model_params(&query_and_value, 96, 8), 37_748_736);
        Ok(())
    });
    suite.case("the share of a layer", 1, |case| {
        case.close("4096 x 4096 at r = 8", share(4096, 4096, 8), 1.0 / 256.0, 1e-12)
            .mistake("integers are divided: convert to f64 first", 0.0)
            .mistake("it is upside down: LoRA's numbers over the layer's", 256.0)
            .mistake("a share, not a percentage", 100.0 / 256.0);
        Ok(())
    });
}

//! Hidden tests: other shapes. Worked by hand.

use deltaw::classroom::Suite;

use super::answer::{layer_params, model_params, share};

pub fn register(suite: &mut Suite) {
    suite.case("one layer of another shape", 2, |case| {
        // 3 · (5 + 7)
        case.exact("7 outputs, 5 inputs, r = 3", layer_params(7, 5, 3), 36);
        case.exact("rank 0 trains nothing", layer_params(7, 5, 0), 0);
        Ok(())
    });
    suite.case("grouped-query attention", 3, |case| {
        // Llama-3-8B at r = 8: 32 · (8 · (4096 + 4096) + 8 · (4096 + 1024)) = 32 · (65,536 + 40,960)
        let query_and_value = [(4096, 4096), (1024, 4096)];
        case.exact("query and value, 32 blocks", model_params(&query_and_value, 32, 8), 3_407_872)
            .mistake("the layers are taken for square", 32 * 8 * (8192 + 8192))
            .mistake("the layers are taken for square", 32 * 8 * (8192 + 2048))
            .mistake("the blocks are not counted", 106_496);
        case.exact("nothing adapted", model_params(&[], 32, 8), 0);
        Ok(())
    });
    suite.case("the share of a flat layer", 1, |case| {
        // 2 · (4 + 16) / 64
        case.close("16 outputs, 4 inputs, r = 2", share(16, 4, 2), 0.625, 1e-12);
        Ok(())
    });
}

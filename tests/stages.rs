//! Packing: sequences in one row give the logits that each has alone.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor};
use deltaw::{
    model::{Shut, tiny, tokens},
    peft::{Lora, Prefix, lora},
};
use rand::SeedableRng as _;

#[test]
fn packed_sequences_have_the_logits_of_each_alone() {
    let base = tiny::load(&Device::Cpu).unwrap();
    let config = lora::Config { init: lora::Init::BothRandom, ..lora::Config::default() };
    let lora = Lora::new(&base, config).unwrap();
    let texts = ["rev:abc>cba.", "up:hello>HELLO.", "add:12+30>42."];
    let encoded: Vec<Vec<u32>> = texts.iter().map(|text| tokens::encode(text).unwrap()).collect();
    let lengths: Vec<usize> = encoded.iter().map(Vec::len).collect();
    let total: usize = lengths.iter().sum();
    let row = Tensor::from_vec(encoded.concat(), (1, total), &Device::Cpu).unwrap();
    let at = base.packed_positions(&lengths, &lora).unwrap();
    let mut x = base.embed(&row, &lora).unwrap();
    for layer in 0..base.config().num_hidden_layers {
        x = base.block(layer, &x, &at, &lora).unwrap();
    }
    let all: Vec<u32> = (0..total as u32).collect();
    let packed = base.head_rows(&x, total, &Tensor::new(all, &Device::Cpu).unwrap()).unwrap();
    let mut start = 0;
    for ids in encoded {
        let count = ids.len();
        let alone = base.forward(&Tensor::from_vec(ids, (1, count), &Device::Cpu).unwrap(), &lora).unwrap();
        let gap = (packed.narrow(0, start, count).unwrap() - alone.squeeze(0).unwrap()).unwrap();
        let gap = gap.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(gap < 1e-3, "{gap}");
        start += count;
    }
    assert!(base.packed_positions(&[3], &Shut).is_ok());
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let prefix = Prefix::random(2, base.config(), &mut rng, &Device::Cpu).unwrap();
    assert!(base.packed_positions(&[3], &prefix).is_err());
}

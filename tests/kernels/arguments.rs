//! What goes to a kernel's program: arrays and numbers, each with its length in bytes.

use deltaw::{
    device::Precision,
    quant::{DynamicMap, Quantised, Scales},
};
use half::{bf16, f16};

/// Arguments in the order in which the program reads them.
#[derive(Default)]
pub(crate) struct Arguments(pub(crate) Vec<u8>);

impl Arguments {
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend((bytes.len() as u64).to_le_bytes());
        self.0.extend(bytes);
        self
    }

    /// `count` numbers that are no numbers: what a kernel does not write stays so.
    pub(crate) fn unwritten(self, precision: Precision, count: usize) -> Self {
        self.bytes(&vec![0xff; count * precision.dtype().size_in_bytes()])
    }

    pub(crate) fn values(self, precision: Precision, values: &[f32]) -> Self {
        self.bytes(&encode(precision, values))
    }

    pub(crate) fn floats(self, values: &[f32]) -> Self {
        self.values(Precision::F32, values)
    }

    pub(crate) fn ints(self, values: impl IntoIterator<Item = usize>) -> Self {
        let values = values.into_iter().map(|value| i32::try_from(value).unwrap().to_le_bytes());
        self.bytes(&values.flatten().collect::<Vec<_>>())
    }

    pub(crate) fn longs(self, values: &[u64]) -> Self {
        self.bytes(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    }

    pub(crate) fn quantised(self, numbers: &Quantised) -> Self {
        let arguments = self.bytes(numbers.packed()).floats(numbers.codebook().values());
        let arguments = match numbers.scales() {
            Scales::Plain(absmax) => arguments.floats(absmax).bytes(&[]).floats(&[]).floats(&[]).floats(&[0.0]),
            Scales::Double { coded, offset } => {
                let map = DynamicMap::signed().values();
                arguments.floats(&[]).bytes(&coded.codes).floats(map).floats(&coded.absmax).floats(&[*offset])
            }
        };
        let block = numbers.block() as u64;
        let shift = if block.is_power_of_two() { i64::from(block.ilog2()) } else { -1 };
        arguments.longs(&[block]).bytes(&shift.to_le_bytes())
    }
}

/// Numbers rounded to `precision`, as they lie in memory.
pub(crate) fn encode(precision: Precision, values: &[f32]) -> Vec<u8> {
    match precision {
        Precision::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Precision::Bf16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
        Precision::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
    }
}

/// The same back.
pub(crate) fn decode(precision: Precision, bytes: &[u8]) -> Vec<f32> {
    let (two, four) = (|two: &[u8]| two.try_into().unwrap(), |four: &[u8]| four.try_into().unwrap());
    match precision {
        Precision::F32 => bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(four(bytes))).collect(),
        Precision::Bf16 => bytes.chunks_exact(2).map(|bytes| bf16::from_le_bytes(two(bytes)).to_f32()).collect(),
        Precision::F16 => bytes.chunks_exact(2).map(|bytes| f16::from_le_bytes(two(bytes)).to_f32()).collect(),
    }
}

/// Numbers as `precision` holds them.
pub(crate) fn rounded(precision: Precision, values: &[f32]) -> Vec<f32> {
    decode(precision, &encode(precision, values))
}

//! Blockwise four-bit quantisation, and double quantisation of its scales.
//!
//! ```text
//! block b of 64 numbers:  absmax_b = max |x|,  code = nearest value to x / absmax_b,  back: value[code] · absmax_b
//! two codes to a byte, the first in the high half
//!
//! double quantisation (QLoRA §3):  offset = mean(absmax);  absmax − offset in 8 bits, blocks of 256 with a fp32 scale each
//! bits a number: 4 + 32/64 = 4.5 plain,  4 + 8/64 + 32/(64·256) = 4.127 double
//! ```

use std::borrow::Cow;

use rayon::prelude::*;

use super::{Codebook, DynamicMap, EightBit, NotFinite};

/// Scales that share one constant of the second level.
const SCALES_BLOCK: usize = 256;

/// Blocks that a thread takes at a time.
const BLOCKS_A_PIECE: usize = 64;

/// What bitsandbytes stores as the scale of a short last block of zeros.
const ZERO_TAIL: f32 = 1e-38;

/// The scales of the blocks.
#[derive(Debug, Clone, PartialEq)]
pub enum Scales {
    /// In 32 bits.
    Plain(Vec<f32>),
    /// In 8 bits around their mean.
    Double {
        /// `absmax − offset`, by the signed dynamic map.
        coded: EightBit,
        /// The mean of the scales.
        offset: f32,
    },
}

impl Scales {
    /// The scale of block `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> f32 {
        match self {
            Self::Plain(scales) => scales[index],
            Self::Double { coded, offset } => coded.get(index, DynamicMap::signed()) + offset,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Plain(scales) => scales.len(),
            Self::Double { coded, .. } => coded.codes.len(),
        }
    }

    /// The same in 8 bits.
    #[must_use]
    pub fn double(&self) -> Self {
        let Self::Plain(scales) = self else { return self.clone() };
        let offset = (scales.iter().map(|scale| f64::from(*scale)).sum::<f64>() / scales.len().max(1) as f64) as f32;
        let centred: Vec<f32> = scales.iter().map(|scale| scale - offset).collect();
        Self::Double { coded: EightBit::quantise(&centred, SCALES_BLOCK, DynamicMap::signed()), offset }
    }

    /// Bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Plain(scales) => 4 * scales.len(),
            Self::Double { coded, .. } => coded.bytes() + 4,
        }
    }
}

/// Numbers in four bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantised {
    packed: Vec<u8>,
    scales: Scales,
    count: usize,
    block: usize,
    codebook: Codebook,
}

/// Quantises `values` in blocks of `block`.
///
/// As bitsandbytes rounds: a full block is multiplied by the reciprocal of its scale, a short last one divided by it.
///
/// # Errors
/// A value is NaN or infinite.
pub fn quantise(values: &[f32], block: usize, codebook: &Codebook) -> Result<Quantised, NotFinite> {
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(NotFinite(index));
    }
    let block = block.max(1);
    let coded: Vec<(f32, Vec<u8>)> = values.par_chunks(block).map(|chunk| code_block(chunk, block, codebook)).collect();
    let scales = coded.iter().map(|(scale, _)| *scale).collect();
    let codes: Vec<u8> = coded.into_iter().flat_map(|(_, codes)| codes).collect();
    let zero = codebook.nearest(0.0);
    let pack = |pair: &[u8]| (pair[0] << 4) | pair.get(1).copied().unwrap_or(zero);
    let packed = codes.chunks(2).map(pack).collect();
    Ok(Quantised { packed, scales: Scales::Plain(scales), count: values.len(), block, codebook: codebook.clone() })
}

fn code_block(chunk: &[f32], block: usize, codebook: &Codebook) -> (f32, Vec<u8>) {
    let largest = chunk.iter().fold(0f32, |most, value| most.max(value.abs()));
    if chunk.len() < block {
        let scale = largest.max(ZERO_TAIL);
        return (scale, chunk.iter().map(|value| codebook.nearest(value / scale)).collect());
    }
    let factor = if largest > 0.0 { 1.0 / largest } else { 0.0 };
    (largest, chunk.iter().map(|value| codebook.nearest(value * factor)).collect())
}

impl Quantised {
    /// From stored parts: `packed` codes, two to a byte, of `count` numbers.
    ///
    /// # Errors
    /// The parts do not fit each other; says how.
    pub fn from_parts(
        packed: Vec<u8>,
        scales: Scales,
        count: usize,
        block: usize,
        codebook: Codebook,
    ) -> Result<Self, String> {
        if block == 0 || packed.len() != count.div_ceil(2) || scales.count() != count.div_ceil(block) {
            return Err(format!(
                "{count} numbers in blocks of {block} need {} bytes and {} scales; there are {} and {}",
                count.div_ceil(2),
                count.checked_div(block).unwrap_or_default(),
                packed.len(),
                scales.count()
            ));
        }
        Ok(Self { packed, scales, count, block, codebook })
    }

    /// The same with its scales in 8 bits.
    #[must_use]
    pub fn double(self) -> Self {
        Self { scales: self.scales.double(), ..self }
    }

    /// The codes, two to a byte, the first in the high half; an odd one out is padded with the code of zero.
    #[must_use]
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// The scales.
    #[must_use]
    pub fn scales(&self) -> &Scales {
        &self.scales
    }

    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Numbers in a block.
    #[must_use]
    pub fn block(&self) -> usize {
        self.block
    }

    /// The table.
    #[must_use]
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// Code of number `index`.
    #[must_use]
    pub fn code(&self, index: usize) -> u8 {
        let byte = self.packed[index / 2];
        if index.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
    }

    /// Bytes of codes and scales.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.packed.len() + self.scales.bytes()
    }

    /// Writes the numbers from `start` on into `out`, as many as it holds; several threads.
    pub fn dequantise_into(&self, start: usize, out: &mut [f32]) {
        // Pieces of whole blocks, after what is left of the first one.
        let first = (self.block - start % self.block).min(out.len());
        let (head, rest) = out.split_at_mut(first);
        self.read(start, head);
        let piece = self.block * BLOCKS_A_PIECE;
        let pieces = rest.par_chunks_mut(piece).enumerate();
        pieces.for_each(|(index, out)| self.read(start + first + index * piece, out));
    }

    /// The same in this thread.
    pub fn read(&self, start: usize, out: &mut [f32]) {
        let first = (self.block - start % self.block).min(out.len());
        let (head, rest) = out.split_at_mut(first);
        self.fill(start, head);
        for (index, chunk) in rest.chunks_mut(self.block).enumerate() {
            self.fill(start + first + index * self.block, chunk);
        }
    }

    /// Writes numbers of one block.
    fn fill(&self, mut start: usize, mut out: &mut [f32]) {
        if out.is_empty() {
            return;
        }
        let scale = self.scales.get(start / self.block);
        if !start.is_multiple_of(2) {
            out[0] = self.codebook.pair(self.packed[start / 2])[1] * scale;
            (out, start) = (&mut out[1..], start + 1);
        }
        let mut pairs = out.chunks_exact_mut(2);
        let mut bytes = self.packed[start / 2..].iter();
        for (pair, byte) in pairs.by_ref().zip(bytes.by_ref()) {
            let [first, second] = self.codebook.pair(*byte);
            (pair[0], pair[1]) = (first * scale, second * scale);
        }
        if let ([last], Some(byte)) = (pairs.into_remainder(), bytes.next()) {
            *last = self.codebook.pair(*byte)[0] * scale;
        }
    }

    /// All numbers.
    #[must_use]
    pub fn dequantise(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.count];
        self.dequantise_into(0, &mut out);
        out
    }

    /// The scales in 32 bits.
    #[must_use]
    pub fn absmax(&self) -> Cow<'_, [f32]> {
        match &self.scales {
            Scales::Plain(scales) => Cow::Borrowed(scales),
            double @ Scales::Double { .. } => Cow::Owned((0..double.count()).map(|index| double.get(index)).collect()),
        }
    }
}

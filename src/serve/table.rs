//! What a GPU's kernels are told of a mixed batch: one piece of bytes for all projections, so that it takes one copy a pass.
//!
//! ```text
//! routes     few rows of each adapter, BGMV: index (rows), -1 for none
//!            rows that share adapters, SGMV: order (rows with an adapter), starts (segments + 1), owners (segments)
//! a site     addresses of A, of Bᵀ, of biases (8 bytes each, 0 for none); ranks and scales (4 bytes each): one of each for every adapter
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::{kernels::sgmv, resident::Resident};
use crate::model::Site;

/// Bytes of a number.
const NUMBER: u64 = size_of::<f32>() as u64;

/// The bytes, and where in them everything begins.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) bytes: Vec<u8>,
    pub(crate) routes: Routes,
    sites: BTreeMap<Site, Entry>,
}

/// How rows find their adapters; where arrays of i32 begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routes {
    /// No row has an adapter.
    Nothing,
    /// BGMV.
    Gathered { index: usize, rows: usize },
    /// SGMV.
    Segmented { order: usize, starts: usize, owners: usize, segments: usize },
}

/// Where the arrays of one projection begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) bias: usize,
    pub(crate) rank: usize,
    pub(crate) scale: usize,
    /// The largest rank.
    pub(crate) widest: usize,
}

impl Table {
    /// For rows with the adapters of `index`, each of which begins at an address of the device.
    pub(crate) fn new(index: &[Option<usize>], adapters: &[(u64, &Resident)]) -> Self {
        let mut bytes = Vec::new();
        let all: BTreeSet<Site> = adapters.iter().flat_map(|(_, adapter)| adapter.sites()).collect();
        let sites = all.into_iter().map(|site| (site, entry(&mut bytes, site, adapters))).collect();
        let routes = routes(&mut bytes, index, adapters.len());
        Self { bytes, routes, sites }
    }

    /// What is told of `site`, if an adapter is there.
    pub(crate) fn at(&self, site: Site) -> Option<Entry> {
        self.sites.get(&site).copied()
    }
}

fn entry(bytes: &mut Vec<u8>, site: Site, adapters: &[(u64, &Resident)]) -> Entry {
    let places = || adapters.iter().map(|(address, adapter)| (*address, adapter.at(site)));
    let mut addresses = |of: fn(super::resident::Place) -> Option<usize>| {
        let one =
            |(address, place): (u64, Option<_>)| place.and_then(of).map_or(0, |start| address + NUMBER * start as u64);
        put(bytes, places().map(one).map(u64::to_le_bytes))
    };
    let (a, b, bias) =
        (addresses(|place| Some(place.a)), addresses(|place| Some(place.b)), addresses(|place| place.bias));
    let ranks = || places().map(|(_, place)| place.map_or(0, |place| place.rank));
    let scales = places().map(|(_, place)| place.map_or(0.0, |place| place.scale));
    Entry {
        a,
        b,
        bias,
        rank: put(bytes, ranks().map(|rank| (rank as i32).to_le_bytes())),
        scale: put(bytes, scales.map(f32::to_le_bytes)),
        widest: ranks().max().unwrap_or(0),
    }
}

fn routes(bytes: &mut Vec<u8>, index: &[Option<usize>], adapters: usize) -> Routes {
    let segments = sgmv::segments(index, adapters);
    let mut ints = |values: &mut dyn Iterator<Item = i32>| put(bytes, values.map(i32::to_le_bytes));
    if segments.is_empty() {
        return Routes::Nothing;
    }
    if sgmv::shares_nothing(&segments) {
        let index_at = ints(&mut index.iter().map(|adapter| adapter.map_or(-1, |adapter| adapter as i32)));
        return Routes::Gathered { index: index_at, rows: index.len() };
    }
    let ends = segments.iter().scan(0, |sum, segment| {
        *sum += segment.rows.len() as i32;
        Some(*sum)
    });
    Routes::Segmented {
        order: ints(&mut segments.iter().flat_map(|segment| segment.rows.iter().map(|row| *row as i32))),
        starts: ints(&mut std::iter::once(0).chain(ends)),
        owners: ints(&mut segments.iter().map(|segment| segment.adapter as i32)),
        segments: segments.len(),
    }
}

/// Appends an array; gives where it begins, a multiple of eight.
fn put<const N: usize>(bytes: &mut Vec<u8>, values: impl Iterator<Item = [u8; N]>) -> usize {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let start = bytes.len();
    bytes.extend(values.flatten());
    start
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;
    use crate::{
        model::{Projection, tiny},
        peft::{Lora, Targets, lora},
    };

    fn resident(rank: usize, targets: Targets) -> Resident {
        let base = tiny::load(&Device::Cpu).unwrap();
        Resident::new(&Lora::new(&base, lora::Config { rank, targets, ..Default::default() }).unwrap()).unwrap()
    }

    fn ints(table: &Table, at: usize, count: usize) -> Vec<i32> {
        table.bytes[at..][..4 * count]
            .chunks_exact(4)
            .map(|four| i32::from_le_bytes(four.try_into().unwrap()))
            .collect()
    }

    fn longs(table: &Table, at: usize, count: usize) -> Vec<u64> {
        table.bytes[at..][..8 * count]
            .chunks_exact(8)
            .map(|eight| u64::from_le_bytes(eight.try_into().unwrap()))
            .collect()
    }

    #[test]
    fn adapters_that_leave_a_projection_alone_have_rank_zero_and_no_address() {
        let (narrow, wide) = (resident(2, Targets::from([Projection::V])), resident(5, Targets::AllLinear));
        let adapters = [(1000, &narrow), (1 << 40, &wide)];
        let table = Table::new(&[Some(0), None, Some(1)], &adapters);
        let site = |projection| Site { layer: 1, projection };
        let v = table.at(site(Projection::V)).unwrap();
        let at = |adapter: &Resident, site| adapter.at(site).unwrap();
        assert_eq!((ints(&table, v.rank, 2), v.widest), (vec![2, 5], 5));
        let (first, second) = (at(&narrow, site(Projection::V)), at(&wide, site(Projection::V)));
        assert_eq!(longs(&table, v.a, 2), [1000 + 4 * first.a as u64, (1 << 40) + 4 * second.a as u64]);
        assert_eq!(longs(&table, v.b, 2), [1000 + 4 * first.b as u64, (1 << 40) + 4 * second.b as u64]);
        assert_eq!(longs(&table, v.bias, 2), [0, 0]);
        let scales: Vec<f32> = ints(&table, v.scale, 2).into_iter().map(|bits| f32::from_bits(bits as u32)).collect();
        assert_eq!(scales, [first.scale, second.scale]);
        let up = table.at(site(Projection::Up)).unwrap();
        assert_eq!((ints(&table, up.rank, 2), longs(&table, up.a, 2)[0]), (vec![0, 5], 0));
    }

    #[test]
    fn rows_find_their_adapters_one_by_one_or_in_segments() {
        let adapter = resident(2, Targets::AllLinear);
        let adapters = [(0, &adapter), (8, &adapter)];
        let table = Table::new(&[Some(1), None, Some(0)], &adapters);
        assert!(
            matches!(table.routes, Routes::Gathered { index, rows } if ints(&table, index, rows) == [1, -1, 0]),
            "{table:?}"
        );
        let table = Table::new(&[Some(1), Some(0), None, Some(1)], &adapters);
        assert!(
            matches!(table.routes, Routes::Segmented { order, starts, owners, segments: 2 }
                if ints(&table, order, 3) == [1, 0, 3] && ints(&table, starts, 3) == [0, 1, 3] && ints(&table, owners, 2) == [0, 1]),
            "{table:?}"
        );
        assert_eq!(Table::new(&[None, None], &adapters).routes, Routes::Nothing);
    }
}

//! Many adapters over one base: batching, sharding, and whose cache is whose.

use std::cell::RefCell;

use candle_core::{Result as TensorResult, Tensor};
use ndarray::{Array2, Axis, Slice, concatenate};

use super::Computation;
use crate::{
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, arch, count, lora_of, of},
    },
    demos::{Error, lab, toy},
    model::{Doors, Projection, Shut, Site, Weight},
    peft::{Lora, lora::Init},
};

pub(super) const ALL: &[Computation] = &[
    ("serve-hot-swap", hot_swap),
    ("punica", segments),
    ("s-lora", host_memory),
    ("s-lora-tp", tensor_parallel),
    ("kv-cache-adapters", cache),
];

fn hot_swap(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("batch", &[])?;
    let (off, ratio) = (of(&demo, "difference")?, of(&demo, "time ratio of swapping over batching")?);
    Ok(Evidence::new(
        "32 requests with 32 adapters, 512 wide: one batch over a shared product against one swap a request",
    )
    .number("relative difference of the outputs", off)
    .timed("time of swapping over batching", ratio)
    .expect("one batch with many adapters gives what swapping gives, but for rounding", off < 1e-4)
    .expect("and takes less time: swapping takes at least twice as long", Finding::above(ratio, 2.0, 0.5)))
}

fn segments(_: &Bench) -> Result<Evidence, Error> {
    let mut random = toy::random(0);
    let (width, rank, rows) = (128, 8, 24);
    let x = toy::gaussian(rows, width, 1.0, &mut random);
    let adapters: Vec<_> = (0..4)
        .map(|_| (toy::gaussian(rank, width, 0.1, &mut random), toy::gaussian(width, rank, 0.1, &mut random)))
        .collect();
    let of_row: Vec<usize> = (0..rows).map(|row| (row * 7) % adapters.len()).collect();
    // Row by row: each gathers its own adapter.
    let mut single = Array2::<f32>::zeros((rows, width));
    for (row, adapter) in of_row.iter().enumerate() {
        let (a, b) = &adapters[*adapter];
        single.row_mut(row).assign(&b.dot(&a.dot(&x.row(row))));
    }
    // Segment by segment: sorted by adapter, one shrink and one expand each.
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by_key(|row| of_row[*row]);
    let (mut grouped, mut products) = (Array2::<f32>::zeros((rows, width)), 0);
    for segment in order.chunk_by(|a, b| of_row[*a] == of_row[*b]) {
        let (a, b) = &adapters[of_row[segment[0]]];
        let out = x.select(Axis(0), segment).dot(&a.t()).dot(&b.t());
        products += 2;
        for (row, values) in segment.iter().zip(out.rows()) {
            grouped.row_mut(*row).assign(&values);
        }
    }
    let off = toy::distance(&grouped, &single);
    Ok(Evidence::new(
        "24 rows with 4 adapters: gathered row by row, and in segments of one adapter each (no kernel is timed here)",
    )
    .number("relative difference", off)
    .number("products, row by row", (2 * rows) as f64)
    .number("products, by segments", f64::from(products))
    .expect("segments give the same, but for rounding", off < 1e-5)
    .expect("with fewer products: two for each adapter", products == 8))
}

fn host_memory(_: &Bench) -> Result<Evidence, Error> {
    let model = arch("llama-2-7b")?;
    let one = 2.0 * count("llama-2-7b", &lora_of(8, "q,k,v,o"))?;
    let room = 80e9 - 2.0 * model.total as f64;
    let token = (2 * model.layers * model.kv * 2) as f64;
    // Unified paging: a page holds hidden numbers; a token of one layer's keys or values takes one, a factor of rank r takes r.
    let pages = one / 2.0 / model.hidden as f64;
    Ok(Evidence::new(
        "2,000 adapters at r = 8 on q,k,v,o of Llama-2-7B in 16 bits, and the room beside the weights on an 80 GB card",
    )
    .number("one adapter, MB", one / 1e6)
    .number("all, GB", 2000.0 * one / 1e9)
    .number("room, GB", room / 1e9)
    .number("a batch of 32 distinct ones, GB", 32.0 * one / 1e9)
    .number("pages of one adapter", pages)
    .number("a token of cache, MB", token / 1e6)
    .expect("all of them would take a third of the room or more", 2000.0 * one > room / 3.0)
    .expect("those of a batch take less than two per cent: they can be fetched", 32.0 * one < 0.02 * room)
    .expect("an adapter is a whole number of pages, so both can share a pool", pages.fract() == 0.0))
}

/// Blocks of columns joined into one matrix.
fn side_by_side(parts: &[Array2<f32>]) -> Result<Array2<f32>, Error> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(1), &views).map_err(|error| Error::Other(error.to_string()))
}

fn tensor_parallel(_: &Bench) -> Result<Evidence, Error> {
    let mut random = toy::random(0);
    let (h, r, devices, rows) = (64, 8, 4, 12);
    let x = toy::gaussian(rows, h, 1.0, &mut random);
    let (a, b) = (toy::gaussian(r, h, 0.1, &mut random), toy::gaussian(h, r, 0.1, &mut random));
    let whole = x.dot(&a.t()).dot(&b.t());
    // Column-parallel layer: A split by its outputs and gathered, B split by its outputs; each device keeps its part of y.
    let part = |size: usize, n: usize| Slice::from(n * size / devices..(n + 1) * size / devices);
    let shrunk: Vec<_> = (0..devices).map(|n| x.dot(&a.slice_axis(Axis(0), part(r, n)).t())).collect();
    let gathered = side_by_side(&shrunk)?;
    let parts: Vec<_> = (0..devices).map(|n| gathered.dot(&b.slice_axis(Axis(0), part(h, n)).t())).collect();
    let column = side_by_side(&parts)?;
    // Row-parallel layer: x is already split; partial shrinks are summed.
    let sum = (0..devices).fold(Array2::<f32>::zeros((rows, r)), |sum, n| {
        sum + x.slice_axis(Axis(1), part(h, n)).dot(&a.slice_axis(Axis(1), part(h, n)).t())
    });
    let row = sum.dot(&b.t());
    let (added, base) = (5.0 * 3.0 * 16.0 / 4.0, 2.0 * 3.0 * 4096.0 / 4.0);
    Ok(Evidence::new("LoRA over four emulated devices, both kinds of layer; numbers exchanged a token on four devices at r = 16 and h = 4096")
        .number("column-parallel, relative difference", toy::distance(&column, &whole))
        .number("row-parallel, relative difference", toy::distance(&row, &whole))
        .number("exchanged for LoRA, 5(N−1)r/N", added)
        .number("exchanged for the base, 2(N−1)h/N", base)
        .number("the one over the other, %", 100.0 * added / base)
        .expect("both give the unsharded result, but for rounding", toy::distance(&column, &whole) < 1e-5 && toy::distance(&row, &whole) < 1e-5)
        .expect("the exchange grows by about one per cent", added / base < 0.011))
}

/// Keys and values of each layer under other doors.
struct Watched<'a> {
    doors: &'a dyn Doors,
    seen: RefCell<Vec<(Tensor, Tensor)>>,
}

impl Doors for Watched<'_> {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> TensorResult<Tensor> {
        self.doors.linear(site, weight, x)
    }

    fn cache(&self, _: usize, keys: Tensor, values: Tensor) -> TensorResult<(Tensor, Tensor)> {
        self.seen.borrow_mut().push((keys.clone(), values.clone()));
        Ok((keys, values))
    }
}

fn cache(bench: &Bench) -> Result<Evidence, Error> {
    let recipe = Recipe { targets: &[Projection::Q, Projection::O], init: Init::BothRandom, ..Recipe::default() };
    let lora = Lora::new(bench.base(), recipe.config())?;
    let batch = lab::batch(4, 0)?;
    let caches = |doors: &dyn Doors| -> Result<Vec<(Tensor, Tensor)>, Error> {
        let watched = Watched { doors, seen: RefCell::default() };
        bench.base().forward(&batch.ids, &watched)?;
        Ok(watched.seen.into_inner())
    };
    let (base, adapted) = (caches(&Shut)?, caches(&lora)?);
    let mut evidence = Evidence::new(
        "Keys and values of the tiny base with an adapter on q and o only: distance from the base's, over their norm",
    );
    let mut apart = Vec::new();
    for (layer, ((k, v), (k2, v2))) in base.iter().zip(&adapted).enumerate() {
        let off = (lab::norm(&(k - k2)?)? + lab::norm(&(v - v2)?)?) / (lab::norm(k)? + lab::norm(v)?);
        evidence = evidence.number(format!("layer {layer}"), off);
        apart.push(off);
    }
    Ok(evidence
        .expect("layer 0 is shared, to the last bit", apart[0] == 0.0)
        .expect("no later layer is", apart[1..].iter().all(|off| *off > 1e-3)))
}

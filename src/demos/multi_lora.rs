//! `multi-lora`: the three ways to serve many adapters, measured on the tiny base as adapters grow from 1 to 1,000.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use candle_core::{Result, Tensor};

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, Value, lab};
use crate::{
    model::{Base, KvCache, Projection},
    peft::{
        Lora, Targets,
        hub::{self, Adapter},
        lora,
    },
    serve::{
        Loaded, PagedCache, Way,
        page::PagePool,
        ways::{Row, forward},
    },
};

pub(super) const DEMO: Demo = Demo {
    name: "multi-lora",
    about: "merged, batched and swapped adapters: throughput and memory as adapters grow from 1 to 1,000",
    args: &[
        ArgSpec { name: "requests", default: "32", help: "requests of a batch, spread over the adapters, 1 to 128" },
        ArgSpec { name: "rank", default: "8", help: "rank, 1 to 64" },
        ArgSpec { name: "tokens", default: "8", help: "tokens decoded a request, 1 to 32" },
    ],
    run,
};

/// How many adapters there are.
const COUNTS: [usize; 6] = [1, 4, 16, 32, 100, 1000];

/// Room on the device: never the limit here.
const ROOM: usize = 4 << 30;

struct Setting {
    base: Base,
    rank: usize,
    requests: usize,
    tokens: usize,
    pages: PagePool,
}

fn run(args: &Args) -> std::result::Result<Report, Error> {
    let base = Base::tiny(&lab::device())?;
    let pages = PagePool::new(ROOM, PagedCache::page_length(base.model.config()));
    let setting = Setting {
        rank: lab::number("multi-lora", args, "rank", 8, 1..=64)?,
        requests: lab::number("multi-lora", args, "requests", 32, 1..=128)?,
        tokens: lab::number("multi-lora", args, "tokens", 8, 1..=32)?,
        base,
        pages,
    };
    let dir = tempfile::tempdir().map_err(|error| Error::Other(error.to_string()))?;
    for number in 0..setting.requests {
        hub::save(&dir.path().join(number.to_string()), &setting.lora(number)?, &setting.base.model, "tiny")?;
    }
    let dense = dense_bytes(&setting.base);
    let (mut rows, mut lines) = (Vec::new(), BTreeMap::<&str, Vec<(f64, f64)>>::new());
    let mut report = Report::new(
        "multi-lora",
        format!("{} requests at once, LoRAs of rank {} on all linear layers", setting.requests, setting.rank),
    );
    for count in COUNTS {
        let packed = setting.pages_of_one()? * setting.pages.page_bytes();
        // What stands in memory for all adapters; for swapping, only the one in use, the others on disk.
        let ways = [
            ("merged", setting.kept(Way::Merged, count)?, count * dense),
            ("batched", setting.kept(Way::Batched, count)?, count * packed),
            ("swap", setting.swapped(dir.path(), count)?, packed),
        ];
        for (way, seconds, bytes) in ways {
            let throughput = (setting.requests * setting.tokens) as f64 / seconds;
            report = report
                .number(format!("{way} {count} tokens/s"), throughput)
                .number(format!("{way} {count} bytes"), bytes as f64);
            lines.entry(way).or_default().push((count as f64, throughput));
            rows.push(vec![(count as u64).into(), way.into(), throughput.into(), Value::Real(bytes as f64 / 1e6)]);
        }
    }
    let series = lines.into_iter().map(|(name, points)| Series { name: name.to_owned(), points }).collect();
    Ok(report
        .line("Merged: nothing to add a token, but a dense copy per adapter, and requests of different adapters cannot share a pass.")
        .line("Batched: one pass for all, each row with its own factors; memory grows by the factors only.")
        .line("Swap: one adapter in memory at a time, read from disk when its requests come; the others wait.")
        .line("Throughput is measured here and now; memory is counted: for merged models that no request of the batch uses, it is what they would take.")
        .table("Decoding", &["adapters", "way", "tokens/s", "MB for adapters"], rows)
        .figure("Throughput of a mixed batch", ("adapters", "tokens/s"), (true, true), Chart::Lines(series)))
}

impl Setting {
    fn lora(&self, number: usize) -> Result<Lora> {
        let config = lora::Config {
            rank: self.rank,
            targets: Targets::AllLinear,
            seed: number as u64,
            ..lora::Config::default()
        };
        Lora::new(&self.base.model, config)
    }

    fn pages_of_one(&self) -> Result<usize> {
        crate::serve::Packed::pages_of(&self.lora(0)?, &self.pages)
    }

    /// Seconds to decode a batch over `count` adapters that are kept on the device.
    fn kept(&self, way: Way, count: usize) -> Result<f64> {
        let distinct = count.min(self.requests);
        let load = |number| self.load(Adapter::Lora(self.lora(number)?), way);
        let loaded: Vec<Arc<Loaded>> = (0..distinct).map(load).collect::<Result<_>>()?;
        let adapters: Vec<Arc<Loaded>> =
            (0..self.requests).map(|request| Arc::clone(&loaded[request % distinct])).collect();
        self.decode(&adapters)
    }

    /// Seconds to read each adapter in turn and decode its requests.
    fn swapped(&self, dir: &std::path::Path, count: usize) -> Result<f64> {
        let distinct = count.min(self.requests);
        let mut seconds = 0.0;
        for number in 0..distinct {
            let clock = Instant::now();
            let adapter = self.load(hub::load(&dir.join(number.to_string()), &self.base.model)?, Way::Swap)?;
            seconds += clock.elapsed().as_secs_f64();
            let own = (number..self.requests).step_by(distinct).count();
            seconds += self.decode(&vec![adapter; own])?;
        }
        Ok(seconds)
    }

    fn load(&self, adapter: Adapter, way: Way) -> Result<Arc<Loaded>> {
        match Loaded::new(&Arc::new(adapter), &self.base.model, way, &self.pages)? {
            Some(loaded) => Ok(Arc::new(loaded)),
            None => candle_core::bail!("{ROOM} bytes do not hold these adapters"),
        }
    }

    /// Seconds to decode after a prompt that is not timed.
    fn decode(&self, adapters: &[Arc<Loaded>]) -> Result<f64> {
        let prompt = self.base.tokenizer.encode("rev:abcdef>")?;
        let mut caches: Vec<KvCache> = adapters.iter().map(|_| KvCache::new(self.base.model.config())).collect();
        let mut ids: Vec<Vec<u32>> = vec![prompt; adapters.len()];
        let mut clock = Instant::now();
        for step in 0..=self.tokens {
            let rows = caches.iter_mut().zip(&ids).zip(adapters);
            let rows =
                rows.map(|((cache, ids), adapter)| Row { adapter: Some(Arc::clone(adapter)), ids, cache }).collect();
            let logits = forward(&self.base.model, rows).into_iter().collect::<Result<Vec<_>>>()?;
            ids = logits
                .iter()
                .map(|logits| Ok(vec![Tensor::new(logits.as_slice(), &lab::device())?.argmax(0)?.to_scalar()?]))
                .collect::<Result<_>>()?;
            if step == 0 {
                clock = Instant::now();
            }
        }
        Ok(clock.elapsed().as_secs_f64())
    }
}

/// Bytes of the projections, which a merged copy has of its own.
fn dense_bytes(base: &Base) -> usize {
    let sites = base.model.sites(&Projection::ALL);
    sites
        .into_iter()
        .filter_map(|site| base.model.projection(site))
        .map(|weight| weight.count() * size_of::<f32>())
        .sum()
}

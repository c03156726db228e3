//! The engine: what comes out under load is what comes out alone, whatever is loaded, evicted, cancelled or broken meanwhile.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use candle_core::{Device, Tensor};
use common::{disturb, lora_config};
use deltaw::{
    generate::Sampling,
    model::{Base, Decoder, Doors, Projection, Shut},
    peft::{Dora, Ia3, Lora, Method, Prefix, Targets, hub, lora},
    serve::{
        AdapterDir, AdapterPool, Bounds, Command, Engine, Event, Fault, Limits, Metrics, PagedCache, Queue, Refused,
        Request, Sink, Way, page::PagePool,
    },
};

/// An engine on the tiny base.
struct Bench {
    base: Arc<Base>,
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

struct Budgets {
    device: usize,
    host: usize,
}

const ROOMY: Budgets = Budgets { device: 64 << 20, host: 64 << 20 };

impl Bench {
    fn start(dir: &Path, way: Way, budgets: &Budgets, running: usize) -> Self {
        let base = Arc::new(Base::tiny(&Device::Cpu).unwrap());
        let queue = Arc::new(Queue::new(Bounds { all: 500, tenant: 400 }));
        let metrics = Arc::new(Metrics::default());
        let pages = PagePool::new(budgets.device, PagedCache::page_length(base.model.config()));
        let adapters = Arc::new(AdapterDir::open(dir).unwrap());
        let woken = Arc::clone(&queue);
        let pool =
            AdapterPool::new(Arc::clone(&base), adapters, way, pages, budgets.host, Arc::clone(&metrics), move || {
                woken.wake()
            });
        let limits = Limits { running, step_tokens: 24 };
        let (thread, commands) =
            Engine::start(Arc::clone(&base), Arc::clone(&queue), pool, limits, Arc::clone(&metrics));
        Self { base, queue, metrics, commands, thread: Some(thread) }
    }

    fn ask(
        &self,
        tenant: &str,
        adapter: Option<&str>,
        prompt: &str,
        max_tokens: usize,
    ) -> Result<Receiver<Event>, Refused> {
        let (sender, events) = channel();
        let request = Request {
            tenant: tenant.to_owned(),
            adapter: adapter.map(str::to_owned),
            prompt: self.base.tokenizer.encode(prompt).unwrap(),
            max_tokens,
            sampling: Sampling::Greedy,
            stop: vec![],
            deadline: Instant::now() + Duration::from_secs(60),
            sink: Box::new(Listener(sender)),
        };
        self.queue.submit(request).map(|()| events)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

struct Listener(Sender<Event>);

impl Sink for Listener {
    fn send(&self, event: Event) {
        let _ = self.0.send(event);
    }

    fn is_closed(&self) -> bool {
        false
    }
}

/// A client that is gone from the start.
struct Gone;

impl Sink for Gone {
    fn send(&self, _: Event) {}

    fn is_closed(&self) -> bool {
        true
    }
}

/// The text of an answer, or why there is none.
fn text(events: &Receiver<Event>) -> Result<String, Fault> {
    let mut text = String::new();
    loop {
        match events.recv_timeout(Duration::from_secs(60)).unwrap() {
            Event::Text(more) => text.push_str(&more),
            Event::Done { .. } => return Ok(text),
            Event::Failed(fault) => return Err(fault),
        }
    }
}

/// What the model says alone, token by token through the path that trains.
fn alone(model: &Decoder, doors: &dyn Doors, prompt: &str, max_tokens: usize) -> String {
    let tokenizer = deltaw::model::Tokenizer::characters();
    let mut ids = tokenizer.encode(prompt).unwrap();
    let start = ids.len();
    while ids.len() < start + max_tokens {
        let logits =
            model.forward(&Tensor::new(ids.as_slice(), &Device::Cpu).unwrap().unsqueeze(0).unwrap(), doors).unwrap();
        let last = logits.squeeze(0).unwrap().get(logits.dim(1).unwrap() - 1).unwrap().to_vec1::<f32>().unwrap();
        let best = (0..last.len()).reduce(|best, id| if last[id] > last[best] { id } else { best }).unwrap() as u32;
        if tokenizer.is_end(best) {
            break;
        }
        ids.push(best);
    }
    tokenizer.decode(&ids[start..]).unwrap()
}

fn save(dir: &Path, id: &str, method: &(impl Method + hub::PeftFormat), base: &Decoder) {
    hub::save(&dir.join(id), method, base, "tiny").unwrap();
}

/// LoRAs of different ranks and targets on disk, each loud enough to change what the model says.
fn loras(dir: &Path, count: usize, base: &Decoder) -> BTreeMap<String, Lora> {
    let targets = [
        Targets::AllLinear,
        Targets::from([Projection::Q, Projection::V]),
        Targets::from([Projection::Down, Projection::K]),
    ];
    let one = |number: usize| {
        let config = lora::Config {
            targets: targets[number % 3].clone(),
            rank_stabilised: number % 2 == 1,
            alpha: 24.0,
            ..lora_config(1 + number % 7, number as u64)
        };
        let lora = Lora::new(base, config).unwrap();
        disturb(&lora);
        let id = format!("lora-{number}");
        save(dir, &id, &lora, base);
        (id, lora)
    };
    (0..count).map(one).collect()
}

const PROMPTS: [&str; 4] =
    ["rev:abc>", "up:hello>", "add:12+34>", "rev:Hello World and more of it a longer prompt than one step>"];

#[test]
fn every_answer_under_load_is_the_answer_alone_while_adapters_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let base = Base::tiny(&Device::Cpu).unwrap();
    let loras = loras(dir.path(), 24, &base.model);
    let mut expected = BTreeMap::new();
    for (number, (id, lora)) in loras.iter().enumerate() {
        let prompt = PROMPTS[number % PROMPTS.len()];
        expected.insert(Some(id.as_str()), (prompt, alone(&base.model, lora, prompt, 12)));
    }
    expected.insert(None, (PROMPTS[0], alone(&base.model, &Shut, PROMPTS[0], 12)));
    let distinct: std::collections::BTreeSet<&String> = expected.values().map(|(_, text)| text).collect();
    assert!(distinct.len() > 15, "the adapters differ in what they say: {distinct:?}");

    // Room for a few adapters beside the caches of four sequences: most requests find theirs evicted.
    let budgets = Budgets { device: 1 << 20, host: 1 << 20 };
    for way in [Way::Batched, Way::Swap] {
        let bench = Bench::start(dir.path(), way, &budgets, 6);
        let mut waiting = Vec::new();
        for round in 0..4 {
            for (number, (id, (prompt, text))) in expected.iter().enumerate() {
                let tenant = format!("tenant-{}", (number + round) % 3);
                waiting.push((*id, text, bench.ask(&tenant, *id, prompt, 12).unwrap()));
            }
        }
        for (id, expected, events) in waiting {
            assert_eq!(&text(&events).unwrap(), expected, "{way:?} {id:?}");
        }
        let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        assert!(read(&bench.metrics.device_evictions) > 10, "{}", bench.metrics.text());
        assert!(read(&bench.metrics.device_pages_peak) <= read(&bench.metrics.device_pages));
        assert!(read(&bench.metrics.host_bytes) <= budgets.host as u64);
        assert_eq!(read(&bench.metrics.completed), 100);
    }
}

#[test]
fn every_method_is_served_and_merging_gives_the_same_answer() {
    let dir = tempfile::tempdir().unwrap();
    let base = Base::tiny(&Device::Cpu).unwrap();
    let model = &base.model;
    let dora = Dora::new(model, lora::Config { alpha: 24.0, ..lora_config(3, 1) }).unwrap();
    let ia3 =
        Ia3::new(model, &[Projection::K, Projection::V, Projection::Down].into(), &Targets::from([Projection::Down]))
            .unwrap();
    let prefix = Prefix::random(5, model.config(), &mut common::rng(3), &Device::Cpu).unwrap();
    let lora = Lora::new(model, lora::Config { alpha: 24.0, ..lora_config(2, 2) }).unwrap();
    for method in [&dora as &dyn Method, &ia3, &prefix, &lora] {
        disturb(method);
    }
    save(dir.path(), "dora", &dora, model);
    save(dir.path(), "ia3", &ia3, model);
    save(dir.path(), "prefix", &prefix, model);
    save(dir.path(), "lora", &lora, model);
    let expected: Vec<(&str, String)> =
        [("dora", &dora as &dyn Doors), ("ia3", &ia3), ("prefix", &prefix), ("lora", &lora)]
            .map(|(id, doors)| (id, alone(model, doors, "rev:abcdef>", 10)))
            .into();
    for way in [Way::Batched, Way::Merged, Way::Swap] {
        let bench = Bench::start(dir.path(), way, &ROOMY, 8);
        let waiting: Vec<_> = (0..2)
            .flat_map(|_| expected.iter())
            .map(|(id, text)| (id, text, bench.ask("a", Some(id), "rev:abcdef>", 10).unwrap()))
            .collect();
        for (id, expected, events) in waiting {
            assert_eq!(&text(&events).unwrap(), expected, "{way:?} {id}");
        }
    }
}

#[test]
fn what_is_broken_or_gone_fails_alone_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let base = Base::tiny(&Device::Cpu).unwrap();
    let loras = loras(dir.path(), 2, &base.model);
    let bench = Bench::start(dir.path(), Way::Batched, &ROOMY, 4);
    let file = dir.path().join("lora-0").join(hub::TENSORS);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let broken = bench.ask("a", Some("lora-0"), "rev:abc>", 4).unwrap();
    let fine = bench.ask("a", Some("lora-1"), "rev:abc>", 4).unwrap();
    assert!(matches!(text(&broken), Err(Fault::Adapter(_))));
    assert_eq!(text(&fine).unwrap(), alone(&base.model, &loras["lora-1"], "rev:abc>", 4));
    assert!(matches!(text(&bench.ask("a", Some("absent"), "rev:abc>", 4).unwrap()), Err(Fault::Adapter(_))));

    fs::write(&file, whole).unwrap();
    let (told, outcome) = channel();
    bench
        .commands
        .send(Command::Load("lora-0".to_owned(), Box::new(move |result| told.send(result).unwrap())))
        .unwrap();
    outcome.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
    let expected = alone(&base.model, &loras["lora-0"], "rev:abc>", 4);
    assert_eq!(text(&bench.ask("a", Some("lora-0"), "rev:abc>", 4).unwrap()).unwrap(), expected);
    // In memory it outlives its file; unloaded, it is gone.
    fs::remove_dir_all(dir.path().join("lora-0")).unwrap();
    assert_eq!(text(&bench.ask("a", Some("lora-0"), "rev:abc>", 4).unwrap()).unwrap(), expected);
    bench.commands.send(Command::Unload("lora-0".to_owned())).unwrap();
    assert!(matches!(text(&bench.ask("a", Some("lora-0"), "rev:abc>", 4).unwrap()), Err(Fault::Adapter(_))));
}

#[test]
fn floods_leave_room_the_gone_are_dropped_and_what_cannot_fit_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let budgets = Budgets { device: 512 << 10, host: 1 << 20 };
    let bench = Bench::start(dir.path(), Way::Batched, &budgets, 2);
    let flood: Vec<_> = (0..400).map_while(|_| bench.ask("flood", None, "rev:abcdefgh>", 8).ok()).collect();
    let quiet = bench.ask("quiet", None, "rev:ab>", 4).unwrap();
    text(&quiet).unwrap();
    let done = |events: &&Receiver<Event>| text(events).is_ok();
    assert!(
        bench.queue.waiting() > flood.len() / 2,
        "the quiet tenant did not wait for the flood: {} wait",
        bench.queue.waiting()
    );
    let gone = Request {
        tenant: "quiet".to_owned(),
        adapter: None,
        prompt: vec![5],
        max_tokens: 4,
        sampling: Sampling::Greedy,
        stop: vec![],
        deadline: Instant::now() + Duration::from_secs(60),
        sink: Box::new(Gone),
    };
    bench.queue.submit(gone).unwrap();
    // Keys and values of this one alone pass the budget.
    assert!(matches!(text(&bench.ask("quiet", None, "rev:ab>", 900).unwrap()), Err(Fault::Adapter(_))));
    assert_eq!(flood.iter().filter(done).count(), flood.len());
    assert_eq!(bench.metrics.cancelled.load(Ordering::Relaxed), 1);
}

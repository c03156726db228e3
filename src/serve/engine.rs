//! The engine: continuous batching (Orca: Yu et al., OSDI 2022) on a thread of its own.
//!
//! Every step is one forward pass over whatever runs: a token of each sequence that decodes, and as much of waiting prompts as the step's
//! budget of tokens allows, so that a long prompt does not hold the others up. Sequences come and go between steps.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    AdapterPool, Event, Fault, Loaded, Metrics, PagedCache, Queue, Ready, Request, Told,
    metrics::{add, set},
    queue::Turn,
    sequence::Sequence,
    ways::{Row, forward},
};
use crate::model::{Base, Decoder};

/// How long the engine sleeps when nothing runs, unless it is woken.
const NAP: Duration = Duration::from_millis(20);

/// Waiting requests of a tenant that are looked at: one whose adapter is still being read does not hold up those behind it.
const AHEAD: usize = 8;

/// How much runs at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sequences.
    pub running: usize,
    /// Tokens of one step.
    pub step_tokens: usize,
}

/// An order to the engine.
pub enum Command {
    /// Read an adapter and say what came of it.
    Load(String, Told),
    /// Forget an adapter.
    Unload(String),
}

/// The engine's thread and its inputs.
pub struct Engine {
    base: Arc<Base>,
    queue: Arc<Queue>,
    pool: AdapterPool,
    limits: Limits,
    metrics: Arc<Metrics>,
    commands: Receiver<Command>,
    running: Vec<Sequence>,
}

impl Engine {
    /// Starts the engine; it ends when the queue is closed and everything accepted has been answered.
    #[must_use]
    pub fn start(
        base: Arc<Base>,
        queue: Arc<Queue>,
        pool: AdapterPool,
        limits: Limits,
        metrics: Arc<Metrics>,
    ) -> (thread::JoinHandle<()>, Sender<Command>) {
        let (orders, commands) = channel();
        let engine = Self { base, queue, pool, limits, metrics, commands, running: Vec::new() };
        (thread::spawn(move || engine.run()), orders)
    }

    fn run(mut self) {
        set(&self.metrics.device_pages, self.pool.pages().pages());
        set(&self.metrics.device_page_bytes, self.pool.pages().page_bytes());
        loop {
            self.pool.poll();
            while let Ok(command) = self.commands.try_recv() {
                match command {
                    Command::Load(id, told) => self.pool.load(&id, told),
                    Command::Unload(id) => self.pool.unload(&id),
                }
            }
            self.drop_the_gone();
            self.admit();
            set(&self.metrics.running, self.running.len());
            set(&self.metrics.waiting, self.queue.waiting());
            if !self.running.is_empty() {
                self.step_safely();
            } else if self.queue.is_closed() && self.queue.waiting() == 0 {
                return;
            } else {
                self.queue.wait(NAP);
            }
        }
    }

    /// Lets go of requests whose client left or whose time is up.
    fn drop_the_gone(&mut self) {
        let now = Instant::now();
        let (queue, metrics) = (&self.queue, &self.metrics);
        queue.drop_if(|request| is_gone(request, now, metrics));
        self.running.retain(|sequence| {
            let gone = is_gone(&sequence.request, now, metrics);
            if gone {
                queue.finish(&sequence.request.tenant);
            }
            !gone
        });
    }

    /// Takes waiting requests, in the order of fairness, while there is room for them.
    fn admit(&mut self) {
        while self.running.len() < self.limits.running {
            let mut outcome = None;
            let (pool, model, idle) = (&mut self.pool, &self.base.model, self.running.is_empty());
            let request = self.queue.next(AHEAD, |request| match place(request, pool, model, idle) {
                Place::Wait => Turn::Wait,
                Place::Fail(why) => {
                    outcome = Some(Err(why));
                    Turn::Take
                }
                Place::Ready(adapter, cache) => {
                    outcome = Some(Ok((adapter, cache)));
                    Turn::Take
                }
            });
            match (request, outcome) {
                (Some(request), Some(Ok((adapter, cache)))) => {
                    self.running.push(Sequence::new(request, adapter, cache));
                }
                (Some(request), Some(Err(why))) => {
                    self.queue.finish(&request.tenant);
                    add(&self.metrics.failed, 1);
                    request.sink.send(Event::Failed(Fault::Adapter(why)));
                }
                _ => return,
            }
        }
        // Nothing more can run now: what comes next is read from the disk meanwhile.
        let pool = &mut self.pool;
        self.queue.look(AHEAD, |request| request.adapter.iter().for_each(|id| pool.prefetch(id)));
    }

    /// A step that outlives a panic inside it: what ran is lost and told so, the server goes on.
    fn step_safely(&mut self) {
        if catch_unwind(AssertUnwindSafe(|| self.step())).is_err() {
            for mut sequence in std::mem::take(&mut self.running) {
                self.queue.finish(&sequence.request.tenant);
                sequence.fail("the engine stumbled".to_owned(), &self.metrics);
            }
        }
    }

    /// One forward pass.
    fn step(&mut self) {
        // Decoding sequences take a token each; prompts share the step's budget.
        let mut prompts = self.limits.step_tokens;
        let share = |sequence: &Sequence| match sequence.pending.len() {
            1 => 1,
            tokens => {
                let tokens = tokens.min(prompts);
                prompts -= tokens;
                tokens
            }
        };
        let taken: Vec<usize> = self.running.iter().map(share).collect();
        let rows = self.running.iter_mut().zip(&taken).filter(|(_, tokens)| **tokens > 0).map(|(sequence, tokens)| {
            Row { adapter: sequence.adapter.clone(), ids: &sequence.pending[..*tokens], cache: &mut sequence.cache }
        });
        let logits = forward(&self.base.model, rows.collect());
        add(&self.metrics.steps, 1);
        let stepped = self.running.iter_mut().zip(taken).filter(|(_, tokens)| *tokens > 0);
        for ((sequence, tokens), logits) in stepped.zip(logits) {
            self.queue.charge(&sequence.request.tenant, tokens);
            sequence.advance(tokens, logits, &self.base, &self.metrics);
        }
        let queue = &self.queue;
        self.running.retain(|sequence| {
            if sequence.ended {
                queue.finish(&sequence.request.tenant);
            }
            !sequence.ended
        });
    }
}

/// Whether nobody waits for a request any more; tells who still listens that it came too late.
fn is_gone(request: &Request, now: Instant, metrics: &Metrics) -> bool {
    if request.sink.is_closed() {
        add(&metrics.cancelled, 1);
        return true;
    }
    if request.deadline <= now {
        add(&metrics.failed, 1);
        request.sink.send(Event::Failed(Fault::TooLate));
        return true;
    }
    false
}

/// What a request needs to run.
enum Place {
    Wait,
    Fail(String),
    Ready(Option<Arc<Loaded>>, PagedCache),
}

fn place(request: &Request, pool: &mut AdapterPool, model: &Decoder, idle: bool) -> Place {
    let config = model.config();
    let no_room = |what: &str| match idle {
        true => Place::Fail(format!("{what} does not fit into the device's budget, even with nothing else running")),
        false => Place::Wait,
    };
    let adapter = match &request.adapter {
        None => None,
        Some(id) => match pool.get(id) {
            Ready::Yes(loaded) => Some(loaded),
            Ready::Loading => return Place::Wait,
            Ready::NoRoom => return no_room(&format!("adapter `{id}`")),
            Ready::Failed(why) => return Place::Fail(why),
        },
    };
    let positions =
        request.prompt.len() + request.max_tokens + adapter.as_ref().map_or(0, |adapter| adapter.virtual_positions());
    let pages = PagedCache::pages_for(config, positions);
    if positions > config.context() || pages > pool.pages().pages() {
        return Place::Fail(format!(
            "{positions} positions are more than the model's context or the device's budget allows"
        ));
    }
    if !pool.make_room(pages) {
        return no_room("the request");
    }
    match PagedCache::new(config, positions, pool.pages(), model.device()) {
        Some(cache) => Place::Ready(adapter, cache),
        None => no_room("the request"),
    }
}

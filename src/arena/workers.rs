//! Methods side by side. Each worker is a pool of one thread: products of a small base are so small that threads wait for one another.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mpsc,
};

use candle_core::{Error, Result, bail};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Entry, Event};
use crate::train::Kind;

/// Runs one method; says what happens.
type One<'a> = dyn Fn(Kind, &dyn Fn(Event) -> Result<()>) -> Result<Entry> + Sync + 'a;

/// The pools; none where one method at a time uses all threads.
pub(super) struct Workers(Vec<ThreadPool>);

impl Workers {
    /// So many workers of one thread each.
    pub(super) fn new(count: Option<usize>) -> Result<Self> {
        if count.is_some_and(|count| count == 0 || count > 256) {
            bail!("from 1 to 256 methods can run side by side");
        }
        let pool = |_| ThreadPoolBuilder::new().num_threads(1).build().map_err(Error::wrap);
        (0..count.unwrap_or(0)).map(pool).collect::<Result<_>>().map(Self)
    }

    /// Does `work` while all else rests.
    pub(super) fn alone<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self.0.first() {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Runs all methods; the entries come in the methods' order.
    pub(super) fn all(
        &self,
        methods: &[Kind],
        one: &One<'_>,
        watch: &mut (dyn FnMut(Event) -> Result<()> + Send),
    ) -> Result<Vec<Entry>> {
        if self.0.is_empty() {
            let watch = std::cell::RefCell::new(watch);
            return methods.iter().map(|kind| one(*kind, &|event| (watch.borrow_mut())(event))).collect();
        }
        let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done: Vec<Mutex<Option<Result<Entry>>>> = methods.iter().map(|_| Mutex::new(None)).collect();
        let work = |sender: mpsc::Sender<Event>| {
            let say = |event| match over.load(Ordering::Relaxed) || sender.send(event).is_err() {
                true => bail!("the contest was ended"),
                false => Ok(()),
            };
            while let Some((kind, place)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                methods.get(index).zip(done.get(index))
            } {
                let entry = one(*kind, &say);
                let failed = entry.is_err();
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
                if failed {
                    over.store(true, Ordering::Relaxed);
                    return;
                }
            }
        };
        let mut watched = Ok(());
        std::thread::scope(|scope| {
            let (sender, events) = mpsc::channel();
            for pool in &self.0 {
                let (sender, work) = (sender.clone(), &work);
                scope.spawn(move || pool.install(|| work(sender)));
            }
            drop(sender);
            for event in events {
                if watched.is_ok() {
                    watched = watch(event);
                    over.fetch_or(watched.is_err(), Ordering::Relaxed);
                }
            }
        });
        watched?;
        let done: Vec<Option<Result<Entry>>> =
            done.into_iter().map(|entry| entry.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        entries(done)
    }
}

/// All entries, or the error that came first: the others only say that the contest was ended.
fn entries(done: Vec<Option<Result<Entry>>>) -> Result<Vec<Entry>> {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    for result in done {
        match result {
            Some(Ok(entry)) => entries.push(entry),
            Some(Err(error)) => errors.push(error),
            None => {}
        }
    }
    match errors.into_iter().min_by_key(|error| error.to_string().contains("the contest was ended")) {
        Some(error) => Err(error),
        None => Ok(entries),
    }
}

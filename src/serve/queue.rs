//! Bounded queues, one a tenant, and whose turn it is.
//!
//! Turns follow the virtual token counter (Sheng et al. 2023, arXiv 2401.00588): the tenant that has been served the fewest tokens comes next,
//! and one that comes back after a pause starts level with the others, not with a credit. A flood from one tenant fills that tenant's own
//! queue only.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Refused, Request};

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Requests of all tenants.
    pub all: usize,
    /// Requests of one tenant.
    pub tenant: usize,
}

/// What the engine says of a waiting request.
pub(super) enum Turn {
    /// Not now: the tenant's next request may go before it.
    Wait,
    /// Now.
    Take,
}

/// Waiting requests.
pub struct Queue {
    bounds: Bounds,
    inner: Mutex<Inner>,
    news: Condvar,
}

#[derive(Default)]
struct Inner {
    tenants: BTreeMap<String, Tenant>,
    waiting: usize,
    closed: bool,
}

#[derive(Default)]
struct Tenant {
    waiting: VecDeque<Request>,
    /// Tokens served: the virtual counter.
    served: u64,
    running: usize,
}

impl Tenant {
    fn is_active(&self) -> bool {
        self.running > 0 || !self.waiting.is_empty()
    }
}

impl Queue {
    /// Empty queues.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, inner: Mutex::default(), news: Condvar::new() }
    }

    /// Accepts a request.
    ///
    /// # Errors
    /// A queue is full, or the server is stopping.
    pub fn submit(&self, request: Request) -> Result<(), Refused> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Refused::Stopping);
        }
        let own = inner.tenants.get(&request.tenant).map_or(0, |tenant| tenant.waiting.len());
        if inner.waiting >= self.bounds.all || own >= self.bounds.tenant {
            // A guess that grows with the queue: what is ahead must be served first.
            return Err(Refused::Full { retry_after: 1 + inner.waiting as u64 / 64 });
        }
        let level = inner.tenants.values().filter(|tenant| tenant.is_active()).map(|tenant| tenant.served).min();
        let tenant = inner.tenants.entry(request.tenant.clone()).or_default();
        if !tenant.is_active() {
            tenant.served = tenant.served.max(level.unwrap_or(tenant.served));
        }
        tenant.waiting.push_back(request);
        inner.waiting += 1;
        self.news.notify_all();
        Ok(())
    }

    /// The first request whose turn it is, in the order of fairness, among the first `ahead` of each tenant. While `judge` thinks, which
    /// may take as long as a merge, the queue is open to others.
    pub(super) fn next(&self, ahead: usize, mut judge: impl FnMut(&Request) -> Turn) -> Option<Request> {
        for name in self.order() {
            for place in 0..ahead {
                let Some(request) = self.lift(&name, place) else { break };
                match judge(&request) {
                    Turn::Take => {
                        self.lock().waiting -= 1;
                        return Some(request);
                    }
                    Turn::Wait => self.put_back(&name, place, request),
                }
            }
        }
        None
    }

    /// Tenants, the one that was served least first.
    fn order(&self) -> Vec<String> {
        let inner = self.lock();
        let mut order: Vec<(u64, &String)> = inner.tenants.iter().map(|(name, tenant)| (tenant.served, name)).collect();
        order.sort();
        order.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Takes a request out; until it is put back it counts as running. Only the engine's thread does so, hence places stay what they are.
    fn lift(&self, name: &str, place: usize) -> Option<Request> {
        let mut inner = self.lock();
        let tenant = inner.tenants.get_mut(name)?;
        let request = tenant.waiting.remove(place)?;
        tenant.running += 1;
        Some(request)
    }

    fn put_back(&self, name: &str, place: usize, request: Request) {
        if let Some(tenant) = self.lock().tenants.get_mut(name) {
            tenant.running = tenant.running.saturating_sub(1);
            tenant.waiting.insert(place, request);
        }
    }

    /// Looks at the first `ahead` requests of each tenant.
    pub(super) fn look(&self, ahead: usize, see: impl FnMut(&Request)) {
        let inner = self.lock();
        inner.tenants.values().flat_map(|tenant| tenant.waiting.iter().take(ahead)).for_each(see);
    }

    /// Drops waiting requests.
    pub(super) fn drop_if(&self, mut gone: impl FnMut(&Request) -> bool) {
        let mut inner = self.lock();
        inner.tenants.values_mut().for_each(|tenant| tenant.waiting.retain(|request| !gone(request)));
        inner.waiting = inner.tenants.values().map(|tenant| tenant.waiting.len()).sum();
    }

    /// Counts tokens that a tenant was served.
    pub(super) fn charge(&self, tenant: &str, tokens: usize) {
        if let Some(tenant) = self.lock().tenants.get_mut(tenant) {
            tenant.served += tokens as u64;
        }
    }

    /// A request of `tenant` has left the engine.
    pub(super) fn finish(&self, name: &str) {
        let mut inner = self.lock();
        if let Some(tenant) = inner.tenants.get_mut(name) {
            tenant.running = tenant.running.saturating_sub(1);
        }
    }

    /// Requests that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Accepts nothing more; what was accepted is still served.
    pub fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Wakes the engine.
    pub fn wake(&self) {
        self.news.notify_all();
    }

    /// Sleeps until there is news, or for `longest`.
    pub(super) fn wait(&self, longest: Duration) {
        let inner = self.lock();
        drop(self.news.wait_timeout(inner, longest));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Instant;

    use super::*;
    use crate::{
        generate::Sampling,
        serve::{Event, Sink},
    };

    struct Nobody;

    impl Sink for Nobody {
        fn send(&self, _: Event) {}

        fn is_closed(&self) -> bool {
            false
        }
    }

    fn request(tenant: &str) -> Request {
        Request {
            tenant: tenant.to_owned(),
            adapter: None,
            prompt: vec![1],
            max_tokens: 1,
            sampling: Sampling::Greedy,
            stop: vec![],
            deadline: Instant::now(),
            sink: Box::new(Nobody),
        }
    }

    #[test]
    fn a_flood_does_not_starve_and_a_pause_earns_no_credit() {
        let queue = Queue::new(Bounds { all: 100, tenant: 50 });
        (0..50).for_each(|_| queue.submit(request("flood")).unwrap());
        assert_eq!(queue.submit(request("flood")), Err(Refused::Full { retry_after: 1 }));
        let turn = |queue: &Queue| {
            let tenant = queue.next(8, |_| Turn::Take).unwrap().tenant;
            queue.charge(&tenant, 10);
            tenant
        };
        (0..5).for_each(|_| assert_eq!(turn(&queue), "flood"));
        (0..10).for_each(|_| queue.submit(request("quiet")).unwrap());
        let turns: Vec<String> = (0..8).map(|_| turn(&queue)).collect();
        let quiet = turns.iter().filter(|tenant| *tenant == "quiet").count();
        assert_eq!(quiet, 4, "{turns:?}");
    }

    #[test]
    fn the_queue_is_open_while_a_request_is_judged_and_who_waits_keeps_the_place() {
        let queue = Queue::new(Bounds { all: 9, tenant: 9 });
        for adapter in ["a", "b"] {
            queue.submit(Request { adapter: Some(adapter.to_owned()), ..request("t") }).unwrap();
        }
        let judge = |request: &Request| {
            queue.submit(self::request("late")).unwrap();
            if request.adapter.as_deref() == Some("b") { Turn::Take } else { Turn::Wait }
        };
        assert_eq!(queue.next(8, judge).unwrap().adapter.as_deref(), Some("b"));
        queue.finish("t");
        let left: Vec<Option<String>> =
            std::iter::from_fn(|| queue.next(8, |_| Turn::Take)).map(|request| request.adapter).collect();
        assert_eq!(left, [None, None, Some("a".to_owned())]);
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn closed_queues_serve_what_they_hold() {
        let queue = Queue::new(Bounds { all: 1, tenant: 1 });
        queue.submit(request("a")).unwrap();
        assert!(matches!(queue.submit(request("b")), Err(Refused::Full { .. })));
        queue.close();
        assert_eq!(queue.submit(request("a")), Err(Refused::Stopping));
        assert!(queue.next(8, |_| Turn::Wait).is_none() && queue.next(8, |_| Turn::Take).is_some());
        assert_eq!(queue.waiting(), 0);
    }
}

//! The adapter pool (S-LoRA: Sheng et al. 2023, arXiv 2311.03285, §5): adapters on disk, in host memory, on the device.
//!
//! The device's budget is one [`PagePool`], shared by adapters and by keys and values; the host's is a number of bytes. Reading a file happens
//! on a thread of its own, so that running sequences never wait for a disk. On the CPU both tiers lie in the same memory: the host tier holds
//! checked tensors, the device tier the form that kernels read, and each has its own budget.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use candle_core::Result;

use super::{
    AdapterDir, Loaded, Metrics, Way,
    metrics::{add, set},
    page::PagePool,
    tier::Tier,
};
use crate::{
    model::{Base, one_line},
    peft::hub::{self, Adapter},
};

/// A file's numbers may be 16 bits wide and are read as 32: at most this many times its bytes.
const WIDENING: usize = 2;

/// What to do when an adapter has been read, or could not be.
pub type Told = Box<dyn FnOnce(std::result::Result<(), String>) + Send>;

/// How far an adapter is.
#[derive(Debug)]
pub enum Ready {
    /// On the device, and pinned while this is held.
    Yes(Arc<Loaded>),
    /// On its way from the disk.
    Loading,
    /// Read, but the device has no room while others run.
    NoRoom,
    /// It cannot be served; why.
    Failed(String),
}

/// A file that is being read.
struct Reading {
    /// Which reading it is: the result of an older one is of a file that may have changed.
    serial: u64,
    /// Host bytes set aside for it.
    bytes: usize,
    /// Who wants to know.
    told: Vec<Told>,
}

/// Adapters in three tiers.
pub struct AdapterPool {
    base: Arc<Base>,
    directory: Arc<AdapterDir>,
    way: Way,
    pages: PagePool,
    host_budget: usize,
    host: Tier<Adapter>,
    device: Tier<Loaded>,
    /// Ids on their way from the disk.
    loading: HashMap<String, Reading>,
    /// Number of the latest reading.
    serial: u64,
    failed: HashMap<String, String>,
    jobs: Sender<(String, u64)>,
    done: Receiver<(String, u64, Result<Adapter>)>,
    metrics: Arc<Metrics>,
}

impl AdapterPool {
    /// An empty pool; `wake` is called when an adapter has been read.
    #[must_use]
    pub fn new(
        base: Arc<Base>,
        directory: Arc<AdapterDir>,
        way: Way,
        pages: PagePool,
        host_budget: usize,
        metrics: Arc<Metrics>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let (jobs, queue) = channel::<(String, u64)>();
        let (finished, done) = channel();
        let (reader_base, reader_directory) = (Arc::clone(&base), Arc::clone(&directory));
        thread::spawn(move || {
            for (id, serial) in queue {
                let read = reader_directory.path(&id).and_then(|path| hub::load(&path, &reader_base.model));
                if finished.send((id, serial, read)).is_err() {
                    return;
                }
                wake();
            }
        });
        let (host, device) = (Tier::default(), Tier::default());
        let (loading, failed) = (HashMap::new(), HashMap::new());
        let serial = 0;
        Self { base, directory, way, pages, host_budget, host, device, loading, serial, failed, jobs, done, metrics }
    }

    /// Takes in what the reading thread has finished.
    pub fn poll(&mut self) {
        while let Ok((id, serial, read)) = self.done.try_recv() {
            if self.loading.get(&id).is_none_or(|reading| reading.serial != serial) {
                continue;
            }
            let told = self.loading.remove(&id).map(|reading| reading.told).unwrap_or_default();
            let outcome = match read {
                Ok(adapter) => {
                    add(&self.metrics.disk_loads, 1);
                    let bytes = adapter.method().parameter_count() * size_of::<f32>();
                    self.host.put(id, Arc::new(adapter), bytes);
                    Ok(())
                }
                Err(error) => {
                    add(&self.metrics.load_failures, 1);
                    let why = one_line(&error);
                    self.failed.insert(id, why.clone());
                    Err(why)
                }
            };
            told.into_iter().for_each(|told| told(outcome.clone()));
        }
        set(&self.metrics.host_bytes, self.host.size());
        set(&self.metrics.host_adapters, self.host.len());
        set(&self.metrics.device_adapters, self.device.len());
        set(&self.metrics.device_pages_used, self.pages.pages() - self.pages.available());
        set(&self.metrics.device_pages_peak, self.pages.peak());
    }

    /// The adapter `id`, as far as it is; what is missing is set going.
    pub fn get(&mut self, id: &str) -> Ready {
        if let Some(loaded) = self.device.get(id) {
            add(&self.metrics.device_hits, 1);
            return Ready::Yes(loaded);
        }
        // A failure is told once; the next request tries again.
        if let Some(why) = self.failed.remove(id) {
            return Ready::Failed(why);
        }
        let Some(adapter) = self.host.get(id) else {
            return match self.fetch(id, None) {
                Ok(()) => Ready::Loading,
                Err(why) => Ready::Failed(why),
            };
        };
        self.bring(id, &adapter).unwrap_or_else(|error| Ready::Failed(one_line(&error)))
    }

    /// Brings an adapter from host memory to the device.
    fn bring(&mut self, id: &str, adapter: &Arc<Adapter>) -> Result<Ready> {
        let needed = Loaded::pages_for(adapter, &self.base.model, self.way, &self.pages)?;
        if !self.make_room(needed) {
            return Ok(Ready::NoRoom);
        }
        let Some(loaded) = Loaded::new(adapter, &self.base.model, self.way, &self.pages)? else {
            return Ok(Ready::NoRoom);
        };
        add(&self.metrics.device_loads, 1);
        let loaded = Arc::new(loaded);
        self.device.put(id.to_owned(), Arc::clone(&loaded), needed);
        Ok(Ready::Yes(loaded))
    }

    /// Reads `id` ahead of need: a queued request will want it.
    pub fn prefetch(&mut self, id: &str) {
        let known = self.device.holds(id) || self.host.holds(id) || self.loading.contains_key(id);
        // A failure is for the request itself to meet.
        if !known && !self.failed.contains_key(id) && self.fetch(id, None).is_ok() {
            add(&self.metrics.prefetches, u64::from(self.loading.contains_key(id)));
        }
    }

    /// Reads `id` and says what came of it.
    pub fn load(&mut self, id: &str, told: Told) {
        self.failed.remove(id);
        if self.host.holds(id) || self.device.holds(id) {
            return told(Ok(()));
        }
        let mut told = Some(told);
        let fetched = self.fetch(id, Some(&mut told));
        if let Some(told) = told {
            told(Err(fetched.err().unwrap_or_else(|| "others are being read; try again".to_owned())));
        }
    }

    /// Forgets `id` in memory; sequences that run with it keep it until they end.
    pub fn unload(&mut self, id: &str) {
        self.device.remove(id);
        self.host.remove(id);
        self.failed.remove(id);
        let told = self.loading.remove(id).map(|reading| reading.told).unwrap_or_default();
        told.into_iter().for_each(|told| told(Err("it was unloaded".to_owned())));
    }

    /// Makes `pages` free on the device, at the expense of adapters that nobody uses; whether it could. Nothing is put out in vain.
    pub fn make_room(&mut self, pages: usize) -> bool {
        if self.pages.available() + self.device.unpinned() < pages {
            return false;
        }
        while self.pages.available() < pages {
            if !self.evict_from_device() {
                return false;
            }
        }
        true
    }

    /// The device's pages.
    #[must_use]
    pub fn pages(&self) -> &PagePool {
        &self.pages
    }

    fn evict_from_device(&mut self) -> bool {
        let evicted = self.device.evict();
        add(&self.metrics.device_evictions, u64::from(evicted));
        evicted
    }

    fn evict_from_host(&mut self) -> bool {
        // What stands on the device as it was read holds on to the host's copy.
        self.host.evict() || (self.loading.is_empty() && self.evict_from_device() && self.host.evict())
    }

    /// Sends `id` to the reading thread once the host has room for it.
    fn fetch(&mut self, id: &str, told: Option<&mut Option<Told>>) -> std::result::Result<(), String> {
        if let Some(reading) = self.loading.get_mut(id) {
            reading.told.extend(told.and_then(Option::take));
            return Ok(());
        }
        let path = self.directory.path(id).map_err(|error| one_line(&error))?;
        let file = fs::metadata(path.join(hub::TENSORS)).or_else(|_| fs::metadata(path.join(hub::CONFIG)));
        let bytes = file.map_err(|error| format!("adapter `{id}`: {error}"))?.len() as usize * WIDENING;
        if bytes > self.host_budget {
            return Err(format!("adapter `{id}` may take {bytes} bytes; the host's budget is {}", self.host_budget));
        }
        let reserved: usize = self.loading.values().map(|reading| reading.bytes).sum();
        while self.host.size() + reserved + bytes > self.host_budget {
            if !self.evict_from_host() {
                // Others run, or are on their way: the caller asks again later.
                return Ok(());
            }
            add(&self.metrics.host_evictions, 1);
        }
        self.serial += 1;
        let told = told.and_then(Option::take).into_iter().collect();
        self.loading.insert(id.to_owned(), Reading { serial: self.serial, bytes, told });
        let sent = self.jobs.send((id.to_owned(), self.serial));
        sent.map_err(|_| "the thread that reads adapters has ended".to_owned())
    }
}

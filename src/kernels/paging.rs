//! Pages of the optimiser's state between host and device, beside the computation.
//!
//! ```text
//! computing stream   update p-1 |  update p   |  update p+1
//! copying stream                | page p+1 in |  page p-1 out, page p+2 in
//! ```
//!
//! Host memory is pinned, which a copy beside the computation needs; nothing is managed memory. When what moves is decided elsewhere
//! (`optim::paged::schedule`), the same way as on the CPU. Here only the order of the two streams is kept, by events:
//! a copy begins after all computation that was enqueued before it; computation that uses a page waits for the page's copy.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use candle_core::{
    CudaDevice, CudaStorage, Result, Storage, Tensor, bail,
    cuda_backend::{
        WrapErr as _,
        cudarc::driver::{CudaEvent, CudaSlice, CudaStream, PinnedHostSlice},
    },
    op::BackpropOp,
};

use crate::{
    device::Transfers,
    optim::{adamw::Moments, paged::Copies},
};

/// Pages that may be on their way out while their memory is still theirs.
const LEAVING: usize = 2;

/// Copies on a stream of their own.
#[derive(Debug)]
pub(crate) struct PinnedCopies {
    device: CudaDevice,
    copying: Arc<CudaStream>,
    /// Both moments of each page that ever left.
    host: BTreeMap<usize, [PinnedHostSlice<f32>; 2]>,
    /// Pages on their way in, each with the event of its copy.
    coming: BTreeMap<usize, ([CudaSlice<f32>; 2], CudaEvent)>,
    /// Pages on their way out.
    leaving: VecDeque<(Moments, CudaEvent)>,
}

impl PinnedCopies {
    /// A second stream beside that of `device`.
    pub(crate) fn new(device: &CudaDevice) -> Result<Self> {
        let copying = device.cuda_stream().context().new_stream().w()?;
        let (host, coming, leaving) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Ok(Self { device: device.clone(), copying, host, coming, leaving })
    }

    /// Lets go of pages that have left; beyond [`LEAVING`], computation waits for the oldest before its memory is used again.
    fn retire(&mut self) -> Result<()> {
        while let Some((_, event)) = self.leaving.front() {
            if !event.is_complete() {
                if self.leaving.len() <= LEAVING {
                    break;
                }
                self.device.cuda_stream().wait(event).w()?;
            }
            self.leaving.pop_front();
        }
        Ok(())
    }

    fn pinned(&self, count: usize) -> Result<PinnedHostSlice<f32>> {
        let context = self.device.cuda_stream().context().clone();
        // SAFETY: the memory is unset; it is read only by copies in, of a page that has left and so was written over its whole length.
        // No flags: memory that is write-combined would be slow to read.
        unsafe { context.alloc_pinned_with_flags::<f32>(count, 0) }.w()
    }
}

impl Copies for PinnedCopies {
    fn leave(&mut self, page: usize, moments: Moments) -> Result<()> {
        self.retire()?;
        let count = moments.first.elem_count();
        if !self.host.contains_key(&page) {
            self.host.insert(page, [self.pinned(count)?, self.pinned(count)?]);
        }
        let Some(host) = self.host.get_mut(&page) else {
            bail!("page {page} of the optimiser's state has no host memory")
        };
        Transfers::count_planned(8 * count);
        self.copying.join(&self.device.cuda_stream()).w()?;
        for (moment, host) in [&moments.first, &moments.second].into_iter().zip(host) {
            let (storage, layout) = moment.storage_and_layout();
            let (Storage::Cuda(numbers), Some((start, end))) = (&*storage, layout.contiguous_offsets()) else {
                bail!("a page of the optimiser's state is not in one piece on the GPU")
            };
            let numbers = numbers.as_cuda_slice::<f32>()?.slice(start..end);
            self.copying.memcpy_dtoh(&numbers, host).w()?;
        }
        self.leaving.push_back((moments, self.copying.record_event(None).w()?));
        Ok(())
    }

    fn come(&mut self, page: usize, count: usize) -> Result<()> {
        let Some(host) = self.host.get(&page) else { bail!("page {page} of the optimiser's state never left") };
        // SAFETY: the memory is unset; the copies below write its whole length, and `arrive` orders whoever reads it after them.
        let mut moments = unsafe { [self.device.alloc::<f32>(count)?, self.device.alloc::<f32>(count)?] };
        Transfers::count_planned(8 * count);
        // Memory is given out in the order of the computing stream.
        self.copying.join(&self.device.cuda_stream()).w()?;
        for (host, moment) in host.iter().zip(&mut moments) {
            self.copying.memcpy_htod(host, moment).w()?;
        }
        self.coming.insert(page, (moments, self.copying.record_event(None).w()?));
        Ok(())
    }

    fn arrive(&mut self, page: usize) -> Result<Moments> {
        let Some((moments, event)) = self.coming.remove(&page) else {
            bail!("page {page} of the optimiser's state was not sent for")
        };
        self.device.cuda_stream().wait(&event).w()?;
        let [first, second] = moments.map(|numbers| {
            let count = numbers.len();
            let storage = CudaStorage::wrap_cuda_slice(numbers, self.device.clone());
            Tensor::from_storage(Storage::Cuda(storage), count, BackpropOp::none(), false)
        });
        Ok(Moments { first, second })
    }
}

impl Drop for PinnedCopies {
    /// Nothing that a copy still reads or writes may be freed.
    fn drop(&mut self) {
        // A device that has failed copies no more.
        let _ = self.copying.synchronize();
    }
}

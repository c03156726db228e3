//! Where pages lie that are not resident: a file, or host memory. Both copy at once; a GPU's engine (`kernels::PinnedCopies`) copies beside
//! the computation. A file stands for that engine on the CPU: its copies count as planned, a page of both moments as one.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
};

use candle_core::{Device, Error, Result, Tensor};

use super::{Moments, PAGE};
use crate::device::{Transfers, down, up};

/// What carries pages out and in. A page is not read between [`come`](Self::come) and [`arrive`](Self::arrive), and not come for before it
/// has left.
pub(crate) trait Copies: fmt::Debug + Send {
    /// Begins to copy `page` out.
    ///
    /// # Errors
    /// There is no room, or the copy cannot begin.
    fn leave(&mut self, page: usize, moments: Moments) -> Result<()>;

    /// Begins to copy `page` in, whose moments have `count` numbers each.
    ///
    /// # Errors
    /// There is no room, or the copy cannot begin.
    fn come(&mut self, page: usize, count: usize) -> Result<()>;

    /// `page`, for computation that begins from now on.
    ///
    /// # Errors
    /// It was not come for, or the copy failed.
    fn arrive(&mut self, page: usize) -> Result<Moments>;
}

/// A file or host memory.
#[derive(Debug)]
pub(super) enum Place {
    File(File),
    Host(BTreeMap<usize, Vec<u8>>),
}

/// Copies that are done when they are begun.
#[derive(Debug)]
pub(super) struct Store {
    place: Place,
    device: Device,
    coming: BTreeMap<usize, Moments>,
}

impl Store {
    /// Pages come to `device`.
    pub(super) fn new(place: Place, device: &Device) -> Self {
        Self { place, device: device.clone(), coming: BTreeMap::new() }
    }

    fn read(&mut self, page: usize, count: usize) -> std::io::Result<Vec<u8>> {
        match &mut self.place {
            Place::File(file) => {
                let mut bytes = vec![0; 8 * count];
                file.seek(position(page)).and_then(|_| file.read_exact(&mut bytes)).map(|()| bytes)
            }
            Place::Host(pages) => pages.remove(&page).ok_or_else(|| std::io::ErrorKind::NotFound.into()),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<Tensor> {
        let values = bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
        let (values, count) = (values.collect::<Vec<_>>(), bytes.len() / 4);
        match self.place {
            Place::File(_) => Tensor::from_vec(values, count, &self.device),
            Place::Host(_) => up(values, count, &self.device),
        }
    }

    fn encode(&self, moment: &Tensor) -> Result<Vec<f32>> {
        match self.place {
            Place::File(_) => moment.to_vec1(),
            Place::Host(_) => down(moment),
        }
    }

    fn count(&self, bytes: usize) {
        if matches!(self.place, Place::File(_)) {
            Transfers::count_planned(bytes);
        }
    }
}

impl Copies for Store {
    fn leave(&mut self, page: usize, moments: Moments) -> Result<()> {
        let mut bytes = Vec::with_capacity(8 * moments.first.elem_count());
        for moment in [&moments.first, &moments.second] {
            self.encode(moment)?.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
        }
        self.count(bytes.len());
        match &mut self.place {
            Place::File(file) => {
                file.seek(position(page)).and_then(|_| file.write_all(&bytes)).map_err(failed)?;
            }
            Place::Host(pages) => {
                pages.insert(page, bytes);
            }
        }
        Ok(())
    }

    fn come(&mut self, page: usize, count: usize) -> Result<()> {
        let bytes = self.read(page, count).map_err(failed)?;
        self.count(bytes.len());
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let moments = Moments { first: self.decode(first)?, second: self.decode(second)? };
        self.coming.insert(page, moments);
        Ok(())
    }

    fn arrive(&mut self, page: usize) -> Result<Moments> {
        self.coming.remove(&page).ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
    }
}

/// Where a page begins in the file.
fn position(page: usize) -> SeekFrom {
    SeekFrom::Start(page as u64 * 8 * PAGE as u64)
}

pub(super) fn failed(error: std::io::Error) -> Error {
    Error::Msg(format!("paging the optimiser's state: {error}"))
}

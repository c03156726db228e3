//! What a user asks for, and the device that comes of it.

use std::{
    fmt,
    str::FromStr,
    sync::{PoisonError, RwLock},
};

use candle_core::Device;

/// The most GPUs of one machine that can be named.
const GPUS: usize = 64;

/// Where to compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// On the CPU.
    #[default]
    Cpu,
    /// On the first NVIDIA GPU, or on the CPU where there is none.
    Auto,
    /// On the NVIDIA GPU of this index, and nowhere else.
    Cuda(usize),
}

/// A device, and why it is not the one that was hoped for.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What computes.
    pub device: Device,
    /// One line about a fallback to the CPU.
    pub note: Option<String>,
}

impl Choice {
    /// Opens the device.
    ///
    /// # Errors
    /// A GPU was asked for by name and cannot be used. The text is one line that says why and what to do.
    pub fn open(self) -> Result<Opened, String> {
        match self {
            Self::Cpu => Ok(Opened { device: Device::Cpu, note: None }),
            Self::Cuda(index) => Ok(Opened { device: gpu(index)?, note: None }),
            Self::Auto => Ok(gpu(0).map_or_else(
                |why| Opened { device: Device::Cpu, note: Some(format!("computing on the CPU: {why}")) },
                |device| Opened { device, note: None },
            )),
        }
    }
}

fn gpu(index: usize) -> Result<Device, String> {
    if !candle_core::utils::cuda_is_available() {
        return Err(
            "this program was built without CUDA; `cargo build --release --features cuda` builds one with it, \
                    `--device cpu` computes without"
                .to_owned(),
        );
    }
    Device::new_cuda(index).map_err(|error| {
        format!(
            "GPU {index} cannot be used ({}); `nvidia-smi` lists the GPUs that the driver knows, `--device cpu` computes without one",
            error.to_string().lines().next().unwrap_or_default()
        )
    })
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let index = |digits: &str| digits.parse().ok().filter(|index| *index < GPUS).map(Self::Cuda);
        let choice = match text {
            "cpu" => Some(Self::Cpu),
            "auto" => Some(Self::Auto),
            "cuda" => Some(Self::Cuda(0)),
            _ => text.strip_prefix("cuda:").and_then(index),
        };
        choice.ok_or_else(|| format!("`{text}` is no device: write cpu, cuda, cuda:1 or auto"))
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Auto => f.write_str("auto"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// The device of what has no device of its own: demos, claims, a notebook's cells.
static CURRENT: RwLock<Device> = RwLock::new(Device::Cpu);

/// The device on which demos and claims compute: the CPU, until [`make_current`] says otherwise.
#[must_use]
pub fn current() -> Device {
    CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Lets demos and claims compute on `device` from now on.
pub fn make_current(device: &Device) {
    *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = device.clone();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_written_is_read_and_anything_else_is_named() {
        for (text, choice) in [("cpu", Choice::Cpu), ("auto", Choice::Auto), ("cuda:1", Choice::Cuda(1))] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(Choice::Cuda(0)));
        for odd in ["", "gpu", "cuda:", "cuda:-1", "cuda:64", "CPU", "cuda:1x"] {
            assert!(odd.parse::<Choice>().unwrap_err().contains("cpu, cuda, cuda:1 or auto"), "{odd}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn without_cuda_auto_computes_on_the_cpu_and_says_so_and_cuda_is_refused() {
        let auto = Choice::Auto.open().unwrap();
        assert!(auto.device.is_cpu());
        assert!(auto.note.unwrap().contains("built without CUDA"));
        let error = Choice::Cuda(0).open().unwrap_err();
        assert!(error.contains("--features cuda") && error.lines().count() == 1, "{error}");
    }
}

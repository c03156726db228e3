//! `deltaw` teaches LoRA and parameter-efficient fine-tuning by making every statement about it runnable.
//!
//! The rooms, in reading order; each stands only on those above it.
#![warn(missing_docs)]
// The launchers of CUDA kernels are the one room with unsafe code, and only a build for CUDA has them.
#![cfg_attr(not(feature = "cuda"), forbid(unsafe_code))]

pub mod device;

pub mod quant;

#[cfg(feature = "cuda")]
#[allow(unsafe_code)]
mod kernels;

pub mod model;

pub mod generate;

pub mod linalg;

pub mod optim;

pub mod peft;

pub mod train;

pub mod analysis;

pub mod serve;

pub mod parity;

pub mod demos;

pub mod claims;

pub mod arena;

#[cfg(feature = "cli")]
pub mod gpu_check;

pub mod quiz;

pub mod classroom;

#[cfg(feature = "plot")]
pub mod plot;

#[cfg(feature = "plot")]
pub mod notebook;

#[cfg(feature = "cli")]
pub mod cli;

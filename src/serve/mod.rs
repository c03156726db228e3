//! Serving many adapters on one base.
//!
//! Three [`Way`]s behind one forward pass ([`ways`]): merged, batched, swapped. The batched way stands behind the `linear` door of the model, on
//! [`kernels`]. Adapters lie on disk, in host memory and on the device ([`pool`]), where they share [`page`]s with keys and values ([`cache`]).
//!
//! The [`engine`] is a plain thread: requests come from bounded, fair queues ([`queue`]), answers go to [`Sink`]s. It knows nothing of HTTP; the
//! layer that does ([`http`], feature `serve`) only translates.

mod batch;
pub mod cache;
mod directory;
pub mod engine;
#[cfg(feature = "serve")]
pub mod export;
#[cfg(feature = "serve")]
pub mod http;
pub mod kernels;
mod metrics;
mod packed;
pub mod page;
pub mod pool;
pub mod queue;
mod request;
#[cfg(any(feature = "cuda", test))]
pub(crate) mod resident;
#[cfg(feature = "serve")]
pub mod routing;
mod sequence;
#[cfg(any(feature = "cuda", test))]
pub(crate) mod table;
mod text;
mod tier;
pub mod ways;

pub use batch::Batch;
pub use cache::PagedCache;
pub use directory::AdapterDir;
pub use engine::{Command, Engine, Limits};
pub use metrics::Metrics;
pub use packed::Packed;
pub use pool::{AdapterPool, Ready, Told};
pub use queue::{Bounds, Queue};
pub use request::{Event, Fault, Reason, Refused, Request, Sink};
#[cfg(feature = "serve")]
pub use routing::Routing;
pub use ways::{Loaded, Way};

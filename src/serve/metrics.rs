//! Counters and gauges, and how Prometheus reads them (text exposition format 0.0.4).

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

/// Declares the struct and its exposition together, so that no counter can be forgotten in one of them.
macro_rules! metrics {
    ($($kind:literal $field:ident $name:literal $help:literal),* $(,)?) => {
        /// What the server counts.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $(#[doc = $help] pub $field: AtomicU64,)*
        }

        impl Metrics {
            /// The text that `/metrics` answers.
            #[must_use]
            pub fn text(&self) -> String {
                let mut text = String::new();
                $(
                    let value = self.$field.load(Ordering::Relaxed);
                    let _ = write!(text, "# HELP deltaw_{0} {1}\n# TYPE deltaw_{0} {2}\ndeltaw_{0} {3}\n", $name, $help, $kind, value);
                )*
                text
            }
        }
    };
}

metrics! {
    "counter" accepted "requests_accepted_total" "Requests taken into a queue.",
    "counter" completed "requests_completed_total" "Requests answered to the end.",
    "counter" refused "requests_refused_total" "Requests refused because a queue was full.",
    "counter" cancelled "requests_cancelled_total" "Requests whose client left.",
    "counter" failed "requests_failed_total" "Requests that ended in an error.",
    "counter" prompt_tokens "prompt_tokens_total" "Prompt tokens computed.",
    "counter" generated_tokens "generated_tokens_total" "Tokens generated.",
    "counter" steps "engine_steps_total" "Forward steps of the engine.",
    "gauge" running "requests_running" "Sequences being computed.",
    "gauge" waiting "requests_waiting" "Requests in queues.",
    "counter" device_hits "adapter_device_hits_total" "Lookups that found the adapter on the device.",
    "counter" device_loads "adapter_device_loads_total" "Adapters brought from host memory to the device.",
    "counter" device_evictions "adapter_device_evictions_total" "Adapters put out of the device.",
    "gauge" device_adapters "adapter_device_count" "Adapters on the device.",
    "gauge" device_pages "device_pages" "Pages of the device's budget.",
    "gauge" device_page_bytes "device_page_bytes" "Bytes of a page.",
    "gauge" device_pages_used "device_pages_used" "Pages in use by adapters, keys and values.",
    "gauge" device_pages_peak "device_pages_peak" "The most pages that were ever in use.",
    "counter" disk_loads "adapter_disk_loads_total" "Adapters read from disk.",
    "counter" prefetches "adapter_prefetches_total" "Reads started for requests that were still queued.",
    "counter" load_failures "adapter_load_failures_total" "Adapters that could not be read.",
    "counter" host_evictions "adapter_host_evictions_total" "Adapters put out of host memory.",
    "gauge" host_bytes "adapter_host_bytes" "Bytes of adapters in host memory.",
    "gauge" host_adapters "adapter_host_count" "Adapters in host memory.",
    "gauge" connections "connections" "Open connections.",
}

/// Counts up.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Sets a gauge.
pub(super) fn set(gauge: &AtomicU64, value: usize) {
    gauge.store(value as u64, Ordering::Relaxed);
}

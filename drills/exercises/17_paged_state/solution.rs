//! Pages of optimiser state.
//!
//! Dettmers et al. 2023 (arXiv 2305.14314) §3; the threshold is that of bitsandbytes' `get_state_buffer`. `deltaw::optim` has an AdamW whose state
//! goes through such a table, and is bit for bit the plain one.

/// Faults over all accesses, and the pages that are on the GPU in the end, longest untouched first.
pub fn touch(accesses: &[usize], capacity: usize) -> (usize, Vec<usize>) {
    let (mut resident, mut faults) = (Vec::with_capacity(capacity), 0);
    for page in accesses {
        match resident.iter().position(|other| other == page) {
            // A hit makes it the youngest: without this the order would be that of arrival.
            Some(place) => {
                resident.remove(place);
            }
            None => {
                faults += 1;
                if resident.len() == capacity && capacity > 0 {
                    resident.remove(0);
                }
            }
        }
        if capacity > 0 {
            resident.push(*page);
        }
    }
    (faults, resident)
}

/// Pages of `page_bytes` that both fp32 moments of a tensor with `elements` numbers take; they share no page.
pub fn pages(elements: usize, page_bytes: usize) -> usize {
    // Rounded up for each moment: the last page of each is begun, if not filled.
    2 * (4 * elements).div_ceil(page_bytes)
}

/// Whether bitsandbytes pages the state of a tensor with this many elements.
pub fn paged(elements: usize) -> bool {
    elements >= 100_000
}

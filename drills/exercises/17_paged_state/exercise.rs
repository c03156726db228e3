//! Pages of optimiser state.

/// Faults over all accesses, and the pages that are on the GPU in the end, longest untouched first.
pub fn touch(accesses: &[usize], capacity: usize) -> (usize, Vec<usize>) {
    todo!()
}

/// Pages of `page_bytes` that both fp32 moments of a tensor with `elements` numbers take; they share no page.
pub fn pages(elements: usize, page_bytes: usize) -> usize {
    todo!()
}

/// Whether bitsandbytes pages the state of a tensor with this many elements.
pub fn paged(elements: usize) -> bool {
    todo!()
}

//! diagnosis: came first goes

pub fn touch(accesses: &[usize], capacity: usize) -> (usize, Vec<usize>) {
    let (mut resident, mut faults) = (Vec::new(), 0);
    for page in accesses {
        if !resident.contains(page) {
            faults += 1;
            resident.push(*page);
            if resident.len() > capacity {
                resident.remove(0);
            }
        }
    }
    (faults, resident)
}

pub fn pages(elements: usize, page_bytes: usize) -> usize {
    2 * (4 * elements).div_ceil(page_bytes)
}

pub fn paged(elements: usize) -> bool {
    elements >= 100_000
}

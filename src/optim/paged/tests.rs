#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::{schedule::*, *};
use crate::{device::Transfers, optim::AdamW};

/// Copies that are as late as they may be: in one queue, done only when somebody waits. Until then a page is NaN.
#[derive(Debug, Default)]
struct Late {
    host: BTreeMap<usize, Moments>,
    queue: VecDeque<Queued>,
    coming: BTreeMap<usize, Moments>,
}

#[derive(Debug)]
enum Queued {
    Out(usize, Moments),
    In(usize),
}

impl Copies for Late {
    fn leave(&mut self, page: usize, moments: Moments) -> Result<()> {
        self.queue.push_back(Queued::Out(page, moments));
        Ok(())
    }

    fn come(&mut self, page: usize, count: usize) -> Result<()> {
        let unset = || Tensor::full(f32::NAN, count, &Device::Cpu);
        assert!(
            self.coming.insert(page, Moments { first: unset()?, second: unset()? }).is_none(),
            "{page} comes twice"
        );
        self.queue.push_back(Queued::In(page));
        Ok(())
    }

    fn arrive(&mut self, page: usize) -> Result<Moments> {
        assert!(self.coming.contains_key(&page), "{page} was not sent for");
        while self.queue.iter().any(|copy| matches!(copy, Queued::In(coming) if *coming == page)) {
            match self.queue.pop_front().unwrap() {
                Queued::Out(page, moments) => {
                    self.host.insert(page, moments);
                }
                // What is read is what has left by now.
                Queued::In(page) => {
                    let Moments { first, second } = &self.host[&page];
                    let copied = |moment: &Tensor| moment.copy().unwrap();
                    self.coming.insert(page, Moments { first: copied(first), second: copied(second) });
                }
            }
        }
        Ok(self.coming.remove(&page).unwrap())
    }
}

/// Weights after five steps, in the second and fourth of which one tensor has no gradient.
fn trained(make: impl Fn(&Groups) -> Box<dyn Optimizer>) -> Vec<Vec<u32>> {
    let start = |rows: usize| {
        let values: Vec<f32> = (0..rows * 1000).map(|i| (i as f32 * 0.37).sin()).collect();
        Var::from_tensor(&Tensor::from_vec(values, (rows, 1000), &Device::Cpu).unwrap()).unwrap()
    };
    let variables = vec![start(600), start(3), start(300)];
    let mut optimizer = make(&Groups::from(variables.clone()));
    for step in 0..5 {
        let with =
            variables.iter().skip(step % 2).map(|v| v.as_tensor().sqr().unwrap().sin().unwrap().sum_all().unwrap());
        let loss = with.reduce(|a, b| (a + b).unwrap()).unwrap();
        optimizer.step(&loss.backward().unwrap()).unwrap();
    }
    let bits = |v: &Var| v.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect();
    variables.iter().map(bits).collect()
}

#[test]
fn copies_that_are_late_change_no_bit() {
    let hyper = Hyper { learning_rate: 0.01, ..Hyper::default() };
    let plain = trained(|groups| Box::new(AdamW::new(groups.clone(), hyper).unwrap()));
    let page = 8 * PAGE;
    for budget in [0, page, 2 * page, 3 * page, 10 * page] {
        let late =
            trained(|groups| Box::new(PagedAdamW::with_copies(groups, hyper, budget, Box::new(Late::default()))));
        assert!(plain == late, "budget {budget}");
    }
}

#[test]
fn the_next_page_comes_while_this_one_is_computed_with() {
    let mut schedule = Schedule::new([10, 10, 10], 20);
    assert_eq!(schedule.need(0, Some(1)), [Move::Zeros(0)]);
    assert_eq!(schedule.need(1, Some(2)), [Move::Zeros(1)]);
    assert_eq!(schedule.need(2, Some(0)), [Move::Leave(0), Move::Zeros(2), Move::Leave(1), Move::Come(0)]);
    assert_eq!(schedule.need(0, Some(1)), [Move::Arrive(0), Move::Leave(2), Move::Come(1)]);
    assert_eq!((schedule.counters.ahead, schedule.counters.faults, schedule.counters.peak), (1, 4, 20));
    // One page alone: nothing comes ahead.
    let mut narrow = Schedule::new([10, 10], 15);
    narrow.need(0, Some(1));
    assert_eq!(narrow.need(1, Some(0)), [Move::Leave(0), Move::Zeros(1)]);
    assert_eq!(narrow.need(0, Some(1)), [Move::Leave(1), Move::Come(0), Move::Arrive(0)]);
}

proptest! {
    #[test]
    fn every_move_is_one_that_can_be_made(
        sizes in prop::collection::vec(1usize..20, 1..8), budget in 0usize..60,
        visits in prop::collection::vec((0usize..8, prop::option::of(0usize..8)), 1..60),
    ) {
        let mut schedule = Schedule::new(sizes.iter().copied(), budget);
        let (mut here, mut coming, mut away) = (vec![false; sizes.len()], vec![false; sizes.len()], vec![false; sizes.len()]);
        for (page, next) in visits {
            let (page, next) = (page % sizes.len(), next.map(|next| next % sizes.len()));
            for step in schedule.need(page, next) {
                match step {
                    Move::Leave(page) => {
                        prop_assert!(here[page]);
                        (here[page], away[page]) = (false, true);
                    }
                    Move::Come(page) => {
                        prop_assert!(away[page] && !here[page] && !coming[page]);
                        (coming[page], away[page]) = (true, false);
                    }
                    Move::Arrive(page) => {
                        prop_assert!(coming[page]);
                        (coming[page], here[page]) = (false, true);
                    }
                    Move::Zeros(page) => {
                        prop_assert!(!here[page] && !coming[page] && !away[page]);
                        here[page] = true;
                    }
                }
                let resident = (0..sizes.len()).filter(|page| here[*page] || coming[*page]);
                let resident: usize = resident.map(|page| sizes[page]).sum();
                prop_assert!(resident <= budget.max(sizes[page]), "{resident} bytes of {budget}");
            }
            prop_assert!(here[page], "page {} is computed with", page);
        }
    }
}

#[test]
fn pages_that_come_and_go_are_counted_to_the_byte_and_apart_from_other_copies() {
    let counts = |make: &dyn Fn(&Groups) -> PagedAdamW| {
        let variable = Var::ones(3 * PAGE, candle_core::DType::F32, &Device::Cpu).unwrap();
        let mut optimizer = make(&Groups::from(vec![variable.clone()]));
        let before = Transfers::so_far();
        for _ in 0..2 {
            optimizer.step(&variable.sqr().unwrap().sum_all().unwrap().backward().unwrap()).unwrap();
        }
        let Counters { bytes_in, bytes_out, .. } = optimizer.counters();
        assert!(bytes_in > 0 && bytes_out > 0);
        (Transfers::so_far() - before, bytes_in + bytes_out)
    };
    // As on a GPU: beside the computation.
    let (copies, moved) = counts(&|groups| PagedAdamW::new(groups, Hyper::default(), 1).unwrap());
    let planned = moved / (8 * PAGE as u64);
    assert_eq!(copies, Transfers { planned, planned_bytes: moved, ..Transfers::default() });
    // At once: each of the two moments is a copy that is waited for.
    let (copies, moved) = counts(&|groups| PagedAdamW::in_host_memory(groups, Hyper::default(), 1));
    assert_eq!((copies.up + copies.down, copies.bytes, copies.planned), (2 * planned, moved, 0));
}

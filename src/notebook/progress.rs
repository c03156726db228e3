//! Progress where a cell takes longer: a line at most every second, since a notebook's output cannot be overwritten.

use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

/// The characters that begin a line of progress; the runner leaves such lines out of what it keeps.
pub const BAR: &str = "▕";

const WIDTH: usize = 20;
const EVERY: Duration = Duration::from_secs(1);

/// An iterator that tells how far it is; made by [`progress`].
#[derive(Debug)]
pub struct Progress<I> {
    name: String,
    inner: I,
    done: usize,
    total: usize,
    start: Instant,
    told: Instant,
}

/// Passes `items` on, and tells how far it is when that takes more than a second.
///
/// ```
/// let sum: u32 = deltaw::notebook::progress("adding", 0..4).sum();
/// assert_eq!(sum, 6);
/// ```
pub fn progress<I: IntoIterator<IntoIter: ExactSizeIterator>>(name: &str, items: I) -> Progress<I::IntoIter> {
    let inner = items.into_iter();
    let (total, now) = (inner.len(), Instant::now());
    Progress { name: name.to_owned(), inner, done: 0, total, start: now, told: now }
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let item = self.inner.next()?;
        if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            // A cell without a listener has nobody to tell.
            let _ = writeln!(io::stdout(), "{}", line(&self.name, self.done, self.total, self.start.elapsed()));
        }
        self.done += 1;
        Some(item)
    }
}

pub(super) fn line(name: &str, done: usize, total: usize, elapsed: Duration) -> String {
    let share = done as f64 / total.max(1) as f64;
    let full = (share * WIDTH as f64).round() as usize;
    let left = if done == 0 { f64::NAN } else { elapsed.as_secs_f64() * (1.0 / share - 1.0) };
    format!("{BAR}{}{}▏ {name}: {done} of {total}, {left:.0} s left", "█".repeat(full), "░".repeat(WIDTH - full))
}

//! What a run shows while it goes: a bar with loss and tokens per second on a terminal, a line an evaluation, or JSON lines.

use std::io::{self, IsTerminal as _, Write as _};

use candle_core::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::train::Metric;

/// Weight of the newest step in the shown loss.
const NEWEST: f64 = 0.1;

pub(super) struct Progress {
    bar: ProgressBar,
    json: bool,
    loss: Option<f64>,
    tokens: usize,
    seconds: f64,
}

impl Progress {
    pub(super) fn new(steps: usize, done: usize, json: bool) -> Self {
        let bar = if io::stderr().is_terminal() { ProgressBar::new(steps as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} left {eta} {msg}") {
            bar.set_style(style);
        }
        bar.set_position(done as u64);
        bar.reset_eta();
        Self { bar, json, loss: None, tokens: 0, seconds: 0.0 }
    }

    /// Shows a metric.
    pub(super) fn show(&mut self, metric: &Metric) -> Result<()> {
        if self.json {
            return print(&serde_json::to_string(metric).map_err(Error::wrap)?);
        }
        match metric {
            Metric::Step { loss, tokens, seconds, .. } => {
                let smooth = self.loss.map_or(*loss, |before| before + NEWEST * (loss - before));
                self.loss = Some(smooth);
                self.tokens += tokens;
                self.seconds += seconds;
                self.bar.set_message(format!("loss {smooth:.4}, {:.0} tokens/s", self.tokens as f64 / self.seconds));
                self.bar.inc(1);
                Ok(())
            }
            Metric::Held { step, held_out_loss, held_out_exact } => self.bar.suspend(|| {
                print(&format!(
                    "step {step:>5}   held-out loss {held_out_loss:.4}   exactly right {:.1} %",
                    100.0 * held_out_exact
                ))
            }),
        }
    }

    /// Removes the bar; gives the tokens per second of this run.
    pub(super) fn finish(self) -> Option<f64> {
        self.bar.finish_and_clear();
        (self.seconds > 0.0).then(|| self.tokens as f64 / self.seconds)
    }
}

fn print(line: &str) -> Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        // A reader that has seen enough does not end a training run.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Error::wrap),
    }
}

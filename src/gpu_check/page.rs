//! The record as a page to read.

use std::fmt::Write as _;

use super::{Goal, Record};

impl Record {
    /// Markdown.
    #[must_use]
    pub fn page(&self) -> String {
        let mut text = format!("# {}\n\n", self.machine.name);
        if !self.machine.gpu || self.small {
            text +=
                "**This says nothing about a GPU.** The check itself was tried out, on a CPU or with small shapes.\n\n";
        }
        if self.machine.gpu {
            let (driver, memory, capability) = (&self.machine.driver, &self.machine.memory, &self.machine.capability);
            let _ = writeln!(text, "Driver {driver}, {memory}, compute capability {capability}.");
        }
        let _ = writeln!(
            text,
            "Made by `deltaw gpu-check` on {} from commit {}, in {:.0} s.\n",
            self.date, self.commit, self.seconds
        );
        self.right(&mut text);
        self.measured(&mut text);
        if !self.notes.is_empty() {
            text += "## Not done\n\n";
            self.notes.iter().for_each(|note| text += &format!("- {note}\n"));
        }
        text
    }

    fn right(&self, text: &mut String) {
        if self.checks.is_empty() {
            return;
        }
        let failed = self.failures().count();
        let _ = writeln!(text, "## Right or wrong\n\n{} checks, {failed} failed.\n", self.checks.len());
        *text += "| part | what | | largest difference |\n|---|---|---|---|\n";
        for check in &self.checks {
            let mark = if check.passed { "ok" } else { "**FAIL**" };
            let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
            let _ = writeln!(text, "| {} | {} | {mark} | {} |", check.part, cell(&check.name), cell(&check.detail));
        }
        *text += "\n";
    }

    fn measured(&self, text: &mut String) {
        if self.figures.is_empty() {
            return;
        }
        *text += "## Measured\n\nMedian, with the least and the most of all rounds.\n\n";
        *text += "| what | unit | median | least to most | rounds | goal |\n|---|---|---|---|---|---|\n";
        for figure in &self.figures {
            let value = figure.value;
            let goal = figure.goal.map_or_else(String::new, |goal| {
                let met = if goal.met(value.median) { "met" } else { "missed" };
                match goal {
                    Goal::AtLeast(least) => format!("at least {least}: {met}"),
                    Goal::AtMost(most) => format!("at most {most}: {met}"),
                }
            });
            let _ = writeln!(
                text,
                "| {} | {} | {:.4} | {:.4} to {:.4} | {} | {goal} |",
                figure.name, figure.unit, value.median, value.least, value.most, value.rounds
            );
        }
        *text += "\n";
    }
}

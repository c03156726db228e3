//! What the page shows.

use std::collections::BTreeMap;

/// A class at work.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Class {
    /// Heading.
    pub title: String,
    /// What a column of the heat table stands for: `exercise` or `section`.
    pub column: String,
    /// What can be hard: `test` or `question`.
    pub item: String,
    /// What the learners' seconds were spent on.
    pub time: String,
    /// The columns, in the order of the course.
    pub columns: Vec<String>,
    /// The learners.
    pub learners: Vec<Learner>,
    /// What is hard, the hardest first.
    pub hard: Vec<Hard>,
    /// Pairs that wrote alike, the most alike first.
    pub alike: Vec<Alike>,
    /// Who tried to get points without earning them.
    pub caught: Vec<Caught>,
}

/// One learner.
#[derive(Debug, Clone, PartialEq)]
pub struct Learner {
    /// Id of the submission, or name of the file.
    pub id: String,
    /// As people call them.
    pub name: String,
    /// One cell a column; `None` where nothing was done.
    pub cells: Vec<Option<Cell>>,
    /// Points earned over all there are, 0 to 1.
    pub score: f64,
    /// Time spent.
    pub seconds: f64,
}

/// How one learner did in one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Points earned over all there are, 0 to 1.
    pub share: f64,
    /// Why it is not all; empty where there is nothing to say.
    pub note: String,
}

/// Something the class finds hard.
#[derive(Debug, Clone, PartialEq)]
pub struct Hard {
    /// The column it belongs to.
    pub column: String,
    /// Its name.
    pub name: String,
    /// How many tried.
    pub tried: usize,
    /// How many of those did not get all of it.
    pub failed: usize,
    /// What was wrong most often, and for how many; empty where nothing was recognised.
    pub commonest: String,
    /// How many `commonest` counts.
    pub times: usize,
}

/// Two who wrote alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Alike {
    /// One.
    pub a: String,
    /// The other.
    pub b: String,
    /// In which exercise.
    pub exercise: String,
    /// 0 to 1.
    pub share: f64,
}

/// Somebody who was caught.
#[derive(Debug, Clone, PartialEq)]
pub struct Caught {
    /// Who.
    pub student: String,
    /// Where.
    pub exercise: String,
    /// Doing what.
    pub reason: String,
}

impl Hard {
    /// One item: how many tried, how many failed, and `mistakes`, of which empty ones do not count.
    #[must_use]
    pub fn count<'m>(
        column: &str,
        name: &str,
        tried: usize,
        failed: usize,
        mistakes: impl Iterator<Item = &'m str>,
    ) -> Self {
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for mistake in mistakes.filter(|mistake| !mistake.is_empty()) {
            *counted.entry(mistake).or_default() += 1;
        }
        // Of equally common ones the first in the alphabet.
        let (commonest, times) = counted.into_iter().rev().max_by_key(|(_, times)| *times).unwrap_or_default();
        Self { column: column.to_owned(), name: name.to_owned(), tried, failed, commonest: commonest.to_owned(), times }
    }

    /// Those that somebody failed, by the share of those who did.
    #[must_use]
    pub fn ordered(items: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut hard: Vec<Self> = items.filter(|item| item.failed > 0).collect();
        hard.sort_by(|a, b| (b.failed * a.tried).cmp(&(a.failed * b.tried)).then_with(|| b.failed.cmp(&a.failed)));
        hard
    }
}

impl Class {
    /// The learners, those with the fewest points first.
    #[must_use]
    pub fn by_score(&self) -> Vec<&Learner> {
        let mut learners: Vec<_> = self.learners.iter().collect();
        learners.sort_by(|a, b| a.score.total_cmp(&b.score).then_with(|| a.id.cmp(&b.id)));
        learners
    }

    /// The mean share of each column over all learners; what was not done counts as nothing.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        let count = self.learners.len().max(1) as f64;
        let share = |learner: &Learner, at: usize| {
            learner.cells.get(at).and_then(Option::as_ref).map_or(0.0, |cell| cell.share)
        };
        (0..self.columns.len())
            .map(|at| self.learners.iter().map(|learner| share(learner, at)).sum::<f64>() / count)
            .collect()
    }
}

impl Learner {
    /// The first column in which points are missing; `None` when all is done.
    #[must_use]
    pub fn stuck(&self) -> Option<usize> {
        self.cells.iter().position(|cell| cell.as_ref().is_none_or(|cell| cell.share < 1.0))
    }
}

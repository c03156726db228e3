//! What a test calls: comparisons of what the student's code gave with what it should.

use candle_core::Tensor;

use super::{
    Diagnosis, Kind, Measure, Measured, Numbers, Plain,
    diagnosis::{self, alike, near, short},
    measure::shape,
};

/// Characters of a value that a message shows.
const SHOWN: usize = 120;

/// The first thing that was wrong in a test.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) diagnosis: Option<Diagnosis>,
}

/// One test while it runs. The first comparison that fails is what the student is told.
#[derive(Debug, Default)]
pub struct Case {
    pub(super) compared: usize,
    pub(super) failure: Option<Failure>,
}

impl Case {
    /// Numbers, `tolerance` apart at most: relative where the wanted one is larger than 1, absolute below. Shapes must be equal.
    pub fn close(&mut self, what: &str, got: impl Measure, want: impl Measure, tolerance: f64) -> Comparison<'_> {
        self.comparison(what, got.measure(), want.measure(), tolerance)
    }

    /// Numbers that must be equal: counts, bytes, codes.
    pub fn exact(&mut self, what: &str, got: impl Measure, want: impl Measure) -> Comparison<'_> {
        self.comparison(what, got.measure(), want.measure(), 0.0)
    }

    /// A gradient: none, or all zeros, means that the chain from the loss is broken.
    pub fn gradient(&mut self, what: &str, got: Option<&Tensor>, want: impl Measure, tolerance: f64) -> Comparison<'_> {
        let mut comparison = self.comparison(what, got.measure(), want.measure(), tolerance);
        comparison.gradient = true;
        comparison
    }

    /// That there is no gradient, or only zeros, where something is frozen.
    pub fn no_gradient(&mut self, what: &str, got: Option<&Tensor>) {
        let zero = match got.measure() {
            Measured::Nothing => true,
            Measured::Numbers(numbers) => numbers.values.iter().all(|value| *value == 0.0),
            Measured::Text(_) | Measured::Unreadable(_) => false,
        };
        self.that(what, zero, "a gradient flows into what should be frozen: detach it");
    }

    /// Texts, choices, lists of names. A type of the student's own is first turned into one of these: see [`Plain`].
    pub fn same<T: Plain>(&mut self, what: &str, got: T, want: T) -> Comparison<'_> {
        let text = |value: &T| Measured::Text(format!("{value:?}"));
        let (mut measured, wanted) = (text(&got), text(&want));
        if got != want && measured == wanted {
            measured = Measured::Unreadable("it looks the same but is not equal".to_owned());
        }
        self.comparison(what, measured, wanted, 0.0)
    }

    /// A condition on values of the tests' own types; `diagnosis` says what is wrong when it does not hold. A value of the student's type must
    /// not be compared here: its `==` may say yes to everything.
    pub fn that(&mut self, what: &str, holds: bool, diagnosis: &str) {
        self.compared += 1;
        if !holds {
            self.fail(format!("{what}: does not hold"), Some(Diagnosis::new(Kind::Named, diagnosis)));
        }
    }

    /// That unusable input is refused with an error; `diagnosis` says what is wrong when it is taken.
    pub fn refuses<T, E>(&mut self, what: &str, result: &Result<T, E>, diagnosis: &str) {
        self.compared += 1;
        if result.is_ok() {
            self.fail(
                format!("{what}: an error is wanted, a value came"),
                Some(Diagnosis::new(Kind::Error, diagnosis)),
            );
        }
    }

    pub(super) fn fail(&mut self, message: String, diagnosis: Option<Diagnosis>) {
        self.failure.get_or_insert(Failure { message, diagnosis });
    }

    fn comparison(&mut self, what: &str, got: Measured, want: Measured, tolerance: f64) -> Comparison<'_> {
        self.compared += 1;
        Comparison {
            case: self,
            what: what.to_owned(),
            got,
            want,
            tolerance,
            gradient: false,
            mistakes: Vec::new(),
            factors: Vec::new(),
        }
    }
}

/// A comparison to which foreseen mistakes can be added; it is drawn when it goes out of scope, at the end of its statement.
#[derive(Debug)]
pub struct Comparison<'case> {
    case: &'case mut Case,
    what: String,
    got: Measured,
    want: Measured,
    tolerance: f64,
    gradient: bool,
    mistakes: Vec<(String, Measured)>,
    factors: Vec<(String, f64)>,
}

impl Comparison<'_> {
    /// A foreseen mistake: what to say when the code gives `value`. It must differ from the right answer.
    pub fn mistake(mut self, diagnosis: &str, value: impl Measure) -> Self {
        self.mistakes.push((diagnosis.to_owned(), value.measure()));
        self
    }

    /// A foreseen mistake where [`Case::same`] compares.
    pub fn mistake_same<T: Plain>(mut self, diagnosis: &str, value: T) -> Self {
        self.mistakes.push((diagnosis.to_owned(), Measured::Text(format!("{value:?}"))));
        self
    }

    /// A constant of the exercise, such as `("alpha/r", 2.0)`: values that are off by it are told as missing it, applying it twice, or
    /// applying it upside down.
    pub fn scale(mut self, name: &str, factor: f64) -> Self {
        self.factors.push((name.to_owned(), factor));
        self
    }

    fn agree(&self, one: &Measured, other: &Measured) -> bool {
        match (one, other) {
            (Measured::Numbers(one), Measured::Numbers(other)) => alike(one, other, self.tolerance),
            (Measured::Unreadable(_), _) | (_, Measured::Unreadable(_)) => false,
            (one, other) => one == other,
        }
    }

    fn diagnose(&self) -> Option<Diagnosis> {
        if let Some((text, _)) = self.mistakes.iter().find(|(_, value)| self.agree(&self.got, value)) {
            return Some(Diagnosis::new(Kind::Named, text));
        }
        match (&self.got, &self.want) {
            (Measured::Nothing, Measured::Numbers(_)) if self.gradient => Some(detached("there is no gradient")),
            (Measured::Nothing, _) => Some(Diagnosis::new(Kind::Other, "there is none (None)")),
            (Measured::Unreadable(why), _) => Some(Diagnosis::new(Kind::Other, why.clone())),
            (Measured::Numbers(got), Measured::Numbers(_))
                if self.gradient && got.values.iter().all(|value| *value == 0.0) =>
            {
                Some(detached("the gradient is all zeros"))
            }
            (Measured::Numbers(got), Measured::Numbers(want)) => {
                Some(diagnosis::recognise(got, want, self.tolerance, &self.factors))
            }
            (_, Measured::Nothing) => Some(Diagnosis::new(Kind::Other, "there should be none (None)")),
            _ => None,
        }
    }

    fn message(&self) -> String {
        let (Measured::Numbers(got), Measured::Numbers(want)) = (&self.got, &self.want) else {
            return format!("{}: got {}, wanted {}", self.what, written(&self.got), written(&self.want));
        };
        if got.shape != want.shape || want.values.len() <= 1 {
            return format!("{}: got {}, wanted {}", self.what, written(&self.got), written(&self.want));
        }
        let differs = |place: &usize| !near(got.values[*place], want.values[*place], self.tolerance);
        let first = (0..want.values.len()).find(differs).unwrap_or_default();
        let largest = got.values.iter().zip(&want.values).map(|(got, want)| (got - want).abs()).fold(0.0, f64::max);
        format!(
            "{}: at {} got {}, wanted {}; largest difference {}",
            self.what,
            shape(&want.index(first)),
            short(got.values[first]),
            short(want.values[first]),
            short(largest)
        )
    }
}

impl Drop for Comparison<'_> {
    fn drop(&mut self) {
        if let Some((text, _)) = self.mistakes.iter().find(|(_, value)| self.agree(&self.want, value)) {
            let message =
                format!("{}: the exercise is at fault: «{text}» cannot be told from the right answer", self.what);
            self.case.fail(message, None);
        } else if !self.agree(&self.got, &self.want) {
            let (message, diagnosis) = (self.message(), self.diagnose());
            self.case.fail(message, diagnosis);
        }
    }
}

fn detached(what: &str) -> Diagnosis {
    let text = format!(
        "{what}: the chain from the loss to it is detached. It passes through detach(), through numbers taken out and put back, or through \
         an operation without a backward pass"
    );
    Diagnosis::new(Kind::Detached, text)
}

fn written(value: &Measured) -> String {
    let text = match value {
        Measured::Nothing => "none".to_owned(),
        Measured::Text(text) => text.clone(),
        Measured::Unreadable(why) => format!("nothing readable ({why})"),
        Measured::Numbers(Numbers { shape: dims, values }) => {
            let shown: Vec<String> = values.iter().take(8).map(|value| short(*value)).collect();
            let more = if values.len() > shown.len() { ", …" } else { "" };
            match dims[..] {
                [] => shown.join(""),
                [_] => format!("[{}{more}]", shown.join(", ")),
                _ => format!("{} [{}{more}]", shape(dims), shown.join(", ")),
            }
        }
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

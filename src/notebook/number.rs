//! A number that a chapter relies on, with the tolerance to which another run must give it.

use super::{Output, Show, Stated, html};
use crate::quiz::{grade::numeric::shown, shown::significant};

/// A stated number; made by [`number`].
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    stated: Stated,
    value: f64,
}

/// States `value` under `name`. Without a tolerance another run must give the same to six digits.
#[must_use]
pub fn number(name: &str, value: f64) -> Number {
    let stated =
        Stated { name: name.to_owned(), value: value.is_finite().then_some(value), within: 1e-6 * value.abs() };
    Number { stated, value }
}

impl Number {
    /// Another run may be this far off.
    #[must_use]
    pub fn within(mut self, difference: f64) -> Self {
        self.stated.within = difference.abs();
        self
    }

    /// It came out of training, in nats: another run may be 25 % off or 0.05 nats, whichever is more. Training magnifies rounding, and
    /// another processor adds in another order, so that a loss near zero differs by its own size.
    #[must_use]
    pub fn trained(self) -> Self {
        let difference = (0.25 * self.value.abs()).max(0.05);
        self.within(difference)
    }

    /// Another run may be this many percent off.
    #[must_use]
    pub fn percent(self, percent: f64) -> Self {
        let difference = self.value.abs() * percent / 100.0;
        self.within(difference)
    }
}

impl Show for Number {
    fn output(&self) -> Output {
        let whole = self.value.fract() == 0.0 && self.value.abs() < 1e15;
        let (name, value) = (&self.stated.name, if whole { shown(self.value) } else { significant(self.value) });
        let shown = format!("<p>{}: <strong>{}</strong></p>\n", html::escape(name), html::escape(&value));
        let mut output = Output::html(shown, format!("{name}: {value}"));
        output.facts.numbers.push(self.stated.clone());
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_trained_has_room_beside_zero_and_in_proportion() {
        let within = |value: f64| number("loss", value).trained().output().facts.numbers[0].within;
        assert_eq!(within(0.01), 0.05);
        assert_eq!(within(4.0), 1.0);
    }
}

//! What stands on a card: the question in front; the answer, its points and what people get wrong behind.

use crate::quiz::{
    bank::{Bank, Choice, DemoCall, Formula, Kind, Numeric, Question, Rubric},
    grade::{
        Instance, choice,
        formula::{
            notation::{Notation, of_formula, of_number},
            scalar,
        },
        numeric::shown,
    },
};

/// The seed that draws the numbers of every numeric card: a deck exported twice shows the same ones.
const SEED: u64 = 0;

/// The chosen questions of a bank as cards.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// What the bank calls itself.
    pub title: String,
    /// The cards, in the bank's order.
    pub cards: Vec<Card>,
}

/// One question with all that is taught about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The question's id.
    pub id: String,
    /// The section's id.
    pub section: String,
    /// The section's heading.
    pub section_title: String,
    /// 1 to 5.
    pub difficulty: u8,
    /// `free text`, `number`, `formula` or `multiple choice`.
    pub kind: &'static str,
    /// What is asked; a numeric question with its numbers.
    pub question: String,
    /// The options of a multiple choice, each with its letter.
    pub options: Vec<(char, String)>,
    /// An answer that earns full marks.
    pub answer: Vec<Piece>,
    /// What a strong answer holds, and whether full marks need it.
    pub points: Vec<(Vec<Piece>, bool)>,
    /// What people get wrong.
    pub mistakes: Vec<Mistake>,
    /// The teaching text.
    pub why: String,
    /// What an interviewer asks next, and the answer.
    pub follow_ups: Vec<(String, String)>,
    /// Papers, code, claim ids.
    pub sources: Vec<String>,
    /// The command that shows the answer by running it.
    pub demo: String,
}

/// A wrong belief, number, formula or option.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// What is said.
    pub said: Vec<Piece>,
    /// What is true instead.
    pub correction: String,
}

/// A stretch of a line: words, or a formula.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Plain text.
    Words(String),
    /// A formula.
    Math(Notation),
}

impl Sheet {
    /// The cards of those questions of `bank` that `keep` takes.
    #[must_use]
    pub fn of(bank: &Bank, keep: impl Fn(&Question) -> bool) -> Self {
        let card = |question: &Question| {
            let section = bank.sections.iter().find(|section| section.id == question.section);
            Card::of(question, section.map_or(&question.section, |section| &section.title))
        };
        Self {
            title: bank.title.clone(),
            cards: bank.questions.iter().filter(|question| keep(question)).map(card).collect(),
        }
    }

    /// The cards by section, in the order in which sections first occur.
    #[must_use]
    pub fn sections(&self) -> Vec<(&str, Vec<&Card>)> {
        let mut sections: Vec<(&str, &str, Vec<&Card>)> = Vec::new();
        for card in &self.cards {
            match sections.iter_mut().find(|(id, ..)| *id == card.section) {
                Some((_, _, cards)) => cards.push(card),
                None => sections.push((&card.section, &card.section_title, vec![card])),
            }
        }
        sections.into_iter().map(|(_, title, cards)| (title, cards)).collect()
    }
}

impl Card {
    /// The card of `question`, which stands in the section called `section_title`.
    #[must_use]
    pub fn of(question: &Question, section_title: &str) -> Self {
        let instance = Instance::draw(question, SEED);
        let mut card = Self {
            id: question.id.clone(),
            section: question.section.clone(),
            section_title: section_title.to_owned(),
            difficulty: question.difficulty,
            kind: Kind::of(question).map_or("", Kind::name),
            question: instance.fill(question.text.trim()).into_owned(),
            options: Vec::new(),
            answer: words(instance.model_answer()),
            points: Vec::new(),
            mistakes: Vec::new(),
            why: instance.why(),
            follow_ups: question
                .follow_ups
                .iter()
                .map(|next| (instance.fill(&next.ask).into_owned(), instance.fill(&next.answer).into_owned()))
                .collect(),
            sources: question.sources.clone(),
            demo: command(&question.demo),
        };
        match Kind::of(question) {
            Some(Kind::Text(rubric)) => card.judged_by(rubric),
            Some(Kind::Numeric(numeric)) => card.computed(numeric, &instance),
            Some(Kind::Formula(formula)) => card.written(formula, question),
            Some(Kind::Choice(choice)) => card.chosen(choice),
            None => {}
        }
        card
    }

    fn judged_by(&mut self, rubric: &Rubric) {
        self.points = rubric.points.iter().map(|point| (words(&point.text), point.required)).collect();
        let mistake = |wrong: &crate::quiz::bank::Misconception| Mistake {
            said: words(&wrong.text),
            correction: wrong.correction.clone(),
        };
        self.mistakes = rubric.misconceptions.iter().map(mistake).collect();
    }

    fn computed(&mut self, numeric: &Numeric, instance: &Instance<'_>) {
        let value = |text: &str| {
            let unit = if numeric.unit.is_empty() { String::new() } else { format!(" {}", numeric.unit) };
            scalar(text, &instance.params).map_or_else(|fault| fault.to_string(), |value| shown(value) + &unit)
        };
        let line = |text: &str| {
            let law = of_number(text, numeric).map_or_else(|_| Piece::Words(text.to_owned()), Piece::Math);
            // A bare number is its own value.
            match law {
                Piece::Math(Notation::Number(_)) => words(value(text)),
                law => vec![law, Piece::Words(format!(" = {}", value(text)))],
            }
        };
        self.points = vec![(line(&numeric.answer), true)];
        let mistake = |wrong: &crate::quiz::bank::NumericMistake| Mistake {
            said: line(&wrong.value),
            correction: instance.fill(&wrong.text).into_owned(),
        };
        self.mistakes = numeric.mistakes.iter().map(mistake).collect();
    }

    fn written(&mut self, formula: &Formula, question: &Question) {
        let math = |text: &str| of_formula(text, formula).map_or_else(|_| Piece::Words(text.to_owned()), Piece::Math);
        self.answer = vec![math(question.model_answer.trim())];
        let mistake = |wrong: &crate::quiz::bank::FormulaMistake| Mistake {
            said: vec![math(&wrong.formula), Piece::Words(format!(" ({})", wrong.name))],
            correction: wrong.text.clone(),
        };
        self.mistakes = formula.mistakes.iter().map(mistake).collect();
    }

    fn chosen(&mut self, choice: &Choice) {
        for (index, option) in choice.options.iter().enumerate() {
            let letter = choice::letter(index);
            let text = option.text.trim();
            self.options.push((letter, text.to_owned()));
            if option.correct {
                self.points.push((words(format!("{letter}. {text}: {}", option.why)), true));
            } else {
                let said = words(format!("{letter}. {text}"));
                self.mistakes.push(Mistake { said, correction: option.why.clone() });
            }
        }
    }
}

fn words(text: impl Into<String>) -> Vec<Piece> {
    vec![Piece::Words(text.into())]
}

fn command(demo: &DemoCall) -> String {
    let args = demo.args.iter().map(|(name, value)| format!(" --set {name}={value}"));
    format!("deltaw demo {}{}", demo.name, args.collect::<String>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::quiz::bank::builtin;

    fn card(id: &str) -> Card {
        let bank = builtin().unwrap();
        Sheet::of(&bank, |question| question.id == id).cards.remove(0)
    }

    fn is_math(pieces: &[Piece]) -> bool {
        matches!(pieces, [Piece::Math(_), ..])
    }

    #[test]
    fn every_question_is_a_card_with_a_back() {
        let bank = builtin().unwrap();
        let sheet = Sheet::of(&bank, |_| true);
        assert_eq!(sheet.cards.len(), bank.questions.len());
        for card in &sheet.cards {
            assert!(!card.question.contains('{') && !card.why.is_empty() && !card.sources.is_empty(), "{card:?}");
            assert!(!card.answer.is_empty() && (card.kind == "formula" || !card.points.is_empty()), "{card:?}");
        }
        let cards: usize = sheet.sections().iter().map(|(_, cards)| cards.len()).sum();
        assert_eq!((sheet.sections().len(), cards), (bank.sections.len(), bank.questions.len()));
    }

    #[test]
    fn each_formula_of_the_bank_is_typeset() {
        for card in Sheet::of(&builtin().unwrap(), |_| true).cards {
            match card.kind {
                "formula" => {
                    assert!(is_math(&card.answer), "{card:?}");
                    assert!(card.mistakes.iter().all(|mistake| is_math(&mistake.said)), "{card:?}");
                }
                "number" => assert!(is_math(&card.points[0].0), "{card:?}"),
                _ => {}
            }
        }
    }

    #[test]
    fn a_number_comes_with_one_worked_instance() {
        let card = card("c01");
        let number = |name: &str| {
            let after = card.question.split_once(name).unwrap().1;
            let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<f64>().unwrap()
        };
        let (d, k, r) = (number("d = "), number("k = "), number("r = "));
        let [_, Piece::Words(value)] = &card.points[0].0[..] else { unreachable!("{:?}", card.points) };
        assert_eq!(*value, format!(" = {} parameters", shown(r * (d + k))));
    }

    #[test]
    fn wrong_options_are_mistakes_and_right_ones_points() {
        let bank = builtin().unwrap();
        let question = bank.questions.iter().find(|question| question.choice.is_some()).unwrap();
        let options = &question.choice.as_ref().unwrap().options;
        let card = card(&question.id);
        assert_eq!(card.options.len(), options.len());
        assert_eq!(card.points.len(), options.iter().filter(|option| option.correct).count());
        assert_eq!(card.mistakes.len(), options.iter().filter(|option| !option.correct).count());
    }
}

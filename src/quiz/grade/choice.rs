//! Multiple choice: letters, numbers or the words of an option.

use std::collections::BTreeSet;

use super::numeric::single_point;
use crate::quiz::{
    bank::Choice,
    verdict::{Caught, Label, Verdict},
};

/// The letter of option `index`.
#[must_use]
pub fn letter(index: usize) -> char {
    char::from(b'A' + u8::try_from(index.min(25)).unwrap_or(0))
}

/// Judges `typed`: every right option and no wrong one is label 2; some right ones and no wrong one is label 1.
#[must_use]
pub fn grade(choice: &Choice, typed: &str) -> Verdict {
    let right: BTreeSet<usize> = (0..choice.options.len()).filter(|&at| choice.options[at].correct).collect();
    let listed = right.iter().map(|&at| format!("{}. {}", letter(at), choice.options[at].text)).collect::<Vec<_>>();
    let text = format!("Right: {}", listed.join("  "));
    let Some(picked) = pick(choice, typed) else {
        let last = letter(choice.options.len().saturating_sub(1));
        let note = format!("Answer with a letter from A to {last}; several as `A C`.");
        return single_point(Label::Wrong, text, Vec::new(), vec![note]);
    };
    let label = if picked == right {
        Label::Correct
    } else if picked.is_subset(&right) {
        Label::Partial
    } else {
        Label::Wrong
    };
    let quote = picked.iter().map(|&at| letter(at).to_string()).collect();
    let mut verdict = single_point(label, text, quote, Vec::new());
    for &at in picked.difference(&right) {
        let option = &choice.options[at];
        verdict.misconceptions.push(Caught {
            id: format!("option-{}", letter(at)),
            text: option.text.clone(),
            correction: option.why.clone(),
            decisive: true,
            evidence: Vec::new(),
            demo: option.demo.clone(),
            claim: None,
        });
    }
    if label == Label::Partial {
        verdict.notes.push("Right so far; there is more than one right option.".to_owned());
    }
    verdict
}

/// The options that are meant, or none where that cannot be told.
fn pick(choice: &Choice, typed: &str) -> Option<BTreeSet<usize>> {
    let count = choice.options.len();
    let plain: String = typed.chars().take(2_000).flat_map(char::to_lowercase).collect();
    let words: Vec<&str> = plain
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !matches!(*word, "and" | "option" | "options" | "answer" | "is" | "the"))
        .collect();
    let index = |word: &str| -> Option<usize> {
        let at = match word.as_bytes() {
            [letter @ b'a'..=b'z'] => usize::from(letter - b'a'),
            [digit @ b'1'..=b'9'] => usize::from(digit - b'1'),
            _ => return None,
        };
        (at < count).then_some(at)
    };
    // "ac" means A and C.
    let expanded: Vec<String> = match words.as_slice() {
        [only] if only.len() <= count && only.chars().all(|c| index(&c.to_string()).is_some()) => {
            only.chars().map(String::from).collect()
        }
        _ => words.iter().map(|word| (*word).to_owned()).collect(),
    };
    let letters: Option<BTreeSet<usize>> = expanded.iter().map(|word| index(word)).collect();
    if let Some(letters) = letters.filter(|letters| !letters.is_empty()) {
        return Some(letters);
    }
    let fold = |text: &str| {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let wanted = fold(typed);
    let hit = choice.options.iter().position(|option| fold(&option.text) == wanted);
    // "C) because ..." begins with the letter and goes on.
    let leading =
        typed.trim_start().split_once([')', '.', ':']).and_then(|(head, _)| index(&head.trim().to_lowercase()));
    hit.or(leading).map(|at| BTreeSet::from([at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quiz::bank::ChoiceOption;

    fn label(typed: &str) -> u8 {
        let option = |text: &str, correct| ChoiceOption { text: text.into(), correct, why: "so".into(), demo: None };
        let options =
            vec![option("Both zero", false), option("B zero", true), option("A zero", true), option("Neither", false)];
        grade(&Choice { options }, typed).label.number()
    }

    #[test]
    fn letters_numbers_and_words_choose() {
        for typed in ["B C", "b,c", "bc", "B and C", "2 3", "options B and C", "(b) (c)"] {
            assert_eq!(label(typed), 2, "{typed}");
        }
        for typed in ["B", "b)", "b zero", "B. because the product vanishes", "2"] {
            assert_eq!(label(typed), 1, "{typed}");
        }
        for typed in ["A", "A B C", "a b c d", "", "z", "9", "what?", "\u{0}", "abcd"] {
            assert_eq!(label(typed), 0, "{typed}");
        }
    }
}

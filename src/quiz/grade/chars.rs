//! First stage: characters. Unicode forms are folded, mathematics is spelt out in words, and every character keeps its place in the
//! learner's own text, so that a verdict can point at the words that earned a point.

use unicode_normalization::UnicodeNormalization as _;

/// A character of the folded text and the bytes of the original it came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) value: char,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Folds `text`: NFKC, Greek letters and operators in words, typographic apostrophes straight.
pub(super) fn fold(text: &str) -> Vec<Placed> {
    let mut folded = Vec::with_capacity(text.len());
    for (start, character) in text.char_indices() {
        let end = start + character.len_utf8();
        match spelt(character) {
            Some(words) => folded.extend(words.chars().map(|value| Placed { value, start, end })),
            None => folded.extend(
                std::iter::once(character).nfkc().filter(|c| !c.is_control() || *c == '\n').map(|value| Placed {
                    value,
                    start,
                    end,
                }),
            ),
        }
    }
    folded
}

/// A character that stands for a word.
fn spelt(character: char) -> Option<&'static str> {
    Some(match character {
        'α' | 'Α' => " alpha ",
        'β' | 'Β' => " beta ",
        'γ' | 'Γ' => " gamma ",
        'δ' | 'Δ' | '∆' => " delta ",
        'η' => " eta ",
        'λ' | 'Λ' => " lambda ",
        'μ' | 'µ' => " mu ",
        'σ' | 'Σ' => " sigma ",
        'φ' | 'Φ' => " phi ",
        'ℓ' => "l",
        '∂' => "d",
        '∇' => " gradient ",
        '∈' => " in ",
        '∝' => " proportional ",
        '√' => " sqrt ",
        '∞' => " infinity ",
        '≈' | '≃' | '~' => " about ",
        '≠' => " is not ",
        '≤' | '<' | '≪' => " less ",
        '≥' | '>' | '≫' => " more ",
        '=' => " is ",
        '+' => " plus ",
        '/' | '÷' => " over ",
        '%' => " percent ",
        '&' => " and ",
        '·' | '×' | '⋅' | '∙' | '*' | '⊙' | '∘' | '@' => " ",
        '→' | '⇒' => " to ",
        '‖' | '|' | '_' => "_",
        'ᵀ' => " transpose ",
        '’' | '‘' | 'ʼ' | '`' => "'",
        '−' | '–' | '—' | '‐' | '‑' => "-",
        '\t' | '\r' | '\u{a0}' => " ",
        _ => return None,
    })
}

//! Whether a quote is really the learner's.

use unicode_normalization::UnicodeNormalization as _;

/// Whether `quote` stands in `answer`, as whole words. Case, blanks, typographic quotation marks and Unicode's compatibility forms
/// do not count, nor do marks around the quote; every other sign does: `B = 0` is not `B ≠ 0`.
pub(super) fn occurs(quote: &str, answer: &str) -> bool {
    let (quote, answer) = (plain(quote), plain(answer));
    let quote = quote.trim_matches(|c: char| c.is_whitespace() || "\"'.,;:!?…«»".contains(c));
    if !quote.chars().any(char::is_alphanumeric) {
        return false;
    }
    answer.match_indices(quote).any(|(start, _)| {
        let before = answer[..start].chars().next_back();
        let after = answer[start + quote.len()..].chars().next();
        !joins(before, quote.chars().next()) && !joins(quote.chars().next_back(), after)
    })
}

/// Whether two neighbours are in one word.
fn joins(left: Option<char>, right: Option<char>) -> bool {
    left.is_some_and(char::is_alphanumeric) && right.is_some_and(char::is_alphanumeric)
}

fn plain(text: &str) -> String {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).map(straight).collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn straight(c: char) -> char {
    match c {
        '“' | '”' | '„' => '"',
        '‘' | '’' | '‚' => '\'',
        '‐' | '‑' | '–' | '—' | '−' => '-',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_found_as_whole_words() {
        let answer = "So that  B=0 at first;\nthe “product” is zero, ΔW ≠ 1, and r² isn’t small.";
        for quote in
            ["b=0", "B=0 at first; the \"product\"", "«the “product”»", "is zero…", "ΔW ≠ 1", "isn't small", "r²"]
        {
            assert!(occurs(quote, answer), "{quote}");
        }
        for quote in
            ["", " ", "\"...\"", "B = 0", "ΔW = 1", "rst", "produc", "=", "zero at first", "the product is one"]
        {
            assert!(!occurs(quote, answer), "{quote}");
        }
    }
}

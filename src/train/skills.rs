//! The tiny base's world: small exact tasks on letters and digits, written as `name:input>answer.`
//!
//! Every example is generated. An input is *held out* by its own hash, so training never sees a held-out input under any skill.

use rand::{Rng, seq::IndexedRandom as _};

/// A task with one right answer.
#[derive(Debug, Clone, Copy)]
pub struct Skill {
    /// Its name, which is the prompt's first word.
    pub name: &'static str,
    /// What it does, in words.
    pub about: &'static str,
    kind: Kind,
    solve: fn(&str) -> String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letters,
    Sum,
}

/// What pretraining teaches.
pub const PRETRAINED: [Skill; 8] = [
    Skill { name: "copy", about: "repeat the word", kind: Kind::Letters, solve: str::to_owned },
    Skill { name: "rev", about: "reverse the word", kind: Kind::Letters, solve: |w| w.chars().rev().collect() },
    Skill { name: "up", about: "write the word in capitals", kind: Kind::Letters, solve: |w| w.to_ascii_uppercase() },
    Skill {
        name: "next",
        about: "replace each letter by the one after it",
        kind: Kind::Letters,
        solve: |w| shift(w, 1),
    },
    Skill { name: "sort", about: "put the letters in order", kind: Kind::Letters, solve: sorted },
    Skill { name: "len", about: "count the letters", kind: Kind::Letters, solve: |w| w.len().to_string() },
    Skill { name: "ends", about: "the first and the last letter", kind: Kind::Letters, solve: ends },
    Skill { name: "add", about: "add two numbers below a hundred", kind: Kind::Sum, solve: sum },
];

/// What pretraining never shows: left for fine-tuning to learn.
pub const NEW: [Skill; 3] = [
    Skill {
        name: "revup",
        about: "reverse the word and write it in capitals",
        kind: Kind::Letters,
        solve: |w| w.chars().rev().collect::<String>().to_ascii_uppercase(),
    },
    Skill {
        name: "prev",
        about: "replace each letter by the one before it",
        kind: Kind::Letters,
        solve: |w| shift(w, 25),
    },
    Skill {
        name: "twice",
        about: "write each letter twice",
        kind: Kind::Letters,
        solve: |w| w.chars().flat_map(|c| [c, c]).collect(),
    },
];

/// The shortest and the longest word.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=8;

/// One input in this many is held out.
const HELD_OUT: u64 = 8;

impl Skill {
    /// Finds a skill, pretrained or new, by name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PRETRAINED.iter().chain(&NEW).find(|skill| skill.name == name).copied()
    }

    /// A fresh prompt `name:input>` and its answer `…​.`; from the held-out inputs, or from the others.
    pub fn example(&self, rng: &mut impl Rng, held_out: bool) -> (String, String) {
        loop {
            let input = match self.kind {
                Kind::Letters => word(rng),
                Kind::Sum => format!("{}+{}", rng.random_range(0..100), rng.random_range(0..100)),
            };
            if is_held_out(&input) == held_out {
                return (format!("{}:{input}>", self.name), format!("{}.", (self.solve)(&input)));
            }
        }
    }
}

/// Whether an input is kept out of all training (FNV-1a hash, so that it never changes).
#[must_use]
pub fn is_held_out(input: &str) -> bool {
    let hash =
        input.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32).is_multiple_of(HELD_OUT)
}

/// One example of one of `skills`, chosen evenly.
pub fn draw(skills: &[Skill], rng: &mut impl Rng, held_out: bool) -> Option<(String, String)> {
    skills.choose(rng).map(|skill| skill.example(rng, held_out))
}

fn word(rng: &mut impl Rng) -> String {
    let length = rng.random_range(LENGTHS);
    (0..length).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

fn shift(word: &str, by: u8) -> String {
    word.bytes().map(|byte| char::from(b'a' + (byte - b'a' + by) % 26)).collect()
}

fn sorted(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

fn ends(word: &str) -> String {
    word.chars().next().into_iter().chain(word.chars().last()).collect()
}

fn sum(input: &str) -> String {
    input.split('+').filter_map(|number| number.parse::<u32>().ok()).sum::<u32>().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn each_skill_does_what_it_says() {
        let solve = |name: &str, input: &str| (Skill::named(name).unwrap().solve)(input);
        let cases = [
            ("copy", "dbz", "dbz"),
            ("rev", "dbz", "zbd"),
            ("up", "dbz", "DBZ"),
            ("next", "dbz", "eca"),
            ("sort", "dbz", "bdz"),
            ("len", "dbz", "3"),
            ("ends", "dbz", "dz"),
            ("add", "58+67", "125"),
            ("revup", "dbz", "ZBD"),
            ("prev", "dba", "caz"),
            ("twice", "db", "ddbb"),
        ];
        for (name, input, answer) in cases {
            assert_eq!(solve(name, input), answer, "{name}");
        }
    }

    #[test]
    fn training_and_held_out_inputs_never_meet() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for held_out in [false, true] {
            for _ in 0..500 {
                let (prompt, answer) = draw(&PRETRAINED, &mut rng, held_out).unwrap();
                let input = prompt.split_once(':').unwrap().1.trim_end_matches('>');
                assert_eq!(is_held_out(input), held_out, "{prompt}");
                assert!(answer.ends_with('.'));
            }
        }
    }
}

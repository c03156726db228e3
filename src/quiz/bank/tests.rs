//! Checking banks, end to end.

use super::check;

const GOOD: &str = r#"
version: 1
title: Small
sections: [{id: a, title: A, study: read}]
lexicon:
  zero: ["0", zero]
questions:
  - id: q1
    section: a
    difficulty: 2
    text: How does B start?
    model_answer: B starts at zero.
    why: Because.
    demo: {name: b-zero}
    sources: [paper]
    rubric:
      points: [{id: p, text: "B zero", required: true, probe: "And B?", accept: ["[B @zero]"]}]
"#;

fn faults(text: &str) -> Vec<String> {
    check(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_bank_is_clean() {
    assert_eq!(faults(GOOD), Vec::<String>::new());
}

#[test]
fn all_faults_of_the_format_come_in_one_go_with_their_places() {
    let bad = GOOD
        .replace("title: Small", "titel: Small")
        .replace("difficulty: 2", "difficulty: hard")
        .replace("    why: Because.\n", "");
    let bad = bad.replace("required: true", "requird: true");
    let found = faults(&bad);
    let starts: Vec<_> = found.iter().map(|line| line.split(", expected").next().unwrap_or_default()).collect();
    assert_eq!(starts[0], "2:1: missing field `title`; add it");
    assert!(starts[1].starts_with("3:1: titel: unknown field `titel`"), "{starts:?}");
    assert!(starts[2].starts_with("8:5: questions.q1: missing field `why`"), "{starts:?}");
    assert!(starts[3].starts_with("10:5: questions.q1.difficulty: invalid type: string \"hard\""), "{starts:?}");
    assert!(starts[4].contains("questions.q1.rubric.points.p.requird: unknown field"), "{starts:?}");
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn faults_of_the_meaning_come_in_one_go_with_their_places() {
    let bad = GOOD
        .replace("section: a", "section: b")
        .replace("difficulty: 2", "difficulty: 9")
        .replace("name: b-zero", "name: nothing");
    let bad = bad.replace("@zero", "@null");
    let found = faults(&bad);
    assert!(found[0].starts_with("9:5: questions.q1.section: no section has this id"), "{found:?}");
    assert!(found[1].starts_with("10:5: questions.q1.difficulty: difficulty goes from 1 to 5"), "{found:?}");
    assert!(found[2].starts_with("14:5: questions.q1.demo: no demo is called `nothing`"), "{found:?}");
    assert!(found[3].contains("there is no lexicon set `null`"), "{found:?}");
    assert_eq!(found.len(), 4, "{found:?}");
    let failing = GOOD.replace("B starts at zero", "It is random");
    assert!(faults(&failing)[0].contains("its own model answer does not earn full marks: it misses p"));
}

#[test]
fn links_to_claims_must_start_and_end_somewhere() {
    let wrong = r#"      misconceptions: [{id: m, text: "B random", correction: "No.", detect: ["[B random]"]}]"#;
    let with = |link: &str| {
        let link = format!("    sources: [paper]\n    claims: {{{link}}}\n");
        faults(&format!("{}{wrong}\n", GOOD.replace("    sources: [paper]\n", &link)))
    };
    assert_eq!(with("m: init-both-zero"), Vec::<String>::new());
    assert!(with("m: init-both-zeros")[0].contains("no claim is called `init-both-zeros`; near it are init-both-zero"));
    assert!(with("n: init-both-zero")[0].contains("nothing here is caught as this; there are m"));
}

#[test]
fn hostile_files_are_refused_in_a_line() {
    let one = |text: &str, part: &str| {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
    };
    one("", "the file is empty");
    one("a: &x 1\nb: *x\n", "aliases");
    one("a: 1\na: 2\n", "twice");
    one(&format!("{}{}", "[".repeat(40), "]".repeat(40)), "nested deeper");
    one(&"[".repeat(5000), "recursion limit");
    one("a: 1\n---\nb: 2\n", "second document");
    one("a: [1, 2\nb: }", "correct the YAML here");
    one(&"x".repeat(5 << 20), "more than 4194304 bytes");
    assert!(!faults("just text").is_empty());
    assert!(!faults("[1, 2]").is_empty());
}

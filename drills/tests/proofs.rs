//! Proofs over all exercises: untouched they earn nothing, their solutions earn everything, and each plausible mistake is named.
//!
//! One exercise alone: `DELTAW_EXERCISE=05_dora_norm cargo test --release --package drills`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::duplicate_mod)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use deltaw::{
    classroom::{Course, Register, Suite, TestResult, course, quiet_panics},
    quiz::bank,
};

include!(concat!(env!("OUT_DIR"), "/variants.rs"));

/// Plausible wrong solutions that an exercise has at least.
const WRONG: usize = 3;

/// Seconds that all tests of an exercise may take on its solution: a check is to take under three.
const SECONDS: f64 = 1.0;

/// A file that takes the student's place.
struct Variant {
    id: &'static str,
    role: Role,
    public: Register,
    hidden: Register,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Role {
    Untouched,
    Solution,
    /// The file of a wrong solution; its first line says what the diagnosis must contain.
    Wrong(&'static str),
}

type Ran = Vec<(&'static Variant, Vec<TestResult>)>;

/// All variants, run once. The hook that keeps their panics quiet is gone before anything here is asserted.
fn ran() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(|| {
        quiet_panics();
        let ran = VARIANTS.iter().map(|variant| (variant, run(variant))).collect();
        let _ = std::panic::take_hook();
        ran
    })
}

fn run(variant: &Variant) -> Vec<TestResult> {
    let mut results = Vec::new();
    let suite = Suite::of(&[("public", variant.public), ("hidden", variant.hidden)]);
    let told = suite.run(|result| {
        results.push(result);
        Ok::<(), ()>(())
    });
    told.unwrap();
    results
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("exercises")
}

fn read(id: &str, file: &str) -> String {
    let path = folder().join(id).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn the_course() -> Course {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("course.yaml")).unwrap();
    Course::parse(&text).unwrap()
}

/// The exercises that this build holds.
fn ids() -> BTreeSet<&'static str> {
    VARIANTS.iter().map(|variant| variant.id).collect()
}

fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn points(results: &[TestResult]) -> (u32, u32) {
    (results.iter().map(|result| result.earned).sum(), results.iter().map(|result| result.points).sum())
}

#[test]
fn untouched_exercises_earn_nothing() {
    let untouched = ran().iter().filter(|(variant, _)| variant.role == Role::Untouched);
    let passing = untouched.flat_map(|(variant, results)| {
        let passed = results.iter().filter(|result| result.passed);
        passed.map(|result| format!("{}: untouched, it passes {} test `{}`", variant.id, result.part, result.test))
    });
    none(passing.collect());
}

#[test]
fn solutions_earn_everything() {
    let mut faults = Vec::new();
    for (variant, results) in ran().iter().filter(|(variant, _)| variant.role == Role::Solution) {
        for result in results.iter().filter(|result| !result.passed) {
            let diagnosis = result.diagnosis.as_ref().map_or("", |diagnosis| &diagnosis.text);
            faults.push(format!(
                "{}: the solution fails {} test `{}`: {} {diagnosis}",
                variant.id, result.part, result.test, result.message
            ));
        }
        let seconds: f64 = results.iter().map(|result| result.seconds).sum();
        if seconds > SECONDS {
            faults.push(format!("{}: the tests take {seconds:.1} s on the solution", variant.id));
        }
    }
    none(faults);
}

#[test]
fn every_foreseen_mistake_is_named() {
    let mut faults = Vec::new();
    let mut count: BTreeMap<&str, usize> = ids().into_iter().map(|id| (id, 0)).collect();
    for (variant, results) in ran() {
        let Role::Wrong(file) = variant.role else { continue };
        *count.get_mut(variant.id).unwrap() += 1;
        let text = fs::read_to_string(file).unwrap();
        let Some(wanted) = text.lines().next().and_then(|line| line.strip_prefix("//! diagnosis: ")) else {
            faults.push(format!("{file}: the first line is not `//! diagnosis: …`"));
            continue;
        };
        let public = results.iter().filter(|result| result.part == "public");
        let told: Vec<&str> = public.filter_map(|result| Some(result.diagnosis.as_ref()?.text.as_str())).collect();
        let named = told.iter().any(|text| text.to_lowercase().contains(&wanted.trim().to_lowercase()));
        if !named {
            faults.push(format!("{file}: no public test says «{wanted}»; they say {told:?}"));
        }
        if results.iter().all(|result| result.part != "hidden" || result.passed) {
            faults.push(format!("{file}: passes every hidden test"));
        }
    }
    faults.extend(
        count.iter().filter(|(_, count)| **count < WRONG).map(|(id, count)| format!("{id}: {count} wrong solutions")),
    );
    none(faults);
}

#[test]
fn every_exercise_is_whole() {
    let mut faults = Vec::new();
    let course = the_course();
    for (variant, results) in ran().iter().filter(|(variant, _)| variant.role == Role::Solution) {
        let id = variant.id;
        let mut fault = |text: String| faults.push(format!("{id}: {text}"));
        let hints = course::hints(&read(id, "hints.md"));
        if hints.len() != course::HINTS || hints.iter().any(String::is_empty) {
            fault(format!("hints.md has {} hints, wanted {} under `## 1`, `## 2`, `## 3`", hints.len(), course::HINTS));
        }
        if !read(id, "README.md").starts_with("# ") {
            fault("README.md does not begin with a title, `# …`".to_owned());
        }
        if !read(id, "exercise.rs").contains("todo!(") {
            fault("exercise.rs has no todo!()".to_owned());
        }
        if read(id, "solution.rs").contains("todo!(") {
            fault("solution.rs has a todo!()".to_owned());
        }
        let mut names = BTreeSet::new();
        for result in results {
            if !names.insert((&result.part, &result.test)) {
                fault(format!("two {} tests are called `{}`", result.part, result.test));
            }
        }
        for part in ["public", "hidden"] {
            if !results.iter().any(|result| result.part == part && result.points > 0) {
                fault(format!("no {part} test is worth a point"));
            }
        }
        match course.find(id) {
            Some(listed) if listed.points == points(results).1 => {}
            Some(listed) => {
                fault(format!("course.yaml says {} points, its tests {}", listed.points, points(results).1))
            }
            None => fault("course.yaml does not list it".to_owned()),
        }
    }
    none(faults);
}

#[test]
fn the_course_lists_what_there_is() {
    let course = the_course();
    let bank = bank::builtin().unwrap();
    let mut faults = course.faults(&bank);
    let bare = bank.sections.iter().filter(|section| !course.exercises.iter().any(|drill| drill.section == section.id));
    faults.extend(bare.map(|section| format!("no exercise is of the section `{}`", section.id)));
    let listed: BTreeSet<&str> = course.exercises.iter().map(|exercise| exercise.id.as_str()).collect();
    let folders: BTreeSet<String> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    faults.extend(listed.iter().filter(|id| !folders.contains(**id)).map(|id| format!("{id}: listed, but no folder")));
    none(faults);
    if env::var_os("DELTAW_EXERCISE").is_none() {
        assert_eq!(ids(), listed, "every folder is a module of this build");
    }
}

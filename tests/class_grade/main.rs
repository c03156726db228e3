//! A class of made-up submissions, honest and not, is graded: each gets what it should, and why is named.
//!
//! `DELTAW_CLASS=100 cargo test --release --test class_grade -- --nocapture` grades a hundred and says how long it took.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attack;
mod chapter;
mod class;
mod cluster;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use class::{Class, Points, Wanted, drills};
use deltaw::classroom::{
    gradebook::Gradebook,
    sandbox::{Kind, Sandbox, Wanted as SandboxWanted},
};

fn grade(class: &Class, out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltaw"));
    command.args(["class", "grade"]).arg(&class.folder).arg("--out").arg(out).arg("--course").arg(drills());
    command.args(["--limit-seconds", "2", "--limit-memory", "1024"]).args(more);
    command
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn faults(book: &Gradebook, class: &Class) -> Vec<String> {
    let mut earned: BTreeMap<(String, String), (u32, u32)> = BTreeMap::new();
    for row in book.results().unwrap() {
        let sum = earned.entry((row.student, row.exercise)).or_default();
        *sum = (sum.0 + row.earned, sum.1 + row.points);
    }
    let verdicts = book.verdicts().unwrap();
    let mut faults = Vec::new();
    for Wanted { student, exercise, status, points, reason } in &class.wanted {
        let Some(verdict) =
            verdicts.iter().find(|verdict| verdict.student == *student && verdict.exercise == *exercise)
        else {
            faults.push(format!("{student:?} {exercise}: no verdict"));
            continue;
        };
        let (got, most) = earned[&(student.clone(), exercise.clone())];
        let listed = class.course.find(exercise).unwrap().points;
        let right = match points {
            Points::All => got == most,
            Points::None => got == 0,
            Points::NotAll => got < most,
        };
        if !right || most != listed || !status.contains(&verdict.status) || !verdict.reason.contains(reason) {
            faults.push(format!(
                "{student:?} {exercise}: {got} of {most} (course.yaml: {listed}), {} because «{}»; wanted {points:?}, {status:?}, «{reason}»",
                verdict.status, verdict.reason
            ));
        }
    }
    faults
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn sandbox() -> Kind {
    Sandbox::find(SandboxWanted::Auto).unwrap().kind()
}

#[test]
fn a_class_gets_what_it_should() {
    let dir = tempfile::tempdir().unwrap();
    let large: Option<usize> = env::var("DELTAW_CLASS").ok().map(|count| count.parse().unwrap());
    let mut class = Class::new(&dir.path().join("submissions"), false);
    let attacks = class.wanted.len();
    class.honest(large.map_or(8, |count| count.saturating_sub(attacks)));
    let out = dir.path().join("grades.csv");
    let start = Instant::now();
    let told = done(&mut grade(&class, &out, &[]));
    let seconds = start.elapsed().as_secs_f64();
    let students = fs::read_dir(&class.folder).unwrap().count();
    println!("{students} submissions in {seconds:.1} s\n{told}");
    let book = Gradebook::read(&out.with_extension("db")).unwrap();
    none(&faults(&book, &class));
    assert_eq!(book.students().unwrap().len(), students);
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 1 + students);
    assert_eq!(fs::read_dir(out.with_extension("feedback")).unwrap().count(), students);
    assert!(!out.with_extension("work").exists(), "temporary files are left");

    // Again: nothing is graded. Stopped in the middle and begun again: the same gradebook.
    let again = done(&mut grade(&class, &out, &["--json"]));
    assert!(again.contains("\"graded\":0"), "{again}");
    let whole = book.digest().unwrap();
    assert_eq!(Gradebook::read(&out.with_extension("db")).unwrap().digest().unwrap(), whole);
    let halves = dir.path().join("halves.csv");
    killed(&class, &halves, students / 3);
    let resumed = done(&mut grade(&class, &halves, &["--json"]));
    assert!(!resumed.contains("\"graded\":0") && !resumed.contains(&format!("\"graded\":{students},")), "{resumed}");
    let book = Gradebook::read(&halves.with_extension("db")).unwrap();
    none(&faults(&book, &class));
    assert_eq!(steady(&book), steady(&Gradebook::read(&out.with_extension("db")).unwrap()));
}

/// Runs until `enough` students are graded, then kills it without warning.
fn killed(class: &Class, out: &Path, enough: usize) {
    let mut child = grade(class, out, &[]).spawn().unwrap();
    let start = Instant::now();
    let graded =
        || Gradebook::read(&out.with_extension("db")).and_then(|book| Ok(book.submissions()?.len())).unwrap_or(0);
    while graded() < enough {
        assert!(
            start.elapsed() < Duration::from_secs(1200) && child.try_wait().unwrap().is_none(),
            "it ended too soon"
        );
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// All that a run decides; of the compile bomb only that it earned nothing: whether time or memory is over first is chance.
fn steady(book: &Gradebook) -> Vec<String> {
    let verdicts = book
        .verdicts()
        .unwrap()
        .into_iter()
        .filter(|row| row.student != "attack_compile_bomb")
        .map(|row| format!("{row:?}"));
    let results = book
        .results()
        .unwrap()
        .into_iter()
        // Some answers to the sixth draw numbers at random, and the message shows what was drawn.
        .map(|row| (if row.exercise == "06_lora_start" { String::new() } else { row.message.clone() }, row))
        .map(|(message, row)| {
            format!("{:?}", (row.student, row.exercise, row.test, row.earned, message, row.diagnosis))
        });
    let similar = book.similar().unwrap().into_iter().map(|row| format!("{row:?}"));
    verdicts.chain(results).chain(similar).collect()
}

#[test]
fn the_sandbox_alone_withstands_every_attack() {
    let dir = tempfile::tempdir().unwrap();
    if sandbox() != Kind::Bubblewrap {
        eprintln!("bubblewrap does not work here: attacks are only tried where it does");
        return;
    }
    let class = Class::new(&dir.path().join("submissions"), true);
    let out = dir.path().join("grades.csv");
    done(&mut grade(&class, &out, &["--lenient", "--sandbox", "require"]));
    none(&faults(&Gradebook::read(&out.with_extension("db")).unwrap(), &class));
    let left: Vec<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 4, "submissions, grades, gradebook, feedback: {left:?}");
}

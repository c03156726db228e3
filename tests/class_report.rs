//! The teacher's page: its numbers out of a generated gradebook and out of exported progress, and how Chromium shows it.
//!
//! `DELTAW_SCREENSHOT=docs/classroom_report.png cargo test --release --test class_report` keeps the picture.
#![allow(clippy::unwrap_used)]

use std::{path::Path, process};

use assert_cmd::Command;
use deltaw::classroom::gradebook::{Gradebook, Graded, Scored, Similar, Status, Student, Submission, Verdict};

const STUDENTS: u32 = 100;
const EXERCISES: u32 = 25;

fn deltaw(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("deltaw").unwrap().args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Student `s` passes all tests of the first `4 + s / 5` exercises, half of the next, and hands in nothing after it. Student 7 cheats in the
/// first exercise, and her name is a script.
fn gradebook(path: &Path) {
    let mut book = Gradebook::open(path).unwrap();
    book.set_meta("course", "LoRA & PEFT, autumn").unwrap();
    for s in 0..STUDENTS {
        let id = format!("student-{s:03}");
        let name = if s == 7 { "<script>alert(7)</script>".to_owned() } else { format!("Student {s}") };
        let (mut results, mut verdicts) = (Vec::new(), Vec::new());
        let solved = 4 + s / 5;
        for e in 0..EXERCISES {
            let exercise = format!("{e:02}_exercise");
            let hostile = s == 7 && e == 0;
            let status = match e {
                _ if hostile => Status::Hostile,
                e if e < solved => Status::Ok,
                e if e == solved => Status::Partial,
                _ => Status::Missing,
            };
            let reason = if hostile { "printed <b>test result: ok</b>" } else { "" }.to_owned();
            for (test, points) in [("public: shapes", 1_u32), ("hidden: the norm's axis", 1)] {
                let earned =
                    u32::from(status == Status::Ok || (status == Status::Partial && test.starts_with("public")));
                let diagnosis =
                    if earned == 0 && status == Status::Partial { "transposed factor" } else { "" }.to_owned();
                if status != Status::Missing {
                    let (student, exercise, test) = (id.clone(), exercise.clone(), test.to_owned());
                    results.push(Scored {
                        student,
                        exercise,
                        test,
                        points,
                        earned,
                        message: String::new(),
                        diagnosis,
                        seconds: 0.1,
                    });
                }
            }
            verdicts.push(Verdict { student: id.clone(), exercise, status, reason });
        }
        let submission =
            Submission { student: id.clone(), hash: String::new(), graded_at: 1, seconds: 2.0 + f64::from(s) / 10.0 };
        book.record(&Graded { student: Student { id, name }, submission, results, verdicts, prints: Vec::new() })
            .unwrap();
    }
    let pair =
        Similar { a: "student-001".into(), b: "student-002".into(), exercise: "03_exercise".into(), share: 0.97 };
    book.set_similar(&[pair]).unwrap();
}

#[test]
fn a_class_of_a_hundred_on_one_page() {
    let directory = tempfile::tempdir().unwrap();
    let (book, file) = (directory.path().join("grades.db"), directory.path().join("report.html"));
    gradebook(&book);
    let (code, out, error) =
        deltaw(&["class", "report", book.to_str().unwrap(), "--html", file.to_str().unwrap(), "--json"]);
    assert_eq!(code, 0, "{error}");
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (said["learners"].as_u64(), said["columns"].as_u64(), said["caught"].as_u64()),
        (Some(100), Some(25), Some(1))
    );
    let page = std::fs::read_to_string(&file).unwrap();

    // Counted here from how the gradebook was made.
    let points = |s: u32| {
        let solved = (4 + s / 5).min(EXERCISES);
        2 * solved + u32::from(solved < EXERCISES) - if s == 7 { 2 } else { 0 }
    };
    // What an exercise is worth is known from those who tried it; nobody tried the last one.
    let mut shares: Vec<f64> = (0..STUDENTS).map(|s| f64::from(points(s)) / f64::from(2 * (EXERCISES - 1))).collect();
    let mean = shares.iter().sum::<f64>() / f64::from(STUDENTS);
    shares.sort_by(f64::total_cmp);
    let median = (shares[49] + shares[50]) / 2.0;
    let summary =
        format!("Mean <b>{:.0} %</b>, median <b>{:.0} %</b>. <b>0</b> have everything.", 100.0 * mean, 100.0 * median);
    assert!(page.contains(&summary), "{summary}");
    assert_eq!(page.matches("<tr><th title=").count(), 100);
    // The last student: 23 exercises whole, one half, one missing.
    let row = page.lines().find(|line| line.contains("title=\"student-099\"")).unwrap();
    assert_eq!((row.matches(">✓<").count(), row.matches(">50<").count(), row.matches(">·<").count()), (23, 1, 1));
    assert!(row.contains("<td class=\"number\">98</td><td class=\"stuck\">23_exercise</td>"), "{row}");
    // Exercise 23 was tried by students 95 to 99, and all lost the hidden test to the same mistake.
    assert!(page.contains("<td class=\"number\">5 of 5</td><td>transposed factor <b>(5×)</b></td>"), "the hardest");
    assert!(
        page.contains("<td>student-001</td><td>student-002</td><td>03_exercise</td><td class=\"number\">97 %</td>")
    );
    assert!(page.contains("printed &lt;b&gt;test result: ok&lt;/b&gt;") && page.contains("LoRA &amp; PEFT, autumn"));
    assert_eq!(page.matches("<svg").count(), 2);
    for outside in ["<script", "<link", "<img", "@import", "url(", "://", " src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    screenshot(&file, directory.path());
}

/// Chromium shows the page: a picture with the colours of the heat table in it.
fn screenshot(page: &Path, directory: &Path) {
    let kept = std::env::var_os("DELTAW_SCREENSHOT");
    let picture = kept.map_or_else(|| directory.join("report.png"), Into::into);
    let picture = std::path::absolute(picture).unwrap();
    let started = process::Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1240,1500"])
        .arg(format!("--user-data-dir={}", directory.join("chromium").display()))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .output();
    let Ok(output) = started else {
        eprintln!("chromium is not there: the page was not looked at");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = std::fs::read(&picture).unwrap();
    let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((&bytes[1..4], side(16), side(20)), (&b"PNG"[..], 1240, 1500));
    // An empty page of this size takes some ten kilobytes.
    assert!(bytes.len() > 60_000, "{} bytes: the page is nearly empty", bytes.len());
}

#[test]
fn exported_progress_of_a_class_shows_what_holds_it_up() {
    let directory = tempfile::tempdir().unwrap();
    let exports = directory.path().join("exports");
    std::fs::create_dir(&exports).unwrap();
    let answer = |question: &str, section: &str, answer: &str, label: u8| {
        serde_json::json!({"at": 1, "mode": "practice", "question": question, "section": section, "seed": 3, "answer": answer,
            "label": label, "score": f64::from(label) / 2.0, "seconds": 30.0})
    };
    for learner in 0..6 {
        let wrong = learner < 4;
        let said = if wrong { "both A and B start at zero" } else { "B starts at zero and A is random Gaussian" };
        let answers = [answer("g06", "lora", said, if wrong { 0 } else { 2 }), answer("m03", "qlora", "b", 2)];
        let progress = serde_json::json!({"version": 1, "answers": answers, "cards": []});
        std::fs::write(exports.join(format!("learner <{learner}>.json")), progress.to_string()).unwrap();
    }
    std::fs::write(exports.join("broken.json"), "{\"version\": 1, \"answers\": [{}]}").unwrap();
    let huge = serde_json::json!({"version": 1, "answers": [{"at": 1, "mode": "x", "question": "g06", "section": "lora", "seed": 1,
        "answer": "", "label": 0, "score": 1e300, "seconds": 1.0}], "cards": []});
    std::fs::write(exports.join("impossible.json"), huge.to_string()).unwrap();
    let (code, page, error) = deltaw(&["class", "report", "--progress", exports.to_str().unwrap(), "--html", "-"]);
    assert_eq!(code, 0, "{error}");
    assert!(
        error.contains("broken.json") && error.contains("impossible.json") && error.lines().count() == 2,
        "{error}"
    );
    assert!(page.contains("<b>6</b> learners"), "{page}");
    assert!(page.contains("<td class=\"number\">4 of 6</td><td>Both start at zero <b>(4×)</b></td>"), "{page}");
    assert!(page.contains("learner &lt;0&gt;") && !page.contains("learner <0>"));
    // Each answered for a minute.
    assert!(page.contains("Median 60 s, longest 60 s."), "{page}");
}

#[test]
fn what_cannot_be_used_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("text.db"), "no database").unwrap();
    for (args, part) in [
        (vec!["/nonexistent.db".to_owned()], "no such gradebook"),
        (vec![path("text.db")], "is no gradebook"),
        (vec!["--progress".to_owned(), "/nonexistent".to_owned()], "/nonexistent"),
        (vec!["--progress".to_owned(), directory.path().display().to_string()], "no file there is"),
    ] {
        let page = path("report.html");
        let args: Vec<&str> =
            ["class", "report", "--html", &page].into_iter().chain(args.iter().map(String::as_str)).collect();
        let (code, _, error) = deltaw(&args);
        assert!(code == 2 && error.contains(part) && error.trim_end().lines().count() == 1, "{args:?}: {code} {error}");
        assert!(!Path::new(&page).exists());
    }
}

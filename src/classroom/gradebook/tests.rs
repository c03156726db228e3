#![allow(clippy::unwrap_used)]

use super::*;

fn graded(id: &str, earned: u32, at: i64) -> Graded {
    let (student, exercise) = (id.to_owned(), "01_count".to_owned());
    Graded {
        student: Student { id: id.into(), name: id.to_uppercase() },
        submission: Submission { student: student.clone(), hash: format!("h{earned}"), graded_at: at, seconds: 1.5 },
        results: vec![Scored {
            student: student.clone(),
            exercise: exercise.clone(),
            test: "hidden: a".into(),
            points: 2,
            earned,
            message: String::new(),
            diagnosis: "d".into(),
            seconds: 0.25,
        }],
        verdicts: vec![Verdict { student, exercise: exercise.clone(), status: Status::Hostile, reason: "r".into() }],
        prints: vec![(exercise, vec![1, u64::MAX])],
    }
}

#[test]
fn it_reads_what_it_wrote_and_replaces() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("g.db");
    let mut book = Gradebook::open(&path).unwrap();
    book.record(&graded("b", 1, 5)).unwrap();
    book.record(&graded("a", 2, 6)).unwrap();
    book.record(&graded("b", 2, 7)).unwrap();
    let pair = Similar { a: "a".into(), b: "b".into(), exercise: "01_count".into(), share: 0.75 };
    book.set_similar(std::slice::from_ref(&pair)).unwrap();
    drop(book);
    let book = Gradebook::read(&path).unwrap();
    assert_eq!(book.students().unwrap().iter().map(|student| student.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(book.results().unwrap(), [graded("a", 2, 6).results, graded("b", 2, 7).results].concat());
    assert_eq!(book.verdicts().unwrap()[1], graded("b", 2, 7).verdicts[0]);
    assert_eq!((book.submissions().unwrap()[1].graded_at, book.similar().unwrap()), (7, vec![pair]));
    assert_eq!(book.hash("b").unwrap().as_deref(), Some("h2"));
    assert_eq!(book.prints().unwrap().len(), 4);
}

#[test]
fn the_digest_sees_grades_and_not_times() {
    let dir = tempfile::tempdir().unwrap();
    let digest = |name: &str, earned, at| {
        let mut book = Gradebook::open(&dir.path().join(name)).unwrap();
        book.record(&graded("a", earned, at)).unwrap();
        book.digest().unwrap()
    };
    assert_eq!(digest("1.db", 2, 5), digest("2.db", 2, 9));
    assert_ne!(digest("3.db", 2, 5), digest("4.db", 1, 5));
}

#[test]
fn shards_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str| Gradebook::open(&dir.path().join(name)).unwrap();
    let (mut whole, mut one, mut two, mut merged) = (open("w"), open("1"), open("2"), open("m"));
    for (book, id) in [(&mut one, "a"), (&mut two, "b")] {
        book.record(&graded(id, 1, 5)).unwrap();
        whole.record(&graded(id, 1, 5)).unwrap();
        book.set_meta("course_hash", "x").unwrap();
    }
    merged.absorb(&two).unwrap();
    merged.absorb(&one).unwrap();
    assert_eq!(merged.digest().unwrap(), whole.digest().unwrap());
    assert_eq!(merged.prints().unwrap(), whole.prints().unwrap());
    one.set_meta("course_hash", "y").unwrap();
    assert!(matches!(merged.absorb(&one), Err(GradebookError::Courses)));
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    assert!(matches!(Gradebook::read(&path), Err(GradebookError::Absent(_))));
    std::fs::write(&path, "student,points\n").unwrap();
    assert!(matches!(Gradebook::open(&path), Err(GradebookError::Foreign(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "student,points\n");
    let foreign = dir.path().join("y");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x); PRAGMA user_version = 7").unwrap();
    assert!(matches!(Gradebook::open(&foreign), Err(GradebookError::Foreign(_))));
}

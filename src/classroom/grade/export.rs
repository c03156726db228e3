//! Grades as CSV: for people, for Canvas, for Moodle.
//!
//! - Canvas: the columns `Student`, `ID`, `SIS User ID`, `SIS Login ID`, `Section`, then one for each assignment; a row whose first field holds
//!   `Points Possible` says what an assignment is worth. A student is found by `ID`, else by SIS user id, else by SIS login, else by name. Read in
//!   Canvas's own importer: <https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_importer.rb> (`row_has_student_headers?`,
//!   `update_column_count`, `process_pp`, `process_student`).
//! - Moodle: any columns; the page asks which one names the user (`userid`, `useridnumber`, `useremail` or `username`) and which are grades. A
//!   grade above 100 stops the whole import unless the site lifts the limit, and so does a user who is not there: so all grades are per cent.
//!   Read in Moodle's own importer: <https://github.com/moodle/moodle/blob/main/public/grade/import/csv/classes/load_data.php>
//!   (`insert_grade_record`, `check_user_exists`, `map_user_data_with_value`).

use std::collections::BTreeMap;

use super::owner::canvas_user;
use crate::classroom::{
    Exercise,
    gradebook::{Gradebook, GradebookError, Status},
};

/// A table of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Student, total, and points and status of each exercise.
    Plain,
    /// For Canvas's importer: the total, out of all points.
    Canvas,
    /// For Moodle's importer: total and exercises in per cent.
    Moodle,
}

/// The grades of `book` in `format`.
///
/// # Errors
/// The gradebook cannot be read.
pub fn csv(book: &Gradebook, format: Format) -> Result<String, GradebookError> {
    let course = book.meta("course")?.unwrap_or_else(|| "deltaw".into());
    let exercises: Vec<Exercise> =
        serde_json::from_str(&book.meta("exercises")?.unwrap_or_default()).unwrap_or_default();
    let mut earned: BTreeMap<(String, String), (u32, u32)> = BTreeMap::new();
    for row in book.results()? {
        let sum = earned.entry((row.student, row.exercise)).or_default();
        *sum = (sum.0 + row.earned, sum.1 + row.points);
    }
    let status: BTreeMap<(String, String), Status> =
        book.verdicts()?.into_iter().map(|row| ((row.student, row.exercise), row.status)).collect();
    let most: u32 = exercises.iter().map(|exercise| exercise.points).sum();
    let mut table: Vec<Vec<String>> = Vec::new();
    let titles = || exercises.iter().map(|exercise| format!("{} ({}) (%)", exercise.title, exercise.id));
    table.push(match format {
        Format::Plain => {
            let columns =
                exercises.iter().flat_map(|exercise| [exercise.id.clone(), format!("{} status", exercise.id)]);
            ["student", "points", "of"].map(String::from).into_iter().chain(columns).collect()
        }
        Format::Canvas => ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
            .map(String::from)
            .into_iter()
            .chain([course])
            .collect(),
        Format::Moodle => ["username".to_owned(), format!("{course} (%)")].into_iter().chain(titles()).collect(),
    });
    if format == Format::Canvas {
        table.push(["    Points Possible", "", "", "", "", &most.to_string()].map(String::from).to_vec());
    }
    for student in book.students()? {
        let points =
            |exercise: &Exercise| earned.get(&(student.id.clone(), exercise.id.clone())).map_or(0, |sum| sum.0);
        let total: u32 = exercises.iter().map(points).sum();
        table.push(match format {
            Format::Plain => {
                let columns = exercises.iter().flat_map(|exercise| {
                    let status = status.get(&(student.id.clone(), exercise.id.clone()));
                    [points(exercise).to_string(), status.map_or_else(String::new, ToString::to_string)]
                });
                [student.id.clone(), total.to_string(), most.to_string()].into_iter().chain(columns).collect()
            }
            Format::Canvas => {
                let (id, login) = match canvas_user(&student.id) {
                    Some(user) => (user, ""),
                    None => ("", student.id.as_str()),
                };
                [&student.name, id, "", login, "", &total.to_string()].map(String::from).to_vec()
            }
            Format::Moodle => {
                let columns = exercises.iter().map(|exercise| percent(points(exercise), exercise.points));
                [student.id.clone(), percent(total, most)].into_iter().chain(columns).collect()
            }
        });
    }
    Ok(table.iter().map(|row| row.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(",") + "\n").collect())
}

/// At most two digits after the point: Canvas and Moodle show no more.
fn percent(earned: u32, points: u32) -> String {
    let text = format!("{:.2}", 100.0 * f64::from(earned) / f64::from(points.max(1)));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// RFC 4180, and no formula: a name that begins like one would be run by a spreadsheet.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if formula { format!("'{field}") } else { field.to_owned() };
    if field.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::classroom::gradebook::{Graded, Scored, Student, Submission, Verdict};

    #[test]
    fn three_tables() {
        let dir = tempfile::tempdir().unwrap();
        let mut book = Gradebook::open(&dir.path().join("g.db")).unwrap();
        book.set_meta("course", "LoRA, by hand").unwrap();
        let exercises = r#"[{"id":"01_a","section":"lora","title":"A","points":3,"minutes":5,"questions":[]}]"#;
        book.set_meta("exercises", exercises).unwrap();
        let student = "=1+1".to_owned();
        let scored = |test: &str, points, earned| Scored {
            student: student.clone(),
            exercise: "01_a".into(),
            test: test.into(),
            points,
            earned,
            message: String::new(),
            diagnosis: String::new(),
            seconds: 0.0,
        };
        book.record(&Graded {
            student: Student { id: student.clone(), name: "Ann \"A\"".into() },
            submission: Submission { student: student.clone(), hash: "h".into(), graded_at: 0, seconds: 0.0 },
            results: vec![scored("x", 1, 1), scored("y", 2, 0)],
            verdicts: vec![Verdict {
                student: student.clone(),
                exercise: "01_a".into(),
                status: Status::Partial,
                reason: "r".into(),
            }],
            prints: vec![],
        })
        .unwrap();
        assert_eq!(csv(&book, Format::Plain).unwrap(), "student,points,of,01_a,01_a status\n'=1+1,1,3,1,partial\n");
        assert_eq!(
            csv(&book, Format::Moodle).unwrap(),
            "username,\"LoRA, by hand (%)\",A (01_a) (%)\n'=1+1,33.33,33.33\n"
        );
        assert_eq!(
            csv(&book, Format::Canvas).unwrap(),
            "Student,ID,SIS User ID,SIS Login ID,Section,\"LoRA, by hand\"\n    Points Possible,,,,,3\n\"Ann \"\"A\"\"\",,,'=1+1,,1\n"
        );
    }

    #[test]
    fn canvas_finds_a_downloaded_student_by_id_and_moodle_takes_no_grade_above_100() {
        let dir = tempfile::tempdir().unwrap();
        let mut book = Gradebook::open(&dir.path().join("g.db")).unwrap();
        book.set_meta("course", "C").unwrap();
        let exercises = r#"[{"id":"01_a","section":"lora","title":"A","points":480,"minutes":5,"questions":[]}]"#;
        book.set_meta("exercises", exercises).unwrap();
        let (student, exercise) = ("doejane_canvas123".to_owned(), "01_a".to_owned());
        let (message, diagnosis) = (String::new(), String::new());
        let test = "hidden: x".to_owned();
        book.record(&Graded {
            student: Student { id: student.clone(), name: "doejane".into() },
            submission: Submission { student: student.clone(), hash: "h".into(), graded_at: 0, seconds: 0.0 },
            results: vec![Scored {
                student,
                exercise,
                test,
                points: 480,
                earned: 420,
                message,
                diagnosis,
                seconds: 0.0,
            }],
            verdicts: vec![],
            prints: vec![],
        })
        .unwrap();
        assert!(csv(&book, Format::Canvas).unwrap().ends_with("\ndoejane,123,,,,420\n"));
        assert!(csv(&book, Format::Moodle).unwrap().ends_with("\ndoejane_canvas123,87.5,87.5\n"));
    }
}

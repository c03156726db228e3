//! Whose a submission is, by its name.

/// Whose a loose file is: a zip or notebook is named after its student, `STUDENT_01_name.rs` begins with them. What Canvas packs when it is asked
/// for all submissions begins with name, user and file.
pub(super) fn owner(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    match extension {
        "zip" | "ipynb" | "rs" => canvas(stem).or_else(|| {
            let student = if extension == "rs" { stem.split('_').next()? } else { stem };
            Some(student.to_owned())
        }),
        _ => None,
    }
}

/// What stands between a student's name and their number in Canvas.
const CANVAS: &str = "_canvas";

/// `doejane_canvas123` for `doejane_123_456_01_name`, and for `doejane_LATE_123_456_01_name` too: `get_filename` and `add_upload_submission` in
/// <https://github.com/instructure/canvas-lms/blob/master/lib/content_zipper.rb>.
fn canvas(stem: &str) -> Option<String> {
    let parts: Vec<&str> = stem.split('_').collect();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let user = (1..parts.len().saturating_sub(2)).find(|at| number(parts[*at]) && number(parts[at + 1]))?;
    let name = parts[..user].join("_");
    Some(format!("{}{CANVAS}{}", name.strip_suffix("_LATE").unwrap_or(&name), parts[user]))
}

/// The number of a student in Canvas, where the id has one.
pub(super) fn canvas_user(student: &str) -> Option<&str> {
    let (_, user) = student.rsplit_once(CANVAS)?;
    (!user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit())).then_some(user)
}

/// An id that can be shown, sorted and made a file name of.
pub(super) fn tame(name: &str) -> String {
    let kept: String =
        name.chars().map(|c| if c.is_control() || "/\\\"'`<>|:*?".contains(c) { '_' } else { c }).take(120).collect();
    if kept.trim_matches(['.', ' ']).is_empty() { format!("student {kept}") } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loose_file_has_an_owner() {
        for (name, wanted) in [
            ("ann.zip", Some("ann")),
            ("ann_02_lora_forward.rs", Some("ann")),
            ("doejane_123_456_02_lora_forward.rs", Some("doejane_canvas123")),
            ("doejane_123_457_work.zip", Some("doejane_canvas123")),
            ("doejane_LATE_123_458_00_opening.ipynb", Some("doejane_canvas123")),
            ("doejane_77_459_work.zip", Some("doejane_canvas77")),
            ("notes.txt", None),
        ] {
            assert_eq!(owner(name).as_deref(), wanted, "{name}");
        }
        assert_eq!((canvas_user("doejane_canvas123"), canvas_user("doejane")), (Some("123"), None));
    }
}

//! From a tree to a bank, collecting every fault of the format instead of stopping at the first.

use serde_json::json;
use serde_path_to_error::Segment;

use super::{
    Bank,
    check::{PROBLEM_LIMIT, Problem},
    tree::{Node, Step},
};

/// Decodes `tree`. Each fault is reported, its value replaced by a stand-in, and decoding tried again.
pub(super) fn decode(mut tree: Node) -> Result<Bank, Vec<Problem>> {
    let mut problems = Vec::new();
    // Fields that were missing, or faulty and taken out, and how many stand-ins were tried for each.
    let mut absent: Vec<(Vec<Step>, usize)> = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, Bank>(tree.value()) {
            Ok(bank) if problems.is_empty() => return Ok(bank),
            Ok(_) => return Err(problems),
            Err(error) => error,
        };
        let message = error.inner().to_string();
        let mut path: Vec<Step> = error.path().iter().filter_map(step).collect();
        let field = quoted(&message).map(Step::Key);
        let filled = absent.iter().position(|(place, _)| path.starts_with(place));
        if message.starts_with("missing field") {
            let holder = path.clone();
            path.extend(field);
            if filled.is_none() && !absent.iter().any(|(place, _)| *place == path) {
                problems.push(problem(&tree, &holder, format!("{message}; add it")));
            }
        } else if let Some(filled) = filled {
            path.clone_from(&absent[filled].0);
        } else if message.starts_with("unknown field") {
            if path.last() != field.as_ref() {
                path.extend(field);
            }
            problems.push(problem(&tree, &path, format!("{message}; correct the spelling or remove it")));
            if !tree.remove(&path) {
                return Err(problems);
            }
            continue;
        } else {
            let quotes = message.contains("expected a string");
            let advice = if quotes { "put it in quotes" } else { "the format is in src/quiz/bank/schema.rs" };
            problems.push(problem(&tree, &path, format!("{message}; {advice}")));
        }
        if problems.len() >= PROBLEM_LIMIT || !stand_in(&mut tree, path, &mut absent) {
            return Err(problems);
        }
    }
}

/// Puts the next stand-in for a field at `path`, so that decoding goes on and finds further faults.
fn stand_in(tree: &mut Node, path: Vec<Step>, absent: &mut Vec<(Vec<Step>, usize)>) -> bool {
    let at = absent.iter().position(|(place, _)| *place == path).unwrap_or_else(|| {
        absent.push((path.clone(), 0));
        absent.len() - 1
    });
    let stand_ins = [json!(""), json!(0), json!([]), json!({}), json!(false)];
    let Some(value) = stand_ins.get(absent[at].1) else { return false };
    absent[at].1 += 1;
    tree.put(&path, value)
}

fn problem(tree: &Node, path: &[Step], message: String) -> Problem {
    Problem::at(tree.place(path), &tree.label(path), message)
}

fn step(segment: &Segment) -> Option<Step> {
    match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// The first word in backticks.
fn quoted(message: &str) -> Option<String> {
    message.split('`').nth(1).map(str::to_owned)
}

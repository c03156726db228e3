//! A chapter as its author writes it: Markdown, in which fenced blocks that carry an id are cells.
//!
//! ````text
//! # The first heading
//!
//! Prose.
//!
//! ```rust id=first-figure tags=figure
//! graph("…", "x", "y").line("…", points).see("…")
//! ```
//! ````
//!
//! A fence without an id stays prose. Prose between two code cells is one Markdown cell, named after the code cell before it.

/// Longest id that nbformat allows.
const ID_LIMIT: usize = 64;
const TAGS: [&str; 4] = ["figure", "exercise", "check", "volatile"];

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) code: bool,
    pub(super) tags: Vec<String>,
    pub(super) source: String,
}

type Open<'t> = (Part, Vec<&'t str>, usize);

/// The cells of `text`, or what is wrong with it and in which line.
pub(super) fn parse(text: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut prose: Vec<&str> = Vec::new();
    // The open cell, its lines so far, and the line that opened it.
    let mut code: Option<Open<'_>> = None;
    // Inside a fence that is prose, nothing opens a cell.
    let mut quoted = false;
    for (index, line) in text.lines().enumerate() {
        let fault = |what: String| format!("line {}: {what}", index + 1);
        if let Some((part, lines, _)) = &mut code {
            if line == "```" {
                part.source = lines.join("\n");
                parts.extend(code.take().map(|(part, ..)| part));
            } else {
                lines.push(line);
            }
            continue;
        }
        if !quoted && line.starts_with("```rust") && line.contains("id=") {
            push_prose(&mut parts, &mut prose);
            let part = head(line).map_err(fault)?;
            if parts.iter().any(|other| other.id == part.id) {
                return Err(fault(format!("the id `{}` is taken", part.id)));
            }
            code = Some((part, Vec::new(), index + 1));
            continue;
        }
        if line.starts_with("```") {
            quoted = !quoted;
        }
        prose.push(line);
    }
    if let Some((part, _, line)) = code {
        return Err(format!("line {line}: the cell `{}` is not closed by a line ```", part.id));
    }
    push_prose(&mut parts, &mut prose);
    Ok(parts)
}

fn push_prose(parts: &mut Vec<Part>, prose: &mut Vec<&str>) {
    let source = prose.join("\n").trim().to_owned();
    prose.clear();
    if !source.is_empty() {
        let id = parts.last().map_or_else(|| "opening".to_owned(), |part| format!("after-{}", part.id));
        parts.push(Part { id, code: false, tags: Vec::new(), source });
    }
}

/// The cell that `line` opens.
fn head(line: &str) -> Result<Part, String> {
    let mut part = Part { id: String::new(), code: true, tags: Vec::new(), source: String::new() };
    for word in line.trim_start_matches("```rust").split_whitespace() {
        match word.split_once('=') {
            Some(("id", id)) => id.clone_into(&mut part.id),
            Some(("tags", tags)) => part.tags = tags.split(',').map(str::to_owned).collect(),
            _ => return Err(format!("`{word}`: a cell opens with ```rust id=NAME tags=A,B")),
        }
    }
    // The prose after it takes "after-" and the id.
    let fits = !part.id.is_empty()
        && part.id.len() + "after-".len() <= ID_LIMIT
        && part.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !fits {
        return Err(format!("id `{}`: at most 58 letters, digits, - and _", part.id));
    }
    if let Some(tag) = part.tags.iter().find(|tag| !TAGS.contains(&tag.as_str())) {
        return Err(format!("tag `{tag}`: there are {}", TAGS.join(", ")));
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Title\n\nWords.\n\n```rust\nnot a cell\n```\n\n```rust id=one tags=figure,volatile\nlet a = 1;\n\na\n```\n\nMore.\n";

    #[test]
    fn fences_with_an_id_are_cells_and_the_rest_is_prose() {
        let parts = parse(TEXT).unwrap_or_default();
        let ids: Vec<&str> = parts.iter().map(|part| part.id.as_str()).collect();
        assert_eq!(ids, ["opening", "one", "after-one"]);
        assert!(parts[0].source.contains("not a cell"));
        assert_eq!(parts[1].source, "let a = 1;\n\na");
        assert_eq!(parts[1].tags, ["figure", "volatile"]);
    }

    #[test]
    fn faults_name_their_line() {
        for (text, fault) in [
            ("x\n```rust id=a\n```\n```rust id=a\n```", "line 4: the id `a` is taken"),
            ("```rust id=a\nlet", "line 1: the cell `a` is not closed"),
            ("```rust id=a tags=pretty\n```", "line 1: tag `pretty`"),
            ("```rust id=ä\n```", "line 1: id `ä`"),
        ] {
            assert!(parse(text).is_err_and(|found| found.starts_with(fault)), "{text}: {:?}", parse(text));
        }
    }
}

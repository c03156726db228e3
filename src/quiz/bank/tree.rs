//! A YAML file as a tree that knows where everything stands, so that faults can be shown with line and column.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};

use super::check::Problem;

/// Deepest nesting that is read.
const DEPTH_LIMIT: usize = 24;

/// Most values in one file.
const NODE_LIMIT: usize = 200_000;

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A value and the place where it begins.
#[derive(Debug)]
pub(super) struct Node {
    line: usize,
    column: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Scalar(Value),
    List(Vec<Node>),
    /// Key, place of the key, value.
    Map(Vec<(String, (usize, usize), Node)>),
}

impl Node {
    /// The value without its places.
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|(key, _, node)| (key.clone(), node.value())).collect::<Map<_, _>>())
            }
        }
    }

    /// Line and column, from 1, of what is at `path`, or of the nearest thing that holds it. A key's own place counts.
    pub(super) fn place(&self, path: &[Step]) -> (usize, usize) {
        let Some((step, rest)) = path.split_first() else { return (self.line, self.column) };
        match (&self.content, step) {
            (Content::List(items), Step::Index(index)) => {
                items.get(*index).map_or((self.line, self.column), |node| node.place(rest))
            }
            (Content::Map(entries), Step::Key(wanted)) => match entries.iter().find(|(key, _, _)| key == wanted) {
                Some((_, place, _)) if rest.is_empty() => *place,
                Some((_, _, node)) => node.place(rest),
                None => (self.line, self.column),
            },
            _ => (self.line, self.column),
        }
    }

    /// `path` for people: a question by its id, then the fields.
    pub(super) fn label(&self, path: &[Step]) -> String {
        let mut names = Vec::new();
        let mut node = Some(self);
        for step in path {
            node = node.and_then(|node| node.child(step));
            match step {
                Step::Key(key) => names.push(key.clone()),
                Step::Index(index) => {
                    let id = node.and_then(|node| node.child(&Step::Key("id".to_owned())));
                    let named =
                        id.and_then(
                            |id| if let Content::Scalar(Value::String(id)) = &id.content { Some(id) } else { None },
                        );
                    match (named, names.last_mut()) {
                        (Some(id), _) => names.push(id.chars().take(40).collect()),
                        (None, Some(list)) => list.push_str(&format!("[{index}]")),
                        (None, None) => names.push(format!("[{index}]")),
                    }
                }
            }
        }
        names.join(".")
    }

    fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.content, step) {
            (Content::List(items), Step::Index(index)) => items.get(*index),
            (Content::Map(entries), Step::Key(wanted)) => {
                entries.iter().find(|(key, ..)| key == wanted).map(|entry| &entry.2)
            }
            _ => None,
        }
    }

    /// Replaces or adds the value at `path` by one that stands where its holder stands; false where there is no holder.
    pub(super) fn put(&mut self, path: &[Step], value: &Value) -> bool {
        let (line, column) = (self.line, self.column);
        let Some((step, rest)) = path.split_first() else {
            self.content = match value {
                Value::Array(_) => Content::List(Vec::new()),
                Value::Object(_) => Content::Map(Vec::new()),
                other => Content::Scalar(other.clone()),
            };
            return true;
        };
        match (&mut self.content, step) {
            (Content::List(items), Step::Index(index)) => {
                items.get_mut(*index).is_some_and(|node| node.put(rest, value))
            }
            (Content::Map(entries), Step::Key(wanted)) => {
                let at = entries.iter().position(|(key, ..)| key == wanted).unwrap_or_else(|| {
                    let node = Self { line, column, content: Content::Scalar(Value::Null) };
                    entries.push((wanted.clone(), (line, column), node));
                    entries.len() - 1
                });
                entries[at].2.put(rest, value)
            }
            _ => false,
        }
    }

    /// Takes what is at `path` out; false where there is nothing.
    pub(super) fn remove(&mut self, path: &[Step]) -> bool {
        match (&mut self.content, path) {
            (Content::List(items), [Step::Index(index)]) if *index < items.len() => {
                items.remove(*index);
                true
            }
            (Content::Map(entries), [Step::Key(wanted)]) => {
                let before = entries.len();
                entries.retain(|(key, ..)| key != wanted);
                entries.len() < before
            }
            (Content::List(items), [Step::Index(index), rest @ ..]) => {
                items.get_mut(*index).is_some_and(|node| node.remove(rest))
            }
            (Content::Map(entries), [Step::Key(wanted), rest @ ..]) => {
                entries.iter_mut().find(|(key, ..)| key == wanted).is_some_and(|entry| entry.2.remove(rest))
            }
            _ => false,
        }
    }
}

/// Reads one YAML document.
///
/// # Errors
/// Faults of the syntax, aliases, doubled keys, and files too deep or too large. A tree comes back only without any.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let mut builder = Builder { parser: Parser::new_from_str(text), problems: Vec::new(), nodes: 0 };
    match builder.document() {
        Ok(node) if builder.problems.is_empty() => Ok(node),
        Ok(_) => Err(builder.problems),
        Err(last) => {
            builder.problems.push(last);
            Err(builder.problems)
        }
    }
}

struct Builder<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    problems: Vec<Problem>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let (line, column) = (error.marker().line(), error.marker().col() + 1);
                Err(Problem::at((line, column), "", format!("{}; correct the YAML here", error.info())))
            }
            None => Err(Problem::at((1, 1), "", "the file ends too early".to_owned())),
        }
    }

    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => {
                    return Err(Problem::at(
                        place(&span),
                        "",
                        "the file is empty; a bank has version, title, sections and questions".to_owned(),
                    ));
                }
                event => {
                    let node = self.node(event, span, 0)?;
                    loop {
                        match self.next()? {
                            (Event::DocumentEnd | Event::Nothing, _) => {}
                            (Event::StreamEnd, _) => return Ok(node),
                            (_, span) => {
                                return Err(Problem::at(
                                    place(&span),
                                    "",
                                    "a second document; keep one bank in a file".to_owned(),
                                ));
                            }
                        }
                    }
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        let (line, column) = place(&span);
        let fail = |message: String| Problem::at((line, column), "", message);
        self.nodes += 1;
        if self.nodes > NODE_LIMIT {
            return Err(fail(format!("more than {NODE_LIMIT} values; split the bank")));
        }
        if depth > DEPTH_LIMIT {
            return Err(fail(format!("nested deeper than {DEPTH_LIMIT} levels; nothing in a bank needs that")));
        }
        let content = match event {
            Event::Scalar(text, style, _, _) => Content::Scalar(scalar(&text, style)),
            Event::Alias(_) => return Err(fail("aliases (*name) are not allowed; write the value out".to_owned())),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Content::List(items),
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => self.map(depth)?,
            _ => return Err(fail("a value is expected here".to_owned())),
        };
        Ok(Node { line, column, content })
    }

    fn map(&mut self, depth: usize) -> Result<Content, Problem> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            let at = place(&span);
            let key = match event {
                Event::MappingEnd => return Ok(Content::Map(entries)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(Problem::at(at, "", "a field name must be plain text".to_owned())),
            };
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            if seen.insert(key.clone()) {
                entries.push((key, at, node));
            } else {
                self.problems.push(Problem::at(at, &key, "the field is there twice; remove one".to_owned()));
            }
        }
    }
}

fn place(span: &Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}

/// A scalar by the core schema of YAML 1.2: only plain ones are numbers, booleans or null.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number =
        numeric.then(|| text.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(text.parse().ok()?)));
    number.flatten().map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

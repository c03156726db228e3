//! From sources to a test program, in two steps, both in the sandbox.
//!
//! 1. The student's files become a library. The compiler sees them and the dependencies, and no test: `include_str!` finds nothing to read.
//! 2. The tests become a program that links the library. No source of the student's is read any more.
//!
//! So the student's code cannot name the tests either: a function that ran them from inside could read what they want from their messages.
//! `-F unsafe_code` cannot be undone from within. All exercises that compile are one library and one program; those that do not are found by
//! the errors' places, or each alone where a place says nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{GradeError, workshop::Workshop};
use crate::classroom::{
    gradebook::Status,
    sandbox::{End, Job, Limits, Ran},
};

/// The compiler may take this many times as long as a test program.
const PATIENCE: u64 = 3;
/// And at least so many seconds: all exercises of a submission are compiled together, on slow machines too.
const LEAST: u64 = 20;

/// Characters of a compiler's message that are kept.
const SHOWN: usize = 300;

/// What came of compiling.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    /// The program, which takes an exercise's id; none if no exercise compiles.
    pub(super) program: Option<PathBuf>,
    /// The exercises in it.
    pub(super) whole: BTreeSet<String>,
    /// The others, and why.
    pub(super) broken: BTreeMap<String, (Status, String)>,
}

/// Why one call of the compiler failed.
enum Fault {
    /// Errors by exercise.
    At(BTreeMap<String, String>),
    /// No exercise is named.
    Somewhere(Status, String),
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    is_primary: bool,
    label: Option<String>,
}

/// Compiles `sources` in `folder`, which is the student's own.
pub(super) fn compile(
    workshop: &Workshop,
    folder: &Path,
    sources: &BTreeMap<String, String>,
) -> Result<Compiled, GradeError> {
    let mut compiled = Compiled { whole: sources.keys().cloned().collect(), ..Compiled::default() };
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| GradeError::at(&path, error)
    };
    for name in ["source", "main", "out"] {
        let path = folder.join(name);
        fs::create_dir_all(&path).map_err(at(&path))?;
    }
    for (id, source) in sources {
        let path = folder.join("source").join(format!("{id}.rs"));
        fs::write(&path, source).map_err(at(&path))?;
    }
    for step in [library, program] {
        // Every turn takes at least one exercise out.
        while !compiled.whole.is_empty() {
            match step(workshop, folder, &compiled.whole)? {
                None => break,
                Some(Fault::At(errors)) => {
                    compiled.refuse(errors.into_iter().map(|(id, why)| (id, (Status::Compile, why))))
                }
                Some(Fault::Somewhere(status, why)) if compiled.whole.len() == 1 => {
                    let only = compiled.whole.iter().cloned().collect::<Vec<_>>();
                    compiled.refuse(only.into_iter().map(|id| (id, (status, why.clone()))));
                }
                Some(Fault::Somewhere(status, why)) => {
                    let mut found = alone(workshop, folder, &compiled.whole, step)?;
                    if found.is_empty() {
                        // Each is bearable and all together are not: nobody writes that by chance.
                        let together = format!("all exercises together: {why}");
                        found = compiled.whole.iter().map(|id| (id.clone(), (status, together.clone()))).collect();
                    }
                    compiled.refuse(found);
                }
            }
        }
    }
    compiled.program = (!compiled.whole.is_empty()).then(|| folder.join("out").join("tests"));
    Ok(compiled)
}

impl Compiled {
    fn refuse(&mut self, faults: impl IntoIterator<Item = Refused>) {
        for (id, fault) in faults {
            self.whole.remove(&id);
            self.broken.insert(id, fault);
        }
    }
}

/// An exercise that is left out, and why.
type Refused = (String, (Status, String));

type Step = fn(&Workshop, &Path, &BTreeSet<String>) -> Result<Option<Fault>, GradeError>;

/// Those that do not compile alone. The second step alone needs a library that is still whole, which it is: the first step's was.
fn alone(workshop: &Workshop, folder: &Path, ids: &BTreeSet<String>, step: Step) -> Result<Vec<Refused>, GradeError> {
    let mut found = Vec::new();
    for id in ids {
        match step(workshop, folder, &BTreeSet::from([id.clone()]))? {
            None => {}
            Some(Fault::At(errors)) => {
                let why = errors.into_values().next().unwrap_or_default();
                found.push((id.clone(), (Status::Compile, why)));
            }
            Some(Fault::Somewhere(status, why)) => found.push((id.clone(), (status, why))),
        }
    }
    Ok(found)
}

fn library(workshop: &Workshop, folder: &Path, ids: &BTreeSet<String>) -> Result<Option<Fault>, GradeError> {
    let source = folder.join("source");
    let mut root = String::new();
    for id in ids {
        let _ = writeln!(root, "#[path = {:?}]\npub mod e{id};", format!("{id}.rs"));
    }
    let main = source.join("lib.rs");
    fs::write(&main, root).map_err(|error| GradeError::at(&main, error))?;
    let mut arguments: Vec<OsString> =
        ["--crate-name", "answer", "--crate-type", "rlib", "-C", "opt-level=1"].map(Into::into).to_vec();
    // Overflow is a panic with a name, not a strange number.
    arguments.extend(["-C", "overflow-checks=on", "-F", "unsafe_code", "-o"].map(Into::into));
    arguments.extend([folder.join("out").join("libanswer.rlib").into(), main.into()]);
    rustc(workshop, folder, arguments, &[&source])
}

fn program(workshop: &Workshop, folder: &Path, ids: &BTreeSet<String>) -> Result<Option<Fault>, GradeError> {
    let tests = workshop.work.join("tests");
    let (mut modules, mut arms) = (String::new(), String::new());
    for id in ids {
        let _ = writeln!(modules, "mod e{id} {{\n    pub(crate) use answer::e{id} as answer;");
        for part in ["tests", "hidden"] {
            let path = tests.join(id).join(format!("{part}.rs"));
            let _ = writeln!(modules, "    #[path = {path:?}]\n    pub(crate) mod {part};");
        }
        modules += "}\n";
        let parts = format!("(\"public\", e{id}::tests::register), (\"hidden\", e{id}::hidden::register)");
        let _ = writeln!(arms, "        Some({id:?}) => deltaw::classroom::main({id:?}, &[{parts}]),");
    }
    let root = format!(
        "{modules}fn main() -> std::process::ExitCode {{\n    match std::env::args().nth(1).as_deref() {{\n{arms}        \
         _ => std::process::ExitCode::from(2),\n    }}\n}}\n"
    );
    let main = folder.join("main").join("main.rs");
    fs::write(&main, root).map_err(|error| GradeError::at(&main, error))?;
    let out = folder.join("out");
    let mut arguments: Vec<OsString> =
        ["--crate-name", "tests", "-C", "opt-level=0", "--extern"].map(Into::into).to_vec();
    arguments.push(format!("answer={}", out.join("libanswer.rlib").display()).into());
    arguments.extend(["-o".into(), out.join("tests").into(), main.into()]);
    rustc(workshop, folder, arguments, &[&folder.join("main"), &tests])
}

fn rustc(
    workshop: &Workshop,
    folder: &Path,
    arguments: Vec<OsString>,
    read: &[&Path],
) -> Result<Option<Fault>, GradeError> {
    let compiler = &workshop.compiler;
    let mut command: Vec<OsString> = vec![compiler.rustc.clone().into()];
    command
        .extend(["--edition", "2024", "-A", "warnings", "--error-format=json", "--remap-path-prefix"].map(Into::into));
    let mut prefix = folder.join("source").into_os_string();
    prefix.push("/=");
    command.extend([prefix, "-L".into(), format!("dependency={}", compiler.dependencies.display()).into()]);
    for (name, path) in &compiler.externs {
        command.extend(["--extern".into(), format!("{name}={}", path.display()).into()]);
    }
    command.extend(arguments);
    let system = ["/usr/bin", "/etc/alternatives"].map(PathBuf::from).into_iter().filter(|path| path.exists());
    let job = Job {
        command,
        read: system
            .chain([compiler.sysroot.clone(), compiler.dependencies.clone()])
            .chain(read.iter().map(|path| path.to_path_buf()))
            .collect(),
        write: vec![folder.join("out")],
        hide: workshop.hidden.clone(),
        errors: folder.join("errors"),
        ..Job::default()
    };
    let limits = Limits::compiler((PATIENCE * workshop.seconds).max(LEAST));
    let ran = workshop
        .sandbox
        .run(&job, &limits)
        .map_err(|error| GradeError::Tool(format!("the sandbox does not start: {error}")))?;
    Ok(fault(&ran))
}

fn fault(ran: &Ran) -> Option<Fault> {
    let somewhere = |status, why: &str| Some(Fault::Somewhere(status, why.to_owned()));
    match ran.end {
        End::Exited(0) => return None,
        End::Cpu | End::Wall => return somewhere(Status::Timeout, "compiling it takes too long"),
        End::Memory | End::Disk => return somewhere(Status::Memory, "compiling it takes too much memory"),
        End::Signal(_) => return somewhere(Status::Compile, "the compiler breaks on it"),
        End::Exited(_) => {}
    }
    let (mut errors, mut first) = (BTreeMap::new(), None);
    for diagnostic in ran.errors.lines().filter_map(|line| serde_json::from_str::<Diagnostic>(line).ok()) {
        if diagnostic.level != "error" || diagnostic.message.starts_with("aborting due to") {
            continue;
        }
        let told = shown(&diagnostic.message);
        first.get_or_insert_with(|| told.clone());
        let Some(span) = diagnostic.spans.iter().find(|span| span.is_primary) else { continue };
        let path = Path::new(&span.file_name);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        match name.as_str() {
            "lib" | "main" => {}
            // The tests call it as it was handed out; their lines are not for students.
            "tests" | "hidden" => {
                let why = format!(
                    "the tests cannot call it: {told}. Names, arguments and results must stay as they were handed out"
                );
                errors.entry(folder).or_insert(why);
            }
            _ => {
                let label = span.label.as_ref().map_or_else(String::new, |label| format!(" ({})", shown(label)));
                errors.entry(name.clone()).or_insert(format!("{name}.rs line {}: {told}{label}", span.line_start));
            }
        }
    }
    if errors.is_empty() {
        let why = first.unwrap_or_else(|| format!("the compiler stops: {}", shown(ran.errors.trim())));
        return Some(Fault::Somewhere(if why.contains("memory") { Status::Memory } else { Status::Compile }, why));
    }
    Some(Fault::At(errors))
}

fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(SHOWN).collect()
}

//! What is needed to grade one course, prepared once: its tests, the compiled dependencies, the compiler, the sandbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    GradeError,
    chapter::{Chapter, chapters},
};
use crate::classroom::{Course, sandbox::Sandbox};

/// Crates that an exercise may use; the course's `Cargo.toml` names their versions. Those after the third are for chapters.
const CRATES: [&str; 7] = ["deltaw", "candle_core", "candle_nn", "ndarray", "rand", "rand_chacha", "rand_distr"];

/// Hidden tests of an exercise of a chapter: its check is all there is.
const NONE: &str = "pub fn register(_: &mut deltaw::classroom::Suite) {}\n";

/// A course ready to be graded.
#[derive(Debug)]
pub struct Workshop {
    /// The course.
    pub course: Course,
    /// Exercises as they were handed out.
    pub templates: BTreeMap<String, String>,
    /// SHA-256 of all that decides a grade besides the submission.
    pub hash: String,
    /// Where the course lies.
    pub folder: PathBuf,
    /// Solutions, tests, grades: what submissions must not see.
    pub(super) hidden: Vec<PathBuf>,
    /// The chapters whose exercises are graded too.
    pub(super) chapters: Vec<Chapter>,
    pub(super) sandbox: Sandbox,
    pub(super) seconds: u64,
    pub(super) memory: u64,
    pub(super) compiler: Compiler,
    /// Where temporary files go.
    pub(super) work: PathBuf,
}

/// The compiler and what it links.
#[derive(Debug)]
pub(super) struct Compiler {
    pub(super) rustc: PathBuf,
    pub(super) sysroot: PathBuf,
    pub(super) dependencies: PathBuf,
    pub(super) externs: Vec<(String, PathBuf)>,
}

impl Workshop {
    /// Reads the course in `folder` and the chapters in `notebooks` (else beside the course), compiles the dependencies and makes `work` an empty
    /// folder for temporary files.
    ///
    /// # Errors
    /// The course is incomplete, or its dependencies do not compile.
    pub fn new(
        folder: &Path,
        notebooks: Option<&Path>,
        sandbox: Sandbox,
        seconds: u64,
        memory: u64,
        work: &Path,
    ) -> Result<Self, GradeError> {
        let list = folder.join("course.yaml");
        let absent = |_| GradeError::NoCourse(folder.to_owned());
        let text = fs::read_to_string(&list).map_err(absent)?;
        let folder = folder.canonicalize().map_err(absent)?;
        let mut course = Course::parse(&text).map_err(|error| GradeError::Course(list, error.to_string()))?;
        let _ = fs::remove_dir_all(work);
        fs::create_dir_all(work).map_err(|error| GradeError::at(work, error))?;
        let work = work.canonicalize().map_err(|error| GradeError::at(work, error))?;
        let (mut hash, mut templates) = (Sha256::new(), BTreeMap::new());
        hash.update(format!("{} {seconds} {memory} {}\n", env!("CARGO_PKG_VERSION"), text.len()));
        hash.update(&text);
        for exercise in &course.exercises {
            let staged = work.join("tests").join(&exercise.id);
            fs::create_dir_all(&staged).map_err(|error| GradeError::at(&staged, error))?;
            for file in ["exercise.rs", "tests.rs", "hidden.rs"] {
                let path = folder.join("exercises").join(&exercise.id).join(file);
                let source = fs::read_to_string(&path).map_err(|error| GradeError::at(&path, error))?;
                hash.update(format!("{} {file} {}\n{source}", exercise.id, source.len()));
                if file == "exercise.rs" {
                    templates.insert(exercise.id.clone(), source);
                } else {
                    fs::write(staged.join(file), source).map_err(|error| GradeError::at(&staged, error))?;
                }
            }
        }
        let notebooks = notebooks.map_or_else(|| folder.join("../notebooks"), Path::to_owned);
        let chapters = chapters(&notebooks).map_err(|error| GradeError::at(&notebooks, error))?;
        for (chapter, task) in chapters.iter().flat_map(|chapter| chapter.tasks.iter().map(move |task| (chapter, task)))
        {
            let id = &task.exercise.id;
            let staged = work.join("tests").join(id);
            let (template, tests) = (chapter.template(task), chapter.tests(task));
            hash.update(format!("{id} {}\n{template}{tests}", template.len()));
            let put = || {
                fs::create_dir_all(&staged)?;
                fs::write(staged.join("tests.rs"), tests)?;
                fs::write(staged.join("hidden.rs"), NONE)
            };
            put().map_err(|error| GradeError::at(&staged, error))?;
            templates.insert(id.clone(), template);
            course.exercises.push(task.exercise.clone());
        }
        let hidden = [folder.clone()].into_iter().chain(notebooks.canonicalize()).collect();
        let compiler = Compiler::new(&folder)?;
        let hash = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { course, templates, hash, folder, hidden, chapters, sandbox, seconds, memory, compiler, work })
    }

    /// How submissions are kept in.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Ids of the exercises in order.
    #[must_use]
    pub fn exercises(&self) -> Vec<String> {
        self.course.exercises.iter().map(|exercise| exercise.id.clone()).collect()
    }

    /// Keeps `path` from submissions too: the gradebook, other submissions, feedback. Bubblewrap shows only what is needed; elsewhere it is covered.
    pub fn hide(&mut self, path: &Path) {
        if let Ok(path) = path.canonicalize()
            && !self.work.starts_with(&path)
        {
            self.hidden.push(path);
        }
    }

    /// Removes the temporary files.
    pub fn close(self) {
        let _ = fs::remove_dir_all(&self.work);
    }
}

/// A line of `cargo build --message-format=json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    src_path: PathBuf,
}

impl Compiler {
    fn new(course: &Path) -> Result<Self, GradeError> {
        let sysroot = PathBuf::from(output(Command::new("rustc").args(["--print", "sysroot"]))?.trim());
        // rustup's `rustc` is a proxy; the sandbox gets the compiler itself.
        let rustc = sysroot.join("bin").join("rustc");
        let mut build = Command::new("cargo");
        build.args(["build", "--release", "--lib", "--message-format=json-render-diagnostics", "--manifest-path"]);
        let messages = output(build.arg(course.join("Cargo.toml")))?;
        // Of a crate that is there in several versions, the course's own: lines such as `rand v0.9.5`.
        let mut tree = Command::new("cargo");
        tree.args(["tree", "--depth", "1", "--edges", "normal", "--prefix", "none", "--manifest-path"]);
        let tree = output(tree.arg(course.join("Cargo.toml")))?;
        let version = |wanted: &str| {
            let mut crates = tree.lines().filter_map(|line| line.split_once(" v"));
            let found = crates.rfind(|(name, _)| name.replace('-', "_") == wanted);
            found.map(|(_, version)| version.split(' ').next().unwrap_or(version).to_owned())
        };
        let (mut libraries, mut externs) = (BTreeSet::new(), Vec::new());
        for message in messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok()) {
            let Some(target) = message.target.filter(|_| message.reason == "compiler-artifact") else { continue };
            if target.src_path.starts_with(course) {
                continue;
            }
            for file in message.filenames {
                let extension = file.extension().and_then(|extension| extension.to_str());
                if matches!(extension, Some("rlib" | "so")) {
                    let name = target.name.replace('-', "_");
                    let own = || version(&name).is_some_and(|version| message.package_id.ends_with(&version));
                    if CRATES.contains(&name.as_str()) && extension == Some("rlib") && own() {
                        externs.push((name, file.clone()));
                    }
                    libraries.insert(file);
                }
            }
        }
        let missing = CRATES.iter().find(|name| externs.iter().all(|(this, _)| this != *name));
        if let Some(missing) = missing {
            return Err(GradeError::Tool(format!("{}: Cargo.toml does not depend on {missing}", course.display())));
        }
        let dependencies = gather(&libraries)?;
        for (_, path) in &mut externs {
            *path = dependencies.join(path.file_name().unwrap_or_default());
        }
        Ok(Self { rustc, sysroot, dependencies, externs })
    }
}

/// The libraries alone, in a folder of their own: cargo's has compiled solutions and tests beside them.
fn gather(libraries: &BTreeSet<PathBuf>) -> Result<PathBuf, GradeError> {
    let Some(beside) = libraries.iter().find_map(|library| library.parent()) else {
        return Err(GradeError::Tool("cargo built no library".into()));
    };
    // Several graders may do this at once, with the same result: a name is made of what is linked, and a link is replaced whole.
    let folder = beside.with_file_name("classroom");
    fs::create_dir_all(&folder).map_err(|error| GradeError::at(&folder, error))?;
    for library in libraries {
        let place = folder.join(library.file_name().unwrap_or_default());
        let same = |_: &()| length(&place).is_some() && length(&place) == length(library) && newer(&place, library);
        if same(&()) {
            continue;
        }
        let fresh = folder.join(format!(".{}", rand::random::<u64>()));
        fs::hard_link(library, &fresh)
            .or_else(|_| fs::copy(library, &fresh).map(drop))
            .and_then(|()| fs::rename(&fresh, &place))
            .map_err(|error| GradeError::at(&place, error))?;
        let _ = fs::remove_file(&fresh); // rename(2) does nothing where both names are links to one file
    }
    folder.canonicalize().map_err(|error| GradeError::at(&folder, error))
}

fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|data| data.len())
}

fn newer(one: &Path, other: &Path) -> bool {
    let at = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    at(one) >= at(other)
}

fn output(command: &mut Command) -> Result<String, GradeError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let told = |error: io::Error| {
        GradeError::Tool(format!("`{name}` does not run here ({error}); install Rust from https://rustup.rs"))
    };
    let output = command.output().map_err(told)?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors.lines().rfind(|line| line.starts_with("error")).unwrap_or("it says no reason");
        return Err(GradeError::Tool(format!("`{name}` could not prepare the course: {last}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

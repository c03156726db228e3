//! A student's workspace: a cargo package with one file to edit for each exercise.
//!
//! ```text
//! exercises/05_dora_norm.rs   the file to edit         targets/e05_dora_norm.rs   puts it and its tests into one program
//! texts/05_dora_norm.md       what is asked            .deltaw-class.json         progress
//! tests/05_dora_norm.rs       the public tests         backups/                   what `reset` replaced
//! ```

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
};

use super::{
    Course,
    handout::{self, Files, LOCK},
    progress::Progress,
};

/// The progress file; also what tells a workspace from another folder.
pub const PROGRESS: &str = ".deltaw-class.json";

/// Why a workspace cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum ClassError {
    /// No workspace here or above.
    #[error("{0} is in no exercise workspace: make one with `deltaw class start DIR`, or name it with --dir")]
    NoWorkspace(PathBuf),
    /// There is something already.
    #[error("{0} is there already: name a folder that is not, or is empty")]
    Taken(PathBuf),
    /// No such exercise.
    #[error("no exercise is called `{0}`; `deltaw class progress` lists them")]
    Unknown(String),
    /// `--path` names no deltaw.
    #[error("{0} holds no Cargo.toml of the crate deltaw")]
    NoCrate(PathBuf),
    /// This build cannot hand out a course.
    #[error("{0}")]
    NoCourse(String),
    /// Reading or writing a file.
    #[error("{0}: {1}")]
    At(PathBuf, String),
}

pub(super) fn at(path: &Path, error: &dyn fmt::Display) -> ClassError {
    ClassError::At(path.to_owned(), crate::model::one_line(&error))
}

/// Where the workspace gets the crate from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A checkout on this machine.
    Path(PathBuf),
    /// The repository.
    Git,
}

impl Source {
    /// The checkout at `path`.
    ///
    /// # Errors
    /// It is none.
    pub fn path(path: &Path) -> Result<Self, ClassError> {
        let full = path.canonicalize().map_err(|_| ClassError::NoCrate(path.to_owned()))?;
        if is_checkout(&full) { Ok(Self::Path(full)) } else { Err(ClassError::NoCrate(path.to_owned())) }
    }

    /// The checkout from which this program runs (its own place, or the current folder), else the repository.
    #[must_use]
    pub fn nearest() -> Self {
        let places = [env::current_exe().ok(), env::current_dir().ok()];
        let mut above = places.iter().flatten().flat_map(|place| place.ancestors());
        above.find(|folder| is_checkout(folder)).map_or(Self::Git, |folder| Self::Path(folder.to_owned()))
    }

    fn dependency(&self) -> String {
        match self {
            // A TOML string in double quotes escapes as Rust's `Debug` does for what paths hold.
            Self::Path(path) => format!("path = {:?}", path.display().to_string()),
            Self::Git => format!("git = {:?}, version = {:?}", env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION")),
        }
    }
}

fn is_checkout(folder: &Path) -> bool {
    fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.lines().any(|line| line == "name = \"deltaw\""))
}

/// A workspace on disk.
#[derive(Debug)]
pub struct Workspace {
    /// Its folder.
    pub root: PathBuf,
    /// The course.
    pub course: Course,
    /// How far the student is.
    pub progress: Progress,
}

impl Workspace {
    /// Makes one in `dir`, whole or not at all.
    ///
    /// # Errors
    /// There is something in `dir`, or it cannot be written.
    pub fn start(dir: &Path, source: &Source) -> Result<Self, ClassError> {
        let course = handout::course().map_err(ClassError::NoCourse)?;
        let empty = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
        if dir.exists() && !empty {
            return Err(ClassError::Taken(dir.to_owned()));
        }
        let parent = match dir.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|error| at(parent, &error))?;
        let beside = tempfile::Builder::new().prefix(".deltaw-class-").tempdir_in(parent);
        let beside = beside.map_err(|error| at(parent, &error))?;
        // A folder of its own inside: the temporary one is readable by its owner alone.
        let root = beside.path().join("workspace");
        fill(&root, &course, source)?;
        if empty {
            fs::remove_dir(dir).map_err(|error| at(dir, &error))?;
        }
        fs::rename(&root, dir).map_err(|error| at(dir, &error))?;
        Self::open(dir)
    }

    /// The one that `dir` lies in.
    ///
    /// # Errors
    /// There is none, or its progress cannot be read.
    pub fn open(dir: &Path) -> Result<Self, ClassError> {
        let none = || ClassError::NoWorkspace(dir.to_owned());
        let full = dir.canonicalize().map_err(|_| none())?;
        let root = full.ancestors().find(|folder| folder.join(PROGRESS).is_file()).ok_or_else(none)?.to_owned();
        let course = handout::course().map_err(ClassError::NoCourse)?;
        let progress = Progress::read(&root.join(PROGRESS))?;
        Ok(Self { root, course, progress })
    }

    /// Writes the progress.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<(), ClassError> {
        self.progress.write(&self.root.join(PROGRESS))
    }

    /// The exercise `wanted`, by id or number; without, the first unsolved, or the last when all are solved.
    ///
    /// # Errors
    /// There is no such exercise.
    pub fn pick(&self, wanted: Option<&str>) -> Result<&'static Files, ClassError> {
        let id = match wanted {
            Some(wanted) => self.course.find(wanted).map(|exercise| exercise.id.as_str()),
            None => self.next().or_else(|| self.course.exercises.last().map(|exercise| exercise.id.as_str())),
        };
        let unknown = || ClassError::Unknown(wanted.unwrap_or_default().chars().filter(|c| !c.is_control()).collect());
        id.and_then(handout::files).ok_or_else(unknown)
    }

    /// The first unsolved exercise.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.course.exercises.iter().map(|exercise| exercise.id.as_str()).find(|id| !self.progress.work(id).solved)
    }

    /// The file that a student edits.
    #[must_use]
    pub fn file(&self, id: &str) -> PathBuf {
        self.root.join("exercises").join(format!("{id}.rs"))
    }

    /// Puts the exercise's holes back; the student's file is kept. Returns where.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn reset(&mut self, files: &Files) -> Result<Option<PathBuf>, ClassError> {
        let (file, folder) = (self.file(files.id), self.root.join("backups"));
        let mut backup = None;
        if file.exists() {
            fs::create_dir_all(&folder).map_err(|error| at(&folder, &error))?;
            let name = |count: usize| folder.join(format!("{}.{count}.rs", files.id));
            let free = (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
            fs::copy(&file, &free).map_err(|error| at(&free, &error))?;
            backup = Some(free);
        }
        crate::model::write_whole(&file, files.exercise.as_bytes()).map_err(|error| at(&file, &error))?;
        let work = self.progress.work_mut(files.id);
        (work.solved, work.earned) = (false, 0);
        self.save()?;
        Ok(backup)
    }
}

fn fill(root: &Path, course: &Course, source: &Source) -> Result<(), ClassError> {
    for folder in ["exercises", "texts", "tests", "targets"] {
        fs::create_dir_all(root.join(folder)).map_err(|error| at(root, &error))?;
    }
    let write = |name: String, text: &str| {
        let path = root.join(name);
        fs::write(&path, text).map_err(|error| at(&path, &error))
    };
    for exercise in &course.exercises {
        let id = &exercise.id;
        let files = handout::files(id).ok_or_else(|| ClassError::Unknown(id.clone()))?;
        write(format!("exercises/{id}.rs"), files.exercise)?;
        write(format!("texts/{id}.md"), files.text)?;
        write(format!("tests/{id}.rs"), files.tests)?;
        write(format!("targets/e{id}.rs"), &program(id))?;
    }
    write("targets/lib.rs".to_owned(), "//! Cargo wants a library; the exercises are test programs.\n")?;
    write("Cargo.toml".to_owned(), &manifest(course, source))?;
    write("Cargo.lock".to_owned(), LOCK)?;
    write("README.md".to_owned(), &readme(course))?;
    write(".gitignore".to_owned(), "/target\n")?;
    Progress::default().write(&root.join(PROGRESS))
}

/// The tests come before the student's file: its macros must not reach them.
fn program(id: &str) -> String {
    format!(
        "//! `cargo test --release --test e{id}` runs this.\n#![forbid(unsafe_code)]\n\n#[path = \"../tests/{id}.rs\"]\nmod tests;\n\
         #[allow(unused)]\n#[path = \"../exercises/{id}.rs\"]\nmod answer;\n\nfn main() -> std::process::ExitCode {{\n    \
         deltaw::classroom::main(\"{id}\", &[(\"public\", tests::register)])\n}}\n"
    )
}

fn manifest(course: &Course, source: &Source) -> String {
    let mut text = format!(
        "[package]\nname = \"exercises\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\nautotests = false\n\n[workspace]\n\n[lib]\n\
         path = \"targets/lib.rs\"\n\n[dependencies]\ncandle-core = \"0.11.1\"\ncandle-nn = \"0.11.1\"\n\
         deltaw = {{ {}, default-features = false }}\n\n[profile.release]\ndebug = false\n\n# The library is fast; the exercises compile \
         fast and check for overflow.\n[profile.release.package.exercises]\nopt-level = 0\noverflow-checks = true\ndebug-assertions = true\n",
        source.dependency()
    );
    for exercise in &course.exercises {
        let id = &exercise.id;
        text += &format!("\n[[test]]\nname = \"e{id}\"\npath = \"targets/e{id}.rs\"\nharness = false\n");
    }
    text
}

fn readme(course: &Course) -> String {
    let mut text = format!(
        "# {}\n\nEdit `exercises/NN_name.rs`; `texts/NN_name.md` says what is asked.\n\n```\ndeltaw class next        what to do now\n\
         deltaw class watch       check again on every save\ndeltaw class check       check once\ndeltaw class hint        a hint; there are \
         three\ndeltaw class reset 05    begin an exercise again (your file is kept)\ndeltaw class progress    how far you are\n```\n\nThe \
         first check builds the library: some minutes. `cargo test --release --test e01_…` works too.\n\n| exercise | minutes |\n|---|---|\n",
        course.title
    );
    for exercise in &course.exercises {
        text += &format!("| `{}` {} | {} |\n", exercise.id, exercise.title, exercise.minutes);
    }
    text
}

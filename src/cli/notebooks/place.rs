//! Where things are: the chapters, the Python that runs Jupyter, the build directory.

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::Command,
};

use super::{toolchain::Toolchain, workspace};
use crate::{
    cli::{Failure, Global, drill::data_dir},
    device::Choice,
};

/// Name of the kernel in Jupyter.
pub(super) const KERNEL: &str = "rust";

/// The places of one run.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder of the chapters.
    pub(super) chapters: PathBuf,
    /// The environment that `setup` makes.
    pub(super) environment: PathBuf,
    /// A Python that the user named.
    named: Option<PathBuf>,
    /// Where chapters compute, if the user said.
    device: Option<Choice>,
}

/// The line of evcxr.toml that says what the chapters depend on begins so, and ends so where that is built with CUDA.
const PRELUDE: &str = "deltaw-prelude = {";
const WITH_CUDA: &str = ", features = [\"cuda\"] }";

impl Place {
    pub(super) fn find(dir: Option<&Path>, python: Option<&Path>, global: &Global) -> Result<Self, Failure> {
        let chapters = match dir {
            Some(dir) => dir.to_owned(),
            None => above(&env::current_dir()?).ok_or_else(|| {
                Failure::usage("no folder `notebooks` with an evcxr.toml here or above; name it with --dir DIR")
            })?,
        };
        if !chapters.join("evcxr.toml").is_file() {
            return Err(Failure::usage(format!(
                "{}: no evcxr.toml in it; name the folder of the chapters with --dir DIR",
                chapters.display()
            )));
        }
        let environment = data_dir(global)?.join("jupyter");
        let (named, device) = (python.map(Path::to_owned), global.device);
        Ok(Self { chapters: fs::canonicalize(chapters)?, environment, named, device })
    }

    /// The Python that has Jupyter, whether or not it is there.
    pub(super) fn python(&self) -> PathBuf {
        self.named.clone().unwrap_or_else(|| self.environment.join("bin/python"))
    }

    /// Whether the user named a Python of their own.
    pub(super) fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// A file of the chapters' folder by its stem, such as `source/00_opening.md`.
    pub(super) fn file(&self, folder: &str, stem: &str, end: &str) -> PathBuf {
        self.chapters.join(folder).join(format!("{stem}.{end}"))
    }

    /// Stems of the files in `folder` that end in `end` and begin with two digits, in order.
    pub(super) fn stems(&self, folder: &str, end: &str) -> Result<Vec<String>, Failure> {
        let mut stems = Vec::new();
        for entry in fs::read_dir(self.chapters.join(folder))? {
            let path = entry?.path();
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let numbered =
                stem.len() > 3 && stem.bytes().take(2).all(|b| b.is_ascii_digit()) && stem.as_bytes()[2] == b'_';
            if numbered && path.extension().is_some_and(|found| found == end) {
                stems.push(stem);
            }
        }
        stems.sort();
        Ok(stems)
    }

    /// The one stem that `name` begins, or all without a name.
    pub(super) fn choose(&self, names: &[String], folder: &str, end: &str) -> Result<Vec<String>, Failure> {
        let stems = self.stems(folder, end)?;
        if names.is_empty() {
            return Ok(stems);
        }
        let pick = |name: &String| {
            let name = name.strip_suffix(&format!(".{end}")).unwrap_or(name);
            let name = name.rsplit('/').next().unwrap_or(name);
            let found: Vec<&String> = stems.iter().filter(|stem| stem.starts_with(name)).collect();
            match found.as_slice() {
                [one] => Ok((*one).clone()),
                _ => Err(Failure::usage(format!(
                    "no single chapter begins with `{}`; there are: {}",
                    name.chars().filter(|c| !c.is_control()).take(40).collect::<String>(),
                    stems.join(", ")
                ))),
            }
        };
        names.iter().map(pick).collect()
    }

    /// Lets what starts kernels know where they compute.
    pub(super) fn choose_device(&self, command: &mut Command) -> Result<(), Failure> {
        let Some(choice) = self.device else { return Ok(()) };
        if matches!(choice, Choice::Cuda(_)) && !self.config()?.lines().any(has_cuda) {
            return Err(Failure::usage(format!(
                "--device {choice}: the chapters are built without CUDA; `deltaw notebooks setup --cuda` builds them with it"
            )));
        }
        command.env("DELTAW_DEVICE", choice.to_string());
        Ok(())
    }

    /// Makes chapters depend on a build with CUDA, or on one without.
    pub(super) fn build_with_cuda(&self, cuda: bool) -> Result<(), Failure> {
        let (path, text) = (self.chapters.join("evcxr.toml"), self.config()?);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let Some(line) = lines.iter_mut().find(|line| line.starts_with(PRELUDE) && line.ends_with(" }")) else {
            return Err(Failure::usage(format!("{}: no line {PRELUDE} … }}", path.display())));
        };
        if has_cuda(line) == cuda {
            return Ok(());
        }
        *line = match line.strip_suffix(WITH_CUDA) {
            Some(without) => format!("{without} }}"),
            None => line.trim_end_matches(" }").to_owned() + WITH_CUDA,
        };
        Ok(fs::write(path, lines.join("\n") + "\n")?)
    }

    fn config(&self) -> Result<String, Failure> {
        Ok(fs::read_to_string(self.chapters.join("evcxr.toml"))?)
    }

    /// The directory in which the kernel builds: `tmpdir` of the chapters' evcxr.toml.
    pub(super) fn build(&self) -> Result<PathBuf, Failure> {
        let (config, text) = (self.chapters.join("evcxr.toml"), self.config()?);
        let named = text.lines().find_map(|line| line.strip_prefix("tmpdir")?.split('"').nth(1));
        let named = named.ok_or_else(|| Failure::usage(format!("{}: no line tmpdir = \"…\"", config.display())))?;
        Ok(self.chapters.join(named))
    }

    /// The folder of the workspace that the build directory is a member of.
    fn workspace(&self) -> Result<PathBuf, Failure> {
        let build = self.build()?;
        Ok(build.parent().unwrap_or(&build).to_owned())
    }

    /// Makes notebooks build with the versions of the project's lock file.
    pub(super) fn pin(&self) -> Result<(), Failure> {
        let prelude = self.chapters.join("prelude");
        if !prelude.join("Cargo.toml").is_file() {
            return Ok(());
        }
        let features: &[&str] = if self.config()?.lines().any(has_cuda) { &["cuda"] } else { &[] };
        let lock = self.chapters.join("../Cargo.lock");
        Ok(workspace::make(&self.workspace()?, &self.build()?, &prelude, features, &lock)?)
    }

    /// Lets the kernel that `command` will start be up sooner.
    pub(super) fn hasten(&self, command: &mut Command) -> Result<(), Failure> {
        match Toolchain::find() {
            Some(toolchain) => Ok(toolchain.hasten(command, &self.workspace()?)?),
            None => Ok(()),
        }
    }

    /// Waits until no other run uses the build directory: two kernels would write their cells over each other.
    /// The directory is held until the file is dropped.
    pub(super) fn alone(&self) -> Result<File, Failure> {
        let build = self.workspace()?;
        fs::create_dir_all(&build)?;
        let held = File::create(build.join("in-use.lock"))?;
        if matches!(held.try_lock(), Err(TryLockError::WouldBlock)) {
            anstream::eprintln!("deltaw: another run uses {}; waiting for it", build.display());
            held.lock()?;
        }
        Ok(held)
    }
}

fn above(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|folder| folder.join("notebooks")).find(|folder| folder.join("evcxr.toml").is_file())
}

fn has_cuda(line: &str) -> bool {
    line.starts_with(PRELUDE) && line.ends_with(WITH_CUDA)
}

/// The program called `name` on the PATH.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

//! Running a program nobody trusts.
//!
//! | kind | what it is | what it lacks |
//! |---|---|---|
//! | `bwrap` | bubblewrap: own user, process, network, mount and IPC namespaces; only listed paths, read-only; a filter of system calls | |
//! | `unshare` | util-linux: the same namespaces; everything read-only, listed paths covered | no filter, so a program may start processes (limited by number) |
//! | `limits` | prlimit: CPU, memory, file size, processes | it sees the files and the network of whoever grades |
//!
//! The library has no `unsafe`, so all of it is done by the system's own tools.

mod limits;
mod process;
mod seccomp;

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

pub use limits::Limits;
pub use process::{End, Ran};

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Own namespaces, or no grading.
    Require,
    /// The best there is.
    Auto,
    /// Limits alone.
    None,
}

/// How programs are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bubblewrap.
    Bubblewrap,
    /// util-linux's unshare.
    Unshare,
    /// Limits alone.
    Limits,
}

/// A sandbox that was seen to work on this machine.
#[derive(Debug)]
pub struct Sandbox {
    kind: Kind,
    /// Holds the filter.
    files: tempfile::TempDir,
}

/// No sandbox works here.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Namespaces are wanted and there are none.
    #[error(
        "this machine gives no sandbox: neither bwrap (install bubblewrap) nor unshare can make a user namespace here; \
         `--sandbox auto` grades with limits alone, which only trusted submissions should get"
    )]
    None,
    /// `prlimit` is missing.
    #[error("`prlimit` does not run here: install util-linux")]
    Limits,
    /// A file could not be written.
    #[error("the sandbox cannot be set up: {0}")]
    Io(#[from] io::Error),
}

/// A program to run, and what it sees.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Paths that it may read, besides the system's libraries.
    pub read: Vec<PathBuf>,
    /// Paths that it may write.
    pub write: Vec<PathBuf>,
    /// Paths that must not be seen, where only covering can hide them.
    pub hide: Vec<PathBuf>,
    /// The environment: all of it.
    pub environment: Vec<(&'static str, OsString)>,
    /// What it reads from standard input.
    pub input: Vec<u8>,
    /// Where its standard error goes.
    pub errors: PathBuf,
}

impl Sandbox {
    /// The best one that works here, or what is `wanted`.
    ///
    /// # Errors
    /// None works, or not what is wanted.
    pub fn find(wanted: Wanted) -> Result<Self, SandboxError> {
        let kinds: &[Kind] = match wanted {
            Wanted::Require => &[Kind::Bubblewrap, Kind::Unshare],
            Wanted::Auto => &[Kind::Bubblewrap, Kind::Unshare, Kind::Limits],
            Wanted::None => &[Kind::Limits],
        };
        for kind in kinds {
            let sandbox = Self::new(*kind)?;
            if sandbox.works()? {
                return Ok(sandbox);
            }
        }
        Err(if wanted == Wanted::Require { SandboxError::None } else { SandboxError::Limits })
    }

    /// One of this kind, whether it works here or not.
    ///
    /// # Errors
    /// The filter cannot be written.
    pub fn new(kind: Kind) -> io::Result<Self> {
        let files = tempfile::tempdir()?;
        if let Some(filter) = seccomp::filter() {
            fs::write(files.path().join("filter"), filter)?;
        }
        fs::write(files.path().join("inside.sh"), include_str!("inside.sh"))?;
        Ok(Self { kind, files })
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it lacks, in words for whoever grades; none if nothing.
    #[must_use]
    pub fn lacks(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Bubblewrap if self.filter().is_some() => None,
            Kind::Bubblewrap => Some("no filter of system calls on this processor: a submission may start processes"),
            Kind::Unshare => Some(
                "bubblewrap is missing, unshare does its work: no filter of system calls, so a submission may start processes (limited in \
                 number unless root grades) and sees the names of the system's files; install bubblewrap",
            ),
            Kind::Limits => Some(
                "no namespaces: a submission can read files, reach the network and start processes as you; grade strangers only where \
                 bubblewrap works",
            ),
        }
    }

    fn filter(&self) -> Option<PathBuf> {
        Some(self.files.path().join("filter")).filter(|path| path.is_file())
    }

    /// Whether it runs a program here.
    fn works(&self) -> io::Result<bool> {
        let job =
            Job { command: vec!["/usr/bin/true".into()], errors: self.files.path().join("probe"), ..Job::default() };
        let job = Job { read: vec!["/usr/bin".into()], ..job };
        let limits = Limits { wall: Duration::from_secs(10), ..Limits::tests(5, 1 << 30) };
        Ok(matches!(self.run(&job, &limits), Ok(Ran { end: End::Exited(0), .. })))
    }

    /// Runs a job under limits and waits for its end.
    ///
    /// # Errors
    /// The sandbox's own tools cannot be started.
    pub fn run(&self, job: &Job, limits: &Limits) -> io::Result<Ran> {
        process::run(self.command(job, limits), job, limits)
    }

    fn command(&self, job: &Job, limits: &Limits) -> Command {
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--as={}", limits.memory))
            .arg(format!("--cpu={}:{}", limits.cpu, limits.cpu + 1))
            .arg(format!("--fsize={}", limits.file))
            .arg(format!("--nofile={}", limits.open))
            .arg("--core=0");
        if self.kind != Kind::Bubblewrap && !limits.processes {
            command.arg("--nproc=256");
        }
        command.arg("--").env_clear();
        match self.kind {
            Kind::Bubblewrap => self.bubblewrap(&mut command, job, limits),
            Kind::Unshare => self.unshare(&mut command, job, limits),
            Kind::Limits => {
                command.args(&job.command);
            }
        }
        // bwrap and unshare pass the environment on.
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TMPDIR", "/tmp").env("LC_ALL", "C.UTF-8");
        for (key, value) in &job.environment {
            command.env(key, value);
        }
        command
    }

    fn bubblewrap(&self, command: &mut Command, job: &Job, limits: &Limits) {
        let filter = self.filter().filter(|_| !limits.processes);
        if let Some(filter) = &filter {
            // The shell opens the filter as descriptor 9, which bwrap closes before it starts the program.
            command.args(["/bin/sh", "-c", "f=$1; shift; exec \"$@\" 9<\"$f\"", "sh"]).arg(filter);
        }
        command.args(["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]);
        command.args(["--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]);
        if filter.is_some() {
            command.args(["--seccomp", "9"]);
        }
        for path in ["/usr/lib", "/usr/lib64", "/usr/libexec"].into_iter().filter(|path| Path::new(path).is_dir()) {
            command.args(["--ro-bind", path, path]);
        }
        for path in ["/lib", "/lib64", "/bin"] {
            match fs::read_link(path) {
                Ok(target) => {
                    command.arg("--symlink").arg(target).arg(path);
                }
                Err(_) if path != "/bin" && Path::new(path).is_dir() => {
                    command.args(["--ro-bind", path, path]);
                }
                Err(_) => {}
            }
        }
        command.args(["--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/urandom", "/dev/urandom"]);
        command.arg("--size").arg(limits.scratch.to_string()).args(["--tmpfs", "/tmp"]);
        for path in &job.read {
            command.arg("--ro-bind").arg(path).arg(path);
        }
        for path in &job.write {
            command.arg("--bind").arg(path).arg(path);
        }
        if limits.processes {
            // A compiler finds its own parts by /proc/self/exe.
            command.args(["--proc", "/proc"]);
        }
        command.args(["--remount-ro", "/", "--chdir", "/tmp", "--"]).args(&job.command);
    }

    fn unshare(&self, command: &mut Command, job: &Job, limits: &Limits) {
        command.args(["unshare", "--user", "--map-root-user", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork"]);
        command.args(["--kill-child=KILL", "--", "/bin/sh"]).arg(self.files.path().join("inside.sh"));
        command.arg(limits.scratch.to_string()).arg(if limits.processes { "proc" } else { "tmpfs" });
        for (flag, paths) in [("hide", &job.hide), ("read", &job.read), ("write", &job.write)] {
            for path in paths {
                command.arg(flag).arg(path);
            }
        }
        command.arg("run").args(&job.command);
    }
}

#[cfg(test)]
mod tests;

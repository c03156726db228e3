//! The kernels as a program of the host.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

/// What of the toolchain the program needs: C++20's barriers, a section whose ends the linker names, the sanitizer.
const PROBE: &str = "#include <barrier>\n#include <thread>\n\
    extern \"C\" char __start_apart[];\nstatic __attribute__((section(\"apart\"))) int number;\n\
    int main() { std::barrier<> all{1}; std::thread one([] { number = 1; }); one.join(); return __start_apart[0] + number - 2; }\n";

/// Plain, or with a sanitizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    Plain,
    Thread,
    /// With UndefinedBehaviorSanitizer.
    Address,
}

impl Build {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Thread => &["-fsanitize=thread"],
            Self::Address => {
                &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fsanitize-sections=shared_memory"]
            }
        }
    }

    fn compiler(self, source: &Path, program: &Path) -> Command {
        let mut compiler = Command::new("g++");
        compiler.args(["-std=c++20", "-O1", "-pthread", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror"]);
        compiler.args(self.flags()).arg(source).arg("-o").arg(program);
        compiler
    }

    /// Whether this machine can build and run such a program; if not, that is said.
    pub(crate) fn is_possible(self) -> bool {
        static KNOWN: [OnceLock<bool>; 3] = [const { OnceLock::new() }; 3];
        *KNOWN[self as usize].get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let (source, program) = (dir.path().join("probe.cpp"), dir.path().join("probe"));
            std::fs::write(&source, PROBE).unwrap();
            let built = self.compiler(&source, &program).output();
            let runs = built.map(|output| output.status.success() && Command::new(&program).status().is_ok());
            let possible = matches!(runs, Ok(true));
            if !possible {
                eprintln!("SKIPPED: the kernels need g++ 11 or later with {:?} to be tested on the host", self.flags());
            }
            possible
        })
    }

    /// The program of the sources as they are; none where there is no compiler for it.
    pub(crate) fn of_the_sources(self) -> Option<Program> {
        self.is_possible().then(|| self.compile(&[]))
    }

    /// The program with `sources` in place of those of their macros.
    pub(crate) fn compile(self, sources: &[(&str, &Path)]) -> Program {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels/main.cpp");
        let mut compiler = self.compiler(&main, &dir.path().join(NAME));
        compiler.args(sources.iter().map(|(name, path)| format!("-D{name}=\"{}\"", path.display())));
        let output = compiler.output().unwrap();
        assert!(
            output.status.success(),
            "g++ does not compile the kernels: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Program(dir)
    }
}

/// The program's file.
const NAME: &str = "kernels";

/// A program in a directory that goes when nobody needs it any more.
pub(crate) struct Program(TempDir);

impl Program {
    /// What `kernel` makes of `arguments`.
    pub(crate) fn run(&self, kernel: &str, arguments: &[u8]) -> Result<Vec<u8>, String> {
        let mut command = Command::new(self.0.path().join(NAME));
        command.arg(kernel).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A kernel that fails early hears not all of it; how it ends says more.
        let _ = child.stdin.take().unwrap().write_all(arguments);
        let output = child.wait_with_output().unwrap();
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(format!("{kernel}: {}, {}", output.status, String::from_utf8_lossy(&output.stderr))),
        }
    }
}

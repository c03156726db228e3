//! Folders of chapters for tests, and the program run on them.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

/// A folder of chapters that builds in the project's own warm directory; gone when dropped.
pub struct Folder {
    _holder: tempfile::TempDir,
    pub dir: PathBuf,
}

impl Folder {
    /// A folder with these chapters, each a name and its text; not woven yet.
    pub fn new(chapters: &[(&str, &str)]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let holder = tempfile::tempdir().unwrap();
        let dir = holder.path().join("notebooks");
        fs::create_dir_all(dir.join("source")).unwrap();
        fs::create_dir_all(dir.join("solutions")).unwrap();
        let config = fs::read_to_string(root.join("notebooks/evcxr.toml")).unwrap();
        let config = config.replace("../target/notebooks", root.join("target/notebooks").to_str().unwrap());
        let config = config.replace("\"prelude\"", &format!("{:?}", root.join("notebooks/prelude").to_str().unwrap()));
        fs::write(dir.join("evcxr.toml"), config).unwrap();
        for (name, text) in chapters {
            fs::write(dir.join(format!("source/{name}.md")), text).unwrap();
        }
        Self { _holder: holder, dir }
    }

    /// The same with the notebooks made.
    pub fn woven(chapters: &[(&str, &str)]) -> Self {
        let folder = Self::new(chapters);
        let woven = folder.deltaw(&["weave"]).output().unwrap();
        assert!(woven.status.success(), "{}", String::from_utf8_lossy(&woven.stderr));
        folder
    }

    /// `deltaw notebooks` on this folder.
    pub fn deltaw(&self, args: &[&str]) -> Command {
        deltaw(&self.dir, args)
    }

    /// `deltaw notebooks run` with the kernel of `python`.
    pub fn run(&self, python: &str, args: &[&str]) -> Output {
        self.deltaw(&["run", "--python", python]).args(args).output().unwrap()
    }

    /// Gives cells of a notebook outputs as if they had been committed.
    pub fn commit(&self, name: &str, outputs: &[(&str, Value)]) {
        let path = self.dir.join(format!("{name}.ipynb"));
        let mut json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for cell in json["cells"].as_array_mut().unwrap() {
            if let Some((_, data)) = outputs.iter().find(|(id, _)| cell["id"] == *id) {
                let output =
                    json!({"output_type": "execute_result", "execution_count": null, "metadata": {}, "data": data});
                cell["outputs"] = json!([output]);
            }
        }
        fs::write(path, json.to_string()).unwrap();
    }
}

/// `deltaw notebooks` on the chapters in `dir`.
pub fn deltaw(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltaw"));
    command.args(["notebooks", "--dir"]).arg(dir).args(args).env("DELTAW_DATA_DIR", dir.join("data"));
    command
}

/// The Python that has the kernel; without one, a visible line and nothing.
pub fn jupyter() -> Option<String> {
    let python = env::var("DELTAW_JUPYTER").ok();
    if python.is_none() {
        // Not through the test harness, which hides what passing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {} needs the Rust kernel: deltaw notebooks setup, then name its Python in DELTAW_JUPYTER",
            std::thread::current().name().unwrap_or("a test")
        );
    }
    python
}

/// All that a program said, for the message of a failed assertion.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

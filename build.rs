//! Puts the course into the binary (feature `cli`): what `deltaw class start` hands out. No solutions, no hidden tests.
//!
//! A package without `drills` (its own workspace member, so `cargo package` leaves it out) builds with an empty course.

use std::{env, fs, io, path::PathBuf};

/// Fields of the struct `Files`, and the file of each.
const FILES: [(&str, &str); 4] =
    [("text", "README.md"), ("exercise", "exercise.rs"), ("tests", "tests.rs"), ("hints", "hints.md")];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CLI").is_none() {
        return Ok(());
    }
    let drills = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("drills");
    let list = drills.join("course.yaml");
    let mut source = String::from("pub(super) static FILES: &[Files] = &[\n");
    let mut course = "\"version: 1\\ntitle: none\\nexercises: []\\n\"".to_owned();
    if list.is_file() {
        // A new exercise has a new line there; the files themselves are tracked by `include_str!`.
        println!("cargo:rerun-if-changed={}", list.display());
        course = format!("include_str!({list:?})");
        let mut folders =
            fs::read_dir(drills.join("exercises"))?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        folders.retain(|folder| FILES.iter().all(|(_, file)| folder.join(file).is_file()));
        folders.sort();
        for folder in folders {
            source += &format!("Files {{ id: {:?}", folder.file_name().unwrap_or_default());
            for (field, file) in FILES {
                source += &format!(", {field}: include_str!({:?})", folder.join(file));
            }
            source += " },\n";
        }
    }
    source += &format!("];\npub(super) const COURSE: &str = {course};\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("handout.rs"), source)
}

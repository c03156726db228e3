//! Lists the exercises' files as modules, so that a new exercise needs its folder and its line in `course.yaml` and nothing else.
//!
//! `DELTAW_EXERCISE=05_dora_norm` leaves only that one: its proofs compile in seconds.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// What a student's file may be: unfinished. Public items of exercises say what they are, but not those of their tests.
const UNFINISHED: &str = "#[allow(unused, missing_docs, unreachable_pub, clippy::all, clippy::todo)]";
const FINISHED: &str = "#[allow(dead_code, missing_docs, unreachable_pub)]";

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("exercises");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", folder.display());
    println!("cargo:rerun-if-env-changed=DELTAW_EXERCISE");
    let only = env::var("DELTAW_EXERCISE").unwrap_or_default();
    let (mut holes, mut modules, mut list) = (String::new(), String::new(), String::new());
    for exercise in sorted(&folder)? {
        let id = name(&exercise);
        if !only.is_empty() && only != id {
            continue;
        }
        holes += &format!("{UNFINISHED}\n#[path = {:?}]\npub mod e{id};\n", exercise.join("exercise.rs"));
        modules += &format!("#[allow(unreachable_pub)]\nmod e{id} {{\n");
        let mut variant = |module: &str, answer: &Path, role: &str, lints: &str| {
            modules += &format!("pub mod {module} {{\n{}", file("tests", &exercise.join("tests.rs"), FINISHED));
            modules += &file("hidden", &exercise.join("hidden.rs"), FINISHED);
            modules += &file("answer", answer, lints);
            modules += "}\n";
            let parts = ["tests", "hidden"].map(|part| format!("e{id}::{module}::{part}::register"));
            let (public, hidden) = (&parts[0], &parts[1]);
            list += &format!("Variant {{ id: {id:?}, role: {role}, public: {public}, hidden: {hidden} }},\n");
        };
        variant("untouched", &exercise.join("exercise.rs"), "Role::Untouched", UNFINISHED);
        variant("solution", &exercise.join("solution.rs"), "Role::Solution", FINISHED);
        for wrong in sorted(&exercise.join("wrong"))? {
            let (stem, role) = (name(&wrong), format!("Role::Wrong({wrong:?})"));
            variant(&format!("wrong_{stem}"), &wrong, &role, UNFINISHED);
        }
        modules += "}\n";
    }
    fs::write(out.join("holes.rs"), holes)?;
    fs::write(out.join("variants.rs"), format!("{modules}static VARIANTS: &[Variant] = &[\n{list}];\n"))
}

fn file(module: &str, path: &Path, lints: &str) -> String {
    format!("{lints}\n#[path = {path:?}]\npub mod {module};\n")
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| !name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

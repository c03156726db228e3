//! Rules of the house that a compiler does not check.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

fn files(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[test]
fn the_model_names_no_method_of_fine_tuning() {
    for (name, text) in files(Path::new("src/model")) {
        for method in ["lora", "dora", "vera", "ia3", "adapter", "adapters", "galore"] {
            let named = text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word == method);
            assert!(!named, "{name} names {method}");
        }
    }
}

#[test]
fn a_methods_mathematics_fits_on_two_screens() {
    for (name, text) in files(Path::new("src/peft")) {
        let is_method = !name.contains("/hub/") && !name.contains("tests");
        let lines = text.lines().count();
        assert!(!is_method || lines <= 225, "{name} has {lines} lines");
    }
}

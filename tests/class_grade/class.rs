//! A class made up: everything that a teacher gets on the evening of the deadline.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use deltaw::classroom::{Course, gradebook::Status};

use crate::attack::ATTACKS;

/// What must come of one student's exercise.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub student: String,
    pub exercise: String,
    pub status: Vec<Status>,
    /// Points: all, none, or less than all.
    pub points: Points,
    pub reason: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Points {
    All,
    None,
    NotAll,
}

pub struct Class {
    pub course: Course,
    pub folder: PathBuf,
    pub wanted: Vec<Wanted>,
}

pub fn drills() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("drills")
}

pub fn exercise(id: &str, file: &str) -> String {
    fs::read_to_string(drills().join("exercises").join(id).join(file)).unwrap()
}

impl Class {
    /// In `folder`; `lenient` says which verdicts are wanted of the attacks.
    pub fn new(folder: &Path, lenient: bool) -> Self {
        let mut class = Self::empty(folder);
        class.attacks(lenient);
        class
    }

    /// Nobody yet.
    pub fn empty(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let course = Course::parse(&fs::read_to_string(drills().join("course.yaml")).unwrap()).unwrap();
        Self { course, folder: folder.to_owned(), wanted: Vec::new() }
    }

    fn ids(&self) -> Vec<String> {
        self.course.exercises.iter().map(|exercise| exercise.id.clone()).collect()
    }

    fn put(&self, student: &str, id: &str, source: &str) {
        let place = self.folder.join(student).join("exercises");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(format!("{id}.rs")), source).unwrap();
    }

    fn want(&mut self, student: &str, id: &str, status: &[Status], points: Points, reason: &'static str) {
        self.wanted.push(Wanted {
            student: student.into(),
            exercise: id.into(),
            status: status.to_vec(),
            points,
            reason,
        });
    }

    fn attacks(&mut self, lenient: bool) {
        let id = self.ids()[0].clone();
        let solution = exercise(&id, "solution.rs");
        for attack in ATTACKS {
            let student = format!("attack_{}", attack.name);
            self.put(&student, &id, &attack.file(&solution, &drills().join("exercises").join(&id)));
            let (status, reason) = if lenient { (attack.lenient, "") } else { (attack.strict, attack.reason) };
            self.want(&student, &id, status, Points::None, reason);
        }
        let link = "attack_link";
        fs::create_dir_all(self.folder.join(link)).unwrap();
        symlink(
            drills().join("exercises").join(&id).join("solution.rs"),
            self.folder.join(link).join(format!("{id}.rs")),
        )
        .unwrap();
        symlink("/", self.folder.join(link).join("root")).unwrap();
        self.want(link, &id, &[Status::Hostile], Points::None, "link");
        // Tests and a build of their own are not looked at.
        let own = "attack_own_tests";
        self.put(own, &id, &exercise(&id, "exercise.rs").replace("todo!(", "panic!("));
        let place = self.folder.join(own);
        fs::write(place.join("Cargo.toml"), "[package]\nname = \"x\"\nbuild = \"build.rs\"\n").unwrap();
        fs::write(place.join("build.rs"), "fn main() { loop {} }").unwrap();
        fs::create_dir_all(place.join(".cargo")).unwrap();
        fs::write(place.join(".cargo/config.toml"), "[build]\nrustc = \"/bin/false\"\n").unwrap();
        fs::write(place.join("exercises/tests.rs"), "pub fn register(_: &mut deltaw::classroom::Suite) {}").unwrap();
        self.want(own, &id, &[Status::Failed], Points::None, "panicked");
    }

    /// Students who mean well, `count` of them in turn: right, partly right, each wrong solution, notebooks, zips, copies.
    pub fn honest(&mut self, count: usize) {
        let ids = self.ids();
        let mut wrong: Vec<(String, PathBuf)> = Vec::new();
        for id in &ids {
            let files = fs::read_dir(drills().join("exercises").join(id).join("wrong")).unwrap();
            wrong.extend(files.map(|file| (id.clone(), file.unwrap().path())));
        }
        wrong.sort();
        for number in 0..count {
            let student = format!("student{number:03}");
            match number % 8 {
                0 => self.right(&student, &ids),
                1 => self.half(&student, &ids),
                2 => self.notebook(&student, &ids),
                3 => self.zip(&student, &ids),
                4 => self.absurd(&format!("-{student} \u{202e}\n%s"), &ids[0]),
                5 => self.broken(&student, &ids),
                _ => {
                    for turn in 0..3 {
                        let (id, file) = &wrong[(3 * number + turn) % wrong.len()];
                        if self.wanted.iter().any(|wanted| wanted.student == student && wanted.exercise == *id) {
                            continue;
                        }
                        self.put(&student, id, &fs::read_to_string(file).unwrap());
                        self.want(&student, id, &[Status::Partial, Status::Failed], Points::NotAll, "«");
                    }
                }
            }
        }
    }

    fn right(&mut self, student: &str, ids: &[String]) {
        for id in ids {
            self.put(student, id, &exercise(id, "solution.rs"));
            self.want(student, id, &[Status::Ok], Points::All, "");
        }
    }

    fn half(&mut self, student: &str, ids: &[String]) {
        for (place, id) in ids.iter().enumerate() {
            if place % 2 == 0 {
                self.put(student, id, &exercise(id, "solution.rs"));
                self.want(student, id, &[Status::Ok], Points::All, "");
            } else {
                self.put(student, id, &exercise(id, "exercise.rs"));
                self.want(student, id, &[Status::Missing], Points::None, "handed out");
            }
        }
    }

    /// One exercise that does not compile, one whose signature is another; the others count.
    fn broken(&mut self, student: &str, ids: &[String]) {
        self.right(student, ids);
        self.wanted.retain(|wanted| wanted.student != student || !ids[..2].contains(&wanted.exercise));
        self.put(student, &ids[0], &(exercise(&ids[0], "solution.rs") + "\nfn f() -> u8 { \"text\" }\n"));
        self.want(student, &ids[0], &[Status::Compile], Points::None, "mismatched types");
        self.put(student, &ids[1], &exercise(&ids[1], "solution.rs").replacen("pub fn ", "pub fn my_", 1));
        self.want(student, &ids[1], &[Status::Compile], Points::None, "as they were handed out");
    }

    fn notebook(&mut self, student: &str, ids: &[String]) {
        let cell = |id: &String| {
            serde_json::json!({"cell_type": "code", "metadata": {"tags": ["exercise"], "deltaw": {"exercise": id}},
                "source": exercise(id, "solution.rs").split_inclusive('\n').collect::<Vec<_>>(), "outputs": [], "execution_count": null})
        };
        let cells: Vec<_> = ids.iter().take(2).map(cell).collect();
        let text = serde_json::json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).to_string();
        fs::create_dir_all(self.folder.join(student)).unwrap();
        fs::write(self.folder.join(student).join("chapter.ipynb"), text).unwrap();
        for id in ids.iter().take(2) {
            self.want(student, id, &[Status::Ok], Points::All, "");
        }
    }

    /// A zip with a name that climbs out of it.
    fn zip(&mut self, student: &str, ids: &[String]) {
        use std::io::Write as _;
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        let names = [format!("../../../../tmp/{}.rs", ids[0]), format!("work/exercises/{}.rs", ids[1])];
        for (name, id) in names.iter().zip(ids) {
            let (mut entry, config) =
                archive.new_file(name).compression_method(rawzip::CompressionMethod::Deflate).start().unwrap();
            let mut writer =
                config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default()));
            writer.write_all(exercise(id, "solution.rs").as_bytes()).unwrap();
            let (encoder, end) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(end).unwrap();
            self.want(student, id, &[Status::Ok], Points::All, "");
        }
        archive.finish().unwrap();
        fs::write(self.folder.join(format!("{student}.zip")), bytes).unwrap();
    }

    /// A folder, and files in it, that nobody would name so; the exercise counts.
    fn absurd(&mut self, student: &str, id: &str) {
        self.put(student, id, &exercise(id, "solution.rs"));
        let place = self.folder.join(student);
        for name in ["-rf", "$(touch x)", "`x`", "a\nb", "..rs", &"x".repeat(255), "%n%s", "--help.rs", "\u{feff}.rs"] {
            fs::write(place.join(name), "x").unwrap();
        }
        self.want(&student.replace('\n', "_"), id, &[Status::Ok], Points::All, "");
    }
}

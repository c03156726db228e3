//! What a student handed in: a folder, a zip, or loose files; exercises as `NN_name.rs`, or as cells of a notebook: of one that
//! names them, or of a chapter.
//!
//! Nothing in it is trusted. Links are not followed, names only decide which exercise a file is, and sizes are limited. Everything that is no
//! exercise (a `Cargo.toml`, a `build.rs`, edited tests) is left where it is and named in the feedback.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    chapter::{self, Chapter},
    notebook,
    owner::{owner, tame},
};

/// Largest source that is read, in bytes. A page of Rust has about 4 KiB.
const SOURCE: u64 = 256 << 10;

/// Largest notebook and zip that is read, in bytes: notebooks carry figures.
const ARCHIVE: u64 = 32 << 20;

/// Most files and folders of one student that are looked at.
const ENTRIES: usize = 4096;

/// Deepest folder that is looked into.
const DEPTH: usize = 8;

/// Folders of a student's workspace beside the exercises.
const BESIDE: [&str; 5] = ["tests", "targets", "texts", "backups", "target"];

/// Most names of ignored files that the feedback lists.
const NAMED: usize = 12;

/// One student's files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handed {
    /// The student's id.
    pub student: String,
    /// Source by exercise.
    pub sources: BTreeMap<String, String>,
    /// Exercises whose file is not read, with why.
    pub refused: BTreeMap<String, String>,
    /// What was left aside, for the feedback.
    pub aside: Vec<String>,
}

/// All students of a folder, by id.
///
/// # Errors
/// The folder cannot be read.
pub fn collect(folder: &Path, exercises: &[String], chapters: &[Chapter]) -> io::Result<Vec<Handed>> {
    let mut students: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || fs::symlink_metadata(&path)?.is_symlink() {
            continue;
        }
        if path.is_dir() {
            students.entry(tame(&name)).or_default().push(path);
        } else if let Some(student) = owner(&name) {
            students.entry(tame(&student)).or_default().push(path);
        }
    }
    Ok(students.into_iter().map(|(student, paths)| handed(student, paths, exercises, chapters)).collect())
}

fn handed(student: String, mut paths: Vec<PathBuf>, exercises: &[String], chapters: &[Chapter]) -> Handed {
    let mut handed = Handed { student, ..Handed::default() };
    let mut looker = Looker { exercises, chapters, handed: &mut handed, left: ENTRIES, aside: BTreeSet::new() };
    paths.sort();
    for path in paths {
        if let Err(error) = looker.look(&path, 0) {
            looker.set_aside(&path.to_string_lossy(), &error.to_string());
        }
    }
    let all = looker.aside.len();
    let mut aside: Vec<String> = looker.aside.into_iter().take(NAMED).collect();
    if all > NAMED {
        aside.push(format!("and {} more", all - NAMED));
    }
    handed.aside = aside;
    handed
}

struct Looker<'a> {
    exercises: &'a [String],
    chapters: &'a [Chapter],
    handed: &'a mut Handed,
    left: usize,
    aside: BTreeSet<String>,
}

impl Looker<'_> {
    fn look(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        if self.left == 0 {
            self.aside.insert(format!("everything after the first {ENTRIES} files"));
            return Ok(());
        }
        self.left -= 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kind = fs::symlink_metadata(path)?;
        let exercise = self.exercise(&name);
        match exercise {
            Some(id) if !kind.is_file() => {
                let what = if kind.is_symlink() { "is a link, and links are not followed" } else { "is no file" };
                self.handed.refused.insert(id, format!("`{name}` {what}"));
                Ok(())
            }
            _ if kind.is_symlink() => {
                self.set_aside(&name, "a link");
                Ok(())
            }
            // Whoever hands in the whole workspace hands in its tests too, under the exercises' names.
            _ if kind.is_dir() && depth > 0 && BESIDE.contains(&name.as_str()) => {
                self.set_aside(&name, "the workspace's own folder");
                Ok(())
            }
            _ if kind.is_dir() && depth >= DEPTH => {
                self.set_aside(&name, "too deep a folder");
                Ok(())
            }
            _ if kind.is_dir() => {
                let mut inside =
                    fs::read_dir(path)?.take(ENTRIES).map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
                inside.sort();
                inside.iter().try_for_each(|path| self.look(path, depth + 1))
            }
            _ if kind.is_file() => self.file(&name, || File::open(path)),
            _ => {
                self.set_aside(&name, "no regular file");
                Ok(())
            }
        }
    }

    /// The exercise that a file name means: `05_dora_norm.rs`, also with something before it, as Canvas and Moodle write, and with the `-1` that
    /// Canvas puts behind what is handed in again.
    fn exercise(&self, name: &str) -> Option<String> {
        let stem = name.strip_suffix(".rs")?;
        let (bare, again) = stem.rsplit_once('-').unwrap_or((stem, ""));
        let stem = if !again.is_empty() && again.bytes().all(|byte| byte.is_ascii_digit()) { bare } else { stem };
        let named = |id: &&String| {
            stem == id.as_str() || stem.strip_suffix(id.as_str()).is_some_and(|rest| rest.ends_with('_'))
        };
        self.exercises.iter().find(named).cloned()
    }

    fn file<R: Read>(&mut self, name: &str, open: impl FnOnce() -> io::Result<R>) -> io::Result<()> {
        if let Some(id) = self.exercise(name) {
            match text(open()?, SOURCE)? {
                Ok(source) => {
                    if self.handed.sources.insert(id.clone(), source).is_some() {
                        self.aside.insert(format!("all but the last `{id}.rs`"));
                    }
                }
                Err(why) => drop(self.handed.refused.insert(id, format!("`{}` {why}", tame(name)))),
            }
        } else if name.ends_with(".ipynb") {
            match text(open()?, ARCHIVE)? {
                Ok(source) => self.notebook(name, &source),
                Err(why) => self.set_aside(name, why),
            }
        } else if name.ends_with(".zip") {
            self.zip(name, open()?)?;
        } else {
            self.set_aside(name, "not part of any exercise");
        }
        Ok(())
    }

    fn notebook(&mut self, name: &str, source: &str) {
        let cells = match notebook::cells(source) {
            Ok(cells) => cells,
            Err(why) => return self.set_aside(name, &why),
        };
        for (id, code) in notebook::exercises(&cells) {
            if self.exercises.contains(&id) {
                self.handed.sources.insert(id, code);
            } else {
                self.set_aside(&format!("{name}: {id}"), "no exercise of this course");
            }
        }
        let Some(chapter) = chapter::of(self.chapters, name, &cells) else { return };
        for task in &chapter.tasks {
            match chapter.file(task, &cells) {
                Some(code) => drop(self.handed.sources.insert(task.exercise.id.clone(), code)),
                None => self.set_aside(&format!("{name}: {}", task.exercise.title), "its cell is gone"),
            }
        }
    }

    fn zip(&mut self, name: &str, from: impl Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        from.take(ARCHIVE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > ARCHIVE {
            self.set_aside(name, "too large a zip");
            return Ok(());
        }
        if let Err(error) = self.unpack(&bytes) {
            self.set_aside(name, &format!("a zip that cannot be read: {error}"));
        }
        Ok(())
    }

    /// Reads a zip in memory: no path of it ever names a place on this machine.
    fn unpack(&mut self, bytes: &[u8]) -> io::Result<()> {
        let archive = rawzip::ZipArchive::from_slice(bytes).map_err(io::Error::other)?;
        let mut entries = archive.entries();
        while let Some(entry) = entries.next_entry().map_err(io::Error::other)? {
            if self.left == 0 {
                return Ok(());
            }
            self.left -= 1;
            let path = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
            let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
            if entry.is_dir() || path.starts_with("__MACOSX/") || name.is_empty() || name.ends_with(".zip") {
                continue;
            }
            // The type of a file in the upper bits of its mode, from stat(2).
            if entry.mode().value() & 0o170_000 == 0o120_000 {
                match self.exercise(name) {
                    Some(id) => drop(
                        self.handed
                            .refused
                            .insert(id, format!("`{}` is a link, and links are not followed", tame(name))),
                    ),
                    None => self.set_aside(name, "a link"),
                }
                continue;
            }
            let body = archive.get_entry(entry.wayfinder()).map_err(io::Error::other)?;
            match entry.compression_method() {
                rawzip::CompressionMethod::Store => self.file(name, || Ok(body.data()))?,
                rawzip::CompressionMethod::Deflate => {
                    self.file(name, || Ok(flate2::read::DeflateDecoder::new(body.data())))?
                }
                _ => self.set_aside(name, "compressed in a way that is not read"),
            }
        }
        Ok(())
    }

    fn set_aside(&mut self, name: &str, why: &str) {
        if self.aside.len() <= ENTRIES {
            self.aside.insert(format!("`{}` ({})", tame(name), tame(why)));
        }
    }
}

/// A text of at most `most` bytes, or what is wrong with it.
fn text(from: impl Read, most: u64) -> io::Result<Result<String, &'static str>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Ok(Err("is too large"));
    }
    Ok(String::from_utf8(bytes).map_err(|_| "is no UTF-8 text"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_of_one_student_in_canvas_are_one_submission() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["doejane_123_456_01_count-2.rs", "doejane_LATE_123_457_02_forward.rs", "doejane_9_458_01_count.rs"]
        {
            fs::write(folder.path().join(name), "fn a() {}").unwrap();
        }
        let all = collect(folder.path(), &["01_count".to_owned(), "02_forward".to_owned()], &[]).unwrap();
        let found: Vec<(&str, usize)> =
            all.iter().map(|handed| (handed.student.as_str(), handed.sources.len())).collect();
        assert_eq!(found, [("doejane_canvas123", 2), ("doejane_canvas9", 1)]);
    }
}

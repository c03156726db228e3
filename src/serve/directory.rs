//! The directory of adapters on disk, and the ids that are served. An id is a folder's name and nothing else.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use candle_core::{Error, Result, bail};

use crate::peft::hub;

/// The longest id.
const LONGEST: usize = 128;

/// Adapters on disk.
#[derive(Debug)]
pub struct AdapterDir {
    root: PathBuf,
    /// Ids that may be asked for.
    served: Mutex<BTreeSet<String>>,
}

impl AdapterDir {
    /// Opens `root` and serves every adapter in it.
    ///
    /// # Errors
    /// It is no directory that can be read.
    pub fn open(root: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Error::Msg(format!("{}: {error}", root.display()));
        let root = fs::canonicalize(root).map_err(failed)?;
        let mut served = BTreeSet::new();
        for entry in fs::read_dir(&root).map_err(failed)? {
            if let Ok(id) = entry.map_err(failed)?.file_name().into_string()
                && id_is_plain(&id)
                && root.join(&id).join(hub::CONFIG).is_file()
            {
                served.insert(id);
            }
        }
        Ok(Self { root, served: Mutex::new(served) })
    }

    /// Where the adapter `id` lies.
    ///
    /// # Errors
    /// The id is no plain name, there is no such folder, or it is a link that leads out of the directory.
    pub fn path(&self, id: &str) -> Result<PathBuf> {
        if !id_is_plain(id) {
            bail!(
                "an adapter's id is letters, digits, `.`, `_` and `-`, at most {LONGEST}, and begins with a letter or digit"
            );
        }
        match fs::canonicalize(self.root.join(id)) {
            Ok(path) if path.parent() == Some(&self.root) && path.is_dir() => Ok(path),
            Ok(_) => bail!("adapter `{id}` is not a folder of the directory of adapters"),
            Err(_) => bail!("there is no adapter `{id}` in the directory of adapters"),
        }
    }

    /// Ids that may be asked for.
    #[must_use]
    pub fn served(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    /// Whether `id` may be asked for.
    #[must_use]
    pub fn serves(&self, id: &str) -> bool {
        self.lock().contains(id)
    }

    /// Serves `id` from now on.
    ///
    /// # Errors
    /// As [`AdapterDir::path`].
    pub fn add(&self, id: &str) -> Result<()> {
        self.path(id)?;
        self.lock().insert(id.to_owned());
        Ok(())
    }

    /// Serves `id` no more; whether it did.
    pub fn remove(&self, id: &str) -> bool {
        self.lock().remove(id)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an id can name nothing but a folder here.
fn id_is_plain(id: &str) -> bool {
    id.len() <= LONGEST
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_id_cannot_leave_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("adapters"), dir.path().join("secret"));
        for folder in [inside.join("good"), outside.clone()] {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(hub::CONFIG), "{}").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let adapters = AdapterDir::open(&inside).unwrap();
        assert!(adapters.path("good").is_ok() && adapters.serves("good"));
        for id in [
            "",
            "..",
            ".",
            "../secret",
            "good/../../secret",
            "/etc",
            "a\0b",
            "link",
            "absent",
            "-x",
            "ü",
            &"a".repeat(200),
        ] {
            assert!(adapters.path(id).is_err(), "{id:?}");
            assert!(adapters.add(id).is_err(), "{id:?}");
        }
        assert!(adapters.remove("good") && !adapters.serves("good"));
    }
}

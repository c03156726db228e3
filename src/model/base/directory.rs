//! A base as a transformers directory: weights and `config.json`, `tokenizer.json`, and what the tokenizer's publisher says about
//! ends and chats.

use std::path::Path;

use candle_core::{Device, Result, bail};
use serde_json::{Value, json};

use super::{Base, ChatTemplate, Tokenizer};
use crate::model::{
    files::{at, read_limited, read_text},
    load_dir, save_dir, write_whole,
};

/// The largest `tokenizer.json` that is read, in bytes.
const TOKENIZER_LIMIT: u64 = 64 << 20;

/// Reads a directory; `name` is what the base is called.
pub(super) fn open(dir: &Path, name: &str, device: &Device) -> Result<Base> {
    let file = dir.join("tokenizer.json");
    if !file.is_file() {
        bail!("{}: there is no tokenizer.json; a base needs its tokenizer beside its weights", dir.display());
    }
    let settings = optional(&dir.join("tokenizer_config.json"))?;
    let text = read_limited(&file, TOKENIZER_LIMIT)?;
    let mut tokenizer = Tokenizer::from_json(&text, Vec::new()).map_err(|error| at(&file, error))?;
    let ends = ends(dir, &settings, &tokenizer)?;
    tokenizer = tokenizer.with_ends(ends).map_err(|error| at(dir, error))?;
    let chat = chat(dir, &settings)?;
    let model = load_dir(dir, device)?;
    if tokenizer.vocabulary() > model.config().vocab_size {
        let (tokens, rows) = (tokenizer.vocabulary(), model.config().vocab_size);
        bail!("{}: the tokenizer has {tokens} tokens, but the model has embeddings for {rows}", dir.display());
    }
    Ok(Base { name: name.to_owned(), model, tokenizer, chat, directory: Some(dir.to_path_buf()) })
}

/// Writes a base as a directory that [`open`] and transformers read.
pub(super) fn save(base: &Base, dir: &Path) -> Result<()> {
    save_dir(&base.model, dir)?;
    let put = |name: &str, text: &str| write_whole(&dir.join(name), text.as_bytes());
    put("tokenizer.json", &base.tokenizer.to_json()?)?;
    put("generation_config.json", &json!({ "eos_token_id": base.tokenizer.ends() }).to_string())?;
    let plain = || json!({ "tokenizer_class": "PreTrainedTokenizerFast" });
    put("tokenizer_config.json", &base.chat.as_ref().map_or_else(plain, ChatTemplate::settings).to_string())
}

/// A JSON file, or null where there is none.
fn optional(path: &Path) -> Result<Value> {
    match path.is_file() {
        true => serde_json::from_str(&read_text(path)?).map_err(|error| at(path, error)),
        false => Ok(Value::Null),
    }
}

/// Ids that end an answer: what generation uses first, then what the other files add.
fn ends(dir: &Path, settings: &Value, tokenizer: &Tokenizer) -> Result<Vec<u32>> {
    let mut ends = Vec::new();
    for name in ["generation_config.json", "config.json"] {
        match &optional(&dir.join(name))?["eos_token_id"] {
            Value::Array(ids) => ends.extend(ids.iter().filter_map(Value::as_u64)),
            id => ends.extend(id.as_u64()),
        }
    }
    let mut ends: Vec<u32> = ends.into_iter().filter_map(|id| u32::try_from(id).ok()).collect();
    ends.extend(special(settings, "eos_token").and_then(|token| tokenizer.id(token)));
    let mut seen = std::collections::BTreeSet::new();
    ends.retain(|id| seen.insert(*id));
    Ok(ends)
}

/// A special token, which stands as text or as an object with its text.
fn special<'a>(settings: &'a Value, name: &str) -> Option<&'a str> {
    settings[name].as_str().or_else(|| settings[name]["content"].as_str())
}

/// `chat_template.jinja`, or the template in `tokenizer_config.json`: a text, or a list of named ones of which `default` is meant.
fn chat(dir: &Path, settings: &Value) -> Result<Option<ChatTemplate>> {
    let file = dir.join("chat_template.jinja");
    let source = match (file.is_file(), &settings["chat_template"]) {
        (true, _) => Some(read_text(&file)?),
        (false, Value::Array(named)) => named
            .iter()
            .find(|template| template["name"] == "default")
            .and_then(|template| template["template"].as_str().map(str::to_owned)),
        (false, template) => template.as_str().map(str::to_owned),
    };
    let token = |name| special(settings, name).unwrap_or_default();
    let compile = |source: String| ChatTemplate::new(&source, token("bos_token"), token("eos_token"));
    source.map(compile).transpose().map_err(|error| at(dir, error))
}

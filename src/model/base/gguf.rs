//! A base as one GGUF file: weights, vocabulary and chat template together.
//!
//! The vocabulary is byte-level BPE (GPT-2's); how text is cut before the merges is named by `tokenizer.ggml.pre`, whose meanings stand in
//! llama.cpp's `llama-vocab.cpp`.

use std::path::Path;

use candle_core::{Device, Error, Result, bail};
use tokenizers::{
    AddedToken, PreTokenizerWrapper, SplitDelimiterBehavior,
    decoders::byte_level::ByteLevel,
    models::bpe::{BPE, Vocab},
    pre_tokenizers::{
        digits::Digits,
        sequence::Sequence,
        split::{Split, SplitPattern},
    },
    processors::template::TemplateProcessing,
};

use super::{Base, ChatTemplate, Options, Tokenizer};
use crate::model::{
    files::at,
    gguf::{Gguf, Metadata},
};

/// How Llama 3 cuts text, from its `tokenizer.json`.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Types of tokens in `tokenizer.ggml.token_type`.
const CONTROL: usize = 3;
const USER_DEFINED: usize = 4;

/// Reads a file; `name` is what the base is called.
pub(super) fn open(path: &Path, name: &str, options: &Options, device: &Device) -> Result<Base> {
    let read = || {
        let file = Gguf::open(path)?;
        let metadata = file.metadata();
        let model = file.decoder(options.kept, device)?;
        let tokenizer = tokenizer(&metadata)?;
        if tokenizer.vocabulary() > model.config().vocab_size {
            bail!("there are {} tokens, but {} embeddings", tokenizer.vocabulary(), model.config().vocab_size);
        }
        let special = |key: &str| metadata.count(key).and_then(|id| tokenizer.token(u32::try_from(id).ok()?));
        let begin = special("tokenizer.ggml.bos_token_id").unwrap_or_default();
        let end = special("tokenizer.ggml.eos_token_id").unwrap_or_default();
        let compile = |source| ChatTemplate::new(source, &begin, &end);
        let chat = metadata.text("tokenizer.chat_template").map(compile).transpose()?;
        Ok(Base { name: name.to_owned(), model, tokenizer, chat, directory: None })
    };
    read().map_err(|error: Error| at(path, error))
}

fn tokenizer(metadata: &Metadata<'_>) -> Result<Tokenizer> {
    match metadata.text("tokenizer.ggml.model") {
        Some("gpt2") => {}
        other => {
            bail!("the tokenizer is `{}`; only byte-level BPE (`gpt2`) is supported", other.unwrap_or("not given"))
        }
    }
    let tokens = metadata.texts("tokenizer.ggml.tokens")?;
    let vocabulary: Vocab = (0..).zip(&tokens).map(|(id, token)| ((*token).to_owned(), id)).collect();
    if vocabulary.len() != tokens.len() {
        bail!("a token stands twice in the vocabulary");
    }
    let merge = |merge: &str| match merge.split_once(' ') {
        Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
        None => bail!("{merge:?} merges nothing"),
    };
    let merges = metadata.texts("tokenizer.ggml.merges")?.into_iter().map(merge).collect::<Result<Vec<_>>>()?;
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).build().map_err(Error::msg)?;
    let mut pieces = tokenizers::Tokenizer::new(model);
    pieces.with_pre_tokenizer(Some(pre_tokenizer(metadata.text("tokenizer.ggml.pre"))?));
    pieces.with_decoder(Some(ByteLevel::default()));
    let types = metadata.counts("tokenizer.ggml.token_type");
    for (token, kind) in tokens.iter().zip(types) {
        let added = AddedToken::from(*token, kind == CONTROL);
        match kind {
            CONTROL => pieces.add_special_tokens([added]).map_err(Error::msg)?,
            USER_DEFINED => pieces.add_tokens([added.normalized(false)]).map_err(Error::msg)?,
            _ => 0,
        };
    }
    let id = |key: &str| metadata.count(key).and_then(|id| u32::try_from(id).ok());
    if metadata.flag("tokenizer.ggml.add_bos_token") == Some(true) {
        let begin = id("tokenizer.ggml.bos_token_id").and_then(|id| Some((pieces.id_to_token(id)?, id)));
        let Some((token, id)) = begin else { bail!("texts are to begin with a token that the file does not name") };
        let mut processor = TemplateProcessing::builder();
        processor.try_single(vec![token.clone(), "$A".to_owned()]).map_err(Error::msg)?;
        processor.special_tokens(vec![(token, id)]);
        let processor = processor.build().map_err(Error::msg)?;
        pieces.with_post_processor(Some(processor));
    }
    let mut ends: Vec<u32> =
        ["eos", "eot", "eom"].iter().filter_map(|end| id(&format!("tokenizer.ggml.{end}_token_id"))).collect();
    ends.dedup();
    Tokenizer::new(pieces, ends)
}

/// How text is cut before the merges.
fn pre_tokenizer(name: Option<&str>) -> Result<PreTokenizerWrapper> {
    let byte_level = |pattern| ByteLevel::new(false, true, pattern);
    Ok(match name.unwrap_or("default") {
        // GPT-2's cutting, with each digit for itself.
        "smollm" | "starcoder" | "refact" | "codeshell" => {
            Sequence::new(vec![Digits::new(true).into(), byte_level(true).into()]).into()
        }
        "gpt-2" | "gpt2" => byte_level(true).into(),
        "llama-bpe" | "llama3" | "llama-v3" => {
            let pattern = SplitPattern::Regex(LLAMA3.to_owned());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(Error::msg)?;
            Sequence::new(vec![split.into(), byte_level(false).into()]).into()
        }
        other => bail!("the pre-tokenizer `{other}` is not supported"),
    })
}

//! Records as tokens. Prompts are read, answers are scored and closed with the base's end token.

use candle_core::{Result, bail};

use super::{Line, Record};
use crate::{
    model::{Base, Message, one_line},
    train::Example,
};

/// How long an example may be, and what becomes of longer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most tokens; never more than the base's context.
    pub tokens: usize,
    /// Leave longer examples out instead of refusing the file.
    pub skip: bool,
}

/// Encodes lines for `base`; gives the examples and how many were left out for their length.
///
/// # Errors
/// A line cannot be encoded (its number is in the message), or nothing is left.
pub fn encode_all(lines: &[Line], base: &Base, limits: Limits) -> Result<(Vec<Example>, usize)> {
    let limit = limits.tokens.min(base.context());
    let (mut examples, mut skipped) = (Vec::with_capacity(lines.len()), 0);
    for Line { number, record } in lines {
        let example = match encode(record, base) {
            Ok(example) => example,
            Err(error) => bail!("line {number}: {}", one_line(&error)),
        };
        match example.ids.len() {
            count if count <= limit => examples.push(example),
            _ if limits.skip => skipped += 1,
            count => {
                let whose = if limit < base.context() { "the limit asked for" } else { "the base's context" };
                bail!(
                    "line {number}: {count} tokens, more than {limit}, {whose}; shorten it, or leave such lines out with --skip-long"
                )
            }
        }
    }
    match examples.is_empty() {
        false => Ok((examples, skipped)),
        true => bail!("no example is left: all {skipped} are longer than {limit} tokens"),
    }
}

/// Encodes one record.
///
/// # Errors
/// The tokenizer does not know a character, the base has no chat template for a conversation, or nothing is scored.
pub fn encode(record: &Record, base: &Base) -> Result<Example> {
    let mut example = match record {
        Record::Completion { prompt, completion } => {
            let (prompt, answer) = (base.tokenizer.encode(prompt)?, base.tokenizer.encode_answer(completion)?);
            if completion.is_empty() {
                bail!("the completion is empty: there is nothing to learn from");
            }
            Example::answer(prompt, answer)
        }
        Record::Chat { messages } => chat(messages, base)?,
        Record::Text { text } => {
            let mut ids = base.tokenizer.encode(text)?;
            ids.extend(base.tokenizer.ends().first().filter(|end| ids.last() != Some(end)));
            Example::answer(Vec::new(), ids)
        }
    };
    example.trim();
    match example.count() {
        0 => bail!("no token is scored: there is nothing to learn from"),
        _ => Ok(example),
    }
}

/// Each of the assistant's turns is what the template adds after "the assistant is to speak", up to its end token.
fn chat(messages: &[Message], base: &Base) -> Result<Example> {
    let Some(template) = &base.chat else {
        bail!("the base `{}` has no chat template; write prompt and completion, or text", base.name)
    };
    let (mut example, mut done) = (Example { ids: Vec::new(), scored: Vec::new() }, String::new());
    for (index, message) in messages.iter().enumerate().filter(|(_, message)| message.role == "assistant") {
        let (before, after) =
            (template.render(&messages[..index], true)?, template.render(&messages[..=index], false)?);
        let (Some(read), Some(turn)) = (before.strip_prefix(&done), after.strip_prefix(&before)) else {
            bail!(
                "the chat template writes earlier turns anew when message {} comes; only conversations it appends to can be scored",
                index + 1
            )
        };
        example.push(&base.tokenizer.encode_bare(read)?, false);
        let ids = base.tokenizer.encode_bare(turn)?;
        let end = ids.iter().position(|id| base.tokenizer.is_end(*id)).map_or(ids.len(), |end| end + 1);
        example.push(&ids[..end], true);
        example.push(&ids[end..], false);
        if message.content.is_empty() {
            bail!("message {} is empty: there is nothing to learn from", index + 1);
        }
        done = after;
    }
    Ok(example)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;
    use crate::model::ChatTemplate;

    fn scored(example: &Example, base: &Base) -> String {
        let ids: Vec<u32> =
            example.ids.iter().zip(&example.scored).filter(|(_, scored)| **scored).map(|(id, _)| *id).collect();
        base.tokenizer.decode(&ids).unwrap()
    }

    #[test]
    fn only_answers_are_scored_and_all_of_a_text() {
        let base = Base::tiny(&Device::Cpu).unwrap();
        let example = encode(&Record::completion("up:ab>", "AB"), &base).unwrap();
        assert_eq!(scored(&example, &base), "AB.");
        let example = encode(&Record::Text { text: "up:ab>AB.".to_owned() }, &base).unwrap();
        assert_eq!(scored(&example, &base), "p:ab>AB.");
        let chat = Record::Chat { messages: vec![Message::new("assistant", "a")] };
        assert!(encode(&chat, &base).unwrap_err().to_string().contains("no chat template"));
        assert!(encode(&Record::completion("é", "a"), &base).unwrap_err().to_string().contains("'é'"));
        assert!(encode(&Record::completion("a", ""), &base).is_err());
    }

    #[test]
    fn of_a_conversation_the_assistants_turns_are_scored_up_to_their_end() {
        let mut base = Base::tiny(&Device::Cpu).unwrap();
        let template = "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}.{{ ' ' }}{% endfor %}{% if add_generation_prompt %}a:{% endif %}";
        base.chat = Some(ChatTemplate::new(template, "", "").unwrap());
        let turns = [("user", "hi"), ("assistant", "one"), ("user", "and"), ("assistant", "two")];
        let messages = turns.map(|(role, content)| Message::new(role, content)).to_vec();
        let example = encode(&Record::Chat { messages }, &base).unwrap();
        assert_eq!(base.tokenizer.decode(&example.ids).unwrap(), "u:hi. a:one. u:and. a:two.");
        assert_eq!(scored(&example, &base), "one.two.");
    }

    #[test]
    fn what_is_longer_than_the_context_is_refused_by_line_or_left_out() {
        let base = Base::tiny(&Device::Cpu).unwrap();
        let line = |number, count| Line { number, record: Record::completion("copy:", "a".repeat(count)) };
        let lines = [line(1, 3), line(4, base.context())];
        let limits = Limits { tokens: usize::MAX, skip: false };
        let error = encode_all(&lines, &base, limits).unwrap_err().to_string();
        assert!(error.starts_with("line 4: ") && error.contains("context"), "{error}");
        assert_eq!(encode_all(&lines, &base, Limits { skip: true, ..limits }).unwrap().1, 1);
        assert!(encode_all(&lines[1..], &base, Limits { skip: true, ..limits }).is_err());
    }
}

//! Chat templates: the Jinja program with which a model's publisher turns a conversation into text.
//!
//! The dialect is that of transformers' `apply_chat_template` (blocks trimmed, `raise_exception`, Python's string methods).

use std::sync::Arc;

use candle_core::{Error, Result, bail};
use minijinja::{Environment, ErrorKind, Value, context, syntax::SyntaxConfig};
use serde::{Deserialize, Serialize};

use crate::model::one_line;

/// Steps after which a template is stopped: a file's program must not run forever.
const FUEL: u64 = 10_000_000;

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// A turn.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// A compiled chat template.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    source: String,
    begin: String,
    end: String,
}

impl ChatTemplate {
    /// Compiles a template; `begin` and `end` are its `bos_token` and `eos_token`.
    ///
    /// # Errors
    /// It is not valid Jinja.
    pub fn new(source: &str, begin: &str, end: &str) -> Result<Self> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| failed(&error))?);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> std::result::Result<String, _> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned("chat", source.to_owned()).map_err(|error| failed(&error))?;
        let (source, begin, end) = (source.to_owned(), begin.to_owned(), end.to_owned());
        Ok(Self { environment: Arc::new(environment), source, begin, end })
    }

    /// The text of a conversation. With `answer`, it ends where the assistant is to speak.
    ///
    /// # Errors
    /// There are no messages, the template refuses them, or it does not end.
    pub fn render(&self, messages: &[Message], answer: bool) -> Result<String> {
        if messages.is_empty() {
            bail!("a conversation needs at least one message");
        }
        let turn = |message: &Message| context! { role => &*message.role, content => &*message.content };
        let messages: Vec<Value> = messages.iter().map(turn).collect();
        let values = context! {
            messages, add_generation_prompt => answer, bos_token => &*self.begin, eos_token => &*self.end,
        };
        let template = self.environment.get_template("chat").map_err(|error| failed(&error))?;
        template.render(values).map_err(|error| failed(&error))
    }

    /// What a `tokenizer_config.json` says of it.
    pub(super) fn settings(&self) -> serde_json::Value {
        let token = |token: &str| (!token.is_empty()).then(|| token.to_owned());
        serde_json::json!({
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": token(&self.begin), "eos_token": token(&self.end),
            "chat_template": self.source,
        })
    }
}

fn failed(error: &minijinja::Error) -> Error {
    Error::Msg(format!("chat template: {}", one_line(error)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TURNS: &str = "{% for message in messages %}
  {% if message['role'] not in ['user', 'assistant'] %}{{ raise_exception('no ' + message.role) }}{% endif %}
<{{ message['role'] }}>{{ message['content'].strip() }}{{ eos_token }}
{% endfor %}
{% if add_generation_prompt %}<assistant>{% endif %}";

    #[test]
    fn turns_are_rendered_as_transformers_does() {
        let chat = ChatTemplate::new(TURNS, "<s>", "</s>").unwrap();
        let messages = [Message::new("user", " hi "), Message::new("assistant", "yes")];
        assert_eq!(chat.render(&messages, true).unwrap(), "<user>hi</s>\n<assistant>yes</s>\n<assistant>");
        assert_eq!(chat.render(&messages[..1], false).unwrap(), "<user>hi</s>\n");
    }

    #[test]
    fn refusals_endless_loops_and_bad_syntax_are_errors() {
        let chat = ChatTemplate::new(TURNS, "", "").unwrap();
        let refused = chat.render(&[Message::new("tool", "x")], true).unwrap_err().to_string();
        assert!(refused.contains("no tool"), "{refused}");
        assert!(chat.render(&[], true).is_err());
        assert!(ChatTemplate::new("{% for x in %}", "", "").is_err());
        let endless =
            ChatTemplate::new("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "", "");
        assert!(endless.unwrap().render(&[Message::new("user", "x")], true).is_err());
    }
}

//! The interview inside a notebook: a question of the bank, an answer, and the verdict.

use std::sync::OnceLock;

use super::{Output, Show, html};
use crate::quiz::{
    bank::{self, Bank},
    grade::{Instance, Lexicon, grade},
    verdict::{Label, Verdict},
};

/// A question with the verdict on an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    id: String,
    question: String,
    answer: String,
    /// None until there is an answer.
    verdict: Option<Verdict>,
    strong: String,
    why: String,
}

fn interview() -> Result<&'static (Bank, Lexicon), String> {
    static INTERVIEW: OnceLock<Result<(Bank, Lexicon), String>> = OnceLock::new();
    let open = || {
        let bank = bank::builtin().map_err(|error| error.to_string())?;
        let lexicon = Lexicon::new(&bank);
        Ok((bank, lexicon))
    };
    INTERVIEW.get_or_init(open).as_ref().map_err(Clone::clone)
}

/// Asks question `id` of the bank and grades `answer`. An empty answer shows the question alone.
///
/// # Errors
/// The bank has no such question.
pub fn ask(id: &str, answer: &str) -> Result<Asked, String> {
    ask_seeded(id, answer, 0)
}

/// As [`ask`], with the numbers that `seed` draws in a question that has any.
///
/// # Errors
/// The bank has no such question.
pub fn ask_seeded(id: &str, answer: &str, seed: u64) -> Result<Asked, String> {
    let (bank, lexicon) = interview()?;
    let question = bank
        .questions
        .iter()
        .find(|question| question.id == id)
        .ok_or_else(|| format!("no question is called `{id}`; `deltaw bank list` lists all"))?;
    let instance = Instance::draw(question, seed);
    let verdict = (!answer.trim().is_empty()).then(|| grade(&instance, lexicon, answer));
    Ok(Asked {
        id: id.to_owned(),
        question: instance.text(),
        answer: answer.to_owned(),
        verdict,
        strong: instance.model_answer(),
        why: instance.why(),
    })
}

impl Asked {
    /// The verdict; none while there is no answer.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    fn heading(&self) -> String {
        let question = html::escape(&self.question).replace('\n', "<br>");
        format!("<p><strong>{}</strong> {question}</p>\n", html::escape(&self.id))
    }
}

fn quoted(words: &[String]) -> String {
    if words.is_empty() { String::new() } else { format!(" «{}»", words.join("» «")) }
}

/// The verdict as list items and as lines of text.
fn items(verdict: &Verdict) -> (String, String) {
    let (mut list, mut text) = (String::new(), String::new());
    let mut item = |mark: &str, says: &str, quote: &str, more: &str| {
        let (says_html, quote_html) = (html::escape(says), html::escape(quote));
        list += &format!("<li>{mark} {says_html}<em>{quote_html}</em>");
        if !more.is_empty() {
            list += &format!("<br>{}", html::escape(more));
        }
        list += "</li>\n";
        text += &format!("\n  {mark} {says}{quote}");
        if !more.is_empty() {
            text += &format!("\n    {more}");
        }
    };
    for point in &verdict.hit {
        item("+", &point.text, &quoted(&point.evidence), "");
    }
    for point in &verdict.missed {
        let (mark, depth) = if point.required { ("−", "") } else { ("·", " (depth)") };
        item(mark, &format!("{}{depth}", point.text), "", point.probe.as_deref().unwrap_or_default());
    }
    for caught in &verdict.misconceptions {
        let claim = caught.claim.as_ref().map_or_else(String::new, |claim| format!(" (claim {claim})"));
        item("!", &caught.text, &quoted(&caught.evidence), &format!("{}{claim}", caught.correction));
    }
    for note in &verdict.notes {
        item("", note, "", "");
    }
    (list, text)
}

impl Show for Asked {
    fn output(&self) -> Output {
        let Some(verdict) = &self.verdict else {
            let prompt = "<p>Put your answer, in your own words, between the quotes and run the cell again.</p>\n";
            let mut output = Output::html(self.heading() + prompt, format!("{} {}", self.id, self.question));
            output.facts.questions.push(self.id.clone());
            return output;
        };
        let word = match verdict.label {
            Label::Correct => "Correct",
            Label::Partial => "Partly",
            Label::Wrong => "Not yet",
        };
        let score = 100.0 * verdict.score;
        let (list, lines) = items(verdict);
        let inside = format!(
            "{}<blockquote>{}</blockquote>\n<p><strong>{word}</strong> ({score:.0} of 100)</p>\n\
             <ul style=\"list-style:none;padding-left:0\">\n{list}</ul>\n\
             <details><summary>A strong answer</summary>\n{}{}</details>\n",
            self.heading(),
            html::escape(&self.answer).replace('\n', "<br>"),
            html::paragraph(&self.strong),
            html::paragraph(&self.why),
        );
        let text = format!("{} {}\n> {}\n{word} ({score:.0} of 100){lines}", self.id, self.question, self.answer);
        let mut output = Output::html(html::verdict(verdict.label == Label::Correct, &inside), text);
        output.facts.questions.push(self.id.clone());
        output
    }
}

//! The conversation: ask, judge, refute by running it, press, go on.

use std::{collections::HashSet, time::Instant};

use super::{
    command::{COMMANDS, Command, Typed, read},
    console::{Console, Input, prompt},
    event::Voice,
    failure, now,
};
use crate::{
    cli::{Failure, demo, grade::find, judge::consult, verdict::Detail},
    quiz::{
        bank::{Bank, DemoCall},
        judge::Judge,
        session::{Mode, Session},
        verdict::{Label, Verdict},
    },
};

/// Seconds that a quickfire answer may take.
const QUICK: f64 = 30.0;

/// One sitting with a learner.
pub(super) struct Talk<'a> {
    session: Session<'a>,
    judge: Option<Judge>,
    console: Console,
    voice: Voice,
    bank: &'a Bank,
    record: String,
    began: Instant,
    /// Seconds for the whole sitting.
    deadline: Option<u64>,
    /// Hints given for the open question.
    hints: usize,
    /// Demos that already ran by themselves; each runs once a sitting.
    shown: HashSet<String>,
}

/// What a line led to.
enum Turn {
    /// Ask the same question again.
    Again,
    /// Put the question that is open now.
    Next,
    Leave,
}

impl<'a> Talk<'a> {
    pub(super) fn new(
        session: Session<'a>,
        judge: Option<Judge>,
        console: Console,
        voice: Voice,
        deadline: Option<u64>,
        bank: &'a Bank,
        record: String,
    ) -> Self {
        let (began, shown) = (Instant::now(), HashSet::new());
        Self { session, judge, console, voice, bank, record, began, deadline, hints: 0, shown }
    }

    /// Talks until the questions, the time or the learner's patience are at an end.
    pub(super) fn run(mut self) -> Result<(), Failure> {
        if matches!(self.console, Console::Terminal(..)) {
            self.voice.note(
                "Answer in your own words. A line that ends in \\ goes on. :help lists the commands, Ctrl-D leaves.",
            )?;
        }
        loop {
            let left = self.deadline.map(|limit| limit.saturating_sub(self.began.elapsed().as_secs()));
            if left == Some(0) {
                self.voice.note("The time is up.")?;
                break;
            }
            let Some(instance) = self.session.current().cloned() else { break };
            let clock = left.map(|left| format!("{}:{:02}", left / 60, left % 60));
            self.voice.question(&instance, self.session.position(), clock.as_deref())?;
            self.hints = 0;
            if matches!(self.turns()?, Turn::Leave) {
                break;
            }
        }
        self.close()
    }

    fn close(self) -> Result<(), Failure> {
        let answered = self.session.given().len();
        if answered > 0 && self.session.mode() != Mode::Practice {
            self.voice.scorecard(&self.session.scorecard())?;
        }
        self.voice.end(answered, &self.record)?;
        Ok(())
    }

    /// Reads lines until the open question is answered or left.
    fn turns(&mut self) -> Result<Turn, Failure> {
        let asked = Instant::now();
        loop {
            let line = match self.console.read(&prompt(true))? {
                Input::Line(line) => line,
                Input::Interrupt => continue,
                Input::End => return Ok(Turn::Leave),
            };
            let turn = match read(&line) {
                Typed::Blank => Turn::Again,
                Typed::Unknown(name) => {
                    self.voice.note(&format!(
                        "There is no command `{name}`; :help lists them. An answer does not begin with a colon."
                    ))?;
                    Turn::Again
                }
                Typed::Command(command) => self.obey(command)?,
                Typed::Answer(answer) => {
                    self.judge(&answer, asked.elapsed().as_secs_f64())?;
                    Turn::Next
                }
            };
            if !matches!(turn, Turn::Again) {
                return Ok(turn);
            }
        }
    }

    fn judge(&mut self, answer: &str, seconds: f64) -> Result<(), Failure> {
        let mock = self.session.mode() == Mode::Mock;
        let Some(given) = self.session.answer(answer, seconds, now()).map_err(failure)?.cloned() else { return Ok(()) };
        if mock && given.verdict.misconceptions.is_empty() {
            return self.press();
        }
        self.tell()?;
        if self.session.mode() == Mode::Quickfire && seconds > QUICK {
            self.voice.note(&format!("That took {seconds:.0} s; quickfire gives {QUICK:.0}."))?;
        }
        for caught in &given.verdict.misconceptions {
            if let Some(call) = &caught.demo {
                self.refute(call)?;
            }
        }
        if self.session.mode() == Mode::Practice {
            self.follow_up(&given.verdict)?;
            match self.session.given().last().map_or(Label::Wrong, |last| last.verdict.label) {
                Label::Correct => self.voice.note(":why shows the model answer and the why, :dispute objects.")?,
                Label::Partial | Label::Wrong => self.voice.explain(&given.instance)?,
            }
        }
        Ok(())
    }

    /// In practice: asks for the weakest of the points that are missing. An attempt without a wrong belief earns this; what is said to it
    /// is judged together with the answer. In a pipe every line is an answer, so there the question is only told.
    fn follow_up(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        let attempted = verdict.label != Label::Correct
            && verdict.misconceptions.is_empty()
            && verdict.trace.as_ref().is_some_and(|trace| trace.expected.is_some());
        let Some(ask) = weakest(verdict).filter(|_| attempted) else { return Ok(()) };
        self.voice.press(&ask)?;
        if !matches!(self.console, Console::Terminal(..)) {
            return Ok(());
        }
        let reply = self.reply()?;
        if matches!(read(&reply), Typed::Answer(_)) {
            self.session.add(&reply, now()).map_err(failure)?;
            self.tell()?;
        }
        Ok(())
    }

    /// What is said when pressed; nothing at the end of the input.
    fn reply(&mut self) -> Result<String, Failure> {
        loop {
            match self.console.read(&prompt(false))? {
                Input::Line(line) => return Ok(line),
                Input::Interrupt => {}
                Input::End => return Ok(String::new()),
            }
        }
    }

    /// The verdict on the last answer, then the judge's view of it where there is a judge.
    fn tell(&mut self) -> Result<(), Failure> {
        let Some(given) = self.session.given().last() else { return Ok(()) };
        self.voice.verdict(&given.instance, &given.verdict, Detail::Brief)?;
        let Some(judge) = &mut self.judge else { return Ok(()) };
        let asked = Instant::now();
        if let Some(judgement) = consult(judge, &given.instance, &given.verdict, &given.answer.answer) {
            self.voice.judgement(&judgement)?;
        }
        // The judge's time is not the learner's.
        self.began += asked.elapsed();
        if judge.gave_up() {
            self.judge = None;
            self.voice.note("The judge is not asked again in this sitting.")?;
        }
        Ok(())
    }

    /// Asks for what was missing, or one step further, and judges the reply.
    fn press(&mut self) -> Result<(), Failure> {
        let Some(given) = self.session.given().last().cloned() else { return Ok(()) };
        let missing = weakest(&given.verdict);
        let follow_up = given.instance.question.follow_ups.first();
        let thin = given.verdict.label != Label::Correct;
        let ask = match (thin, missing, follow_up) {
            (true, Some(probe), _) => probe,
            (false, _, Some(follow_up)) => given.instance.fill(&follow_up.ask).into_owned(),
            _ => return self.tell(),
        };
        self.voice.press(&ask)?;
        let reply = self.reply()?;
        let said = matches!(read(&reply), Typed::Answer(_));
        if thin {
            if said {
                self.session.add(&reply, now()).map_err(failure)?;
            }
            self.tell()?;
        } else {
            self.tell()?;
            if let Some(follow_up) = follow_up {
                let judged =
                    (said && !follow_up.accept.is_empty()).then(|| self.session.accepts(&follow_up.accept, &reply));
                self.voice.reply(judged, &given.instance.fill(&follow_up.answer))?;
            }
        }
        Ok(())
    }

    fn obey(&mut self, command: Command) -> Result<Turn, Failure> {
        match command {
            Command::Hint => self.hint()?,
            Command::Demo => {
                let call = self.session.current().map(|instance| instance.question.demo.clone());
                if let Some(call) = call {
                    self.demo(&call)?;
                }
            }
            Command::Explain => {
                if let Some(instance) = self.session.current() {
                    self.voice.explain(instance)?;
                }
                self.session.skip();
                return Ok(Turn::Next);
            }
            Command::Skip => {
                self.session.skip();
                return Ok(Turn::Next);
            }
            Command::Back if self.session.back() => return Ok(Turn::Next),
            Command::Back => self.voice.note("This is the first question.")?,
            Command::Why => match self.session.given().last() {
                Some(given) => self.voice.verdict(&given.instance, &given.verdict, Detail::Full)?,
                None => self.voice.note("Nothing is answered yet.")?,
            },
            Command::Dispute => match self.session.dispute(now()).map_err(failure)? {
                Some(id) => {
                    self.voice.note(&format!("Noted: the judgement on {id} is disputed. `deltaw stats` lists it."))?
                }
                None => self.voice.note("Nothing is answered yet.")?,
            },
            Command::Stats => self.voice.scorecard(&self.session.scorecard())?,
            Command::Go(id) => {
                match find(self.bank, &id) {
                    Ok(question) => {
                        self.session.go(question);
                        return Ok(Turn::Next);
                    }
                    Err(error) => self.voice.note(&error.to_string())?,
                };
            }
            Command::Help => {
                let lines: Vec<_> = COMMANDS.iter().map(|(name, meaning)| format!(":{name:<8} {meaning}")).collect();
                for line in lines {
                    self.voice.note(&line)?;
                }
            }
            Command::Quit => return Ok(Turn::Leave),
        }
        Ok(Turn::Again)
    }

    fn hint(&mut self) -> Result<(), Failure> {
        let Some(instance) = self.session.current() else { return Ok(()) };
        let hints = &instance.question.hints;
        match hints.get(self.hints) {
            Some(hint) => {
                self.voice.hint(&instance.fill(hint), self.hints + 1, hints.len())?;
                self.hints += 1;
            }
            None => self.voice.note("There are no more hints; :explain gives the answer.")?,
        }
        Ok(())
    }

    /// Runs the demo that refutes a misconception, once a sitting.
    fn refute(&mut self, call: &DemoCall) -> Result<(), Failure> {
        if self.shown.insert(format!("{call:?}")) {
            self.voice.note(&format!("Let us settle that by running it: {} {}", call.name, settings(call)))?;
            self.demo(call)?;
        }
        Ok(())
    }

    fn demo(&mut self, call: &DemoCall) -> Result<(), Failure> {
        let report = demo::compute(&call.name, &call.args);
        match report {
            Ok(report) => self.voice.demo(&report)?,
            Err(error) => self.voice.note(&error.to_string())?,
        }
        Ok(())
    }
}

/// The question for the weakest required point that is missing; the grader puts it first.
fn weakest(verdict: &Verdict) -> Option<String> {
    verdict.missed.iter().filter(|point| point.required).find_map(|point| point.probe.clone())
}

fn settings(call: &DemoCall) -> String {
    call.args.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

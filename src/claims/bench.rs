//! What computations share: the tiny base, demos and training runs, each made once however many claims ask for it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use candle_core::Var;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::{
    analysis::{
        arch::Architecture,
        params::{Method as Counted, trainable},
    },
    demos::{self, Error, Report, lab},
    model::{Decoder, Doors, Projection, Shut},
    peft::{
        Full, Lora, Method as _,
        lora::{Config, Init},
    },
    train::{Batch, Skill, exact_match, loss, skills},
};

/// Examples a step.
const BATCH: usize = 16;

/// Held-out examples whose loss is measured.
const HELD_OUT: usize = 100;

/// Held-out prompts that are answered.
const EXAM: usize = 60;

/// What a LoRA run does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recipe {
    pub(super) rank: usize,
    pub(super) alpha: f64,
    pub(super) rank_stabilised: bool,
    pub(super) targets: &'static [Projection],
    pub(super) init: Init,
    pub(super) rate: f64,
    pub(super) steps: usize,
}

impl Default for Recipe {
    /// Rank 8 with α = r on every projection, 40 steps at a rate at which the tiny base learns its new skill.
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 8.0,
            rank_stabilised: false,
            targets: &Projection::ALL,
            init: Init::Standard,
            rate: 1e-2,
            steps: 40,
        }
    }
}

impl Recipe {
    /// The same at another rank, with α = r.
    pub(super) fn at_rank(rank: usize) -> Self {
        Self { rank, alpha: rank as f64, ..Self::default() }
    }

    /// What the library makes an adapter from.
    pub(super) fn config(&self) -> Config {
        Config {
            rank: self.rank,
            alpha: self.alpha,
            rank_stabilised: self.rank_stabilised,
            targets: self.targets.into(),
            init: self.init,
            ..Config::default()
        }
    }
}

/// A trained method and the loss (nats a token) by step.
pub(super) struct Run<M> {
    pub(super) method: M,
    pub(super) curve: Vec<(f64, f64)>,
}

impl<M> Run<M> {
    /// Mean loss of the last tenth of the steps.
    pub(super) fn last(&self) -> f64 {
        lab::tail(&self.curve)
    }
}

/// What computations share.
pub struct Bench {
    base: Decoder,
    demos: RefCell<BTreeMap<String, Rc<Report>>>,
    loras: RefCell<BTreeMap<String, Rc<Run<Lora>>>>,
    full: RefCell<Option<Rc<Run<Full>>>>,
    numbers: RefCell<BTreeMap<String, Rc<Vec<f64>>>>,
}

impl Bench {
    /// A bench with the tiny base on it.
    ///
    /// # Errors
    /// The base cannot be loaded.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            base: lab::base()?,
            demos: RefCell::default(),
            loras: RefCell::default(),
            full: RefCell::default(),
            numbers: RefCell::default(),
        })
    }

    /// The tiny base.
    pub(super) fn base(&self) -> &Decoder {
        &self.base
    }

    /// A demo's numbers.
    pub(super) fn demo(&self, name: &str, settings: &[(&str, &str)]) -> Result<Rc<Report>, Error> {
        let args: demos::Args = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let key = format!("{name} {args:?}");
        if let Some(report) = self.demos.borrow().get(&key) {
            return Ok(Rc::clone(report));
        }
        let report = Rc::new(demos::run(name, &args)?);
        self.demos.borrow_mut().insert(key, Rc::clone(&report));
        Ok(report)
    }

    /// A LoRA trained on the new skill.
    pub(super) fn lora(&self, recipe: &Recipe) -> Result<Rc<Run<Lora>>, Error> {
        let key = format!("{recipe:?}");
        if let Some(run) = self.loras.borrow().get(&key) {
            return Ok(Rc::clone(run));
        }
        let method = Lora::new(&self.base, recipe.config())?;
        let curve = self.train(&self.base, &method, method.variables(), recipe.steps, recipe.rate)?;
        let run = Rc::new(Run { method, curve });
        self.loras.borrow_mut().insert(key, Rc::clone(&run));
        Ok(run)
    }

    /// The base fully fine-tuned on the new skill, as many steps as [`Recipe`] has.
    pub(super) fn full(&self) -> Result<Rc<Run<Full>>, Error> {
        if let Some(run) = self.full.borrow().as_ref() {
            return Ok(Rc::clone(run));
        }
        let method = Full::new(&self.base)?;
        let variables = method.variables().iter().map(|(_, variable)| variable.clone()).collect();
        let curve = self.train(method.model(), &Shut, variables, Recipe::default().steps, 3e-3)?;
        let run = Rc::new(Run { method, curve });
        *self.full.borrow_mut() = Some(Rc::clone(&run));
        Ok(run)
    }

    /// Numbers that several computations need, made once.
    pub(super) fn numbers(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<Vec<f64>, Error>,
    ) -> Result<Rc<Vec<f64>>, Error> {
        if let Some(numbers) = self.numbers.borrow().get(key) {
            return Ok(Rc::clone(numbers));
        }
        let numbers = Rc::new(make()?);
        self.numbers.borrow_mut().insert(key.to_owned(), Rc::clone(&numbers));
        Ok(numbers)
    }

    /// [`score`](Self::score) of a trained LoRA.
    pub(super) fn lora_score(&self, recipe: &Recipe) -> Result<f64, Error> {
        let run = self.lora(recipe)?;
        Ok(self.numbers(&format!("score {recipe:?}"), || Ok(vec![self.score(&self.base, &run.method)?]))?[0])
    }

    /// [`score`](Self::score) of full fine-tuning.
    pub(super) fn full_score(&self) -> Result<f64, Error> {
        let run = self.full()?;
        Ok(self.numbers("score full", || Ok(vec![self.score(run.method.model(), &Shut)?]))?[0])
    }

    /// Trains on the new skill: (step, loss in nats a token).
    pub(super) fn train(
        &self,
        model: &Decoder,
        doors: &dyn Doors,
        variables: Vec<Var>,
        steps: usize,
        rate: f64,
    ) -> Result<Vec<(f64, f64)>, Error> {
        Ok(lab::train(model, doors, variables, &lab::plan(steps, BATCH, rate, 0)?)?)
    }

    /// Loss of held-out examples of `skills`, nats a token.
    pub(super) fn held_out(&self, model: &Decoder, doors: &dyn Doors, skills: &[Skill]) -> Result<f64, Error> {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let pairs: Vec<_> = (0..HELD_OUT).filter_map(|_| skills::draw(skills, &mut rng, true)).collect();
        let batch = Batch::new(&pairs, self.base.device())?;
        Ok(f64::from(loss(model, doors, &batch)?.to_scalar::<f32>()?))
    }

    /// Share of held-out prompts of the new skill that are answered exactly, in per cent.
    pub(super) fn score(&self, model: &Decoder, doors: &dyn Doors) -> Result<f64, Error> {
        Ok(100.0 * exact_match(model, doors, lab::new_skill()?, EXAM, 7)?)
    }
}

/// A number of a demo.
pub(super) fn of(report: &Report, name: &str) -> Result<f64, Error> {
    let missing = || Error::Other(format!("the demo `{}` has no number `{name}`", report.demo));
    report.numbers.get(name).copied().ok_or_else(missing)
}

/// An architecture by name.
pub(super) fn arch(name: &str) -> Result<&'static Architecture, Error> {
    Architecture::named(name).map_err(Error::Other)
}

/// Trainable parameters of a method on a named architecture.
pub(super) fn count(name: &str, method: &Counted) -> Result<f64, Error> {
    Ok(trainable(arch(name)?, method).map_err(Error::Other)? as f64)
}

/// LoRA, to be counted.
pub(super) fn lora_of(rank: u64, targets: &str) -> Counted {
    Counted::Lora { rank, targets: targets.to_owned() }
}

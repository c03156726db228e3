//! A recipe applied to a base: a model, doors in it, tensors that train, and a way to write them down.

use std::path::Path;

use candle_core::{Result, Var, bail};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{Kind, OptimizerKind, Recipe, fused};
use crate::{
    model::{Decoder, Doors, Projection, Shut, save_dir, save_like},
    optim::{
        AdamW, Groups, Hyper, Optimizer,
        eight_bit::{AdamW8bit, SMALLEST},
        galore::{self, GaLore},
        paged::PagedAdamW,
    },
    peft::{
        Dora, Dropout, Full, Fusion, Ia3, Lora, Method, PTuning, Prefix, Prompt, Start, TiedLora, Vera,
        bottleneck::{self, Adapters},
        dense::Dense,
        houlsby,
        hub::{self, PeftFormat, adapterhub},
        loftq, lora_plus, merge, olora, pfeiffer, pissa, tied_lora, vera,
    },
};

/// Bytes of moments that paged AdamW keeps at hand.
const RESIDENT: usize = 64 << 20;

/// A method that PEFT has a file format for.
trait InPeft: Method + PeftFormat {}

impl<T: Method + PeftFormat> InPeft for T {}

enum Built {
    Lora(Lora),
    Dora(Dora),
    Started(Start),
    Peft(Box<dyn InPeft>),
    Bottleneck(Adapters),
    Fusion(Fusion),
    Tied(TiedLora),
    Full(Full),
}

/// Something that trains.
pub struct Trainee {
    model: Decoder,
    built: Built,
    recipe: Recipe,
}

impl Trainee {
    /// Applies `recipe` to a base. Weights that the method does not need any more are let go.
    ///
    /// # Errors
    /// The recipe's options do not fit the method or the base, or the adapters to be fused cannot be read.
    pub fn new(base: Decoder, recipe: Recipe) -> Result<Self> {
        recipe.check()?;
        let (model, built) = build(base, &recipe)?;
        Ok(Self { model, built, recipe })
    }

    /// A fresh fusion of trained adapters, which stay as they are.
    ///
    /// # Errors
    /// There are fewer than two, or they do not stand at the same places.
    pub fn fusion(base: Decoder, recipe: Recipe, adapters: Vec<Adapters>) -> Result<Self> {
        recipe.check()?;
        let built = Built::Fusion(fusion(&base, &recipe, adapters)?);
        Ok(Self { model: base, built, recipe })
    }

    /// The fusion, whose regulariser is part of what is minimised.
    #[must_use]
    pub fn fused(&self) -> Option<&Fusion> {
        match &self.built {
            Built::Fusion(fusion) => Some(fusion),
            _ => None,
        }
    }

    /// The bottleneck adapters, if the method is one of theirs.
    #[must_use]
    pub fn bottleneck(&self) -> Option<&Adapters> {
        match &self.built {
            Built::Bottleneck(adapters) => Some(adapters),
            _ => None,
        }
    }

    /// The model that runs: the base, what a start left of it, or the copy whose weights train.
    #[must_use]
    pub fn model(&self) -> &Decoder {
        match &self.built {
            Built::Full(full) => full.model(),
            _ => &self.model,
        }
    }

    fn method(&self) -> Option<&dyn Method> {
        Some(match &self.built {
            Built::Lora(method) => method,
            Built::Dora(method) => method,
            Built::Started(start) => &start.adapter,
            Built::Peft(method) => method.as_ref(),
            Built::Bottleneck(method) => method,
            Built::Fusion(method) => method,
            Built::Tied(method) => method,
            Built::Full(_) => return None,
        })
    }

    /// The method's doors.
    #[must_use]
    pub fn doors(&self) -> &dyn Doors {
        match self.method() {
            Some(method) => method,
            None => &Shut,
        }
    }

    /// How it was made.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What is trained, by name.
    #[must_use]
    pub fn named_variables(&self) -> Vec<(String, Var)> {
        match &self.built {
            Built::Full(full) => full.variables().to_vec(),
            _ => self.method().map(Method::named_variables).unwrap_or_default(),
        }
    }

    /// What is trained.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        self.named_variables().into_iter().map(|(_, variable)| variable).collect()
    }

    /// Number of trained parameters.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.variables().iter().map(|variable| variable.elem_count()).sum()
    }

    /// The method's dropout, if it has one that drops anything.
    #[must_use]
    pub fn dropout(&self) -> Option<&Dropout> {
        let dropout = match &self.built {
            Built::Lora(lora) => lora.dropout(),
            Built::Dora(dora) => dora.dropout(),
            _ => return None,
        };
        (dropout.rate() > 0.0).then_some(dropout)
    }

    /// Switches dropout on (training) or off (evaluation).
    pub fn train(&self, on: bool) {
        if let Some(dropout) = self.dropout() {
            dropout.train(on);
        }
    }

    /// The recipe's optimiser for what trains.
    ///
    /// # Errors
    /// The device has no room, or there is no place for pages.
    pub fn optimizer(&self, hyper: Hyper) -> Result<Box<dyn Optimizer>> {
        if self.recipe.method == Kind::Galore {
            let projection = galore::Projection { rank: self.recipe.rank, every: self.recipe.every, scale: 1.0 };
            let projected = |name: &str| name.contains("self_attn") || name.contains("mlp");
            return Ok(Box::new(GaLore::new(&self.named_variables(), hyper, projection, projected)));
        }
        let groups = match (self.recipe.method, self.method()) {
            (Kind::LoraPlus, Some(method)) => lora_plus::groups(method, self.recipe.ratio),
            _ => Groups::from(self.variables()),
        };
        Ok(match self.recipe.optimizer {
            OptimizerKind::Adamw => Box::new(AdamW::new(groups, hyper)?),
            OptimizerKind::Paged => Box::new(PagedAdamW::new(&groups, hyper, RESIDENT)?),
            OptimizerKind::EightBit => Box::new(AdamW8bit::new(groups, hyper, SMALLEST)?),
        })
    }

    /// Writes what was learnt into `dir`: an adapter in its library's format, or a model directory where the method has none (full training,
    /// GaLore, Tied-LoRA). PiSSA and OLoRA become a LoRA of twice the rank for the original base; LoftQ's own base goes into `dir/base`.
    /// `like` is the transformers directory of the base, if it has one.
    ///
    /// # Errors
    /// The place cannot be written.
    pub fn save(&self, dir: &Path, base_name: &str, like: Option<&Path>) -> Result<()> {
        let whole = |model: &Decoder| match like {
            Some(like) => save_like(model, like, dir),
            None => save_dir(model, dir),
        };
        match &self.built {
            Built::Lora(lora) => hub::save(dir, lora, &self.model, base_name),
            Built::Dora(dora) => hub::save(dir, dora, &self.model, base_name),
            Built::Started(start) if self.recipe.method == Kind::Loftq => {
                let own = dir.join("base");
                hub::save(dir, &start.adapter, &self.model, &own.display().to_string())?;
                save_dir(&start.base, &own)
            }
            Built::Started(start) => hub::save(dir, &start.convert()?, &self.model, base_name),
            Built::Peft(method) => {
                let format: &dyn PeftFormat = method.as_ref();
                hub::save(dir, format, &self.model, base_name)
            }
            Built::Bottleneck(adapters) => adapterhub::save(dir, adapters, &self.model, base_name),
            Built::Fusion(fusion) => adapterhub::save_fusion(dir, fusion, &self.model, base_name),
            Built::Tied(tied) => whole(&merge(&self.model, tied)?.model),
            Built::Full(full) => whole(full.model()),
        }
    }

    /// Whether [`save`](Self::save) writes a model, not an adapter.
    #[must_use]
    pub fn is_model(&self) -> bool {
        matches!(self.built, Built::Tied(_) | Built::Full(_))
    }
}

fn build(base: Decoder, recipe: &Recipe) -> Result<(Decoder, Built)> {
    let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
    let bottleneck = bottleneck::Config { width: recipe.width, seed: recipe.seed, ..bottleneck::Config::default() };
    let started = |start: Start| (start.base.clone(), Built::Started(start));
    let built = match recipe.method {
        Kind::Full | Kind::Galore => {
            let full = Full::new(&base)?;
            return Ok((full.model().clone(), Built::Full(full)));
        }
        Kind::Lora | Kind::Rslora | Kind::LoraPlus => Built::Lora(Lora::new(&base, recipe.lora()?)?),
        Kind::Qlora => {
            let base = base.quantised(true)?;
            let lora = Lora::new(&base, recipe.lora()?)?;
            return Ok((base, Built::Lora(lora)));
        }
        Kind::Pissa => return pissa::start(&base, &recipe.lora()?).map(started),
        Kind::Olora => return olora::start(&base, &recipe.lora()?).map(started),
        Kind::Loftq => return loftq::start(&base, &recipe.lora()?, 1).map(started),
        Kind::Dora => Built::Dora(Dora::new(&base, recipe.lora()?)?),
        Kind::Vera => {
            let seed = u32::try_from(recipe.seed).unwrap_or_default();
            let config = vera::Config {
                rank: recipe.rank,
                targets: recipe.targets()?,
                projection_seed: seed,
                ..vera::Config::default()
            };
            Built::Peft(Box::new(Vera::new(&base, config)?))
        }
        Kind::TiedLora => {
            let alpha = recipe.alpha.unwrap_or(recipe.rank as f64);
            let config = tied_lora::Config { rank: recipe.rank, alpha, train_factors: true, seed: recipe.seed };
            Built::Tied(TiedLora::new(&base, &config)?)
        }
        Kind::Ia3 => {
            use Projection::{Down, K, V};
            Built::Peft(Box::new(Ia3::new(&base, &[K, V, Down].into(), &[Down].into())?))
        }
        Kind::Houlsby => Built::Bottleneck(houlsby::new(&base, &bottleneck)?),
        Kind::Pfeiffer => Built::Bottleneck(pfeiffer::new(&base, &bottleneck)?),
        Kind::AdapterFusion => Built::Fusion(fusion(&base, recipe, fused::read(recipe, &base)?)?),
        Kind::Prefix => Built::Peft(Box::new(Prefix::random(recipe.tokens, base.config(), &mut rng, base.device())?)),
        Kind::PrefixMlp => Built::Peft(Box::new(prefix_mlp(&base, recipe, &mut rng)?)),
        Kind::Prompt => Built::Peft(Box::new(Prompt::from_vocabulary(recipe.tokens, &base, &mut rng)?)),
        Kind::PTuning => Built::Peft(Box::new(PTuning::new(recipe.tokens, recipe.width, &base, &mut rng)?)),
    };
    Ok((base, built))
}

fn fusion(base: &Decoder, recipe: &Recipe, adapters: Vec<Adapters>) -> Result<Fusion> {
    if adapters.len() < 2 {
        bail!("adapterfusion chooses between trained adapters: name two or more, each by --fuse DIR");
    }
    Fusion::new(base, adapters, recipe.seed)
}

/// A prefix with the MLP of PEFT's `prefix_projection`.
fn prefix_mlp(base: &Decoder, recipe: &Recipe, rng: &mut ChaCha8Rng) -> Result<Prefix> {
    let (config, device) = (base.config(), base.device());
    let width = config.num_key_value_heads * config.head_dim();
    let embedding = Prefix::table(recipe.tokens, width, rng, device)?;
    let first = Dense::torch(width, recipe.width, rng, device)?;
    let second = Dense::torch(recipe.width, 2 * config.num_hidden_layers * width, rng, device)?;
    Prefix::with_mlp(embedding, first, second, config)
}

//! Several adapters on one base, one of them active: switching and disabling without touching a weight.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, bail};

use super::Method;
use crate::model::{Doors, Shut, Site, Sublayer, Weight};

/// Named adapters of which one, or none, stands in the doors.
#[derive(Default)]
pub struct Switch {
    adapters: BTreeMap<String, Box<dyn Method>>,
    active: Option<String>,
}

impl Switch {
    /// Adds an adapter, not yet active; one of the same name is replaced.
    pub fn add(&mut self, name: impl Into<String>, adapter: Box<dyn Method>) {
        self.adapters.insert(name.into(), adapter);
    }

    /// Makes an adapter the active one.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn activate(&mut self, name: &str) -> Result<()> {
        if !self.adapters.contains_key(name) {
            let names: Vec<&str> = self.adapters.keys().map(String::as_str).collect();
            bail!("there is no adapter `{name}`; there are {}", names.join(", "));
        }
        self.active = Some(name.to_owned());
        Ok(())
    }

    /// Shuts all doors: the model is the base again.
    pub fn disable(&mut self) {
        self.active = None;
    }

    /// The name of the active adapter.
    #[must_use]
    pub fn active(&self) -> Option<&str> {
        self.active.as_deref()
    }

    fn doors(&self) -> &dyn Doors {
        match self.active.as_ref().and_then(|name| self.adapters.get(name)) {
            Some(adapter) => adapter.as_ref(),
            None => &Shut,
        }
    }
}

impl Doors for Switch {
    fn prompt(&self, embedded: Tensor) -> Result<Tensor> {
        self.doors().prompt(embedded)
    }

    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        self.doors().linear(site, weight, x)
    }

    fn cache(&self, layer: usize, keys: Tensor, values: Tensor) -> Result<(Tensor, Tensor)> {
        self.doors().cache(layer, keys, values)
    }

    fn cached_positions(&self) -> usize {
        self.doors().cached_positions()
    }

    fn sublayer(&self, layer: usize, which: Sublayer, branch: Tensor, residual: &Tensor) -> Result<Tensor> {
        self.doors().sublayer(layer, which, branch, residual)
    }
}

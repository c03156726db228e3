//! The trained adapters that a fusion is made of.

use std::{collections::BTreeSet, path::Path};

use candle_core::{Result, bail};

use super::Recipe;
use crate::{
    model::Decoder,
    peft::{
        bottleneck::Adapters,
        hub::{self, Adapter},
    },
};

/// Reads the adapters that a recipe fuses. Names of their own that are not all different give way to the names of their directories: the
/// files of a fusion tell adapters apart by name.
pub(super) fn read(recipe: &Recipe, base: &Decoder) -> Result<Vec<Adapters>> {
    let one = |dir: &Path| match hub::load(dir, base)? {
        Adapter::Bottleneck(adapters) => Ok(adapters),
        other => bail!("{}: this is {}; only Houlsby and Pfeiffer adapters can be fused", dir.display(), other.name()),
    };
    let adapters = recipe.fuse.iter().map(|dir| one(dir)).collect::<Result<Vec<_>>>()?;
    if distinct(adapters.iter().map(Adapters::name)) {
        return Ok(adapters);
    }
    let names: Vec<String> = recipe.fuse.iter().map(|dir| folder(dir)).collect();
    let numbered = |(index, name): (usize, &String)| match distinct(names.iter().map(String::as_str)) {
        true => name.clone(),
        false => format!("{name}_{}", index + 1),
    };
    Ok(names.iter().enumerate().map(numbered).zip(adapters).map(|(name, adapters)| adapters.renamed(&name)).collect())
}

fn distinct<'n>(mut names: impl Iterator<Item = &'n str>) -> bool {
    let mut seen = BTreeSet::new();
    names.all(|name| seen.insert(name))
}

/// The directory's own name, in the letters that a module of torch may be called by.
fn folder(dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    name.chars().map(plain).collect()
}

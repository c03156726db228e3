//! Which projections a method adapts, and values that differ from site to site, by PEFT's rules.

use candle_core::{Error, Result};
use regex::{Regex, RegexBuilder};

use crate::model::{Decoder, Projection, Site};

/// The largest compiled expression, in bytes: configurations come from strangers.
const COMPILED_LIMIT: usize = 1 << 20;

/// A choice of projections, compared with module paths such as `model.layers.0.self_attn.q_proj`.
#[derive(Debug, Clone)]
pub enum Targets {
    /// All seven projections of every layer; the output head is left out (PEFT's `all-linear`).
    AllLinear,
    /// Module names: a whole path or its last parts, such as `q_proj` or `layers.1.mlp.down_proj`.
    Names(Vec<String>),
    /// A regular expression that must match the whole path.
    Pattern(Regex),
}

impl Targets {
    /// A choice by regular expression.
    ///
    /// # Errors
    /// The expression is malformed, or uses look-around or back-references, which Python has and this does not.
    pub fn pattern(expression: &str) -> Result<Self> {
        whole(expression).map(Self::Pattern)
    }

    /// Whether the module of this path is chosen.
    #[must_use]
    pub fn choose(&self, path: &str) -> bool {
        match self {
            Self::AllLinear => Projection::ALL.iter().any(|projection| ends_with_parts(path, projection.name())),
            Self::Names(names) => names.iter().any(|name| ends_with_parts(path, name)),
            Self::Pattern(pattern) => pattern.is_match(path),
        }
    }

    /// The sites of `base` that are chosen, in the order of the forward pass.
    #[must_use]
    pub fn sites(&self, base: &Decoder) -> Vec<Site> {
        let all = base.sites(&Projection::ALL).into_iter();
        all.filter(|site| self.choose(&site.to_string())).collect()
    }
}

impl<const N: usize> From<[Projection; N]> for Targets {
    fn from(projections: [Projection; N]) -> Self {
        Self::from(&projections[..])
    }
}

impl From<&[Projection]> for Targets {
    fn from(projections: &[Projection]) -> Self {
        Self::Names(projections.iter().map(|projection| projection.name().to_owned()).collect())
    }
}

/// Values by site: the first key `k` for which the regular expression `(.*\.)?(k)$` matches the module's path decides.
#[derive(Debug, Clone, Default)]
pub struct Pattern(Vec<(Regex, f64)>);

impl Pattern {
    /// A pattern of keys in order.
    ///
    /// # Errors
    /// A key is no regular expression that is understood here.
    pub fn new(entries: &[(String, f64)]) -> Result<Self> {
        let compile = |(key, value): &(String, f64)| Ok((whole(&format!(r"(.*\.)?({key})"))?, *value));
        entries.iter().map(compile).collect::<Result<_>>().map(Self)
    }

    /// The value for a module, if a key matches it.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<f64> {
        self.0.iter().find(|(key, _)| key.is_match(path)).map(|(_, value)| *value)
    }
}

fn whole(expression: &str) -> Result<Regex> {
    let anchored = format!("^(?:{expression})$");
    RegexBuilder::new(&anchored).size_limit(COMPILED_LIMIT).build().map_err(|error| {
        let reason = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::Msg(format!("`{expression}` is no regular expression that is understood here: {reason}"))
    })
}

/// Whether `ending` is the whole of `path` or its last parts.
pub(super) fn ends_with_parts(path: &str, ending: &str) -> bool {
    path.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const DOWN: &str = "model.layers.1.mlp.down_proj";

    #[test]
    fn names_match_whole_parts_from_the_end() {
        let names = |name: &str| Targets::Names(vec![name.to_owned()]).choose(DOWN);
        assert!(names("down_proj") && names("layers.1.mlp.down_proj") && names(DOWN));
        assert!(!names("proj") && !names("n_proj") && !names("layers.1.mlp") && !names("up_proj"));
    }

    #[test]
    fn an_expression_must_match_the_whole_path() {
        let choose = |expression: &str| Targets::pattern(expression).unwrap().choose(DOWN);
        assert!(choose(r".*\.(up|down)_proj") && choose(r"model\.layers\.[1-3]\..*"));
        assert!(!choose("down_proj") && !choose(r".*\.down"));
        let error = Targets::pattern("(?!x).*").unwrap_err().to_string();
        assert!(error.contains("(?!x)") && error.contains("look-around"), "{error}");
    }

    #[test]
    fn the_first_key_that_matches_decides() {
        let entries = [("layers.1.*down_proj".to_owned(), 6.0), ("down_proj".to_owned(), 2.0)];
        let pattern = Pattern::new(&entries).unwrap();
        assert_eq!(pattern.get(DOWN), Some(6.0));
        assert_eq!(pattern.get("model.layers.0.mlp.down_proj"), Some(2.0));
        assert_eq!(pattern.get("model.layers.0.mlp.up_proj"), None);
    }
}

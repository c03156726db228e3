//! Who may use which adapter, and which one a request gets: the routing file.
//!
//! ```yaml
//! tenants:
//!   - name: acme
//!     key_sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b   # printf %s KEY | sha256sum
//!     adapters: [support, "legal-*"]     # what it may use; * stands for any letters
//!     base: true                         # may it use the base without an adapter? (default: no)
//!     default: support                   # what `model: auto` means when no route fits
//!     routes:                            # tried in order for `model: auto`; all conditions of one must hold
//!       - { user: alice, adapter: legal-en }
//!       - { task: summarise, adapter: support }
//!       - { header: { name: x-region, value: eu }, adapter: legal-eu }
//! ```
//!
//! The file holds hashes of keys, never keys. A key should be long and random: the hash is not slow.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The `model` that stands for whatever the routes say.
pub const AUTO: &str = "auto";

/// The largest number of tenants: every key is compared with all of them.
const TENANTS: usize = 10_000;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// Tenants; the names are distinct.
    pub tenants: Vec<Tenant>,
}

/// Somebody with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Its name, for fairness and logs.
    pub name: String,
    /// SHA-256 of its key, 64 hexadecimal digits; absent only for the one tenant of a server without a routing file.
    pub key_sha256: String,
    /// Patterns of the adapters it may use.
    #[serde(default)]
    pub adapters: Vec<String>,
    /// Whether it may use the base without an adapter.
    #[serde(default)]
    pub base: bool,
    /// What `auto` means when no route fits.
    #[serde(default)]
    pub default: Option<String>,
    /// What `auto` means, condition by condition.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// One rule: where all conditions hold, this adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The request's `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The request's `metadata.task`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// A header of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// The adapter.
    pub adapter: String,
}

/// A header and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name, in any case.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What a request says about itself.
pub struct Asked<'a> {
    /// `user`.
    pub user: Option<&'a str>,
    /// `metadata.task`.
    pub task: Option<&'a str>,
    /// The value of a header, by name.
    pub header: &'a dyn Fn(&str) -> Option<String>,
}

impl Routing {
    /// Reads and checks the text of a routing file (YAML or JSON).
    ///
    /// # Errors
    /// It is malformed, a name or key comes twice, a hash is none, or a route leads where its tenant may not go or where no adapter is.
    pub fn read(text: &str, adapters: &[String]) -> Result<Self, String> {
        let routing: Self = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        routing.check(adapters)?;
        Ok(routing)
    }

    fn check(&self, adapters: &[String]) -> Result<(), String> {
        if self.tenants.is_empty() || self.tenants.len() > TENANTS {
            return Err(format!("there must be from 1 to {TENANTS} tenants"));
        }
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for tenant in &self.tenants {
            let name = &tenant.name;
            if name.is_empty() || !names.insert(name) {
                return Err(format!("tenant `{name}` is nameless or comes twice"));
            }
            let digest = digest_of(&tenant.key_sha256);
            if digest.is_none() || !keys.insert(digest) {
                return Err(format!(
                    "tenant `{name}`: key_sha256 is not 64 hexadecimal digits, or another tenant's; printf %s KEY | sha256sum gives it"
                ));
            }
            for pattern in &tenant.adapters {
                if !adapters.iter().any(|id| matches(pattern, id)) {
                    return Err(format!("tenant `{name}`: no adapter is called `{pattern}`"));
                }
            }
            for id in tenant.routes.iter().map(|route| &route.adapter).chain(&tenant.default) {
                if !adapters.contains(id) || !tenant.may_use(id) {
                    return Err(format!(
                        "tenant `{name}`: a route leads to `{id}`, which is no adapter or not among its `adapters`"
                    ));
                }
            }
            if let Some(route) = tenant.routes.iter().find(|route| route.is_bare()) {
                return Err(format!(
                    "tenant `{name}`: the route to `{}` has no condition; use `default`",
                    route.adapter
                ));
            }
        }
        Ok(())
    }

    /// The tenant whose key this is. Every tenant is compared, each in constant time, so that the time tells nothing about any key.
    #[must_use]
    pub fn tenant(&self, key: &str) -> Option<&Tenant> {
        let digest = Sha256::digest(key.as_bytes());
        let mut found = None;
        for tenant in &self.tenants {
            let own = digest_of(&tenant.key_sha256).unwrap_or_default();
            if bool::from(own.as_slice().ct_eq(digest.as_slice())) {
                found = Some(tenant);
            }
        }
        found
    }
}

impl Tenant {
    /// The one tenant of a server without a routing file: everything is allowed.
    #[must_use]
    pub fn anyone() -> Self {
        Self {
            name: "anyone".to_owned(),
            key_sha256: String::new(),
            adapters: vec!["*".to_owned()],
            base: true,
            default: None,
            routes: Vec::new(),
        }
    }

    /// Whether it may use the adapter `id`.
    #[must_use]
    pub fn may_use(&self, id: &str) -> bool {
        self.adapters.iter().any(|pattern| matches(pattern, id))
    }

    /// The adapter that `auto` means for a request.
    #[must_use]
    pub fn route(&self, asked: &Asked<'_>) -> Option<&str> {
        let route = self.routes.iter().find(|route| route.fits(asked)).map(|route| route.adapter.as_str());
        route.or(self.default.as_deref())
    }
}

impl Route {
    fn is_bare(&self) -> bool {
        self.user.is_none() && self.task.is_none() && self.header.is_none()
    }

    fn fits(&self, asked: &Asked<'_>) -> bool {
        let same = |wanted: &Option<String>, has: Option<&str>| wanted.is_none() || wanted.as_deref() == has;
        let header = |header: &Header| (asked.header)(&header.name).as_deref() == Some(&header.value);
        same(&self.user, asked.user) && same(&self.task, asked.task) && self.header.as_ref().is_none_or(header)
    }
}

/// Whether `id` is of the form `pattern`, in which `*` stands for any letters.
fn matches(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((start, rest)) => id.strip_prefix(start).is_some_and(|tail| {
            tail.char_indices().map(|(place, _)| &tail[place..]).chain([""]).any(|tail| matches(rest, tail))
        }),
    }
}

/// The bytes of 64 hexadecimal digits.
#[must_use]
pub fn digest_of(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, digits) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// SHA-256 of `secret`.
    const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    fn read(tenant: &str) -> Result<Routing, String> {
        let ids = ["support", "legal-en", "legal-eu"].map(str::to_owned);
        Routing::read(&format!("tenants:\n  - {{name: acme, {tenant}}}"), &ids)
    }

    #[test]
    fn keys_find_their_tenant_and_routes_are_tried_in_order() {
        let routing = read(&format!(
            "key_sha256: {SECRET}, adapters: [support, 'legal-*'], default: support, routes: [{{user: alice, task: sum, adapter: legal-en}}, \
             {{header: {{name: x-region, value: eu}}, adapter: legal-eu}}]"
        ))
        .unwrap();
        let acme = routing.tenant("secret").unwrap();
        assert!(routing.tenant("secre").is_none() && routing.tenant("").is_none());
        assert!(acme.may_use("legal-x") && !acme.may_use("illegal-x") && !acme.base);
        let route = |user, task, region: Option<&str>| {
            let header = |_: &str| region.map(str::to_owned);
            acme.route(&Asked { user, task, header: &header }).unwrap().to_owned()
        };
        assert_eq!(route(Some("alice"), Some("sum"), Some("eu")), "legal-en");
        assert_eq!(route(Some("alice"), None, Some("eu")), "legal-eu");
        assert_eq!(route(None, None, None), "support");
    }

    #[test]
    fn mistakes_are_named_at_the_start() {
        let why = |tenant: &str| read(tenant).unwrap_err();
        assert!(why("key_sha256: short").contains("sha256sum"));
        assert!(why(&format!("key_sha256: {SECRET}, adapters: [absent]")).contains("absent"));
        assert!(why(&format!("key_sha256: {SECRET}, adapters: [support], default: legal-en")).contains("legal-en"));
        assert!(
            why(&format!("key_sha256: {SECRET}, adapters: [support], routes: [{{adapter: support}}]"))
                .contains("condition")
        );
        assert!(why(&format!("key_sha256: {SECRET}, key: secret")).contains("key"));
        let twice = format!("tenants: [{{name: a, key_sha256: {SECRET}}}, {{name: b, key_sha256: {SECRET}}}]");
        assert!(Routing::read(&twice, &[]).unwrap_err().contains('b'));
    }
}

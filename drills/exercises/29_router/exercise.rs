//! A router: key, tenant, adapter.

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
    todo!()
}

/// Whose key it is.
pub fn tenant<'a>(tenants: &'a [Tenant], key: Option<&str>) -> Result<&'a Tenant, Refusal> {
    todo!()
}

/// What answers a request for `model` that brings `key`; `loaded` are the adapters there are.
pub fn route(tenants: &[Tenant], loaded: &[&str], key: Option<&str>, model: &str) -> Result<Served, Refusal> {
    todo!()
}

//! diagnosis: part of a key opens the door

#[derive(Debug, Clone)]
pub struct Tenant {
    pub name: &'static str,
    pub keys: &'static [&'static str],
    pub adapters: &'static [&'static str],
    pub auto: Option<&'static str>,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served {
    Base,
    Adapter(String),
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    NoKey,
    NoSuchModel,
}
pub fn check(tenants: &[Tenant]) -> Result<(), String> {
    for (index, tenant) in tenants.iter().enumerate() {
        for key in tenant.keys {
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
pub fn tenant<'a>(tenants: &'a [Tenant], key: Option<&str>) -> Result<&'a Tenant, Refusal> {
    let key = key.ok_or(Refusal::NoKey)?;
    tenants.iter().find(|tenant| tenant.keys.iter().any(|own| own.starts_with(key))).ok_or(Refusal::NoKey)
}
pub fn route(tenants: &[Tenant], loaded: &[&str], key: Option<&str>, model: &str) -> Result<Served, Refusal> {
    let tenant = tenant(tenants, key)?;
    let usable = |name: &str| may_use(tenant, name) && loaded.contains(&name);
    match model {
        "base" => Ok(Served::Base),
        "auto" => {
            Ok(tenant.auto.filter(|name| usable(name)).map_or(Served::Base, |name| Served::Adapter(name.to_owned())))
        }
        name if usable(name) => Ok(Served::Adapter(name.to_owned())),
        _ => Err(Refusal::NoSuchModel),
    }
}

fn may_use(tenant: &Tenant, adapter: &str) -> bool {
    tenant.adapters.contains(&adapter) || tenant.adapters.contains(&"*")
}

//! Public tests: what the table in the text says, row by row.

use deltaw::classroom::Suite;

use super::answer::{Refusal, Served, Tenant, check, route, tenant};

pub fn tenants() -> Vec<Tenant> {
    vec![
        Tenant {
            name: "law",
            keys: &["sk-law-1", "sk-law-2"],
            adapters: &["contracts", "briefs"],
            auto: Some("contracts"),
        },
        Tenant { name: "shop", keys: &["sk-shop"], adapters: &["support"], auto: None },
        Tenant { name: "ops", keys: &["sk-ops"], adapters: &["*"], auto: Some("night") },
    ]
}

/// `night` is not loaded.
pub const LOADED: [&str; 3] = ["contracts", "support", "briefs"];

/// Why a request is refused, in words.
pub fn why(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoKey => "no key",
        Refusal::NoSuchModel => "no such model",
    }
}

/// An answer in words: whether two of the student's own values are equal is for the tests to say.
pub fn told(answer: Result<Served, Refusal>) -> Result<String, &'static str> {
    match answer {
        Ok(Served::Base) => Ok("the base".to_owned()),
        Ok(Served::Adapter(name)) => {
            let name: String = name;
            Ok(format!("adapter {name}"))
        }
        Err(refusal) => Err(why(refusal)),
    }
}

pub fn base() -> Result<String, &'static str> {
    Ok("the base".to_owned())
}

pub fn adapter(name: &str) -> Result<String, &'static str> {
    Ok(format!("adapter {name}"))
}

const NO_KEY: Result<&str, &str> = Err("no key");

/// What `told` makes of a refusal.
pub fn refused(why: &'static str) -> Result<String, &'static str> {
    Err(why)
}

pub fn register(suite: &mut Suite) {
    suite.case("who asks", 2, |case| {
        let all = tenants();
        let name = |key| tenant(&all, key).map(|tenant| tenant.name).map_err(why);
        case.same("a tenant's second key", name(Some("sk-law-2")), Ok("law"));
        case.same("no key", name(None), NO_KEY).mistake_same("a request without a key is let in", Ok::<_, &str>("law"));
        case.same("the beginning of a key", name(Some("sk-")), NO_KEY)
            .mistake_same("part of a key opens the door: compare the whole key", Ok::<_, &str>("law"));
        case.same("a key in other letters", name(Some("SK-SHOP")), NO_KEY)
            .mistake_same("keys are case-sensitive", Ok::<_, &str>("shop"));
        Ok(())
    });
    suite.case("a tenant's own adapters", 2, |case| {
        let ask = |key, model| told(route(&tenants(), &LOADED, Some(key), model));
        case.same("law asks for briefs", ask("sk-law-1", "briefs"), adapter("briefs"));
        case.same("everybody may ask for the base", ask("sk-shop", "base"), base())
            .mistake_same("the base is nobody's adapter: every tenant may use it", refused("no such model"));
        case.same("an operator asks for support", ask("sk-ops", "support"), adapter("support"))
            .mistake_same("* is taken for a name; it allows all that are loaded", refused("no such model"));
        Ok(())
    });
    suite.case("what belongs to others", 3, |case| {
        let ask = |key, model| told(route(&tenants(), &LOADED, Some(key), model));
        case.same("shop asks for contracts", ask("sk-shop", "contracts"), refused("no such model"))
            .mistake_same("another tenant's adapter is served: ask what this tenant may use", adapter("contracts"))
            .mistake_same("the key is good: it is the model that is refused", refused("no key"))
            .mistake_same("what must be refused is answered by the base", base());
        case.same("shop asks for what is nowhere", ask("sk-shop", "recipes"), refused("no such model"));
        Ok(())
    });
    suite.case("auto", 2, |case| {
        let ask = |key| told(route(&tenants(), &LOADED, Some(key), "auto"));
        case.same("law", ask("sk-law-1"), adapter("contracts"));
        case.same("shop, which has none", ask("sk-shop"), base())
            .mistake_same("without an auto adapter the base answers", refused("no such model"));
        case.same("ops, whose adapter is not loaded", ask("sk-ops"), base())
            .mistake_same("auto names an adapter that is not loaded: fall back to the base", adapter("night"));
        Ok(())
    });
    suite.case("the check at the start", 2, |case| {
        let mut all = tenants();
        case.same("these tenants", check(&all).is_ok(), true);
        all[1].keys = &["sk-law-2"];
        case.refuses("two tenants with one key", &check(&all), "two tenants share a key: whose request is it?");
        let mut all = tenants();
        all[1].auto = Some("contracts");
        case.refuses("an auto that is not allowed", &check(&all), "auto gives a tenant an adapter that it may not use");
        Ok(())
    });
}

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

fn adapter(name: &str) -> Result<Served, Refusal> {
    Ok(Served::Adapter(name.to_owned()))
}

pub fn register(suite: &mut Suite) {
    suite.case("who asks", 2, |case| {
        let all = tenants();
        let name = |key| tenant(&all, key).map(|tenant| tenant.name);
        case.same("a tenant's second key", name(Some("sk-law-2")), Ok("law"));
        case.same("no key", name(None), Err(Refusal::NoKey))
            .mistake_same("a request without a key is let in", Ok::<_, Refusal>("law"));
        case.same("the beginning of a key", name(Some("sk-")), Err(Refusal::NoKey))
            .mistake_same("part of a key opens the door: compare the whole key", Ok::<_, Refusal>("law"));
        case.same("a key in other letters", name(Some("SK-SHOP")), Err(Refusal::NoKey))
            .mistake_same("keys are case-sensitive", Ok::<_, Refusal>("shop"));
        Ok(())
    });
    suite.case("a tenant's own adapters", 2, |case| {
        let ask = |key, model| route(&tenants(), &LOADED, Some(key), model);
        case.same("law asks for briefs", ask("sk-law-1", "briefs"), adapter("briefs"));
        case.same("everybody may ask for the base", ask("sk-shop", "base"), Ok(Served::Base)).mistake_same(
            "the base is nobody's adapter: every tenant may use it",
            Err::<Served, _>(Refusal::NoSuchModel),
        );
        case.same("an operator asks for support", ask("sk-ops", "support"), adapter("support")).mistake_same(
            "* is taken for a name; it allows all that are loaded",
            Err::<Served, _>(Refusal::NoSuchModel),
        );
        Ok(())
    });
    suite.case("what belongs to others", 3, |case| {
        let ask = |key, model| route(&tenants(), &LOADED, Some(key), model);
        case.same("shop asks for contracts", ask("sk-shop", "contracts"), Err(Refusal::NoSuchModel))
            .mistake_same("another tenant's adapter is served: ask what this tenant may use", adapter("contracts"))
            .mistake_same("the key is good: it is the model that is refused", Err::<Served, _>(Refusal::NoKey));
        case.same("shop asks for what is nowhere", ask("sk-shop", "recipes"), Err(Refusal::NoSuchModel));
        Ok(())
    });
    suite.case("auto", 2, |case| {
        let ask = |key| route(&tenants(), &LOADED, Some(key), "auto");
        case.same("law", ask("sk-law-1"), adapter("contracts"));
        case.same("shop, which has none", ask("sk-shop"), Ok(Served::Base))
            .mistake_same("without an auto adapter the base answers", Err::<Served, _>(Refusal::NoSuchModel));
        case.same("ops, whose adapter is not loaded", ask("sk-ops"), Ok(Served::Base))
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

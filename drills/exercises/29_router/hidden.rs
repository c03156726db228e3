//! Hidden tests: other tenants, and rules that hold for every request.

use deltaw::classroom::Suite;

use super::{
    answer::{Tenant, check, route},
    tests::{adapter, base, refused, told},
};

fn tenants() -> Vec<Tenant> {
    vec![
        Tenant { name: "a", keys: &["k"], adapters: &["x"], auto: Some("x") },
        Tenant { name: "b", keys: &["kk", "kkk"], adapters: &[], auto: None },
        Tenant { name: "c", keys: &["c"], adapters: &["*"], auto: None },
    ]
}

pub fn register(suite: &mut Suite) {
    suite.case("keys that contain each other", 2, |case| {
        let ask = |key, model| told(route(&tenants(), &["x"], key, model));
        case.same("kk is b, which has no adapter", ask(Some("kk"), "x"), refused("no such model"));
        case.same("k is a", ask(Some("k"), "x"), adapter("x"));
        case.same("an empty key", ask(Some(""), "base"), refused("no key"));
        case.same("no key, not even for the base", ask(None, "base"), refused("no key"));
        Ok(())
    });
    suite.case("absent and forbidden look the same", 2, |case| {
        let ask = |model| told(route(&tenants(), &["x"], Some("kkk"), model));
        case.same("forbidden", ask("x"), refused("no such model"));
        case.that("and absent", ask("x") == ask("y"), "the answers differ, so adapters of others can be found out");
        Ok(())
    });
    suite.case("nothing is loaded", 2, |case| {
        let ask = |key, model| told(route(&tenants(), &[], Some(key), model));
        case.same("auto", ask("k", "auto"), base());
        case.same("an own adapter", ask("k", "x"), refused("no such model"));
        case.same("* is no adapter itself", ask("c", "*"), refused("no such model"));
        case.same("all of nothing", ask("c", "x"), refused("no such model"));
        Ok(())
    });
    suite.case("other checks", 1, |case| {
        case.same("no tenants", check(&[]).is_ok(), true);
        let mut all = tenants();
        all[2].auto = Some("anything");
        case.same("* allows any auto", check(&all).is_ok(), true);
        all[2].keys = &["new", "k"];
        case.refuses(
            "the first and the last share a key",
            &check(&all),
            "two tenants share a key that are not neighbours in the list",
        );
        Ok(())
    });
}

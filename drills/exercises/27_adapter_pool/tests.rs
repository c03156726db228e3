//! Public tests, by hand: a budget of 100 bytes.

use deltaw::classroom::Suite;

use super::answer::Pool;

pub fn register(suite: &mut Suite) {
    suite.case("there and not there", 2, |case| {
        let mut pool = Pool::new(100);
        case.exact("first request of 1", pool.request(1, 40, &[])?, 0);
        case.exact("second request of 1", pool.request(1, 40, &[])?, 1);
        case.exact("bytes", pool.used(), 40).mistake("an adapter that is there is counted again", 80);
        case.exact("resident", pool.resident(), [1]);
        Ok(())
    });
    suite.case("the one requested longest ago leaves", 3, |case| {
        let mut pool = Pool::new(100);
        for id in [1, 2] {
            pool.request(id, 40, &[])?;
        }
        pool.request(1, 40, &[])?;
        pool.request(3, 40, &[])?;
        case.exact("resident after 1, 2, 1, 3", pool.resident(), [1, 3])
            .mistake("the one that came first leaves; it was requested again since", [2, 3])
            .mistake("nothing leaves: the budget is passed", [2, 1, 3])
            .mistake("more leaves than needed", [3]);
        case.exact("bytes", pool.used(), 80);
        Ok(())
    });
    suite.case("exactly full", 1, |case| {
        let mut pool = Pool::new(100);
        pool.request(1, 60, &[])?;
        pool.request(2, 40, &[])?;
        case.exact("resident", pool.resident(), [1, 2]).mistake("off by one: what just fits, fits", [2]);
        case.exact("bytes", pool.used(), 100);
        Ok(())
    });
    suite.case("what the batch uses stays", 3, |case| {
        let mut pool = Pool::new(100);
        for id in [1, 2] {
            pool.request(id, 40, &[])?;
        }
        pool.request(3, 40, &[1])?;
        case.exact("resident after 1, 2, then 3 while 1 runs", pool.resident(), [1, 3])
            .mistake("an adapter left that the running batch uses", [2, 3])
            .mistake("nothing leaves: the budget is passed", [1, 2, 3]);
        Ok(())
    });
    suite.case("no room", 2, |case| {
        let mut pool = Pool::new(100);
        for id in [1, 2] {
            pool.request(id, 40, &[])?;
        }
        case.exact("resident", pool.resident(), [1, 2]);
        case.refuses(
            "70 bytes while 1 runs",
            &pool.request(3, 70, &[1]),
            "70 bytes do not fit beside the running 40 of 100",
        );
        case.exact("resident after the refusal", pool.resident(), [1, 2])
            .mistake("the request failed, but an adapter has left: find room before you throw out", [1]);
        case.refuses("101 bytes", &pool.request(4, 101, &[]), "an adapter larger than the budget never fits");
        case.exact("bytes after the refusals", pool.used(), 80)
            .mistake("the request failed, but an adapter has left: find room before you throw out", 0);
        Ok(())
    });
}

//! Hidden tests: different sizes, by hand.

use deltaw::classroom::Suite;

use super::answer::Pool;

pub fn register(suite: &mut Suite) {
    suite.case("several leave for a large one, and no more", 3, |case| {
        let mut pool = Pool::new(1000);
        for (id, bytes) in [(10, 300), (11, 200), (12, 100), (13, 400)] {
            pool.request(id, bytes, &[])?;
        }
        // 450 wanted: 10 leaves (300), 11 leaves (500 free).
        case.exact("was it there?", pool.request(14, 450, &[])?, 0);
        case.exact("resident", pool.resident(), [12, 13, 14]);
        case.exact("bytes", pool.used(), 950);
        // 12 again, then 300 while 13 runs: 14 leaves, though 13 was requested before it.
        case.exact("12 is there", pool.request(12, 100, &[])?, 1);
        pool.request(15, 300, &[13])?;
        case.exact("resident", pool.resident(), [13, 12, 15]);
        Ok(())
    });
    suite.case("all running", 2, |case| {
        let mut pool = Pool::new(10);
        pool.request(1, 5, &[])?;
        pool.request(2, 5, &[])?;
        case.exact("bytes", pool.used(), 10);
        case.refuses("a third while both run", &pool.request(3, 1, &[1, 2]), "both run: there is no room");
        case.exact("resident", pool.resident(), [1, 2]);
        case.exact("one that is there needs no room", pool.request(1, 5, &[1, 2])?, 1);
        case.exact("resident", pool.resident(), [2, 1]);
        Ok(())
    });
    suite.case("sixteen-megabyte adapters", 1, |case| {
        // r = 16 on q and v of Llama-2-7B in 16 bits: 16,777,216 bytes. 89 of them fit into 1.5 GB.
        let mut pool = Pool::new(1_500_000_000);
        for id in 0..200 {
            pool.request(id, 16_777_216, &[])?;
        }
        case.exact("how many", pool.resident().len(), 89);
        case.exact("the oldest", pool.resident().first().copied(), Some(111));
        Ok(())
    });
}

//! Which threads compute on the CPU.
//!
//! candle hands products to rayon's global pool, and whatever else is large to a pool of its own, whose workers go on looking for work (for
//! 25,000 rounds) after each operation. A program whose main thread waits for both has more busy threads than cores, and each product begins
//! with one thread waking another. Measured on two cores: a LoRA step takes a quarter less time if the thread that asks for products
//! computes them too, and candle's own workers go to sleep soon (`docs/benchmarks/peers.md` has the other methods).

use candle_core::utils::get_num_threads;
use rayon::ThreadPoolBuilder;

/// The environment variable of candle that says for how many rounds its workers look for work before they sleep, and the value that a program
/// should start with. candle reads it once, when it first needs its workers.
pub const SPIN_LIMIT: (&str, &str) = ("CANDLE_BARRIER_POOL_SPIN_LIMIT", "100");

/// Makes the calling thread one of those of rayon's global pool, and says whether it is. To be called once, early, by the thread that trains or
/// generates: nothing happens if the pool exists already, nor where there is one core only (whoever else needed the pool would wait for this
/// thread forever).
pub fn join_pool() -> bool {
    let threads = get_num_threads();
    threads > 1 && ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global().is_ok()
}

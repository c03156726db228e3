//! How the result is served, and what that costs.

use super::{Choice, Item, Serving, Situation, Start, fit::USABLE};

/// Requests of different adapters that share a step, for the arithmetic.
const BATCH: u64 = 32;

/// What serving adds to the advice.
pub(super) struct Served {
    /// Ends the recommendation.
    pub(super) how: &'static str,
    /// Whether adapters stay apart.
    pub(super) many: bool,
    pub(super) because: Vec<String>,
    pub(super) arithmetic: Vec<Item>,
}

pub(super) fn of(situation: &Situation, choice: Choice, start: &Start) -> Served {
    let adapters = matches!(choice, Choice::Lora | Choice::Qlora);
    let (model, tasks) = (&situation.model, situation.tasks);
    let base = 2.0 * model.total as f64;
    // Merged is merged in 16 bits; where that is more than there is, the adapter stays beside the base it was trained on.
    let too_large = base > USABLE * situation.memory * situation.gpus as f64;
    let many = adapters
        && match situation.serving {
            Serving::Many => true,
            Serving::Merged => false,
            Serving::Auto => tasks > 1 || too_large,
        };
    let one = 2.0 * start.adapter as f64;
    let item = |what: String, value, unit| Item { what, value, unit };
    let (mut because, mut arithmetic) = (Vec::new(), Vec::new());
    if !adapters {
        if choice == Choice::Full && tasks == 1 {
            arithmetic.push(item("the checkpoint, in 16 bits".to_owned(), base / 1e9, "GB"));
        }
        return Served { how: "", many, because, arithmetic };
    }
    arithmetic.push(item("one adapter, in 16 bits".to_owned(), one / 1e6, "MB"));
    if many && tasks == 1 && !too_large {
        because.push(format!(
            "As asked, the adapter stays beside the base: it can be swapped, and others can join it. Merged, the model takes {:.0} GB and a \
             request is a little faster (claim lora-no-latency).",
            base / 1e9
        ));
        return Served { how: ", the adapter kept beside the base", many, because, arithmetic };
    }
    if many && tasks == 1 {
        because.push(format!(
            "Merged in 16 bits the model takes {:.0} GB, more than there is: serve the adapter beside the base it was trained on. Merged into \
             four bits most of the update would be lost (claim merge-into-quantised).",
            base / 1e9
        ));
        return Served { how: ", the adapter kept beside the 4-bit base", many, because, arithmetic };
    }
    if many {
        let distinct = BATCH.min(tasks);
        arithmetic.push(item(format!("{tasks} adapters in host memory"), tasks as f64 * one / 1e9, "GB"));
        arithmetic.push(item(
            format!("adapter weights that a decode step reads with {distinct} distinct ones, of the base's"),
            100.0 * distinct as f64 * one / base,
            "%",
        ));
        because.push("One base for all tasks, adapters beside it: requests of different adapters share the base's products (claims punica, s-lora).".to_owned());
        because.push(
            "A KV cache belongs to one adapter: prefix caches cannot be shared between them (claim kv-cache-adapters)."
                .to_owned(),
        );
        if situation.latency {
            because.push(format!(
                "Latency counts: unmerged, each matrix costs two more small kernels. Where one task matters most, merge that one; merged copies \
                 of all {tasks} take {:.0} GB (claim lora-no-latency).",
                tasks as f64 * base / 1e9
            ));
        }
        return Served { how: ", adapters kept apart and batched", many, because, arithmetic };
    }
    let models = if tasks == 1 { "the merged model".to_owned() } else { format!("{tasks} merged models") };
    arithmetic.push(item(format!("{models}, in 16 bits"), tasks as f64 * base / 1e9, "GB"));
    if too_large {
        because.push("A merged model in 16 bits does not fit these cards: serve it elsewhere, or keep the adapter beside the 4-bit base.".to_owned());
    }
    because.push(match choice {
        Choice::Qlora => "Merge into a dequantised 16-bit copy of the base, not into the 4-bit one: there most of the update is lost (claim merge-into-quantised).".to_owned(),
        _ => "Merged, it costs nothing at inference (claim lora-no-latency). Keep a clean copy of the base: unmerging does not restore it (claim merge-then-serve).".to_owned(),
    });
    if tasks > 4 {
        because.push(format!("{tasks} merged models cannot share a batch. Adapters kept apart can: --serving many."));
    }
    Served { how: ", merged for serving", many, because, arithmetic }
}

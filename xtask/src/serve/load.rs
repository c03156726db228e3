//! `cargo xtask load-test`: wrk on loopback, hundreds of adapters, a budget for a tenth of them, and hostile company.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use candle_core::Device;
use deltaw::{model::Base, peft::hub};

use super::{
    Outcome, fleet, hostile,
    process::{KEY, Server},
};

/// Adapters that are broken on disk during the test; wrk does not ask for them.
const VICTIMS: usize = 5;

/// Arguments of the load test.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Adapters
    #[arg(long, default_value_t = 300)]
    adapters: usize,
    /// Seconds of load
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Connections of wrk
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// Runs it and prints a report in Markdown.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    let root = Path::new("target/load-test");
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let (base, adapters) = (Base::tiny(&Device::Cpu)?, root.join("adapters"));
    let cases = fleet::make(&adapters, "lora", args.adapters, &base)?;
    fleet::make(&adapters, "secret", 1, &base)?;
    let bytes: u64 = cases.iter().map(|case| size(&adapters.join(&case.model))).sum::<Outcome<u64>>()?;
    let cases_file = write_cases(root, &cases[VICTIMS..])?;
    let tenth = bytes / 10;
    let budgets = [format!("{}", 2 * tenth), format!("{tenth}")];
    let mut server = Server::start(
        root,
        &["--device-budget", &budgets[0], "--host-budget", &budgets[1], "--max-waiting", "400", "--patience", "3"],
    )?;
    let idle = server.peak_memory()?;

    let over = Arc::new(AtomicBool::new(false));
    let victims: Vec<PathBuf> = cases[..VICTIMS].iter().map(|case| adapters.join(&case.model)).collect();
    let (address, flag) = (server.address.clone(), Arc::clone(&over));
    let company =
        thread::spawn(move || hostile::mischief(&address, &victims, &flag).map_err(|error| error.to_string()));
    let wrk = Command::new("wrk")
        .args(["-t", "1", "-c", &args.connections.to_string(), "-d", &format!("{}s", args.seconds), "--timeout", "60s"])
        .args(["-s", "xtask/serve/load.lua", &format!("http://{}", server.address)])
        .env("LOAD_CASES", &cases_file)
        .output()?;
    over.store(true, Ordering::Relaxed);
    let tally = company.join().map_err(|_| "the hostile company stumbled")??;
    let output = String::from_utf8_lossy(&wrk.stdout).into_owned();
    fs::write(root.join("wrk.txt"), &output)?;
    let result = output
        .lines()
        .find_map(|line| line.strip_prefix("RESULT "))
        .ok_or("wrk gave no result; see target/load-test/wrk.txt")?;
    let result: serde_json::Value = serde_json::from_str(result)?;

    // Requests of clients that left are still let go of.
    thread::sleep(Duration::from_secs(2));
    let count = |name: &str| server.counter(name);
    let (accepted, completed) = (count("requests_accepted_total")?, count("requests_completed_total")?);
    let (cancelled, failed) = (count("requests_cancelled_total")?, count("requests_failed_total")?);
    let (pages, peak) = (count("device_pages")?, count("device_pages_peak")?);
    let page_bytes = count("device_page_bytes")?;
    let mut report = String::new();
    writeln!(report, "| what | figure |\n|---|---|")?;
    let mut row = |what: &str, figure: String| writeln!(report, "| {what} | {figure} |");
    let of = |name: &str| result[name].to_string();
    row("adapters, and their bytes", format!("{}, {:.1} MB", args.adapters, bytes as f64 / 1e6))?;
    row(
        "budgets: host; device, keys and values included",
        format!("{:.1} MB; {:.1} MB", tenth as f64 / 1e6, 2.0 * tenth as f64 / 1e6),
    )?;
    row(
        "wrk's requests, in seconds, over connections",
        format!("{}, {}, {}", of("requests"), of("seconds"), args.connections),
    )?;
    row(
        "answers: right, wrong, 429, 503, other",
        ["right", "wrong", "full", "unavailable", "other"].map(of).join(", "),
    )?;
    row("wrk's socket errors", of("socket_errors"))?;
    row("latency p50, p99, ms", format!("{}, {}", of("p50_ms"), of("p99_ms")))?;
    row(
        "hostile: disconnects, malformed bodies, forbidden, dawdlers, files broken",
        format!("{}, {}, {}, {}, {}", tally.disconnects, tally.malformed, tally.forbidden, tally.dawdlers, tally.files),
    )?;
    row("accepted = completed + cancelled + failed", format!("{accepted} = {completed} + {cancelled} + {failed}"))?;
    row(
        "adapters read from disk, prefetched, evicted from host, from device",
        format!(
            "{}, {}, {}, {}",
            count("adapter_disk_loads_total")?,
            count("adapter_prefetches_total")?,
            count("adapter_host_evictions_total")?,
            count("adapter_device_evictions_total")?
        ),
    )?;
    row("device pages at most in use, of", format!("{peak}, {pages} ({:.1} MB)", (pages * page_bytes) as f64 / 1e6))?;
    row(
        "largest resident memory before, after, MB",
        format!("{:.1}, {:.1}", idle as f64 / 1e6, server.peak_memory()? as f64 / 1e6),
    )?;
    println!("{report}");
    tally.surprises.iter().for_each(|surprise| println!("surprise: {surprise}"));
    let ok = result["wrong"] == 0
        && result["other"] == 0
        && result["socket_errors"] == 0
        && result["right"].as_u64() > Some(0);
    let whole = accepted == completed + cancelled + failed && peak <= pages && tally.surprises.is_empty();
    let alive = server.alive()?;
    match ok && whole && alive && server.stop()? {
        true => Ok(()),
        false => Err("the load test found something; see the table, target/load-test/wrk.txt and server.log".into()),
    }
}

fn size(dir: &Path) -> Outcome<u64> {
    Ok(fs::metadata(dir.join(hub::TENSORS))?.len())
}

/// The cases as wrk's Lua reads them.
fn write_cases(root: &Path, cases: &[fleet::Case]) -> Outcome<PathBuf> {
    let rows: String =
        cases.iter().map(|case| format!("{{{:?}, {:?}, {:?}}},\n", case.model, case.prompt, case.text)).collect();
    let file = root.join("cases.lua");
    fs::write(&file, format!("return {{key = {:?}, cases = {{\n{rows}}}}}\n", KEY.0))?;
    Ok(file)
}

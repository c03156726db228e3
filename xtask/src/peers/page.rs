//! The table and what stands around it.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use super::{Args, Measured, Outcome, rows::Side};

/// What is known of the rows that are not ahead; written by hand, for the committed table.
const REASONS: &str = include_str!("../../../benches/peers/reasons.md");

/// Clock or processor.
type Which = usize;
const CLOCK: Which = 0;
const PROCESSOR: Which = 1;

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

fn typical(side: &Side, which: Which) -> f64 {
    median(side.times.iter().map(|time| time[which]).collect())
}

/// Least and largest theirs / ours of a round.
fn spread(row: &Measured) -> (f64, f64) {
    let ratios = row.ours.times.iter().zip(&row.theirs.times).map(|(ours, theirs)| theirs[CLOCK] / ours[CLOCK]);
    ratios.fold((f64::INFINITY, 0.0), |(low, high), ratio| (low.min(ratio), high.max(ratio)))
}

fn seconds(time: f64) -> String {
    match time {
        time if time.is_nan() => "–".to_owned(),
        time if time < 0.1 => format!("{:.2} ms", time * 1e3),
        time => format!("{time:.2} s"),
    }
}

/// A row of the table.
pub(super) fn line(row: &Measured) -> String {
    let ((low, high), ratio) = (spread(row), typical(&row.theirs, CLOCK) / typical(&row.ours, CLOCK));
    let processor = typical(&row.theirs, PROCESSOR) / typical(&row.ours, PROCESSOR);
    let processor = if processor.is_nan() { "–".to_owned() } else { format!("{processor:.2}") };
    format!(
        "| {} | {} | {} | {} | {ratio:.2} ({low:.2}–{high:.2}) | {processor} | {:.2} | {:.2} | {} |",
        row.name,
        row.peer,
        seconds(typical(&row.ours, CLOCK)),
        seconds(typical(&row.theirs, CLOCK)),
        row.ours.memory[1] as f64 / 1e3,
        row.theirs.memory[1] as f64 / 1e3,
        row.remark,
    )
}

/// The page.
pub(super) fn text(rows: &[Measured], python: &Path, args: &Args) -> Outcome<String> {
    let mut text = String::from(
        "# Beside what people would use instead\n\n\
         `cargo xtask bench-peers`: deltaw and the Python library each in a process of its own, on the same shapes and threads, taking turns round \
         after round. Times are medians by the clock; the ratio is theirs over ours, so above 1 deltaw is faster, with the least and the largest \
         of a single round. Before each turn both rest for a fifth of a second, because idle threads of OpenMP and OpenBLAS keep a core busy for a while; \
         work under half a second takes five times the rounds. Memory is the most that the process had resident, libraries included. Models have SmolLM2-135M's shape, f32; r = 8 on \
         all projections, VeRA r = 256, GaLore r = 32, bottlenecks 16 wide.\n\n",
    );
    writeln!(text, "{} rounds (short work: {}). {}\n", args.rounds, 5 * args.rounds, machine(python)?)?;
    text.push_str(
        "| what | peer | deltaw | peer | theirs / ours | processor time, theirs / ours | deltaw, GB | peer, GB | |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        writeln!(text, "{}", line(row))?;
    }
    text.push('\n');
    text.push_str(REASONS);
    Ok(text)
}

/// Date, processor, load and versions.
fn machine(python: &Path) -> Outcome<String> {
    let said = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": a processor without a name");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let versions = "import importlib.metadata as m\n\
        for n in ('torch', 'transformers', 'peft', 'bitsandbytes', 'galore-torch', 'numpy', 'scipy'):\n\
        \ttry: print(n, m.version(n), end=', ')\n\
        \texcept m.PackageNotFoundError: pass";
    let versions = said(python, &["-c", versions]).unwrap_or_default();
    Ok(format!(
        "{}, {} cores of {}, load {} at the end; {}, {}.",
        said(Path::new("date"), &["+%Y-%m-%d"]).unwrap_or_default(),
        std::thread::available_parallelism()?,
        cpu.trim_start_matches([' ', '\t', ':']),
        load.split(' ').next().unwrap_or_default(),
        versions.trim_end().trim_end_matches(','),
        said(Path::new("rustc"), &["--version"]).unwrap_or_default(),
    ))
}

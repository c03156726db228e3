//! `deltaw notebooks setup`: what the notebooks need, installed after saying what that will do.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
    process::Command,
    time::Instant,
};

use super::{
    kernel::{self, Event, Limits},
    place::{KERNEL, Place, on_path},
    toolchain::Toolchain,
};
use crate::cli::Failure;

/// The kernel, in the version that the notebooks are tested with.
const EVCXR: &str = "0.22.0";
const PACKAGES: [&str; 3] = ["jupyterlab>=4.2,<5", "nbclient>=0.10,<1", "nbformat>=5.10,<6"];

/// Seconds a first build may take.
const BUILD_LIMIT: u64 = 3600;

/// Arguments of `deltaw notebooks setup`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Leave the compile cache cold: the first kernel start then takes minutes
    #[arg(long)]
    no_warm: bool,
    /// Only say what is missing; exit code 1 if anything is
    #[arg(long, conflicts_with = "yes")]
    check: bool,
    /// Build what the chapters use with CUDA, for `--device cuda`; `--cuda=false` goes back
    #[arg(long, conflicts_with = "check", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    cuda: Option<bool>,
}

/// Something that is missing, and the commands that bring it.
pub(super) struct Missing {
    pub(super) name: &'static str,
    does: String,
    commands: Vec<Command>,
}

fn command(program: impl Into<PathBuf>, args: &[&str]) -> Command {
    let mut command = Command::new(program.into());
    command.args(args);
    command
}

/// What is missing, in the order in which it must be installed.
pub(super) fn lacking(place: &Place) -> Vec<Missing> {
    let python = place.python();
    let mut missing = Vec::new();
    let quiet = |mut command: Command| command.output().is_ok_and(|output| output.status.success());
    if !quiet(command(&python, &["-c", "import jupyterlab, nbclient, nbformat"])) {
        let mut commands = Vec::new();
        if !place.is_named() {
            let mut venv = command("python3", &["-m", "venv"]);
            venv.arg(&place.environment);
            commands.push(venv);
        }
        let mut pip = command(&python, &["-m", "pip", "install", "--quiet"]);
        pip.args(PACKAGES);
        commands.push(pip);
        let home =
            if place.is_named() { python.display().to_string() } else { place.environment.display().to_string() };
        missing.push(Missing { name: "Jupyter", does: format!("JupyterLab into {home} (about 250 MB)"), commands });
    }
    // Without rustup whoever installed Rust chose what came with it, and the kernel works without the source, more slowly.
    if on_path("rustup").is_some() && !Toolchain::find().is_some_and(|toolchain| toolchain.has_source()) {
        missing.push(Missing {
            name: "the source of Rust's standard library",
            does: "rustup's component rust-src; the kernel reads types of variables from it".to_owned(),
            commands: vec![command("rustup", &["component", "add", "rust-src"])],
        });
    }
    let kernel = on_path("evcxr_jupyter");
    if kernel.is_none() {
        let install = command("cargo", &["install", "evcxr_jupyter", "--version", EVCXR, "--locked"]);
        missing.push(Missing {
            name: "the Rust kernel",
            does: format!("evcxr_jupyter {EVCXR} with cargo (some minutes; into cargo's bin folder)"),
            commands: vec![install],
        });
    }
    if kernel.is_none() || !quiet(command(&python, &["-c", KNOWN])) {
        let mut install = command("evcxr_jupyter", &["--install"]);
        if !place.is_named() {
            install.env("JUPYTER_PATH", place.environment.join("share/jupyter"));
        }
        missing.push(Missing {
            name: "the kernel's entry in Jupyter",
            does: format!("a folder `kernels/{KERNEL}` among Jupyter's data"),
            commands: vec![install],
        });
    }
    missing
}

/// Succeeds where Jupyter knows the kernel.
const KNOWN: &str = "from jupyter_client.kernelspec import KernelSpecManager as K; K().get_kernel_spec('rust')";

pub(super) fn run(args: &Args, place: &Place) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for tool in ["cargo", "python3"] {
        if on_path(tool).is_none() {
            return Err(Failure::machine(format!("{tool} is not on the PATH; install {tool} first")));
        }
    }
    let missing = lacking(place);
    if missing.is_empty() {
        writeln!(out, "Jupyter and the Rust kernel are there.")?;
    } else {
        writeln!(out, "{}", if args.check { "Missing:" } else { "This will install:" })?;
        for item in &missing {
            writeln!(out, "  {}: {}", item.name, item.does)?;
            for command in &item.commands {
                writeln!(out, "      {}", line(command))?;
            }
        }
        if args.check {
            return Err(Failure::Finding("something is missing; `deltaw notebooks setup` installs it".to_owned()));
        }
        out.flush()?;
        if !args.yes && !agreed(&mut out)? {
            return Err(Failure::Finding("nothing was installed".to_owned()));
        }
        for item in missing {
            for mut command in item.commands {
                writeln!(out, "> {}", line(&command))?;
                let status =
                    command.status().map_err(|error| Failure::machine(format!("{}: {error}", line(&command))))?;
                if !status.success() {
                    return Err(Failure::machine(format!("{}: {status}", line(&command))));
                }
            }
        }
    }
    if on_path("mold").is_none() && on_path("lld").is_none() {
        writeln!(out, "With mold or lld on the PATH (`apt install mold`) cells link faster; it works without.")?;
    }
    if let Some(cuda) = args.cuda {
        place.build_with_cuda(cuda)?;
    }
    if args.check || args.no_warm {
        return Ok(());
    }
    drop(out);
    warm(place)
}

/// Starts a kernel once, so that everything chapters depend on is compiled.
fn warm(place: &Place) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "Compiling what the chapters use (minutes the first time)…")?;
    out.flush()?;
    let (start, mut died) = (Instant::now(), None);
    let limits = Limits { startup: BUILD_LIMIT, cell: BUILD_LIMIT };
    kernel::execute(place, &["Tensor::zeros((2, 2), DType::F32, &Device::Cpu)?".to_owned()], limits, |event| {
        match event {
            Event::Dead(why) => died = Some(why),
            Event::Cell(cell) => {
                let faults = cell.outputs.iter().filter(|output| output["output_type"] == "error");
                died = faults.filter_map(|output| output["evalue"].as_str().map(str::to_owned)).next();
            }
            Event::Started(_) => {}
        }
        Ok(())
    })?;
    if let Some(why) = died {
        return Err(Failure::machine(format!("the first cell did not run: {why}")));
    }
    writeln!(out, "Ready after {:.0} s: deltaw notebooks open", start.elapsed().as_secs_f64())?;
    Ok(())
}

fn agreed(out: &mut impl io::Write) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("there is nobody to ask: say --yes to install"));
    }
    write!(out, "Go on? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

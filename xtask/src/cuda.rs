//! `cargo xtask cuda-toolchain`: nvcc and CUDA's libraries from NVIDIA's public wheels, for a machine that has neither them nor a GPU.
//!
//! The driver's library comes with a driver only. To link without one, a stub is made that defines every driver function which cudarc
//! names; a binary linked against it looks for the real `libcuda.so.1` when it starts.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use crate::cargo::cargo;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// All of one release of CUDA: nvcc refuses headers of another.
const WHEELS: [&str; 8] = [
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-cuda-cccl==13.0.85",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-nvvm==13.0.88",
    "nvidia-curand==10.4.0.35",
    "nvidia-cuda-nvrtc==13.0.88",
    "nvidia-cublas==13.1.0.3",
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to put it
    #[arg(long, default_value = "target/cuda")]
    dir: PathBuf,
    /// Compute capability to build for: 80 A100, 86 RTX 30, 89 RTX 40 and L4, 90 H100, 120 RTX 50
    #[arg(long, default_value = "90")]
    compute_cap: String,
}

/// Makes the toolchain and says how to use it.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    let venv = args.dir.join("python");
    if !venv.join("bin/python").exists() {
        call(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    println!("nvcc, headers and libraries of CUDA 13.0 from NVIDIA's wheels (about 1 GB) ...");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
    call(Command::new(venv.join("bin/python")).args(pip).args(WHEELS))?;
    let home = fs::canonicalize(cuda_home(&venv)?)?;
    unversioned(&home.join("lib"))?;
    // Older tools look into lib64.
    if !home.join("lib64").exists() {
        symlink("lib", home.join("lib64"))?;
    }
    let stubs = home.join("lib/stubs");
    fs::create_dir_all(&stubs)?;
    stub(&stubs)?;
    let env = args.dir.join("env.sh");
    fs::write(&env, script(&home, &stubs, &args.compute_cap))?;
    println!("done. Build with:  . {} && cargo build --release --features cuda", env.display());
    Ok(())
}

/// The folder in which the wheels lay CUDA out.
fn cuda_home(venv: &Path) -> Outcome<PathBuf> {
    for entry in fs::read_dir(venv.join("lib"))? {
        let home = entry?.path().join("site-packages/nvidia/cu13");
        if home.join("bin/nvcc").exists() {
            return Ok(home);
        }
    }
    Err("the wheels hold no nvidia/cu13/bin/nvcc: their layout has changed".into())
}

/// `libx.so` beside `libx.so.13`: wheels carry no development links.
fn unversioned(lib: &Path) -> Outcome<()> {
    for entry in fs::read_dir(lib)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some((stem, _)) = name.split_once(".so.") else { continue };
        let link = lib.join(format!("{stem}.so"));
        if !link.exists() {
            symlink(&name, link)?;
        }
    }
    Ok(())
}

/// A `libcuda.so` to link against.
fn stub(dir: &Path) -> Outcome<()> {
    let mut source = String::from("/* Linked against where no driver is; never loaded where one is. */\n");
    for name in driver_functions()? {
        writeln!(source, "int {name}(void) {{ return 100; }}")?;
    }
    let file = dir.join("cuda.c");
    fs::write(&file, source)?;
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o"]).arg(dir.join("libcuda.so")).arg(&file);
    call(&mut gcc)
}

/// Every driver function that the cudarc of this build declares.
fn driver_functions() -> Outcome<BTreeSet<String>> {
    let metadata = cargo().args(["metadata", "--format-version", "1", "--features", "cuda"]).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let cudarc =
        packages.filter(|package| package["name"] == "cudarc").find_map(|package| package["manifest_path"].as_str());
    let sources =
        Path::new(cudarc.ok_or("cargo metadata names no cudarc")?).with_file_name("src").join("driver/sys/mod.rs");
    let text = fs::read_to_string(&sources)?;
    let names: BTreeSet<String> = text
        .split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next())
        .filter(|name| name.strip_prefix("cu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase())))
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Err(format!("{} declares no driver functions: cudarc's layout has changed", sources.display()).into());
    }
    Ok(names)
}

fn script(home: &Path, stubs: &Path, compute_cap: &str) -> String {
    let (home, stubs) = (home.display(), stubs.display());
    format!(
        "# CUDA from wheels, made by `cargo xtask cuda-toolchain`. Source it: . env.sh\n\
         export CUDA_HOME=\"{home}\" CUDA_PATH=\"{home}\" CUDA_ROOT=\"{home}\" CUDA_TOOLKIT_ROOT_DIR=\"{home}\"\n\
         export PATH=\"{home}/bin:$PATH\"\n\
         export LIBRARY_PATH=\"{home}/lib:{stubs}${{LIBRARY_PATH:+:$LIBRARY_PATH}}\"\n\
         export LD_LIBRARY_PATH=\"{home}/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
         export CUDA_COMPUTE_CAP={compute_cap}\n"
    )
}

fn call(command: &mut Command) -> Outcome<()> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

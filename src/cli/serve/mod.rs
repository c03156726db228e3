//! `deltaw serve`: many adapters on one base, over HTTP.

mod export;

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use candle_core::Device;

use super::{Failure, Global};
use crate::{
    device::Precision,
    model::{self, Base, ChatTemplate, one_line, read_text},
    serve::{
        AdapterDir, AdapterPool, Bounds, Engine, Limits, Metrics, PagedCache, Queue, Routing, Way,
        http::{self, Patience, Server, listen},
        page::PagePool,
        routing::{Tenant, digest_of},
    },
};

const EXAMPLES: &str = "\
Examples:
  deltaw serve --adapters my-adapters                                  the tiny base, on http://127.0.0.1:8000
  deltaw serve --base smollm2 --adapters my-adapters --device-budget 512MiB
  deltaw serve --adapters my-adapters --routing routing.yaml --host 0.0.0.0
  deltaw serve export --engine vllm --base HuggingFaceTB/SmolLM2-135M-Instruct --adapters my-adapters --out fleet

  curl http://127.0.0.1:8000/v1/completions -d '{\"model\": \"my-adapter\", \"prompt\": \"rev:abc>\"}'

Every folder of the directory with an adapter_config.json is a model of its name; the base is one too. Without --routing everybody may use
everything, so the server then listens on this machine only. Ctrl-C stops it after the answers under way.";

/// Arguments of `deltaw serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write what an engine for many machines needs to serve the same adapters
    Export(export::Args),
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// The base: tiny, smollm2, a transformers directory, a .gguf file, or owner/name on the hub
    #[arg(long, default_value = "tiny")]
    base: String,
    /// What the base is called as a model [default: the last part of --base]
    #[arg(long)]
    name: Option<String>,
    /// The directory of adapters, one folder each
    #[arg(long, value_name = "DIR", required = true)]
    adapters: Option<PathBuf>,
    /// Who may use which adapter (YAML); see the README
    #[arg(long, value_name = "FILE")]
    routing: Option<PathBuf>,
    /// SHA-256 (hex) of the key that may load and unload adapters; with --routing nobody may without it
    #[arg(long, value_name = "HEX")]
    admin_key_sha256: Option<String>,
    /// Jinja chat template for a base that has none, or instead of its own
    #[arg(long, value_name = "FILE")]
    chat_template: Option<PathBuf>,
    /// Address to listen on; other than loopback needs --routing
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// How adapters are served: batched, merged or swap
    #[arg(long, default_value = "batched")]
    way: Way,
    /// Bytes for adapters on the device and for keys and values, such as 512MiB
    #[arg(long, default_value = "512MiB", value_parser = bytes)]
    device_budget: usize,
    /// Bytes for adapters in host memory
    #[arg(long, default_value = "1GiB", value_parser = bytes)]
    host_budget: usize,
    /// Sequences computed at once
    #[arg(long, default_value_t = 32)]
    max_running: usize,
    /// Prompt tokens computed in one step
    #[arg(long, default_value_t = 256)]
    step_tokens: usize,
    /// Requests that may wait
    #[arg(long, default_value_t = 1024)]
    max_waiting: usize,
    /// Requests of one tenant that may wait
    #[arg(long, default_value_t = 256)]
    max_waiting_tenant: usize,
    /// The longest answer, in tokens
    #[arg(long, default_value_t = 1024)]
    max_tokens: usize,
    /// Seconds from a request to the end of its answer
    #[arg(long, default_value_t = 120)]
    deadline: u64,
    /// Seconds a client may take to send a request's head, its body, or to take what was written
    #[arg(long, default_value_t = 10)]
    patience: u64,
    /// Connections at once
    #[arg(long, default_value_t = 1024)]
    max_connections: usize,
    /// Bytes of a body
    #[arg(long, default_value = "1MiB", value_parser = bytes)]
    max_body: usize,
    /// The type of the base's matrices: f32, bf16 or f16
    #[arg(long, value_name = "TYPE", default_value_t)]
    dtype: Precision,
    /// Use what is on this machine, never the network
    #[arg(long)]
    offline: bool,
    /// No line per request
    #[arg(long)]
    quiet: bool,
}

/// Runs `deltaw serve`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: Args, global: &Global) -> Result<(), Failure> {
    match args.command {
        Some(Command::Export(args)) => export::run(&args, global),
        None => serve(&args.serve, &global.open_device()?),
    }
}

fn unusable(error: candle_core::Error) -> Failure {
    Failure::usage(one_line(&error))
}

fn routing(file: &Path, adapters: &AdapterDir) -> Result<Routing, Failure> {
    let text = read_text(file).map_err(unusable)?;
    Routing::read(&text, &adapters.served()).map_err(|why| Failure::usage(format!("{}: {why}", file.display())))
}

fn serve(args: &ServeArgs, device: &Device) -> Result<(), Failure> {
    let Some(dir) = &args.adapters else {
        return Err(Failure::usage("name the directory of adapters: --adapters DIR"));
    };
    if args.routing.is_none() && !args.host.is_loopback() {
        return Err(Failure::usage(format!(
            "{}: without --routing everybody who reaches the server may use everything; write a routing file, or listen on 127.0.0.1",
            args.host
        )));
    }
    if args.max_running == 0 || args.step_tokens == 0 || args.max_tokens == 0 || args.max_connections == 0 {
        return Err(Failure::usage("--max-running, --step-tokens, --max-tokens and --max-connections are at least 1"));
    }
    if args.admin_key_sha256.as_deref().is_some_and(|hex| digest_of(hex).is_none()) {
        return Err(Failure::usage("--admin-key-sha256 is 64 hexadecimal digits: printf %s KEY | sha256sum"));
    }
    let adapters = Arc::new(AdapterDir::open(dir).map_err(unusable)?);
    let routing = args.routing.as_deref().map(|file| routing(file, &adapters)).transpose()?;
    let template = args.chat_template.as_deref().map(template).transpose()?;
    let options =
        model::Options { offline: args.offline, progress: true, precision: args.dtype, ..model::Options::default() };
    let base = Arc::new(Base::open(&args.base, &options, device).map_err(unusable)?);
    let (server, engine) = start(args, base, adapters, (routing, template))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let address = SocketAddr::new(args.host, args.port);
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .map_err(|error| Failure::usage(format!("cannot listen on {address}: {error}")))?;
        writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
        let wait = Duration::from_secs(args.patience.max(1));
        let patience = Patience {
            connections: args.max_connections,
            head: wait,
            write: wait,
            stop: Duration::from_secs(args.deadline),
        };
        listen(listener, Arc::clone(&server), patience, asked_to_stop()).await;
        Ok::<(), Failure>(())
    })?;
    server.note("answers under way are done; stopping");
    engine.join().map_err(|_| Failure::machine("the engine stumbled while stopping"))
}

fn template(file: &Path) -> Result<ChatTemplate, Failure> {
    ChatTemplate::new(&read_text(file).map_err(unusable)?, "", "").map_err(unusable)
}

/// The engine on its thread, and what handlers share.
fn start(
    args: &ServeArgs,
    base: Arc<Base>,
    adapters: Arc<AdapterDir>,
    (routing, template): (Option<Routing>, Option<ChatTemplate>),
) -> Result<(Arc<Server>, std::thread::JoinHandle<()>), Failure> {
    let pages = PagePool::new(args.device_budget, PagedCache::page_length(base.model.config()));
    if pages.pages() < PagedCache::pages_for(base.model.config(), 1) {
        return Err(Failure::usage("--device-budget holds not even one token's keys and values"));
    }
    let queue = Arc::new(Queue::new(Bounds { all: args.max_waiting, tenant: args.max_waiting_tenant }));
    let metrics = Arc::new(Metrics::default());
    let woken = Arc::clone(&queue);
    let pool = AdapterPool::new(
        Arc::clone(&base),
        Arc::clone(&adapters),
        args.way,
        pages,
        args.host_budget,
        Arc::clone(&metrics),
        move || woken.wake(),
    );
    let limits = Limits { running: args.max_running, step_tokens: args.step_tokens };
    let (engine, commands) = Engine::start(Arc::clone(&base), Arc::clone(&queue), pool, limits, Arc::clone(&metrics));
    let last = Path::new(&args.base).file_stem().map_or(args.base.clone(), |name| name.to_string_lossy().into_owned());
    let name = args.name.clone().unwrap_or(last);
    if adapters.serves(&name) {
        return Err(Failure::usage(format!(
            "an adapter is called `{name}`, as is the base; give the base another --name"
        )));
    }
    let server = Server {
        name,
        chat: template.or_else(|| base.chat.clone()),
        base,
        adapters,
        routing,
        anyone: Tenant::anyone(),
        admin_key_sha256: args.admin_key_sha256.clone(),
        queue,
        commands: Mutex::new(commands),
        metrics,
        limits: http::Limits {
            body: args.max_body,
            body_time: Duration::from_secs(args.patience.max(1)),
            max_tokens: args.max_tokens,
            deadline: Duration::from_secs(args.deadline.max(1)),
        },
        log: !args.quiet,
        stopping: AtomicBool::new(false),
    };
    Ok((Arc::new(server), engine))
}

/// Ctrl-C, or what a service manager sends.
async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        if let Ok(mut terminate) = terminate {
            tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            return;
        }
    }
    let _ = interrupt.await;
}

/// A number of bytes, with a unit of 1024 or 1000 if one follows.
fn bytes(text: &str) -> Result<usize, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let power = match unit.trim() {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1usize << 30),
        "KB" => Some(1000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        _ => None,
    };
    let bytes = number.parse::<usize>().ok().zip(power).and_then(|(number, unit)| number.checked_mul(unit));
    bytes.ok_or_else(|| format!("`{text}` is no number of bytes; write 512MiB or 2GB"))
}

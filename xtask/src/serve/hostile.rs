//! Bad company for the load test: clients that leave, lie, dawdle and pry, and adapters that break on disk.

use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use deltaw::peft::hub;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    Outcome,
    process::{KEY, exchange, post, status},
};

/// What was done, and what should not have happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) disconnects: usize,
    pub(super) malformed: usize,
    pub(super) forbidden: usize,
    pub(super) files: usize,
    pub(super) dawdlers: usize,
    /// Requests that were answered 200 and should not have been, or not answered at all.
    pub(super) surprises: Vec<String>,
}

/// Goes on until `over`. `victims` are adapters that nobody else asks for.
pub(super) fn mischief(address: &str, victims: &[PathBuf], over: &AtomicBool) -> Outcome<Tally> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut tally, mut held) = (Tally::default(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        match rng.random_range(0..6) {
            0 | 1 => disconnect(address, &mut rng, &mut tally)?,
            2 => malformed(address, &mut rng, &mut tally)?,
            3 => forbidden(address, &mut rng, &mut tally)?,
            4 => break_a_file(address, victims, &mut rng, &mut tally)?,
            _ => {
                // Half a head, and silence; a few at a time.
                let mut stream = TcpStream::connect(address)?;
                stream.write_all(b"POST /v1/completions HTT")?;
                held.push(stream);
                tally.dawdlers += 1;
                if held.len() > 32 {
                    held.remove(0);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(1..30)));
    }
    Ok(tally)
}

/// Asks for an answer and leaves before, or while, it comes.
fn disconnect(address: &str, rng: &mut ChaCha8Rng, tally: &mut Tally) -> Outcome<()> {
    let model = format!("lora-{}", rng.random_range(0..20));
    let body = format!(
        r#"{{"model": "{model}", "prompt": "rev:abcdefgh>", "stream": true, "max_tokens": 200, "temperature": 1.8}}"#
    );
    let request = post("/v1/completions", KEY.0, body.as_bytes());
    let mut stream = TcpStream::connect(address)?;
    let sent = if rng.random_bool(0.2) { request.len() / 2 } else { request.len() };
    stream.write_all(&request[..sent])?;
    std::thread::sleep(Duration::from_millis(rng.random_range(0..40)));
    tally.disconnects += 1;
    Ok(())
}

fn malformed(address: &str, rng: &mut ChaCha8Rng, tally: &mut Tally) -> Outcome<()> {
    let noise: Vec<u8> = (0..rng.random_range(0..400)).map(|_| rng.random()).collect();
    let deep = "[".repeat(50_000);
    let large = format!(r#"{{"model": "tiny", "prompt": "{}"}}"#, "a".repeat(3 << 20));
    let bodies: [&[u8]; 8] = [
        &noise,
        b"{\"model\": \"tiny\", \"prompt\": ",
        b"{\"model\": 3, \"prompt\": []}",
        b"{\"model\": \"tiny\", \"prompt\": \"a\", \"max_tokens\": -1}",
        b"{\"model\": \"tiny\", \"prompt\": [4000000000]}",
        b"{\"model\": \"tiny\", \"prompt\": \"a\", \"temperature\": 1e999}",
        deep.as_bytes(),
        large.as_bytes(),
    ];
    let body = bodies[rng.random_range(0..bodies.len())];
    // A refusal may come, and the connection close, before a large body is sent: an error of the pipe is an answer too.
    let reply = exchange(address, &post("/v1/completions", KEY.0, body)).unwrap_or_default();
    tally.malformed += 1;
    if status(&reply).is_some_and(|status| !(400..500).contains(&status)) {
        tally.surprises.push(format!("malformed body: {}", reply.chars().take(200).collect::<String>()));
    }
    Ok(())
}

fn forbidden(address: &str, rng: &mut ChaCha8Rng, tally: &mut Tally) -> Outcome<()> {
    let models = ["secret-0", "../adapters/lora-1", "lora-1/../secret-0", "/etc", "lora-1/", "LORA-1"];
    let (key, model) = match rng.random_bool(0.3) {
        true => ("guess", "lora-1"),
        false => (KEY.0, models[rng.random_range(0..models.len())]),
    };
    let body = format!(r#"{{"model": "{model}", "prompt": "rev:a>", "max_tokens": 2}}"#);
    let reply = exchange(address, &post("/v1/completions", key, body.as_bytes()))?;
    tally.forbidden += 1;
    if !matches!(status(&reply), Some(401 | 404)) {
        tally.surprises.push(format!("forbidden: {model}: {}", reply.chars().take(200).collect::<String>()));
    }
    Ok(())
}

/// Cuts, fills with noise or deletes a victim's weights, has the server forget it and asks for it; then puts the file back.
fn break_a_file(address: &str, victims: &[PathBuf], rng: &mut ChaCha8Rng, tally: &mut Tally) -> Outcome<()> {
    let dir = &victims[rng.random_range(0..victims.len())];
    let file = dir.join(hub::TENSORS);
    let Some(id) = dir.file_name().and_then(|id| id.to_str()) else { return Ok(()) };
    let whole = fs::read(&file)?;
    match rng.random_range(0..3) {
        0 => fs::write(&file, &whole[..whole.len() / 3])?,
        1 => fs::write(&file, whole.iter().map(|_| rng.random::<u8>()).collect::<Vec<u8>>())?,
        _ => fs::remove_file(&file)?,
    }
    let named = format!(r#"{{"lora_name": "{id}"}}"#);
    exchange(address, &post("/v1/unload_lora_adapter", KEY.0, named.as_bytes()))?;
    let load = exchange(address, &post("/v1/load_lora_adapter", KEY.0, named.as_bytes()))?;
    if status(&load) != Some(400) {
        tally.surprises.push(format!("a broken adapter was loaded: {}", load.chars().take(300).collect::<String>()));
    }
    fs::write(&file, whole)?;
    let load = exchange(address, &post("/v1/load_lora_adapter", KEY.0, named.as_bytes()))?;
    // While others fill the host's budget the server says to try again.
    if status(&load) != Some(200) && !load.contains("try again") {
        tally
            .surprises
            .push(format!("a mended adapter was not loaded: {}", load.chars().take(300).collect::<String>()));
    }
    tally.files += 1;
    Ok(())
}

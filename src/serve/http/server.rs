//! What all handlers share.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool, mpsc::Sender},
    time::Duration,
};

use crate::{
    model::{Base, ChatTemplate},
    serve::{AdapterDir, Command, Metrics, Queue, Routing, routing::Tenant},
};

/// Bounds on what one request may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Time to send a body.
    pub body_time: Duration,
    /// Tokens of an answer.
    pub max_tokens: usize,
    /// Time from a request to the end of its answer.
    pub deadline: Duration,
}

/// The state of the server.
pub struct Server {
    /// The base.
    pub base: Arc<Base>,
    /// What the base is called as a model.
    pub name: String,
    /// How conversations become text.
    pub chat: Option<ChatTemplate>,
    /// The adapters.
    pub adapters: Arc<AdapterDir>,
    /// Who may use what; none where everybody may use everything.
    pub routing: Option<Routing>,
    /// Stands for everybody where there is no routing.
    pub anyone: Tenant,
    /// The SHA-256 of the key that may load and unload adapters; none where everybody may.
    pub admin_key_sha256: Option<String>,
    /// Where requests wait.
    pub queue: Arc<Queue>,
    /// Orders to the engine.
    pub commands: Mutex<Sender<Command>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Bounds.
    pub limits: Limits,
    /// Whether a line per request goes to stderr.
    pub log: bool,
    /// Set when the server begins to stop.
    pub stopping: AtomicBool,
}

impl Server {
    /// Sends an order to the engine; whether it still takes any.
    pub fn order(&self, command: Command) -> bool {
        let sent = self.commands.lock().unwrap_or_else(PoisonError::into_inner).send(command).is_ok();
        self.queue.wake();
        sent
    }

    /// One line for the operator; never a key, never what somebody wrote.
    pub fn note(&self, line: &str) {
        if self.log {
            eprintln!("{line}");
        }
    }
}

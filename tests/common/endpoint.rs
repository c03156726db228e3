//! An endpoint on this machine that behaves as a test tells it to: well, badly, or not at all.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// What the endpoint does with one request.
pub enum Act {
    /// Answers with these bytes and hangs up.
    Send(Vec<u8>),
    /// Sends these bytes, then nothing more, and keeps the line open.
    Hang(Vec<u8>),
    /// Sends these bytes, then a byte every so often, for ever.
    Drip(Vec<u8>, Duration),
    /// Waits, then answers.
    Late(Duration, Vec<u8>),
}

/// A request that arrived.
#[derive(Clone)]
pub struct Seen {
    pub head: String,
    pub body: Value,
}

impl Seen {
    /// The user message.
    pub fn user(&self) -> &str {
        self.body["messages"][1]["content"].as_str().unwrap()
    }

    /// The statement that is looked for.
    pub fn statement(&self) -> &str {
        let (_, rest) = self.user().rsplit_once(" to look for: ").unwrap();
        rest.lines().next().unwrap()
    }

    /// What stands between the fences.
    pub fn fenced(&self) -> (&str, &str) {
        let system = self.body["messages"][0]["content"].as_str().unwrap();
        let fence = system.rsplit_once("line that reads ").unwrap().1;
        let parts: Vec<&str> = self.user().split(fence).collect();
        assert_eq!(parts.len(), 3, "two fences: {}", self.user());
        (fence, parts[1].trim_matches('\n'))
    }
}

pub struct Endpoint {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Endpoint {
    /// Listens on a free port; `act` decides, given the number of the request from 0.
    pub fn start(act: impl Fn(usize, &Seen) -> Act + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let Some(request) = read(&mut stream) else { continue };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.len() - 1
                };
                let act = act(number, &request);
                thread::spawn(move || play(stream, act));
            }
        });
        Self { url, seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0usize) {
                return Some(Seen { head: head.to_owned(), body: serde_json::from_str(body).unwrap_or(Value::Null) });
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// The client may hang up at any time: then there is nobody left to write to.
fn play(mut stream: TcpStream, act: Act) {
    match act {
        Act::Send(bytes) => drop(stream.write_all(&bytes)),
        Act::Late(wait, bytes) => {
            thread::sleep(wait);
            let _ = stream.write_all(&bytes);
        }
        Act::Hang(bytes) => {
            let _ = stream.write_all(&bytes);
            while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        }
        Act::Drip(bytes, every) => {
            let _ = stream.write_all(&bytes);
            while stream.write_all(b" ").is_ok() {
                thread::sleep(every);
            }
        }
    }
}

/// An HTTP response.
pub fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
        .into_bytes()
}

/// A completion whose message is `text`.
pub fn says(text: &str) -> Vec<u8> {
    let body = json!({"id": "x", "object": "chat.completion", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}], "usage": {}});
    http("200 OK", "Content-Type: application/json\r\n", &body.to_string())
}

/// A completion that judges.
pub fn judges(met: bool, quote: &str) -> Vec<u8> {
    says(&json!({"met": met, "quote": quote}).to_string())
}

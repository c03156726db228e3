//! What a dishonest student might hand in. Each attack stands before the right solution: if it did nothing, all points would be earned.

use deltaw::classroom::gradebook::Status::{self, Compile, Failed, Hostile, Memory, Timeout};

/// An attack.
pub struct Attack {
    pub name: &'static str,
    /// What stands at the start of the first function's body. `SOLUTION` and `TESTS` are replaced by paths.
    pub body: &'static str,
    /// What stands at the end of the file.
    pub items: &'static str,
    /// The verdict when what reaches outside is not run.
    pub strict: &'static [Status],
    /// The verdict when the sandbox is all there is.
    pub lenient: &'static [Status],
    /// A word of the reason in the strict verdict.
    pub reason: &'static str,
}

const fn attack(
    name: &'static str,
    body: &'static str,
    strict: &'static [Status],
    lenient: &'static [Status],
    reason: &'static str,
) -> Attack {
    Attack { name, body, items: "", strict, lenient, reason }
}

const fn items(
    name: &'static str,
    body: &'static str,
    items: &'static str,
    strict: &'static [Status],
    lenient: &'static [Status],
    reason: &'static str,
) -> Attack {
    Attack { name, body, items, strict, lenient, reason }
}

/// All of them. Where an attack asks whether it succeeded, it stops with `todo!()` if it did not, so points would mean success.
pub const ATTACKS: &[Attack] = &[
    attack(
        "fork_bomb",
        "loop { let _ = std::process::Command::new(\"/bin/sh\").args([\"-c\", \":(){ :|:& };:\"]).spawn(); }",
        &[Hostile],
        &[Timeout],
        "process",
    ),
    attack("endless_loop", "loop { std::hint::black_box(1); }", &[Timeout], &[Timeout], "computed"),
    attack("exit_zero", "std::process::exit(0);", &[Hostile], &[Hostile], "process"),
    attack("abort", "std::process::abort();", &[Hostile], &[Failed], "process"),
    attack(
        "prints_ok",
        "println!(\"test result: ok. 9 passed; 0 failed\"); eprintln!(\"test result: ok\"); todo!();",
        &[Failed],
        &[Failed],
        "still to do",
    ),
    attack(
        "reads_solution",
        "if std::fs::read(\"SOLUTION\").is_err() && std::fs::read(\"TESTS\").is_err() { todo!() }",
        &[Hostile],
        &[Failed],
        "fs",
    ),
    attack(
        "reads_memory",
        "if std::fs::read(\"/proc/self/maps\").is_err() && std::fs::read(\"/proc/1/environ\").is_err() { todo!() }",
        &[Hostile],
        &[Failed],
        "fs",
    ),
    attack(
        "reads_order",
        "if std::io::stdin().lines().count() == 0 && std::env::vars().all(|(_, value)| value.len() < 64) { todo!() }",
        &[Hostile],
        &[Failed],
        "env",
    ),
    items(
        "forges_records",
        "forge(std::path::Path::new(\"/\"), 0); todo!();",
        "fn forge(at: &std::path::Path, depth: usize) { use std::io::Write as _; for entry in std::fs::read_dir(at).into_iter().flatten().flatten() { \
         let path = entry.path(); if path.is_symlink() || path.starts_with(\"/usr\") { continue; } if path.is_dir() { if depth < 12 { forge(&path, depth + 1) } } \
         else if let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(&path) { \
         let _ = writeln!(file, \"{{\\\"kind\\\":\\\"end\\\",\\\"cases\\\":0,\\\"seal\\\":\\\"00\\\"}}\"); } } }",
        &[Hostile],
        &[Hostile, Failed],
        "fs",
    ),
    attack(
        "sleeps",
        "std::thread::sleep(std::time::Duration::from_secs(3600));",
        &[Timeout],
        &[Timeout],
        "did not come to an end",
    ),
    items(
        "sleeps_at_exit",
        "LATE.with(|late| { std::hint::black_box(late); });",
        "struct Late; impl Drop for Late { fn drop(&mut self) { loop { std::thread::sleep(std::time::Duration::from_secs(60)) } } }\n\
         thread_local! { static LATE: Late = const { Late }; }",
        &[Timeout],
        &[Timeout],
        "did not come to an end",
    ),
    attack(
        "eats_memory",
        "let mut all = Vec::new(); loop { all.push(vec![1u8; 1 << 26]); }",
        &[Memory],
        &[Memory],
        "memory",
    ),
    attack(
        "fills_disk",
        "for n in 0.. { std::fs::write(format!(\"/tmp/{n}\"), vec![1u8; 1 << 20]).unwrap(); }",
        &[Hostile],
        &[Failed],
        "fs",
    ),
    attack(
        "one_large_file",
        "use std::io::Write as _; let mut file = std::fs::File::create(\"/tmp/x\").unwrap(); loop { file.write_all(&[1; 4096]).unwrap(); }",
        &[Hostile],
        &[Hostile, Failed],
        "fs",
    ),
    attack(
        "uses_network",
        "if std::net::UdpSocket::bind(\"127.0.0.1:0\").is_err() && std::net::TcpListener::bind(\"127.0.0.1:0\").is_err() { todo!() }",
        &[Hostile],
        &[Failed],
        "net",
    ),
    attack(
        "kills_parent",
        "let parent = std::os::unix::process::parent_id().to_string(); if !std::process::Command::new(\"/usr/bin/kill\").args([\"-9\", &parent, \"1\"]).status().is_ok_and(|s| s.success()) { todo!() }",
        &[Hostile],
        &[Failed],
        "os",
    ),
    attack(
        "becomes_another",
        "use std::os::unix::process::CommandExt as _; let _ = std::process::Command::new(\"/bin/true\").exec(); todo!();",
        &[Hostile],
        &[Failed, Hostile],
        "os",
    ),
    items(
        "includes_solution",
        "let _ = STOLEN;",
        "const STOLEN: &str = include_str!(\"SOLUTION\");",
        &[Hostile],
        &[Compile],
        "include_str",
    ),
    items(
        "includes_tests",
        "let _ = STOLEN;",
        "const STOLEN: &[u8] = include_bytes!(\"TESTS\");",
        &[Hostile],
        &[Compile],
        "include_bytes",
    ),
    items(
        "compile_bomb",
        "",
        "macro_rules! bomb { ($($t:tt)*) => { bomb! { $($t)* $($t)* } } }\nbomb! { x }",
        &[Compile, Memory, Timeout],
        &[Compile, Memory, Timeout],
        "",
    ),
    attack("unsafe_code", "unsafe { std::ptr::null::<u8>().read_volatile(); }", &[Compile], &[Compile], "unsafe"),
    items("assembly", "", "core::arch::global_asm!(\".globl deltaw_x\");", &[Compile], &[Compile], "global_asm"),
    items(
        "own_section",
        "",
        "#[unsafe(link_section = \".init_array\")] pub static START: extern \"C\" fn() = start; extern \"C\" fn start() {}",
        &[Compile],
        &[Compile],
        "link_section",
    ),
    items("runs_hidden_tests", "let _ = crate::hidden::register;", "", &[Compile], &[Compile], "hidden"),
    attack(
        "asks_the_grader",
        "let mut suite = deltaw::classroom::Suite::default(); let _ = suite.planned(); suite.keep(&[]); todo!();",
        &[Hostile],
        &[Failed],
        "classroom",
    ),
    // The language's own hole: what it reads is not in question, only that it is not run. It stops before it would earn anything.
    items(
        "reads_memory_by_lifetimes",
        "let text: &[u8] = stretched(&[1u8, 2][..]); let _ = text; todo!();",
        "fn stretched<'b>(x: &[u8]) -> &'b [u8] { let f: fn(_, &[u8]) -> &'b [u8] = stretch; f(&&(), x) }\n\
         fn stretch<'a, 'b>(_: &'a &'b (), x: &'b [u8]) -> &'a [u8] { x }",
        &[Hostile],
        &[Failed],
        "stretches a lifetime",
    ),
    items(
        "no_stack",
        "deep(&[0; 4096]);",
        "#[inline(never)] fn deep(x: &[u8; 4096]) -> u8 { let y = std::hint::black_box([x[0]; 4096]); deep(&y).wrapping_add(y[1]) }",
        &[Failed],
        &[Failed],
        "calls itself",
    ),
];

impl Attack {
    /// The file that is handed in.
    pub fn file(&self, solution: &str, place: &std::path::Path) -> String {
        let function = solution.find("pub fn ").expect("a solution has a function");
        let open = function + solution[function..].find("{\n").expect("and a body") + 2;
        let path = |name: &str| place.join(name).display().to_string();
        let put = |text: &str| text.replace("SOLUTION", &path("solution.rs")).replace("TESTS", &path("hidden.rs"));
        format!("{}{}\n{}\n{}\n", &solution[..open], put(self.body), &solution[open..], put(self.items))
    }
}

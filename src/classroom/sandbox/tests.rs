#![allow(clippy::unwrap_used)]

use super::*;

/// The kinds that work on this machine; limits alone always do.
fn kinds() -> Vec<Sandbox> {
    let all = [Kind::Bubblewrap, Kind::Unshare].map(|kind| Sandbox::new(kind).unwrap());
    all.into_iter().filter(|sandbox| sandbox.works().unwrap()).collect()
}

fn shell(sandbox: &Sandbox, script: &str, limits: &Limits, job: Job) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let mut job = Job { command: ["/bin/sh", "-c", script].map(OsString::from).to_vec(), ..job };
    job.read.push("/usr/bin".into());
    job.errors = dir.path().join("errors");
    sandbox.run(&job, limits).unwrap()
}

fn limits() -> Limits {
    Limits { processes: true, ..Limits::tests(3, 1 << 30) }
}

#[test]
fn limits_alone_always_work() {
    let sandbox = Sandbox::find(Wanted::None).unwrap();
    assert_eq!(shell(&sandbox, "exit 3", &limits(), Job::default()).end, End::Exited(3));
    assert_eq!(shell(&sandbox, "while :; do :; done", &Limits { cpu: 1, ..limits() }, Job::default()).end, End::Cpu);
    assert!(sandbox.lacks().is_some());
}

#[test]
fn inside_there_is_no_network_no_proc_and_nothing_to_write() {
    let dir = tempfile::tempdir().unwrap();
    let (secret, out) = (dir.path().join("secret"), dir.path().join("out"));
    fs::write(&secret, "s").unwrap();
    fs::create_dir(&out).unwrap();
    for sandbox in kinds() {
        let job = || Job { hide: vec![secret.clone()], write: vec![out.clone()], ..Job::default() };
        let ran = |script: &str| shell(&sandbox, script, &limits(), job());
        let fails = |script: &str| assert_ne!(ran(script).end, End::Exited(0), "{:?}: {script}", sandbox.kind());
        fails(&format!("grep -q s {}", secret.display()));
        // Outside there are processes of this test's name; the brackets keep the pattern from meeting itself.
        fails("grep -q 'delta[w]-' /proc/[0-9]*/cmdline");
        fails("echo x > /usr/x || echo x > /etc/x");
        fails("head -c 100000000 /dev/urandom > /tmp/full");
        fails("cat /sys/class/net/eth0/address");
        let writes = format!("echo x > {0}/y && echo x > /tmp/y && test -e {0}/y", out.display());
        assert_eq!(ran(&writes).end, End::Exited(0), "{:?}: {}", sandbox.kind(), ran(&writes).errors);
        let slow = Limits { wall: Duration::from_millis(600), ..limits() };
        let ran = shell(&sandbox, "sleep 60 & sleep 60", &slow, job());
        assert!(ran.end == End::Wall && ran.seconds < 5.0, "{ran:?}");
    }
}

#[test]
fn the_filter_refuses_processes() {
    let sandbox = Sandbox::new(Kind::Bubblewrap).unwrap();
    if sandbox.works().unwrap() && sandbox.filter().is_some() {
        let none = Limits { processes: false, ..limits() };
        assert_eq!(shell(&sandbox, "exit 4", &none, Job::default()).end, End::Exited(4));
        assert_ne!(shell(&sandbox, "/usr/bin/true; exit 0", &none, Job::default()).end, End::Exited(0));
        // Only a compiler is shown /proc; a shell can ask for it without another process.
        assert_eq!(shell(&sandbox, "test -e /proc/self && exit 5; exit 4", &none, Job::default()).end, End::Exited(4));
    }
}

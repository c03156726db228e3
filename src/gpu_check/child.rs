//! Another program, which may take its time, but not all of it.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Between two looks whether it has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// The most that is read of what it says, in bytes.
const MOST: u64 = 1 << 20;

/// How it ended, and what it said.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) out: String,
    pub(super) errors: String,
}

/// Runs `command`; none when it had not ended after `limit`, and was killed.
pub(super) fn run(command: &mut Command, limit: Duration) -> io::Result<Option<Ended>> {
    // Files, because a pipe that nobody reads fills up.
    let (out, errors) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(errors.try_clone()?);
    let (mut child, clock) = (command.spawn()?, Instant::now());
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(Ended { status, out: text(out)?, errors: text(errors)? }));
        }
        if clock.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}

fn text(mut file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_a_program_says_is_heard_however_much_and_one_that_hangs_is_killed() {
        let mut talkative = Command::new("sh");
        talkative.args(["-c", "echo out; i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done >&2; exit 3"]);
        let ended = run(&mut talkative, Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!((ended.status.code(), ended.out.as_str(), ended.errors.lines().count()), (Some(3), "out\n", 3000));
        let clock = Instant::now();
        assert!(run(Command::new("sleep").arg("60"), Duration::from_millis(50)).unwrap().is_none());
        assert!(clock.elapsed() < Duration::from_secs(30));
        assert!(run(&mut Command::new("no-such-program"), Duration::ZERO).is_err());
    }
}

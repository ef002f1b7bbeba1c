//! One program from start to end: its output, its last words, its process group.
//!
//! Which program, and what its end means, is `run`'s business.

use std::collections::BTreeMap;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::arguments::CommandLine;

/// The time a program has to end by itself before it is killed.
const GRACE: Duration = Duration::from_millis(100);

/// How long what is left of standard error is read after the end: a child of the program may keep
/// it open.
const LEFT_OVER: Duration = Duration::from_millis(200);

/// The time between two looks at the progress.
const TICK: Duration = Duration::from_secs(1);

/// The bytes of standard error that are kept: its end.
const MAX_TAIL: usize = 64 << 10;

/// The lines of it that are shown, and the characters of each.
const MAX_LINES: usize = 20;
const MAX_LINE: usize = 300;

/// How a program ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself.
    Exited(ExitStatus, Tail),
    /// Killed, because the person cancelled.
    Cancelled,
    /// Killed, because `watch` said so.
    Stopped,
}

/// The end of a program's standard error.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * MAX_TAIL {
            let cut = self.bytes.len() - MAX_TAIL;
            self.bytes.drain(..cut);
        }
    }

    /// Returns the last lines that say something, without colours.
    pub(super) fn lines(&self) -> Vec<String> {
        let start = self.bytes.len().saturating_sub(MAX_TAIL);
        let text = String::from_utf8_lossy(self.bytes.get(start..).unwrap_or_default());
        let mut lines: Vec<String> = text
            .rsplit(['\n', '\r'])
            .map(without_colors)
            .filter(|line| !line.trim().is_empty())
            .take(MAX_LINES)
            .map(|line| line.chars().take(MAX_LINE).collect())
            .collect();
        lines.reverse();
        lines
    }
}

/// Removes the sequences `ESC [ … letter` of terminals.
fn without_colors(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // Either the whole sequence, or the one character after ESC.
            if characters.next() == Some('[') {
                let _end = characters.find(|character| ('@'..='~').contains(character));
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

/// The process group of a running program; killed when this is dropped before its end.
struct Group {
    leader: Option<Pid>,
}

impl Group {
    fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            leader: leader.and_then(Pid::from_raw),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // That nobody is left is what is wanted.
            let _gone = kill_process_group(leader, signal);
        }
    }

    /// Ends the group: politely first, so that temporary files are removed, then for good.
    async fn end(mut self, child: &mut Child) {
        self.signal(Signal::TERM);
        let _in_time = tokio::time::timeout(GRACE, child.wait()).await;
        self.signal(Signal::KILL);
        let _reaped = tokio::time::timeout(GRACE, child.wait()).await;
        self.leader = None;
    }

    /// Kills what the program has left behind: it could still write to the output.
    fn over(mut self) {
        self.signal(Signal::KILL);
        self.leader = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Runs a program to its end, with nothing on standard input, `stdout` as its output and nothing in
/// its environment but `variables`. `watch` is asked every second with the latest line of standard
/// error whether it may go on.
///
/// # Errors
/// When it does not start, or cannot be waited for.
pub(super) async fn run(
    line: &CommandLine,
    variables: &BTreeMap<String, String>,
    stdout: Stdio,
    cancel: &CancellationToken,
    mut watch: impl FnMut(Option<String>) -> bool,
) -> io::Result<End> {
    let mut child = Command::new(&line.program)
        .args(&line.arguments)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        // A group of its own: the terminal's Ctrl-C is for countersign, which ends the whole group.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = Group::of(&child);
    let mut errors = child.stderr.take();
    let mut tail = Tail::default();
    let mut buffer = vec![0_u8; 8 << 10];
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let status = loop {
        let read = async {
            match &mut errors {
                Some(errors) => errors.read(&mut buffer).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                group.end(&mut child).await;
                return Ok(End::Cancelled);
            }
            _ = ticks.tick() => {
                if !watch(tail.lines().pop()) {
                    group.end(&mut child).await;
                    return Ok(End::Stopped);
                }
            }
            status = child.wait() => break status?,
            read = read => match read {
                Ok(count) if count > 0 => tail.push(buffer.get(..count).unwrap_or_default()),
                _ => errors = None,
            },
        }
    };
    group.over();
    if let Some(mut errors) = errors {
        let rest = async {
            while let Ok(count) = errors.read(&mut buffer).await
                && count > 0
            {
                tail.push(buffer.get(..count).unwrap_or_default());
            }
        };
        let _in_time = tokio::time::timeout(LEFT_OVER, rest).await;
    }
    Ok(End::Exited(status, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_end_of_it_without_colors() {
        let mut tail = Tail::default();
        for number in 0..40_000 {
            tail.push(format!("\u{1b}[31mline\u{1b}[0m {number}\n\n").as_bytes());
        }
        assert!(tail.bytes.len() <= 2 * MAX_TAIL);
        let lines = tail.lines();
        assert_eq!(lines.len(), MAX_LINES);
        assert_eq!(lines.last().map(String::as_str), Some("line 39999"));
        let mut one = Tail::default();
        one.push(b"10 %\r20 %\r\xff\n");
        one.push("x".repeat(10_000).as_bytes());
        let lines = one.lines();
        assert_eq!(lines[..3], ["10 %", "20 %", "\u{fffd}"]);
        assert_eq!(lines[3].len(), MAX_LINE);
        assert_eq!(without_colors("a\u{1b}[38;5;1mb\u{1b}"), "ab");
    }
}

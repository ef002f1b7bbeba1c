//! One program run to its end: its time, its processor seconds and the peak of its memory, as the kernel counts them.
//!
//! Nothing here knows what the program does.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Seconds of the clock.
    pub(crate) wall: f64,
    /// Seconds of processors.
    pub(crate) work: f64,
    /// Megabytes (of 1 000 000) at the peak.
    pub(crate) memory: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>6.2} s  {:>5.2} CPU-s  {:>5.1} MB",
            self.wall, self.work, self.memory
        )
    }
}

/// Ticks of the processor's clock a second (`CLK_TCK`, the same on every Linux).
const TICKS: f64 = 100.0;

/// Runs a program that must end well.
pub(crate) fn run(program: &Path, arguments: &[String]) -> anyhow::Result<Figures> {
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{} starts", program.display()))?;
    let folder = format!("/proc/{}", child.id());
    let mut figures = Figures::default();
    // A process that has ended keeps its times until it is waited for, and no memory.
    loop {
        if let Some(memory) = peak(&folder) {
            figures.memory = figures.memory.max(memory);
        }
        let (ended, work) = times(&folder)?;
        if ended {
            figures.wall = started.elapsed().as_secs_f64();
            figures.work = work;
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = child.wait()?;
    ensure!(
        status.success(),
        "{} {arguments:?}: {status}",
        program.display()
    );
    Ok(figures)
}

fn peak(folder: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

/// Returns whether a process has ended, and its processor seconds so far.
fn times(folder: &str) -> anyhow::Result<(bool, f64)> {
    let stat = std::fs::read_to_string(format!("{folder}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("the name ends")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |place: usize| -> anyhow::Result<f64> {
        Ok(fields.get(place).context("a field")?.parse::<f64>()?)
    };
    let ended = fields.first() == Some(&"Z");
    Ok((ended, (ticks(11)? + ticks(12)?) / TICKS))
}

/// Returns the median of each figure.
pub(crate) fn median(all: &[Figures]) -> Figures {
    let middle = |part: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = all.iter().map(part).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Figures {
        wall: middle(|one| one.wall),
        work: middle(|one| one.work),
        memory: middle(|one| one.memory),
    }
}

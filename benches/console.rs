//! Figures for the console: reading, joining, the first frame, a key press and memory, with 10,000
//! findings.
//!
//! Reports are generated here, the same ones every time; nothing is compared with a limit. Times are
//! the clock's; work is the processor's, which alone compares on a busy machine.
//! `cargo bench` measures generated reports, `cargo bench --bench console -- FILE…` given ones.

#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use countersign::environment::Environment;
use countersign::formats::{self, Document};
use countersign::keymap::{Key, Keymap};
use countersign::ledger::Chain;
use countersign::model::{Digest, Report};
use countersign::review::{Inputs, open};
use countersign::triage::filter::Filter;
use countersign::triage::index::FindingIndex;
use countersign::triage::policy::Policy;
use countersign::triage::view::{Column, Sort, View};
use countersign::triage::{join, subject};
use countersign::tui::app::{App, Start};
use countersign::tui::context::Prefill;
use countersign::tui::message::{Loaded, Message};
use countersign::tui::theme::Theme;
use countersign::tui::update::update;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio_util::sync::CancellationToken;

/// Findings of one report.
const FINDINGS: usize = 10_000;

/// What a person types, key by key.
const TYPED: &str = "severity:high fixable:yes package:lib";

/// The argument by which the program measures in a process of its own: the peak of memory is a
/// whole process's.
const MEASURE: &str = "--measure";

/// The same for the console as a whole.
const CONSOLE: &str = "--console";

/// Columns and rows of the terminal drawn for.
const SIZE: (u16, u16) = (200, 60);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let files: Vec<PathBuf> = arguments
        .iter()
        .filter(|argument| !argument.starts_with("--"))
        .map(PathBuf::from)
        .collect();
    if arguments.iter().any(|argument| argument == MEASURE) {
        return measure(&files);
    }
    if arguments.iter().any(|argument| argument == CONSOLE) {
        return console(&files);
    }
    if !files.is_empty() {
        return apart(&files);
    }
    let folder = tempfile::tempdir()?;
    let trivy = folder.path().join("trivy.json");
    let grype = folder.path().join("grype.json");
    std::fs::write(&trivy, generate(trivy_report))?;
    std::fs::write(&grype, generate(grype_report))?;
    apart(std::slice::from_ref(&trivy))?;
    apart(std::slice::from_ref(&grype))?;
    apart(&[trivy, grype])
}

/// Measures `files` in processes of their own.
fn apart(files: &[PathBuf]) -> anyhow::Result<()> {
    for part in [MEASURE, CONSOLE] {
        let status = Command::new(std::env::current_exe()?)
            .arg(part)
            .args(files)
            .status()?;
        if !status.success() {
            bail!("measuring failed");
        }
    }
    Ok(())
}

fn measure(files: &[PathBuf]) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut reports = Vec::new();
    for file in files {
        reports.push(Arc::new(load(file)?));
    }
    let (join_time, joined) = timed(|| {
        let subjects = subject::subjects(&reports, &[], &[], &[]);
        join::findings(&subjects, &reports)
    });
    let (index_time, index) = timed(|| FindingIndex::build(&joined.findings, &[]));
    println!(
        "  join    {:>8.1} ms  {} findings",
        milliseconds(join_time),
        joined.findings.len()
    );
    println!("  index   {:>8.1} ms", milliseconds(index_time));
    println!(
        "  loaded  {:>8.1} ms  in all",
        milliseconds(started.elapsed())
    );
    key_presses(&index)?;
    memory()
}

fn memory() -> anyhow::Result<()> {
    println!(
        "  memory  {:>8.1} MB  at its peak, {:.1} MB now",
        status_line("VmHWM:")?,
        status_line("VmRSS:")?
    );
    Ok(())
}

/// Opens `files` as the console does, draws the findings, and presses keys.
fn console(files: &[PathBuf]) -> anyhow::Result<()> {
    let environment = Environment::capture();
    let cancel = CancellationToken::new();
    let paths = files.iter().map(|file| file.display().to_string());
    let inputs = Inputs {
        paths: paths.collect(),
        ..Inputs::default()
    };
    let open = |inputs: &Inputs| {
        let (policy, chain) = (Policy::default(), Chain::default());
        open(inputs, policy, &chain, &environment, &cancel, &mut |_| {})
    };
    println!(
        "console: {} reports, {} columns, {} rows",
        files.len(),
        SIZE.0,
        SIZE.1
    );
    let (started, began) = (Instant::now(), worked());
    let mut app = App::new(Start {
        review: Arc::new(open(&Inputs::default())),
        theme: Theme::detect(&environment),
        severity_from: None,
        keymap: Keymap::default(),
        clock: environment.clock,
        reviewer: "reviewer".to_owned(),
        prefill: Prefill::default(),
        selector: None,
        size: SIZE,
    });
    let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
    app.draw(&mut buffer);
    let empty = milliseconds(started.elapsed());
    println!("  start   {empty:>8.1} ms  the first frame, before anything is read");
    let review = open(&inputs);
    let opened = milliseconds(started.elapsed());
    println!(
        "  opened  {opened:>8.1} ms  {} findings",
        review.findings.len()
    );
    update(
        &mut app,
        Message::Opened(Loaded::new(review, environment.now())),
    );
    update(&mut app, Message::Key(Key::char('2')));
    buffer.reset();
    app.draw(&mut buffer);
    let drawn = milliseconds(started.elapsed());
    let work = milliseconds(worked().saturating_sub(began));
    println!("  frame   {drawn:>8.1} ms  the first with findings; {work:.1} ms of work");
    for (name, keys) in [
        (
            "j",
            "jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj",
        ),
        ("G, g", "GgGgGgGg"),
        ("sort", "siscspsvsdsfss"),
        ("f", "ffff"),
        ("filter", "/severity:high fixable:yes package:lib"),
    ] {
        let (before, mut worst) = (worked(), Duration::ZERO);
        for key in keys.chars().map(Key::char) {
            let (time, ()) = timed(|| {
                update(&mut app, Message::Key(key));
                buffer.reset();
                app.draw(&mut buffer);
            });
            worst = worst.max(time);
        }
        let work = milliseconds(worked().saturating_sub(before));
        let each = work / f64::from(u32::try_from(keys.len())?);
        println!(
            "  key     {:>8.1} ms  the slowest of {name}; {each:.1} ms of work each",
            milliseconds(worst)
        );
    }
    memory()
}

/// Reads one report and says how long its parts took; hashing is a part of reading, and is shown
/// for comparison.
fn load(file: &Path) -> anyhow::Result<Report> {
    let (read_time, bytes) = timed(|| std::fs::read(file));
    let bytes = bytes.with_context(|| file.display().to_string())?;
    let (hash_time, _digest) = timed(|| Digest::of(&bytes));
    let megabytes = f64::from(u32::try_from(bytes.len())?) / 1e6;
    let (parse_time, loaded) = timed(|| formats::read("report", bytes));
    let Some(Document::Report(report)) = loaded?.documents.pop() else {
        bail!("{} is no report", file.display());
    };
    println!(
        "{}: {} records, {:.1} MB",
        report.scanner,
        report.records.len(),
        megabytes
    );
    println!("  file    {:>8.1} ms", milliseconds(read_time));
    println!(
        "  parse   {:>8.1} ms  of which hashing about {:.1} ms",
        milliseconds(parse_time),
        milliseconds(hash_time)
    );
    Ok(report)
}

/// What a key press costs: a letter more in the filter, another column to sort by.
fn key_presses(index: &FindingIndex) -> anyhow::Result<()> {
    let mut worst = Duration::ZERO;
    let mut rows = 0;
    for (end, _) in TYPED.char_indices().skip(1) {
        let text = TYPED.get(..end).unwrap_or_default();
        // A word that is not finished yet may be no filter; the list then stays as it is.
        let (time, view) = timed(|| {
            let filter: Result<Filter, _> = text.parse();
            filter.map(|filter| View::build(index, &filter, Sort::default()))
        });
        worst = worst.max(time);
        rows = view.map_or(rows, |view| view.len());
    }
    println!(
        "  filter  {:>8.1} ms  the slowest letter, {rows} rows left",
        milliseconds(worst)
    );
    let everything: Filter = "".parse().context("the empty filter")?;
    let (mut worst, mut slowest) = (Duration::ZERO, Column::Severity);
    for column in Column::ALL {
        for reverse in [false, true] {
            let sort = Sort { column, reverse };
            let (time, _view) = timed(|| View::build(index, &everything, sort));
            if time > worst {
                (worst, slowest) = (time, column);
            }
        }
    }
    println!(
        "  sort    {:>8.1} ms  the slowest column, {}",
        milliseconds(worst),
        slowest.as_str()
    );
    Ok(())
}

/// Returns how long this process worked so far, which on a busy machine is less than the time that
/// passed; nothing where the system does not say. Counted in hundredths of a second.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    // In the process and in the system for it: the 14th and 15th field, two lie before the bracket.
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let result = work();
    (started.elapsed(), result)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Returns a figure of the kernel's about this process, in MB; 0 where there is none.
fn status_line(name: &str) -> anyhow::Result<f64> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return Ok(0.0);
    };
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    let kibibytes: f64 = kibibytes.unwrap_or("0").parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}

/// Numbers that look random and are the same every time (the `SplitMix64` generator).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let count = words.len() as u64;
        let position = usize::try_from(self.below(count)).unwrap_or_default();
        words.get(position).copied().unwrap_or_default()
    }

    /// Words, with the quotes and line ends that descriptions have, escaped.
    fn text(&mut self, length: usize) -> String {
        const WORDS: [&str; 16] = [
            "remote",
            "attackers",
            "could",
            "cause",
            "a",
            "buffer",
            "overflow",
            "in",
            "parsing",
            "crafted",
            "input",
            "via",
            "\\\"header\\\"",
            "length.\\n\\n",
            "é",
            "denial",
        ];
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            text.push_str(self.one_of(&WORDS));
            text.push(' ');
        }
        text
    }

    fn links(&mut self, count: u64, separator: &str) -> String {
        let links: Vec<String> = (0..count)
            .map(|_| format!("\"https://example.com/advisories/{:016x}\"", self.next()))
            .collect();
        links.join(separator)
    }
}

/// One vulnerability of one package, in the words of both scanners.
struct Vulnerability {
    id: String,
    package: String,
    version: String,
    fixed: Option<String>,
    severity: &'static str,
    score: f64,
    vector: String,
    description: String,
    numbers: Numbers,
}

/// Returns the findings' entries, written by `write` one after the other.
fn generate(write: fn(&[Vulnerability]) -> String) -> String {
    let mut numbers = Numbers(20);
    let entries: Vec<Vulnerability> = (0..FINDINGS)
        .map(|position| {
            let rank = numbers.below(5);
            let severity = match rank {
                0 => "Critical",
                1 => "High",
                2 => "Medium",
                3 => "Low",
                _ => "Unknown",
            };
            let (major, minor) = (numbers.below(12), numbers.below(40));
            let length = 150 + numbers.below(900) + numbers.below(900);
            let parts = ["N", "L", "H"];
            Vulnerability {
                id: format!("CVE-{}-{}", 2012 + position % 14, 1000 + position),
                package: format!(
                    "lib{}{}",
                    numbers.one_of(&["ssl", "xml", "z", "png"]),
                    position / 6
                ),
                version: format!("{major}.{minor}.1-1+deb12u1"),
                fixed: (numbers.below(2) == 0).then(|| format!("{major}.{minor}.2-1+deb12u2")),
                severity,
                score: 9.8 - 2.0 * f64::from(u8::try_from(rank).unwrap_or_default()),
                vector: format!(
                    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:{}/I:{}/A:{}",
                    numbers.one_of(&parts),
                    numbers.one_of(&parts),
                    numbers.one_of(&parts)
                ),
                description: numbers.text(usize::try_from(length).unwrap_or_default()),
                numbers: Numbers(numbers.next()),
            }
        })
        .collect();
    write(&entries)
}

/// The same report as Trivy writes it: indented, about 3.7 KB an entry.
fn trivy_report(entries: &[Vulnerability]) -> String {
    let mut text = String::from(
        "{\n  \"SchemaVersion\": 2,\n  \"Trivy\": {\n    \"Version\": \"0.70.0\"\n  },\n  \
         \"CreatedAt\": \"2026-10-02T12:20:30Z\",\n  \"ArtifactName\": \
         \"registry.example.com/app:1.2.3\",\n  \"ArtifactType\": \"container_image\",\n  \
         \"Results\": [\n    {\n      \"Target\": \"app (debian 12.9)\",\n      \
         \"Class\": \"os-pkgs\",\n      \"Type\": \"debian\",\n      \"Vulnerabilities\": [",
    );
    for (position, entry) in entries.iter().enumerate() {
        text.push_str(if position == 0 { "" } else { "," });
        trivy_entry(&mut text, entry);
    }
    text.push_str("\n      ]\n    }\n  ]\n}\n");
    text
}

fn trivy_entry(text: &mut String, entry: &Vulnerability) {
    let mut numbers = Numbers(entry.numbers.0);
    let Vulnerability {
        id,
        package,
        version,
        score,
        vector,
        description,
        ..
    } = entry;
    let severity = entry.severity.to_uppercase();
    let fixed = entry.fixed.as_ref().map_or(String::new(), |fixed| {
        format!("          \"FixedVersion\": \"{fixed}\",\n")
    });
    let mut sources = String::new();
    for source in [
        "alma",
        "amazon",
        "nvd",
        "oracle-oval",
        "photon",
        "redhat",
        "ubuntu",
    ] {
        let comma = if sources.is_empty() { "" } else { "," };
        write_to(
            &mut sources,
            format_args!("{comma}\n            \"{source}\": {}", numbers.below(5)),
        );
    }
    let mut scores = String::new();
    for source in ["nvd", "redhat"] {
        let comma = if scores.is_empty() { "" } else { "," };
        write_to(
            &mut scores,
            format_args!(
                "{comma}\n            \"{source}\": {{\n              \"V3Vector\": \"{vector}\",\n              \
             \"V3Score\": {score:.1}\n            }}"
            ),
        );
    }
    let count = 6 + numbers.below(16);
    let links = numbers.links(count, ",\n            ");
    let (first, second) = (numbers.next(), numbers.next());
    write_to(
        text,
        format_args!(
            "\n        {{\n          \"VulnerabilityID\": \"{id}\",\n          \"PkgID\": \"{package}@{version}\",\n          \
         \"PkgName\": \"{package}\",\n          \"PkgIdentifier\": {{\n            \
         \"PURL\": \"pkg:deb/debian/{package}@{version}?arch=amd64\\u0026distro=debian-12.9\",\n            \
         \"UID\": \"{first:016x}\"\n          }},\n          \"InstalledVersion\": \"{version}\",\n{fixed}          \
         \"Status\": \"affected\",\n          \"Layer\": {{\n            \
         \"DiffID\": \"sha256:{first:016x}{second:016x}{first:016x}{second:016x}\"\n          }},\n          \
         \"SeveritySource\": \"debian\",\n          \"PrimaryURL\": \"https://avd.aquasec.com/nvd/{id}\",\n          \
         \"DataSource\": {{\n            \"ID\": \"debian\",\n            \"Name\": \"Debian Security Tracker\"\n          }},\n          \
         \"Title\": \"{package}: a crafted header overflows a buffer\",\n          \
         \"Description\": \"{description}\",\n          \"Severity\": \"{severity}\",\n          \
         \"CweIDs\": [\n            \"CWE-787\"\n          ],\n          \
         \"VendorSeverity\": {{{sources}\n          }},\n          \"CVSS\": {{{scores}\n          }},\n          \
         \"References\": [\n            {links}\n          ],\n          \
         \"PublishedDate\": \"2024-05-06T07:15:08.123Z\",\n          \
         \"LastModifiedDate\": \"2025-05-06T07:15:08.123Z\"\n        }}"
        ),
    );
}

/// The same report as Grype writes it: on one line, descriptions twice, about 4.3 KB an entry.
fn grype_report(entries: &[Vulnerability]) -> String {
    let mut text = String::from("{\"matches\":[");
    for (position, entry) in entries.iter().enumerate() {
        text.push_str(if position == 0 { "" } else { "," });
        grype_entry(&mut text, entry);
    }
    text.push_str(
        "],\"source\":{\"type\":\"image\",\"target\":{\"userInput\":\"registry.example.com/app:1.2.3\",\
         \"imageID\":\"\",\"tags\":[\"registry.example.com/app:1.2.3\"],\"layers\":[]}},\
         \"distro\":{\"name\":\"debian\",\"version\":\"12\"},\
         \"descriptor\":{\"name\":\"grype\",\"version\":\"0.100.0\"}}\n",
    );
    text
}

fn grype_entry(text: &mut String, entry: &Vulnerability) {
    let mut numbers = Numbers(entry.numbers.0);
    let Vulnerability {
        id,
        package,
        version,
        severity,
        score,
        vector,
        description,
        ..
    } = entry;
    let (state, versions) = match &entry.fixed {
        Some(fixed) => ("fixed", format!("\"{fixed}\"")),
        None => ("not-fixed", String::new()),
    };
    let count = 6 + numbers.below(16);
    let links = numbers.links(count, ",");
    let (first, second) = (numbers.next(), numbers.next());
    let epss = format!(
        "\"epss\":[{{\"cve\":\"{id}\",\"epss\":0.01234,\"percentile\":0.5,\"date\":\"2026-10-01\"}}],\
         \"cwes\":[{{\"cve\":\"{id}\",\"cwe\":\"CWE-787\",\"source\":\"nvd@nist.gov\",\"type\":\"Primary\"}}]"
    );
    let cvss = format!(
        "\"cvss\":[{{\"source\":\"nvd@nist.gov\",\"type\":\"Primary\",\"version\":\"3.1\",\
         \"vector\":\"{vector}\",\"metrics\":{{\"baseScore\":{score:.1},\"exploitabilityScore\":2.2,\
         \"impactScore\":3.6}},\"vendorMetadata\":{{}}}}]"
    );
    let mut locations = String::new();
    for path in [
        "lib/dpkg/status",
        "lib/dpkg/info/list.md5sums",
        "share/doc/copyright",
    ] {
        let comma = if locations.is_empty() { "" } else { "," };
        write_to(
            &mut locations,
            format_args!(
                "{comma}{{\"path\":\"/usr/{path}\",\"layerID\":\"sha256:{first:016x}{second:016x}{first:016x}{second:016x}\",\
             \"accessPath\":\"/usr/{path}\",\"annotations\":{{\"evidence\":\"primary\"}}}}"
            ),
        );
    }
    write_to(
        text,
        format_args!(
            "{{\"vulnerability\":{{\"id\":\"{id}\",\"dataSource\":\"https://security-tracker.debian.org/tracker/{id}\",\
         \"namespace\":\"debian:distro:debian:12\",\"severity\":\"{severity}\",\"urls\":[],\
         \"description\":\"{description}\",\"cvss\":[],{epss},\
         \"fix\":{{\"versions\":[{versions}],\"state\":\"{state}\"}},\"advisories\":[],\"risk\":1.5}},\
         \"relatedVulnerabilities\":[{{\"id\":\"{id}\",\"dataSource\":\"https://nvd.nist.gov/vuln/detail/{id}\",\
         \"namespace\":\"nvd:cpe\",\"severity\":\"{severity}\",\"urls\":[{links}],\
         \"description\":\"{description}\",{cvss},{epss}}}],\
         \"matchDetails\":[{{\"type\":\"exact-direct-match\",\"matcher\":\"dpkg-matcher\",\
         \"searchedBy\":{{\"distro\":{{\"type\":\"debian\",\"version\":\"12\"}},\
         \"package\":{{\"name\":\"{package}\",\"version\":\"{version}\"}}}},\
         \"found\":{{\"versionConstraint\":\"none (unknown)\",\"vulnerabilityID\":\"{id}\"}}}}],\
         \"artifact\":{{\"id\":\"{first:016x}\",\"name\":\"{package}\",\"version\":\"{version}\",\"type\":\"deb\",\
         \"locations\":[{locations}],\"language\":\"\",\"licenses\":[\"GPL-2.0-or-later\",\"MIT\"],\
         \"cpes\":[\"cpe:2.3:a:{package}:{package}:{version}:*:*:*:*:*:*:*\"],\
         \"purl\":\"pkg:deb/debian/{package}@{version}?arch=amd64&distro=debian-12.9\",\"upstreams\":[]}}}}"
        ),
    );
}

/// Writing to a text cannot fail.
fn write_to(text: &mut String, written: std::fmt::Arguments<'_>) {
    if text.write_fmt(written).is_err() {
        text.clear();
    }
}

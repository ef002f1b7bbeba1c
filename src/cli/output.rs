//! The only place that prints: data to standard output or `--output`, all else to standard error.
//!
//! Every line of foreign text passes through `Safe`. What is printed is decided by the commands.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::stop::Stop;
use crate::error::ErrorKind;
use crate::model::Severity;
use crate::text::{self, Safe};

mod table;

pub(crate) use table::{Align, Table};

/// Where data goes.
#[derive(Debug)]
enum Sink {
    Standard,
    /// A file that appears whole, when the command ends.
    File {
        path: PathBuf,
        force: bool,
        text: Option<tempfile::NamedTempFile>,
    },
}

/// Prints.
#[derive(Debug)]
pub(crate) struct Output {
    sink: Sink,
    colored: bool,
}

impl Output {
    /// Opens standard output.
    pub(crate) fn standard(colored: bool) -> Self {
        Self {
            sink: Sink::Standard,
            colored,
        }
    }

    /// Opens a file; refuses one that exists unless `force`. It appears when `finish` is called.
    pub(crate) fn file(path: &Path, force: bool) -> Result<Self, Stop> {
        if path.symlink_metadata().is_ok() && !force {
            return Err(exists(path));
        }
        Ok(Self {
            sink: Sink::File {
                path: path.to_owned(),
                force,
                text: None,
            },
            colored: false,
        })
    }

    /// Returns whether colours are used in data.
    pub(crate) fn is_colored(&self) -> bool {
        self.colored
    }

    /// Writes text that is safe already: documents, tables, lines made with `Safe`.
    pub(crate) fn data(&mut self, text: &str) -> Result<(), Stop> {
        match &mut self.sink {
            Sink::Standard => {
                let mut standard = io::stdout().lock();
                let written = standard
                    .write_all(text.as_bytes())
                    .and_then(|()| standard.flush());
                written.map_err(|error| match error.kind() {
                    io::ErrorKind::BrokenPipe => Stop::broken_pipe(),
                    _ => Stop::input(format!("standard output cannot be written: {error}")),
                })
            }
            Sink::File {
                path, text: file, ..
            } => {
                let failed = |error: &io::Error| {
                    Stop::input(format!("{} cannot be written: {error}", path.display()))
                };
                let open = match file {
                    Some(open) => open,
                    None => file.insert(new_file_beside(path).map_err(|error| failed(&error))?),
                };
                open.write_all(text.as_bytes())
                    .map_err(|error| failed(&error))
            }
        }
    }

    /// Writes one line of data, made safe.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Stop> {
        self.data(&format!("{}\n", Safe::new(line)))
    }

    /// Writes a document: `schema` first, then the fields of `body`.
    pub(crate) fn document(&mut self, name: &str, body: &impl Serialize) -> Result<(), Stop> {
        let text = text::to_json(&Document::new(name, body)).map_err(|error| defect(&error))?;
        self.data(&text)
    }

    /// Writes a document on one line, for streams of them.
    pub(crate) fn document_line(&mut self, name: &str, body: &impl Serialize) -> Result<(), Stop> {
        let text =
            text::to_json_line(&Document::new(name, body)).map_err(|error| defect(&error))?;
        self.data(&text)
    }

    /// Writes a table; `indent` spaces before each line.
    pub(crate) fn table(&mut self, table: &Table, indent: usize) -> Result<(), Stop> {
        let text = table.render(indent, self.colored);
        self.data(&text)
    }

    /// Makes what was written to `--output` appear.
    pub(crate) fn finish(self) -> Result<(), Stop> {
        let Sink::File {
            path,
            force,
            text: Some(file),
        } = self.sink
        else {
            return Ok(());
        };
        let persisted = if force {
            file.persist(&path)
        } else {
            file.persist_noclobber(&path)
        };
        match persisted {
            Ok(_file) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
            Err(error) => Err(Stop::input(format!(
                "{} cannot be written: {}",
                path.display(),
                error.error
            ))),
        }
    }
}

/// A document: its schema's name, then its fields.
#[derive(Serialize)]
struct Document<'a, T> {
    schema: String,
    #[serde(flatten)]
    body: &'a T,
}

impl<'a, T> Document<'a, T> {
    fn new(name: &str, body: &'a T) -> Self {
        Self {
            schema: format!("countersign/{name}/v1"),
            body,
        }
    }
}

/// Returns the stop for a document that cannot be written: a defect of the program.
pub(crate) fn defect(error: &serde_json::Error) -> Stop {
    Stop::new(
        ErrorKind::Internal,
        format!("the document cannot be written: {error}"),
    )
}

fn exists(path: &Path) -> Stop {
    Stop::new(
        ErrorKind::Refused,
        format!("{} exists and is not overwritten", path.display()),
    )
    .hint("choose another name, or add --force")
}

/// Makes a file that nobody sees yet, with the permissions a new file has here.
fn new_file_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".countersign-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

/// Writes lines to standard error; that nobody reads them is no failure of the work.
fn errors(text: &str) {
    let written = io::stderr().lock().write_all(text.as_bytes());
    drop(written);
}

/// Says something beside the data, one line.
pub(crate) fn note(text: &str) {
    errors(&format!("{}\n", Safe::new(text)));
}

/// Warns, one line and a hint each.
pub(crate) fn warning(text: &str, hints: &[String]) {
    let mut lines = format!("warning: {}\n", Safe::new(text));
    push_hints(&mut lines, hints);
    errors(&lines);
}

/// Says why the command stopped; says nothing for a broken pipe.
pub(crate) fn stop(stop: &Stop) {
    let chain = stop.chain();
    let mut chain = chain.iter();
    let Some(message) = chain.next() else {
        return;
    };
    let mut lines = format!("error: {}\n", Safe::new(message));
    for cause in chain {
        push(
            &mut lines,
            format_args!("  caused by: {}\n", Safe::new(cause)),
        );
    }
    push_hints(&mut lines, &stop.hints);
    errors(&lines);
}

fn push_hints(lines: &mut String, hints: &[String]) {
    for hint in hints {
        push(lines, format_args!("hint: {}\n", Safe::new(hint)));
    }
}

fn push(lines: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _infallible = lines.write_fmt(line);
}

/// Prints what the parser of the command line has to say: help and version as data, the rest as
/// an error.
pub(super) fn parser_message(message: &str, is_data: bool) {
    let mut lines = String::with_capacity(message.len());
    for line in Safe::lines(message, usize::MAX) {
        push(&mut lines, format_args!("{line}\n"));
    }
    if is_data {
        // Help that nobody reads to its end is no failure.
        let written = io::stdout().lock().write_all(lines.as_bytes());
        drop(written);
    } else {
        errors(&lines);
    }
}

/// Returns the colour of a severity, as an SGR parameter; severities are told apart by word too.
pub(crate) fn severity_color(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("1;31"),
        Severity::High => Some("31"),
        Severity::Medium => Some("33"),
        Severity::Low | Severity::Negligible | Severity::Unknown => None,
    }
}

//! What is made from the declarations: completions, manual pages, the keys, the reference pages.
//!
//! Nothing is declared here; `tests/docs.rs` holds the pages of `docs/reference` against this.

use std::fmt::Write as _;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::{Cli, CompletionsArgs, Format, ManArgs};
use super::exit::{self, Exit};
use super::settings::Settings;
use super::stop::Stop;
use crate::config;
use crate::keymap::{self, Key, Keymap};

/// Runs `completions`.
pub(super) fn completions(args: &CompletionsArgs, settings: &Settings) -> Result<Exit, Stop> {
    let mut output = settings.output()?;
    output.data(&completion(args.shell))?;
    output.finish()?;
    Ok(Exit::Done)
}

fn completion(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "countersign", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs `man`: one page for the program and one for each command.
pub(super) fn man(args: &ManArgs, settings: &Settings) -> Result<Exit, Stop> {
    let mut output = settings.output()?;
    let folder = &args.folder;
    let failed = |path: &Path, error: &std::io::Error| {
        Stop::input(format!("{} cannot be written: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut program = Cli::command();
    program.build();
    let mut pages = vec![("countersign".to_owned(), program.clone())];
    collect("countersign", &program, &mut pages);
    for (name, command) in pages {
        let path = folder.join(format!("{name}.1"));
        let mut bytes = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut bytes)
            .map_err(|error| failed(&path, &error))?;
        std::fs::write(&path, bytes).map_err(|error| failed(&path, &error))?;
        output.line(&path.display().to_string())?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn collect(prefix: &str, command: &clap::Command, pages: &mut Vec<(String, clap::Command)>) {
    for below in command.get_subcommands() {
        let name = format!("{prefix}-{}", below.get_name());
        pages.push((name.clone(), below.clone()));
        collect(&name, below, pages);
    }
}

/// Runs `keys`: the keys of the console as they are bound here.
pub(super) fn keys(settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Markdown, Format::Json])?;
    let mut output = settings.output()?;
    let map = bound(settings)?;
    match format {
        Format::Json => output.document("keys", &KeysDocument::of(&map))?,
        Format::Markdown => output.data(&keymap::markdown(&map))?,
        _ => {
            for (position, place) in keymap::Place::ALL.into_iter().enumerate() {
                let mut table = super::output::Table::plain(3);
                let mut empty = true;
                for (action, keys) in map.actions(place) {
                    empty = false;
                    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
                    table.row([&keys.join(" "), action.summary(), action.name()]);
                }
                if empty {
                    continue;
                }
                if position > 0 {
                    output.data("\n")?;
                }
                output.line(place.name())?;
                output.table(&table, 2)?;
            }
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// Returns the bindings of the configuration over the defaults.
fn bound(settings: &Settings) -> Result<Keymap, Stop> {
    let mut changes = std::collections::BTreeMap::new();
    for (action, keys) in &settings.config().keys {
        let read: Result<Vec<Key>, _> = keys.iter().map(|key| key.parse::<Key>()).collect();
        let read =
            read.map_err(|error| Stop::usage(format!("configuration, [keys] {action}: {error}")))?;
        changes.insert(action.clone(), read);
    }
    Keymap::with(&changes).map_err(|error| Stop::usage(format!("configuration, [keys]: {error}")))
}

/// The document `keys`.
#[derive(serde::Serialize)]
struct KeysDocument {
    bindings: Vec<BindingView>,
}

/// One binding.
#[derive(serde::Serialize)]
struct BindingView {
    place: &'static str,
    action: &'static str,
    summary: &'static str,
    keys: Vec<String>,
}

impl KeysDocument {
    fn of(map: &Keymap) -> Self {
        let bindings = keymap::Place::ALL.into_iter().flat_map(|place| {
            map.actions(place).map(move |(action, keys)| BindingView {
                place: place.name(),
                action: action.name(),
                summary: action.summary(),
                keys: keys.iter().map(ToString::to_string).collect(),
            })
        });
        Self {
            bindings: bindings.collect(),
        }
    }
}

/// Returns every page of `docs/reference` that is made from declarations: file name and text.
#[must_use]
pub fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("cli.md", command_page()),
        ("config.md", config_page()),
        ("exit-codes.md", exit::page()),
        ("keys.md", keymap::markdown(&Keymap::default())),
    ]
}

fn command_page() -> String {
    let mut program = Cli::command().term_width(100);
    program.build();
    let mut page =
        String::from("# Commands\n\nThe help of every command, as the program prints it.\n");
    section("countersign", &program, &mut page);
    page
}

fn section(name: &str, command: &clap::Command, page: &mut String) {
    let help = command.clone().render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a String cannot fail.
    let _infallible = write!(
        page,
        "\n## {name}\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    );
    for below in command.get_subcommands() {
        section(&format!("{name} {}", below.get_name()), below, page);
    }
}

fn config_page() -> String {
    format!(
        "# Configuration\n\nFlags win over environment variables, these over the file, the file over the defaults.\n`countersign config show` prints what is in force, `countersign config check` tries it.\n\n```toml\n{}```\n",
        config::DEFAULTS
    )
}

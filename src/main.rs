//! Entry point: parses arguments, chooses the front end, turns the outcome into an exit code.

use std::process::ExitCode;

use countersign::cli::{self, ConsoleRequest, Invocation};
use countersign::environment::Environment;
use countersign::review::Inputs;
use countersign::tui::{self, World};

fn main() -> ExitCode {
    let environment = Environment::capture();
    match cli::parse(std::env::args_os(), &environment) {
        Invocation::Command(line) => cli::run(&line).into(),
        Invocation::Over(exit) => exit.into(),
        Invocation::Console(request) => console(*request),
    }
}

/// Opens the console. A signal that ended it becomes 128 and its number, as shells have it.
fn console(request: ConsoleRequest) -> ExitCode {
    let policy = match request.connector.policy() {
        Ok(policy) => policy,
        Err(error) => return cli::failed(error).into(),
    };
    let trusted = match request.connector.trusted_keys(&policy) {
        Ok(trusted) => trusted,
        Err(error) => return cli::failed(error).into(),
    };
    // The stage of the demonstration ends with the console.
    let _stage = request.stage;
    let world = World {
        inputs: Inputs {
            paths: request.inputs,
            attach: request.attach,
            epss: request.epss,
            kev: request.kev,
            trusted,
            ..Inputs::default()
        },
        images: request.images,
        platform: request.platform,
        subject: request.subject,
        destination: request.to,
        no_color: request.no_color,
        policy,
        connector: request.connector,
    };
    match tui::run(world) {
        Ok(tui::Exit::Left) => ExitCode::SUCCESS,
        Ok(tui::Exit::Signal(signal)) => ExitCode::from(128 + signal),
        Err(error) => cli::failed(error).into(),
    }
}

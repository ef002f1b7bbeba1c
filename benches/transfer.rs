//! Figures for copies between registries, side by side with crane and skopeo: time, processor, memory, requests.
//!
//! The registries are Debian's `docker-registry` on loopback addresses; what a program needs is measured in a process of
//! its own, one program after the other in each round. `COUNTERSIGN_TRANSFER_GIGABYTES` sets the size of the copy that
//! only memory is looked at for (1), `COUNTERSIGN_TRANSFER_ROUNDS` how often each copy is made (3).

#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

#[path = "transfer/endless.rs"]
mod endless;
#[path = "transfer/image.rs"]
mod image;
#[path = "transfer/measure.rs"]
mod measure;
#[path = "transfer/server.rs"]
mod server;

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use countersign::demo::registry::{Registry, RegistryOptions};
use countersign::model::{Image, ImageReference};
use countersign::registry::{Client, ClientOptions, copy, resolve};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use image::Made;
use measure::{Figures, median, run};
use server::{DockerRegistry, program};

/// The argument by which the program copies one image in a process of its own.
const COPY: &str = "--copy";

/// The goals: megabytes at the peak, processor seconds a gigabyte, requests of a copy that is done.
const MEMORY: f64 = 40.0;
const WORK: f64 = 1.3;
const REQUESTS: usize = 4;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, source, destination] = arguments.as_slice()
        && flag == COPY
    {
        return Runtime::new()?.block_on(copied(source, destination));
    }
    let runtime = Runtime::new()?;
    memory(&runtime)?;
    requests(&runtime)?;
    beside_others(&runtime)
}

/// Copies an image, tag included, unless its tag is there.
async fn copied(source: &str, destination: &str) -> anyhow::Result<()> {
    let client = Client::new(&ClientOptions::default())?;
    let source: Image = source.parse()?;
    let destination: ImageReference = destination.parse()?;
    let (repository, tag) = (&destination.repository, destination.tag.as_deref());
    let tag = tag.context("the destination has a tag")?;
    let resolved = resolve(&client, &source).await?;
    let there = client.head_manifest(repository, tag).await?;
    if there.is_some_and(|there| there.digest == *resolved.digest()) {
        return Ok(());
    }
    let (top, cancel) = (&resolved.manifest, CancellationToken::new());
    let quietly = |_progress| {};
    copy(
        &resolved.source,
        top,
        &client,
        repository,
        &cancel,
        &quietly,
    )
    .await?;
    client.put_manifest(repository, tag, top).await?;
    let back = client.manifest(repository, tag).await?;
    ensure!(back.bytes == top.bytes, "another manifest came back");
    Ok(())
}

/// The programs that copy, and how they are called.
fn programs() -> anyhow::Result<Vec<(&'static str, PathBuf, Vec<&'static str>)>> {
    let own = std::env::current_exe()?;
    let mut programs = vec![("countersign", own, vec![COPY])];
    if let Some(crane) = program("crane") {
        programs.push(("crane", crane, vec!["copy", "--insecure"]));
    }
    if let Some(skopeo) = program("skopeo") {
        let flags = [
            "copy",
            "-q",
            "--all",
            "--preserve-digests",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
        ];
        programs.push(("skopeo", skopeo, flags.to_vec()));
    }
    Ok(programs)
}

fn arguments(name: &str, flags: &[&str], source: &str, destination: &str) -> Vec<String> {
    let scheme = if name == "skopeo" { "docker://" } else { "" };
    let ends = [
        format!("{scheme}{source}"),
        format!("{scheme}{destination}"),
    ];
    flags
        .iter()
        .map(|flag| (*flag).to_owned())
        .chain(ends)
        .collect()
}

/// The peak of memory of a copy of many bytes: between servers that make them up and forget them.
fn memory(runtime: &Runtime) -> anyhow::Result<()> {
    let gigabytes = number("COUNTERSIGN_TRANSFER_GIGABYTES", 1)?;
    let endless = runtime.block_on(endless::start(gigabytes, 5))?;
    let own = std::env::current_exe()?;
    let (source, destination) = (endless.source(), endless.destination());
    let figures = run(
        &own,
        &arguments("countersign", &[COPY], &source, &destination),
    )?;
    println!("{gigabytes} GB, memory only: {figures}");
    ensure!(figures.memory <= MEMORY, "the goal is {MEMORY} MB");
    Ok(())
}

/// Requests, counted by registries of the project's own.
fn requests(runtime: &Runtime) -> anyhow::Result<()> {
    println!("requests of a first copy, and of a second one (writes)");
    for (name, made) in [
        ("52 MB in 10 layers", Made::image(&[5_240_000; 10])),
        ("index of 4 platforms", Made::index(4, &[4 << 20; 3])),
    ] {
        for (tool, path, flags) in programs()? {
            let start = || Registry::start(RegistryOptions::default());
            let (from, to) = (runtime.block_on(start())?, runtime.block_on(start())?);
            made.put(&from);
            let ends = (
                format!("{}/lab/a:v1", from.host()),
                format!("{}/lab/a:v1", to.host()),
            );
            let arguments = arguments(tool, &flags, &ends.0, &ends.1);
            let mut counts = Vec::new();
            for _copy in 0..2 {
                from.clear_requests();
                to.clear_requests();
                run(&path, &arguments)?;
                let asked = [from.requests(), to.requests()].concat();
                let reads = |method: &str| matches!(method, "GET" | "HEAD");
                let writes = asked.iter().filter(|asked| !reads(&asked.method)).count();
                counts.push((asked.len(), writes));
            }
            let [(first, sent), (second, again)] = counts.as_slice() else {
                bail!("two copies were made");
            };
            println!("  {name:<22} {tool:<12} {first:>4} ({sent})  {second:>3} ({again})");
            if tool == "countersign" {
                ensure!(
                    *second <= REQUESTS && *again == 0,
                    "the goal is {REQUESTS} and no write"
                );
            }
        }
    }
    Ok(())
}

/// Time, processor and memory beside the other programs.
fn beside_others(runtime: &Runtime) -> anyhow::Result<()> {
    let rounds = number("COUNTERSIGN_TRANSFER_ROUNDS", 3)?;
    let Some(from) = DockerRegistry::start()? else {
        println!("no docker-registry: nothing to copy between");
        return Ok(());
    };
    for (name, tag, made, bytes) in [
        (
            "1 GB in 5 layers",
            "large",
            Made::image(&[214_748_364; 5]),
            1.0737,
        ),
        (
            "52 MB in 10 layers",
            "small",
            Made::image(&[5_240_000; 10]),
            0.0524,
        ),
        (
            "index of 4 platforms",
            "index",
            Made::index(4, &[4 << 20; 3]),
            0.0503,
        ),
    ] {
        let client = Client::new(&ClientOptions::default())?;
        runtime.block_on(made.push(&client, &from.host(), tag))?;
        drop(made);
        let source = format!("{}/lab/a:{tag}", from.host());
        println!("{name}");
        let programs = programs()?;
        let mut all: Vec<Vec<Figures>> = vec![Vec::new(); programs.len()];
        let mut again: Vec<Vec<Figures>> = all.clone();
        for _round in 0..rounds {
            for (place, (tool, path, flags)) in programs.iter().enumerate() {
                let Some(to) = DockerRegistry::start()? else {
                    bail!("it was there a moment ago")
                };
                let arguments = arguments(tool, flags, &source, &format!("{}/lab/b:v1", to.host()));
                for results in [&mut all, &mut again] {
                    let figures = run(path, &arguments)?;
                    results
                        .get_mut(place)
                        .context("one list a program")?
                        .push(figures);
                }
            }
        }
        let own = all.first().map(|own| median(own)).unwrap_or_default();
        for ((tool, ..), (first, second)) in programs.iter().zip(all.iter().zip(&again)) {
            let (first, second) = (median(first), median(second));
            let ratio = own.wall / first.wall;
            println!("  {tool:<12} {first}  ours/theirs {ratio:.2}  again: {second}");
        }
        if bytes > 1.0 {
            println!(
                "  goals: 1.1 of crane, 0.75 of skopeo, {WORK} CPU-s a GB ({:.2}), {MEMORY} MB",
                own.work / bytes
            );
            ensure!(own.memory <= MEMORY, "the goal is {MEMORY} MB");
        }
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the settings of a run come from its caller"
)]
fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is a number")),
        Err(_unset) => Ok(default),
    }
}

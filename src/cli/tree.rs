//! `tree`: what hangs on an image, drawn.
//!
//! What is found and what counts as verified is `signatures`' work.

use super::args::{Format, TreeArgs};
use super::exit::Exit;
use super::output::Output;
use super::settings::Settings;
use super::stop::Stop;
use super::verify::public_key;
use super::{registry_image, work};
use crate::model::Image;
use crate::registry;
use crate::signatures::{self, NodeKind, TreeNode};

/// Runs the command.
pub(super) fn run(args: &TreeArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let reference = registry_image(&args.image)?;
    let keys = match &args.key.key {
        Some(key) => vec![public_key(key, settings)?],
        None => Vec::new(),
    };
    let mut output = settings.output()?;
    let root = work::block_on(async {
        let client = settings.connector.client()?;
        let image = Image::Registry(reference.clone());
        let digest = registry::resolve(&client, &image).await?.manifest.digest;
        let root = signatures::tree(&client, &reference.repository, &digest, &keys).await?;
        Ok::<_, Stop>(root)
    })??;
    if format == Format::Json {
        output.document("tree", &root)?;
    } else {
        output.line(&reference.repository.to_string())?;
        draw(&mut output, &root, "", "")?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// Draws a node behind `first`, and what hangs on it behind `rest`.
fn draw(output: &mut Output, node: &TreeNode, first: &str, rest: &str) -> Result<(), Stop> {
    let verified = match node.verified {
        None => "",
        Some(true) => "  verified",
        Some(false) => "  not verified",
    };
    let artifact = node
        .artifact_type
        .as_ref()
        .map(|artifact| format!("  {artifact}"))
        .unwrap_or_default();
    output.line(&format!(
        "{first}{} {}{artifact}{verified}",
        name(node.kind),
        node.digest
    ))?;
    for (position, child) in node.children.iter().enumerate() {
        let last = position + 1 == node.children.len();
        let (branch, stem) = if last {
            ("└── ", "    ")
        } else {
            ("├── ", "│   ")
        };
        draw(
            output,
            child,
            &format!("{rest}{branch}"),
            &format!("{rest}{stem}"),
        )?;
    }
    Ok(())
}

fn name(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Index => "index",
        NodeKind::Image => "image",
        NodeKind::Signature => "signature",
        NodeKind::Attestation => "attestation",
        NodeKind::Sbom => "sbom",
        NodeKind::NotationSignature => "notation signature",
        NodeKind::Artifact => "artifact",
        NodeKind::Unreadable => "unreadable",
    }
}

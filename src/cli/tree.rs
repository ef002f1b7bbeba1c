//! `tree`: what hangs on an image, drawn or listed.
//!
//! What is found and what counts as verified is `signatures`' work.

use super::args::{Format, KeyOption, TreeArgs};
use super::exit::Exit;
use super::output::{Align, Output, Table};
use super::settings::Settings;
use super::stop::Stop;
use super::verify::public_key;
use super::{output, registry_image, work};
use crate::model::{Image, ImageReference};
use crate::registry::{self, Client};
use crate::signatures::{self, Tree, TreeNode, VerifyOptions};
use crate::signing::PublicKey;

/// Runs the command.
pub(super) fn run(args: &TreeArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Tree, Format::Table, Format::Json])?;
    let reference = registry_image(&args.image)?;
    let keys = keys(&args.key, settings)?;
    let mut output = settings.output()?;
    let tree = work::block_on(async {
        let client = settings.connector.client()?;
        read(&client, &reference, &keys, settings).await
    })??;
    match format {
        Format::Json => output.document("tree", &tree)?,
        Format::Table => list(&mut output, &tree.root)?,
        _ => {
            output.line(&reference.repository.to_string())?;
            draw(&mut output, &tree.root, "", "")?;
        }
    }
    output.finish()?;
    for warning in &tree.warnings {
        output::warning(warning, &[]);
    }
    Ok(Exit::Done)
}

/// Returns the keys that signatures are checked with: the one that is asked for, else those at hand.
pub(super) fn keys(asked: &KeyOption, settings: &Settings) -> Result<Vec<PublicKey>, Stop> {
    if let Some(key) = &asked.key {
        return Ok(vec![public_key(key, settings)?]);
    }
    let connector = &settings.connector;
    let trusted = connector.trusted_keys(&connector.policy()?)?;
    Ok(connector.verifying_keys(&trusted)?)
}

/// Reads what hangs on an image.
pub(super) async fn read(
    client: &Client,
    reference: &ImageReference,
    keys: &[PublicKey],
    settings: &Settings,
) -> Result<Tree, Stop> {
    let image = Image::Registry(reference.clone());
    let digest = registry::resolve(client, &image).await?.manifest.digest;
    let options = VerifyOptions {
        keys,
        keyless: None,
        archive: None,
        strict: false,
        now: settings.environment().now(),
    };
    let tree = signatures::tree(client, &reference.repository, &digest, &options);
    Ok(tree.await?)
}

/// Draws a node behind `first`, and what hangs on it behind `rest`.
fn draw(output: &mut Output, node: &TreeNode, first: &str, rest: &str) -> Result<(), Stop> {
    let facts = [
        node.platform.as_deref(),
        node.artifact_type.as_deref(),
        node.tag.as_deref(),
    ];
    let facts = facts
        .into_iter()
        .flatten()
        .fold(String::new(), |mut all, fact| {
            all.push_str("  ");
            all.push_str(fact);
            all
        });
    let verified = match verified(node) {
        text if text.is_empty() => text,
        text => format!("  {text}"),
    };
    output.line(&format!(
        "{first}{} {}{facts}{verified}",
        node.kind.as_str(),
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

/// Lists every node in a row of its own, with the image it hangs on.
fn list(output: &mut Output, root: &TreeNode) -> Result<(), Stop> {
    let mut table = Table::new(&[
        ("on", Align::Left),
        ("kind", Align::Left),
        ("digest", Align::Left),
        ("type", Align::Left),
        ("bytes", Align::Right),
        ("made (claimed)", Align::Left),
        ("verified", Align::Left),
    ]);
    rows(root, "", &mut table);
    output.table(&table, 0)
}

fn rows(node: &TreeNode, on: &str, table: &mut Table) {
    let kind = node
        .artifact_type
        .as_deref()
        .or(node.platform.as_deref())
        .unwrap_or(&node.media_type);
    table.row([
        on,
        node.kind.as_str(),
        &node.digest.to_string(),
        kind,
        &crate::text::thousands(node.size),
        node.claimed_time.as_deref().unwrap_or_default(),
        &verified(node),
    ]);
    for child in &node.children {
        rows(child, node.digest.short(), table);
    }
}

/// Says whether a node holds, and why not.
fn verified(node: &TreeNode) -> String {
    match (node.verified, &node.reason, &node.key_fingerprint) {
        (Some(true), _, Some(key)) => format!("verified by key {}", key.short()),
        (Some(true), ..) => "verified".to_owned(),
        (Some(false), Some(reason), _) => format!("NOT verified: {reason}"),
        (Some(false), None, _) => "NOT verified".to_owned(),
        (None, Some(reason), _) => reason.clone(),
        (None, None, _) => String::new(),
    }
}

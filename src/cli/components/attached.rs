//! The SBOM that hangs on an image: found, chosen where there are several, opened.
//!
//! What the command shows of it is its parent's work.

use std::sync::Arc;

use super::super::args::ComponentsArgs;
use super::super::settings::Settings;
use super::super::stop::Stop;
use super::super::{output, platform, registry_image, tree, work};
use crate::model::{Digest, Sbom};
use crate::signatures::{self, Attached, TreeNode};

/// One SBOM that could be meant.
struct Candidate<'a> {
    node: &'a TreeNode,
    /// The image or index it hangs on, or that its `BuildKit` attestation is about.
    on: &'a TreeNode,
}

/// Returns the SBOM attached to each of the images.
pub(super) fn sboms(
    images: &[String],
    args: &ComponentsArgs,
    settings: &Settings,
) -> Result<Vec<Arc<Sbom>>, Stop> {
    let keys = tree::keys(&args.key, settings)?;
    let wanted = platform(args.platform.as_deref())?.map(|platform| platform.to_string());
    work::block_on(async {
        let client = settings.connector.client()?;
        let mut sboms = Vec::new();
        for name in images {
            let reference = registry_image(name)?;
            let tree = tree::read(&client, &reference, &keys, settings).await?;
            for warning in &tree.warnings {
                output::warning(warning, &[]);
            }
            let mut found = Vec::new();
            collect(&tree.root, &tree.root, &mut found);
            narrow(&mut found, name, args, wanted.as_deref())?;
            let mut opened: Vec<(Candidate<'_>, Attached)> = Vec::new();
            for one in found {
                let read = signatures::attached(&client, &reference.repository, one.node).await?;
                match opened
                    .iter_mut()
                    .find(|(_, known)| known.content == read.content)
                {
                    // The same SBOM twice, as both formats of one attestation: the verified one counts.
                    Some(known) if one.node.verified > known.0.node.verified => {
                        *known = (one, read);
                    }
                    Some(_) => {}
                    None => opened.push((one, read)),
                }
            }
            let (chosen, read) = only(opened, name)?;
            sboms.push(take(&chosen, read, name)?);
        }
        Ok(sboms)
    })?
}

fn collect<'a>(node: &'a TreeNode, on: &'a TreeNode, found: &mut Vec<Candidate<'a>>) {
    use signatures::NodeKind;
    let on = match node.kind {
        NodeKind::Image | NodeKind::Index => node,
        _ => on,
    };
    if node.holds_sbom() {
        found.push(Candidate { node, on });
    }
    for child in &node.children {
        collect(child, on, found);
    }
}

/// Leaves what was asked for: by digest, by platform, by key.
fn narrow(
    found: &mut Vec<Candidate<'_>>,
    image: &str,
    args: &ComponentsArgs,
    platform: Option<&str>,
) -> Result<(), Stop> {
    if found.is_empty() {
        return Err(Stop::input(format!("no SBOM is attached to {image}")).hint(
            "look with `countersign tree IMAGE`; attach one with `countersign attest IMAGE --type cyclonedx --predicate FILE`",
        ));
    }
    let all = listing(found);
    found.retain(|one| {
        let by_digest = args.digest.as_ref().is_none_or(|digest| names(one, digest));
        let by_platform = platform
            .is_none_or(|platform| one.on.platform.as_deref().is_none_or(|own| own == platform));
        by_digest && by_platform
    });
    let unsigned = found.len();
    if args.key.key.is_some() {
        found.retain(|one| one.node.verified == Some(true));
    }
    if !found.is_empty() {
        return Ok(());
    }
    let text = if unsigned > 0 {
        format!("none of the SBOMs attached to {image} is signed by that key")
    } else {
        format!("no SBOM attached to {image} is the one asked for")
    };
    let mut stop = Stop::input(text);
    stop.hints.extend(all);
    Err(stop)
}

fn names(one: &Candidate<'_>, digest: &Digest) -> bool {
    let document = one.node.document.as_ref().map(|blob| &blob.digest);
    one.node.digest == *digest || one.on.digest == *digest || document == Some(digest)
}

/// Returns the only SBOM there is; several are refused with the list.
fn only<'a>(
    mut opened: Vec<(Candidate<'a>, Attached)>,
    image: &str,
) -> Result<(Candidate<'a>, Attached), Stop> {
    match (opened.pop(), opened.is_empty()) {
        (Some(one), true) => Ok(one),
        (last, _) => {
            opened.extend(last);
            let count = opened.len();
            let found: Vec<Candidate<'_>> = opened.into_iter().map(|(one, _)| one).collect();
            let mut stop = Stop::input(format!("{count} different SBOMs are attached to {image}"));
            stop.hints.extend(listing(&found));
            Err(stop.hint("choose one with --digest DIGEST or --platform OS/ARCH"))
        }
    }
}

fn listing(found: &[Candidate<'_>]) -> Vec<String> {
    let line = |one: &Candidate<'_>| {
        let kind = one.node.artifact_type.as_deref();
        let kind = kind.unwrap_or(&one.node.media_type);
        let verified = match one.node.verified {
            Some(true) => ", verified",
            Some(false) => ", NOT verified",
            None => "",
        };
        let on = one.on.platform.as_deref().unwrap_or(one.on.kind.as_str());
        format!("there is {} ({kind}) on {on}{verified}", one.node.digest)
    };
    found.iter().map(line).collect()
}

/// Returns the SBOM, and says on standard error which it is and how far it can be trusted.
fn take(chosen: &Candidate<'_>, read: Attached, image: &str) -> Result<Arc<Sbom>, Stop> {
    let node = chosen.node;
    let Some(sbom) = read.sbom else {
        let problem = read.problem.unwrap_or_default();
        return Err(Stop::input(format!(
            "the SBOM {} attached to {image} cannot be read: {problem}",
            node.digest
        )));
    };
    let about = chosen.on.digest.to_string();
    if !read.subjects.is_empty() && !read.subjects.contains(&about) {
        return Err(Stop::input(format!(
            "the SBOM {} is attached to {about} and says it is about {}",
            node.digest,
            read.subjects.join(", ")
        ))
        .hint("it was moved from another image, or made wrong: do not rely on it"));
    }
    match (node.verified, &node.reason) {
        (Some(true), _) => output::note(&format!("the SBOM {} is verified", node.digest)),
        (Some(false), reason) => output::warning(
            &format!(
                "the SBOM {} is NOT verified: {}",
                node.digest,
                reason.as_deref().unwrap_or("no given key signed it")
            ),
            &["with --key FILE.pub only what that key signed is shown".to_owned()],
        ),
        (None, _) => output::note(&format!(
            "the SBOM {} is not verified: it is unsigned, or no key was given (--key FILE.pub)",
            node.digest
        )),
    }
    Ok(sbom)
}

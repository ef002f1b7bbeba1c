//! Options of `policy`: admission policies for clusters.
//!
//! What the policies hold is `crate::export::admission`'s work.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::export::admission::Repositories;

/// `policy`.
#[derive(Debug, Args)]
pub(crate) struct AdmissionArgs {
    /// The engine
    #[command(subcommand)]
    pub(crate) engine: EngineArg,
}

/// The engine of a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum EngineArg {
    /// Write a policy for Kyverno
    Kyverno {
        /// The kind: image-validating-policy for Kyverno 1.17 and later, cluster-policy before
        #[arg(
            long,
            value_enum,
            default_value = "image-validating-policy",
            value_name = "KIND"
        )]
        kind: KyvernoKind,
        /// What is admitted
        #[command(flatten)]
        admitted: AdmittedArgs,
    },
    /// Write a policy for Sigstore's policy-controller
    PolicyController {
        /// What is admitted
        #[command(flatten)]
        admitted: AdmittedArgs,
    },
}

/// A kind of Kyverno's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KyvernoKind {
    /// Kyverno 1.17 and later
    ImageValidatingPolicy,
    /// Kyverno before that; deprecated
    ClusterPolicy,
}

/// What a policy admits.
#[derive(Debug, Args)]
pub(crate) struct AdmittedArgs {
    /// The public key of an approved signer: a file, env://VARIABLE, or awskms://… which the engine asks itself; any of several admits
    #[arg(long, required = true, value_name = "KEY")]
    pub(crate) key: Vec<String>,
    /// The repository whose images must be signed, or all below a path: registry.example.org/team/app, registry.example.org/team/*
    #[arg(long, required = true, value_name = "REPOSITORY", value_parser = Repositories::parse)]
    pub(crate) repository: Vec<Repositories>,
    /// The policy's name in the cluster
    #[arg(long, default_value = "countersigned", value_name = "NAME", value_parser = name)]
    pub(crate) name: String,
    /// Only report what does not pass, refuse nothing
    #[arg(long)]
    pub(crate) audit: bool,
    /// An image that is signed, for the test resource that passes; by digest: a tag is refused before it is verified
    #[arg(long, value_name = "IMAGE@DIGEST", value_parser = by_digest)]
    pub(crate) signed: Option<String>,
    /// An image that is not signed, for the test resource that fails; by default one that does not exist
    #[arg(long, value_name = "IMAGE@DIGEST", value_parser = by_digest)]
    pub(crate) unsigned: Option<String>,
    /// Write the test resources into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) test_resources: Option<PathBuf>,
}

/// Reads the name of a resource (RFC 1123, as Kubernetes demands).
fn name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: u8| allowed(byte) || byte == b'-' || byte == b'.';
    let ends = |byte: Option<u8>| byte.is_some_and(allowed);
    let is_name = text.len() <= 63
        && text.bytes().all(inner)
        && ends(text.bytes().next())
        && ends(text.bytes().last());
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("a name has at most 63 lower-case letters, digits, `-` and `.`, and begins and ends with a letter or digit".to_owned())
    }
}

/// Reads an image that is named by its digest.
fn by_digest(text: &str) -> Result<String, String> {
    let reference: crate::model::ImageReference = text
        .parse()
        .map_err(|error: crate::model::ParseReferenceError| error.to_string())?;
    match &reference.digest {
        Some(digest) => Ok(format!("{}@{digest}", reference.repository)),
        None => Err("it must be named by its digest: REPOSITORY@sha256:…".to_owned()),
    }
}

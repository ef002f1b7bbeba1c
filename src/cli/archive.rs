//! `archive`: keeping, listing, fetching and checking evidence bundles.
//!
//! What a bundle consists of is the archive's business.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::args::{ArchiveArgs, ArchiveCommand, Format, InputArgs};
use super::exit::Exit;
use super::output::{self, Align, Output, Table};
use super::settings::Settings;
use super::stop::Stop;
use super::{open, work};
use crate::archive::{
    Archive, Bundle, BundleFile, BundleId, FileKind, LedgerHead, ManifestFile, StoredBundle,
};
use crate::error::ErrorKind;
use crate::model::{Digest, Origin};
use crate::review::Review;

/// The document `archive`.
#[derive(Serialize)]
struct ArchiveDocument {
    archive: String,
    bundles: Vec<BundleView>,
    /// Whether everything that was looked at is whole; none where nothing was checked.
    whole: Option<bool>,
    files: usize,
    problems: Vec<String>,
    unreferenced: Vec<String>,
}

/// A bundle.
#[derive(Serialize)]
struct BundleView {
    id: String,
    subject: Digest,
    name: String,
    time: DateTime<Utc>,
    destination: Option<String>,
    shipped_at: Option<DateTime<Utc>>,
    manifest_sha256: Digest,
    files: Vec<ManifestFile>,
}

impl From<StoredBundle> for BundleView {
    fn from(stored: StoredBundle) -> Self {
        let manifest = stored.manifest;
        Self {
            id: stored.id.to_string(),
            subject: manifest.subject,
            name: manifest.name,
            time: manifest.time,
            destination: manifest.destination,
            shipped_at: manifest.shipped_at,
            manifest_sha256: stored.manifest_sha256,
            files: manifest.files,
        }
    }
}

impl ArchiveDocument {
    fn of(archive: &Archive) -> Self {
        Self {
            archive: archive.location(),
            bundles: Vec::new(),
            whole: None,
            files: 0,
            problems: Vec::new(),
            unreferenced: Vec::new(),
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &ArchiveArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let Some(location) = &settings.config().archive else {
        return Err(Stop::usage("no archive is set")
            .hint("name it with --archive DIR|s3://…, or as `archive` in the configuration"));
    };
    let mut output = settings.output()?;
    let local = work::is_local(location);
    let archive = work::wait(local, settings.connector.archive())??;
    let archive = archive.ok_or_else(|| Stop::usage("no archive is set"))?;
    let (document, exit) = match &args.command {
        ArchiveCommand::Put {
            input,
            shipped_at,
            destination,
        } => put(
            &archive,
            input,
            *shipped_at,
            destination.as_deref(),
            settings,
        )?,
        ArchiveCommand::List => work::wait(local, list(&archive))??,
        ArchiveCommand::Get { bundle, folder } => {
            work::wait(local, get(&archive, bundle, folder))??
        }
        ArchiveCommand::Verify { bundle } => {
            work::wait(local, verify(&archive, bundle.as_deref()))??
        }
    };
    if format == Format::Json {
        output.document("archive", &document)?;
    } else {
        tell(&mut output, &document)?;
    }
    output.finish()?;
    for problem in &document.problems {
        output::warning(problem, &[]);
    }
    Ok(exit)
}

fn put(
    archive: &Archive,
    input: &InputArgs,
    shipped_at: Option<DateTime<Utc>>,
    destination: Option<&str>,
    settings: &Settings,
) -> Result<(ArchiveDocument, Exit), Stop> {
    let opened = open::open(settings, &input.inputs, &input.reading)?;
    let review = &opened.review;
    let subject = open::subject(review, &input.reading)?;
    let image = review.subjects.get(subject);
    let image = image.ok_or_else(|| Stop::input("no image was read from the input"))?;
    let Some(digest) = image.identity() else {
        return Err(Stop::input(format!(
            "{} has no digest in any report, so that nobody could find the bundle again",
            image.name
        ))
        .hint("scan the image by its registry name"));
    };
    let reports = image.reports.iter();
    let reports = reports.filter_map(|(report, _)| Some(&review.reports.get(*report)?.origin));
    let sboms = image.sboms.iter();
    let sboms = sboms.filter_map(|(sbom, _)| Some(&review.sboms.get(*sbom)?.origin));
    let mut files = Vec::new();
    for origin in reports {
        files.push(file(review, FileKind::Report, origin)?);
    }
    for origin in sboms {
        files.push(file(review, FileKind::Sbom, origin)?);
    }
    let defect = |error: serde_json::Error| Stop::new(ErrorKind::Internal, error.to_string());
    files.push(BundleFile {
        name: "verdicts.json".to_owned(),
        kind: FileKind::Verdicts,
        bytes: serde_json::to_vec(&review.history_of(&[subject]))
            .map_err(defect)?
            .into(),
    });
    files.extend(
        review
            .envelopes_of(&[subject])
            .into_iter()
            .map(|envelope| BundleFile {
                name: envelope.file(),
                kind: FileKind::Approval,
                bytes: envelope.bytes.clone().into(),
            }),
    );
    let bundle = Bundle {
        subject: digest,
        name: image.name.clone(),
        time: settings.environment().now(),
        destination: destination.map(str::to_owned),
        shipped_at,
        ledger: review.history.last().map(|entry| LedgerHead {
            seq: entry.seq,
            sha256: entry.sha256.clone(),
        }),
        files,
        receipt: None,
    };
    let stored = work::wait(archive.is_local(), async {
        let id = archive.put(bundle).await?;
        archive.get(&id).await
    })??;
    let mut document = ArchiveDocument::of(archive);
    document.files = stored.manifest.files.len();
    document.bundles.push(stored.into());
    Ok((document, opened.exit))
}

fn file(review: &Review, kind: FileKind, origin: &Origin) -> Result<BundleFile, Stop> {
    Ok(BundleFile {
        name: origin.path.clone(),
        kind,
        bytes: review.bytes_of(origin)?.into(),
    })
}

async fn list(archive: &Archive) -> Result<(ArchiveDocument, Exit), Stop> {
    let listing = archive.list().await?;
    let mut document = ArchiveDocument::of(archive);
    document.problems = texts(&listing.problems);
    let exit = if listing.problems.is_empty() {
        Exit::Done
    } else {
        Exit::Input
    };
    document.bundles = listing.bundles.into_iter().map(BundleView::from).collect();
    document.files = document.bundles.iter().map(|one| one.files.len()).sum();
    Ok((document, exit))
}

fn texts(problems: &[impl ToString]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Returns the bundle that is meant: by its name, or the latest of an image's digest.
async fn find(archive: &Archive, text: &str) -> Result<BundleId, Stop> {
    let Ok(digest) = text.parse::<Digest>() else {
        return Ok(text.parse::<BundleId>()?);
    };
    let listing = archive.list_of(&digest).await?;
    let latest = listing
        .bundles
        .into_iter()
        .max_by_key(|stored| stored.manifest.time);
    latest.map(|stored| stored.id).ok_or_else(|| {
        Stop::input(format!(
            "the archive {} has no bundle about {digest}",
            archive.location()
        ))
        .hint("`countersign archive list` shows the bundles")
    })
}

async fn get(
    archive: &Archive,
    bundle: &str,
    folder: &Path,
) -> Result<(ArchiveDocument, Exit), Stop> {
    let id = find(archive, bundle).await?;
    let stored = archive.get(&id).await?;
    let failed = |path: &Path, error: &std::io::Error| {
        let message = format!("{} cannot be written: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Stop::new(ErrorKind::Refused, message).hint("name a folder that does not exist")
            }
            _ => Stop::input(message),
        }
    };
    std::fs::create_dir(folder).map_err(|error| failed(folder, &error))?;
    for file in &stored.manifest.files {
        let blob = archive.find_blob(&file.sha256).await?;
        let blob = blob.ok_or_else(|| {
            Stop::input(format!("bundle {id}: {} is missing", file.name))
                .hint("`countersign archive verify` names everything that is wrong")
        })?;
        // Made from kind and hash by the archive; a manifest that says otherwise is not obeyed.
        let name = file.name.replace(['/', '\\'], "_");
        let path = folder.join(name.trim_start_matches('.'));
        write_new(&path, &blob.bytes).map_err(|error| failed(&path, &error))?;
    }
    let mut document = ArchiveDocument::of(archive);
    document.files = stored.manifest.files.len();
    document.bundles.push(stored.into());
    let text = crate::text::to_json(&document.bundles)
        .map_err(|error| Stop::new(ErrorKind::Internal, error.to_string()))?;
    let manifest = folder.join("bundle.json");
    write_new(&manifest, text.as_bytes()).map_err(|error| failed(&manifest, &error))?;
    Ok((document, Exit::Done))
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    std::fs::File::create_new(path)?.write_all(bytes)
}

async fn verify(archive: &Archive, bundle: Option<&str>) -> Result<(ArchiveDocument, Exit), Stop> {
    let mut document = ArchiveDocument::of(archive);
    let verified = match bundle {
        Some(text) => archive.verify(&find(archive, text).await?).await?,
        None => archive.verify_all().await?,
    };
    document.bundles = match bundle {
        Some(_) => Vec::new(),
        None => archive
            .list()
            .await?
            .bundles
            .into_iter()
            .map(BundleView::from)
            .collect(),
    };
    document.whole = Some(verified.whole);
    document.files = verified.files;
    document.problems = texts(&verified.problems);
    document.unreferenced = verified.unreferenced;
    if verified.bundles == 0 {
        document.problems.push("there is no bundle".to_owned());
    }
    Ok((document, if verified.whole { Exit::Done } else { Exit::No }))
}

fn tell(output: &mut Output, document: &ArchiveDocument) -> Result<(), Stop> {
    let mut table = Table::new(&[
        ("bundle", Align::Left),
        ("image", Align::Left),
        ("destination", Align::Left),
        ("files", Align::Right),
    ]);
    for bundle in &document.bundles {
        table.row([
            bundle.id.clone(),
            bundle.name.clone(),
            bundle.destination.clone().unwrap_or_default(),
            bundle.files.len().to_string(),
        ]);
    }
    output.table(&table, 0)?;
    match document.whole {
        None => Ok(()),
        Some(true) => output.line(&format!(
            "whole: {} files are what their manifests say",
            document.files
        )),
        Some(false) => output.line("NOT whole"),
    }
}

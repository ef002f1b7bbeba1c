//! Opening inputs: files, folders, globs and standard input become one [`Review`].
//!
//! Formats are told apart in `formats`, documents are joined in `triage::join`; this file only
//! finds the bytes and keeps what could not be read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::environment::Environment;
use crate::error::Explain as _;
use crate::formats::{self, Document, FormatError};
use crate::ledger::Chain;
use crate::model::oci::ImageConfig;
use crate::model::{EpssScores, ExemptionDocument, KevCatalogue, Report, Sbom, Subject};
use crate::registry::Inspection;
use crate::triage::join;
use crate::triage::policy::Policy;
use crate::triage::risk::base::{self, Base};
use crate::triage::risk::exploits;
use crate::triage::subject::{self, KnownImage};
use crate::triage::suppress::suppress;

use super::approvals::TrustedKeys;
use super::file::read_file;
use super::hygiene::observed;
use super::reading::{Reading, read_all};
use super::state::Parts;
use super::{Failure, Review};

/// How deep folders are searched.
const MAX_DEPTH: usize = 16;

/// What to open.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Files, folders, globs, `-`.
    pub paths: Vec<String>,
    /// Files the person says belong to the subject.
    pub attach: Vec<PathBuf>,
    /// Images read from a registry or layout before; each seeds a subject.
    pub images: Vec<Inspection>,
    /// SBOMs read before: those attached to images.
    pub sboms: Vec<Arc<Sbom>>,
    /// A file of EPSS scores.
    pub epss: Option<PathBuf>,
    /// The catalogue of known exploited vulnerabilities.
    pub kev: Option<PathBuf>,
    /// Inputs that could not be read before, such as images.
    pub unread: Vec<Failure>,
    /// The keys the policy trusts.
    pub trusted: TrustedKeys,
}

/// How far opening is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenProgress {
    /// The file that was just finished.
    pub path: String,
    /// Files finished.
    pub done: usize,
    /// Files in all.
    pub total: usize,
}

/// Reads every input. Never fails as a whole: what could not be read is in `Review::failures`,
/// with the file, the place and the next step, and the others are loaded.
///
/// Files are read synchronously, so a console calls this off its own thread. After `cancel` the
/// files that were not reached are failures too: a review never looks whole when it is not.
#[must_use]
pub fn open(
    inputs: &Inputs,
    policy: Policy,
    chain: &Chain,
    environment: &Environment,
    cancel: &CancellationToken,
    progress: &mut dyn FnMut(OpenProgress),
) -> Review {
    let mut gathered = Gathered {
        failures: inputs.unread.clone(),
        sboms: inputs.sboms.clone(),
        ..Gathered::default()
    };
    let mut files = Vec::new();
    for path in &inputs.paths {
        match expand(path) {
            Ok(found) => files.extend(found.into_iter().map(|path| (path, false))),
            Err(failure) => gathered.failures.push(failure),
        }
    }
    files.extend(
        inputs
            .attach
            .iter()
            .map(|path| (path.display().to_string(), true)),
    );
    let mut seen = std::collections::HashSet::new();
    files.retain(|(path, attached)| seen.insert((path.clone(), *attached)));

    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    let readings = read_all(&paths, cancel, &mut |position, done| {
        let path = paths.get(position).copied().unwrap_or_default().to_owned();
        let total = paths.len();
        progress(OpenProgress { path, done, total });
    });
    for (reading, (path, attached)) in readings.into_iter().zip(&files) {
        gathered.take(reading, path, *attached);
    }
    let epss = inputs.epss.as_deref();
    gathered.epss = epss.and_then(|path| gathered.feed(path, formats::epss::read));
    let kev = inputs.kev.as_deref();
    gathered.kev = kev.and_then(|path| gathered.feed(path, formats::kev::read));
    gathered.into_review(inputs, policy, chain, environment)
}

/// What was read so far.
#[derive(Default)]
struct Gathered {
    reports: Vec<Arc<Report>>,
    sboms: Vec<Arc<Sbom>>,
    exemptions: Vec<Arc<ExemptionDocument>>,
    attached: Vec<usize>,
    failures: Vec<Failure>,
    notices: Vec<String>,
    epss: Option<EpssScores>,
    kev: Option<KevCatalogue>,
    standard_input: Option<Arc<Vec<u8>>>,
}

impl Gathered {
    /// Reads a file about exploitation; one that cannot be read is a failure as a report is.
    fn feed<T>(
        &mut self,
        path: &Path,
        read: fn(&str, Vec<u8>) -> Result<T, FormatError>,
    ) -> Option<T> {
        let path = path.display().to_string();
        match read_file(&path) {
            Ok(bytes) => match read(&path, bytes) {
                Ok(feed) => return Some(feed),
                Err(error) => self.failures.push(Failure {
                    path,
                    message: error.to_string(),
                    hints: error.hints(),
                }),
            },
            Err(message) => self.failures.push(Failure {
                path,
                message,
                hints: vec!["check that the file exists and that you may read it".to_owned()],
            }),
        }
        None
    }

    fn take(&mut self, reading: Reading, path: &str, attached: bool) {
        let standard_input = match reading {
            Reading::Documents(documents, standard_input) => {
                self.keep(documents, path, attached);
                standard_input
            }
            Reading::Failed(failure, standard_input) => {
                self.failures.push(failure);
                standard_input
            }
            Reading::Cancelled => {
                self.failures.push(Failure {
                    path: path.to_owned(),
                    message: "was not read: cancelled".to_owned(),
                    hints: vec!["open it again".to_owned()],
                });
                None
            }
        };
        if let Some(bytes) = standard_input {
            self.standard_input = Some(Arc::new(bytes));
        }
    }

    /// Keeps the documents of one file, unless a file of the same bytes was read before.
    fn keep(&mut self, documents: Vec<Document>, path: &str, attached: bool) {
        let sha256 = documents.first().map(|document| &document.origin().sha256);
        let reports = self.reports.iter().map(|report| &report.origin);
        let exemptions = self.exemptions.iter().map(|document| &document.origin);
        let mut known = reports.chain(exemptions);
        if let Some(known) = known.find(|known| Some(&known.sha256) == sha256) {
            let same = &known.path;
            self.notices.push(format!(
                "`{path}` holds the same bytes as `{same}` and is read once"
            ));
            return;
        }
        for document in documents {
            match document {
                Document::Report(report) => {
                    if attached {
                        self.attached.push(self.reports.len());
                    }
                    self.reports.push(Arc::new(report));
                }
                Document::Sbom(sbom) => self.sboms.push(Arc::new(sbom)),
                Document::Exemptions(document) => self.exemptions.push(Arc::new(document)),
            }
        }
    }

    /// Brings the documents into an order of their own: the earlier report of a scanner first. Everything
    /// is numbered by it, and so is the same in whatever order the files were given.
    fn arrange(&mut self) {
        let reports = std::mem::take(&mut self.reports).into_iter().enumerate();
        let mut marked: Vec<(Arc<Report>, bool)> = reports
            .map(|(position, report)| (report, self.attached.contains(&position)))
            .collect();
        marked.sort_by(|(one, _), (other, _)| {
            let order = |report: &Report| report.created.or(report.database_built);
            one.scanner
                .cmp(&other.scanner)
                .then_with(|| order(one).cmp(&order(other)))
                .then_with(|| one.origin.sha256.cmp(&other.origin.sha256))
        });
        let attached = marked
            .iter()
            .enumerate()
            .filter(|(_, (_, attached))| *attached);
        self.attached = attached.map(|(position, _)| position).collect();
        self.reports = marked.into_iter().map(|(report, _)| report).collect();
        self.sboms.sort_by(|one, other| {
            let order = |sbom: &Arc<Sbom>| (sbom.producer.clone(), sbom.origin.sha256.clone());
            order(one).cmp(&order(other))
        });
    }

    fn into_review(
        mut self,
        inputs: &Inputs,
        policy: Policy,
        chain: &Chain,
        environment: &Environment,
    ) -> Review {
        self.arrange();
        let now = environment.now();
        let known: Vec<KnownImage> = inputs.images.iter().map(known_image).collect();
        let subjects = subject::subjects(&self.reports, &self.sboms, &known, &self.attached);
        let suppressed = suppress(&self.exemptions, &subjects, &self.reports, &self.sboms, now);
        let mut joined = join::findings_under(&subjects, &self.reports, &suppressed);
        let seen = observed(&subjects, &self.reports, &inputs.images, now);
        joined.findings.extend(seen);
        let bases = self.bases(&subjects, inputs);
        for finding in &mut joined.findings {
            let position = finding.subject as usize;
            if let (Some(subject), Some(Some(base))) = (subjects.get(position), bases.get(position))
            {
                finding.layer = base::place(finding, subject, base);
            }
        }
        let (epss, kev) = (self.epss.as_ref(), self.kev.as_ref());
        exploits::apply(&mut joined.findings, &self.reports, epss, kev);
        let feeds = [epss.map(|epss| &epss.feed), kev.map(|kev| &kev.feed)];
        Review::assemble(
            Parts {
                reports: self.reports,
                sboms: self.sboms,
                exemptions: self.exemptions,
                suppressed,
                failures: self.failures,
                notices: self.notices,
                images: inputs.images.iter().cloned().map(Arc::new).collect(),
                feeds: feeds.into_iter().flatten().cloned().collect(),
                bases,
                subjects,
                findings: joined.findings,
                counts: joined.counts,
                standard_input: self.standard_input,
                policy,
                trusted: inputs.trusted.clone(),
            },
            chain,
            now,
        )
    }
}

impl Gathered {
    /// Returns where the base of every subject ends; the configuration of an image that was read
    /// itself says it too.
    fn bases(&self, subjects: &[Subject], inputs: &Inputs) -> Vec<Option<Base>> {
        let guess = |subject: &Subject| {
            let image = inputs.images.iter().find(|image| image.is_of(subject))?;
            image.config.as_ref()?.base_layers()
        };
        let guesses: Vec<Option<usize>> = subjects.iter().map(guess).collect();
        base::bases(subjects, &self.reports, &guesses)
    }
}

/// Returns the identity a subject is seeded with.
fn known_image(image: &Inspection) -> KnownImage {
    let config = image.config.as_ref();
    // The manifest of what Docker saved is nobody's but ours: scanners cannot know it.
    let by_manifest = !image.image.is_saved_by_docker();
    KnownImage {
        name: image.image.to_string(),
        manifest_digest: (by_manifest && image.index.as_ref() != Some(&image.digest))
            .then(|| image.digest.clone()),
        index_digest: image.index.clone().filter(|_| by_manifest),
        image_id: image
            .config_descriptor
            .as_ref()
            .map(|config| config.digest.clone()),
        diff_ids: config
            .map(|config| config.rootfs.diff_ids.clone())
            .unwrap_or_default(),
        platform: config.map(ImageConfig::platform),
    }
}

/// Returns the files an input names, in a stable order.
fn expand(input: &str) -> Result<Vec<String>, Failure> {
    let fail = |message: String, hint: &str| Failure {
        path: input.to_owned(),
        message,
        hints: vec![hint.to_owned()],
    };
    if input == "-" {
        return Ok(vec![input.to_owned()]);
    }
    if input.starts_with("s3://") {
        let hint = "copy the reports into a folder, for example with `aws s3 cp --recursive`";
        return Err(fail("reports in S3 cannot be read yet".to_owned(), hint));
    }
    let path = Path::new(input);
    if path.is_dir() {
        let mut files = Vec::new();
        walk(path, 0, &mut files).map_err(|error| {
            fail(
                format!("cannot be listed: {error}"),
                "check its permissions",
            )
        })?;
        files.sort();
        if files.is_empty() {
            return Err(fail(
                "the folder holds no file".to_owned(),
                "name a report or its folder",
            ));
        }
        return Ok(files);
    }
    if path.exists() || !input.contains(['*', '?', '[']) {
        return Ok(vec![input.to_owned()]);
    }
    let pattern = glob::glob(input)
        .map_err(|error| fail(format!("is not a glob: {error}"), "quote the pattern"))?;
    let mut files: Vec<String> = pattern
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .map(|path| path.display().to_string())
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(fail(
            "the pattern matches no file".to_owned(),
            "check the folder and the pattern",
        ));
    }
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && depth < MAX_DEPTH && !hidden {
            walk(&entry.path(), depth + 1, files)?;
        } else if !kind.is_dir() && !hidden {
            files.push(entry.path().display().to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_recursively_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["b/2.json", "a.json", ".hidden"] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        let files = expand(&folder.path().display().to_string()).unwrap();
        let names: Vec<_> = files
            .iter()
            .map(|file| {
                Path::new(file)
                    .strip_prefix(folder.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(names, ["a.json", "b/2.json"]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        assert!(expand("/nowhere/*.json").is_err());
        assert!(
            read_file("/nowhere.json")
                .unwrap_err()
                .contains("cannot be read")
        );
        assert_eq!(read_file("/dev/null").unwrap_err(), "is not a regular file");
    }
}

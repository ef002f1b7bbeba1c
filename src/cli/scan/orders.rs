//! Which scanners run, and where each is: from the options to orders.
//!
//! Looking for programs is `scanner`'s work.

use std::path::PathBuf;

use crate::cli::args::ScanArgs;
use crate::cli::output;
use crate::cli::stop::Stop;
use crate::environment::Environment;
use crate::model::ImageReference;
use crate::scanner::{Order, Program, Scanner, ScannerError, Target};

/// Returns the scanners to run, in their order. Without `--with`: those whose image is given, else
/// those that are installed.
pub(super) fn of(
    args: &ScanArgs,
    target: &Target,
    environment: &Environment,
) -> Result<Vec<Order>, Stop> {
    let images = images(args)?;
    let image = |scanner| images.iter().find(|(of, _)| *of == scanner);
    let asked: Vec<Scanner> = args.with.iter().map(|scanner| (*scanner).into()).collect();
    let mut orders = Vec::new();
    for scanner in Scanner::ALL {
        let (path, extra) = own(args, scanner);
        let is_named = path.is_some() || image(scanner).is_some();
        let is_asked = if asked.is_empty() {
            is_named || images.is_empty()
        } else {
            asked.contains(&scanner)
        };
        if !is_asked {
            if is_named || !extra.is_empty() {
                return Err(Stop::usage(format!(
                    "there are options for {scanner}, which is not to run"
                ))
                .hint(format!("add {scanner} to --with")));
            }
            continue;
        }
        let program = match (path, image(scanner)) {
            (Some(_), Some(_)) => {
                return Err(Stop::usage(format!(
                    "--{scanner} and --scanner-image contradict each other"
                )));
            }
            (Some(path), None) => Program::named(path, environment)?,
            (None, Some((_, image))) => Program::in_image(scanner, image.clone(), environment)?,
            (None, None) => match Program::find(scanner, environment) {
                Ok(program) => program,
                Err(ScannerError::Missing { .. }) if asked.is_empty() && extra.is_empty() => {
                    continue;
                }
                Err(error) => return Err(error.into()),
            },
        };
        orders.push(Order {
            scanner,
            program,
            extra: extra.clone(),
        });
    }
    if orders.is_empty() {
        return Err(ScannerError::NoneInstalled.into());
    }
    if asked.is_empty() {
        if images.is_empty() {
            tell_missing(&orders);
        }
        drop_unfit(&mut orders, target);
    }
    Ok(orders)
}

/// The options of one scanner.
fn own(args: &ScanArgs, scanner: Scanner) -> (Option<&PathBuf>, &Vec<String>) {
    match scanner {
        Scanner::Trivy => (args.trivy.as_ref(), &args.trivy_arg),
        Scanner::Grype => (args.grype.as_ref(), &args.grype_arg),
        Scanner::Syft => (args.syft.as_ref(), &args.syft_arg),
    }
}

/// Reads the values of `--scanner-image`.
fn images(args: &ScanArgs) -> Result<Vec<(Scanner, ImageReference)>, Stop> {
    let named = |name: &str| Scanner::ALL.into_iter().find(|one| one.as_str() == name);
    let mut images: Vec<(Scanner, ImageReference)> = Vec::new();
    for text in &args.scanner_image {
        let (said, reference) = match text.split_once('=') {
            Some((name, reference)) => (Some(name), reference),
            None => (None, text.as_str()),
        };
        let reference: ImageReference =
            reference
                .parse()
                .map_err(|error: crate::model::ParseReferenceError| {
                    Stop::usage(error.to_string())
                        .hint("for example --scanner-image aquasec/trivy:0.62.1")
                })?;
        let last = reference.repository.path.rsplit('/').next();
        let name = said.or(last).unwrap_or_default();
        let Some(scanner) = named(name) else {
            return Err(Stop::usage(format!(
                "which scanner the image {reference} holds is not known"
            ))
            .hint(format!("say it: --scanner-image trivy={reference}")));
        };
        if images.iter().any(|(known, _)| *known == scanner) {
            return Err(Stop::usage(format!("two images are given for {scanner}")));
        }
        images.push((scanner, reference));
    }
    Ok(images)
}

/// Leaves out a scanner that was not asked for and cannot read the target, unless it is the only one.
fn drop_unfit(orders: &mut Vec<Order>, target: &Target) {
    if matches!(target, Target::OciArchive(_)) && orders.len() > 1 {
        let before = orders.len();
        orders.retain(|order| order.scanner != Scanner::Trivy);
        if orders.len() < before {
            output::note(
                "note: trivy does not run: it cannot read an oci-archive; unpack it with tar and scan oci:DIR",
            );
        }
    }
}

/// Says which scanners are not installed: one scanner is one opinion.
fn tell_missing(orders: &[Order]) {
    for scanner in Scanner::ALL {
        if orders.iter().all(|order| order.scanner != scanner) {
            output::note(&format!(
                "note: {scanner} does not run: it is not on the PATH (project {} on GitHub)",
                scanner.project()
            ));
        }
    }
}

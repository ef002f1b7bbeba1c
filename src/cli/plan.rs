//! `plan`: what a promotion would do, with everything that stands in its way. Changes nothing.
//!
//! Also what `plan` and `promote` have in common: reading the request and making the plan.

use super::args::{Format, PlanArgs, PromotionArgs};
use super::evidence::{self, Evidence};
use super::exit::Exit;
use super::settings::Settings;
use super::stop::Stop;
use super::{image, open, output, platform, unlock, work};
use crate::model::{Digest, ImageReference};
use crate::promotion::{
    self, Attached, Doors, Form, Needed, Observed, Plan, Request, SignerInfo, StatementPlan,
};
use crate::registry::Preflight;
use crate::review::Review;
use crate::signing::Signer;
use crate::text::thousands;

/// What was asked for, and what was read for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) review: Review,
    /// The outcome of reading alone.
    pub(super) exit: Exit,
    /// What was fetched: it is read again when it is archived.
    _evidence: Option<Evidence>,
}

impl Asked {
    /// Returns a request whose evidence was read whole.
    pub(super) fn new(request: Request, review: Review, evidence: Option<Evidence>) -> Self {
        Self {
            request,
            review,
            exit: Exit::Done,
            _evidence: evidence,
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &PlanArgs, settings: &Settings) -> Result<Exit, Stop> {
    let format = settings.format(&[Format::Table, Format::Json])?;
    let mut output = settings.output()?;
    let asked = ask(&args.common, settings)?;
    if asked.exit == Exit::Ledger {
        return Ok(Exit::Ledger);
    }
    let signer = signer_info(&args.common, settings)?;
    let plan = work::block_on(async {
        let doors = settings.connector.doors(None).await?;
        let (mut plan, observed) = make(&asked, &doors, signer.as_ref(), None, settings).await?;
        plan.attached = promotion::attached(&observed, &asked.review).await?;
        Ok::<_, Stop>(plan)
    })??;
    if format == Format::Json {
        output.document("plan", &plan)?;
    } else {
        tell(&mut output, &plan)?;
    }
    output.finish()?;
    Ok(asked.exit)
}

/// Reads what was typed, and the evidence.
pub(super) fn ask(args: &PromotionArgs, settings: &Settings) -> Result<Asked, Stop> {
    let source = image(&args.source)?;
    let destination = destination(&args.destination)?;
    if args.no_sign && args.key.key.is_some() {
        return Err(Stop::usage("--key and --no-sign contradict each other"));
    }
    let platform = platform(args.platform.as_deref())?;
    let policy = settings
        .connector
        .pinned_policy(args.policy_sha256.as_deref())?;
    let fetched = if args.inputs.is_empty() {
        Some(evidence::fetch(
            &source,
            platform.as_ref(),
            &policy,
            settings,
        )?)
    } else {
        None
    };
    let inputs = fetched
        .as_ref()
        .map_or(&args.inputs, |fetched| &fetched.inputs);
    let opened = open::open_with(settings, inputs, &args.reading, policy)?;
    Ok(Asked {
        request: Request {
            source,
            destination,
            digest: args.digest.clone(),
            platform,
            move_tag: args.move_tag,
            create_repository: args.create_repository,
            approval: Needed::Required,
            no_sign: args.no_sign,
            no_attest: args.no_attest,
            acknowledged: args.acknowledge.clone(),
            promoter: settings.config().reviewer.clone(),
        },
        review: opened.review,
        exit: opened.exit,
        _evidence: fetched,
    })
}

/// Reads the name of the destination: a repository with a tag.
pub(super) fn destination(text: &str) -> Result<ImageReference, Stop> {
    let hint = "for example registry.example.org/team/app:v1";
    let reference: ImageReference =
        text.parse()
            .map_err(|error: crate::model::ParseReferenceError| {
                Stop::usage(error.to_string()).hint(hint)
            })?;
    if reference.digest.is_some() {
        return Err(Stop::usage(format!(
            "{text} names a digest: a destination is a repository and a tag"
        ))
        .hint("give the digest with --digest"));
    }
    Ok(reference)
}

/// Returns who would sign: from the public half beside the key, else by unlocking the key.
fn signer_info(args: &PromotionArgs, settings: &Settings) -> Result<Option<SignerInfo>, Stop> {
    let Some(key) = &settings.config().key else {
        return Ok(None);
    };
    if args.no_sign {
        return Ok(None);
    }
    match work::wait(
        !key.starts_with("awskms:"),
        settings.connector.signer_info(),
    )?? {
        Some(known) => Ok(Some(known)),
        None => Ok(Some(info(key, &unlock::unlock(settings)?))),
    }
}

/// Returns the signer as a plan names it.
pub(super) fn info(key: &str, signer: &Signer) -> SignerInfo {
    SignerInfo {
        key: key.to_owned(),
        fingerprint: signer.public_key().fingerprint().clone(),
    }
}

/// Looks at source and destination and works out the plan. Where another plan was confirmed
/// (`shown`) and its tag is put already, an earlier run was stopped after that: then the plan of
/// that run is made again.
pub(super) async fn make(
    asked: &Asked,
    doors: &Doors,
    signer: Option<&SignerInfo>,
    shown: Option<&Digest>,
    settings: &Settings,
) -> Result<(Plan, Observed), Stop> {
    let observed = promotion::observe(&doors.client, &asked.request).await?;
    let archive = doors
        .archive
        .as_ref()
        .map(crate::archive::Archive::location);
    let plan = |observed: &Observed| {
        promotion::plan(
            &asked.review,
            &asked.request,
            observed,
            signer,
            archive.as_deref(),
            settings.environment().now(),
        )
    };
    let now = plan(&observed)?;
    let other = shown.is_some_and(|shown| *shown != now.plan_digest);
    if other && now.tag.from.as_ref() == Some(&now.tag.to) {
        let mut before = observed.clone();
        before.destination_tag = None;
        let earlier = plan(&before)?;
        if shown == Some(&earlier.plan_digest) {
            return Ok((earlier, before));
        }
    }
    Ok((now, observed))
}

/// What is known of a repository of Amazon ECR, on one line.
pub(super) fn repository(preflight: &Preflight) -> String {
    let mut parts = vec![match preflight.exists {
        Some(true) => "exists".to_owned(),
        Some(false) => "does not exist".to_owned(),
        None => "not known".to_owned(),
    }];
    parts.extend(preflight.immutability.iter().map(|it| format!("tags {it}")));
    parts.extend(preflight.encryption.clone());
    parts.extend(preflight.scan_on_push.map(|scans| {
        let word = if scans { "scans" } else { "does not scan" };
        format!("{word} on push")
    }));
    parts.join(", ")
}

fn attached_text(attached: &Attached) -> String {
    let what = attached
        .tag
        .as_deref()
        .or(attached.artifact_type.as_deref());
    let reason = match &attached.reason {
        Some(reason) => format!(": {reason}"),
        None => String::new(),
    };
    format!(
        "{} {} {}{reason}",
        attached.action,
        what.unwrap_or("artifact"),
        attached.digest
    )
}

fn statement_text(statement: &StatementPlan) -> String {
    let name = statement.name.as_deref().unwrap_or_default();
    let because = statement.because.as_deref().unwrap_or_default();
    let form = match statement.form {
        Form::Inline => String::new(),
        Form::Reference => format!(" by reference: {because}"),
        Form::LeftOut => format!(" NOT attested: {because}"),
    };
    let text = format!("{} {name}{form}", statement.predicate_type);
    text.trim_end().to_owned()
}

fn tell(output: &mut output::Output, plan: &Plan) -> Result<(), Stop> {
    let mut line = |name: &str, value: &str| output.line(&format!("{name:<12} {value}"));
    line("source", &plan.source)?;
    line("destination", &plan.destination)?;
    line("digest", &plan.digest.to_string())?;
    for platform in &plan.platform_reviews {
        let reviewed = match &platform.subject {
            Some(subject) => format!("reviewed as {subject}"),
            None => "NOT REVIEWED".to_owned(),
        };
        let attestations = match platform.attestations.len() {
            0 => String::new(),
            count => format!(", with {count} attestations of its builder"),
        };
        let text = format!(
            "{} {} {reviewed}{attestations}",
            platform.platform, platform.digest
        );
        line("platform", &text)?;
    }
    let tag = match &plan.tag.from {
        None => format!("{} is new", plan.tag.name),
        Some(from) if *from == plan.tag.to => format!("{} names this image already", plan.tag.name),
        Some(from) => format!("{} MOVES from {from}", plan.tag.name),
    };
    line("tag", &tag)?;
    let to_send = plan.blobs.iter().filter(|blob| blob.action == "upload");
    line(
        "to send",
        &format!(
            "{} of {} blobs, {} bytes",
            to_send.count(),
            plan.blobs.len(),
            thousands(plan.bytes_to_send)
        ),
    )?;
    for attached in &plan.attached {
        line("attached", &attached_text(attached))?;
    }
    match &plan.signer {
        None => line("signer", "none")?,
        Some(signer) => line("signer", &format!("{} {}", signer.key, signer.fingerprint))?,
    }
    for statement in &plan.attestations {
        line("attests", &statement_text(statement))?;
    }
    line("archive", plan.archive.as_deref().unwrap_or("none"))?;
    if let Some(preflight) = &plan.preflight {
        line("repository", &repository(preflight))?;
        for unseen in &preflight.unseen {
            line("not seen", unseen)?;
        }
    }
    line("policy", &plan.policy_sha256.to_string())?;
    line("gate", if plan.gate.open { "open" } else { "closed" })?;
    for blocker in &plan.blockers {
        line("blocked", &format!("{}: {}", blocker.class, blocker.text))?;
    }
    for warning in &plan.warnings {
        line("warning", &format!("{}: {}", warning.class, warning.text))?;
    }
    line("plan digest", &plan.plan_digest.to_string())?;
    for command in &plan.commands {
        line("equivalent", command)?;
    }
    Ok(())
}

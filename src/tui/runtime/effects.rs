//! What effects do: files read, the ledger written, plans made, promotions run.
//!
//! Every one of them answers with a message; nothing here changes the console's state.
#![expect(
    clippy::disallowed_methods,
    reason = "with the loop, this is where the console spawns"
)]

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::connect::{ConnectError, Connector};
use crate::environment::Environment;
use crate::error::Explain;
use crate::ledger::{Chain, Draft, Entry, Ledger, LedgerError, kind};
use crate::model::{Digest, Image, ImageReference, Platform};
use crate::promotion::{Order, Plan, Request, attached, observe, plan, run};
use crate::registry::resolve;
use crate::review::{
    DecideRequest, Failure, Inputs, RecordError, Review, open, record, resume, withdraw_all,
};
use crate::signatures::{self, Tree, TreeNode, VerifyOptions, tree};
use crate::signing::{Password, Signer};
use crate::triage::policy::Policy;
use crate::triage::prediction::Prediction;
use crate::tui::app::App;
use crate::tui::message::{Effect, Failed, Loaded, Message, Notice, Secret};
use crate::tui::terminal::Surface;

/// The world of the console, as one value.
#[derive(Clone, Debug)]
pub struct World {
    /// What to open.
    pub inputs: Inputs,
    /// Images to read from registries and layouts first.
    pub images: Vec<Image>,
    /// The platform of an image that has several.
    pub platform: Option<Platform>,
    /// The image meant, where several are read: a name or digest.
    pub subject: Option<String>,
    /// The destination to begin with.
    pub destination: Option<String>,
    /// Whether to do without colours.
    pub no_color: bool,
    /// The policy in force.
    pub policy: Policy,
    /// Opens ledger, registry, archive and key when they are needed.
    pub connector: Connector,
}

/// Carries effects out.
#[derive(Debug)]
pub(super) struct Hands {
    world: Arc<World>,
    answers: UnboundedSender<Message>,
    /// The key, once it was opened.
    signer: Arc<Mutex<Option<Signer>>>,
    opening: CancellationToken,
    promotion: CancellationToken,
}

impl Hands {
    pub(super) fn new(world: World, answers: UnboundedSender<Message>) -> Self {
        Self {
            world: Arc::new(world),
            answers,
            signer: Arc::default(),
            opening: CancellationToken::new(),
            promotion: CancellationToken::new(),
        }
    }

    /// Stops everything that still runs.
    pub(super) fn let_go(&self) {
        self.opening.cancel();
        self.promotion.cancel();
    }

    /// Starts what an effect asks for.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn carry_out(
        &mut self,
        app: &App,
        surface: &mut Surface,
        effect: Effect,
    ) -> io::Result<()> {
        let review = Arc::clone(app.review());
        match effect {
            Effect::Open => self.open(),
            Effect::CancelOpen => self.opening.cancel(),
            Effect::Record(request) => self.record(review, request, false),
            Effect::RecordSigned(request) => self.record(review, request, true),
            Effect::Undo { entries } => self.undo(review, entries, app.reviewer().to_owned()),
            Effect::Predict(prediction) => {
                self.predict(review, prediction, app.reviewer().to_owned());
            }
            Effect::FindDrafts => self.find_drafts(&review),
            Effect::Plan { request, .. } => self.plan(review, request),
            Effect::Unlock { password } => self.unlock(password),
            Effect::Promote {
                request,
                plan,
                shown,
                ..
            } => {
                self.promote(review, request, plan, shown);
            }
            Effect::CancelPromotion => self.promotion.cancel(),
            Effect::LoadDetails { finding } => self.details(review, finding),
            Effect::ReadTree { image } => self.read_tree(image),
            Effect::OpenAttached { image, node } => self.open_attached(image, node),
            Effect::Copy(text) => {
                surface.copy(&text)?;
                self.answer(Message::Copied(self.keep_copy(&text)));
            }
            Effect::Redraw => surface.clear()?,
            // The loop's own: it ends, and keeps what is in hand.
            Effect::Leave | Effect::KeepDrafts | Effect::DropDraft { .. } => {}
        }
        Ok(())
    }

    fn answer(&self, message: Message) {
        // A console that is gone needs no answer.
        let _gone = self.answers.send(message);
    }

    /// Runs `work` on a thread of its own; its message is the answer. Reading, hashing and key
    /// derivation would hold up the threads that wait for the network.
    fn start<W, F>(&self, work: W)
    where
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = Message>,
    {
        let answers = self.answers.clone();
        let waiter = tokio::runtime::Handle::current();
        let working = tokio::task::spawn_blocking(move || waiter.block_on(work()));
        tokio::spawn(async move {
            let answer = working.await.unwrap_or_else(|error| {
                let text = format!("a defect of the program stopped this: {error}");
                Message::Notice(Notice::error(text))
            });
            // A console that is gone needs no answer.
            let _gone = answers.send(answer);
        });
    }

    fn open(&mut self) {
        self.opening = CancellationToken::new();
        let (world, cancel) = (Arc::clone(&self.world), self.opening.clone());
        let progress = self.answers.clone();
        self.start(move || async move {
            let (chain, problem) = match chain(&world).await {
                Ok(chain) => (chain, None),
                Err(failed) => (Chain::default(), Some(failed.message)),
            };
            let environment = &world.connector.environment;
            let mut tell = |step| {
                let _gone = progress.send(Message::Progress(step));
            };
            let policy = world.policy.clone();
            let inputs = inputs(&world, &cancel).await;
            let mut review = open(&inputs, policy, &chain, environment, &cancel, &mut tell);
            review.ledger_problem = problem.or(review.ledger_problem);
            Message::Opened(Loaded::new(review, environment.now()))
        });
    }

    fn record(&self, review: Arc<Review>, request: DecideRequest, signs: bool) {
        let (world, known) = (Arc::clone(&self.world), self.known_signer());
        let answers = self.answers.clone();
        self.start(move || async move {
            let recorded = async {
                let signer = if signs {
                    Some(signer(&world, known).await?.ok_or_else(locked)?)
                } else {
                    None
                };
                let ledger = ledger(&world).await?;
                let written = record(&ledger, &review, &request, signer.as_ref()).await;
                tell_written(&world, &ledger, &review, written, &answers).await
            };
            Message::Recorded(recorded.await)
        });
    }

    fn undo(&self, review: Arc<Review>, entries: Vec<u64>, reviewer: String) {
        let (world, known) = (Arc::clone(&self.world), self.known_signer());
        let answers = self.answers.clone();
        self.start(move || async move {
            let undone = async {
                // Only what a key signed needs one; whether it must is the ledger's answer.
                let signer = signer(&world, known).await.unwrap_or_default();
                let ledger = ledger(&world).await?;
                let clock = world.connector.environment.clock;
                let written =
                    withdraw_all(&ledger, &entries, &reviewer, clock, signer.as_ref()).await;
                tell_written(&world, &ledger, &review, written, &answers).await
            };
            Message::Undone(undone.await)
        });
    }

    /// Looks for what earlier sessions had in hand. A folder that cannot be read holds nothing.
    fn find_drafts(&self, review: &Review) {
        let folder = resume::folder(&self.world.connector.environment.state_folder());
        let subjects = review.subjects.iter();
        let found = subjects.filter_map(|subject| resume::read(&folder, subject));
        self.answer(Message::Resumable(found.collect()));
    }

    fn predict(&self, review: Arc<Review>, prediction: Prediction, reviewer: String) {
        let world = Arc::clone(&self.world);
        self.start(move || async move {
            let recorded = async {
                let wrong = |error: serde_json::Error| Failed {
                    message: format!("the prediction cannot be written: {error}"),
                    hints: Vec::new(),
                };
                let body = serde_json::to_value(&prediction).map_err(wrong)?;
                let clock = world.connector.environment.clock;
                let ledger = ledger(&world).await?;
                let draft = Draft::new(kind::PREDICTION, body, &reviewer, clock);
                let written = ledger.append(draft).await;
                written.map_err(|error| failed(&error))?;
                replayed(&world, &ledger, &review).await
            };
            Message::Predicted(recorded.await)
        });
    }

    fn known_signer(&self) -> Option<Signer> {
        self.signer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn plan(&self, review: Arc<Review>, request: Request) {
        let world = Arc::clone(&self.world);
        self.start(move || async move {
            Message::Planned(planned(&world, &review, &request).await.map(Box::new))
        });
    }

    fn unlock(&self, password: Secret) {
        let (world, signer) = (Arc::clone(&self.world), Arc::clone(&self.signer));
        self.start(move || async move {
            let password = Password::new(password.0.to_string());
            let opened = world
                .connector
                .signer(&password)
                .map_err(|error| failed(&error));
            Message::Unlocked(opened.map(|opened| {
                *signer.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
            }))
        });
    }

    fn promote(&mut self, review: Arc<Review>, request: Request, plan: Box<Plan>, shown: Digest) {
        self.promotion = CancellationToken::new();
        let cancel = self.promotion.clone();
        let world = Arc::clone(&self.world);
        let known = self.known_signer();
        let (events, mut heard) = unbounded_channel();
        let (answers, after) = (self.answers.clone(), self.answers.clone());
        tokio::spawn(async move {
            while let Some(event) = heard.recv().await {
                let _gone = answers.send(Message::Promotion(event));
            }
        });
        self.start(move || async move {
            let promoted = async {
                let signer = match known {
                    None if request.no_sign => None,
                    known => signer(&world, known).await?,
                };
                let doors = world
                    .connector
                    .doors(signer)
                    .await
                    .map_err(|error| failed(&error))?;
                let order = Order {
                    review: &review,
                    request: &request,
                    plan: &plan,
                    shown: &shown,
                };
                let receipt = run(&order, &doors, &cancel, &events).await;
                // Whatever came of it, the ledger may hold more than before.
                if let Ok(loaded) = replayed(&world, &doors.ledger, &review).await {
                    let _gone = after.send(Message::Replayed(loaded));
                }
                receipt.map(Box::new).map_err(|error| failed(&error))
            };
            Message::Promoted(promoted.await)
        });
    }

    fn details(&self, review: Arc<Review>, finding: usize) {
        self.start(move || async move {
            let result = review.details(finding).map_err(|error| failed(&error));
            Message::Details { finding, result }
        });
    }

    fn read_tree(&self, image: String) {
        let world = Arc::clone(&self.world);
        self.start(move || async move {
            let result = hanging(&world, &image).await.map(Arc::new);
            Message::Tree { image, result }
        });
    }

    fn open_attached(&self, image: String, node: Box<TreeNode>) {
        let world = Arc::clone(&self.world);
        self.start(move || async move {
            let result = async {
                let reference = in_registry(&image)?;
                let client = world.connector.client().map_err(|error| failed(&error))?;
                let read = signatures::attached(&client, &reference.repository, &node).await;
                read.map(Arc::new).map_err(|error| failed(&error))
            };
            Message::Attached {
                node: node.digest.clone(),
                result: result.await,
            }
        });
    }

    /// Writes what was copied to a file as well: no terminal says whether it took the text.
    fn keep_copy(&self, text: &str) -> Result<String, Failed> {
        let path = copy_path(&self.world.connector.environment);
        match write_private(&path, text) {
            Ok(()) => Ok(format!(
                "sent to the terminal's clipboard; also in {}",
                path.display()
            )),
            Err(error) => Err(Failed {
                message: format!(
                    "sent to the terminal's clipboard, but {}: {error}",
                    path.display()
                ),
                hints: Vec::new(),
            }),
        }
    }
}

/// Where copied text is kept as well.
fn copy_path(environment: &Environment) -> PathBuf {
    environment.state_folder().join("copied.txt")
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

fn failed<E: Explain>(error: &E) -> Failed {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Errors that show their cause themselves need no second showing.
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = cause.source();
    }
    Failed {
        message,
        hints: error.hints(),
    }
}

/// Returns what to open, the images read from where they are; none of them once cancelled.
async fn inputs(world: &World, cancel: &CancellationToken) -> Inputs {
    let mut inputs = world.inputs.clone();
    if world.images.is_empty() {
        return inputs;
    }
    let unread = |failure: &Failed| {
        let fail = |image: &Image| Failure {
            path: image.to_string(),
            message: failure.message.clone(),
            hints: failure.hints.clone(),
        };
        world.images.iter().map(fail).collect::<Vec<_>>()
    };
    match world.connector.client() {
        Err(error) => inputs.unread.extend(unread(&failed(&error))),
        Ok(client) => {
            let mut read = inputs.clone();
            tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    let cancelled = Failed {
                        message: "was not read: cancelled".to_owned(),
                        hints: vec!["open it again".to_owned()],
                    };
                    inputs.unread.extend(unread(&cancelled));
                }
                () = read.add_images(&client, &world.images, world.platform.as_ref()) => {
                    inputs = read;
                }
            }
        }
    }
    inputs
}

/// Returns the key: opened before, in KMS, or with the password of the environment; none while it
/// is locked.
async fn signer(world: &World, known: Option<Signer>) -> Result<Option<Signer>, Failed> {
    if known.is_some() {
        return Ok(known);
    }
    let connector = &world.connector;
    let opened = match connector.password() {
        _ if !connector.needs_password() => connector.remote_signer().await,
        Some(password) => connector.signer(&password).map(Some),
        None => Ok(None),
    };
    opened.map_err(|error| failed(&error))
}

/// Reads the name of an image that must be in a registry.
fn in_registry(image: &str) -> Result<ImageReference, Failed> {
    match image.parse() {
        Ok(Image::Registry(reference)) => Ok(reference),
        Ok(Image::Layout { .. } | Image::Archive { .. } | Image::Daemon(_)) => Err(Failed {
            message: format!("{image} is no image in a registry: nothing hangs on it"),
            hints: vec!["look after it was promoted".to_owned()],
        }),
        Err(error) => Err(Failed {
            message: error.to_string(),
            hints: vec![
                "open the image by its name: countersign REGISTRY/REPOSITORY:TAG".to_owned(),
            ],
        }),
    }
}

/// Reads what hangs on an image, checked with the keys at hand.
async fn hanging(world: &World, image: &str) -> Result<Tree, Failed> {
    let reference = in_registry(image)?;
    let connected = |error: ConnectError| failed(&error);
    let client = world.connector.client().map_err(connected)?;
    let keys = world
        .connector
        .verifying_keys(&world.inputs.trusted)
        .map_err(connected)?;
    let repository = reference.repository.clone();
    let found = resolve(&client, &Image::Registry(reference))
        .await
        .map_err(|error| failed(&error))?;
    let options = VerifyOptions {
        keys: &keys,
        keyless: None,
        archive: None,
        strict: false,
        now: world.connector.environment.now(),
    };
    tree(&client, &repository, &found.manifest.digest, &options)
        .await
        .map_err(|error| failed(&error))
}

fn locked() -> Failed {
    Failed {
        message: "the signing key is locked".to_owned(),
        hints: vec!["type its password, or set COSIGN_PASSWORD before starting".to_owned()],
    }
}

async fn ledger(world: &World) -> Result<Ledger, Failed> {
    world
        .connector
        .ledger()
        .await
        .map_err(|error| failed(&error))
}

async fn chain(world: &World) -> Result<Chain, Failed> {
    let ledger = ledger(world).await?;
    ledger.read().await.map_err(|error| failed(&error))
}

/// Reads the ledger again and returns the review as it stands now.
async fn replayed(world: &World, ledger: &Ledger, review: &Review) -> Result<Loaded, Failed> {
    let chain = ledger.read().await.map_err(|error| failed(&error))?;
    let mut review = review.clone();
    let now = world.connector.environment.now();
    review.replay(&chain, now);
    Ok(Loaded::new(review, now))
}

/// Tells which entries the ledger took, also where it then failed, and returns the review as it
/// stands now.
async fn tell_written(
    world: &World,
    ledger: &Ledger,
    review: &Review,
    written: Result<Vec<Entry>, RecordError>,
    answers: &UnboundedSender<Message>,
) -> Result<Loaded, Failed> {
    let (entries, error) = match &written {
        Ok(entries) => (entries.as_slice(), None),
        Err(error) => match error {
            RecordError::Ledger(LedgerError::Partial { recorded, .. }) => {
                (recorded.as_slice(), Some(error))
            }
            _ => (&[][..], Some(error)),
        },
    };
    // A console that is gone needs no answer.
    let _gone = answers.send(Message::Appended(
        entries.iter().map(|entry| entry.seq).collect(),
    ));
    let Some(error) = error else {
        return replayed(world, ledger, review).await;
    };
    if !entries.is_empty()
        && let Ok(loaded) = replayed(world, ledger, review).await
    {
        let _gone = answers.send(Message::Replayed(loaded));
    }
    Err(failed(error))
}

async fn planned(world: &World, review: &Review, request: &Request) -> Result<Plan, Failed> {
    let connected = |error: ConnectError| failed(&error);
    let client = world.connector.client().map_err(connected)?;
    let signer = world.connector.signer_info().await.map_err(connected)?;
    let observed = observe(&client, request)
        .await
        .map_err(|error| failed(&error))?;
    let archive = world.connector.config.archive.as_deref();
    let now = world.connector.environment.now();
    let mut plan = plan(review, request, &observed, signer.as_ref(), archive, now)
        .map_err(|error| failed(&error))?;
    plan.attached = attached(&observed, review)
        .await
        .map_err(|error| failed(&error))?;
    Ok(plan)
}

//! The transfer engine against the registry with faults: each requirement with its test, and the page that says what
//! happens at each fault.
//!
//! Requirements are numbered as in `docs/reference/faults.md`; the faults themselves are in `support/faults.rs`.

mod access;
mod compare;
mod manifests;
mod moving;
mod reading;
mod uploading;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use countersign::demo::registry::{Registry, RegistryOptions};
use countersign::model::{Digest, Image, Repository};
use countersign::registry::{
    Client, ClientOptions, CopyOutcome, CopyProgress, RegistryError, copy, resolve,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::faults::{Asked, Fault, FaultRegistry, LOG_IN};
use crate::support::images::Made;

/// A client that gives up on silence soon, anonymous.
fn client() -> Client {
    Client::new(&options()).expect("a client")
}

fn options() -> ClientOptions {
    ClientOptions {
        stall_timeout: Duration::from_millis(400),
        first_pause: Duration::from_millis(20),
        ..ClientOptions::default()
    }
}

/// A client with a log-in for `host`.
fn client_for(host: &str) -> (Client, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"{LOG_IN}"}}}}}}"#);
    std::fs::write(&path, config).expect("a file");
    let client = Client::new(&ClientOptions {
        log_ins: countersign::registry::LogIns {
            files: vec![path],
            programs: Vec::new(),
        },
        ..options()
    });
    (client.expect("a client"), folder)
}

async fn registry() -> Registry {
    Registry::start(RegistryOptions {
        referrers: true,
        ..RegistryOptions::default()
    })
    .await
    .expect("a registry starts")
}

fn repository(host: &str, path: &str) -> Repository {
    Repository {
        registry: host.to_owned(),
        path: path.to_owned(),
    }
}

fn image(host: &str) -> Image {
    format!("{host}/known/app:v1").parse().expect("a name")
}

/// A source and a destination, one of them faulty, and an image between them.
struct Way {
    from: Registry,
    to: Registry,
    made: Made,
    source: String,
    destination: String,
    faulty: FaultRegistry,
}

impl Way {
    /// The source is faulty.
    async fn from(having: &[Fault], made: Made) -> Self {
        let (from, to) = (registry().await, registry().await);
        made.put(&from, "known/app", "v1");
        let faulty = FaultRegistry::start(&from.host(), having).await;
        Self {
            source: faulty.host().to_owned(),
            destination: to.host(),
            from,
            to,
            made,
            faulty,
        }
    }

    /// The destination is faulty.
    async fn to(having: &[Fault], made: Made) -> Self {
        let (from, to) = (registry().await, registry().await);
        made.put(&from, "known/app", "v1");
        let faulty = FaultRegistry::start(&to.host(), having).await;
        Self {
            source: from.host(),
            destination: faulty.host().to_owned(),
            from,
            to,
            made,
            faulty,
        }
    }

    async fn copy(&self) -> Result<CopyOutcome, RegistryError> {
        self.copy_by(&client()).await
    }

    async fn copy_by(&self, client: &Client) -> Result<CopyOutcome, RegistryError> {
        self.watched(client, &CancellationToken::new(), &|_| {})
            .await
    }

    async fn watched(
        &self,
        client: &Client,
        cancel: &CancellationToken,
        progress: &(dyn Fn(CopyProgress) + Send + Sync),
    ) -> Result<CopyOutcome, RegistryError> {
        let resolved = resolve(client, &image(&self.source)).await?;
        let to = repository(&self.destination, "known/copy");
        copy(
            &resolved.source,
            &resolved.manifest,
            client,
            &to,
            cancel,
            progress,
        )
        .await
    }

    /// Asserts that everything is at the destination, byte for byte, and that no tag is.
    #[track_caller]
    fn arrived(&self) {
        for (_, bytes) in &self.made.manifests {
            let (found, _) = self
                .to
                .manifest("known/copy", &Digest::of(bytes).to_string())
                .expect("the manifest is there");
            assert_eq!(found, *bytes);
        }
        for blob in &self.made.blobs {
            let found = self.to.blob("known/copy", &Digest::of(blob));
            assert!(found.is_some_and(|found| found == *blob));
        }
        assert_eq!(self.to.tags("known/copy"), []);
    }

    /// Returns the requests that the faulty registry had with this method.
    fn asked(&self, method: &str) -> Vec<Asked> {
        let mut asked = self.faulty.asked();
        asked.retain(|asked| asked.method == method);
        asked
    }
}

/// An image with one large and two small layers.
fn large() -> Made {
    Made::image(1, "amd64", &[5_000_000, 1000, 20])
}

fn small() -> Made {
    Made::image(2, "amd64", &[2000, 300])
}

/// Runs a future with a runtime of its own.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new()
        .expect("a runtime starts")
        .block_on(future)
}

#[test]
fn the_page_has_one_row_for_each_fault() {
    let page = include_str!("../docs/reference/faults.md");
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let faults: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
    assert_eq!(rows, faults);
}

#[test]
fn each_requirement_has_its_test() {
    let tests = [
        include_str!("faults/reading.rs"),
        include_str!("faults/moving.rs"),
        include_str!("faults/uploading.rs"),
        include_str!("faults/access.rs"),
        include_str!("faults/manifests.rs"),
    ]
    .concat();
    let page = include_str!("../docs/reference/faults.md");
    // Elsewhere: plans and receipts, archives, referrers; the page names the tests.
    for number in 1..=30 {
        let own = tests.contains(&format!("fn r{number:02}_"))
            || tests.contains(&format!("_r{number:02}_"));
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| R{number} |")))
            .unwrap_or_else(|| panic!("R{number} is not on the page"));
        assert!(
            own || row.contains("| elsewhere: "),
            "R{number} has no test"
        );
    }
}

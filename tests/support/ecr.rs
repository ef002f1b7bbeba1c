//! A strict double of Amazon ECR: its names, its TLS, its signed interface and its registry, on loopback ports.
//!
//! It refuses what the real one is documented to refuse. The live service was never asked: what it does beyond its
//! documentation is not known here.

mod api;
mod registry;
mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use countersign::demo::registry::{Registry, RegistryOptions};
use countersign::environment::Clock;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::judges::judge;
use super::program::Sandbox;

/// The account.
pub(crate) const ACCOUNT: &str = "123456789012";

/// The region.
pub(crate) const REGION: &str = "eu-west-1";

/// The registry, as it stands in references.
pub(crate) const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

const API: &str = "api.ecr.eu-west-1.amazonaws.com";

const LAYERS: &str = "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com";

/// What a promotion may need; the double knows no others.
pub(crate) const PERMISSIONS: [&str; 13] = [
    "GetAuthorizationToken",
    "BatchCheckLayerAvailability",
    "InitiateLayerUpload",
    "UploadLayerPart",
    "CompleteLayerUpload",
    "PutImage",
    "BatchGetImage",
    "GetDownloadUrlForLayer",
    "DescribeImages",
    "DescribeRepositories",
    "CreateRepository",
    "GetLifecyclePolicy",
    "ListImages",
];

pub(crate) type Answer = Response<Full<Bytes>>;

/// Access key, secret and session token of a role.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
}

/// A repository's settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `MUTABLE`, `IMMUTABLE`, `IMMUTABLE_WITH_EXCLUSION`.
    pub(crate) mutability: String,
    /// The filters of the last of them: a text before a `*`.
    pub(crate) excluded: Vec<String>,
    pub(crate) lifecycle: Option<String>,
    pub(crate) scan_on_push: bool,
}

#[derive(Default)]
struct State {
    repositories: BTreeMap<String, Settings>,
    denied: BTreeSet<String>,
    /// Passwords that hold, and those that have ended.
    passwords: BTreeMap<String, bool>,
    role_has_ended: bool,
    /// Requests to the registry after which every password ends, once.
    ends_after: Option<usize>,
    uploads: BTreeMap<String, Vec<u64>>,
    log: Vec<(String, u16)>,
}

/// The double; it ends with the value.
pub(crate) struct Ecr {
    proxy: SocketAddr,
    container: SocketAddr,
    role: Role,
    shared: Arc<Shared>,
    folder: TempDir,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    store: Registry,
    role: Role,
    client: reqwest::Client,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the refusal of an action that the role may not do.
    fn denial(&self, action: &str, repository: &str) -> Option<String> {
        self.state().denied.contains(action).then(|| {
            format!(
                "User: arn:aws:sts::{ACCOUNT}:assumed-role/reviewer/session is not authorized to perform: \
                 ecr:{action} on resource: arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository} because no \
                 identity-based policy allows the ecr:{action} action"
            )
        })
    }
}

impl Ecr {
    /// Starts an empty registry, or returns nothing (said on the terminal) where `openssl` is missing.
    pub(crate) async fn start(role: Role) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let tls = certificate(folder.path())?;
        let store = Registry::start(RegistryOptions {
            referrers: true,
            ..RegistryOptions::default()
        });
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            store: store.await.expect("a registry starts"),
            role: role.clone(),
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client can be made"),
        });
        let (proxy, proxied) = listen({
            let shared = shared.clone();
            move |stream| tunnel(stream, tls.clone(), shared.clone())
        })
        .await;
        let (container, answered) = listen({
            let role = role.clone();
            move |stream| credentials(stream, role.clone())
        })
        .await;
        Some(Self {
            proxy,
            container,
            role,
            shared,
            folder,
            tasks: vec![proxied, answered],
        })
    }

    /// Makes a repository.
    pub(crate) fn make(&self, name: &str, mutability: &str) {
        let settings = Settings {
            mutability: mutability.to_owned(),
            excluded: vec!["sha256-".to_owned()],
            lifecycle: None,
            scan_on_push: false,
        };
        self.shared
            .state()
            .repositories
            .insert(name.to_owned(), settings);
    }

    /// Returns a repository's settings.
    pub(crate) fn settings(&self, name: &str) -> Option<Settings> {
        self.shared.state().repositories.get(name).cloned()
    }

    /// Gives a repository a lifecycle policy.
    pub(crate) fn set_lifecycle(&self, name: &str, policy: &str) {
        let mut state = self.shared.state();
        let settings = state.repositories.get_mut(name).expect("it exists");
        settings.lifecycle = Some(policy.to_owned());
    }

    /// Takes a permission away.
    pub(crate) fn deny(&self, action: &str) {
        assert!(PERMISSIONS.contains(&action), "{action}");
        self.shared.state().denied.insert(action.to_owned());
    }

    /// Lets every password end after so many requests to the registry, once.
    pub(crate) fn end_passwords_after(&self, requests: usize) {
        self.shared.state().ends_after = Some(requests);
    }

    /// Lets the role's session end.
    pub(crate) fn end_role(&self) {
        self.shared.state().role_has_ended = true;
    }

    /// Returns what was asked, as `ecr:Operation` or `METHOD path`, with the status of the answer.
    pub(crate) fn log(&self) -> Vec<(String, u16)> {
        self.shared.state().log.clone()
    }

    /// Returns how often an operation was asked for.
    pub(crate) fn count(&self, what: &str) -> usize {
        let log = self.log();
        log.iter()
            .filter(|(asked, _)| asked.starts_with(what))
            .count()
    }

    /// The images behind it.
    pub(crate) fn store(&self) -> &Registry {
        &self.shared.store
    }

    /// A password that is taken, as `docker login` would keep one.
    pub(crate) fn password(&self) -> String {
        api::password(&self.shared)
    }

    /// Leads a program to the double, by the names that ECR has.
    pub(crate) fn lead(&self, sandbox: &mut Sandbox) {
        sandbox.set("HTTPS_PROXY", format!("http://{}", self.proxy));
        sandbox.set("SSL_CERT_FILE", self.certificate());
        sandbox.set("AWS_EC2_METADATA_DISABLED", "true");
    }

    /// The certificate to trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Gives a program the role as a shell has it: in variables.
    pub(crate) fn log_in(&self, sandbox: &mut Sandbox) {
        sandbox.set("AWS_ACCESS_KEY_ID", &self.role.key);
        sandbox.set("AWS_SECRET_ACCESS_KEY", &self.role.secret);
        sandbox.set("AWS_SESSION_TOKEN", &self.role.token);
    }

    /// Gives a program the role as AWS CloudShell has it: from a server of the container.
    pub(crate) fn log_in_as_cloud_shell(&self, sandbox: &mut Sandbox) {
        let address = format!(
            "http://{}/latest/meta-data/container/security-credentials",
            self.container
        );
        sandbox.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", address);
        sandbox.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token");
        // CloudShell sets both, and neither says where an image is.
        sandbox.set("AWS_REGION", "us-east-2");
        sandbox.set("AWS_DEFAULT_REGION", "us-east-2");
    }
}

impl Drop for Ecr {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn listen<F, W>(serve: F) -> (SocketAddr, tokio::task::JoinHandle<()>)
where
    F: Fn(TcpStream) -> W + Send + 'static,
    W: Future<Output = Option<()>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let runtime = Handle::current();
    let task = Handle::current().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            runtime.spawn(serve(stream));
        }
    });
    (address, task)
}

/// Reads a head of HTTP up to its empty line.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 16 << 10 {
            return None;
        }
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// A proxy that leads the names of ECR here and knows no others.
async fn tunnel(mut stream: TcpStream, tls: TlsAcceptor, shared: Arc<Shared>) -> Option<()> {
    let head = head(&mut stream).await?;
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    let host = target.strip_suffix(":443").unwrap_or(target).to_owned();
    if ![API, HOST, LAYERS].contains(&host.as_str()) {
        let refusal = b"HTTP/1.1 502 Unknown Host\r\ncontent-length: 0\r\n\r\n";
        return stream.write_all(refusal).await.ok();
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    let stream = tls.accept(stream).await.ok()?;
    let service = service_fn(move |request| serve(host.clone(), request, shared.clone()));
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok()
}

async fn serve(
    host: String,
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Answer, std::convert::Infallible> {
    let (parts, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_broken) => return Ok(answer(StatusCode::BAD_REQUEST, "text/plain", "")),
    };
    Ok(if host == API {
        api::serve(&shared, &parts, &body)
    } else if host == LAYERS {
        registry::layer(&shared, &parts)
    } else {
        registry::serve(&shared, parts, body).await
    })
}

/// The credentials of a container, for whoever has its token.
async fn credentials(mut stream: TcpStream, role: Role) -> Option<()> {
    let head = head(&mut stream).await?.to_ascii_lowercase();
    let is_known = head.contains("\r\nauthorization: container-token\r\n");
    let (status, body) = if is_known {
        let end = (Clock::System.now() + chrono::TimeDelta::hours(1))
            .format("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        let body = serde_json::json!({"AccessKeyId": role.key, "SecretAccessKey": role.secret,
            "Token": role.token, "Expiration": end});
        ("200 OK", body.to_string())
    } else {
        ("401 Unauthorized", String::new())
    };
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.ok()
}

fn answer(status: StatusCode, kind: &str, body: impl Into<Bytes>) -> Answer {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(Full::new(body.into()))
        .expect("an answer can be built")
}

/// Makes a certificate for the names of ECR.
fn certificate(folder: &Path) -> Option<TlsAcceptor> {
    let openssl = judge("openssl")?;
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let names = format!("subjectAltName=DNS:{API},DNS:{HOST},DNS:{LAYERS}");
    let output = std::process::Command::new(openssl)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args([
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=double",
            "-addext",
            &names,
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "{output:?}");
    let chain = vec![CertificateDer::from_pem_file(&certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(&key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS has versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key is the certificate's");
    Some(TlsAcceptor::from(Arc::new(config)))
}

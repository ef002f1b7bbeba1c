//! Registries that lie, stall, break off, redirect and ask for log-ins.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

const LOG_IN: &str = "dXNlcjpjYW5hcnk="; // user:canary

/// A client with one log-in, for `host`.
fn client_for(host: &str) -> (Client, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"{LOG_IN}"}}}}}}"#);
    std::fs::write(&path, config).unwrap();
    let client = Client::new(&ClientOptions {
        log_ins: LogIns {
            files: vec![path],
            programs: Vec::new(),
        },
        stall_timeout: Duration::from_secs(2),
        ..ClientOptions::default()
    });
    (client.unwrap(), folder)
}

fn authorization(request: &Request<Incoming>) -> Option<&str> {
    request.headers().get("authorization")?.to_str().ok()
}

/// A server that notes the log-ins it is sent.
async fn ear(status: u16, body: &'static str) -> (String, Arc<Mutex<Vec<Option<String>>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = heard.clone();
    let host = serve(move |request| {
        let note = authorization(request).map(str::to_owned);
        notes.lock().unwrap().push(note);
        answer(status, &[], body)
    })
    .await;
    (host, heard)
}

#[tokio::test]
async fn an_anonymous_token_is_fetched_once_and_renewed_once() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = fetched.clone();
    let valid = Arc::new(AtomicUsize::new(1));
    let current = valid.clone();
    let registry = registry_with(move |request| {
        if request.uri().path() == "/token" {
            let query = request.uri().query().unwrap_or_default();
            assert!(query.contains("scope=repository%3Aa%3Apull"), "{query}");
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            return Some(answer(200, &[], format!(r#"{{"token":"t{number}"}}"#)));
        }
        let wanted = format!("Bearer t{}", current.load(Ordering::Relaxed));
        if authorization(request) == Some(&wanted) {
            return None;
        }
        let host = request.headers()["host"].to_str().unwrap();
        let challenge = format!(r#"Bearer realm="http://{host}/token",service="s""#);
        Some(answer(401, &[("www-authenticate", &challenge)], ""))
    })
    .await;
    preload(&registry, "a", 10);
    let client = client();
    let target = repository(&registry.host(), "a");
    let reads = (0..5).map(|_| client.manifest(&target, "v1"));
    for read in futures_util::future::join_all(reads).await {
        read.unwrap();
    }
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
    // The token runs out: one renewal. The service then gives tokens that are not taken: the end.
    valid.store(2, Ordering::Relaxed);
    client.manifest(&target, "v1").await.unwrap();
    assert_eq!(fetched.load(Ordering::Relaxed), 2);
    valid.store(99, Ordering::Relaxed);
    let error = client.manifest(&target, "v1").await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Unauthorized { .. }),
        "{error}"
    );
    assert_eq!(fetched.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_log_in_is_sent_to_its_registry_and_a_refused_one_only_once() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    let registry = registry_with(move |request| {
        let sent = authorization(request).map(str::to_owned);
        notes.lock().unwrap().push(sent.clone());
        let taken =
            sent == Some(format!("Basic {LOG_IN}")) && !request.uri().path().contains("/b/");
        (!taken).then(|| answer(401, &[("www-authenticate", r#"Basic realm="x""#)], ""))
    })
    .await;
    preload(&registry, "a", 10);
    let (client, _folder) = client_for(&registry.host());
    let target = repository(&registry.host(), "a");
    client.manifest(&target, "v1").await.unwrap();
    let other = repository(&registry.host(), "b");
    let error = client.manifest(&other, "v1").await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Unauthorized { .. }),
        "{error}"
    );
    assert!(!error.to_string().contains("canary"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn no_log_in_goes_to_another_host_by_redirect() {
    let (ear, heard) = ear(200, "x").await;
    let registry = registry_with(move |request| {
        if authorization(request).is_none() {
            let challenge = [("www-authenticate", r#"Basic realm="x""#)];
            return Some(answer(401, &challenge, ""));
        }
        let blob = request.uri().path().contains("/blobs/sha256");
        let target = format!("http://{ear}/storage?signature=secret");
        blob.then(|| answer(307, &[("location", &target)], ""))
    })
    .await;
    let (client, _folder) = client_for(&registry.host());
    let target = repository(&registry.host(), "a");
    let descriptor = super::super::client::plain_descriptor(Digest::of(b"x"), 1);
    let bytes = client.blob(&target, &descriptor, 10).await.unwrap();
    assert_eq!(&*bytes, b"x");
    assert_eq!(*heard.lock().unwrap(), [None]);
}

#[tokio::test]
async fn no_log_in_goes_to_another_host_by_upload_location() {
    let (ear, heard) = ear(201, "").await;
    let registry = registry_with(move |request| {
        if authorization(request).is_none() {
            let challenge = [("www-authenticate", r#"Basic realm="x""#)];
            return Some(answer(401, &challenge, ""));
        }
        let target = format!("http://{ear}/upload?state=1");
        (request.method() == "POST").then(|| answer(202, &[("location", &target)], ""))
    })
    .await;
    let (client, _folder) = client_for(&registry.host());
    let target = repository(&registry.host(), "a");
    client
        .put_blob(&target, Bytes::from_static(b"x"))
        .await
        .unwrap();
    assert_eq!(*heard.lock().unwrap(), [None]);
}

#[tokio::test]
async fn no_log_in_goes_to_a_realm_on_another_host() {
    let (ear, heard) = ear(403, "").await;
    let registry = registry_with(move |_| {
        let challenge = format!(r#"Bearer realm="http://{ear}/token""#);
        Some(answer(401, &[("www-authenticate", &challenge)], ""))
    })
    .await;
    let (client, _folder) = client_for(&registry.host());
    let target = repository(&registry.host(), "a");
    let error = client
        .manifest(&target, "v1")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("withheld"), "{error}");
    assert_eq!(*heard.lock().unwrap(), [None]);
}

#[tokio::test]
async fn addresses_that_leave_encryption_or_reach_inside_are_refused() {
    let outside = repository("registry.example", "a");
    let inside = repository("127.0.0.1:5000", "a");
    for (target, from, allowed) in [
        ("https://storage.example/x", &outside, true),
        ("https://registry.example/x", &outside, true),
        ("http://registry.example/x", &outside, false),
        ("https://169.254.169.254/x", &outside, false),
        ("https://[fd00:ec2::254]/x", &outside, false),
        ("https://[::ffff:10.0.0.1]/x", &outside, false),
        ("https://localhost/x", &outside, false),
        ("https://10.1.2.3/x", &outside, false),
        ("https://user:word@storage.example/x", &outside, false),
        ("ftp://storage.example/x", &outside, false),
        ("http://127.0.0.1:6000/x", &inside, true),
        ("http://storage.example/x", &inside, false),
    ] {
        let url = url::Url::parse(target).unwrap();
        let result = super::super::address::check_target(&url, from, "test");
        assert_eq!(result.is_ok(), allowed, "{target}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_what_was_asked_for_is_refused() {
    let registry = registry_with(|request| {
        let path = request.uri().path();
        if path.ends_with("/manifests/lie") {
            let digest = Digest::of(b"other").to_string();
            return Some(answer(200, &[("docker-content-digest", &digest)], "{}"));
        }
        if path.ends_with("/manifests/large") {
            return Some(answer(200, &[], vec![b' '; (4 << 20) + 1]));
        }
        path.contains("/manifests/sha256:")
            .then(|| answer(200, &[], "{}"))
    })
    .await;
    let target = repository(&registry.host(), "a");
    let client = client();
    let digest = Digest::of(b"wanted").to_string();
    for reference in ["lie", &digest] {
        let error = client.manifest(&target, reference).await.unwrap_err();
        assert!(matches!(error, RegistryError::Mismatch { .. }), "{error}");
    }
    let error = client.manifest(&target, "large").await.unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
    for odd in ["../../secret", "a/b", "", "?x", "sha256:short"] {
        let error = client.manifest(&target, odd).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::Unsupported { .. }),
            "{error}"
        );
    }
    let odd = repository(&registry.host(), "a/../b");
    assert!(client.manifest(&odd, "v1").await.is_err());
}

/// A server that sends only part of a blob, `step` bytes a connection; it counts the connections.
pub(super) async fn dripping(blob: Bytes, step: usize) -> (String, Arc<AtomicUsize>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    TaskTracker::new().spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            let mut head = vec![0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
            let from = head.split_once("range: bytes=").map_or(0, |(_, rest)| {
                rest.split('-').next().unwrap().parse().unwrap()
            });
            let total = blob.len();
            let end = (from + step).min(total);
            let head = if from == 0 {
                format!("HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n")
            } else {
                format!(
                    "HTTP/1.1 206 Partial\r\ncontent-length: {}\r\ncontent-range: bytes {from}-{}/{total}\r\n\r\n",
                    total - from,
                    total - 1
                )
            };
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&blob[from..end]).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (host, served)
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_where_it_was() {
    let blob = noise(9, 1_000_000);
    let (host, served) = dripping(blob.clone(), 150_000).await;
    let descriptor = super::super::client::plain_descriptor(Digest::of(&blob), blob.len() as u64);
    let read = client()
        .blob(&repository(&host, "a"), &descriptor, 2_000_000)
        .await
        .unwrap();
    assert_eq!(read, blob);
    // More connections than a blob has tries: progress makes each break the first one.
    assert_eq!(served.load(Ordering::Relaxed), 7);
}

#[tokio::test]
async fn silence_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let client = Client::new(&ClientOptions {
        stall_timeout: Duration::from_millis(50),
        first_pause: Duration::from_millis(20),
        ..ClientOptions::default()
    })
    .unwrap();
    let started = std::time::Instant::now();
    let error = client
        .manifest(&repository(&host, "a"), "v1")
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Network { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
    drop(listener);
}

#[tokio::test]
async fn a_destination_that_stops_reading_is_not_waited_for() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let silent = Arc::new(AtomicUsize::new(0));
    let count = silent.clone();
    TaskTracker::new().spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 512];
            let read = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..read]);
            let answer = match head.split(' ').next().unwrap() {
                "HEAD" | "GET" => "404 Not Found\r\n",
                "POST" => "202 Accepted\r\nlocation: /v2/a/blobs/uploads/1\r\n",
                "DELETE" => "204 No Content\r\n",
                _ => {
                    count.fetch_add(1, Ordering::Relaxed);
                    kept.push(stream);
                    continue;
                }
            };
            let answer = format!("HTTP/1.1 {answer}connection: close\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let client = Client::new(&ClientOptions {
        stall_timeout: Duration::from_millis(100),
        first_pause: Duration::from_millis(20),
        ..ClientOptions::default()
    })
    .unwrap();
    let blob = vec![0; 30_000_000];
    let started = std::time::Instant::now();
    let chunks = Bytes::from(blob);
    let descriptor =
        super::super::client::plain_descriptor(Digest::of(&chunks), chunks.len() as u64);
    let source = |_from: u64| {
        let chunks = chunks.clone();
        let parts =
            (0..300).map(move |part| Ok(chunks.slice(part * 100_000..(part + 1) * 100_000)));
        Box::pin(futures_util::stream::iter(parts)) as super::super::stream::Bytestream
    };
    let error = super::super::upload::blob(
        &client,
        &repository(&host, "a"),
        &descriptor,
        None,
        &Arc::default(),
        source,
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("no byte for"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(silent.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_tag_that_may_not_move_is_told_apart() {
    let registry = Registry::start(RegistryOptions {
        immutable_tags: true,
        ..RegistryOptions::default()
    })
    .await
    .unwrap();
    preload(&registry, "a", 10);
    let config = Bytes::from_static(b"{}");
    let manifest = RawManifest::new(
        odd_manifest(&config, &[]),
        media_type::OCI_MANIFEST.to_owned(),
    );
    let target = repository(&registry.host(), "a");
    let error = client().put_manifest(&target, "v1", &manifest).await;
    assert!(
        matches!(error, Err(RegistryError::Immutable { .. })),
        "{error:?}"
    );
    client()
        .put_manifest(&target, "v2", &manifest)
        .await
        .unwrap();
    let head = client()
        .head_manifest(&target, "v2")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (head.digest, head.size),
        (manifest.digest, manifest.bytes.len() as u64)
    );
    assert!(
        client()
            .head_manifest(&target, "v3")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_elsewhere_makes_them_be_sent() {
    let from = registry().await;
    preload(&from, "a", 1000);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", from.host())))
        .await
        .unwrap();
    // HEAD says "exists" for everything until a manifest was refused.
    let refused = AtomicUsize::new(0);
    let to = registry_with(move |request| {
        let path = request.uri().path();
        if request.method() == "PUT" && path.contains("/manifests/") {
            refused.store(1, Ordering::Relaxed);
        }
        let lie = request.method() == "HEAD"
            && path.contains("/blobs/")
            && refused.load(Ordering::Relaxed) == 0;
        lie.then(|| answer(200, &[], ""))
    })
    .await;
    let outcome = copy_quietly(
        &resolved.source,
        &resolved.manifest,
        &repository(&to.host(), "b"),
    )
    .await
    .unwrap();
    assert!(to.manifest("b", &outcome.digest.to_string()).is_some());
    assert!(outcome.bytes_sent >= 2000, "{outcome:?}");
}

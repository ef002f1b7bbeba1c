//! Copies between this client, the loopback registry and programs of others, where they are
//! installed: Debian's `docker-registry` (no referrers API) and `skopeo`.

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::*;

/// A `docker-registry` process; it ends with this.
struct Debian {
    child: Child,
    host: String,
    _folder: tempfile::TempDir,
}

impl Drop for Debian {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn absent(program: &str) {
    writeln!(std::io::stderr(), "skipped: {program} is not installed").unwrap();
}

/// Starts a registry of its own; none where the program is not installed.
async fn debian() -> Option<Debian> {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let host = format!("127.0.0.1:{port}");
    let settings = folder.path().join("config.yml");
    let text = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n",
        folder.path().join("data").display()
    );
    std::fs::write(&settings, text).unwrap();
    let child = Command::new("docker-registry")
        .arg("serve")
        .arg(&settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = child else {
        absent("docker-registry");
        return None;
    };
    let started = Debian {
        child,
        host: host.clone(),
        _folder: folder,
    };
    for _wait in 0..200 {
        if tokio::net::TcpStream::connect(&host).await.is_ok() {
            return Some(started);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("docker-registry does not listen on {host}");
}

/// Runs skopeo without blocking the loopback registry; none where it is not installed.
async fn skopeo(arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new("skopeo");
    command.args(arguments);
    match tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
    {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{arguments:?}: {errors}");
            Some(output)
        }
        Err(_missing) => {
            absent("skopeo");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_to_docker_registry_and_back_byte_for_byte() {
    let Some(debian) = debian().await else { return };
    let (from, back) = (registry().await, registry().await);
    let digest = preload(&from, "a", 3_000_000);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", from.host())))
        .await
        .unwrap();
    let middle = repository(&debian.host, "debut/app");
    let outcome = copy_quietly(&resolved.source, &resolved.manifest, &middle)
        .await
        .unwrap();
    assert!(
        outcome
            .blobs
            .iter()
            .all(|blob| blob.fate == BlobFate::Uploaded)
    );
    assert_eq!(outcome.retries, 0);
    client()
        .put_manifest(&middle, "v1", &resolved.manifest)
        .await
        .unwrap();
    assert_eq!(client().tags(&middle).await.unwrap(), ["v1"]);
    let again = copy_quietly(&resolved.source, &resolved.manifest, &middle)
        .await
        .unwrap();
    assert_eq!((again.bytes_sent, again.manifests_sent.len()), (0, 0));
    let there = resolve(&client(), &image(&format!("{}/debut/app:v1", debian.host)))
        .await
        .unwrap();
    assert_eq!(there.manifest, resolved.manifest);
    let elsewhere = repository(&debian.host, "debut/other");
    let mounted = copy_quietly(&there.source, &there.manifest, &elsewhere)
        .await
        .unwrap();
    assert!(
        mounted
            .blobs
            .iter()
            .all(|blob| blob.fate == BlobFate::Mounted)
    );
    copy_quietly(
        &there.source,
        &there.manifest,
        &repository(&back.host(), "a"),
    )
    .await
    .unwrap();
    let reference = digest.to_string();
    assert_eq!(
        back.manifest("a", &reference),
        from.manifest("a", &reference)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_registry_lists_referrers_by_the_fallback_tag() {
    let Some(debian) = debian().await else { return };
    let from = registry().await;
    let digest = preload(&from, "a", 100);
    let resolved = resolve(&client(), &image(&format!("{}/a:v1", from.host())))
        .await
        .unwrap();
    let target = repository(&debian.host, "a");
    copy_quietly(&resolved.source, &resolved.manifest, &target)
        .await
        .unwrap();
    for note in ["one", "two", "one"] {
        let (warnings, _) = super::attached::attach(&target, &digest, note)
            .await
            .unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
    }
    let found = client().referrers(&target, &digest).await.unwrap();
    assert_eq!(found.listed_by, ReferrersSource::FallbackTag);
    assert_eq!(found.manifests.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_reads_and_writes_the_loopback_registry() {
    let (from, to) = (registry().await, registry().await);
    let digest = preload(&from, "a", 3_000_000);
    let source = format!("docker://{}/a:v1", from.host());
    let destination = format!("docker://{}/b/c:v2", to.host());
    let copy = [
        "copy",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &source,
        &destination,
    ];
    if skopeo(&copy).await.is_none() {
        return;
    }
    assert_eq!(to.tags("b/c"), [("v2".to_owned(), digest.clone())]);
    let reference = digest.to_string();
    assert_eq!(
        to.manifest("b/c", &reference),
        from.manifest("a", &reference)
    );
    // And into a layout, which this client then reads.
    let folder = tempfile::tempdir().unwrap();
    let layout = format!("oci:{}:v1", folder.path().display());
    let copy = [
        "copy",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
    ];
    skopeo(&[&copy[..], &[&*source, &*layout]].concat())
        .await
        .unwrap();
    let resolved = resolve(&client(), &image(&layout)).await.unwrap();
    assert_eq!(*resolved.digest(), digest);
    let third = registry().await;
    let target = repository(&third.host(), "d");
    copy_quietly(&resolved.source, &resolved.manifest, &target)
        .await
        .unwrap();
    client()
        .put_manifest(&target, "v1", &resolved.manifest)
        .await
        .unwrap();
    let name = format!("docker://{}/d:v1", third.host());
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &name])
        .await
        .unwrap();
    assert_eq!(Digest::of(&raw.stdout), digest);
}

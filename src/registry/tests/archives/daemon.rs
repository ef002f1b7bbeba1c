//! The Docker daemon's socket, played by a server that answers one question only.

use http_body_util::StreamBody;
use hyper::body::Frame;

use super::*;

/// Answers as the daemon does: the image in pieces of odd sizes, anything else with a message.
fn daemon(bytes: Vec<u8>, missing: usize) -> (tempfile::TempDir, Client) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let bytes = Arc::new(bytes);
    let tasks = TaskTracker::new();
    let connections = tasks.clone();
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let bytes = bytes.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let bytes = bytes.clone();
                async move {
                    assert_eq!(request.method(), "GET");
                    let (status, body) = match request.uri().path() {
                        "/images/docker.io/library/app:1/get" => (200, bytes.to_vec()),
                        "/images/docker.io/library/broken:1/get" => {
                            (500, br#"{"message":"disk \u001b[31mfull"}"#.to_vec())
                        }
                        _ => (404, br#"{"message":"no such image"}"#.to_vec()),
                    };
                    let end = body.len() - missing.min(body.len());
                    let pieces: Vec<_> = body[..end]
                        .chunks(70_001)
                        .map(|piece| {
                            Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece)))
                        })
                        .collect();
                    let body = StreamBody::new(futures_util::stream::iter(pieces));
                    Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
                }
            });
            connections.spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service),
            );
        }
    });
    let client = Client::new(&ClientOptions {
        docker_host: Some(format!("unix://{}", socket.display())),
        stall_timeout: std::time::Duration::from_secs(2),
        ..ClientOptions::default()
    })
    .unwrap();
    (folder, client)
}

#[tokio::test]
async fn an_image_of_the_daemon_is_the_one_that_docker_saves() {
    let saved = tar(&legacy());
    let (_folder, client) = daemon(saved.clone(), 0);
    let found = resolve(&client, &image("docker-daemon:app:1"))
        .await
        .unwrap();
    let same = open(ArchiveForm::Docker, &saved).await.unwrap();
    assert_eq!(found.manifest, same.manifest);
    let to = registry().await;
    let target = repository(&to.host(), "b");
    let outcome = copy_quietly(&found.source, &found.manifest, &target)
        .await
        .unwrap();
    assert_eq!(outcome.blobs.len(), 3);
}

#[tokio::test]
async fn what_the_daemon_refuses_or_breaks_off_is_named() {
    let (_folder, client) = daemon(tar(&legacy()), 5000);
    for (name, words, kind) in [
        (
            "docker-daemon:other:1",
            "docker-daemon:docker.io/library/other:1",
            ErrorKind::Input,
        ),
        ("docker-daemon:broken:1", "status 500", ErrorKind::Remote),
        ("docker-daemon:app:1", "cut off", ErrorKind::Input),
    ] {
        let error = resolve(&client, &image(name)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words), "{text} should say {words}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(error.kind(), kind, "{text}");
    }
}

#[tokio::test]
async fn only_the_daemon_of_this_machine_is_asked() {
    for (host, words) in [
        ("tcp://10.0.0.1:2375", "only the daemon of this machine"),
        ("ssh://somewhere", "only the daemon of this machine"),
        ("unix://relative", "only the daemon of this machine"),
        ("unix:///no/such/socket", "/no/such/socket"),
    ] {
        let client = Client::new(&ClientOptions {
            docker_host: Some(host.to_owned()),
            ..ClientOptions::default()
        })
        .unwrap();
        let error = resolve(&client, &image("docker-daemon:app:1"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.kind(), ErrorKind::Remote);
    }
}

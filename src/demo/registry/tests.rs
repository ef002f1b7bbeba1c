//! The endpoints as a plain HTTP client sees them; what real clients make of them is tested with
//! the registry client.

use reqwest::{Client, Method, Response};

use super::*;
use crate::model::oci::media_type;

struct Lab {
    registry: Registry,
    client: Client,
}

async fn lab() -> Lab {
    Lab {
        registry: Registry::start(RegistryOptions::default()).await.unwrap(),
        client: Client::builder().no_proxy().build().unwrap(),
    }
}

impl Lab {
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Response {
        let url = format!("http://{}{path}", self.registry.host());
        let mut request = self.client.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn blobs_come_in_by_every_way_of_the_specification() {
    let lab = lab().await;
    let digest = Digest::of(b"hello");
    let whole = format!("/v2/a/b/blobs/uploads/?digest={digest}");
    let answer = lab.send(Method::POST, &whole, &[], "hello").await;
    assert_eq!(answer.status(), 201);
    assert_eq!(
        header(&answer, "location"),
        format!("/v2/a/b/blobs/{digest}")
    );
    let answer = lab
        .send(Method::POST, "/v2/c/blobs/uploads/", &[], "")
        .await;
    assert_eq!(answer.status(), 202);
    let session = header(&answer, "location").to_owned();
    let answer = lab
        .send(Method::PATCH, &session, &[("content-range", "0-1")], "he")
        .await;
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "range")),
        (202, "0-1")
    );
    let answer = lab
        .send(Method::PATCH, &session, &[("content-range", "4-5")], "xx")
        .await;
    assert_eq!(answer.status(), 416);
    let answer = lab.send(Method::GET, &session, &[], "").await;
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "range")),
        (204, "0-1")
    );
    let other = session.replace("/c/", "/d/");
    assert_eq!(
        lab.send(Method::PATCH, &other, &[], "xx").await.status(),
        404
    );
    let last = format!("{session}?digest={digest}");
    assert_eq!(lab.send(Method::PUT, &last, &[], "llo").await.status(), 201);
    assert_eq!(lab.send(Method::PUT, &last, &[], "").await.status(), 404);
    let mount = format!("/v2/e/blobs/uploads/?mount={digest}&from=a/b");
    assert_eq!(lab.send(Method::POST, &mount, &[], "").await.status(), 201);
    for name in ["a/b", "c", "e"] {
        assert_eq!(lab.registry.blob(name, &digest).unwrap(), "hello");
    }
    assert!(lab.registry.blob("d", &digest).is_none());
    let mount = format!("/v2/e/blobs/uploads/?mount={}&from=a/b", Digest::of(b"x"));
    let answer = lab.send(Method::POST, &mount, &[], "").await;
    assert_eq!(answer.status(), 202);
    let session = header(&answer, "location").to_owned();
    assert_eq!(lab.registry.open_uploads(), 1);
    assert_eq!(
        lab.send(Method::DELETE, &session, &[], "").await.status(),
        204
    );
    assert_eq!(lab.registry.open_uploads(), 0);
}

#[tokio::test]
async fn bytes_with_another_digest_are_not_kept() {
    let lab = lab().await;
    let digest = Digest::of(b"hello");
    let whole = format!("/v2/a/blobs/uploads/?digest={digest}");
    let answer = lab.send(Method::POST, &whole, &[], "other").await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("DIGEST_INVALID"));
    assert!(lab.registry.blob("a", &digest).is_none());
}

#[tokio::test]
async fn blobs_are_read_whole_in_part_and_by_head() {
    let lab = lab().await;
    let digest = lab.registry.put_blob("a", "hello");
    let path = format!("/v2/a/blobs/{digest}");
    let answer = lab.send(Method::HEAD, &path, &[], "").await;
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "content-length")),
        (200, "5")
    );
    let answer = lab
        .send(Method::GET, &path, &[("range", "bytes=2-")], "")
        .await;
    assert_eq!(header(&answer, "content-range"), "bytes 2-4/5");
    assert_eq!(answer.text().await.unwrap(), "llo");
    let answer = lab
        .send(Method::GET, &path, &[("range", "bytes=5-")], "")
        .await;
    assert_eq!(answer.status(), 416);
    assert_eq!(lab.send(Method::DELETE, &path, &[], "").await.status(), 202);
    assert_eq!(lab.send(Method::GET, &path, &[], "").await.status(), 404);
}

#[tokio::test]
async fn a_manifest_needs_its_blobs_and_its_own_digest() {
    let lab = lab().await;
    let kind = [("content-type", media_type::OCI_INDEX)];
    let empty = r#"{"schemaVersion":2,"manifests":[]}"#;
    let answer = lab
        .send(Method::PUT, "/v2/a/manifests/v1", &kind, empty)
        .await;
    assert_eq!(answer.status(), 201);
    let digest = Digest::of(empty.as_bytes());
    assert_eq!(header(&answer, "docker-content-digest"), digest.to_string());
    let wrong = format!("/v2/a/manifests/{}", Digest::of(b"x"));
    assert_eq!(
        lab.send(Method::PUT, &wrong, &kind, empty).await.status(),
        400
    );
    let missing = r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}"#;
    let answer = lab
        .send(Method::PUT, "/v2/a/manifests/v2", &kind, missing)
        .await;
    assert_eq!(answer.status(), 404);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("MANIFEST_BLOB_UNKNOWN")
    );
    let answer = lab
        .send(Method::PUT, "/v2/a/manifests/v3", &kind, "{")
        .await;
    assert_eq!(answer.status(), 400);
    let answer = lab.send(Method::HEAD, "/v2/a/manifests/v1", &[], "").await;
    assert_eq!(header(&answer, "content-length"), empty.len().to_string());
    assert_eq!(header(&answer, "content-type"), media_type::OCI_INDEX);
    let by_digest = format!("/v2/a/manifests/{digest}");
    assert_eq!(
        lab.send(Method::DELETE, &by_digest, &[], "").await.status(),
        202
    );
    assert!(lab.registry.tags("a").is_empty());
}

#[tokio::test]
async fn tags_come_in_pages() {
    let lab = lab().await;
    for tag in ["a", "b", "c"] {
        lab.registry
            .put_manifest("r", Some(tag), media_type::OCI_INDEX, tag);
    }
    let first = lab.send(Method::GET, "/v2/r/tags/list?n=2", &[], "").await;
    assert_eq!(
        header(&first, "link"),
        "</v2/r/tags/list?n=2&last=b>; rel=\"next\""
    );
    assert_eq!(
        first.text().await.unwrap(),
        r#"{"name":"r","tags":["a","b"]}"#
    );
    let next = lab
        .send(Method::GET, "/v2/r/tags/list?n=2&last=b", &[], "")
        .await;
    assert!(!next.headers().contains_key("link"));
    assert_eq!(next.text().await.unwrap(), r#"{"name":"r","tags":["c"]}"#);
    assert_eq!(
        lab.send(Method::GET, "/v2/x/tags/list", &[], "")
            .await
            .status(),
        404
    );
}

#[tokio::test]
async fn every_request_is_logged_and_odd_ones_are_refused() {
    let lab = lab().await;
    assert_eq!(lab.send(Method::GET, "/v2/", &[], "").await.status(), 200);
    let secret = [("authorization", "Basic eDp5")];
    assert_eq!(lab.send(Method::GET, "/", &secret, "").await.status(), 404);
    assert_eq!(
        lab.send(Method::GET, "/v2/manifests/x", &[], "")
            .await
            .status(),
        404
    );
    assert_eq!(
        lab.send(Method::POST, "/v2/a/manifests/x", &[], "")
            .await
            .status(),
        405
    );
    let digest = Digest::of(b"");
    let path = format!("/v2/a/referrers/{digest}");
    assert_eq!(lab.send(Method::GET, &path, &[], "").await.status(), 404);
    let log = lab.registry.requests();
    assert_eq!(log.len(), 5);
    let second = LoggedRequest {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        status: 404,
        authorized: true,
    };
    assert_eq!(log[1], second);
    lab.registry.clear_requests();
    assert!(lab.registry.requests().is_empty());
}

#[tokio::test]
async fn a_dropped_registry_does_not_answer() {
    let Lab { registry, client } = lab().await;
    let url = format!("http://{}/v2/", registry.host());
    assert!(client.get(&url).send().await.is_ok());
    drop(registry);
    for _wait in 0..100 {
        if client.get(&url).send().await.is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it still answers");
}

//! The double's interface of signed JSON requests.
//!
//! Signatures are checked in `signature`, images are moved by `registry`.

use base64::Engine as _;
use countersign::environment::Clock;
use countersign::model::Digest;
use hyper::StatusCode;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::{ACCOUNT, Answer, PERMISSIONS, REGION, Settings, Shared, answer, signature};

type Outcome = Result<Value, (&'static str, String)>;

/// Answers one request.
pub(super) fn serve(shared: &Shared, parts: &Parts, body: &[u8]) -> Answer {
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let target = header("x-amz-target").unwrap_or_default().to_owned();
    let operation = target.strip_prefix("AmazonEC2ContainerRegistry_V20150921.");
    let has_form =
        parts.method == "POST" && header("content-type") == Some("application/x-amz-json-1.1");
    let outcome = match operation {
        Some(operation) if has_form && PERMISSIONS.contains(&operation) => {
            let has_ended = shared.state().role_has_ended;
            signature::check(parts, body, &shared.role, has_ended)
                .and_then(|()| perform(shared, operation, body))
        }
        _ => Err(("UnknownOperationException", String::new())),
    };
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err((kind, message)) => (
            StatusCode::BAD_REQUEST,
            json!({"__type": kind, "message": message}),
        ),
    };
    let name = format!("ecr:{}", operation.unwrap_or("?"));
    shared.state().log.push((name, status.as_u16()));
    answer(status, "application/x-amz-json-1.1", body.to_string())
}

/// Makes a password that is taken.
pub(super) fn password(shared: &Shared) -> String {
    let mut state = shared.state();
    let password = format!(
        "password-of-ecr-{}-{}",
        state.passwords.len(),
        shared.role.token
    );
    state.passwords.insert(password.clone(), true);
    password
}

fn perform(shared: &Shared, operation: &str, body: &[u8]) -> Outcome {
    let invalid = |text: &str| ("InvalidParameterException", text.to_owned());
    let request: Value = serde_json::from_slice(body)
        .map_err(|_damaged| ("SerializationException", "not JSON".to_owned()))?;
    if request.get("registryId").is_some_and(|id| id != ACCOUNT) {
        return Err(invalid("the registry is of another account"));
    }
    let name = request["repositoryName"]
        .as_str()
        .or_else(|| request["repositoryNames"][0].as_str())
        .unwrap_or_default();
    if let Some(denial) = shared.denial(operation, name) {
        return Err(("AccessDeniedException", denial));
    }
    if operation == "GetAuthorizationToken" {
        let text = format!("AWS:{}", password(shared));
        let token = base64::engine::general_purpose::STANDARD.encode(text);
        let now = Clock::System.now().timestamp();
        return Ok(json!({"authorizationData": [{"authorizationToken": token,
            "expiresAt": now + 43_200, "proxyEndpoint": format!("https://{}", super::HOST)}]}));
    }
    if name.is_empty() {
        return Err(invalid("repositoryName is missing"));
    }
    if operation == "CreateRepository" {
        return create(shared, name, &request);
    }
    let Some(settings) = shared.state().repositories.get(name).cloned() else {
        let text = format!(
            "The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
        );
        return Err(("RepositoryNotFoundException", text));
    };
    match operation {
        "DescribeRepositories" => Ok(json!({"repositories": [described(name, &settings)]})),
        "GetLifecyclePolicy" => settings
            .lifecycle
            .map(|text| json!({"registryId": ACCOUNT, "repositoryName": name, "lifecyclePolicyText": text}))
            .ok_or_else(|| ("LifecyclePolicyNotFoundException", "Lifecycle policy does not exist".to_owned())),
        "DescribeImages" => images(shared, name, &request),
        "BatchCheckLayerAvailability" => request["layerDigests"]
            .as_array()
            .map(|_| json!({"layers": [], "failures": []}))
            .ok_or_else(|| invalid("layerDigests is missing")),
        "BatchGetImage" => Ok(json!({"images": [], "failures": []})),
        "GetDownloadUrlForLayer" => Err(("LayersNotFoundException", "no such layer".to_owned())),
        "UploadLayerPart" | "CompleteLayerUpload" => match request["uploadId"].as_str() {
            Some(_) => Err(("UploadNotFoundException", "no such upload".to_owned())),
            None => Err(invalid("uploadId is missing")),
        },
        "PutImage" => {
            let manifest = request["imageManifest"].as_str().unwrap_or_default();
            if request["imageDigest"] != json!(Digest::of(manifest.as_bytes())) {
                return Err(("ImageDigestDoesNotMatchException", "the digest is another one".to_owned()));
            }
            Err(invalid("the double takes images by the registry alone"))
        }
        _ => Err(("UnknownOperationException", String::new())),
    }
}

fn create(shared: &Shared, name: &str, request: &Value) -> Outcome {
    let mut state = shared.state();
    if state.repositories.contains_key(name) {
        return Err((
            "RepositoryAlreadyExistsException",
            format!("'{name}' already exists"),
        ));
    }
    let mutability = request["imageTagMutability"].as_str().unwrap_or("MUTABLE");
    let filters = request["imageTagMutabilityExclusionFilters"].as_array();
    let excluded: Vec<String> = filters
        .into_iter()
        .flatten()
        .filter(|filter| filter["filterType"] == "WILDCARD")
        .filter_map(|filter| {
            filter["filter"]
                .as_str()?
                .strip_suffix('*')
                .map(str::to_owned)
        })
        .collect();
    if mutability.ends_with("_WITH_EXCLUSION") == excluded.is_empty() {
        let text = "exclusion filters go with an exclusion, and only with one".to_owned();
        return Err(("InvalidParameterException", text));
    }
    let settings = Settings {
        mutability: mutability.to_owned(),
        excluded,
        lifecycle: None,
        scan_on_push: request["imageScanningConfiguration"]["scanOnPush"] == true,
    };
    let answer = json!({"repository": described(name, &settings)});
    state.repositories.insert(name.to_owned(), settings);
    Ok(answer)
}

fn described(name: &str, settings: &Settings) -> Value {
    let filters: Vec<Value> = settings
        .excluded
        .iter()
        .map(|start| json!({"filterType": "WILDCARD", "filter": format!("{start}*")}))
        .collect();
    let filters = if settings.mutability.ends_with("_WITH_EXCLUSION") {
        filters
    } else {
        Vec::new()
    };
    json!({"repositoryArn": format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"), "registryId": ACCOUNT,
        "repositoryName": name, "imageTagMutability": settings.mutability,
        "imageTagMutabilityExclusionFilters": filters,
        "imageScanningConfiguration": {"scanOnPush": settings.scan_on_push},
        "encryptionConfiguration": {"encryptionType": "AES256"}})
}

fn images(shared: &Shared, name: &str, request: &Value) -> Outcome {
    let tags = shared.store.tags(name);
    let mut details = Vec::new();
    for id in request["imageIds"].as_array().into_iter().flatten() {
        let digest = id["imageDigest"].as_str().unwrap_or_default();
        if shared.store.manifest(name, digest).is_none() {
            let text = format!("The image with imageId {{imageDigest:'{digest}'}} does not exist");
            return Err(("ImageNotFoundException", text));
        }
        let own: Vec<&String> = tags
            .iter()
            .filter(|(_, named)| named.to_string() == digest)
            .map(|(tag, _)| tag)
            .collect();
        let mut detail =
            json!({"registryId": ACCOUNT, "repositoryName": name, "imageDigest": digest});
        if !own.is_empty() {
            detail["imageTags"] = json!(own);
        }
        details.push(detail);
    }
    Ok(json!({"imageDetails": details}))
}

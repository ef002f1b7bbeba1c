//! The policies of each engine, field by field.
//!
//! The fields are those of the engines' published resource definitions: Kyverno 1.19
//! (`policies.kyverno.io/v1`, `kyverno.io/v1`) and policy-controller 0.13
//! (`policy.sigstore.dev/v1beta1`).

use serde_json::{Map, Value, json};

use super::{AdmissionKey, AdmissionRequest, Repositories};
use crate::signing::SIGN_PREDICATE;

/// How long an engine may take for one image, in seconds: registries answer slowly.
const TIMEOUT: u8 = 30;

/// Returns every way in which the engines may see the name of an image of the repository: they
/// compare text, and an image of Docker Hub has several names.
fn names(repositories: &Repositories) -> Vec<String> {
    let full = repositories.base.to_string();
    let mut names = vec![full.clone()];
    if let Some(path) = full.strip_prefix("docker.io/") {
        names.push(format!("index.docker.io/{path}"));
        names.push(path.to_owned());
        names.extend(path.strip_prefix("library/").map(str::to_owned));
    }
    names
}

/// Returns the patterns for Kyverno, in which `*` is any text.
fn kyverno_globs(request: &AdmissionRequest<'_>) -> Vec<String> {
    let pattern = |repositories: &Repositories| {
        let below = repositories.below;
        let ways = names(repositories).into_iter();
        ways.flat_map(move |name| {
            if below {
                vec![format!("{name}/*")]
            } else {
                vec![name.clone(), format!("{name}:*"), format!("{name}@*")]
            }
        })
    };
    request.repositories.iter().flat_map(pattern).collect()
}

/// Returns the patterns for policy-controller: names are written out first, as
/// `index.docker.io/library/…` for Docker Hub; `*` stops at a slash and `**` does not.
fn controller_globs(request: &AdmissionRequest<'_>) -> Vec<Value> {
    let pattern = |repositories: &Repositories| {
        let full = repositories.base.to_string();
        let name = match full.strip_prefix("docker.io/") {
            Some(path) => format!("index.docker.io/{path}"),
            None => full,
        };
        if repositories.below {
            vec![json!({"glob": format!("{name}/**")})]
        } else {
            vec![
                json!({"glob": format!("{name}:*")}),
                json!({"glob": format!("{name}@*")}),
            ]
        }
    };
    request.repositories.iter().flat_map(pattern).collect()
}

fn is_loopback(request: &AdmissionRequest<'_>) -> bool {
    request
        .repositories
        .iter()
        .any(|one| one.base.is_loopback())
}

/// Kyverno from 1.17: the bundle's statement must be cosign's signature. `verifyImageSignatures`
/// would not do: where there is a bundle it takes any statement by the key, a signed rejection too.
pub(super) fn image_validating_policy(request: &AdmissionRequest<'_>) -> (Value, Vec<String>) {
    let names: Vec<String> = (1..=request.keys.len())
        .map(|number| format!("key{number}"))
        .collect();
    let attestors: Vec<Value> = names
        .iter()
        .zip(request.keys)
        .map(|(name, key)| {
            let key = match key {
                AdmissionKey::Pem(pem) => json!({"data": pem, "hashAlgorithm": "sha256"}),
                AdmissionKey::Kms(place) => json!({"kms": place, "hashAlgorithm": "sha256"}),
            };
            let log = json!({"insecureIgnoreTlog": true, "insecureIgnoreSCT": true});
            json!({"name": name, "cosign": {"key": key, "ctlog": log}})
        })
        .collect();
    let asked: Vec<String> = names
        .iter()
        .map(|name| format!("attestors.{name}"))
        .collect();
    let expression = format!(
        "(images.containers + images.initContainers + images.ephemeralContainers).map(image, verifyAttestationSignatures(image, attestations.signature, [{}])).all(count, count > 0)",
        asked.join(", ")
    );
    let globs = kyverno_globs(request).into_iter();
    let mut spec = Map::new();
    let mut set = |key: &str, value: Value| spec.insert(key.to_owned(), value);
    set("failurePolicy", json!("Fail"));
    let action = if request.audit { "Audit" } else { "Deny" };
    set("validationActions", json!([action]));
    set("webhookConfiguration", json!({"timeoutSeconds": TIMEOUT}));
    set(
        "validationConfigurations",
        json!({"mutateDigest": true, "verifyDigest": true, "required": true}),
    );
    set(
        "matchConstraints",
        json!({"resourceRules": [{
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", "pods/ephemeralcontainers"],
            "operations": ["CREATE", "UPDATE"],
        }]}),
    );
    let globs: Vec<Value> = globs.map(|glob| json!({"glob": glob})).collect();
    set("matchImageReferences", json!(globs));
    if is_loopback(request) {
        set("credentials", json!({"allowInsecureRegistry": true}));
    }
    set("attestors", json!(attestors));
    set(
        "attestations",
        json!([{"name": "signature", "intoto": {"type": SIGN_PREDICATE}}]),
    );
    set(
        "validations",
        json!([{"expression": expression, "message": "the image is not signed by an approved key"}]),
    );
    let policy = json!({
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": {"name": request.name},
        "spec": spec,
    });
    let needs = vec![
        "Kyverno 1.17 or later. Only a bundle with cosign's own signature statement admits: with verifyImageSignatures any statement by the key would, even a signed rejection.".to_owned(),
        "Images of other repositories are not looked at: restrict them with a policy of their own.".to_owned(),
        "For private registries add spec.credentials (providers or secrets).".to_owned(),
        "insecureIgnoreTlog and insecureIgnoreSCT are set because the signatures are in no log; without them every image would be refused.".to_owned(),
    ];
    (policy, needs)
}

/// Kyverno before 1.17: the signature behind the `.sig` tag.
pub(super) fn cluster_policy(request: &AdmissionRequest<'_>) -> (Value, Vec<String>) {
    let entries: Vec<Value> = request
        .keys
        .iter()
        .map(|key| {
            let (field, value) = match key {
                AdmissionKey::Pem(pem) => ("publicKeys", pem),
                AdmissionKey::Kms(place) => ("kms", place),
            };
            json!({"keys": {
                field: value,
                "signatureAlgorithm": "sha256",
                "rekor": {"url": "https://rekor.sigstore.dev", "ignoreTlog": true},
                "ctlog": {"ignoreSCT": true},
            }})
        })
        .collect();
    let action = if request.audit { "Audit" } else { "Enforce" };
    let policy = json!({
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": request.name},
        "spec": {
            "background": false,
            "webhookConfiguration": {"failurePolicy": "Fail", "timeoutSeconds": TIMEOUT},
            "rules": [{
                "name": "signed",
                "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
                "verifyImages": [{
                    "type": "Cosign",
                    "imageReferences": kyverno_globs(request),
                    "failureAction": action,
                    "mutateDigest": true,
                    "verifyDigest": true,
                    "required": true,
                    "attestors": [{"count": 1, "entries": entries}],
                }],
            }],
        },
    });
    let needs = vec![
        "Kyverno 1.13 or later; from 1.17 on this kind is deprecated: leave out --kind cluster-policy there.".to_owned(),
        "The signature behind the .sig tag admits: sign in both formats, as this program does unless told otherwise.".to_owned(),
        "Images of other repositories are not looked at: restrict them with a policy of their own.".to_owned(),
        "For private registries add imageRegistryCredentials to the rule.".to_owned(),
        "ignoreTlog and ignoreSCT are set because the signatures are in no log; without them every image would be refused. The address of the log is not asked.".to_owned(),
    ];
    (policy, needs)
}

/// policy-controller: the signature behind the `.sig` tag, the only one it takes by a key.
pub(super) fn cluster_image_policy(request: &AdmissionRequest<'_>) -> (Value, Vec<String>) {
    let authorities: Vec<Value> = (1..)
        .zip(request.keys)
        .map(|(number, key): (usize, _)| {
            let key = match key {
                AdmissionKey::Pem(pem) => json!({"data": pem, "hashAlgorithm": "sha256"}),
                AdmissionKey::Kms(place) => json!({"kms": place, "hashAlgorithm": "sha256"}),
            };
            json!({"name": format!("key{number}"), "key": key, "signatureFormat": "legacy"})
        })
        .collect();
    let mode = if request.audit { "warn" } else { "enforce" };
    let policy = json!({
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": {"name": request.name},
        "spec": {
            "mode": mode,
            "images": controller_globs(request),
            "authorities": authorities,
        },
    });
    let needs = vec![
        "policy-controller 0.13 or later. It looks only at namespaces that ask for it: kubectl label namespace NAME policy.sigstore.dev/include=true".to_owned(),
        "The signature behind the .sig tag admits: with a key this engine takes no bundle: sign in both formats, as this program does unless told otherwise.".to_owned(),
        "Images that no policy names are refused or let through as no-match-policy in config-policy-controller says: deny, warn or allow.".to_owned(),
        "There is no ctlog field on purpose: with one, every image would need an entry in that log.".to_owned(),
    ];
    (policy, needs)
}

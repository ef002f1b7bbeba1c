//! Admission policies: what a cluster needs to run only images that this program signed.
//!
//! Documents are made here and nothing else: no cluster and no registry is asked. What a policy
//! rests on, and what it cannot see, is said beside it.

mod engines;
#[cfg(test)]
mod tests;
mod yaml;

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{ImageReference, Repository};

pub use self::yaml::documents;

/// The engine, and the kind of its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Engine {
    /// Kyverno 1.17 and later: `ImageValidatingPolicy`, by the signed statement in the bundle.
    #[serde(rename = "kyverno")]
    Kyverno,
    /// Kyverno before that: `ClusterPolicy`, by the signature behind the `.sig` tag.
    #[serde(rename = "kyverno-cluster-policy")]
    KyvernoClusterPolicy,
    /// Sigstore's policy-controller: `ClusterImagePolicy`, by the signature behind the `.sig` tag.
    #[serde(rename = "policy-controller")]
    PolicyController,
}

/// A key whose signatures admit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmissionKey {
    /// A public key, as PEM.
    Pem(String),
    /// A key of a key management service, which the engine asks itself: `awskms://…`.
    Kms(String),
}

/// Repositories: one, or all below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repositories {
    /// The repository, or the path that all of them lie below.
    pub base: Repository,
    /// Whether those below are meant.
    pub below: bool,
}

impl Repositories {
    /// Reads `registry.example.org/team/app` or `registry.example.org/team/*`.
    ///
    /// # Errors
    /// When the text is no repository, or has a tag, a digest or a `*` elsewhere.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, below) = match text.strip_suffix("/*") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let reference: ImageReference = name
            .parse()
            .map_err(|error: crate::model::ParseReferenceError| error.to_string())?;
        let rest = name.rsplit('/').next().unwrap_or_default();
        if rest.contains([':', '@']) && (name.contains('/') || !below) {
            return Err(format!(
                "`{text}` names one image; an admission policy is for a repository"
            ));
        }
        Ok(Self {
            base: reference.repository,
            below,
        })
    }
}

/// What a policy is to admit.
#[derive(Clone, Debug)]
pub struct AdmissionRequest<'a> {
    /// The engine.
    pub engine: Engine,
    /// The policy's name in the cluster.
    pub name: &'a str,
    /// The keys: a signature by any of them admits.
    pub keys: &'a [AdmissionKey],
    /// The repositories whose images must be signed.
    pub repositories: &'a [Repositories],
    /// Whether what does not pass is only reported.
    pub audit: bool,
    /// An image that is signed: the test resource that passes.
    pub signed: Option<&'a str>,
    /// An image that is not: the test resource that fails; else one that does not exist.
    pub unsigned: Option<&'a str>,
}

/// A resource to try the policy on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestResource {
    /// Its name, which is also a good name for its file.
    pub name: &'static str,
    /// Whether the policy lets it pass.
    pub passes: bool,
    /// The resource.
    pub resource: Value,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Admission {
    /// The engine and kind.
    pub engine: Engine,
    /// The policy itself.
    pub policy: Value,
    /// What has to be set, and what the policy cannot see: one sentence each.
    pub needs: Vec<String>,
    /// Resources to try it on.
    pub tests: Vec<TestResource>,
}

impl Admission {
    /// Returns the policy as YAML, its needs as comments before it.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        for need in &self.needs {
            text.push_str("# ");
            text.push_str(need);
            text.push('\n');
        }
        text.push_str(&documents(&[&self.policy]));
        text
    }
}

/// Makes a policy.
#[must_use]
pub fn admission(request: &AdmissionRequest<'_>) -> Admission {
    let (policy, mut needs) = match request.engine {
        Engine::Kyverno => engines::image_validating_policy(request),
        Engine::KyvernoClusterPolicy => engines::cluster_policy(request),
        Engine::PolicyController => engines::cluster_image_policy(request),
    };
    needs.push(
        "No transparency log is asked: whoever steals the key can sign unseen, and date it back. Keep the key in KMS, watch its use there, and replace policy and key together.".to_owned(),
    );
    if request.audit {
        needs.push("Nothing is refused yet: what does not pass is only reported.".to_owned());
    }
    let missing = request.repositories.first().map(|one| {
        let path = if one.below { "/unsigned" } else { "" };
        format!("{}{path}@sha256:{}", one.base, "0".repeat(64))
    });
    let unsigned = request.unsigned.map(str::to_owned).or(missing);
    let mut tests = Vec::new();
    if let Some(image) = request.signed {
        tests.push(resource("signed-pod", true, image));
    }
    if let Some(image) = unsigned {
        tests.push(resource("unsigned-pod", false, &image));
    }
    Admission {
        engine: request.engine,
        policy,
        needs,
        tests,
    }
}

fn resource(name: &'static str, passes: bool, image: &str) -> TestResource {
    TestResource {
        name,
        passes,
        resource: json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [{"name": "app", "image": image}]},
        }),
    }
}

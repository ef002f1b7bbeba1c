//! Admission policies judged: by the published schemas of the resources, by a reader of YAML, and, in the long check,
//! by the engines' own programs.
//!
//! What each policy holds is tested beside `export::admission`.

use std::fs;
use std::path::{Path, PathBuf};

use countersign::signing::{KeyPair, Password, Signer, bundle_of};
use serde_json::{Value, json};

use crate::signatures::{Bench, attach_bundle, statement};
use crate::support::judges::{judge, note, schema, variable};
use crate::support::program::{Output, Sandbox};
use crate::support::schema::{valid, validator};
use crate::support::server::DockerRegistry;

/// The arguments of each engine, and the kind of resource that it takes.
const ENGINES: [(&[&str], &str); 3] = [
    (&["kyverno"], "ImageValidatingPolicy"),
    (&["kyverno", "--kind", "cluster-policy"], "ClusterPolicy"),
    (&["policy-controller"], "ClusterImagePolicy"),
];

/// A sandbox with a pair of keys in its working folder.
fn sandbox() -> (Sandbox, Signer) {
    let sandbox = Sandbox::new();
    let pair = KeyPair::generate(&Password::new(String::new())).expect("a pair can be made");
    pair.write(&sandbox.work().join("approve"))
        .expect("the pair can be written");
    let signer = Signer::Key(pair.key().clone());
    (sandbox, signer)
}

fn policy(sandbox: &Sandbox, engine: &[&str], more: &[&str]) -> Output {
    let made = sandbox.run([&["policy"], engine, more].concat());
    assert_eq!(made.code, 0, "{made:?}");
    made
}

/// The schema of a resource with what every resource has, named or not.
fn resource(schema: &str) -> Value {
    let mut schema: Value = serde_json::from_str(schema).expect("a schema is JSON");
    for name in ["apiVersion", "kind"] {
        schema["properties"][name] = json!({"type": "string"});
    }
    schema["properties"]["metadata"] = json!({"properties": {"name": {"type": "string"}}});
    schema
}

#[test]
fn policies_hold_against_the_published_schemas_and_read_back_as_yaml() {
    let (sandbox, _signer) = sandbox();
    let image = format!("registry.test/team/app@sha256:{}", "1".repeat(64));
    for (engine, kind) in ENGINES {
        for audit in [&[][..], &["--audit"]] {
            let base = [
                &["--key", "approve.pub", "--key", "awskms:///alias/approve"][..],
                &[
                    "--repository",
                    "registry.test/team/app",
                    "--repository",
                    "nginx",
                ],
                &["--repository", "127.0.0.1:5000/*", "--signed", &image],
                audit,
            ]
            .concat();
            let document = valid(&policy(
                &sandbox,
                engine,
                &[&base[..], &["--format", "json"]].concat(),
            ));
            let made = &document["policy"];
            assert_eq!(made["kind"], kind);
            let Some(path) = schema(&format!("{kind}.json")) else {
                return;
            };
            let text = fs::read_to_string(path).expect("a schema is text");
            let validator = validator(resource(&text));
            let problems: Vec<String> = validator
                .iter_errors(made)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(problems.is_empty(), "{kind}: {problems:#?}");
            // The judge must be able to say no.
            let mut other = made.clone();
            other["spec"]["invented"] = json!(true);
            assert!(!validator.is_valid(&other), "{kind}");

            let text = policy(&sandbox, engine, &base).stdout;
            let Some(reader) = judge("yaml_reader") else {
                return;
            };
            let read = sandbox.run_other(&reader, [""; 0], text.as_bytes());
            assert_eq!(read.json(), json!([made]), "{text}");
        }
    }
}

#[test]
fn test_resources_are_written_once() {
    let (sandbox, _signer) = sandbox();
    let image = format!("registry.test/app@sha256:{}", "1".repeat(64));
    let arguments = [
        "policy",
        "kyverno",
        "--key",
        "approve.pub",
        "--repository",
        "registry.test/app",
        "--signed",
        &image,
        "--test-resources",
        "try",
    ];
    assert_eq!(sandbox.run(arguments).code, 0);
    let written = fs::read_to_string(sandbox.work().join("try/signed-pod.yaml"));
    assert!(written.expect("it is there").contains(&image));
    assert!(sandbox.work().join("try/unsigned-pod.yaml").exists());
    assert_ne!(sandbox.run(arguments).code, 0);
    for wrong in [
        &["--repository", "registry.test/app:1"][..],
        &["--repository", "registry.test/app", "--name", "Not A Name"],
        &[
            "--repository",
            "registry.test/app",
            "--signed",
            "registry.test/app:1",
        ],
    ] {
        let refused = sandbox.run([&["policy", "kyverno", "--key", "approve.pub"], wrong].concat());
        assert_eq!(refused.code, 2, "{refused:?}");
    }
}

/// Asks Kyverno about a resource; whether it lets it pass.
fn kyverno(sandbox: &Sandbox, program: &Path, resource: &str) -> bool {
    let arguments = [
        "apply",
        "policy.yaml",
        "--resource",
        resource,
        "--registry",
        "--remove-color",
    ];
    let said = sandbox.run_other(program, arguments, b"");
    let text = format!("{}{}", said.stdout, said.stderr);
    assert!(text.contains("error: 0, skip: 0"), "{text}");
    text.contains("fail: 0") && !text.contains("pass: 0")
}

/// Asks policy-controller about an image; whether it lets it pass.
fn controller(sandbox: &Sandbox, program: &Path, image: &str) -> bool {
    let said = sandbox.run_other(program, ["--policy", "policy.yaml", "--image", image], b"");
    let text = format!("{}{}", said.stdout, said.stderr);
    let passes = text.contains("Verification was successful");
    assert_ne!(passes, text.contains("\"errors\""), "{text}");
    passes
}

/// The engines' programs, and the repository that policies are about.
struct Judges {
    sandbox: Sandbox,
    engine: PathBuf,
    tester: PathBuf,
    repository: String,
}

impl Judges {
    /// Lets every engine decide about every image; the second is whether it must pass.
    fn decide(&self, images: [(&String, bool); 4]) {
        let sandbox = &self.sandbox;
        for (arguments, kind) in ENGINES {
            let base = [
                "--key",
                "approve.pub",
                "--repository",
                &self.repository,
                "--force",
            ];
            for (image, passes) in images {
                let role = if passes { "--signed" } else { "--unsigned" };
                let files = ["--test-resources", ".", "--output", "policy.yaml"];
                let more = [&base[..], &[role, image], &files].concat();
                policy(sandbox, arguments, &more);
                let admitted = if kind == "ClusterImagePolicy" {
                    controller(sandbox, &self.tester, image)
                } else if passes {
                    kyverno(sandbox, &self.engine, "signed-pod.yaml")
                } else {
                    kyverno(sandbox, &self.engine, "unsigned-pod.yaml")
                };
                assert_eq!(admitted, passes, "{kind}: {image}");
            }
        }
    }
}

/// Signed by the key passes; unsigned, signed by another key, and a signed rejection do not.
#[tokio::test(flavor = "multi_thread")]
async fn the_engines_admit_what_is_signed_and_nothing_else() {
    if variable("COUNTERSIGN_ADMISSION").is_none() {
        note(
            "SKIPPED: the admission engines are asked in the long check (COUNTERSIGN_ADMISSION=1)",
        );
        return;
    }
    let programs = (judge("kyverno"), judge("policy-tester"));
    let (Some(engine), Some(tester)) = programs else {
        return;
    };
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let bench = Bench::new(&registry.host(), "lab/app").await;
    let (sandbox, approver) = sandbox();
    let (_elsewhere, stranger) = self::sandbox();
    let signed = bench.name();
    bench.sign(&approver).await;
    let mut other = Bench {
        image: bench.push_image("unsigned").await,
        ..bench
    };
    let unsigned = other.name();
    other.image = other.push_image("signed by another").await;
    let strange = other.name();
    other.sign(&stranger).await;
    other.image = other.push_image("rejected").await;
    let rejected = other.name();
    let says = statement(
        &other.image.digest,
        "https://example.org/review/v1",
        &json!({"verdict": "reject"}),
    );
    let bundle = bundle_of(&approver, &says).await.expect("it can be signed");
    attach_bundle(
        &other,
        &other.image,
        bundle,
        "https://example.org/review/v1",
    )
    .await;
    let judges = Judges {
        sandbox,
        engine,
        tester,
        repository: format!("{}/lab/app", registry.host()),
    };
    judges.decide([
        (&signed, true),
        (&unsigned, false),
        (&strange, false),
        (&rejected, false),
    ]);
}

/// What the documents of the judges look like is their own: only that they are lists of objects is relied on.
#[test]
fn the_reader_of_yaml_says_no() {
    let Some(reader) = judge("yaml_reader") else {
        return;
    };
    let read = |text: &str| Sandbox::new().run_other(&reader, [""; 0], text.as_bytes());
    assert_ne!(read("a: [").code, 0);
    assert_eq!(
        read("a: 1\n---\nb: 2\n").json(),
        Value::from_iter([json!({"a": 1}), json!({"b": 2})])
    );
}

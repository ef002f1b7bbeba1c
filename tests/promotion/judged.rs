//! A promoted image as other programs see it: cosign's two versions and skopeo, at Debian's
//! docker-registry.
//!
//! The whole way is gone by the command line, as in the demonstration.

use std::path::Path;

use serde_json::Value;
use tokio::runtime::Runtime;

use super::Scene;
use crate::support::judges::judge;
use crate::support::program::Sandbox;
use crate::support::server::DockerRegistry;

#[test]
fn cosign_accepts_the_signature_and_skopeo_confirms_the_digest() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let runtime = Runtime::new().expect("a runtime starts");
    let scene = Scene::set(runtime, &registry.host());
    scene.approve();
    let plan = scene.plan();
    assert_eq!(plan["blobs"][0]["action"], "upload", "{plan}");
    let output = scene.promote(&scene.digest().to_string(), &[]);
    assert_eq!(output.code, 0, "{output:?}");

    let key = scene.stage.folder.join("cosign.pub").display().to_string();
    let destination = scene.destination();
    for name in ["cosign2", "cosign3"] {
        let Some(cosign) = judge(name) else { continue };
        let verify = |key: &str| {
            let arguments = [
                "verify",
                "--insecure-ignore-tlog=true",
                "--key",
                key,
                &destination,
            ];
            Sandbox::new().run_other(&cosign, arguments, b"")
        };
        let answer = verify(&key);
        assert_eq!(answer.code, 0, "{name}: {answer:?}");
        assert!(
            answer.stdout.contains(&scene.digest().to_string()),
            "{answer:?}"
        );
    }
    if let Some(skopeo) = judge("skopeo") {
        assert_eq!(digest_by(&skopeo, &destination), scene.digest().to_string());
    }
    let verified = scene.run(&["verify", &destination, "--key", &key, "--strict"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let tree: Value = scene.document(&["tree", &destination, "--key", &key]);
    assert_eq!(tree["children"][0]["verified"], true, "{tree}");
}

fn digest_by(skopeo: &Path, image: &str) -> String {
    let name = format!("docker://{image}");
    let arguments = ["inspect", "--tls-verify=false", &name];
    let answer = Sandbox::new().run_other(skopeo, arguments, b"");
    assert_eq!(answer.code, 0, "{answer:?}");
    let document = answer.json();
    document["Digest"].as_str().expect("a digest").to_owned()
}

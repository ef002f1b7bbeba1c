//! Which file and which entry a log-in is taken from.
//!
//! Helpers have tests of their own.

use super::*;

fn repository(name: &str) -> Repository {
    let (registry, path) = name.split_once('/').unwrap_or((name, "a/b"));
    Repository {
        registry: registry.to_owned(),
        path: path.to_owned(),
    }
}

async fn lookup(configs: &[&str], name: &str) -> Option<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut files = vec![folder.path().join("absent.json")];
    for (number, config) in configs.iter().enumerate() {
        let path = folder.path().join(format!("{number}.json"));
        std::fs::write(&path, config).unwrap();
        files.push(path);
    }
    let log_ins = LogIns {
        files,
        programs: Vec::new(),
    };
    let found = log_ins.find(&repository(name)).await.unwrap();
    found.map(|found| (found.user.clone(), found.secret.to_string()))
}

fn pair(user: &str, secret: &str) -> (String, String) {
    (user.to_owned(), secret.to_owned())
}

#[tokio::test]
async fn a_log_in_is_given_only_for_its_own_registry() {
    let config = r#"{"auths":{"a.example":{"auth":"dTpw"},"https://index.docker.io/v1/":{"auth":"aDpx"},
        "b.example":{},"https://c.example/v2/":{"auth":"dTpw"}}}"#;
    let found = async |name: &str| lookup(&[config], name).await;
    assert_eq!(found("a.example").await, Some(pair("u", "p")));
    assert_eq!(found("docker.io").await, Some(pair("h", "q")));
    assert_eq!(found("c.example").await, Some(pair("u", "p")));
    for name in ["b.example", "a.example:5000", "evil.example", "example"] {
        assert_eq!(found(name).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_log_in_of_a_part_of_a_registry_is_for_that_part() {
    let config =
        r#"{"auths":{"r.example/team/app":{"auth":"YTpi"},"r.example/team":{"auth":"dTpw"}}}"#;
    let found = async |name: &str| lookup(&[config], name).await;
    assert_eq!(found("r.example/team/app").await, Some(pair("a", "b")));
    assert_eq!(found("r.example/team/other").await, Some(pair("u", "p")));
    assert_eq!(found("r.example/teams/app").await, None);
    assert_eq!(found("r.example/other").await, None);
}

#[tokio::test]
async fn the_first_file_with_a_log_in_wins() {
    let one = r#"{"auths":{"a.example":{"auth":"dTpw"}}}"#;
    let other = r#"{"auths":{"a.example":{"auth":"aDpx"},"b.example":{"identitytoken":"t","auth":"aDpx"}}}"#;
    let files = [" \n", one, other];
    assert_eq!(lookup(&files, "a.example").await, Some(pair("u", "p")));
    assert_eq!(
        lookup(&files, "b.example").await,
        Some(pair(TOKEN_USER, "t"))
    );
    assert_eq!(lookup(&[], "a.example").await, None);
}

#[tokio::test]
async fn a_damaged_file_is_named_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let log_ins = LogIns {
        files: vec![path.clone()],
        programs: Vec::new(),
    };
    for (config, says) in [
        (
            r#"{"auths":{"a.example":{"auth":"c2VjcmV0"}}}"#,
            "user:password",
        ),
        (
            r#"{"auths":{"a.example":"secret"}}"#,
            "not a file of log-ins",
        ),
        (r#"{"credsStore":"../evil"}"#, "not a program's name"),
        (
            r#"{"credHelpers":{"a.example":"absent"}}"#,
            "is not in PATH",
        ),
    ] {
        std::fs::write(&path, config).unwrap();
        let error = log_ins.find(&repository("a.example")).await.unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains(says) && error.contains("config.json"),
            "{error}"
        );
        assert!(
            !error.contains("secret") && !error.contains("c2Vj"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn only_a_helper_named_for_the_registry_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let log_ins = LogIns {
        files: vec![path.clone()],
        programs: Vec::new(),
    };
    std::fs::write(
        &path,
        r#"{"credsStore":"x","auths":{"a.example":{"auth":"dTpw"}}}"#,
    )
    .unwrap();
    let own = log_ins.find_own_helper(&repository("a.example")).await;
    assert!(own.unwrap().is_none());
    std::fs::write(&path, r#"{"credHelpers":{"a.example":"x"}}"#).unwrap();
    assert!(
        log_ins
            .find_own_helper(&repository("a.example"))
            .await
            .is_err()
    );
}

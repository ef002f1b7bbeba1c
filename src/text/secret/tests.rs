//! Tests of masking: what is a secret, what only looks like one, and that nothing of it is left.

use proptest::prelude::*;

use super::*;

/// Made up at run time, so that no scanner takes this file for a leak.
fn tail(length: usize) -> String {
    "aB3dE5gH7j".chars().cycle().take(length).collect()
}

fn tokens() -> Vec<(String, &'static str)> {
    let part = tail(24);
    vec![
        (format!("AKIA{}", "Q2W3E4R5".repeat(2)), "aws-access-key"),
        (format!("ghp_{}", tail(36)), "github-token"),
        (
            format!("github_pat_{}_{}", tail(22), tail(59)),
            "github-token",
        ),
        (format!("glpat-{}", tail(20)), "gitlab-token"),
        (format!("xoxb-1234567890-{}", tail(24)), "slack-token"),
        (format!("npm_{}", tail(36)), "npm-token"),
        (format!("AIza{}", tail(35)), "google-api-key"),
        (format!("eyJ{part}.eyJ{part}.{part}"), "jwt"),
        (
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\n{part}\n{part}\n-----END RSA PRIVATE KEY-----"
            ),
            "private-key",
        ),
        (
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\\n{part}"),
            "private-key",
        ),
    ]
}

#[test]
fn credentials_are_told_by_their_shape_wherever_they_stand() {
    for (token, name) in tokens() {
        for text in [
            token.clone(),
            format!("ENV X={token} Y=1"),
            format!("see \"{token}\", and more"),
        ] {
            let masked = mask_credentials(&text);
            assert!(masked.contains(&format!("[masked {name}]")), "{masked}");
            assert!(!masked.contains(&tail(8)), "{masked}");
            assert_eq!(credential(&text).as_deref(), Some(name), "{text}");
            assert_eq!(
                credential(&masked).as_deref(),
                Some(name),
                "a mask stands for it"
            );
            assert_eq!(mask(&masked), masked, "masking twice changes nothing");
        }
    }
    let text = format!("pip install https://me:{}@pypi.example/simple", tail(9));
    assert_eq!(
        mask(&text),
        "pip install https://me:[masked url-password]@pypi.example/simple"
    );
    let text = format!("git clone https://{}@git.example/a", tail(20));
    assert_eq!(
        mask(&text),
        "git clone https://[masked url-password]@git.example/a"
    );
}

#[test]
fn what_only_looks_like_a_credential_is_left_alone() {
    for text in [
        "sha256:dbccb84aee95e095edfbb81e5eb926ccd24e6ada55dcd83caecb262e5cf94d2a",
        "https://github.com/a/b@v1.2.3",
        "git@github.com:a/b.git",
        "ssh://git@example.com/a",
        "https://$USER:$PASS@example.com/",
        "npm_config_registry=https://registry.example.org",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "docker.io/library/caddy@sha256:33e7d37efc7f",
        "eyJhbGciOiJub25lIn0 is no token by itself",
        "maintainer=NGINX Docker Maintainers <docker-maint@nginx.com>",
        "pkg:npm/%40babel/core@7.0.0",
        "AKIAQ2W3E4R5Q2W3E4R5LONGER",
    ] {
        assert_eq!(mask_credentials(text), text);
        assert_eq!(credential(text), None, "{text}");
    }
}

#[test]
fn names_tell_secrets() {
    for name in [
        "PASSWORD",
        "DB_PASSWORD",
        "dbPassword",
        "db-passwd",
        "PGPASSWORD",
        "API_KEY",
        "apiKey",
        "AWS_SECRET_ACCESS_KEY",
        "SECRET_KEY_BASE",
        "GITHUB_TOKEN",
        "--auth-token",
        "TOKEN2",
        "_auth",
        "DB_PASS",
        "MYSQL_PWD",
        "npm.authToken",
        "SSH_PRIVATE_KEY",
    ] {
        assert!(names_secret(name), "{name}");
    }
    for name in [
        "PATH",
        "PWD",
        "OLDPWD",
        "GPG_KEY",
        "GPG_KEYS",
        "PYTHON_SHA256",
        "NODE_VERSION",
        "PUBLIC_KEY",
        "TOKENIZER",
        "TOKEN_TTL",
        "DB_PASSWORD_FILE",
        "AWS_ACCESS_KEY_ID",
        "RABBITMQ_PGP_KEY_ID",
        "SECRET_NAME",
        "PASSWORD_POLICY",
        "KEYBOARD",
        "COMPASS",
        "MONKEY",
        "AUTHOR",
        "LD_PRELOAD",
        "",
    ] {
        assert!(!names_secret(name), "{name}");
    }
}

#[test]
fn a_value_under_a_secret_name_is_one_unless_it_says_otherwise() {
    for value in [
        "hunter2",
        "defectdojo",
        "12345",
        "/Ab3+9x",
        "p$ecret",
        "a b",
        "ghp_****",
    ] {
        assert_eq!(
            mask_pair(&format!("DB_PASSWORD={value}")),
            "DB_PASSWORD=[masked value]",
        );
    }
    for pair in [
        "DB_PASSWORD=",
        "ALLOW_EMPTY_PASSWORD=yes",
        "MAX_TOKENS=4096",
        "DB_PASSWORD=/run/secrets/db",
        "DB_PASSWORD=${DB_PASSWORD}",
        "DB_PASSWORD=$DB_PASSWORD",
        "API_TOKEN=<token>",
        "API_TOKEN=https://login.example/token",
        "PATH=/usr/bin:/bin",
        "GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568",
    ] {
        assert_eq!(mask_pair(pair), pair);
    }
    // A credential beside other text: both are gone.
    let (token, name) = tokens().remove(1);
    assert_eq!(
        mask_pair(&format!("API_TOKEN=hunter2 {token}")),
        format!("API_TOKEN=[masked {name}]")
    );
    assert_eq!(
        mask_pair(&format!("NOTE=DB_PASSWORD=hunter2 and {token}")),
        format!("NOTE=DB_PASSWORD=[masked value] and [masked {name}]")
    );
    let url = format!("DATABASE_URL=postgres://app:{}@db/app", tail(6));
    assert_eq!(
        mask_pair(&url),
        "DATABASE_URL=postgres://app:[masked url-password]@db/app"
    );
}

#[test]
fn what_is_assigned_in_a_text_is_masked() {
    for (text, masked) in [
        ("password=hunter2 next", "password=[masked value] next"),
        (
            "\"password\": \"hun ter2\",",
            "\"password\": \"[masked value]\",",
        ),
        (
            r#"{\"token\":\"hunter2\"}"#,
            r#"{\"token\":\"[masked value]"}"#,
        ),
        ("api_key: 'hunter2'", "api_key: '[masked value]'"),
        (
            "tool --password hunter2 -v",
            "tool --password [masked value] -v",
        ),
        ("tool --token=hunter2", "tool --token=[masked value]"),
        (
            "curl -H 'Authorization: Bearer hunter2' https://a",
            "curl -H 'Authorization: [masked value]' https://a",
        ),
        (
            "curl -u me:hunter2 https://a",
            "curl -u me:[masked value] https://a",
        ),
        ("useradd -u 1000:1000 a", "useradd -u 1000:1000 a"),
        (
            "curl -H \"Authorization: Bearer $TOKEN\"",
            "curl -H \"Authorization: Bearer $TOKEN\"",
        ),
        ("PASSWORD=\"$(pwgen)\" run", "PASSWORD=\"$(pwgen)\" run"),
        (
            "--mount=type=secret,id=token",
            "--mount=type=secret,id=token",
        ),
    ] {
        assert_eq!(mask(text), masked);
    }
}

#[test]
fn values_in_a_history_may_hold_blanks() {
    for (line, masked) in [
        (
            "/bin/sh -c #(nop)  ENV DB_PASSWORD=hun ter2",
            "/bin/sh -c #(nop)  ENV DB_PASSWORD=[masked value]",
        ),
        (
            "ENV DB_PASSWORD=hun ter2 OTHER=x",
            "ENV DB_PASSWORD=[masked value] OTHER=x",
        ),
        (
            "RUN |2 API_TOKEN=hun ter2 UID=1 /bin/sh -c make # buildkit",
            "RUN |2 API_TOKEN=[masked value] UID=1 /bin/sh -c make # buildkit",
        ),
        (
            "RUN |1 UID=1 /bin/sh -c tool --password hunter2 -v a=b # buildkit",
            "RUN |1 UID=1 /bin/sh -c tool --password [masked value] -v a=b # buildkit",
        ),
        (
            "|1 API_TOKEN=hun ter2 /bin/sh -c make",
            "|1 API_TOKEN=[masked value] /bin/sh -c make",
        ),
    ] {
        assert_eq!(mask_history(line), masked);
    }
}

proptest! {
    /// Whatever stands around it, nothing of a token is left, and masking is stable.
    #[test]
    fn nothing_of_a_token_survives(before in "[ -~]{0,20} ", after in "[ ,;\"')]{1,3}[ -~]{0,20}") {
        for (token, _) in tokens() {
            let text = format!("{before}{token}{after}");
            let masked = mask(&text).into_owned();
            prop_assert!(!masked.contains(&tail(8)), "{}", masked);
            prop_assert_eq!(mask(&masked).into_owned(), masked.clone());
        }
    }

    #[test]
    fn any_text_can_be_masked(text in any::<String>()) {
        let masked = mask(&text).into_owned();
        let again = mask_history(&masked).into_owned();
        prop_assert!(!again.is_empty() || text.is_empty());
    }
}

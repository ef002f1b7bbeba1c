//! For every rule configurations that it must see, and some that it must not.
//!
//! What is made of them is in `tests`.

use super::{CLEAN, config};
use crate::model::oci::ImageConfig;

/// The clean configuration with one field of `config` set.
fn with(field: &str, value: &str) -> ImageConfig {
    let mut document: serde_json::Value = serde_json::from_str(CLEAN).unwrap();
    let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::json!(value));
    document["config"][field] = value;
    config(&document.to_string())
}

/// The clean configuration with one more step.
fn built(step: &str) -> ImageConfig {
    let mut document: serde_json::Value = serde_json::from_str(CLEAN).unwrap();
    let steps = document["history"].as_array_mut().unwrap();
    steps.push(serde_json::json!({"created_by": step, "empty_layer": true}));
    config(&document.to_string())
}

fn env(pair: &str) -> ImageConfig {
    with("Env", &serde_json::json!([pair]).to_string())
}

pub(super) type Case = (&'static str, Vec<ImageConfig>, Vec<ImageConfig>);

fn of_execution() -> Vec<Case> {
    let user = |name: &str| with("User", &format!("\"{name}\""));
    let port = |port: &str| with("ExposedPorts", &format!("{{\"{port}\":{{}}}}"));
    let volume = |folder: &str| with("Volumes", &format!("{{\"{folder}\":{{}}}}"));
    vec![
        (
            "root-user",
            ["", "0", "root", "0:0", "root:root", "00", "0:1000"]
                .map(user)
                .into(),
            ["1000", "65532:0", "app", "rooted", "10"].map(user).into(),
        ),
        (
            "named-user",
            ["app", "app:app"].map(user).into(),
            ["1000:app", "0", ""].map(user).into(),
        ),
        (
            "debug-port",
            ["22/tcp", "22", "2375/tcp", "5005/tcp", "9229"]
                .map(port)
                .into(),
            ["80/tcp", "8080", "2376/tcp", "22/udp", "2222/tcp"]
                .map(port)
                .into(),
        ),
        (
            "debug-mode",
            vec![
                env("FLASK_DEBUG=1"),
                env("NODE_ENV=development"),
                env("JAVA_TOOL_OPTIONS=-agentlib:jdwp=transport=dt_socket,server=y"),
                with("Cmd", r#"["node","--inspect=0.0.0.0","a.js"]"#),
            ],
            vec![
                env("NODE_ENV=production"),
                env("FLASK_DEBUG=0"),
                env("DEBUGINFOD_URLS=x"),
            ],
        ),
        (
            "verification-off",
            vec![
                env("NODE_TLS_REJECT_UNAUTHORIZED=0"),
                env("PYTHONHTTPSVERIFY=0"),
            ],
            vec![
                env("NODE_TLS_REJECT_UNAUTHORIZED=1"),
                env("SSL_CERT_FILE=/etc/a.pem"),
            ],
        ),
        (
            "unsafe-path",
            ["PATH=/bin:", "PATH=.:/bin", "PATH=/tmp/x:/bin", "PATH=bin"]
                .map(env)
                .into(),
            [
                "PATH=/usr/bin:/bin",
                "PATH=/opt/tmp/bin",
                "PATH=",
                "GOPATH=go",
            ]
            .map(env)
            .into(),
        ),
        (
            "sensitive-volume",
            ["/etc", "/", "/root/x", "/var/run/docker.sock"]
                .map(volume)
                .into(),
            ["/data", "/var/lib/mysql", "/var/lib/docker", "/home/app"]
                .map(volume)
                .into(),
        ),
    ]
}

fn of_the_rest() -> Vec<Case> {
    let base = |name: &str| {
        let labels =
            serde_json::json!({"org.opencontainers.image.base.name": name, "vcs-ref": "a"});
        with("Labels", &labels.to_string())
    };
    let mut old: serde_json::Value = serde_json::from_str(CLEAN).unwrap();
    let mut created = |day: &str| {
        old["created"] = serde_json::json!(day);
        config(&old.to_string())
    };
    vec![
        (
            "no-healthcheck",
            vec![
                with("Healthcheck", "null"),
                with("Healthcheck", r#"{"Test":["NONE"]}"#),
            ],
            vec![with("Healthcheck", r#"{"Test":["CMD-SHELL","true"]}"#)],
        ),
        (
            "shell-form",
            vec![with("Entrypoint", r#"["/bin/sh","-c","java -jar a.jar"]"#)],
            vec![
                with("Entrypoint", r#"["/bin/sh","-c","exec java -jar a.jar"]"#),
                with("Entrypoint", r#"["/bin/bash"]"#),
            ],
        ),
        (
            "latest-base",
            ["alpine", "alpine:latest", "a.example/b"].map(base).into(),
            [
                "alpine:3.20",
                "scratch",
                "a@sha256:1111111111111111111111111111111111111111111111111111111111111111",
            ]
            .map(base)
            .into(),
        ),
        (
            "no-source",
            vec![
                with("Labels", "null"),
                with("Labels", r#"{"maintainer":"a"}"#),
            ],
            vec![with("Labels", r#"{"vcs-ref":"a"}"#)],
        ),
        (
            "old-image",
            ["2025-04-30T00:00:00Z", "2019-01-01T00:00:00Z"]
                .map(&mut created)
                .into(),
            [
                "2025-06-01T00:00:00Z",
                "1970-01-01T00:00:00Z",
                "0001-01-01T00:00:00Z",
                "x",
            ]
            .map(&mut created)
            .into(),
        ),
    ]
}

fn of_history() -> Vec<Case> {
    let sha = "a".repeat(40);
    vec![
        (
            "add-from-url",
            [
                "/bin/sh -c #(nop) ADD https://a/b in /c",
                "ADD http://a/b /c # buildkit",
                "ADD https://git.example/a.git#main /c # buildkit",
            ]
            .map(built)
            .into(),
            vec![
                built("/bin/sh -c #(nop) ADD file:0a in / "),
                built("ADD --checksum=sha256:0a https://a/b /c # buildkit"),
                built(&format!(
                    "ADD https://git.example/a.git#{sha} /c # buildkit"
                )),
                built("RUN /bin/sh -c curl -fsSLO https://a # buildkit"),
            ],
        ),
        (
            "download-to-shell",
            [
                "RUN /bin/sh -c curl -fsSL https://a | bash # buildkit",
                "/bin/sh -c wget -qO- https://a | sudo -E sh -",
                "RUN /bin/sh -c bash -c \"$(curl -fsSL https://a)\" # buildkit",
                "/bin/sh -c apt-get update && curl https://a | python3 -",
            ]
            .map(built)
            .into(),
            [
                "RUN /bin/sh -c curl -fsSL https://a | tar -xz # buildkit",
                "RUN /bin/sh -c curl https://a | python3 -c 'import json' # buildkit",
                "RUN /bin/sh -c curl https://a | gpg --import || sh -x # buildkit",
                "RUN /bin/sh -c echo a | sh # buildkit",
            ]
            .map(built)
            .into(),
        ),
        (
            "unverified-download",
            [
                "RUN /bin/sh -c curl -fskL https://a -o b # buildkit",
                "/bin/sh -c wget --no-check-certificate https://a",
                "RUN /bin/sh -c pip install --no-cache-dir --trusted-host=a b # buildkit",
                "RUN /bin/sh -c apk add --no-cache --allow-untrusted a.apk # buildkit",
            ]
            .map(built)
            .into(),
            [
                "RUN /bin/sh -c curl -fsSL https://a -o k # buildkit",
                "RUN /bin/sh -c tar -k -xf a # buildkit",
                "RUN /bin/sh -c echo gpgcheck=1 # buildkit",
            ]
            .map(built)
            .into(),
        ),
    ]
}

fn of_later_steps() -> Vec<Case> {
    vec![
        (
            "world-writable",
            [
                "RUN /bin/sh -c chmod -R 777 /app # buildkit",
                "/bin/sh -c mkdir a && chmod 0666 a",
                "RUN /bin/sh -c chmod a+rw /app # buildkit",
                "COPY --chmod=777 a /b # buildkit",
            ].map(built).into(),
            [
                "RUN /bin/sh -c chmod 1777 /tmp # buildkit",
                "/bin/sh -c chmod 777 \"$dir\" && make && rm -rf \"$dir\"",
                "RUN /bin/sh -c chmod 755 /app && chmod g+w b # buildkit",
                "COPY --chmod=755 a /b # buildkit",
            ].map(built).into(),
        ),
        (
            "setuid-set",
            ["RUN /bin/sh -c chmod u+s /a # buildkit", "/bin/sh -c chmod 4755 /a"].map(built).into(),
            ["RUN /bin/sh -c chmod g+s /a # buildkit", "/bin/sh -c chmod 2775 /a", "/bin/sh -c chmod u-s /a"].map(built).into(),
        ),
        (
            "sudo",
            [
                "RUN /bin/sh -c apk add --no-cache sudo # buildkit",
                "ADD a.sudoers /etc/sudoers.d/a # buildkit",
                "/bin/sh -c echo 'a ALL=(ALL) NOPASSWD:ALL' > b",
            ].map(built).into(),
            ["RUN /bin/sh -c sudo make # buildkit", "RUN /bin/sh -c apk add --no-cache pseudo # buildkit"].map(built).into(),
        ),
        (
            "package-cache",
            [
                "RUN /bin/sh -c apt-get update && apt-get install -y a # buildkit",
                "/bin/sh -c apk add curl",
                "RUN /bin/sh -c pip install a # buildkit",
                "/bin/sh -c microdnf install -y a",
            ].map(built).into(),
            [
                "RUN /bin/sh -c apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/* # buildkit",
                "/bin/sh -c apk --no-cache add curl",
                "RUN /bin/sh -c apt-get update; apt-get install -y a; apt-get dist-clean # buildkit",
                "RUN |1 PIP_NO_CACHE_DIR=1 /bin/sh -c pip install a # buildkit",
                "/bin/sh -c microdnf install -y a; \tmicrodnf clean all",
                "RUN /bin/sh -c npm install # buildkit",
            ].map(built).into(),
        ),
        (
            "sensitive-file",
            [
                "COPY .env /app/ # buildkit",
                "COPY id_rsa /root/.ssh/id_rsa # buildkit",
                "ADD server.key /etc/ # buildkit",
                "/bin/sh -c #(nop) COPY file:0a in /root/.npmrc ",
            ].map(built).into(),
            [
                "COPY .env.example /app/ # buildkit",
                "/bin/sh -c #(nop) ADD file:0a in /tmp/tls-ca-bundle.pem ",
                "COPY environment.js /app/ # buildkit",
                "COPY --from=build /app/key /app/ # buildkit",
            ].map(built).into(),
        ),
    ]
}

pub(super) fn of_secrets() -> Vec<Case> {
    let token = format!("ghp_{}", "a1B2c3".repeat(6));
    let arguments = format!("RUN |1 GH={token} /bin/sh -c make # buildkit");
    let command = |word: &str| {
        with(
            "Cmd",
            &serde_json::json!(["a", "--password", word]).to_string(),
        )
    };
    vec![
        (
            "credential-in-environment",
            vec![env(&format!("GH={token}")), env("DB=postgres://a:b5x@c/d")],
            vec![
                env("GH=ghp_short"),
                env("DB=postgres://a@c/d"),
                env("GH=$TOKEN"),
            ],
        ),
        (
            "secret-in-environment",
            ["DB_PASSWORD=hunter2", "API_KEY=x", "dbSecret=abc"]
                .map(env)
                .into(),
            [
                "DB_PASSWORD_FILE=/run/a",
                "TOKENIZER=x",
                "API_TOKEN=",
                "GPG_KEY=0D96DF4D",
                "PYTHON_SHA256=2a84",
                "SECRET_NAME=a",
                "DB_PASSWORD=/run/secrets/a",
            ]
            .map(env)
            .into(),
        ),
        (
            "credential-in-history",
            vec![built(&arguments)],
            vec![built(
                "RUN /bin/sh -c git clone https://github.com/a/b@v1 # buildkit",
            )],
        ),
        (
            "secret-in-history",
            [
                "ARG API_TOKEN=hunter2",
                "RUN |1 API_TOKEN=hunter2 /bin/sh -c make # buildkit",
                "RUN /bin/sh -c useradd -p x a && tool --password hunter2 # buildkit",
                "RUN /bin/sh -c curl -H 'Authorization: Bearer hunter2' https://a # buildkit",
            ]
            .map(built)
            .into(),
            [
                "ARG API_TOKEN",
                "/bin/sh -c #(nop)  ARG GPG_KEYS=177F4010FE56CA3336300305F1656F24C74CD1D8",
                "RUN /bin/sh -c export TOKEN=\"$(cat /run/secrets/a)\" # buildkit",
                "RUN /bin/sh -c key='859BE8D7C586F538430B19C2467B942D3A79BD29' # buildkit",
            ]
            .map(built)
            .into(),
        ),
        (
            "secret-in-command",
            vec![
                command("hunter2"),
                with("Entrypoint", r#"["a","--token=hunter2"]"#),
                with("Labels", r#"{"vcs-ref":"a","build.token":"hunter2"}"#),
            ],
            vec![
                command("$PASSWORD"),
                with("Cmd", r#"["a","--passwords-file","b"]"#),
            ],
        ),
    ]
}

pub(super) fn all() -> Vec<Case> {
    [
        of_execution(),
        of_the_rest(),
        of_history(),
        of_later_steps(),
        of_secrets(),
    ]
    .concat()
}

//! Checks of what an image is run with: user, variables, ports, volumes, command, labels, date.
//!
//! How it was built is checked in `history`.

use chrono::{DateTime, Utc};

use super::rule::{
    CREDENTIAL_IN_ENVIRONMENT, DEBUG_MODE, DEBUG_PORT, LATEST_BASE, NAMED_USER, NO_HEALTHCHECK,
    NO_SOURCE, OLD_IMAGE, ROOT_USER, SECRET_IN_COMMAND, SECRET_IN_ENVIRONMENT, SENSITIVE_VOLUME,
    SHELL_FORM, UNSAFE_PATH, VERIFICATION_OFF,
};
use super::{Found, Seen};
use crate::model::ImageReference;
use crate::model::oci::{Execution, ImageConfig};
use crate::text::secret::{MASK, credential};

/// Ports of remote control, what listens there, and who says so.
pub(super) const PORTS: [(u16, &str, &str); 19] = [
    (21, "FTP", "IANA"),
    (22, "SSH", "IANA"),
    (23, "Telnet", "IANA"),
    (512, "rexec", "IANA"),
    (513, "rlogin", "IANA"),
    (514, "rsh", "IANA"),
    (1099, "Java RMI and JMX", "IANA"),
    (2345, "the Delve debugger", "VS Code's Go extension"),
    (2375, "the Docker engine without TLS", "IANA"),
    (3389, "remote desktop", "IANA"),
    (4040, "the Spark and ngrok inspectors", "their manuals"),
    (5005, "the Java debugger", "IntelliJ IDEA's default"),
    (5678, "debugpy", "VS Code's Python extension"),
    (5858, "the old Node.js debugger", "the Node.js manual"),
    (5900, "VNC", "IANA"),
    (6060, "Go's pprof", "the Go manual"),
    (9222, "the Chrome debugger", "the Chrome DevTools manual"),
    (9229, "the Node.js inspector", "the Node.js manual"),
    (10250, "the kubelet", "the Kubernetes manual"),
];

/// Variables that switch a debugger or a development mode on, and their values.
const DEBUG_SWITCHES: [(&str, &[&str]); 10] = [
    ("FLASK_DEBUG", &["1", "true"]),
    ("FLASK_ENV", &["development"]),
    ("DJANGO_DEBUG", &["1", "true", "on"]),
    ("APP_DEBUG", &["1", "true"]),
    ("RAILS_ENV", &["development"]),
    ("RACK_ENV", &["development"]),
    ("NODE_ENV", &["development"]),
    ("ASPNETCORE_ENVIRONMENT", &["development"]),
    ("PYTHONBREAKPOINT", &["remote_pdb.set_trace"]),
    ("GIN_MODE", &["debug"]),
];

/// What starts a debugger that listens, in options and commands.
const DEBUGGERS: [&str; 7] = [
    "-agentlib:jdwp",
    "-xrunjdwp",
    "--inspect",
    "jmxremote.authenticate=false",
    "debugpy",
    "remote_pdb",
    "dlv exec",
];

/// Variables that switch certificate checks off, and their values.
const UNVERIFIED: [(&str, &[&str]); 7] = [
    ("NODE_TLS_REJECT_UNAUTHORIZED", &["0"]),
    ("PYTHONHTTPSVERIFY", &["0"]),
    ("GIT_SSL_NO_VERIFY", &["1", "true"]),
    ("NPM_CONFIG_STRICT_SSL", &["false"]),
    ("CURL_INSECURE", &["1", "true"]),
    ("CARGO_HTTP_CHECK_REVOKE", &["false"]),
    ("GOINSECURE", &["*"]),
];

/// Folders that belong to the system.
const SYSTEM_FOLDERS: [&str; 16] = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/proc", "/root", "/sbin",
    "/sys", "/usr", "/run", "/var", "/var/run",
];

/// Days after which an image is old.
const OLD: i64 = 365;

/// Checks the execution parameters; `now` is when the image was looked at.
pub(super) fn check(config: &ImageConfig, now: Option<DateTime<Utc>>, found: &mut Found) {
    let execution = &config.config;
    user(execution, found);
    variables(execution, found);
    ports(execution, found);
    volumes(execution, found);
    commands(execution, found);
    labels(execution, found);
    age(config.created.as_deref(), now, found);
}

fn user(execution: &Execution, found: &mut Found) {
    let user = execution.user.trim();
    let name = user.split(':').next().unwrap_or_default();
    let is_zero = name.parse::<u64>() == Ok(0);
    if name.is_empty() || name == "root" || is_zero {
        let (title, saw) = if user.is_empty() {
            (
                "the process runs as root: no user is set",
                "User is not set".to_owned(),
            )
        } else {
            ("the process runs as root", format!("User {user}"))
        };
        found.add(&ROOT_USER, Seen::at("config.User", title, saw));
    } else if name.parse::<u64>().is_err() {
        let title = format!("the user is the name {name}: its number is not known");
        found.add(
            &NAMED_USER,
            Seen::at("config.User", title, format!("User {user}")),
        );
    }
}

fn variables(execution: &Execution, found: &mut Found) {
    for pair in execution.env.iter().flatten() {
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        let place = format!("config.Env {name}");
        let lower = value.to_ascii_lowercase();
        let is = |switches: &[(&str, &[&str])]| {
            switches.iter().any(|(known, values)| {
                name.eq_ignore_ascii_case(known) && values.contains(&&*lower)
            })
        };
        if let Some(shape) = credential(value) {
            let title = format!("the variable {name} holds a credential: {shape}");
            found.add(
                &CREDENTIAL_IN_ENVIRONMENT,
                Seen::at(&place, title, pair.clone()),
            );
        } else if value.contains(MASK) {
            let title = format!("the variable {name} holds a secret by its name");
            found.add(
                &SECRET_IN_ENVIRONMENT,
                Seen::at(&place, title, pair.clone()),
            );
        } else if name == "PATH" {
            path(value, found);
        } else if is(&UNVERIFIED) {
            let title = format!("{pair} switches the checking of certificates off");
            found.add(&VERIFICATION_OFF, Seen::at(&place, title, pair.clone()));
        } else if is(&DEBUG_SWITCHES) || starts_debugger(&lower) {
            let title = format!("the variable {name} switches debugging on");
            found.add(&DEBUG_MODE, Seen::at(&place, title, pair.clone()));
        }
    }
}

fn starts_debugger(text: &str) -> bool {
    DEBUGGERS.iter().any(|debugger| text.contains(debugger))
}

fn path(value: &str, found: &mut Found) {
    let open = ["/tmp", "/var/tmp", "/dev/shm"];
    let unsafe_entry = value.split(':').find(|entry| {
        let reference = entry.starts_with('$');
        (!entry.starts_with('/') && !reference)
            || open.iter().any(|folder| {
                entry
                    .strip_prefix(folder)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    });
    if let Some(entry) = unsafe_entry.filter(|_| !value.is_empty()) {
        let title = if entry.is_empty() {
            "PATH has an empty entry: the current folder".to_owned()
        } else {
            format!("PATH has the entry {entry}")
        };
        let saw = format!("PATH={value}");
        found.add(&UNSAFE_PATH, Seen::at("config.Env PATH", title, saw));
    }
}

fn ports(execution: &Execution, found: &mut Found) {
    for (port, _) in execution.exposed_ports.iter().flatten() {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let number = number.parse::<u16>().ok();
        let known = PORTS.iter().find(|(known, _, _)| number == Some(*known));
        if let Some((number, listener, source)) = known.filter(|_| protocol == "tcp") {
            let title = format!("port {number} is exposed: {listener}");
            let saw = format!("ExposedPorts {port}: {listener}, by {source}");
            let place = format!("config.ExposedPorts {number}/{protocol}");
            found.add(&DEBUG_PORT, Seen::at(&place, title, saw));
        }
    }
}

fn volumes(execution: &Execution, found: &mut Found) {
    for (volume, _) in execution.volumes.iter().flatten() {
        let folder = match volume.trim_end_matches('/') {
            "" => "/",
            folder => folder,
        };
        let of_system = SYSTEM_FOLDERS.contains(&folder)
            || ["/etc/", "/root/", "/proc/", "/sys/", "/dev/"]
                .iter()
                .any(|start| folder.starts_with(start))
            || folder.ends_with("docker.sock")
            || folder.ends_with("containerd.sock");
        if of_system {
            let place = format!("config.Volumes {volume}");
            let title = format!("{volume} is declared a volume");
            found.add(
                &SENSITIVE_VOLUME,
                Seen::at(&place, title, format!("Volumes {volume}")),
            );
        }
    }
}

fn commands(execution: &Execution, found: &mut Found) {
    let entrypoint = execution.entrypoint.as_deref().unwrap_or_default();
    let command = execution.cmd.as_deref().unwrap_or_default();
    let health = execution.healthcheck.as_ref();
    let check = health
        .map(|health| health.test.as_slice())
        .unwrap_or_default();
    for (name, words) in [
        ("Entrypoint", entrypoint),
        ("Cmd", command),
        ("Healthcheck", check),
    ] {
        let place = format!("config.{name}");
        let text = words.join(" ");
        if text.contains(MASK) {
            let what =
                credential(&text).unwrap_or_else(|| "a value for the name of one".to_owned());
            let title = format!("{name} holds a secret: {what}");
            let saw = format!("{name} {text}");
            found.add(&SECRET_IN_COMMAND, Seen::at(&place, title, saw));
        } else if starts_debugger(&text.to_ascii_lowercase()) {
            let title = format!("{name} starts a debugger");
            found.add(
                &DEBUG_MODE,
                Seen::at(&place, title, format!("{name} {text}")),
            );
        }
    }
    let (name, first) = if entrypoint.is_empty() {
        ("Cmd", command)
    } else {
        ("Entrypoint", entrypoint)
    };
    if let [shell, switch, script, ..] = first
        && shell.ends_with("sh")
        && switch == "-c"
        && !script.trim_start().starts_with("exec ")
    {
        let title = format!("{name} is run by a shell, which does not pass on signals");
        let saw = format!("{name} {}", first.join(" "));
        found.add(&SHELL_FORM, Seen::at(&format!("config.{name}"), title, saw));
    }
    if check.first().is_none_or(|word| word == "NONE") {
        let saw = match health {
            Some(_) => "Healthcheck NONE",
            None => "Healthcheck is not set",
        };
        let seen = Seen::at(
            "config.Healthcheck",
            "no health check is set",
            saw.to_owned(),
        );
        found.add(&NO_HEALTHCHECK, seen);
    }
}

fn labels(execution: &Execution, found: &mut Found) {
    const SOURCES: [&str; 6] = [
        "org.opencontainers.image.source",
        "org.opencontainers.image.revision",
        "org.label-schema.vcs-url",
        "org.label-schema.vcs-ref",
        "vcs-ref",
        "vcs-url",
    ];
    let labels = || execution.labels.iter().flatten();
    for (name, value) in labels().filter(|(_, value)| value.contains(MASK)) {
        let what = credential(value).unwrap_or_else(|| "a value for the name of one".to_owned());
        let title = format!("the label {name} holds a secret: {what}");
        let place = format!("config.Labels {name}");
        found.add(
            &SECRET_IN_COMMAND,
            Seen::at(&place, title, format!("{name}={value}")),
        );
    }
    if !labels().any(|(name, value)| SOURCES.contains(&&**name) && !value.is_empty()) {
        let title = "no label names the source or its revision";
        let saw = format!("{} labels", labels().count());
        found.add(&NO_SOURCE, Seen::at("config.Labels", title, saw));
    }
    let base = labels().find(|(name, _)| *name == "org.opencontainers.image.base.name");
    if let Some((name, base)) = base.filter(|(_, base)| is_latest(base)) {
        let title = format!("the base image {base} is named by a tag that moves");
        let place = format!("config.Labels {name}");
        found.add(
            &LATEST_BASE,
            Seen::at(&place, title, format!("{name}={base}")),
        );
    }
}

/// Returns whether an image is named by `latest`, or by no tag, which means the same.
pub(super) fn is_latest(base: &str) -> bool {
    base != "scratch"
        && base.parse::<ImageReference>().is_ok_and(|reference| {
            reference.digest.is_none() && matches!(reference.tag.as_deref(), None | Some("latest"))
        })
}

/// Dates before Docker are those of reproducible builds.
fn age(created: Option<&str>, now: Option<DateTime<Utc>>, found: &mut Found) {
    const DOCKER: i64 = 1_356_998_400; // 2013-01-01
    let created = created.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let Some((created, now)) = created.zip(now).filter(|(day, _)| day.timestamp() > DOCKER) else {
        return;
    };
    let days = (now - created.to_utc()).num_days();
    if days > OLD {
        let day = created.format("%Y-%m-%d");
        let title = format!("the image was {days} days old when it was looked at");
        let saw = format!("created {day}, looked at {}", now.format("%Y-%m-%d"));
        found.add(&OLD_IMAGE, Seen::at("created", title, saw));
    }
}

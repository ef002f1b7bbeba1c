//! The rules of image hygiene as a table: what each sees, why it matters, what it cannot see.
//!
//! How they are checked is in `execution` and `history`; `docs/reference/hygiene.md` is held
//! against this table.

use crate::model::{Kind, Severity};

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable id: `CS-H…` for hygiene, `CS-S…` for secrets.
    pub id: &'static str,
    /// The name, another id of the same finding.
    pub name: &'static str,
    /// The kind of its findings.
    pub kind: Kind,
    /// The severity of its findings.
    pub severity: Severity,
    /// Whether it is about something that is not there: then every configuration that is known of
    /// an image has to agree, because scanners leave fields out.
    pub absence: bool,
    /// What it looks at.
    pub sees: &'static str,
    /// Why it matters, and so severely.
    pub why: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// What it cannot see.
    pub blind: &'static str,
}

/// What no rule can see, because it takes the layers' contents and not the configuration alone.
pub const NOT_CHECKED: [&str; 5] = [
    "setuid and setgid files",
    "owners and permissions of files",
    "secrets inside files",
    "what a later layer hides or deletes",
    "scripts and binaries that are started",
];

macro_rules! rules {
    ($($name:ident: $id:literal $text:literal $kind:ident $severity:ident $absence:literal,
        sees $sees:literal, why $why:literal, advice $advice:literal, blind $blind:literal;)*) => {
        $(pub(super) const $name: Rule = Rule {
            id: $id,
            name: $text,
            kind: Kind::$kind,
            severity: Severity::$severity,
            absence: $absence,
            sees: $sees,
            why: $why,
            advice: $advice,
            blind: $blind,
        };)*

        /// Every rule, by id.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    ROOT_USER: "CS-H001" "root-user" Hygiene Medium true,
        sees "`User` of the configuration is absent, empty, `root` or the number 0, whatever the group",
        why "a process that is broken into owns the container; medium, because it is not root of the host by itself",
        advice "add `USER` with a number above 0 as the last user of the Dockerfile",
        blind "a start script that gives the privileges up, and what the orchestrator sets instead";
    NAMED_USER: "CS-H002" "named-user" Hygiene Negligible false,
        sees "`User` of the configuration is a name",
        why "the number behind the name is in the image's /etc/passwd and may be 0; Kubernetes' runAsNonRoot refuses names",
        advice "write the number: `USER 1000` instead of a name",
        blind "the number itself";
    DEBUG_PORT: "CS-H003" "debug-port" Hygiene Medium false,
        sees "`ExposedPorts` names a port of a remote shell, a debugger or an unprotected control interface",
        why "who reaches such a port usually controls the process; medium, because exposing is an intention and opens nothing",
        advice "take `EXPOSE` and the listener out of the image that is shipped",
        blind "whether anything listens, and ports that are not declared";
    DEBUG_MODE: "CS-H004" "debug-mode" Hygiene Medium false,
        sees "a variable, the command or the entry point switches a debugger or a development mode on",
        why "debuggers and development modes run code for whoever connects, or show internals in error pages",
        advice "set production values in the image and debug by setting the variable at run time",
        blind "settings in files";
    VERIFICATION_OFF: "CS-H005" "verification-off" Hygiene Medium false,
        sees "a variable switches the checking of TLS certificates off for every process",
        why "each connection of the container can then be intercepted",
        advice "remove the variable and add the missing authority to the image's certificates",
        blind "settings in files and in code";
    UNSAFE_PATH: "CS-H006" "unsafe-path" Hygiene Medium false,
        sees "`PATH` has an empty or relative entry, or a folder that everybody may write to",
        why "a file put there runs in the place of a system's program",
        advice "list absolute folders that only root may write to",
        blind "the permissions of the other folders";
    SENSITIVE_VOLUME: "CS-H007" "sensitive-volume" Hygiene Medium false,
        sees "`Volumes` names a folder of the system or the socket of a container engine",
        why "a mount there replaces the system's own files, and the engine's socket is root on the host",
        advice "declare volumes for data folders only",
        blind "mounts that are made without a declaration";
    NO_HEALTHCHECK: "CS-H008" "no-healthcheck" Hygiene Low true,
        sees "`Healthcheck` is absent or `NONE`",
        why "a hung process goes on being sent traffic; low, because orchestrators have checks of their own",
        advice "add `HEALTHCHECK`, or define the orchestrator's probes",
        blind "probes of the orchestrator; OCI-format images cannot carry the field at all";
    SHELL_FORM: "CS-H009" "shell-form" Hygiene Negligible false,
        sees "the entry point, or the command where there is none, is run by a shell (`/bin/sh -c …`)",
        why "the shell is process 1 and does not pass on signals: the container is killed instead of stopped",
        advice "write `ENTRYPOINT` and `CMD` as JSON lists",
        blind "scripts that end in `exec`";
    ADD_FROM_URL: "CS-H010" "add-from-url" Hygiene Medium false,
        sees "the history has `ADD` of an address without `--checksum` or a commit",
        why "what the address returns may change between builds and nobody notices",
        advice "use `ADD --checksum=sha256:…`, or download and check in one `RUN`",
        blind "builders that record a hash in the place of the address";
    DOWNLOAD_TO_SHELL: "CS-H011" "download-to-shell" Hygiene Medium false,
        sees "the history pipes a download into a shell or interpreter",
        why "whoever controls the address at build time runs code in the image, unchecked",
        advice "download to a file, compare its checksum, then run it",
        blind "scripts that are copied in and download when they run";
    UNVERIFIED_DOWNLOAD: "CS-H012" "unverified-download" Hygiene Medium false,
        sees "the history switches certificate or signature checks off for a download (`curl -k`, `wget --no-check-certificate`, `--allow-untrusted`, `--nogpgcheck` and the like)",
        why "anyone on the way can put another package into the image",
        advice "add the missing authority or key and keep the checks on",
        blind "settings in files; downloads without a signature or checksum at all";
    WORLD_WRITABLE: "CS-H013" "world-writable" Hygiene Low false,
        sees "the history gives everybody write permission (`chmod 777`, `a+w`, `--chmod=666`), sticky folders aside",
        why "any process in the container may change these files; low, because most containers have one user",
        advice "give the files to the user that needs them: `chown`, `COPY --chown`",
        blind "permissions the files had before; whether a later step takes them back";
    SETUID_SET: "CS-H014" "setuid-set" Hygiene Medium false,
        sees "the history sets a setuid bit (`chmod u+s`, `chmod 4755`)",
        why "the file runs as its owner, root as a rule, for every user",
        advice "use file capabilities, or none",
        blind "setuid files of packages and of the base image: that takes the layers";
    SUDO: "CS-H015" "sudo" Hygiene Low false,
        sees "the history installs `sudo` or writes its rules",
        why "an unprivileged user is a step from root",
        advice "do what needs root before `USER`, and leave sudo out",
        blind "sudo that came with the base image";
    PACKAGE_CACHE: "CS-H016" "package-cache" Hygiene Negligible false,
        sees "a step of the history installs packages and does not remove the package manager's lists or cache",
        why "the image carries files nobody uses, and lists that age",
        advice "`rm -rf /var/lib/apt/lists/*`, `apk add --no-cache`, `dnf clean all`, `pip install --no-cache-dir` in the same step",
        blind "cache mounts, which leave nothing behind and no trace in the history";
    SENSITIVE_FILE: "CS-H017" "sensitive-file" Hygiene Medium false,
        sees "the history copies a file whose name is that of credentials (`.env`, `id_rsa`, `.npmrc`, `*.key`, `.git` …)",
        why "what one layer holds stays in the image, even when a later step deletes it",
        advice "use build secrets (`RUN --mount=type=secret`) and list the file in .dockerignore",
        blind "what the file holds, and files copied by their folder's name";
    LATEST_BASE: "CS-H018" "latest-base" Hygiene Low false,
        sees "the label `org.opencontainers.image.base.name`, or a remark of the builder, names the base by `latest` or by no tag",
        why "nobody can say which base was reviewed, and a rebuild may bring another one",
        advice "name a version, better a digest",
        blind "the base of images that do not tell it, which most do not";
    NO_SOURCE: "CS-H019" "no-source" Hygiene Negligible true,
        sees "no label names the source or its revision (`org.opencontainers.image.source`, `…revision`, `org.label-schema.vcs-url`, `…vcs-ref`, `vcs-ref`)",
        why "a finding cannot be traced to the code that has to change",
        advice "set the labels when building: `--label org.opencontainers.image.revision=…`",
        blind "provenance attestations, which say more and are no part of the configuration";
    OLD_IMAGE: "CS-H020" "old-image" Hygiene Low false,
        sees "the image was created more than 365 days before it was scanned (before now where it was not scanned)",
        why "a year of fixes of the system's packages is missing; low, because the scan lists what that means",
        advice "rebuild on a current base",
        blind "reproducible builds, whose date is fixed or zero";
    CREDENTIAL_IN_ENVIRONMENT: "CS-S001" "credential-in-environment" Secret Critical false,
        sees "the value of a variable has the shape of a credential: keys of AWS, tokens of GitHub, GitLab, Slack, npm and others, private keys, JWTs, passwords in addresses",
        why "everybody who can pull the image or read its configuration has it; critical, because the shape leaves little doubt",
        advice "revoke it now, then set it at run time: what was pushed is known",
        blind "whether it is still valid; values that are encoded or encrypted";
    SECRET_IN_ENVIRONMENT: "CS-S002" "secret-in-environment" Secret High false,
        sees "a variable is named like a secret (`…PASSWORD`, `…TOKEN`, `…SECRET`, `…API_KEY`) and has a value that is no switch, number, file, address or reference",
        why "a password in the image is everybody's, also when it is only the default; high, because the name says so and not the value",
        advice "change it and set it at run time, from a file or the orchestrator's secrets; a test value is a `false-positive`",
        blind "whether the value is in use; secrets under other names";
    CREDENTIAL_IN_HISTORY: "CS-S003" "credential-in-history" Secret Critical false,
        sees "a step of the history has the shape of a credential in it",
        why "build arguments and commands stay readable in every copy of the image",
        advice "revoke it now, then use build secrets (`RUN --mount=type=secret`)",
        blind "what files of the layer hold";
    SECRET_IN_HISTORY: "CS-S004" "secret-in-history" Secret High false,
        sees "a step of the history assigns a value to the name of a secret: `ARG`, `ENV`, `--password …`, `Authorization: …`",
        why "build arguments and commands stay readable in every copy of the image",
        advice "change it and use build secrets (`RUN --mount=type=secret`); a test value is a `false-positive`",
        blind "secrets under other names, and commands inside scripts";
    SECRET_IN_COMMAND: "CS-S005" "secret-in-command" Secret High false,
        sees "a label, the command, the entry point or the health check holds a credential by its shape, or a value for the name of a secret",
        why "everybody who can pull the image has it, and process lists show it",
        advice "change it and pass it at run time, from a file or the orchestrator's secrets",
        blind "secrets in files that the command reads";
}

//! Who reviews, where nobody says: git's e-mail address, else `user@host`.
//!
//! A name is a claim; a key is identity.

use std::process::{Command, Stdio};

use crate::environment::Environment;

/// Returns the reviewer's name by default.
pub(super) fn default(environment: &Environment) -> String {
    git_email(environment).unwrap_or_else(|| format!("{}@{}", environment.user, environment.host))
}

fn git_email(environment: &Environment) -> Option<String> {
    let output = Command::new("git")
        .args(["config", "--get", "user.email"])
        .current_dir(&environment.working_directory)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let email = text.trim();
    (output.status.success() && !email.is_empty()).then(|| email.to_owned())
}

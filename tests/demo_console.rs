//! The demo driven by keys on a terminal, to a signed image that cosign and skopeo accept.
//!
//! `pictures` takes the same tour and looks at its screens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::judges::judge;
use crate::support::program::Sandbox;
use crate::support::terminal::Terminal;

/// How long a screen may take on a loaded machine; opening the key takes a second by design.
const PATIENCE: Duration = Duration::from_mins(1);

/// The time between two keys of a quick typist.
const PACE: Duration = Duration::from_millis(40);

/// A stop of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Images,
    Findings,
    Compare,
    Components,
    Verdict,
    Confirmation,
    Receipt,
    History,
}

/// A demo on a terminal.
pub(crate) struct Tour {
    sandbox: Sandbox,
    terminal: Terminal,
    folder: PathBuf,
}

impl Tour {
    /// Starts the demo.
    pub(crate) fn start(rows: u16, columns: u16) -> Self {
        let sandbox = Sandbox::new();
        let folder = sandbox.work().join("demo");
        let dir = folder.to_str().expect("the path is UTF-8").to_owned();
        let terminal = sandbox.open(["demo", "--dir", &dir], rows, columns);
        Self {
            sandbox,
            terminal,
            folder,
        }
    }

    /// Presses `keys` and waits until the screen shows `text`.
    #[track_caller]
    pub(crate) fn press(&mut self, keys: &str, text: &str) -> String {
        self.terminal.send(keys);
        self.terminal.wait_for_text(text, PATIENCE)
    }

    /// Types `text` as a person does: each character after the one before is seen, and not at once, because the
    /// console takes faster typing for a paste.
    #[track_caller]
    fn type_slowly(&mut self, before: &str, text: &str) {
        let mut typed = before.to_owned();
        for character in text.chars() {
            typed.push(character);
            std::thread::sleep(PACE);
            self.press(character.encode_utf8(&mut [0; 4]), &typed);
        }
    }

    /// Chooses a verdict with `keys`, gives its reason and saves it.
    #[track_caller]
    fn decide(&mut self, keys: &str, chosen: &str, reason: &str) -> &mut Self {
        self.press(keys, chosen);
        self.press("e", "every letter is text");
        self.press(reason, reason);
        self.press("\x1b", "not saved yet");
        self
    }

    #[track_caller]
    fn save(&mut self) {
        self.press("w", "saved in the ledger");
    }

    /// Takes the whole tour, calling `look` at every stop.
    pub(crate) fn take(&mut self, look: &mut dyn FnMut(Stop, &Terminal)) {
        self.terminal.wait_for(
            |screen| screen.contains("caddy:v2.10.0") && !screen.contains("reading"),
            PATIENCE,
        );
        look(Stop::Images, &self.terminal);
        self.press("2", "CVE-2024-24790");
        look(Stop::Findings, &self.terminal);
        self.press("3", "grype against trivy");
        look(Stop::Compare, &self.terminal);
        self.press("4", "alpine-baselayout");
        look(Stop::Components, &self.terminal);

        self.press("2", "CVE-2024-24790");
        self.press("jj", "Detail CVE-2023-45288");
        let reason = "HTTP/2 is switched off at the only way in.";
        self.decide("vx", "(*) accept risk", reason);
        look(Stop::Verdict, &self.terminal);
        self.save();
        self.press("1", "Attention");
        let reason = "Eight findings at high and above have had fixes for months.";
        self.decide("r", "(*) reject", reason).save();
        self.press("1", "Attention");
        self.press("j", ">  caddy:v2.10.0");
        let reason = "Nothing at high or above; both scanners agree.";
        self.decide("a", "(*) approve", reason).save();

        self.press("7", "p works out the plan");
        self.press("p", "to acknowledge");
        self.acknowledge();
        // The demo's key is open already: its password is no secret.
        self.press("\t", "digest > _");
        let digest = digest_after(&self.terminal.screen(), "FROM");
        let digits: String = digest.chars().skip("sha256:".len()).take(8).collect();
        self.type_slowly("digest > ", &digits);
        look(Stop::Confirmation, &self.terminal);
        self.press("\r", "Receipt");
        look(Stop::Receipt, &self.terminal);
        self.press("8", "chain verified to entry 4");
        look(Stop::History, &self.terminal);
    }

    /// Acknowledges every warning of the plan, one after the other.
    fn acknowledge(&mut self) {
        for left in (0..9).rev() {
            if self.terminal.screen().contains(" 0 to acknowledge") {
                return;
            }
            let before = format!(" {} to acknowledge", left + 1);
            if self.terminal.screen().contains(&before) {
                self.press(" ", &format!(" {left} to acknowledge"));
                self.terminal.send("j");
            }
        }
    }

    fn ask(&self, program: &Path, args: &[&str]) -> String {
        let output = self.sandbox.run_other(program, args, b"");
        assert_eq!(output.code, 0, "{}: {output:?}", program.display());
        output.stdout
    }
}

/// Returns the first digest in full that the screen shows after `label`.
fn digest_after(screen: &str, label: &str) -> String {
    let (_, rest) = screen.split_once(label).expect("the label is shown");
    let whole = rest.split("sha256:").skip(1).find_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        (digits.len() == 64).then_some(digits)
    });
    let digits = whole.unwrap_or_else(|| panic!("no digest is shown in full:\n{screen}"));
    format!("sha256:{digits}")
}

/// Returns the word that the screen shows after `label`.
fn word_after(screen: &str, label: &str) -> String {
    let (_, rest) = screen.split_once(label).expect("the label is shown");
    let word = rest.split_whitespace().next();
    word.expect("a word follows the label").to_owned()
}

#[test]
fn the_tour_ends_with_an_image_that_others_accept() {
    let mut tour = Tour::start(36, 120);
    let (mut destination, mut digest) = (String::new(), String::new());
    tour.take(&mut |stop, terminal| {
        if stop == Stop::Receipt {
            let screen = terminal.screen();
            let (_, receipt) = screen.split_once("Receipt").expect("a receipt is shown");
            destination = word_after(receipt, "TO ");
            digest = digest_after(receipt, "TO ");
        }
    });
    assert!(destination.ends_with("/debut/base-images/caddy:v2.10.0"));

    let key = tour.folder.join("cosign.pub");
    let key = key.to_str().expect("the path is UTF-8");
    let promoted = format!("{}@{digest}", destination.trim_end_matches(":v2.10.0"));
    for name in ["cosign2", "cosign3"] {
        if let Some(cosign) = judge(name) {
            let args = ["verify", "--insecure-ignore-tlog=true", "--key", key];
            for image in [&destination, &promoted] {
                let found = tour.ask(&cosign, &[&args[..], &[image]].concat());
                assert!(found.contains(&digest), "{found}");
            }
        }
    }
    if let Some(skopeo) = judge("skopeo") {
        let name = format!("docker://{destination}");
        let args = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
        let found = tour.ask(&skopeo, &[&args[..], &[&name]].concat());
        assert_eq!(found.trim(), digest);
    }

    tour.terminal.send("Q");
    assert_eq!(tour.terminal.exit(PATIENCE), 0);
}

//! A ledger in a folder that two accounts of one machine share, each running the built program.
//!
//! What a folder must look like for it is tested beside `store`; several writers at once, in `writers`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use crate::carry::report_at;
use crate::support::judges::{judge, skipped};
use crate::support::program::{Output, Sandbox, binary};

const GROUP: u32 = 61_000;
const ALICE: u32 = 61_001;
const BOB: u32 = 61_002;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode can be set");
}

/// A place that every account can get to.
struct Place {
    folder: tempfile::TempDir,
    setpriv: PathBuf,
}

impl Place {
    fn new(setpriv: PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Self { folder, setpriv };
        set_mode(place.root(), 0o755);
        fs::copy(binary(), place.root().join("countersign")).expect("the program can be copied");
        set_mode(&place.root().join("countersign"), 0o755);
        report_at(&place.root().join("app.json"), "1", '1', &[]);
        set_mode(&place.root().join("app.json"), 0o644);
        for user in [ALICE, BOB] {
            let home = place.root().join(user.to_string());
            fs::create_dir(&home).expect("a home can be made");
            chown(&home, Some(user), Some(user)).expect("root may give it away");
        }
        place
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn ledger(&self) -> PathBuf {
        self.root().join("ledger")
    }

    /// Runs the program as `user`, a member of the group or not, with the umask that hides most.
    fn run(&self, user: u32, is_member: bool, arguments: &[&str]) -> Output {
        let mut sandbox = Sandbox::new();
        sandbox.set("COSIGN_PASSWORD", "");
        sandbox.set("HOME", self.root().join(user.to_string()));
        for name in ["CONFIG", "DATA", "STATE", "CACHE"] {
            let home = self.root().join(user.to_string()).join(name);
            sandbox.set(&format!("XDG_{name}_HOME"), home);
        }
        let group = format!("--groups={GROUP}");
        let id = [format!("--reuid={user}"), format!("--regid={user}")];
        let groups = if is_member { &group } else { "--clear-groups" };
        let command = format!(
            "cd {root}; umask 077; exec {setpriv} {id} {groups} {root}/countersign \"$@\"",
            root = self.root().display(),
            setpriv = self.setpriv.display(),
            id = id.join(" "),
        );
        let ledger = self.ledger().display().to_string();
        let mut all = vec!["-c", &command, "sh"];
        all.extend(arguments);
        all.extend(["--ledger", &ledger]);
        sandbox.run_other(Path::new("/bin/sh"), all, b"")
    }

    fn decide(&self, user: u32, is_member: bool, key: Option<&str>) -> Output {
        let name = format!("user-{user}");
        let mut arguments = vec![
            "decide",
            "app.json",
            "--whole-image",
            "--decision",
            "approve",
        ];
        arguments.extend(["--reason", "seen", "--reviewer", &name]);
        arguments.extend(key.into_iter().flat_map(|key| ["--key", key]));
        self.run(user, is_member, &arguments)
    }
}

#[test]
fn two_accounts_write_one_ledger() {
    let Some(setpriv) = judge("setpriv") else {
        return;
    };
    if fs::metadata("/proc/self").map_or(1, |own| own.uid()) != 0 {
        skipped("only root can run the program as two accounts");
        return;
    }
    let place = Place::new(setpriv);
    fs::create_dir(place.ledger()).expect("the ledger can be made");
    chown(place.ledger(), Some(ALICE), Some(ALICE)).expect("root may give it away");

    set_mode(&place.ledger(), 0o700);
    let first = place.decide(ALICE, true, None);
    assert_eq!(first.code, 0, "{first:?}");
    let own = place.decide(BOB, true, None);
    assert_eq!(own.code, 6, "{own:?}");

    // Shared from now on, the entry that is there included.
    chown(place.ledger(), Some(ALICE), Some(GROUP)).expect("root may give it away");
    let first = place.ledger().join("000000000001.json");
    chown(&first, None, Some(GROUP)).expect("root may give it away");
    set_mode(&first, 0o640);
    for (mode, expected) in [(0o3770, [2, 3]), (0o770, [4, 5])] {
        set_mode(&place.ledger(), mode);
        for (user, seq) in [BOB, ALICE].into_iter().zip(expected) {
            let done = place.decide(user, true, None);
            assert_eq!(done.code, 0, "{mode:o} {done:?}");
            let entry = place.ledger().join(format!("{seq:012}.json"));
            let data = fs::metadata(&entry).expect("the entry is there");
            let found = (data.uid(), data.gid(), data.mode() & 0o777);
            assert_eq!(found, (user, GROUP, 0o640), "{mode:o}");
        }
    }
    // Signed approvals lie in a folder of their own, which the first to sign makes.
    for user in [ALICE, BOB] {
        let prefix = format!("{user}/key");
        let made = place.run(user, true, &["key", "generate", "--prefix", &prefix]);
        assert_eq!(made.code, 0, "{made:?}");
        let signed = place.decide(user, true, Some(&format!("{prefix}.key")));
        assert_eq!(signed.code, 0, "{signed:?}");
    }
    let verify = place.run(BOB, true, &["ledger", "verify"]);
    assert_eq!(verify.code, 0, "{verify:?}");
    let list = place.run(BOB, true, &["list", "app.json", "--format", "json"]);
    let approvals = &list.json()["subjects"][0]["approvals"];
    assert_eq!(
        approvals.as_array().map(Vec::len),
        Some(2),
        "each one's latest: {list:?}"
    );

    let stranger = place.decide(BOB, false, None);
    assert_eq!(stranger.code, 6, "{stranger:?}");
}

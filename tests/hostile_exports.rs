//! Reports and tables of hostile text: nothing is executed in a browser, nothing is a formula in a spreadsheet.
//!
//! What is hostile is written here by hand. That both judges can say no is shown first, on pages and tables made
//! without care.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::judges::judge;
use crate::support::program::Sandbox;

/// What a browser would act on; `HOST` is a listener on this machine that nobody has a reason to speak to.
const MARKUP: [&str; 16] = [
    "<script>document.title='executed';fetch('http://HOST/script')</script>",
    "</script><script src=http://HOST/src></script>",
    "<img src=http://HOST/img onerror=\"document.title='executed'\">",
    "\"><svg onload=\"document.title='executed'\"><image href=http://HOST/svg />",
    "'><iframe src=http://HOST/iframe></iframe>",
    "</title></style></td></table></body><script>document.title='executed'</script>",
    "<style>@import url(http://HOST/style);body{background:url(http://HOST/url)}</style>",
    "<link rel=stylesheet href=http://HOST/link>",
    "<meta http-equiv=refresh content=\"0;url=http://HOST/refresh\">",
    "<base href=http://HOST/base/><form action=http://HOST/form><input autofocus onfocus=fetch('http://HOST/focus')>",
    "<a href=\"javascript:document.title='executed'\" ping=http://HOST/ping>x</a>",
    "<object data=http://HOST/object></object><embed src=http://HOST/embed>",
    "--><!--><script>document.title='executed'</script>",
    "<![CDATA[<script>document.title='executed'</script>]]>",
    "&lt;script&gt;document.title='executed'&lt;/script&gt;&#60;img src=x onerror=fetch('http://HOST/entity')&#62;",
    "+ADw-script+AD4-document.title+AD0-'executed'+ADw-/script+AD4- [x](javascript:fetch('http://HOST/md'))",
];

/// What a spreadsheet would reckon with, or takes for the end of a cell.
const FORMULAS: [&str; 17] = [
    "=HYPERLINK(\"http://HOST/\",\"x\")",
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u{a0}=1+1",
    "\u{feff}=1+1",
    "\u{200b}=1+1",
    "\u{ff1d}1+1",
    "\u{ff0b}1\u{ff0d}1\u{ff20}",
    "\u{3000}\u{ff20}SUM(1)",
    "x\",=1+1,\"\n=2+2\r\n@SUM(1)",
    "\"=1+1\"",
];

/// A listener that only counts who speaks to it.
struct Canary {
    host: String,
    heard: Arc<AtomicU32>,
    ends: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let (heard, ends) = (
            Arc::new(AtomicU32::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (counted, ended) = (Arc::clone(&heard), Arc::clone(&ends));
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let mut stream = stream.expect("a connection");
                let patience = Some(Duration::from_secs(1));
                stream.set_read_timeout(patience).expect("a patient socket");
                // What is asked does not matter.
                let _asked = stream.read(&mut [0; 1024]);
                let _gone = stream.write_all(b"HTTP/1.0 404 No\r\nContent-Length: 0\r\n\r\n");
            }
        });
        Self {
            host,
            heard,
            ends,
            listening: Some(listening),
        }
    }

    fn heard(&self) -> u32 {
        self.heard.swap(0, Ordering::SeqCst)
    }

    fn armed(&self, text: &str) -> String {
        text.replace("HOST", &self.host)
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        TcpStream::connect(&self.host).ok();
        if let Some(listening) = self.listening.take() {
            listening.join().ok();
        }
    }
}

/// Returns a report that says `text(n)` wherever an image or its maker can say something.
fn report(count: usize, text: impl Fn(usize) -> String) -> Value {
    let one = |number: usize| {
        json!({
            // An id, a severity and a package to be told apart by; the rest is theirs.
            "VulnerabilityID": format!("CVE-2024-{number:04}"),
            "PkgName": text(number),
            "PkgPath": text(number + 1),
            "PkgIdentifier": {"PURL": format!("pkg:npm/p{number}@1")},
            "InstalledVersion": text(number + 2),
            "FixedVersion": text(number + 3),
            "Severity": "CRITICAL",
            "SeveritySource": text(number + 4),
            "Title": text(number + 5),
            "Description": text(number + 6),
            "PrimaryURL": text(number + 7),
            "References": [text(number + 8)],
        })
    };
    json!({
        "SchemaVersion": 2,
        "ArtifactName": text(0),
        "ArtifactType": "container_image",
        "Metadata": {
            "ImageID": format!("sha256:{}", "1".repeat(64)),
            "DiffIDs": [format!("sha256:{}", "2".repeat(64))],
            "OS": {"Family": text(1), "Name": text(2)},
            "ImageConfig": {"architecture": "amd64", "os": "linux", "config": {"User": text(3), "Env": [text(4)]}},
        },
        "Results": [
            {"Target": text(5), "Class": "lang-pkgs", "Type": "npm",
             "Vulnerabilities": (0..count).map(one).collect::<Vec<_>>()},
            {"Target": text(6), "Class": "secret", "Secrets": [{
                "RuleID": text(7), "Category": text(8), "Severity": "CRITICAL", "Title": text(9),
                "StartLine": 1, "EndLine": 1, "Match": "********",
            }]},
            {"Target": text(10), "Class": "config", "Type": "dockerfile", "Misconfigurations": [{
                "ID": "DS002", "AVDID": text(11), "Type": text(12), "Title": text(13), "Description": text(14),
                "Message": text(15), "Resolution": text(16), "Severity": "HIGH", "Status": "FAIL",
                "PrimaryURL": text(17),
            }]},
        ],
    })
}

/// Returns a sandbox with the report, decisions of a person called `text`, for the reason `text`, and a prediction.
fn decided(report: &Value, text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.work().join("r.json"), report.to_string()).expect("writable");
    for (id, decision) in [
        ("CVE-2024-0000", "false-positive"),
        ("CVE-2024-0001", "affected"),
    ] {
        let output = sandbox.run([
            "decide",
            "r.json",
            "--finding",
            id,
            "--decision",
            decision,
            "--reason",
            text,
            "--reviewer",
            text,
        ]);
        assert_eq!(output.code, 0, "{output:?}");
    }
    sandbox
}

/// Returns the DOM that Chromium makes of a page, after its scripts had their time.
fn browse(chromium: &Path, sandbox: &Sandbox, page: &str) -> String {
    let path = sandbox.work().join("page.html");
    std::fs::write(&path, page).expect("writable");
    let output = sandbox.run_other(
        chromium,
        [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--virtual-time-budget=3000",
            "--dump-dom",
            &format!("file://{}", path.display()),
        ],
        b"",
    );
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stdout.contains("</html>"), "{output:?}");
    output.stdout
}

/// Returns the names of all elements of a DOM, in order, with the names of their attributes.
fn shape(dom: &str) -> Vec<String> {
    let tags = dom.split('<').skip(1).filter_map(|tag| tag.split_once('>'));
    let names = tags.map(|(tag, _)| {
        let mut words = Vec::new();
        let mut is_value = false;
        for (place, piece) in tag.split('"').enumerate() {
            if place % 2 == 0 {
                words.extend(
                    piece
                        .split_whitespace()
                        .map(|word| word.trim_end_matches('=').to_owned()),
                );
            }
            is_value = !is_value;
        }
        assert!(is_value, "quotes belong together: {tag}");
        words.join(" ")
    });
    names
        .filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
        .collect()
}

/// Returns the page without its own rule that forbids scripts.
fn without_policy(page: &str) -> String {
    let start = page
        .find("<meta http-equiv=\"Content-Security-Policy\"")
        .expect("the page has a policy");
    let (before, rest) = page.split_at(start);
    let (_, after) = rest.split_once('>').expect("a tag ends");
    assert!(!after.contains("Content-Security-Policy"));
    format!("{before}{after}")
}

#[test]
fn a_report_of_hostile_text_executes_nothing_in_a_browser() {
    let Some(chromium) = judge("chromium") else {
        return;
    };
    let canary = Canary::new();
    // The judge must be able to say no: the same text in a page that does not care.
    let careless = |text: &str| {
        let page = format!(
            "<!DOCTYPE html><html><head><title>t</title></head><body><p>{text}</p></body></html>"
        );
        browse(&chromium, &Sandbox::new(), &page)
    };
    let raw = canary.armed(&MARKUP.concat());
    let (leaving, staying): (Vec<&str>, Vec<&str>) =
        MARKUP.iter().partition(|text| text.contains("refresh"));
    let dom = careless(&canary.armed(&staying.concat()));
    assert!(dom.contains("<title>executed</title>"), "{dom}");
    assert!(canary.heard() > 3, "{dom}");
    let dom = careless(&canary.armed(&leaving.concat()));
    assert!(canary.heard() > 0, "{dom}");

    let hostile = |number: usize| canary.armed(MARKUP[number % MARKUP.len()]);
    let tame = |number: usize| format!("text {}", number % MARKUP.len());
    let mut shapes = Vec::new();
    for (is_hostile, report, reason) in [
        (true, report(MARKUP.len(), hostile), raw.clone()),
        (false, report(MARKUP.len(), tame), "text".to_owned()),
    ] {
        let sandbox = decided(&report, &reason);
        let output = sandbox.run([
            "report",
            "r.json",
            "--format",
            "html",
            "--reviewer",
            &reason,
        ]);
        assert_eq!(output.code, 0, "{output:?}");
        let page = output.stdout;
        if is_hostile {
            assert!(page.contains("script&gt;"), "{page}");
            // Even where a viewer ignores the page's own rule, there is nothing to execute.
            for page in [&page, &without_policy(&page)] {
                let dom = browse(&chromium, &sandbox, page);
                assert!(!dom.contains("<title>executed"), "{dom}");
                assert_eq!(canary.heard(), 0, "{dom}");
                shapes.push(shape(&dom));
            }
        } else {
            shapes.push(shape(&browse(&chromium, &sandbox, &page)));
        }
    }
    let [with, without, tame] = &shapes[..] else {
        panic!("three pages")
    };
    assert!(tame.iter().any(|name| name == "td"), "{tame:?}");
    // Hostile text is text: the elements and attributes are those of a page of plain words.
    assert_eq!(with, tame);
    let policy = |name: &&String| *name != "meta http-equiv content";
    assert_eq!(
        without.iter().filter(policy).collect::<Vec<_>>(),
        tame.iter().filter(policy).collect::<Vec<_>>()
    );
}

/// Reads a table as a spreadsheet does, by a reader that is not ours; names the cells that would be reckoned with.
const READER: &str = r#"
import csv, io, json, sys, unicodedata
text = sys.stdin.buffer.read().decode("utf-8")
rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
def formula(cell):
    bare = cell.lstrip("".join(c for c in set(cell) if c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")))
    return unicodedata.normalize("NFKC", bare[:1]) in ("=", "+", "-", "@") or cell[:1] in ("\t", "\r")
bad = [cell for row in rows for cell in row if formula(cell)]
bad += [line for line in text.split("\r\n") if formula(line)]
print(json.dumps({"rows": rows, "bad": bad}))
"#;

fn read(python: &Path, sandbox: &Sandbox, table: &str) -> Value {
    let output = sandbox.run_other(python, ["-c", READER], table.as_bytes());
    assert_eq!(output.code, 0, "{output:?}");
    output.json()
}

#[test]
fn a_table_of_hostile_text_holds_no_formula_and_all_of_the_text() {
    let Some(python) = judge("python3") else {
        return;
    };
    let text = |number: usize| FORMULAS[number % FORMULAS.len()].replace("HOST", "127.0.0.1");
    let sandbox = decided(&report(FORMULAS.len(), text), "=1+1");

    // The judge must be able to say no, for each of them.
    for number in 0..FORMULAS.len() - 2 {
        let careless = format!("\"{}\"\r\n", text(number).replace('"', "\"\""));
        let said = read(&python, &sandbox, &careless);
        assert_ne!(said["bad"], json!([]), "{careless:?}");
    }

    let document = sandbox
        .run(["findings", "r.json", "--format", "json"])
        .json();
    let findings = document["findings"].as_array().expect("findings");
    for command in [
        &["findings", "r.json", "--format", "csv"][..],
        &["export", "csv", "r.json"],
    ] {
        let output = sandbox.run(command);
        assert_eq!(output.code, 0, "{output:?}");
        let said = read(&python, &sandbox, &output.stdout);
        assert_eq!(said["bad"], json!([]), "{}", output.stdout);
        let rows = said["rows"].as_array().expect("rows");
        assert_eq!(rows.len(), findings.len() + 1);
        let column = |name: &str| {
            let names = rows[0].as_array().expect("a first row");
            names
                .iter()
                .position(|known| known == name)
                .expect("a column")
        };
        for finding in findings {
            let key = column("key");
            let row = rows
                .iter()
                .find(|row| row[key] == finding["key"])
                .expect("a row for every finding");
            for (name, value) in [
                ("title", &finding["title"]),
                ("package", &finding["package"]["name"]),
                ("version", &finding["package"]["version"]),
            ] {
                let cell = row[column(name)].as_str().expect("a text");
                let value = value.as_str().expect("a text");
                assert_eq!(
                    cell.strip_prefix('\'').unwrap_or(cell),
                    shown(value),
                    "{name}"
                );
            }
        }
    }
}

/// Returns the text as every table shows it: lines joined, what cannot be seen named.
fn shown(text: &str) -> String {
    let joined = text.replace(['\t', '\r', '\n'], " ");
    countersign::text::Safe::new(&joined).as_str().to_owned()
}

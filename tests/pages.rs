//! The pages, held against the project: links lead somewhere, tables and defaults are those of the program.
//!
//! How a page reads is judged by people.

use std::fs;
use std::path::{Path, PathBuf};

use countersign::demo::{PASSWORD, Stage};
use countersign::triage::policy::Policy;

use crate::support::program::{Sandbox, run};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(project().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns every Markdown page of the project, as (path, text).
fn pages() -> Vec<(PathBuf, String)> {
    let mut found = vec![project().join("README.md")];
    let mut folders = vec![project().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of pages is readable") {
            let path = entry.expect("an entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    let text = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a page is UTF-8");
        (path, text)
    };
    found.into_iter().map(text).collect()
}

/// Returns the text outside fenced blocks, and the lines inside them.
fn split(page: &str) -> (String, Vec<&str>) {
    let (mut prose, mut code, mut fenced) = (String::new(), Vec::new(), false);
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            code.push(line);
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    (prose, code)
}

/// Returns the anchor of a heading, as code hosts make it.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = plain
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns where the links and pictures of a page lead.
fn links(prose: &str) -> Vec<&str> {
    let marked = prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let pictures = prose
        .split("src=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    marked.chain(pictures).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for (page, text) in pages() {
        let (prose, _) = split(&text);
        for link in links(&prose) {
            if link.starts_with("https://") {
                continue;
            }
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().expect("a page has a folder").join(file)
            };
            let there = fs::read_to_string(&target).ok();
            let found = target.exists()
                && (heading.is_empty()
                    || there.is_some_and(|text| {
                        let (prose, _) = split(&text);
                        prose
                            .lines()
                            .any(|line| line.starts_with('#') && anchor(line) == heading)
                    }));
            if !found {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(count > 10, "the pages are not linked");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_annotated_policy_is_the_default_and_is_on_its_page() {
    let annotated = read("assets/countersign.toml");
    let policy: Policy = annotated.parse().expect("the annotated policy is one");
    assert_eq!(policy, Policy::default());
    assert!(
        read("docs/reference/policy.md").contains(&annotated),
        "docs/reference/policy.md shows other defaults than assets/countersign.toml"
    );
    // Every key is there: a default that is left out would not be noticed otherwise.
    let written: toml::Table = annotated.parse().expect("it is TOML");
    let whole = toml::Table::try_from(&policy).expect("a policy can be written");
    for (section, keys) in whole {
        for key in keys.as_table().expect("a section is a table").keys() {
            assert!(written[&section].get(key).is_some(), "[{section}] {key}");
        }
    }
}

/// Returns the values of the constants `pub const NAME: &str = "value";` in a file of the project.
fn constants(name: &str) -> Vec<String> {
    let text = read(name);
    let values = text
        .lines()
        .filter(|line| line.trim_start().starts_with("pub const "))
        .filter_map(|line| line.split(": &str = \"").nth(1)?.split('"').next());
    values.map(str::to_owned).collect()
}

#[test]
fn every_class_of_the_gate_and_the_plan_is_explained() {
    let page = read("docs/reference/policy.md");
    for file in [
        "src/triage/gate.rs",
        "src/promotion/plan.rs",
        "src/promotion/preflight.rs",
    ] {
        let classes = constants(file);
        assert!(classes.len() > 3, "{file} names {} classes", classes.len());
        for class in classes {
            assert!(page.contains(&format!("| `{class}` |")), "{file}: {class}");
        }
    }
}

#[test]
fn every_page_is_reached_from_the_readme() {
    let pages = pages();
    let mut reached = vec![project().join("README.md")];
    let mut next = 0;
    while let Some(page) = reached.get(next).cloned() {
        next += 1;
        let text = fs::read_to_string(&page).expect("a page is UTF-8");
        let (prose, _) = split(&text);
        let folder = page.parent().expect("a page has a folder").to_owned();
        for link in links(&prose) {
            let file = link.split('#').next().unwrap_or_default();
            let Ok(target) = folder.join(file).canonicalize() else {
                continue;
            };
            let decisions = target.is_dir() && target.ends_with("decisions");
            let is_page =
                |path: &PathBuf| *path == target || decisions && path.starts_with(&target);
            for (path, _) in pages.iter().filter(|(path, _)| is_page(path)) {
                if !reached.contains(path) {
                    reached.push(path.clone());
                }
            }
        }
    }
    let lost: Vec<_> = pages
        .iter()
        .filter(|(path, _)| !reached.contains(path))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(lost.is_empty(), "no link leads to {}", lost.join(", "));
}

/// Returns the words of a line as a shell has them: parted by blanks, quotes kept together.
fn words(line: &str) -> Vec<String> {
    let (mut found, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => found.extend(Some(std::mem::take(&mut word))),
            _ => word.push(character),
        }
    }
    found.push(word);
    found.retain(|word| !word.is_empty());
    found
}

/// Returns the lines of a page that run this program.
fn lines_of(page: &str) -> Vec<Vec<String>> {
    let (_, code) = split(page);
    // In a pipeline's YAML a command is indented, an item of a list or the value of `run`.
    let lines = code.iter().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("- ").unwrap_or(line);
        let line = line.strip_prefix("run: ").unwrap_or(line);
        line.strip_prefix("countersign ")
    });
    lines.map(words).collect()
}

/// Returns the names of the commands that the help of `asked` lists.
fn commands_of(asked: &[&str]) -> Vec<String> {
    let help = run(asked.iter().chain(&["--help"]), &[]).stdout;
    let (_, listed) = help.split_once("Commands:\n").unwrap_or_default();
    let lines = listed.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_option_shown_exists() {
    let commands = commands_of(&[]);
    assert!(commands.len() > 10, "{commands:?}");
    let mut wrong = Vec::new();
    let mut count = 0;
    for (page, text) in pages() {
        for line in lines_of(&text) {
            count += 1;
            let page = page.display();
            // Without a command the line opens the console.
            let mut asked: Vec<&str> = Vec::new();
            let mut help = run(["--help"], &[]).stdout;
            if commands.contains(&line[0]) {
                asked.push(&line[0]);
                let below = commands_of(&asked);
                let inner = line.iter().find(|word| below.contains(word));
                help = run([&line[0], "--help"], &[]).stdout;
                let stands_alone = below.is_empty() || help.contains("Arguments:\n");
                if inner.is_none() && !stands_alone {
                    wrong.push(format!("{page}: {} needs more words", line.join(" ")));
                }
                if let Some(inner) = inner {
                    help += &run([&line[0], inner, "--help"], &[]).stdout;
                }
            }
            let known = words(&help.replace(['\n', ','], " "));
            for option in line.iter().filter(|word| word.starts_with("--")) {
                if !known.contains(option) {
                    wrong.push(format!("{page}: {} has no {option}", line.join(" ")));
                }
            }
        }
    }
    assert!(count > 30, "the pages show {count} commands only");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pipelines_ask_the_gate_and_pin_what_they_use() {
    let page = read("docs/guide/ci.md");
    let (_, code) = split(&page);
    let used: Vec<&str> = code
        .iter()
        .filter_map(|line| line.trim().strip_prefix("- uses: "))
        .collect();
    assert!(!used.is_empty());
    for action in used {
        let (_, pin) = action.split_once('@').expect("an action is pinned");
        let (commit, version) = pin.split_once(" # v").expect("a pin names its version");
        let is_hex = |one: char| one.is_ascii_digit() || ('a'..='f').contains(&one);
        assert!(commit.len() == 40 && commit.chars().all(is_hex), "{action}");
        assert!(version.split('.').count() == 3, "{action}");
    }
    for line in &code {
        let value = line.trim().split_once(": ").unwrap_or_default();
        if ["image", "IMAGE", "TRIVY", "GRYPE"].contains(&value.0) {
            assert!(value.1.contains("@sha256:"), "{line}");
        }
    }
    let asked: Vec<Vec<String>> = lines_of(&page)
        .into_iter()
        .filter(|line| line[0] == "gate" && line.contains(&"$POLICY_SHA256".to_owned()))
        .collect();
    assert_eq!(asked.len(), 5, "{asked:?}");
    for (image, code) in [("caddy-2.7.6", 1), ("caddy-v2.10.0", 0)] {
        let sandbox = Sandbox::new();
        let folder = sandbox.work();
        fs::create_dir(folder.join("reports")).expect("a folder can be made");
        for scanner in ["trivy", "grype"] {
            let name = format!("{image}.{scanner}.json");
            let from = project().join("assets/demo").join(&name);
            fs::copy(from, folder.join("reports").join(name)).expect("a report can be copied");
        }
        fs::copy(
            project().join("assets/countersign.toml"),
            folder.join("countersign.toml"),
        )
        .expect("the policy can be copied");
        for line in &asked {
            let hash = Policy::default().sha256().to_string();
            // What the shell does with output and code is not the program's.
            let told = line
                .iter()
                .take_while(|word| *word != "||" && *word != ">>")
                .map(|word| word.replace("$POLICY_SHA256", &hash));
            let output = sandbox.run(told);
            assert_eq!(output.code, code, "{}: {output:#?}", line.join(" "));
        }
        for name in ["gate.sarif", "gate.xml"] {
            let written = fs::read_to_string(folder.join(name)).expect("it is written");
            assert!(written.starts_with(['{', '<']), "{name}: {written}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_the_readme_lead_to_a_signed_promotion() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let stage = Stage::set(Some(folder.path()))
        .await
        .expect("the stage is set");
    let mut sandbox = Sandbox::new();
    sandbox.set("COSIGN_PASSWORD", PASSWORD);
    let reports = |image: &str| {
        stage
            .reports()
            .join(format!("{image}.*"))
            .display()
            .to_string()
    };
    let lines = lines_of(&read("README.md"));
    let from = lines
        .iter()
        .position(|line| line[0] == "key")
        .expect("they begin with a key");
    let lines = &lines[from..];
    assert_eq!(lines.len(), 10, "{lines:?}");
    for line in lines {
        // One image has findings to decide on, the other is the one that may pass.
        let image = if line.contains(&"--finding".to_owned()) {
            "caddy-2.7.6"
        } else {
            "caddy-v2.10.0"
        };
        let told = line.iter().map(|word| match word.as_str() {
            "reports/" => reports(image),
            "SOURCE" => stage.approved.reference.clone(),
            "DESTINATION" => stage.destination(),
            "DIGEST" => stage.approved.digest.to_string(),
            other => other.to_owned(),
        });
        let output = sandbox.run(told);
        assert_eq!(output.code, 0, "{}: {output:#?}", line.join(" "));
    }
}

#[test]
fn links_and_anchors_are_found() {
    let page = "a [b](c.md#d) <img src=\"e.svg\">\n```\n[f](g)\n```\n";
    let (prose, code) = split(page);
    assert_eq!(links(&prose), ["c.md#d", "e.svg"]);
    assert_eq!(code, ["[f](g)"]);
    assert_eq!(
        anchor("## What it does not do, yet"),
        "what-it-does-not-do-yet"
    );
}

#[test]
fn the_rules_of_hygiene_are_on_their_page() {
    use countersign::triage::hygiene::{NOT_CHECKED, RULES};

    let page = read("docs/reference/hygiene.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| CS-"))
        .collect();
    let expected = RULES.iter().map(|rule| {
        let (id, name, severity) = (rule.id, rule.name, rule.severity);
        let (sees, why, advice, blind) = (rule.sees, rule.why, rule.advice, rule.blind);
        format!("| {id} | {name} | {severity} | {sees} | {why} | {advice} | {blind} |")
    });
    let mut expected: Vec<String> = expected.collect();
    let mut rows: Vec<String> = rows.into_iter().map(str::to_owned).collect();
    expected.sort();
    rows.sort();
    assert_eq!(rows, expected);
    let prose: Vec<&str> = page.split_whitespace().collect();
    let prose = prose.join(" ");
    for thing in NOT_CHECKED {
        assert!(prose.contains(thing), "{thing}");
    }
}

//! The code in docs/*.md, docs/dialects/*.md and README.md is run as a reader would run it, against a real server. A
//! block that cannot be run says why in a comment above it; one that nobody runs fails here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Dev, Done, Running, eventually, finish};

/// Blocks that other tests run, by document and language.
const ELSEWHERE: [(&str, &str, &str); 1] = [(
    "docs/operate.md",
    "console",
    "crates/cli/tests/cli/operate.rs::the_guide_leads_from_an_empty_machine_to_a_server_with_tls_and_backups",
)];

/// A block of code, with what the comments right above it say of it.
#[derive(Debug)]
pub(crate) struct Block {
    document: String,
    line: usize,
    language: String,
    pub(crate) text: String,
    marks: BTreeMap<String, String>,
}

/// What is done with a block.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Run,
    /// By the test of this name.
    RunBy(String),
    /// For this reason.
    NotRun(String),
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every document, by its path from the root.
pub(crate) fn documents() -> BTreeMap<String, String> {
    let mut paths = vec!["README.md".to_owned()];
    for folder in ["docs", "docs/dialects"] {
        for file in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                paths.push(format!("{folder}/{name}"));
            }
        }
    }
    let read = |path: String| {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

pub(crate) fn blocks(document: &str, text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let (mut open, mut marks) = (false, BTreeMap::new());
    for (number, line) in text.lines().enumerate() {
        let mark = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
        match (open, line.strip_prefix("```"), mark) {
            (true, Some(_), _) => open = false,
            (true, None, _) => found.last_mut().unwrap().text += &format!("{line}\n"),
            (false, Some(language), _) => {
                open = true;
                found.push(Block {
                    document: document.into(),
                    line: number + 1,
                    language: language.into(),
                    text: String::new(),
                    marks: std::mem::take(&mut marks),
                });
            }
            (false, None, Some(mark)) => {
                let (name, value) = mark.split_once(": ").unwrap_or((mark, ""));
                marks.insert(name.into(), value.into());
            }
            (false, None, None) => marks.clear(),
        }
    }
    found
}

impl Block {
    pub(crate) fn mark(&self, name: &str) -> Option<&str> {
        self.marks.get(name).map(String::as_str)
    }

    /// What is done with it, or what is missing.
    fn fate(&self) -> Result<Fate, String> {
        let place = format!("{}:{}", self.document, self.line);
        if let Some(reason) = self.mark("not run") {
            return match reason.len() {
                ..10 => Err(format!("{place}: say why it is not run")),
                _ => Ok(Fate::NotRun(reason.into())),
            };
        }
        let elsewhere = ELSEWHERE
            .iter()
            .find(|(path, language, _)| *path == self.document && *language == self.language);
        let by = self.mark("run by").or(elsewhere.map(|(_, _, by)| *by));
        if let Some(by) = by {
            let (path, name) = by.split_once("::").unwrap_or((by, ""));
            let source = std::fs::read_to_string(root().join(path)).unwrap_or_default();
            return match source.contains(&format!("fn {name}()")) {
                true => Ok(Fate::RunBy(by.into())),
                false => Err(format!("{place}: there is no test {by}")),
            };
        }
        match self.language.as_str() {
            "sh" | "console" | "python" | "js" | "yaml" | "json" | "toml" => Ok(Fate::Run),
            other => Err(format!(
                "{place}: nothing runs {other:?}; give samples.rs a way to, or write \
                 `<!-- not run: REASON -->` above it"
            )),
        }
    }

    /// The commands of a console, without what they print.
    fn commands(&self) -> String {
        let (mut kept, mut goes_on, mut until) = (String::new(), false, None);
        for line in self.text.lines() {
            let command = line.strip_prefix("$ ");
            if command.is_none() && !goes_on && until.is_none() {
                continue;
            }
            let text = command.unwrap_or(line);
            kept += &format!("{text}\n");
            if until.as_deref() == Some(text) {
                until = None;
            } else if let Some((_, word)) = text.split_once("<<") {
                until = Some(word.trim().to_owned());
            }
            goes_on = text.ends_with('\\');
        }
        kept
    }
}

/// A server, and a folder in which all blocks of one document are run, one after the other.
struct Desk {
    server: Dev,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { server: Dev::start(), folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// A program with the server's address and the key of who runs it.
    fn program(&self, program: &str, arguments: &[&str], who: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_askfirst")).parent().unwrap().display();
        let mut command = Command::new("/usr/bin/env");
        command.arg(program).args(arguments).env_clear().current_dir(self.folder.path());
        command.env("PATH", format!("{binary}:/usr/local/bin:/usr/bin:/bin"));
        command.env("ASKFIRST_URL", self.server.url());
        command.env("ASKFIRST_KEY", self.server.text(&format!("{who}_key")));
        command.env("APPROVER_KEY", self.server.text("approver_key"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn pending(&self) -> BTreeSet<String> {
        let listed = self.server.approver(&["list", "--status", "pending", "--json"]);
        let listed = listed.expect(0).json();
        let data = listed["data"].as_array().unwrap();
        data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    /// What stands for a reader's own values.
    fn filled_in(&self, block: &Block, text: String) -> String {
        let text = text
            .replace("http://127.0.0.1:8377", self.server.url())
            .replace("ws_acme", self.server.text("workspace"))
            .replace(
                "ASKFIRST_KEY=KEY",
                &format!("ASKFIRST_KEY={}", self.server.text("approver_key")),
            );
        let Some(state) = block.mark("id") else { return text };
        let id = self.server.asked(&[]);
        if state == "approved" {
            self.server.vote(&id, "approve");
        }
        let shown = self.server.agent(&["show", &id, "--json"]).expect(0).json();
        let digest = shown["action_digest"].as_str().unwrap();
        text.replace("DIGEST", digest)
            .replace(" ID", &format!(" {id}"))
            .replace("/ID", &format!("/{id}"))
    }

    fn run(&self, block: &Block) {
        println!("{}:{} {}", block.document, block.line, block.language);
        if block.marks.contains_key("with bundle") {
            let id = self.server.asked(&[]);
            self.server.vote(&id, "approve");
            let script = format!(
                "askfirst proof {id} --bundle --output bundle.json; askfirst jwks --output jwks.json"
            );
            finish(self.program("sh", &["-euc", &script], "agent")).expect(0);
        }
        let who = block.mark("as").unwrap_or("agent");
        let command = match block.language.as_str() {
            "sh" => self.program("bash", &["-euo", "pipefail", "-c", &block.text], who),
            "console" => {
                // A reader would answer the question.
                let answer = "askfirst() { if [ $1 = vote ]; then set -- \"$@\" --yes; fi; command askfirst \"$@\"; }";
                let script = self.filled_in(block, format!("{answer}\n{}", block.commands()));
                self.program("bash", &["-euo", "pipefail", "-c", &script], who)
            }
            "python" => {
                self.write("sample.py", &block.text);
                self.program("python3", &["sample.py"], who)
            }
            "js" => {
                self.write("sample.mjs", &block.text);
                self.program("node", &["sample.mjs"], who)
            }
            "yaml" => {
                self.write("sample.yaml", &block.text);
                self.program("askfirst", &["policy", "check", "sample.yaml"], who)
            }
            "toml" => {
                self.write("sample.toml", &block.text);
                self.program("askfirst", &["config", "check", "--config", "sample.toml"], who)
            }
            "json" if block.marks.contains_key("schema") => {
                return fits(block.mark("schema").unwrap(), &block.text);
            }
            "json" => {
                self.write("sample.json", &block.text);
                let ask = "curl --silent --fail-with-body --json @sample.json \
                    --header \"Authorization: Bearer $ASKFIRST_KEY\" \"$ASKFIRST_URL/v1/approvals\"";
                self.program("sh", &["-euc", ask], who)
            }
            other => panic!("{other}"),
        };
        let done = self.decided(block, command);
        assert_eq!(done.code, 0, "{}:{}\n{}\n{}", block.document, block.line, done.out, done.err);
        if let Some(said) = block.mark("says") {
            assert!(done.out.contains(said), "{}:{}\n{}", block.document, block.line, done.out);
        }
    }

    /// Runs it, and decides meanwhile what it asks, where the block says how.
    fn decided(&self, block: &Block, command: Command) -> Done {
        let Some(decision) = block.mark("decided") else { return finish(command) };
        let before = self.pending();
        let running = Running::start(command);
        let mut asked = None;
        eventually(|| {
            asked = self.pending().difference(&before).next().cloned();
            asked.is_some()
        });
        let id = asked.unwrap();
        let mut vote = vec!["vote", &id];
        vote.extend(decision.split(' '));
        self.server.approver(&[&vote[..], &["--yes"]].concat()).expect(0);
        running.end()
    }
}

/// Holds a document against a shape of the API's description.
fn fits(shape: &str, text: &str) {
    let api = std::fs::read_to_string(root().join("spec/openapi.json")).unwrap();
    let api: Value = serde_json::from_str(&api).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    let schema = &api["components"]["schemas"][shape];
    let known = schema["properties"].as_object().unwrap_or_else(|| panic!("no shape {shape}"));
    for name in schema["required"].as_array().unwrap() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{shape} has {name}");
    }
    for (name, member) in value.as_object().unwrap() {
        assert_eq!(member.is_string(), known[name]["type"] == "string", "{shape}: {name}");
    }
}

fn run_all_of(document: &str) {
    let text = &documents()[document];
    let desk = Desk::new();
    let mut run = 0;
    for block in blocks(document, text) {
        if block.fate() == Ok(Fate::Run) {
            desk.run(&block);
            run += 1;
        }
    }
    assert!(run > 0, "{document} has nothing to run");
}

#[test]
fn the_guide_does_what_it_says() {
    run_all_of("docs/guide.md");
}

#[test]
fn the_readme_does_what_it_says() {
    run_all_of("README.md");
}

#[test]
fn every_other_document_does_what_it_says() {
    run_all_of("docs/operate.md");
    run_all_of("docs/proofs.md");
    run_all_of("docs/webhooks.md");
    run_all_of("docs/dialects/ambedo.md");
    run_all_of("docs/dialects/proof.md");
    run_all_of("docs/dialects/holdon.md");
    let known = [
        "README.md",
        "docs/guide.md",
        "docs/operate.md",
        "docs/proofs.md",
        "docs/webhooks.md",
        "docs/dialects/ambedo.md",
        "docs/dialects/proof.md",
        "docs/dialects/holdon.md",
    ];
    for (document, text) in documents() {
        let run = blocks(&document, &text).iter().any(|block| block.fate() == Ok(Fate::Run));
        assert!(!run || known.contains(&&*document), "{document}: run it in samples.rs");
    }
}

#[test]
fn every_block_is_run_or_says_why_not() {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut broken = Vec::new();
    for (document, text) in documents() {
        for block in blocks(&document, &text) {
            match block.fate() {
                Ok(fate) => {
                    let fate = match fate {
                        Fate::Run => "run here".into(),
                        Fate::RunBy(by) => format!("run by {by}"),
                        Fate::NotRun(reason) => format!("not run: {reason}"),
                    };
                    *counts.entry((format!("{document} {}", block.language), fate)).or_default() +=
                        1;
                }
                Err(what) => broken.push(what),
            }
        }
    }
    for ((what, fate), count) in &counts {
        println!("{count:3}  {what:30} {fate}");
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_block_without_a_runner_or_a_reason_is_found() {
    let found = blocks(
        "docs/x.md",
        "```rust\nx\n```\n\n<!-- not run: no -->\n```sh\nls\n```\n<!-- not run: needs a real host -->\n\n```lua\n```\n<!-- run by: docs/cli.md::gone -->\n```sh\n```\n",
    );
    assert_eq!(found.len(), 4);
    assert!(found[0].fate().unwrap_err().contains("docs/x.md:1: nothing runs \"rust\""));
    assert!(found[1].fate().unwrap_err().contains("say why"));
    // A reason belongs right above its block.
    assert!(found[2].fate().is_err());
    assert!(found[3].fate().unwrap_err().contains("there is no test"));
    let console = blocks("x", "```console\n$ cat <<END\na\nEND\nprinted\n$ b \\\n  c\nmore\n```\n");
    assert_eq!(console[0].commands(), "cat <<END\na\nEND\nb \\\n  c\n");
}

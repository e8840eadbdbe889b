//! Programs that were written for HoldOn: what is printed on its page, run against the real binary
//! with nothing changed but the address and the key.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Dev, Done, Running, eventually, finish};

const HOST: &str = "https://holdon-xlqz.polsia.app";
const CLIENT: &str = include_str!("holdon.js");
const AGENT: &str = include_str!("holdon-agent.js");
/// What it leaves to its reader, and the surroundings that its `await` needs. It polls every three
/// seconds; nobody here has the time.
const BEFORE: &str = "const late = setTimeout;
globalThis.setTimeout = (wake, time) => late(wake, time === 3000 ? 50 : time);
const executeWire = () => console.log('sent');
(async () => {
";
const AFTER: &str = "
console.log(decision.status);
})();
";

const MAKE_KEY: &str = r#"curl -X POST https://holdon-xlqz.polsia.app/api/keys \
  -H "Content-Type: application/json" \
  -d '{"name": "my-agent", "telegram_bot_token": "YOUR_BOT_TOKEN", "telegram_chat_id": "YOUR_CHAT_ID"}'"#;
const ASK: &str = r#"curl -X POST https://holdon-xlqz.polsia.app/api/approvals \
  -H "Authorization: Bearer ho_sk_your_key_here" \
  -H "Content-Type: application/json" \
  -d '{"action": "Send $4,200 wire to vendor", "context": "Invoice #8821", "notify": ["telegram"]}'"#;
const POLL: &str = r#"curl https://holdon-xlqz.polsia.app/api/approvals/APPROVAL_ID \
  -H "Authorization: Bearer ho_sk_your_key_here""#;

fn program(name: &str) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.arg(name).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a line of the page as it is printed, with these in the place of what it leaves open.
fn run(server: &Dev, line: &str, with: &[(&str, &str)]) -> Value {
    assert!(line.contains(HOST), "{line}");
    let line = line.replace(HOST, server.url());
    let line = with.iter().fold(line, |line, (open, given)| line.replace(open, given));
    let mut shell = program("sh");
    shell.args(["-c", &line]);
    serde_json::from_str(&finish(shell).expect(0).out).unwrap()
}

fn open_to_strangers() -> (Dev, tempfile::TempDir) {
    let own = tempfile::tempdir().unwrap();
    let folder = own.path().join("data");
    let mut command = Dev::command(&folder);
    command.arg("--self-service");
    (Dev::run(command, &folder), own)
}

fn key(server: &Dev) -> Done {
    let create = ["keys", "create", "--dialect", "holdon", "--role", "ask", "--name", "agent"];
    server.admin(&[&create[..], &["--json"]].concat())
}

#[test]
fn the_quickstart_of_holdon_runs_as_it_is_printed() {
    let (server, _folder) = open_to_strangers();
    let made = run(&server, MAKE_KEY, &[]);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("ho_sk_dev_"), "{made}");
    assert_eq!(made["api_key"], made["key"]);
    assert_eq!(made["telegram"]["sent"], false, "{made}");
    let keyed = ("ho_sk_your_key_here", key);
    let asked = run(&server, ASK, &[keyed]);
    assert_eq!(asked["status"], "pending", "{asked}");
    let why = asked["notifications"]["telegram"]["error"].as_str().unwrap();
    assert!(why.starts_with("no Telegram is set up here"), "{why}");
    let url = asked["decision_url"].as_str().unwrap();
    let token = url.strip_prefix(&format!("{}/decide/", server.url())).unwrap();

    // Whoever opens the link sees the page; whoever posts to it decides.
    let mut page = program("curl");
    page.args(["--silent", "--fail", &format!("{url}?decision=approved")]);
    assert!(finish(page).expect(0).out.contains("Invoice #8821"));
    let known = [keyed, ("APPROVAL_ID", asked["id"].as_str().unwrap())];
    assert_eq!(run(&server, POLL, &known)["status"], "pending");
    let decide = format!(
        "curl {HOST}/api/decide/{token} --json \
         '{{\"decision\": \"approved\", \"decided_by\": \"john@example.com\"}}'"
    );
    assert_eq!(run(&server, &decide, &[])["status"], "approved");
    let after = run(&server, POLL, &known);
    assert_eq!(
        (&after["status"], &after["decided_by"]),
        (&"approved".into(), &"john@example.com".into())
    );
    // Of the developer's own workspace it sees nothing, and the developer nothing of it.
    let listed = server.approver(&["list", "--json"]).expect(0).json();
    assert_eq!(listed["data"], serde_json::json!([]));
}

#[test]
fn without_the_flag_strangers_make_no_keys() {
    let server = Dev::start();
    let told = run(&server, MAKE_KEY, &[]);
    let told = told["error"].as_str().unwrap();
    assert!(told.contains("self_service = \"open\""), "{told}");
}

#[test]
fn the_client_of_holdon_waits_and_does_as_people_say() {
    let server = Dev::start();
    let key = key(&server).expect(0).json();
    let key = key["key"].as_str().unwrap();
    assert!(key.starts_with("ho_sk_dev_"), "{key}");
    assert_eq!(CLIENT.matches(HOST).count(), 1);
    server.file("holdon.js", &CLIENT.replace(HOST, server.url()));
    server.file("agent.js", &format!("{BEFORE}{AGENT}{AFTER}"));
    for (decision, said) in [("approve", "sent\napproved\n"), ("reject", "rejected\n")] {
        let mut node = program("node");
        node.arg("agent.js").current_dir(&server.folder).env("HOLDON_API_KEY", key);
        let running = Running::start(node);
        let mut asked = None;
        eventually(|| {
            let open = server.approver(&["list", "--status", "pending", "--json"]).expect(0).json();
            asked = open["data"][0]["id"].as_str().map(str::to_owned);
            asked.is_some()
        });
        server.vote(&asked.unwrap(), decision);
        let done = running.end().expect(0);
        assert_eq!(done.out, said, "{}", done.err);
    }
}

//! Programs that were written for other products, run against the real binary with nothing changed
//! but the address and the key.

use std::process::{Command, Stdio};

use crate::support::{Dev, Running, eventually, finish};

/// The example on Ambedo's page, as it is printed there.
const AMBEDO: &str = include_str!("ambedo.js");
/// What it leaves to its reader. It sleeps for three seconds; nobody here has the time.
const READERS_OWN: &str = "const sleep = () => new Promise((wake) => setTimeout(wake, 50));
const continueWithDeploy = () => console.log('deployed');
const abortDeploy = () => console.log('aborted');
";

fn key(server: &Dev, more: &[&str]) -> crate::support::Done {
    let create = ["keys", "create", "--name", "agent", "--dialect", "ambedo", "--json"];
    server.admin(&[&create[..], more].concat())
}

fn program(name: &str) -> Command {
    let mut command = Command::new("/usr/bin/env");
    command.arg(name).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn the_example_of_ambedo_waits_and_does_as_people_say() {
    let server = Dev::start();
    let key = key(&server, &["--role", "ask"]).expect(0).json();
    let key = key["key"].as_str().unwrap();
    assert!(key.starts_with("hitl_dev_"), "{key}");
    assert_eq!(AMBEDO.matches("https://hitl.ambedo.dev").count(), 1);
    assert_eq!(AMBEDO.matches("hitl_your_api_key").count(), 2);
    let moved =
        AMBEDO.replace("https://hitl.ambedo.dev", server.url()).replace("hitl_your_api_key", key);
    server.file("agent.mjs", &format!("{READERS_OWN}{moved}"));
    for (decision, said) in [("approve", "deployed\n"), ("reject", "aborted\n")] {
        let mut node = program("node");
        node.arg("agent.mjs").current_dir(&server.folder);
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

#[test]
fn curl_gets_every_answer_in_ambedos_words() {
    let server = Dev::start();
    let key = key(&server, &["--role", "ask"]).expect(0).json();
    let bearer = format!("Authorization: Bearer {}", key["key"].as_str().unwrap());
    let curl = |arguments: &[&str], path: &str| {
        let mut curl = program("curl");
        curl.args(["--silent", "--write-out", "\n%{http_code} %{content_type}"]).args(arguments);
        let url =
            if path.starts_with("http") { path.into() } else { server.url().to_owned() + path };
        let out = finish({
            curl.arg(url);
            curl
        });
        let out = out.expect(0).out;
        let (body, status) = out.rsplit_once('\n').unwrap();
        (serde_json::from_str::<serde_json::Value>(body).unwrap(), status.to_owned())
    };
    let json = "application/json";
    let ask = ["--header", &bearer, "--json", "{\"action\":\"Mail 4000 customers\"}"];
    let (made, status) = curl(&ask, "/api/pause");
    assert_eq!(status, format!("201 {json}"));
    let url = made["statusUrl"].as_str().unwrap();
    let (known, status) = curl(&["--header", &bearer], url);
    assert_eq!((known, status), (made.clone(), format!("200 {json}")));
    let (listed, status) = curl(&["--header", &bearer], "/api/pause?status=pending");
    assert_eq!((&listed["pauses"][0], status), (&made, format!("200 {json}")));
    // Of its own accord curl sends a form.
    let (told, status) = curl(&["--header", &bearer, "--data", "action=x"], "/api/pause");
    assert_eq!((told.as_object().unwrap().len(), status), (1, format!("415 {json}")));
    let (told, status) = curl(&["--header", &bearer, "--request", "PUT"], url);
    assert_eq!((told.as_object().unwrap().len(), status), (1, format!("405 {json}")));
    let approve = ["--header", &bearer, "--json", "{\"decision\":\"approved\"}"];
    let (told, status) = curl(&approve, &format!("{url}/approve"));
    assert_eq!(status, format!("403 {json}"));
    assert!(told["error"].as_str().unwrap().starts_with("an API key cannot approve or reject"));
}

#[test]
fn a_key_for_ambedo_cannot_be_one_that_decides() {
    let server = Dev::start();
    let refused = key(&server, &["--role", "decide", "--member", "dev@localhost.test"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("has the scope ask and no other"), "{}", refused.err);
    let both = key(&server, &["--role", "ask", "--scopes", "ask"]);
    assert_eq!(both.code, 64, "{}", both.err);
    // Here it is the role that says so, for our own keys too.
    let native = server.admin(&["keys", "create", "--name", "ci", "--role", "ask", "--json"]);
    assert!(native.expect(0).json()["key"].as_str().unwrap().starts_with("af_dev_"));
    key(&server, &["--role", "ask"]).expect(0);
    let listed = server.admin(&["keys", "list"]).expect(0).out;
    assert!(listed.lines().any(|line| line.contains("hitl_dev_") && line.contains("ambedo")));
}

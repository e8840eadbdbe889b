//! From nothing to a decided approval on Telegram, by the command line alone. Telegram is a server
//! that refuses what the real one refuses; the people are its own.

use std::io::{BufReader, Write};
use std::net::TcpStream;

use askfirst_kit::telegram::{Bot, Person, Telegram};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::samples::{blocks, documents};
use crate::screen::Screen;
use crate::support::{Dev, PATIENCE, Running, answer, eventually};

/// A Telegram with a bot, and Ana; and a developer's server.
struct Stage {
    server: Dev,
    runtime: Runtime,
    telegram: Telegram,
    bot: Bot,
    ana: Person,
}

impl Stage {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let telegram = runtime.block_on(Telegram::start()).unwrap();
        let (bot, ana) = {
            let _inside = runtime.enter();
            (telegram.bot("deploy_bot"), telegram.person("Ana"))
        };
        let stage = Self { server: Dev::start(), runtime, telegram, bot, ana };
        stage.server.file("token", &format!("{}\n", stage.bot.token));
        stage
    }

    /// `channels add telegram`, with the token that the file holds.
    fn add(&self, more: &[&str]) -> crate::support::Done {
        let url = self.telegram.url();
        let args = ["channels", "add", "telegram", "--token-file", "token", "--api", &url];
        self.server.admin(&[&args[..], more].concat())
    }

    fn linking(&self, more: &[&str]) -> Running {
        let args = [&["channels", "link", "telegram"], more].concat();
        Running::start(self.server.command_as("admin", &args))
    }

    /// Presses Start by the link that somebody was shown.
    fn start(&self, who: &Person, link: &str) {
        let (bot, code) = link.split_once("?start=").unwrap();
        assert_eq!(bot, "deploy_bot");
        self.telegram.presses_start(who, &self.bot, Some(code)).unwrap();
    }

    /// Presses Start once there is a link to do it by.
    fn starts(&self, who: &Person, running: &mut Running) {
        let link = running.line_with("  https://t.me/");
        self.start(who, &link);
    }

    /// Waits for a message with this text, and taps this button under it.
    fn taps(&self, who: &Person, text: &str, button: &str) {
        let chat = self.bot.chat(who);
        let found = self.telegram.wait_for(text, |world| {
            let mut cards = world.cards(chat);
            cards.find(|card| card.text.contains(text)).map(|card| card.id)
        });
        let card = self.runtime.block_on(found).unwrap();
        self.telegram.taps(who, chat, card, button).unwrap();
    }

    /// Waits until the bot wrote this.
    fn wrote(&self, who: &Person, text: &str) {
        let chat = self.bot.chat(who);
        let found = self.telegram.wait_for(text, |world| {
            world.cards(chat).any(|card| card.text.contains(text)).then_some(())
        });
        self.runtime.block_on(found).unwrap();
    }

    fn call(&self, method: &str, body: &Value) -> Value {
        let url = self.telegram.url();
        let host = url.strip_prefix("http://").unwrap();
        let body = body.to_string();
        let request = format!(
            "POST /bot{}/{method} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.bot.token,
            body.len()
        );
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let (status, body) = answer(&mut BufReader::new(stream));
        assert!(status.contains("200"), "{status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn accounts(&self) -> Vec<Value> {
        let listed = self.server.admin(&["channels", "accounts", "telegram", "--json"]);
        listed.expect(0).json()["data"].as_array().unwrap().clone()
    }
}

#[test]
fn the_three_lines_of_the_readme_lead_to_a_decided_approval() {
    let stage = Stage::new();
    let readme = &documents()["README.md"];
    let block = blocks("README.md", readme).into_iter().find(|block| {
        block.mark("run by").is_some_and(|by| by.contains("the_three_lines_of_the_readme"))
    });
    let lines: Vec<_> = block.unwrap().text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    // What a person does with their hands there: pastes the token, and says yes.
    let hands = format!(
        "askfirst() {{ case \"$2\" in add) set -- \"$@\" --token-file token --api {};; \
         link) set -- \"$@\" --yes {};; esac; command askfirst \"$@\"; }}",
        stage.telegram.url(),
        stage.ana.id
    );
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_askfirst")).parent().unwrap();
    let mut script = stage.server.command_as("agent", &[]);
    let line = |line: &String| {
        let admin = stage.server.text("admin_key");
        line.strip_prefix("$ ").unwrap().replace("ADMIN_KEY", admin)
    };
    let script_text = format!(
        "set -euo pipefail\n{hands}\n{}",
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    );
    let environment: Vec<_> = script
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    script = std::process::Command::new("/usr/bin/bash");
    script.args(["-c", &script_text]).env_clear().envs(environment);
    script.env("PATH", format!("{}:/usr/bin:/bin", binary.display()));
    script.current_dir(&stage.server.folder).stdin(std::process::Stdio::null());
    script.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());

    let began = std::time::Instant::now();
    let mut running = Running::start(script);
    assert!(running.line().ends_with(": @deploy_bot is heard"));
    stage.starts(&stage.ana, &mut running);
    stage.wrote(&stage.ana, "It works");
    let page = running.line_with("page");
    let id = page.rsplit('/').next().unwrap().to_owned();
    stage.taps(&stage.ana, "Deploy v2.1 to production?", "Approve");
    let done = running.end().expect(0);
    println!("from a token to a decided approval: {:?}", began.elapsed());
    assert!(done.out.contains("the claim is in hand"), "{}", done.out);
    assert!(done.out.trim_end().ends_with("deploying"), "{}", done.out);

    let shown = stage.server.agent(&["show", &id, "--json"]).expect(0).json();
    let vote = &shown["votes"][0];
    assert_eq!((&vote["via"], &vote["assurance"]), (&json!("telegram"), &json!("link")), "{vote}");
    // The receipt says it too, to whoever has nothing but the file.
    let out = ["proof", &id, "--bundle", "--output", "bundle.json"];
    stage.server.agent(&out).expect(0);
    stage.server.agent(&["jwks", "--output", "jwks.json"]).expect(0);
    let verified = stage.server.agent(&["verify", "bundle.json", "--trust", "jwks.json"]);
    let verified = verified.expect(0);
    assert!(verified.out.contains("telegram"), "{}", verified.out);
    let mistakes = stage.telegram.look(|world| world.mistakes().to_vec());
    assert!(mistakes.is_empty(), "{mistakes:?}");
}

#[test]
fn another_account_than_the_one_that_was_meant_is_said_no_to() {
    let stage = Stage::new();
    stage.add(&[]).expect(0);
    let mallory = Person {
        id: 6_000_000_001,
        first_name: "Ana\u{202e}\u{1b}[2J".into(),
        last_name: None,
        username: None,
        language_code: None,
    };
    stage.telegram.add_person(mallory.clone());
    let mut running = stage.linking(&["--yes", &stage.ana.id.to_string()]);
    stage.starts(&mallory, &mut running);
    let done = running.end().expect(1);
    assert!(done.err.contains("account 6000000001, who sent the code, and not account"));
    assert!(done.err.contains("nothing is linked"), "{}", done.err);
    assert!(!(done.out + &done.err).contains(['\u{202e}', '\u{1b}']));
    assert_eq!(stage.accounts(), Vec::<Value>::new());
}

#[test]
fn where_nobody_can_be_asked_the_account_is_told_and_confirmed_by_its_number() {
    let stage = Stage::new();
    let said = stage.server.admin(&["channels", "link", "telegram"]).expect(1);
    assert!(said.err.contains("askfirst channels add telegram"), "{}", said.err);
    stage.add(&[]).expect(0);
    let mut running = stage.linking(&["--json"]);
    let link = running.warning();
    let link = link.strip_prefix("open https://t.me/").unwrap();
    stage.start(&stage.ana, link.strip_suffix(" and press Start").unwrap());
    let done = running.end().expect(1);
    let found = done.json();
    assert_eq!(found["found"]["account"], stage.ana.id.to_string());
    let confirm = done.err.split("right account: ").nth(1).unwrap();
    assert_eq!(stage.accounts().len(), 0);

    let args: Vec<_> = confirm.trim().split(' ').skip(1).collect();
    let linked = stage.server.admin(&[&args[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(linked["linked"]["account"], stage.ana.id.to_string());
    assert_eq!(linked["test"]["sent"], true);
    stage.wrote(&stage.ana, "It works");
    // Said twice, it is linked once.
    stage.server.admin(&args).expect(0);
    let listed = stage.server.admin(&["channels", "accounts", "telegram"]).expect(0);
    assert!(listed.out.starts_with("dev@localhost.test"), "{}", listed.out);
    assert!(listed.out.contains("\"Ana\"  link"), "{}", listed.out);

    let asked = stage.server.admin(&["channels", "unlink", "telegram"]).expect(64);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    stage.server.admin(&["channels", "unlink", "telegram", "--yes"]).expect(0);
    assert_eq!(stage.accounts().len(), 0);
    let again = stage.server.admin(&["channels", "unlink", "telegram", "--yes"]).expect(1);
    assert!(again.err.contains("no such linked account"), "{}", again.err);
}

#[test]
fn a_code_that_another_took_the_place_of_is_over() {
    let stage = Stage::new();
    stage.add(&[]).expect(0);
    let mut first = stage.linking(&[]);
    first.line_with("  https://t.me/");
    let mut second = stage.linking(&["--yes", &stage.ana.id.to_string()]);
    let link = second.line_with("  https://t.me/");
    let done = first.end().expect(1);
    assert!(done.err.contains("the code is good no more"), "{}", done.err);
    stage.start(&stage.ana, &link);
    second.end().expect(0);
    assert_eq!(stage.accounts().len(), 1);
}

#[test]
fn a_bot_that_cannot_be_heard_is_said_in_words_and_none_is_made() {
    let stage = Stage::new();
    let refused = |more: &[&str], words: &[&str]| {
        let done = stage.add(more).expect(1);
        for word in words {
            assert!(done.err.contains(word), "{word}: {}", done.err);
        }
        assert!(!done.err.contains(&stage.bot.token), "{}", done.err);
        let listed = stage.server.admin(&["channels", "list", "--json"]).expect(0).json();
        assert_eq!(listed["data"], json!([]));
    };
    stage.server.file("token", "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc");
    refused(&[], &["Telegram does not know this token", "@BotFather"]);
    stage.server.file("token", "my token");
    refused(&[], &["number, colon, letters"]);
    stage.server.file("token", &stage.bot.token);
    stage.call("setWebhook", &json!({ "url": "https://elsewhere.example/hook" }));
    refused(&[], &["elsewhere.example", "--take-over"]);
    let nobody = stage.server.admin(&["channels", "add", "telegram"]).expect(64);
    assert!(nobody.err.contains("--token-file"), "{}", nobody.err);
    stage.server.file("token", "\n");
    let empty = stage.add(&[]).expect(64);
    assert!(empty.err.contains("there is no token in it"), "{}", empty.err);

    stage.server.file("token", &stage.bot.token);
    let made = stage.add(&["--take-over", "--json"]).expect(0).json();
    let id = made["channel"]["id"].as_str().unwrap();
    assert_eq!(stage.call("getWebhookInfo", &json!({}))["result"]["url"], "");
    let twice = stage.add(&[]).expect(1);
    assert!(twice.err.contains("a channel of this kind already"), "{}", twice.err);

    let changed = stage.server.admin(&["channels", "change", id, "--locale", "de"]).expect(0);
    assert_eq!(changed.out, format!("changed {id}: @deploy_bot is heard\n"));
    let other = stage.server.admin(&["channels", "change", id, "--api", "http://127.0.0.1:9"]);
    assert!(other.expect(1).err.contains("give the token again"));

    stage.telegram.revokes(&stage.bot);
    eventually(|| {
        let listed = stage.server.admin(&["channels", "list"]).expect(0).out;
        assert!(listed.contains("@deploy_bot  by polling"), "{listed}");
        listed.contains("--token-file") || listed.contains("token")
    });
    let gone = stage.server.admin(&["channels", "remove", id, "--yes"]).expect(0);
    assert!(gone.out.contains("is removed"), "{}", gone.out);
}

#[test]
fn a_person_at_a_terminal_pastes_the_token_unseen_scans_a_code_and_says_yes() {
    let stage = Stage::new();
    let admin = stage.server.text("admin_key");
    let add = format!("channels add telegram --api {}", stage.telegram.url());
    let mut screen = Screen::run(&stage.server, admin, &add, (100, 60), &[]);
    screen.shows("it is not shown");
    screen.press(&format!("{}\r", stage.bot.token));
    let (code, written) = screen.end();
    assert_eq!(code, 0, "{written}");
    assert!(written.contains("@deploy_bot is heard"), "{written}");
    assert!(!written.contains(&stage.bot.token), "{written}");

    for (answer, code) in [("n\n", 64), ("y\n", 0)] {
        let mut screen =
            Screen::run(&stage.server, admin, "channels link telegram", (100, 60), &[]);
        screen.shows("It is good once");
        let text = screen.text();
        assert!(text.contains('▀') && text.contains('█'), "{text}");
        let link = text.lines().find_map(|line| line.trim().strip_prefix("https://t.me/"));
        stage.start(&stage.ana, link.unwrap());
        screen.shows("Is that you? [y/N]");
        assert!(screen.text().contains(&format!("This is \"Ana\", account {}", stage.ana.id)));
        assert_eq!(stage.accounts().len(), 0);
        screen.press(answer);
        let (ended, written) = screen.end();
        assert_eq!(ended, code, "{written}");
        assert_eq!(written.contains("that it works"), code == 0, "{written}");
    }
    assert_eq!(stage.accounts().len(), 1);
}

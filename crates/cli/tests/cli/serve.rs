//! A real server: `init` on its console, `serve` by its configuration, `config check`.

use std::path::Path;

use serde_json::Value;

use crate::support::{Done, Running, command, finish, run};

/// A configuration file whose server lives in a folder.
pub(crate) fn configuration(folder: &Path) -> String {
    let file = folder.join("askfirst.toml");
    let (data, key) = (folder.join("data"), folder.join("etc/sealing.key"));
    let text = format!(
        "listen = \"127.0.0.1:0\"\npublic_url = \"https://ask.example.com\"\ndata = {data:?}\n\
         sealing_key_file = {key:?}\nlog_format = \"json\"\n"
    );
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

pub(crate) fn init(config: &str) -> Done {
    let who = ["--email", "ana@example.com", "--name", "Ana"];
    let mut args = vec!["init", "--config", config, "--workspace", "Acme", "--json"];
    args.extend(who);
    run(&args)
}

/// Starts it; gives it and its address, which it logs.
fn serve(config: &str) -> (Running, String) {
    serve_with(config, &[])
}

/// The same with more flags.
pub(crate) fn serve_with(config: &str, more: &[&str]) -> (Running, String) {
    serve_as(config, more, &[])
}

/// The same with variables of its own.
pub(crate) fn serve_as(
    config: &str,
    more: &[&str],
    variables: &[(&str, &str)],
) -> (Running, String) {
    // The log is on stderr; a shell puts it where it can be followed.
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "exec \"$0\" \"$@\" 2>&1", env!("CARGO_BIN_EXE_askfirst")]);
    shell.args(["serve", "--config", config]).args(more).env_clear();
    shell.envs(variables.iter().copied());
    shell.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let mut running = Running::start(shell);
    loop {
        let line = running.line();
        let Ok(entry) = serde_json::from_str::<Value>(&line) else { panic!("not JSON: {line}") };
        if entry["message"] == "listening" {
            return (running, format!("http://{}", entry["address"].as_str().unwrap()));
        }
    }
}

fn client(url: &str, key: &str, args: &[&str]) -> Done {
    let mut command = command(args);
    command.env("ASKFIRST_URL", url).env("ASKFIRST_KEY", key);
    finish(command)
}

#[test]
fn init_makes_an_owner_and_serve_serves_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let early = run(&["serve", "--config", &config]).expect(78);
    assert!(early.err.contains("askfirst init"), "{}", early.err);

    let made = init(&config).expect(0).json();
    let admin = made["admin_key"].as_str().unwrap();
    assert!(admin.starts_with("af_live_"), "{admin}");
    let login = made["login_url"].as_str().unwrap();
    assert!(login.starts_with("https://ask.example.com/login/"), "{login}");

    let (server, url) = serve(&config);
    let people = client(&url, admin, &["members", "list", "--json"]).expect(0).json();
    assert_eq!(people["data"][0]["email"], "ana@example.com");
    assert_eq!(people["data"][0]["role"], "owner");
    let keys = ["keys", "create", "--name", "bot", "--scopes", "ask", "--json"];
    let agent = client(&url, admin, &keys).expect(0).json();
    let agent = agent["key"].as_str().unwrap();
    let asked = client(&url, agent, &["ask", "Go?", "--no-wait", "--json"]).expect(0).json();
    assert_eq!(asked["environment"], "live");
    // A key of the console's making must not decide.
    let decide = ["vote", asked["id"].as_str().unwrap(), "approve", "--yes"];
    client(&url, admin, &decide).expect(1);

    // The lock keeps the console out while the server runs.
    let busy = run(&["init", "--config", &config, "--login-link", "ana@example.com"]).expect(78);
    assert!(busy.err.contains("stop it and repeat"), "{}", busy.err);
    assert!(busy.err.contains("askfirst members link ana@example.com"), "{}", busy.err);
    let twice = run(&["serve", "--config", &config]).expect(78);
    assert!(twice.err.contains("another askfirst is using"), "{}", twice.err);
    client(&url, admin, &["members", "link", "ana@example.com"]).expect(0);
    server.signal(rustix::process::Signal::TERM);
    server.end().expect(0);

    let again = init(&config).expect(1);
    assert!(again.err.contains("--login-link"), "{}", again.err);
    let link = ["init", "--config", &config, "--login-link", "ana@example.com", "--json"];
    let link = run(&link).expect(0).json();
    assert_ne!(link["login_url"], made["login_url"]);
    run(&["init", "--config", &config, "--login-link", "nobody@example.com"]).expect(1);
}

/// Runs lines of a shell with the binary on its path, and no variable but a home of its own.
fn shell(home: &Path, lines: &str) -> std::process::Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_askfirst")).parent().unwrap().display();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-euc", lines]).env_clear().current_dir(home).env("HOME", home);
    shell.env("PATH", format!("{binary}:/usr/bin:/bin")).stdin(std::process::Stdio::null());
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    shell
}

/// What a reader would type of the README's part for real servers, on a port of the test's own.
fn for_real() -> Vec<String> {
    let readme = include_str!("../../../../README.md");
    let part = readme.split_once("\n## For real\n").unwrap().1.split_once("\n## ").unwrap().0;
    let block = part.split_once("```console\n").unwrap().1.split_once("```").unwrap().0;
    let mut commands: Vec<String> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push(command.to_owned()),
            (None, Some(last)) => *last = format!("{last}\n{line}"),
            (None, None) => panic!("{line}"),
        }
    }
    commands.iter().map(|command| command.replace("127.0.0.1:8377", "127.0.0.1:0")).collect()
}

#[test]
fn an_ordinary_user_sets_up_a_server_by_the_readme() {
    let home = tempfile::tempdir().unwrap();
    let mut commands = for_real();
    let serve = commands.pop().unwrap();
    let made = finish(shell(home.path(), &commands.join("\n"))).expect(0);
    // What is told to start it is what the README says.
    let told = made.out.lines().find(|line| line.trim().starts_with("askfirst serve")).unwrap();
    let expanded = serve.replace('~', home.path().to_str().unwrap());
    assert_eq!(told.trim(), expanded);
    let mut running = Running::start(shell(home.path(), &format!("exec {} 2>&1", told.trim())));
    let mut line = running.line();
    while !line.contains("listening") {
        assert!(!line.is_empty(), "it ended");
        line = running.line();
    }
    running.signal(rustix::process::Signal::TERM);
    running.end().expect(0);
}

#[test]
fn init_takes_the_flags_of_serve_and_repeats_them() {
    let folder = tempfile::tempdir().unwrap();
    let (data, key) = (folder.path().join("my data"), folder.path().join("key"));
    let place = ["--data", data.to_str().unwrap(), "--sealing-key-file", key.to_str().unwrap()];
    let who = ["--workspace", "Acme", "--email", "ana@example.com", "--name", "Ana"];
    let args: Vec<&str> = ["init"].iter().chain(&place).chain(&who).copied().collect();
    let repeated = format!("--data '{}' --sealing-key-file {}", data.display(), key.display());
    let made = run(&args).expect(0).out;
    assert!(made.contains(&format!("  askfirst serve {repeated}\n")), "{made}");
    let again = run(&args).expect(1).err;
    assert!(again.contains(&format!("`askfirst init {repeated} --login-link EMAIL`")), "{again}");
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (below, good) = (file.join("data"), folder.path().join("good"));
    let init = |data: &Path, key: &Path| {
        let place = ["--data", data.to_str().unwrap(), "--sealing-key-file", key.to_str().unwrap()];
        let who = ["--workspace", "Acme", "--email", "ana@example.com", "--name", "Ana"];
        let args: Vec<&str> = ["init"].iter().chain(&place).chain(&who).copied().collect();
        run(&args).expect(78).err
    };
    let told = init(&below, &good);
    assert!(told.contains("choose a folder of your own with --data DIR"), "{told}");
    let told = init(&good, &below);
    assert!(told.contains("choose a file of your own with --sealing-key-file FILE"), "{told}");
    // Where an account may read and not write, as a service should.
    let told = init(&good, Path::new("/proc/askfirst-sealing.key"));
    assert!(told.contains("it is not there, and it cannot be made"), "{told}");
}

#[test]
fn init_takes_no_nonsense() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    run(&["init", "--config", &config, "--workspace", "Acme"]).expect(64);
    let args = ["init", "--config", &config, "--workspace", "Acme", "--name", "Ana"];
    for email in ["ana", "@example.com", ""] {
        let args: Vec<&str> = args.iter().copied().chain(["--email", email]).collect();
        run(&args).expect(64);
    }
}

#[test]
fn a_public_http_address_is_refused_and_flags_go_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let public = ["serve", "--config", &config, "--public-url", "http://ask.example.com"];
    let refused = run(&public).expect(78);
    assert!(refused.err.contains("public_url") && refused.err.contains("https"), "{}", refused.err);
}

#[test]
fn config_check_says_what_is_so_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let good = run(&["config", "check", "--config", &config, "--json"]).expect(0).json();
    assert_eq!(good["public_url"], "https://ask.example.com");
    assert_eq!(good["signing_key_bits"], 2048, "defaults are filled in");

    let mut varied = command(&["config", "check", "--config", &config, "--json"]);
    varied.env("ASKFIRST_LOG", "debug").env("ASKFIRST_URL", "http://is.not.a.setting");
    assert_eq!(finish(varied).expect(0).json()["log"], "debug");

    for (line, what) in [
        ("lisen = \"127.0.0.1:1\"", "did you mean listen?"),
        ("public-url = \"https://a.example\"", "did you mean public_url?"),
        ("something_else = 1", "`askfirst config default`"),
        ("lisen = 1\nhots = []", "did you mean hosts?"),
        ("trusted_proxies = [\"proxy\"]", "no address such as"),
        ("public_url = \"http://ask.example.com\"", "https"),
        ("signing_key_bits = 1024", "2048"),
        ("not toml", "TOML"),
        ("[outgoing]\nallowed_hosts = [\"http://hook\"]", "is no host: write a name such as"),
        ("[outgoing]\nallowed_hosts = [\"::/0\"]", "is everywhere"),
        ("[outgoing]\nallowed_ports = [0]", "outgoing.allowed_ports: 0 is no port"),
        ("[outgoing]\nallow_loopback = true", "unknown field"),
        ("[outgoing]\nca_file = \"/missing.pem\"", "outgoing.ca_file: /missing.pem"),
    ] {
        let file = folder.path().join("bad.toml");
        std::fs::write(&file, line).unwrap();
        let bad = run(&["config", "check", "--config", file.to_str().unwrap()]).expect(78);
        assert!(bad.err.contains(what), "{line}: {}", bad.err);
    }
    for (public_url, mail, what) in [
        (
            "https://a.example",
            "host = \"10.0.0.1\"\nfrom = \"a@b.example\"",
            "self_service_mail.host: ",
        ),
        (
            "https://a.example",
            "host = \"a.b\"\nport = 80\nfrom = \"a@b.example\"",
            "self_service_mail.port: ",
        ),
        (
            "https://a.example",
            "host = \"a.b\"\nsecurity = \"none\"\nfrom = \"a@b.example\"",
            "self_service_mail.security: ",
        ),
        (
            "https://a.example",
            "host = \"a.b\"\nfrom = \"Ask <a@b.example>\"",
            "self_service_mail.from: ",
        ),
        ("http://127.0.0.1:1", "host = \"a.b\"\nfrom = \"a@b.example\"", "public_url: "),
    ] {
        let file = folder.path().join("bad.toml");
        let open = format!("public_url = {public_url:?}\nself_service = \"open\"");
        std::fs::write(&file, format!("{open}\n[self_service_mail]\n{mail}")).unwrap();
        let bad = run(&["config", "check", "--config", file.to_str().unwrap()]).expect(78);
        assert!(bad.err.contains(what), "{mail}: {}", bad.err);
    }
    run(&["config", "check", "--config", "/missing.toml"]).expect(78);
    let mut misspelt = command(&["config", "check", "--config", &config]);
    misspelt.env("ASKFIRST_LOG_FROMAT", "json");
    let bad = finish(misspelt).expect(78).err;
    assert!(bad.contains("environment") && bad.contains("did you mean log_format?"), "{bad}");
}

#[test]
fn the_default_configuration_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("default.toml");
    std::fs::write(&file, run(&["config", "default"]).expect(0).out).unwrap();
    run(&["config", "check", "--config", file.to_str().unwrap()]).expect(0);
}

#[test]
fn on_a_disk_nearly_full_nothing_new_is_asked_and_people_still_decide() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let admin = init(&config).expect(0).json()["admin_key"].as_str().unwrap().to_owned();
    let (server, url) = serve(&config);
    let key = |name: &str, more: &[&str]| {
        let args = [&["keys", "create", "--name", name, "--json"], more].concat();
        let made = client(&url, &admin, &args).expect(0).json();
        made["key"].as_str().unwrap().to_owned()
    };
    let agent = key("bot", &["--scopes", "ask"]);
    let ask = ["ask", "Go?", "--no-wait", "--json", "--idempotency-key", "one"];
    let asked = client(&url, &agent, &ask).expect(0).json();
    let id = asked["id"].as_str().unwrap();
    server.signal(rustix::process::Signal::TERM);
    server.end().expect(0);

    // No disk has so much room.
    let settings = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{settings}disk_floor_mib = 1000000000000\n")).unwrap();
    let (server, url) = serve(&config);
    let refused = client(&url, &agent, &["ask", "And this?", "--no-wait"]).expect(3);
    assert!(refused.err.contains("make room"), "{}", refused.err);
    // The same question under the same key was asked before, and a repeat takes no room.
    assert_eq!(client(&url, &agent, &ask).expect(0).json()["id"], id);
    client(&url, &agent, &["cancel", id]).expect(0);
    let ended = client(&url, &agent, &["show", id, "--json"]).expect(0).json();
    assert_eq!(ended["status"], "cancelled");
    let list = client(&url, &admin, &["list", "--json"]).expect(0).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "what was refused left nothing");
    let told = client(&url, &agent, &["doctor", "--config", &config]).expect(1).out;
    assert!(told.contains("below disk_floor_mib"), "{told}");
    server.signal(rustix::process::Signal::TERM);
    server.end().expect(0);
}

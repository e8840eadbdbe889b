//! `askfirst doctor`: well and unwell.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Dev, Done, command, eventually, finish, free_port};
use crate::tls::Site;

fn findings(done: &Done) -> Vec<(String, bool)> {
    let told = done.json();
    let finding = |finding: &serde_json::Value| {
        (finding["name"].as_str().unwrap().to_owned(), finding["ok"] == true)
    };
    told["findings"].as_array().unwrap().iter().map(finding).collect()
}

#[test]
fn a_good_server_on_a_good_folder_is_well() {
    let server = Dev::start();
    let data = server.folder.to_str().unwrap();
    let well = server.agent(&["doctor", "--data", data, "--json"]).expect(0);
    let names: Vec<String> = findings(&well).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "server",
        "version",
        "clock",
        "ready",
        "key",
        "data folder",
        "database",
        "disk",
        "sealing key",
        "schema",
        "recorded time",
        "deadlines",
        "webhooks",
        "channels",
    ];
    assert_eq!(names, expected);
    let words = server.agent(&["doctor"]).expect(0).out;
    assert!(words.contains("agent, dev, may: ask"), "{words}");
    assert!(words.contains("schema 1"), "{words}");
}

#[test]
fn each_ill_is_named_with_what_to_do() {
    let server = Dev::start();
    let data = server.folder.to_str().unwrap();
    let chmod = |path: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(server.folder.join(path), mode).unwrap();
    };
    chmod("secrets/sealing.key", 0o644);
    let ill = server.agent(&["doctor", "--data", data]).expect(1);
    assert!(ill.out.contains("chmod 600"), "{}", ill.out);
    chmod("secrets/sealing.key", 0o600);
    let key = server.folder.join("secrets/sealing.key");
    std::fs::write(&key, "7".repeat(64)).unwrap();
    let ill = server.agent(&["doctor", "--data", data]).expect(1);
    assert!(ill.out.contains("put back the one this data was made with"), "{}", ill.out);
    std::fs::remove_file(key).unwrap();
    let ill = server.agent(&["doctor", "--data", data, "--json"]).expect(1);
    assert!(findings(&ill).contains(&("sealing key".to_owned(), false)));
    chmod(".", 0o755);
    let ill = server.agent(&["doctor", "--data", data]).expect(1);
    assert!(ill.out.contains("chmod 700"), "{}", ill.out);

    let cut = &server.text("agent_key")[..40];
    let ill = finish(server.command_with(cut, &["doctor"])).expect(1);
    assert!(ill.out.contains("cut off"), "{}", ill.out);
    let other = Dev::start();
    let ill = finish(server.command_with(other.text("agent_key"), &["doctor", "--json"])).expect(1);
    assert!(findings(&ill).contains(&("key".to_owned(), false)));
}

#[test]
fn a_webhook_that_is_told_nothing_is_named() {
    let server = Dev::start();
    let data = server.folder.to_str().unwrap();
    let wish = serde_json::json!({ "url": "http://127.0.0.1:9/" });
    let (status, hook) = crate::webhooks::call(&server, "POST", "/v1/webhooks", &wish);
    assert_eq!((status, &hook["state"]), (201, &"unconfirmed".into()));
    let ill = server.agent(&["doctor", "--data", data]).expect(1);
    let told = "0 are active; 1 unconfirmed and 0 disabled are told nothing";
    assert!(ill.out.contains(told), "{}", ill.out);
    assert!(ill.out.contains("`askfirst webhooks challenge ID`"), "{}", ill.out);
    assert!(!ill.out.contains("/v1/"), "{}", ill.out);
    let path = format!("/v1/webhooks/{}", hook["id"].as_str().unwrap());
    assert_eq!(crate::webhooks::call(&server, "DELETE", &path, &wish).0, 204);
    server.agent(&["doctor", "--data", data]).expect(0);
}

#[test]
fn a_mail_server_that_takes_nothing_is_named() {
    let server = Dev::start();
    let data = server.folder.to_str().unwrap();
    let wish = serde_json::json!({
        "kind": "email", "host": "127.0.0.1", "port": 9, "security": "none",
        "from": "askfirst@example.com",
    });
    let (status, channel) = crate::webhooks::call(&server, "POST", "/v1/channels", &wish);
    assert_eq!(status, 201);
    let well = server.agent(&["doctor", "--data", data]).expect(0);
    assert!(well.out.contains("1 are set up, and none is down"), "{}", well.out);
    for _ in 0..3 {
        server.asked(&[]);
    }
    let id = channel["id"].as_str().unwrap();
    eventually(|| {
        let doctor = server.agent(&["doctor", "--data", data]);
        doctor.out.contains(&format!("{id} takes nothing since")) && doctor.code == 1
    });
}

#[test]
fn no_server_is_the_first_thing_told() {
    let mut command = command(&["doctor", "--url", "http://127.0.0.1:1", "--json"]);
    command.env("NO_COLOR", "1");
    let ill = finish(command).expect(1);
    assert_eq!(findings(&ill), [("server".to_owned(), false)]);
}

#[test]
fn what_the_data_itself_tells_is_found_beside_the_server_and_without_it() {
    let server = Dev::start();
    let data = server.folder.to_str().unwrap().to_owned();
    server.asked(&["--expires-in", "1"]);
    let _folder = server.kill();
    let doctor = || {
        let mut doctor = command(&["doctor", "--url", "http://127.0.0.1:1", "--json"]);
        doctor.args(["--data", &data]);
        findings(&finish(doctor).expect(1))
    };
    // Nobody is there to end it.
    eventually(|| doctor().contains(&("deadlines".to_owned(), false)));
    assert!(doctor().contains(&("recorded time".to_owned(), true)));
    assert!(doctor().contains(&("schema".to_owned(), true)));
    let database = Path::new(&data).join("askfirst.db");
    std::fs::remove_file(database.with_extension("db-wal")).unwrap();
    std::fs::write(database, "no database, but long enough to be looked at").unwrap();
    assert!(doctor().contains(&("schema".to_owned(), false)));
}

#[test]
fn the_public_address_is_looked_at_as_users_see_it() {
    let site = Site::new();
    let (cert, key) = site.certify("live", "localhost");
    let port = free_port();
    let public = format!("https://localhost:{port}");
    let settings = std::fs::read_to_string(&site.config).unwrap();
    let settings = settings.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    let settings = settings.replace("https://ask.example.com", &public);
    let tls = format!("tls_cert = {cert:?}\ntls_key = {key:?}\n");
    std::fs::write(&site.config, settings + &tls).unwrap();
    let (server, _) = site.serve(&[]);
    let doctor = |trusts: &str| {
        let mut doctor = command(&["doctor", "--url", &public, "--config", &site.config, "--json"]);
        doctor.env("SSL_CERT_FILE", trusts);
        findings(&finish(doctor).expect(1))
    };
    assert!(doctor(&cert).contains(&("public url".to_owned(), true)), "{:?}", doctor(&cert));
    let (other, _) = site.certify("other", "localhost");
    assert!(doctor(&other).contains(&("public url".to_owned(), false)));
    server.signal(rustix::process::Signal::TERM);
    server.end().expect(0);
    assert!(doctor(&cert).contains(&("public url".to_owned(), false)));
}

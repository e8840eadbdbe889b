//! `askfirst doctor`: well and unwell.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Dev, Done, command, finish};

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
    std::fs::remove_file(server.folder.join("secrets/sealing.key")).unwrap();
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
fn no_server_is_the_first_thing_told() {
    let mut command = command(&["doctor", "--url", "http://127.0.0.1:1", "--json"]);
    command.env("NO_COLOR", "1");
    let ill = finish(command).expect(1);
    assert_eq!(findings(&ill), [("server".to_owned(), false)]);
}

//! What was sent, seen and sent again from the command line; and the channel it went by, changed.

use crate::support::{Dev, free_port};

#[test]
fn what_was_sent_is_listed_retried_and_counted() {
    let server = Dev::start();
    let none = server.admin(&["deliveries", "list"]).expect(0);
    assert_eq!(none.out, "nothing was sent that fits\n");
    let port = free_port().to_string();
    let add = [
        "channels",
        "add",
        "email",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--security",
        "none",
        "--from",
        "askfirst@example.com",
        "--json",
    ];
    // Nobody takes the test; the channel is there.
    let made = server.admin(&add).expect(1).json()["channel"].clone();
    let channel = made["id"].as_str().unwrap();
    let asked = server.asked(&[]);
    let found = server.admin(&["deliveries", "list", "--approval", &asked, "--json"]).expect(0);
    let line = found.json()["data"][0].clone();
    assert_eq!((&line["kind"], &line["channel"]), (&"email".into(), &channel.into()));
    let list = server.admin(&["deliveries", "list", "--kind", "email"]).expect(0).out;
    let id = line["id"].as_str().unwrap();
    assert!(list.contains(id) && list.contains("waiting") && list.contains(&asked), "{list}");
    let again = server.admin(&["deliveries", "retry", id]).expect(0).out;
    let due = format!("{id} is due again; it goes out as soon as its channel takes something\n");
    assert_eq!(again, due);

    let change = ["channels", "change", channel, "--from", "other@example.com", "--json"];
    let changed = server.admin(&change).expect(1).json();
    assert_eq!(changed["channel"]["from"], "other@example.com");
    assert_eq!(changed["test"]["sent"], false);
    let nothing = server.admin(&["channels", "change", channel]).expect(64).err;
    assert!(nothing.contains("say what is to be otherwise"), "{nothing}");

    let time = ["deliveries", "replay", "--from", "2020-01-01", "--to", "2090-01-01"];
    let counted = server.admin(&time).expect(0).out;
    assert_eq!(counted, "no events or mails would be sent again\n");
    let with = |more: &[&'static str]| time.iter().chain(more).copied().collect::<Vec<_>>();
    let dry = server.admin(&with(&["--dry-run", "--json"])).expect(0).json();
    assert_eq!((&dry["dry_run"], &dry["count"]), (&true.into(), &0.into()));
    let unsure = server.admin(&with(&["--json"])).expect(0).json();
    assert_eq!(unsure, dry, "there is nothing to confirm");
    let done = server.admin(&with(&["--kind", "email", "--yes"])).expect(0).out;
    assert_eq!(done, "no mails are due again\n");

    server.agent(&["cancel", &asked]).expect(0);
    let over = server.admin(&["deliveries", "retry", id]).expect(1).err;
    assert!(over.contains("its approval has ended"), "{over}");
    let unsure = server.admin(&["channels", "remove", channel]).expect(64).err;
    assert!(unsure.contains("add --yes"), "{unsure}");
    let gone = server.admin(&["channels", "remove", channel, "--yes", "--json"]).expect(0).json();
    assert_eq!((&gone["id"], &gone["removed"]), (&channel.into(), &true.into()));
    server.admin(&["channels", "remove", channel, "--yes"]).expect(1);
    let odd = server.admin(&["deliveries", "retry", "apr_1"]).expect(64).err;
    assert!(odd.contains("dlv_… or ntc_…"), "{odd}");
}

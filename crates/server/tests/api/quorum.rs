//! Who has to agree, told with people, groups and a policy of two needs.

use askfirst_core::administration::Change;
use askfirst_core::{Assurance, Floor, Scope};
use serde_json::json;

use crate::support::TestServer;
use crate::support::workspace::wish;

#[tokio::test]
async fn one_person_in_both_groups_fills_one_seat() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (ana, ben, eve) = (
        workspace.member("ana").await,
        workspace.member("ben").await,
        workspace.member("eve").await,
    );
    workspace.group("sre", &[ana, ben]).await;
    workspace.group("security", &[ana, eve]).await;
    let needs = json!([{ "from": ["group:sre"] }, { "from": ["group:security"] }]);
    workspace.policy("deploys", json!({ "needs": needs })).await;
    let [ana, ben, eve] =
        [workspace.decider(ana).await, workspace.decider(ben).await, workspace.decider(eve).await];
    let agent = server.asker();
    let asked = agent.ask_under("deploys").await;
    assert_eq!(
        asked["remaining"]["words"],
        "2 more approvals: 1 from group:sre and 1 from group:security"
    );
    let once = ana.approve(&asked).await.expect(200);
    assert_eq!((&once["status"], &once["remaining"]["approvals"]), (&json!("pending"), &json!(1)));
    // Ana can sit in either seat, so whoever comes next takes the other.
    assert_eq!(eve.approve(&asked).await.expect(200)["status"], "approved");

    let again = agent.ask_under("deploys").await;
    ana.approve(&again).await.expect(200);
    assert_eq!(ben.approve(&again).await.expect(200)["status"], "approved");
    let third = agent.ask_under("deploys").await;
    let first = ben.approve(&third).await.expect(200);
    assert_eq!(first["remaining"]["words"], "1 more approval: 1 from group:security");
    assert_eq!(
        first["remaining"]["needs"],
        json!([{ "need": 1, "from": ["group:security"], "missing": 1 }])
    );
    let end = eve.reject(&third).await.expect(200);
    assert_eq!(end["decision"]["cause"], "enough approvers rejected it");
    assert_eq!(end["remaining"]["words"], "nothing");
}

#[tokio::test]
async fn it_ends_as_rejected_once_nobody_is_left_who_could_agree() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (ana, ben) = (workspace.member("ana").await, workspace.member("ben").await);
    workspace.group("sre", &[ana, ben]).await;
    let needs = json!([{ "from": ["group:sre"], "count": 2 }]);
    workspace.policy("both", json!({ "needs": needs, "rejections": 2 })).await;
    let ana = workspace.decider(ana).await;
    let asked = server.asker().ask_under("both").await;
    let end = ana.reject(&asked).await.expect(200);
    assert_eq!(end["status"], "rejected");
    let cause = end["decision"]["cause"].as_str().unwrap();
    assert!(cause.starts_with("it cannot be approved any more: 1 more from group:sre"), "{cause}");
}

#[tokio::test]
async fn the_owner_of_the_asking_key_is_kept_out_where_the_policy_or_the_floor_says_so() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let ana_id = workspace.member("ana").await;
    let ana = workspace.decider(ana_id).await;
    workspace.policy("apart", json!({ "separate": { "owner": true } })).await;
    let (agent, dev) = (server.asker(), server.dev());
    let apart = agent.ask_under("apart").await;
    assert_eq!(dev.approve(&apart).await.problem(), "403 owner_cannot_decide");
    assert_eq!(ana.approve(&apart).await.expect(200)["status"], "approved");

    let open = agent.ask("a").await;
    let floor = json!({ "floor": { "assurance": "key", "separate_owner": true } });
    let set = server.admin().call(hyper::Method::PATCH, "/v1/workspace").json(&floor);
    assert_eq!(set.send().await.expect(200)["floor"], floor["floor"]);
    // The floor holds for what was asked before as well.
    assert_eq!(dev.approve(&open).await.problem(), "403 owner_cannot_decide");

    // A key that ana answers for leaves her out, and lets dev in.
    let mut hers = wish(&[Scope::Ask]);
    hers.owner = Some(ana_id);
    let hers = server.with_key(&workspace.key(hers).await.1);
    let asked = hers.ask("b").await;
    assert_eq!(ana.approve(&asked).await.problem(), "403 owner_cannot_decide");
    assert_eq!(dev.approve(&asked).await.expect(200)["status"], "approved");
}

#[tokio::test]
async fn the_floor_raises_every_policy() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("a").await;
    let floor = Floor { assurance: Assurance::Passkey, separate_owner: false };
    let change = Change::SetWorkspace {
        name: None,
        default_policy: None,
        floor: Some(floor),
        retention_days: None,
        callback_hosts: None,
    };
    server.workspace().change(change).await;
    let answer = dev.approve(&asked).await;
    assert_eq!(answer.problem(), "403 assurance_too_low");
    assert_eq!(answer.json()["assurance"]["needed"], "passkey");
}

#[tokio::test]
async fn rules_are_frozen_when_asked_and_people_are_as_they_are_now() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (ana, ben) = (workspace.member("ana").await, workspace.member("ben").await);
    let sre = workspace.group("sre", &[ana]).await;
    let two =
        json!({ "needs": [{ "from": ["group:sre", "member:dev@localhost.test"], "count": 2 }] });
    workspace.policy("p", two).await;
    let agent = server.asker();
    let asked = agent.ask_under("p").await;
    let loosened = workspace.policy("p", json!({})).await;
    assert_eq!(loosened["version"], 2);
    let removed = server.admin().call(hyper::Method::DELETE, "/v1/policies/p").send().await;
    removed.expect(204);
    let kept = agent.read(&asked).await;
    assert_eq!(
        (&kept["policy"]["version"], &kept["remaining"]["approvals"]),
        (&json!(1), &json!(2))
    );

    workspace.change(Change::SetGroup { id: sre, members: [ben].into() }).await;
    let (ana, ben) = (workspace.decider(ana).await, workspace.decider(ben).await);
    assert_eq!(ana.approve(&asked).await.problem(), "403 not_an_approver");
    ben.approve(&asked).await.expect(200);
    assert_eq!(server.dev().approve(&asked).await.expect(200)["status"], "approved");
}

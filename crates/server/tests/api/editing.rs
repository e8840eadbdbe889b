//! Approvers change what is asked for, or fill in a form; the asker gets the last of it, proved.

use serde_json::{Value, json};

use crate::story::audited;
use crate::support::client::path_of;
use crate::support::{Client, TestServer};

fn body(more: Value) -> Value {
    let arguments = json!({ "version": "2.1", "share": 10 });
    let mut body = json!({
        "action": { "name": "deploy", "title": "Deploy?", "arguments": arguments },
        "policy": "two",
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

async fn two(server: &TestServer) -> (Client, Client) {
    let (ana, ben) = (server.approver("ana").await, server.approver("ben").await);
    let needs = json!({ "needs": [{ "from": ["members"], "count": 2 }], "assurance": "key" });
    server.workspace().policy("two", needs).await;
    (ana, ben)
}

fn vote(by: &Client, on: &Value, more: Value) -> crate::support::client::Call {
    let mut body = json!({ "decision": "approve", "action_digest": on["action_digest"] });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    by.post(path_of(on, "/vote"), &body)
}

#[tokio::test]
async fn an_edit_asks_the_others_again_and_only_what_it_made_can_be_claimed() {
    let server = TestServer::start().await;
    let (ana, ben) = two(&server).await;
    let agent = server.asker();
    let editable = json!({ "editable": ["/arguments/version", "/target"] });
    let asked = agent.post("/v1/approvals", &body(editable)).send().await.expect(201);
    vote(&ana, &asked, json!({})).send().await.expect(200);
    let edits = json!({ "edits": { "/arguments/version": "2.2" } });
    let changed = vote(&ben, &asked, edits).send().await.expect(200);
    assert_eq!(changed["status"], "pending");
    assert_eq!(changed["action"]["arguments"]["version"], "2.2");
    assert_eq!(changed["remaining"]["approvals"], 1);
    assert_eq!(changed["votes"][0]["counts"], false);
    assert_eq!(changed["revisions"][1]["by"]["email"], "ben@example.com");
    assert_eq!(changed["revisions"][0]["action"]["arguments"]["version"], "2.1");

    assert_eq!(vote(&ana, &asked, json!({})).send().await.problem(), "409 stale_digest");
    let done = vote(&ana, &changed, json!({})).send().await.expect(200);
    assert_eq!(done["status"], "approved");
    assert_eq!(agent.consume(&asked).await.problem(), "409 stale_digest");
    assert_eq!(agent.consume(&done).await.expect(200)["claim"]["state"], "claimed");
    let standing = audited(&server, &agent, &done).await;
    assert_eq!(standing, askfirst_proof::verdict::Standing::Usable);

    let proof = agent.proof(&done).await;
    let claims = crate::story::claims(&proof);
    assert_eq!(claims["asked_digest"], asked["action_digest"]);
    assert_eq!(claims["action_digest"], done["action_digest"]);
    assert_eq!(claims["votes"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_bad_edit_says_where_and_changes_nothing() {
    let server = TestServer::start().await;
    let (ana, _) = two(&server).await;
    let agent = server.asker();
    let editable = json!({ "editable": ["/arguments/version"] });
    let asked = agent.post("/v1/approvals", &body(editable)).send().await.expect(201);
    for (more, problem, place) in [
        (
            json!({ "edits": { "/arguments/share": 100 } }),
            "422 not_editable",
            "/edits/~1arguments~1share",
        ),
        (
            json!({ "edits": { "/arguments/version/0": 1 } }),
            "422 invalid",
            "/edits/~1arguments~1version~10",
        ),
        (json!({ "answer": 1 }), "422 invalid", "/answer"),
        (
            json!({ "decision": "reject", "edits": { "/arguments/version": "3" } }),
            "422 invalid",
            "/edits",
        ),
        (
            json!({ "decision": "more_info", "comment": "?", "edits": { "/arguments/version": "3" } }),
            "422 invalid",
            "/decision",
        ),
        (json!({ "edits": { "/title": "Harmless" } }), "400 bad_request", "/edits/~1title"),
    ] {
        let answer = vote(&ana, &asked, more.clone()).send().await;
        assert_eq!(answer.problem(), problem, "{more}");
        if problem != "400 bad_request" {
            assert_eq!(answer.pointers(), [place], "{more}");
        }
    }
    assert_eq!(agent.read(&asked).await["version"], 1);
    // The asker does not get to change it by voting either.
    let own = vote(&agent, &asked, json!({ "edits": { "/arguments/version": "3" } }));
    assert_eq!(own.send().await.problem(), "403 asker_cannot_decide");
}

#[tokio::test]
async fn what_an_ask_opens_must_be_there() {
    let server = TestServer::start().await;
    two(&server).await;
    let agent = server.asker();
    for (field, value, place) in [
        ("editable", json!(["/arguments/version", "/arguments/nope"]), "/editable/1"),
        ("editable", Value::from(vec!["/target"; 33]), "/editable"),
        ("answer_schema", json!({ "$ref": "http://127.0.0.1:9/x" }), "/answer_schema/$ref"),
        ("answer_schema", json!({ "type": "nothing" }), "/answer_schema/type"),
    ] {
        let answer = agent.post("/v1/approvals", &body(json!({ field: value }))).send().await;
        assert_eq!(answer.problem(), "422 invalid", "{field}");
        assert_eq!(answer.pointers(), [place]);
    }
    let answer = agent.post("/v1/approvals", &body(json!({ "editable": ["/title"] }))).send().await;
    assert_eq!(answer.problem(), "400 bad_request");
}

#[tokio::test]
async fn a_form_is_filled_in_checked_and_proved() {
    let server = TestServer::start().await;
    let (ana, ben) = two(&server).await;
    let agent = server.asker();
    let schema = json!({
        "type": "object",
        "properties": { "region": { "enum": ["eu", "us"] }, "share": { "type": "integer", "maximum": 50 } },
        "required": ["region"],
        "additionalProperties": false,
    });
    let form = json!({ "answer_schema": schema });
    let asked = agent.post("/v1/approvals", &body(form)).send().await.expect(201);
    assert_eq!(vote(&ana, &asked, json!({})).send().await.problem(), "422 answer_missing");
    let bad =
        vote(&ana, &asked, json!({ "answer": { "region": "mars", "share": 51 } })).send().await;
    assert_eq!(bad.problem(), "422 answer_unfit");
    assert_eq!(bad.pointers(), ["/answer/region", "/answer/share"]);

    let fill_in = |region: &str| json!({ "answer": { "region": region, "share": 5 } });
    vote(&ana, &asked, fill_in("eu")).send().await.expect(200);
    let differs = vote(&ben, &asked, fill_in("us")).send().await.expect(200);
    assert_eq!(
        (&differs["status"], &differs["votes"][0]["counts"]),
        (&json!("pending"), &json!(false))
    );
    let done = vote(&ana, &asked, fill_in("us")).send().await.expect(200);
    assert_eq!(done["status"], "approved");
    assert_eq!(done["decision"]["answer"], json!({ "region": "us", "share": 5 }));
    let standing = audited(&server, &agent, &done).await;
    assert_eq!(standing, askfirst_proof::verdict::Standing::Usable);
    let claims = crate::story::claims(&agent.proof(&done).await);
    let digest = askfirst_proof::json_digest(&done["decision"]["answer"]).unwrap().to_string();
    assert_eq!(claims["answer_digest"], digest);
}

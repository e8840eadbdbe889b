//! Who may use which route: every route of the description with every kind of credential, held
//! against the table in `access.txt`. A route without a line there fails; so does a line without
//! a route. `UPDATE_SPEC=1` writes the table anew, for reading before it is kept.

use std::collections::BTreeMap;
use std::fmt::Write;

use askfirst_core::{Dialect, Environment, Scope};
use hyper::Method;
use serde_json::{Value, json};

use crate::channels::mailbox;
use crate::support::client::{path_of, question};
use crate::support::receiver::Receiver;
use crate::support::workspace::{Workspace, wish};
use crate::support::{Client, TestServer};

/// What the table says of itself.
const HEAD: &str = "\
# + lets in; a number is the status of the refusal. The approvals are those of the key `ask`.
# t- are test keys of the same workspace, f- keys of another one: what is + for those without an
# id in the path is their own workspace's. `ambedo`, `proof` and `holdon` are keys of other products'
# APIs: nothing here opens to them that does not open to everybody.
";

/// Everyone who tries, by the column of the table.
async fn callers(
    server: &TestServer,
    ours: &Workspace<'_>,
    asker: &Client,
) -> Vec<(&'static str, Client)> {
    let theirs = server.found("rival").await;
    let ana = ours.approver("ana").await;
    vec![
        ("nobody", server.stranger()),
        ("ask", asker.clone()),
        ("inline", ours.client(&[Scope::Ask, Scope::InlinePolicies]).await),
        ("read", ours.client(&[Scope::ReadAll]).await),
        ("decide", ana),
        ("policy", ours.client(&[Scope::Policies]).await),
        ("member", ours.client(&[Scope::Members]).await),
        ("keys", ours.client(&[Scope::Keys]).await),
        ("audit", ours.client(&[Scope::Audit]).await),
        ("chans", ours.client(&[Scope::Channels]).await),
        ("space", ours.client(&[Scope::Workspace]).await),
        ("admin", ours.client(&Scope::ADMINISTER).await),
        ("t-ask", ours.client_in(Environment::Test, &[Scope::Ask]).await),
        ("t-read", ours.client_in(Environment::Test, &[Scope::ReadAll]).await),
        ("ambedo", ours.foreign(Dialect::Ambedo, "open").await),
        ("proof", ours.foreign(Dialect::Proof, "open").await),
        ("holdon", ours.foreign(Dialect::Holdon, "open").await),
        ("f-ask", theirs.asker().await),
        ("f-dec", theirs.approver("zoe").await),
        ("f-adm", theirs.client(&Scope::ADMINISTER).await),
    ]
}

/// The scene: what exists for a route to act on, made anew once a try has used it up.
struct Scene<'a> {
    ours: Workspace<'a>,
    asker: Client,
    voter: Client,
    count: std::cell::Cell<u32>,
}

impl Scene<'_> {
    fn fresh(&self) -> String {
        self.count.set(self.count.get() + 1);
        format!("x{}", self.count.get())
    }

    async fn pending(&self) -> Value {
        self.asker.ask_under("open").await
    }

    async fn approved(&self) -> Value {
        let asked = self.pending().await;
        self.voter.approve(&asked).await.expect(200)
    }

    /// The approval of a confirmation that was approved, and so has a proof token.
    async fn proven(&self) -> Value {
        let program = self.ours.foreign(Dialect::Proof, "open").await;
        let config = json!({ "name": "Releases", "channels": [{ "type": "browser" }] });
        let config = program.post("/api/v1/hitl", &config).send().await.expect(201);
        let body = json!({ "hitl_id": config["id"], "message": "Deploy?" });
        program.post("/api/v1/confirmations", &body).send().await.expect(201);
        let newest = self.voter.get("/v1/approvals?limit=1").await.expect(200);
        self.voter.approve(&newest["data"][0]).await.expect(200)
    }

    /// Makes room for a channel.
    async fn no_channel(&self) {
        let admin = self.ours.client(&[Scope::Channels]).await;
        let known = admin.get("/v1/channels").await.expect(200);
        for channel in known["data"].as_array().unwrap() {
            let path = format!("/v1/channels/{}", channel["id"].as_str().unwrap());
            admin.call(Method::DELETE, path).send().await;
        }
    }

    /// A webhook, alone, and something that is sent to it.
    async fn webhook(&self) -> (String, String) {
        let admin = self.ours.client(&[Scope::Workspace]).await;
        let known = admin.get("/v1/webhooks").await.expect(200);
        for webhook in known["data"].as_array().unwrap() {
            let id = webhook["id"].as_str().unwrap();
            admin.call(Method::DELETE, format!("/v1/webhooks/{id}")).send().await;
        }
        let wish = json!({ "url": Receiver::start().await.url() });
        let made = admin.post("/v1/webhooks", &wish).send().await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        self.pending().await;
        let log = admin.get(format!("/v1/webhooks/{id}/deliveries")).await.expect(200);
        (id, log["data"][0]["id"].as_str().unwrap().to_owned())
    }

    /// Path and body for a try.
    async fn prepare(&self, method: &Method, route: &str) -> (String, Option<Value>) {
        let name = self.fresh();
        let on = |approval: &Value| {
            let rest = route.trim_start_matches("/v1/approvals/{id}");
            path_of(approval, rest)
        };
        let digest = |approval: &Value| json!({ "action_digest": approval["action_digest"] });
        let needs = json!([{ "from": ["members"] }]);
        let document = json!({ "name": name, "needs": needs, "assurance": "key" });
        let email = format!("{name}@example.com");
        match (method.as_str(), route) {
            ("POST", "/v1/approvals") => {
                (route.into(), Some(question("a", json!({ "policy": "open" }))))
            }
            ("GET", "/v1/approvals/{id}" | "/v1/approvals/{id}/events") => {
                (on(&self.pending().await), None)
            }
            ("GET", "/v1/approvals/{id}/proof") => {
                let ended = self.approved().await;
                self.asker.proof(&ended).await;
                (on(&ended), None)
            }
            ("POST", "/v1/approvals/{id}/vote") => {
                let asked = self.pending().await;
                let mut body = digest(&asked);
                body["decision"] = json!("approve");
                (on(&asked), Some(body))
            }
            ("POST", "/v1/votes") => {
                let asked = self.pending().await;
                let mut ballot = digest(&asked);
                ballot["decision"] = json!("approve");
                ballot["id"] = asked["id"].clone();
                (route.into(), Some(json!({ "votes": [ballot] })))
            }
            ("POST", "/v1/approvals/{id}/reply") => {
                let asked = self.pending().await;
                let mut body = digest(&asked);
                body["decision"] = json!("more_info");
                body["comment"] = json!("why?");
                self.voter.post(path_of(&asked, "/vote"), &body).send().await.expect(200);
                (on(&asked), Some(json!({ "number": 1, "text": "because" })))
            }
            ("POST", "/v1/approvals/{id}/links") => {
                let member = self.ours.member(&name).await.to_string();
                (on(&self.pending().await), Some(json!({ "member": member })))
            }
            (_, "/v1/grants/{id}") => {
                let policy = json!({ "assurance": "key", "grants": { "for": "1h", "uses": 1 } });
                self.ours.policy(&name, policy).await;
                let asked = self.asker.ask_under(&name).await;
                let mut body = digest(&asked);
                body["decision"] = json!("approve");
                body["grant"] = json!({ "for": 60, "uses": 1 });
                let done = self.voter.post(path_of(&asked, "/vote"), &body).send().await;
                let done = done.expect(200);
                let id = done["votes"][0]["granted"].as_str().unwrap();
                (route.replace("{id}", id), None)
            }
            ("POST", "/v1/approvals/{id}/look") => (on(&self.pending().await), Some(json!({}))),
            ("POST", "/v1/approvals/{id}/cancel") => (on(&self.pending().await), Some(json!({}))),
            ("POST", "/v1/approvals/{id}/revoke") => (on(&self.approved().await), Some(json!({}))),
            ("POST", "/v1/approvals/{id}/consume") => {
                let ended = self.approved().await;
                (on(&ended), Some(digest(&ended)))
            }
            ("POST", "/v1/approvals/{id}/outcome") => {
                let ended = self.approved().await;
                self.asker.consume(&ended).await.expect(200);
                (on(&ended), Some(json!({ "status": "failed" })))
            }
            ("POST", "/v1/approvals/{id}/proof-token/revoke") => {
                (on(&self.proven().await), Some(json!({})))
            }
            ("POST", "/v1/policies") => (route.into(), Some(document)),
            (_, "/v1/policies/{name}" | "/v1/policies/{name}/versions") => {
                self.ours.policy(&name, json!({})).await;
                (route.replace("{name}", &name), None)
            }
            ("POST", "/v1/members") => {
                (route.into(), Some(json!({ "email": email, "name": name })))
            }
            (_, "/v1/members/{id}/delegation") => {
                let to = self.ours.member(&format!("{name}-delegate")).await;
                let id = self.ours.member(&name).await.to_string();
                let body = json!({ "to": to.to_string(), "until": "2030-06-01T00:00:00Z" });
                (route.replace("{id}", &id), (method == Method::PUT).then_some(body))
            }
            (
                _,
                "/v1/members/{id}" | "/v1/members/{id}/login-link" | "/v1/members/{id}/password",
            ) => {
                let id = self.ours.member(&name).await.to_string();
                let body = matches!(method.as_str(), "PATCH" | "POST").then(|| json!({}));
                (route.replace("{id}", &id), body)
            }
            (_, "/v1/members/{id}/sessions" | "/v1/members/{id}/sessions/{session}") => {
                let member = self.ours.member(&name).await;
                self.ours.sign_in(member).await;
                let store = self.ours.server.service.store();
                let open = store.sessions(self.ours.id, member).await.unwrap();
                let path = route.replace("{id}", &member.to_string());
                (path.replace("{session}", &open[0].id.to_string()), None)
            }
            ("POST", "/v1/groups") => (route.into(), Some(json!({ "name": name }))),
            (_, "/v1/groups/{id}" | "/v1/groups/{id}/members") => {
                let id = self.ours.group(&name, &[]).await.to_string();
                let body = (method == Method::PUT).then(|| json!({ "members": [] }));
                (route.replace("{id}", &id), body)
            }
            ("POST", "/v1/keys") => {
                (route.into(), Some(json!({ "name": name, "scopes": ["audit"] })))
            }
            ("DELETE", "/v1/keys/{id}") => {
                let (id, _) = self.ours.key(wish(&[Scope::Audit])).await;
                (route.replace("{id}", &id), None)
            }
            ("POST", "/v1/approvals/{id}/erase") => {
                let asked = self.pending().await;
                (on(&self.asker.cancel(&asked).await.expect(200)), Some(json!({})))
            }
            (_, "/v1/approvals/{id}/hold") => {
                let body = (method == Method::PUT).then(|| json!({ "reason": "why" }));
                (on(&self.pending().await), body)
            }
            ("PUT", "/v1/workspace/hold") => (route.into(), Some(json!({ "reason": "why" }))),
            ("DELETE", "/v1/workspace/hold") => (route.into(), None),
            ("POST", "/v1/channels") => {
                self.no_channel().await;
                (route.into(), Some(mailbox(9)))
            }
            (_, "/v1/channels/{id}" | "/v1/channels/{id}/notices" | "/v1/channels/{id}/test") => {
                self.no_channel().await;
                let admin = self.ours.client(&[Scope::Channels]).await;
                let made = admin.post("/v1/channels", &mailbox(9)).send().await.expect(201);
                let body = matches!(method.as_str(), "POST" | "PATCH").then(|| json!({}));
                (route.replace("{id}", made["id"].as_str().unwrap()), body)
            }
            (_, bots) if bots.starts_with("/v1/channels/{id}/") => {
                self.no_channel().await;
                crate::telegram::access::prepare(&self.ours, method, route, &name).await
            }
            ("POST", "/v1/webhooks") => {
                (route.into(), Some(json!({ "url": "http://127.0.0.1:9/", "environment": "test" })))
            }
            (_, "/v1/webhooks/{id}" | "/v1/webhooks/{id}/deliveries") => {
                let (id, _) = self.webhook().await;
                (route.replace("{id}", &id), None)
            }
            ("POST", "/v1/webhooks/{id}/challenge" | "/v1/webhooks/{id}/rotate") => {
                (route.replace("{id}", &self.webhook().await.0), None)
            }
            ("POST", "/v1/deliveries/{id}/retry") => {
                let (_, delivery) = self.webhook().await;
                (route.replace("{id}", &delivery), None)
            }
            ("POST", "/v1/deliveries/replay") => {
                (route.into(), Some(json!({ "from": "2030-01-01", "to": "2030-01-02" })))
            }
            ("PATCH", "/v1/workspace") => (route.into(), Some(json!({}))),
            ("GET", plain) if !plain.contains('{') => (plain.into(), None),
            _ => panic!(
                "{method} {route} is new: say here how it is tried, and in access.txt who may"
            ),
        }
    }
}

/// Every documented route with its method.
pub(crate) fn routes() -> Vec<(Method, String)> {
    let description = askfirst_server::http::openapi();
    let paths = description["paths"].as_object().unwrap().clone();
    let mut all = Vec::new();
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            all.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    all
}

/// So many tests share the walk, each with a server of its own.
const PARTS: usize = 6;

/// The head of the table, and each line of it that is in one of these parts.
async fn walk(parts: std::ops::Range<usize>) -> (String, BTreeMap<usize, String>) {
    let server = TestServer::start().await;
    let ours = server.found("acme").await;
    ours.policy("open", json!({})).await;
    let asker = ours.asker().await;
    let voter = ours.approver("ben").await;
    let callers = callers(&server, &ours, &asker).await;
    server.signing().await;
    let scene = Scene { ours, asker, voter, count: 0.into() };

    let mut head = String::from(HEAD);
    write!(head, "{:<42}", "#").unwrap();
    for (who, _) in &callers {
        write!(head, " {who:<6}").unwrap();
    }
    let mut lines = BTreeMap::new();
    for (number, (method, route)) in sorted_routes().into_iter().enumerate() {
        if !parts.contains(&(number % PARTS)) {
            continue;
        }
        let mut line = format!("{:<42}", format!("{method} {route}"));
        let mut unspent = None;
        for (_, client) in &callers {
            let (path, body) = match unspent.take() {
                Some(scene) => scene,
                None => scene.prepare(&method, &route).await,
            };
            let call = client.call(method.clone(), path.clone());
            let call = body.iter().fold(call, |call, body| call.json(body));
            // The head is enough; an event stream has no end.
            let status = call.open().await.status();
            let cell =
                if status.is_success() { "+".to_owned() } else { status.as_u16().to_string() };
            write!(line, " {cell:<6}").unwrap();
            // Reading changes nothing; nor does what is refused, or the next in the row is.
            if method == Method::GET || !status.is_success() {
                unspent = Some((path, body));
            }
        }
        lines.insert(number, line.trim_end().to_owned());
    }
    (head.trim_end().to_owned(), lines)
}

fn sorted_routes() -> Vec<(Method, String)> {
    let mut all: Vec<_> = routes().into_iter().collect();
    all.sort_by_key(|(method, route)| (route.clone(), method.to_string()));
    all
}

/// Holds a part of the routes against the table.
async fn every_route_opens_to_those_in_the_table_and_to_no_one_else(part: usize) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/access.txt");
    if crate::updating() {
        // One alone writes it.
        if part == 0 {
            let (head, lines) = walk(0..PARTS).await;
            let lines: Vec<_> = lines.into_values().collect();
            std::fs::write(file, format!("{head}\n{}\n", lines.join("\n"))).unwrap();
        }
        return;
    }
    let (head, lines) = walk(part..part + 1).await;
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let Some(kept) = kept.strip_prefix(&format!("{head}\n")) else {
        panic!("the table has another head, or other callers");
    };
    let kept: Vec<_> = kept.lines().collect();
    assert_eq!(kept.len(), sorted_routes().len(), "a line for each route, and none besides");
    for (number, now) in lines {
        assert_eq!(kept[number], now);
    }
}

#[test]
fn keys_of_other_apis_reach_nothing_here_that_is_not_open_to_everybody() {
    let table = include_str!("access.txt");
    let mut lines = table.lines().skip(HEAD.lines().count());
    let columns: Vec<_> = lines.next().unwrap().split_whitespace().skip(1).collect();
    for dialect in Dialect::ALL.into_iter().filter(|dialect| !dialect.is_native()) {
        let column = columns.iter().position(|who| *who == dialect.as_str());
        let column = column.unwrap_or_else(|| panic!("{dialect} has no column"));
        for line in lines.clone() {
            let cells: Vec<_> = line.split_whitespace().skip(2).collect();
            let (nobody, theirs) = (cells[0], cells[column]);
            assert!(theirs == "401" || theirs == nobody, "{dialect}: {line}");
        }
    }
}

macro_rules! in_parts {
    ($($name:ident = $part:literal),+) => {
        mod in_parts {
            $(#[tokio::test]
            async fn $name() {
                super::every_route_opens_to_those_in_the_table_and_to_no_one_else($part).await;
            })+

            #[test]
            fn all_parts_are_tried() {
                assert_eq!([$($part),+], std::array::from_fn::<usize, { super::PARTS }, _>(|part| part));
            }
        }
    };
}

in_parts!(first = 0, second = 1, third = 2, fourth = 3, fifth = 4, sixth = 5);

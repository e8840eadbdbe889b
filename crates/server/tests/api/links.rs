//! Links by which one person decides one approval: made, used once, and worth nothing elsewhere.

use std::collections::BTreeMap;

use askfirst_core::Scope;
use hyper::Method;
use serde_json::{Value, json};

use crate::support::client::path_of;
use crate::support::{Client, TestServer};

/// A browser without a session: it keeps cookies and posts forms from our own pages.
struct Browser<'a> {
    client: &'a Client,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    fn new(client: &'a Client) -> Self {
        Self { client, cookies: BTreeMap::new() }
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        self.send(self.client.call(Method::GET, path)).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let call = self.client.call(Method::POST, path).header("sec-fetch-site", "same-origin");
        let call = call.header("content-type", "application/x-www-form-urlencoded");
        let body: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        self.send(call.bytes(body.join("&"))).await
    }

    async fn send(&mut self, call: crate::support::client::Call) -> (u16, String) {
        let pairs: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let call = if pairs.is_empty() { call } else { call.header("cookie", &pairs.join("; ")) };
        let answer = call.send().await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.into(), value.into());
        }
        (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
    }
}

fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }
        })
        .collect()
}

/// The hidden fields of a page's forms.
fn hidden(html: &str) -> BTreeMap<String, String> {
    let fields = html.split("<input type=\"hidden\" ").skip(1).filter_map(|rest| {
        let attribute = |name: &str| {
            let start = rest.find(&format!("{name}=\""))? + name.len() + 2;
            Some(rest[start..].split('"').next()?.to_owned())
        };
        Some((attribute("name")?, attribute("value")?))
    });
    fields.collect()
}

async fn link(server: &TestServer, asked: &Value, member: &str) -> String {
    let made = server.admin().post(path_of(asked, "/links"), &json!({ "member": member }));
    let made = made.send().await.expect(201);
    let url = made["url"].as_str().unwrap().to_owned();
    url[url.find("/d/").unwrap()..].to_owned()
}

async fn asked_under_links(server: &TestServer) -> Value {
    let needs = json!({ "needs": [{ "from": ["members"] }], "assurance": "key" });
    server.workspace().policy("links", needs).await;
    server.asker().ask_under("links").await
}

async fn choose(browser: &mut Browser<'_>, path: &str, decision: &str) -> (u16, String) {
    let (status, first) = browser.get(path).await;
    assert_eq!(status, 200);
    let fields = hidden(&first);
    browser
        .post(
            path,
            &[
                ("decision", decision),
                ("action_digest", &fields["action_digest"]),
                ("shown_digest", &fields["shown_digest"]),
                ("comment", "two\nlines"),
            ],
        )
        .await
}

async fn confirm(browser: &mut Browser<'_>, path: &str, second: &str) -> (u16, String) {
    let fields = hidden(second);
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(&format!("{path}/confirm"), &fields).await
}

#[tokio::test]
async fn a_link_shows_everything_asks_twice_and_decides() {
    let server = TestServer::start().await;
    let asked = asked_under_links(&server).await;
    let ana = server.workspace().member("ana").await.to_string();
    let path = link(&server, &asked, &ana).await;
    let stranger = server.stranger();
    let mut browser = Browser::new(&stranger);
    let (status, second) = choose(&mut browser, &path, "approve").await;
    assert_eq!(status, 200);
    assert!(second.contains("Yes, approve"), "{second}");
    let agent = server.asker();
    assert_eq!(agent.read(&asked).await["version"], 1, "choosing decides nothing");
    let (status, done) = confirm(&mut browser, &path, &second).await;
    assert_eq!(status, 200, "{done}");
    let now = agent.read(&asked).await;
    assert_eq!(now["status"], "approved");
    let vote = &now["votes"][0];
    assert_eq!((&vote["via"], &vote["assurance"]), (&json!("link"), &json!("link")));
    assert_eq!(vote["approver"]["email"], "ana@example.com");
    assert_eq!(vote["comment"], "two\nlines");
    assert!(vote["shown_digest"].is_string());
    // A nervous finger: the same answer again says the same, another is too late.
    assert_eq!(confirm(&mut browser, &path, &second).await.0, 200);
    let fields = hidden(&browser.get(&path).await.1);
    assert!(!fields.contains_key("shown_digest"), "nothing is left to answer");
}

#[tokio::test]
async fn without_the_first_pages_cookie_the_second_decides_nothing() {
    let server = TestServer::start().await;
    let asked = asked_under_links(&server).await;
    let ana = server.workspace().member("ana").await.to_string();
    let path = link(&server, &asked, &ana).await;
    let stranger = server.stranger();
    let (mut first, mut other) = (Browser::new(&stranger), Browser::new(&stranger));
    let (_, second) = choose(&mut first, &path, "approve").await;
    assert_eq!(confirm(&mut other, &path, &second).await.0, 403);
    let (_, others) = choose(&mut other, &path, "reject").await;
    assert_eq!(confirm(&mut other, &path, &second).await.0, 403, "of another first page");
    // Nor may the choice be changed in between.
    let turned = others.replace("value=\"reject\"", "value=\"approve\"");
    assert_eq!(confirm(&mut other, &path, &turned).await.0, 403);
    // Posted by another site it is refused before anything is looked at.
    let call = stranger.call(Method::POST, format!("{path}/confirm"));
    let call = call.header("sec-fetch-site", "cross-site").header("origin", "https://evil.example");
    assert_eq!(call.bytes("decision=approve").send().await.status, 403);
    assert_eq!(server.asker().read(&asked).await["version"], 1);
}

#[tokio::test]
async fn a_link_is_for_one_person_and_one_approval_and_ends_with_it() {
    let server = TestServer::start().await;
    let (asked, other) =
        (asked_under_links(&server).await, server.asker().ask_under("links").await);
    let ana = server.workspace().member("ana").await.to_string();
    let (path, second_path) =
        (link(&server, &asked, &ana).await, link(&server, &other, &ana).await);
    let stranger = server.stranger();
    let mut browser = Browser::new(&stranger);
    // The forms of one are no forms of the other.
    let (_, page) = choose(&mut browser, &path, "approve").await;
    assert_eq!(confirm(&mut browser, &second_path, &page).await.0, 403);
    // Somebody decides: the link shows it and takes no answer.
    server.dev().approve(&asked).await.expect(200);
    let (status, over) = browser.get(&path).await;
    assert_eq!(status, 200);
    assert!(over.contains("This is decided already") && !over.contains("id=\"decide\""), "{over}");
    assert_eq!(confirm(&mut browser, &path, &page).await.0, 409);
    let admin = server.admin();
    let late = admin.post(path_of(&asked, "/links"), &json!({ "member": ana })).send().await;
    assert_eq!(late.problem(), "404 not_found");
    // Past the deadline, made up, or of somebody who is gone: no link at all.
    let disabled = json!({ "enabled": false });
    admin
        .call(Method::PATCH, format!("/v1/members/{ana}"))
        .json(&disabled)
        .send()
        .await
        .expect(200);
    assert_eq!(browser.get(&second_path).await.0, 404);
    assert_eq!(browser.get(&format!("/d/{}", "A".repeat(43))).await.0, 404);
    server.clock.advance(3_600);
    assert_eq!(browser.get(&path).await.0, 404);
}

#[tokio::test]
async fn a_link_is_not_enough_where_more_is_asked_for_and_the_asker_makes_none() {
    let server = TestServer::start().await;
    let ana = server.workspace().member("ana").await.to_string();
    let needs = json!({ "needs": [{ "from": ["members"] }], "assurance": "session" });
    server.workspace().policy("sure", needs).await;
    let agent = server.asker();
    let asked = agent.ask_under("sure").await;
    let stranger = server.stranger();
    let mut browser = Browser::new(&stranger);
    let (status, page) = browser.get(&link(&server, &asked, &ana).await).await;
    assert_eq!(status, 200);
    assert!(page.contains("This needs a surer sign") && !page.contains("id=\"decide\""), "{page}");
    let own = agent.post(path_of(&asked, "/links"), &json!({ "member": ana })).send().await;
    assert_eq!(own.problem(), "403 assurance_too_low");
}

#[tokio::test]
async fn the_asker_passes_on_a_link_of_a_bearers_worth_where_the_policy_admits_it() {
    let server = TestServer::start().await;
    let ana = server.workspace().member("ana").await.to_string();
    let needs = json!({
        "needs": [{ "from": ["member:ana@example.com"] }], "assurance": "bearer",
    });
    server.workspace().policy("handed", needs).await;
    let agent = server.asker();
    let asked = agent.ask_under("handed").await;
    let make = |client: &Client, member: &str| {
        let call = client.post(path_of(&asked, "/links"), &json!({ "member": member }));
        async move { call.send().await }
    };
    // Who is no approver of it, or nobody at all, is the same to an asker.
    server.workspace().member("bob").await;
    for nobody in ["bob@example.com", "nobody@example.com", "mem_01h00000000000000000000000"] {
        assert_eq!(make(&agent, nobody).await.problem(), "404 not_found", "{nobody}");
    }
    // And so is another's question.
    let other = server.workspace().client(&[Scope::Ask]).await;
    assert_eq!(make(&other, &ana).await.problem(), "404 not_found");

    let made = make(&agent, "Ana@example.com").await.expect(201);
    assert_eq!(made["assurance"], "bearer");
    let url = made["url"].as_str().unwrap();
    let path = &url[url.find("/d/").unwrap()..];
    let stranger = server.stranger();
    let mut browser = Browser::new(&stranger);
    let (_, first) = browser.get(path).await;
    assert!(first.contains("It came by way of the asker"), "{first}");
    let (_, second) = choose(&mut browser, path, "approve").await;
    assert_eq!(confirm(&mut browser, path, &second).await.0, 200);
    let done = agent.ended(&asked).await;
    assert_eq!(done["status"], "approved");
    assert_eq!(done["votes"][0]["assurance"], "bearer");
    assert_eq!(done["votes"][0]["via"], "link");
    let added = server.admin().get("/v1/audit?kind=decision_link.added").await.expect(200);
    let detail = &added["data"][0]["detail"];
    assert_eq!(detail["assurance"], "bearer", "{added}");
    // One that an admin makes for the same person is worth a link.
    let asked = agent.ask_under("handed").await;
    let call = server.admin().post(path_of(&asked, "/links"), &json!({ "member": ana }));
    assert_eq!(call.send().await.expect(201)["assurance"], "link");
}

#[tokio::test]
async fn somebody_without_an_account_decides_by_a_link_and_gets_nothing_else() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let body = json!({ "email": "cora@partner.example", "name": "Cora", "role": "contact" });
    let cora = admin.post("/v1/members", &body).send().await.expect(201);
    assert_eq!(cora["role"], "contact");
    let needs = json!({
        "needs": [{ "from": ["contact:cora@partner.example"] }], "assurance": "link",
    });
    server.workspace().policy("partner", needs).await;
    let asked = server.asker().ask_under("partner").await;
    let login = path_of(&cora, "/login-link").replace("/approvals/", "/members/");
    assert_eq!(admin.post(login, &json!({})).send().await.problem(), "422 invalid");
    let wish = json!({ "name": "coras", "scopes": ["decide"], "member": cora["id"] });
    assert_eq!(admin.post("/v1/keys", &wish).send().await.problem(), "422 invalid");

    let path = link(&server, &asked, cora["id"].as_str().unwrap()).await;
    let stranger = server.stranger();
    let mut browser = Browser::new(&stranger);
    let (_, second) = choose(&mut browser, &path, "approve").await;
    assert_eq!(confirm(&mut browser, &path, &second).await.0, 200);
    let done = server.asker().read(&asked).await;
    assert_eq!(done["status"], "approved");
    assert_eq!(done["votes"][0]["approver"]["email"], "cora@partner.example");
    assert_eq!(done["votes"][0]["assurance"], "link");

    // Under a policy that asks for more than a link can be, nobody waits for her.
    let more = json!({
        "name": "more", "needs": [{ "from": ["contact:cora@partner.example"] }],
        "assurance": "session",
    });
    let refused = admin.post("/v1/policies", &more).send().await;
    assert_eq!(refused.problem(), "422 bad_policy");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/assurance");
}

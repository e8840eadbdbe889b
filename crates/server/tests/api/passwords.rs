//! Signing in by a password: what it is worth, who hears what, and how often one may try.

use askfirst_core::MemberId;
use askfirst_core::administration::Change;
use hyper::Method;
use serde_json::json;

use crate::support::{Answer, TestServer};

const GOOD: &str = "correct horse battery";

/// A form, as our own page sends it.
pub(crate) async fn post(
    server: &TestServer,
    path: &str,
    cookie: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let call = server.stranger().call(Method::POST, path).header("cookie", cookie);
    let call = call.header("content-type", "application/x-www-form-urlencoded");
    call.header("sec-fetch-site", "same-origin").bytes(body.finish()).send().await
}

async fn sign_in(server: &TestServer, email: &str, password: &str) -> Answer {
    post(server, "/login", "", &[("email", email), ("password", password)]).await
}

/// The cookie that an answer sets.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

/// The text of a page.
pub(crate) async fn page(server: &TestServer, path: &str, cookie: &str) -> String {
    let answer = server.stranger().call(Method::GET, path).header("cookie", cookie).send().await;
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// What proves to the server that a form is from this page.
pub(crate) fn csrf(page: &str) -> String {
    let at = page.find("name=\"csrf\" value=\"").unwrap() + 19;
    page[at..].split('"').next().unwrap().to_owned()
}

async fn set_password(server: &TestServer, cookie: &str, current: &str, new: &str) -> Answer {
    let csrf = csrf(&page(server, "/account", cookie).await);
    let fields = [("csrf", csrf.as_str()), ("current", current), ("password", new)];
    post(server, "/account/password", cookie, &fields).await
}

/// Signs a member in by a link that an admin made.
async fn by_admins_link(server: &TestServer, member: MemberId) -> String {
    let path = format!("/v1/members/{member}/login-link");
    let made = server.admin().post(path, &json!({})).send().await.expect(201);
    let path = made["url"].as_str().unwrap().trim_start_matches(&server.ready.url).to_owned();
    cookie(&post(server, &path, "", &[("next", "/")]).await)
}

#[tokio::test]
async fn a_password_makes_a_session_of_an_admins_link_and_opens_others() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    workspace.policy("sure", json!({ "assurance": "session" })).await;
    let ana = workspace.member("ana").await;
    let asked = server.asker().ask_under("sure").await;
    let here = by_admins_link(&server, ana).await;
    let there = by_admins_link(&server, ana).await;
    let path = format!("/a/{}", asked["id"].as_str().unwrap());
    assert!(!page(&server, &path, &here).await.contains("id=\"approve\""));

    for bad in ["short", "aaaaaaaaaaaaaaaa", "ana@example.com"] {
        let answer = set_password(&server, &here, "", bad).await;
        assert_eq!(answer.status, 422, "{bad}");
        assert!(String::from_utf8_lossy(&answer.body).contains("The password stays as it was"));
    }
    assert_eq!(set_password(&server, &here, "", GOOD).await.status, 303);
    assert!(page(&server, &path, &here).await.contains("id=\"approve\""));
    let gone = server.stranger().call(Method::GET, "/").header("cookie", &there).send().await;
    assert_eq!(gone.status, 303, "the other browser is signed out");

    let entered = sign_in(&server, "Ana@Example.com", GOOD).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/"));
    assert!(entered.header("set-cookie").contains("HttpOnly"));
    assert!(page(&server, &path, &cookie(&entered)).await.contains("id=\"approve\""));

    // Changing it takes the current one, and ends the session that it opened.
    let other = "wholly other words";
    assert_eq!(set_password(&server, &here, "not this one", other).await.status, 403);
    assert_eq!(set_password(&server, &here, GOOD, other).await.status, 303);
    let gone = server.stranger().call(Method::GET, "/").header("cookie", &cookie(&entered));
    assert_eq!(gone.send().await.status, 303);
    assert_eq!(sign_in(&server, "ana@example.com", GOOD).await.status, 403);
    assert_eq!(sign_in(&server, "ana@example.com", other).await.status, 303);

    // A link that somebody else makes for her is still only a link.
    let weak = by_admins_link(&server, ana).await;
    assert!(!page(&server, &path, &weak).await.contains("id=\"approve\""));
    assert_eq!(set_password(&server, &weak, "", "words of an admin").await.status, 403);

    // An admin takes it away; removal of the person does, too.
    let call = server.admin().call(Method::DELETE, format!("/v1/members/{ana}/password"));
    call.send().await.expect(204);
    assert_eq!(sign_in(&server, "ana@example.com", other).await.status, 403);
    let kinds = server.admin().get("/v1/audit?kind=member&limit=100").await.expect(200);
    let kinds: Vec<_> =
        kinds["data"].as_array().unwrap().iter().map(|entry| entry["kind"].clone()).collect();
    let (set, removed) = ("member.password_set", "member.password_removed");
    assert_eq!(kinds, ["member.added", set, set, removed]);
}

#[tokio::test]
async fn nobody_learns_who_has_an_account_and_nobody_guesses_for_long() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (ana, ben) = (workspace.member("ana").await, workspace.member("ben").await);
    let cookie = workspace.sign_in(ana).await;
    assert_eq!(set_password(&server, &cookie, "", GOOD).await.status, 303);
    let gone = workspace.sign_in(ben).await;
    assert_eq!(set_password(&server, &gone, "", GOOD).await.status, 303);
    let change = Change::UpdateMember { id: ben, name: None, role: None, enabled: Some(false) };
    workspace.change(change).await;

    let told = async |email: &str, password: &str| {
        let answer = sign_in(&server, email, password).await;
        assert!(answer.header("set-cookie").is_empty());
        let text = String::from_utf8_lossy(&answer.body).replace(email, "EMAIL");
        (answer.status, text)
    };
    let wrong = told("ana@example.com", "wrong horse battery").await;
    assert_eq!(wrong.0, 403);
    for (email, password) in [
        ("nobody@example.com", GOOD),
        ("ben@example.com", GOOD),
        ("ana@example.com", ""),
        ("ana@example.com", &"x".repeat(20_000)),
        ("%@example.com", GOOD),
    ] {
        assert_eq!(told(email, password).await, wrong, "{email}");
    }
    // Five more for Ana's address, and not even the right one is looked at.
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(sign_in(&server, "ANA@example.com", GOOD.trim_end_matches('y')).await.status);
    }
    assert_eq!(answers.iter().filter(|status| **status == 403).count(), 5, "{answers:?}");
    let late = sign_in(&server, "ana@example.com", GOOD).await;
    assert_eq!(late.status, 429);
    assert!(String::from_utf8_lossy(&late.body).contains("for 15 min"));
    // A link still lets her in, and after a while so does the password.
    workspace.sign_in(ana).await;
    server.clock.advance(15 * 60);
    assert_eq!(sign_in(&server, "ana@example.com", GOOD).await.status, 303);
    // The wire has no room for a form from elsewhere.
    let foreign =
        server.stranger().call(Method::POST, "/login").header("sec-fetch-site", "cross-site");
    let foreign = foreign.header("content-type", "application/x-www-form-urlencoded");
    let body = format!("email=ana%40example.com&password={}", GOOD.replace(' ', "+"));
    assert_eq!(foreign.bytes(body).send().await.status, 403);
    // Many addresses from one place are stopped, too.
    let mut statuses = Vec::new();
    for n in 0..45 {
        statuses.push(sign_in(&server, &format!("n{n}@example.com"), "").await.status);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

#[tokio::test]
async fn an_invitation_is_used_up_only_by_what_is_in_order() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let admin = workspace.member("root").await;
    let role = Some(askfirst_core::Role::Admin);
    let change = Change::UpdateMember { id: admin, name: None, role, enabled: None };
    workspace.change(change).await;
    let desk = workspace.sign_in(admin).await;
    let token = csrf(&page(&server, "/people", &desk).await);
    let invite = async |email: &str, role: &str| {
        let fields = [("csrf", token.as_str()), ("email", email), ("role", role)];
        post(&server, "/people/invite", &desk, &fields).await
    };
    let made = invite(" gus@example.com ", "approver").await;
    assert_eq!(made.status, 200);
    let text = String::from_utf8(made.body.to_vec()).unwrap();
    let at = text.find("/login/").unwrap();
    let link = text[at..].split('<').next().unwrap().to_owned();
    // Looking does not use it, nor does what is not in order.
    for _ in 0..3 {
        assert!(page(&server, &link, "").await.contains("Your name"));
    }
    let go = async |name: &str, password: &str| {
        let fields = [("next", "/"), ("name", name), ("password", password)];
        post(&server, &link, "", &fields).await
    };
    for (name, password) in [("Gus", "short"), ("G\nus", GOOD), (&"x".repeat(129), GOOD)] {
        let refused = go(name, password).await;
        assert_eq!(refused.status, 422, "{name:?} {password}");
        assert!(String::from_utf8_lossy(&refused.body).contains("The link was not used up"));
    }
    let entered = go("Gus \u{202e}G.", GOOD).await;
    assert_eq!(entered.status, 303);
    assert_eq!(go("Gus", GOOD).await.status, 404, "it works once");
    let (again, gus) = (sign_in(&server, "gus@example.com", GOOD).await, cookie(&entered));
    assert_eq!(again.status, 303);
    assert!(page(&server, "/account", &gus).await.contains("Gus"));
    let list = server.admin().get("/v1/members?limit=100").await.expect(200);
    let found = list["data"].as_array().unwrap().iter().find(|m| m["email"] == "gus@example.com");
    assert_eq!(found.unwrap()["name"], "Gus \u{202e}G.");

    // What makes no sense is told, and makes nothing.
    for (email, role, status) in [
        ("gus@example.com", "approver", 409),
        ("nonsense", "approver", 422),
        ("h@example.com", "king", 400),
        ("h@example.com", "owner", 403),
    ] {
        assert_eq!(invite(email, role).await.status, status, "{email} {role}");
    }
    // An approver finds no such page, and no form of theirs works.
    for path in ["/people/invite", "/people/change", "/people/group"] {
        let token = csrf(&page(&server, "/account", &gus).await);
        let all = [
            ("csrf", token.as_str()),
            ("email", "evil@example.com"),
            ("role", "approver"),
            ("member", &admin.to_string()),
            ("what", if path.ends_with("group") { "add" } else { "remove" }),
            ("name", "evil"),
        ];
        assert_eq!(post(&server, path, &gus, &all).await.status, 403, "{path}");
    }
    let look = server.stranger().call(Method::GET, "/people").header("cookie", &gus).send().await;
    assert_eq!(look.status, 403);
    let kinds = server.admin().get("/v1/audit?limit=100&actor=gus@example.com").await.expect(200);
    let kinds: Vec<_> =
        kinds["data"].as_array().unwrap().iter().map(|entry| entry["kind"].clone()).collect();
    let (opened, updated, set) = ("session.opened", "member.updated", "member.password_set");
    assert_eq!(kinds, [opened, updated, set, opened]);
}

#[tokio::test]
async fn no_password_is_told_or_kept_as_it_is() {
    let mut server = TestServer::start().await;
    let workspace = server.workspace();
    let ana = workspace.member("ana").await;
    let cookie = workspace.sign_in(ana).await;
    assert_eq!(set_password(&server, &cookie, "", GOOD).await.status, 303);
    let wrong = sign_in(&server, "ana@example.com", "mistyped battery").await;
    assert!(!String::from_utf8_lossy(&wrong.body).contains("mistyped battery"));
    assert!(!page(&server, "/account", &cookie).await.contains(GOOD));
    let log = server.admin().get("/v1/audit?limit=100").await;
    assert!(!String::from_utf8_lossy(&log.body).contains("argon2"));
    server.stop().await;
    for file in server.picture() {
        let text = String::from_utf8_lossy(&file);
        assert!(!text.contains(GOOD));
    }
}

//! What every way to people has to keep, whatever it spells: told to its provider as that would have
//! it, over a socket. A new way is a [`Provider`] and a line in the list at the end.

use serde_json::{Value, json};

use crate::outages::{channel, is_held, log};
use crate::support::mailbox::{Letter, Mailbox};
use crate::support::{Client, TestServer};

const DEV: &str = "dev@localhost.test";
const ANA: &str = "ana@example.com";

/// Who takes cards for people, or does not, as a story wants it.
trait Provider: Sized {
    async fn start() -> Self;
    /// What sets a way up that leads here.
    fn wish(&self) -> Value;
    async fn next(&mut self) -> Seen;
    /// What came and was not looked at.
    fn rest(&mut self) -> Vec<Seen>;
    /// How it answers to cards for one person.
    fn answer(&self, to: &str, how: Answer);
    /// Whether it takes anything at all.
    fn open(&self, open: bool);
}

#[derive(Clone, Copy)]
enum Answer {
    Taken,
    NotNow,
    Never,
}

/// A card as the person has it.
#[derive(Debug)]
struct Seen {
    to: String,
    /// All that can be read on it.
    text: String,
    /// All that can be opened or pressed on it.
    links: Vec<String>,
    /// What the provider knows it by.
    reference: String,
    /// The card that it belongs to.
    follows: Option<String>,
}

impl Seen {
    fn button(&self, choice: &str) -> Option<&String> {
        self.links.iter().find(|link| link.ends_with(&format!("suggest={choice}")))
    }
}

impl Provider for Mailbox {
    async fn start() -> Self {
        Self::start().await
    }

    fn wish(&self) -> Value {
        crate::channels::mailbox(self.address.port())
    }

    async fn next(&mut self) -> Seen {
        (&self.next().await).into()
    }

    fn rest(&mut self) -> Vec<Seen> {
        self.rest().iter().map(Seen::from).collect()
    }

    fn answer(&self, to: &str, how: Answer) {
        match how {
            Answer::Taken => self.accept(to),
            Answer::NotNow => self.refuse(to, "451 4.7.1 come back later"),
            Answer::Never => self.refuse(to, "550 5.1.1 no such user"),
        }
    }

    fn open(&self, open: bool) {
        self.close((!open).then_some("421 4.3.2 closed for the night"));
    }
}

impl From<&Letter> for Seen {
    fn from(letter: &Letter) -> Self {
        let whole = letter.text();
        let mut parts = whole.split("\r\n--askfirst-").skip(1);
        let (plain, html) = (parts.next().unwrap(), parts.next().unwrap());
        let hrefs = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        Self {
            to: letter.to.clone(),
            text: plain.to_owned(),
            links: hrefs.map(|href| href.replace("&amp;", "&").replace("&#38;", "&")).collect(),
            reference: letter.id(),
            follows: letter.header("In-Reply-To"),
        }
    }
}

/// A server with a way to its owner and to Ana.
struct Story<P> {
    server: TestServer,
    admin: Client,
    provider: P,
    path: String,
}

impl<P: Provider> Story<P> {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let admin = server.admin();
        let provider = P::start().await;
        let made = admin.post("/v1/channels", &provider.wish()).send().await.expect(201);
        let path = format!("/v1/channels/{}", made["id"].as_str().unwrap());
        Self { server, admin, provider, path }
    }

    /// The log, once nothing is due or on its way and it is as `wanted` says.
    async fn logged(&self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        loop {
            let lines = log(&self.admin, &self.path).await;
            if !lines.iter().any(|line| is_held(&self.server, line)) && wanted(&lines) {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn state_of<'a>(lines: &'a [Value], who: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["address"] == who).map(|line| &line["state"]).collect()
}

async fn a_card_shows_all_that_will_happen_and_where_to_answer<P: Provider>() {
    let mut story = Story::<P>::begin().await;
    let hostile = "<a href=\"https://evil.example/\">x</a> [x](https://evil.example) *_`~|\u{202e}";
    let arguments = json!({ "version": "2.1", "note": hostile, "deep": [{ "count": 12345 }] });
    let action = json!({ "name": "deploy", "title": "Deploy?", "arguments": arguments });
    let asked = story.server.asker().ask_with("deploy", json!({ "action": action })).await;
    let seen = story.provider.next().await;
    assert_eq!(seen.to, DEV);
    for value in ["2.1", "12345", asked["action_digest"].as_str().unwrap()] {
        assert!(seen.text.contains(value), "{value}: {}", seen.text);
    }
    assert!(!seen.text.contains('\u{202e}'), "what cannot be seen is spelled out");
    let own = format!("http://{}/", story.server.address);
    assert!(seen.links.iter().all(|link| link.starts_with(&own)), "{:?}", seen.links);
    for choice in ["approve", "reject"] {
        let link = seen.button(choice).unwrap().strip_prefix(own.trim_end_matches('/')).unwrap();
        assert_eq!(story.server.stranger().get(link).await.status, 200);
    }
    let now = story.server.asker().read(&asked).await;
    assert_eq!(now["status"], "pending", "a link that is opened decides nothing");
}

async fn what_does_not_fit_has_no_button_and_leads_to_all_of_it<P: Provider>() {
    let mut story = Story::<P>::begin().await;
    let arguments = json!({ "rows": vec!["x".repeat(100); 600], "z": "and delete everything" });
    let action = json!({ "name": "deploy", "title": "Deploy?", "arguments": arguments });
    story.server.asker().ask_with("deploy", json!({ "action": action })).await;
    let seen = story.provider.next().await;
    assert!(seen.button("approve").is_none() && seen.button("reject").is_none());
    assert!(seen.text.contains("characters are missing"), "{}", seen.text);
    assert!(!seen.links.is_empty());
}

async fn who_was_asked_hears_how_it_ended_by_the_card_they_have<P: Provider>() {
    let mut story = Story::<P>::begin().await;
    let asked = story.server.asker().ask("deploy").await;
    let first = story.provider.next().await;
    assert_eq!(first.follows, None);
    story.logged(|lines| state_of(lines, DEV) == ["sent"]).await;
    story.server.asker().cancel(&asked).await.expect(200);
    let end = story.provider.next().await;
    let same = end.reference == first.reference || end.follows == Some(first.reference);
    assert!(same && end.button("approve").is_none(), "{end:?}");
    let lines = story.logged(|lines| lines.iter().all(|line| line["state"] == "sent")).await;
    assert_eq!(lines.len(), 2);
}

async fn a_refusal_is_about_one_person<P: Provider>() {
    let mut story = Story::<P>::begin().await;
    story.server.workspace().member("ana").await;
    story.provider.answer(ANA, Answer::Never);
    story.server.asker().ask("first").await;
    let lines = story.logged(|lines| state_of(lines, ANA) == ["dead"]).await;
    assert_eq!(state_of(&lines, DEV), ["sent"]);
    story.provider.answer(ANA, Answer::NotNow);
    story.server.asker().ask("second").await;
    let lines = story.logged(|lines| lines.iter().any(|line| line["state"] == "waiting")).await;
    let waits = lines.iter().find(|line| line["state"] == "waiting").unwrap();
    assert_eq!((&waits["address"], &waits["attempts"]), (&json!(ANA), &json!(1)));
    let why = waits["reason"].as_str().unwrap();
    assert!(why.contains("come back later") || why.len() > 20, "in words: {why}");
    let known = story.admin.get(&story.path).await.expect(200);
    assert_eq!(known["down_since"], Value::Null, "it says nothing about the way");
    assert_eq!(known["unreached"][0]["address"], ANA);
    story.provider.answer(ANA, Answer::Taken);
    story.server.clock.advance(60);
    story.logged(|lines| state_of(lines, ANA).contains(&&json!("sent"))).await;
    let mut came: Vec<_> = story.provider.rest().into_iter().map(|seen| seen.to).collect();
    came.sort_unstable();
    assert_eq!(came, [ANA, DEV, DEV]);
}

async fn a_provider_that_is_down_loses_nothing<P: Provider>() {
    let mut story = Story::<P>::begin().await;
    story.provider.open(false);
    for number in 0..5 {
        story.server.asker().ask(&format!("deploy{number}")).await;
    }
    let down = channel(&story.admin, &story.path, |seen| !seen["down_since"].is_null()).await;
    assert!(down["last_error"].as_str().unwrap().len() > 20, "in words: {down}");
    story.logged(|lines| lines.iter().all(|line| line["state"] == "waiting")).await;
    story.provider.open(true);
    story.server.clock.advance(30);
    let lines = story.logged(|lines| lines.iter().all(|line| line["state"] == "sent")).await;
    assert_eq!(lines.len(), 5);
    assert_eq!(story.provider.rest().len(), 5, "each once");
}

async fn the_same_again_is_known_by_the_same<P: Provider>() {
    let mut story = Story::<P>::begin().await;
    story.server.asker().ask("deploy").await;
    let first = story.provider.next().await;
    let lines = story.logged(|lines| state_of(lines, DEV) == ["sent"]).await;
    let retry = format!("/v1/deliveries/{}/retry", lines[0]["id"].as_str().unwrap());
    story.admin.post(retry, &json!({})).send().await.expect(202);
    let again = story.provider.next().await;
    assert_eq!((again.reference, again.follows), (first.reference, None));
    assert_eq!(again.text, first.text);
}

macro_rules! every_way_keeps {
    ($($way:ident: $provider:ty),+ => $stories:tt) => {
        $(mod $way { every_way_keeps!(@ $provider $stories); })+
    };
    (@ $provider:ty { $($story:ident)+ }) => {
        $(#[tokio::test]
        async fn $story() {
            super::$story::<$provider>().await;
        })+
    };
}

every_way_keeps! {
    mail: crate::support::mailbox::Mailbox
    => {
        a_card_shows_all_that_will_happen_and_where_to_answer
        what_does_not_fit_has_no_button_and_leads_to_all_of_it
        who_was_asked_hears_how_it_ended_by_the_card_they_have
        a_refusal_is_about_one_person
        a_provider_that_is_down_loses_nothing
        the_same_again_is_known_by_the_same
    }
}

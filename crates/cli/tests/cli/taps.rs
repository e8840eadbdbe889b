//! Taps through kill -9 of the real binary, between any two steps: none is lost, none counts twice.

use askfirst_kit::telegram::{Bot, Person, Telegram};
use serde_json::{Value, json};

use crate::support::{Dev, eventually};
use crate::webhooks::call;

/// Everything but the server, which comes and goes.
struct Scene {
    runtime: tokio::runtime::Runtime,
    telegram: Telegram,
    bot: Bot,
    person: Person,
    channel: String,
}

impl Scene {
    /// With the developer's account linked.
    fn begin(server: &Dev) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let telegram = runtime.block_on(Telegram::start()).unwrap();
        let bot = runtime.block_on(async { telegram.bot("askfirst_bot") });
        let person = telegram.person("Dev");
        let mut scene = Self { runtime, telegram, bot, person, channel: String::new() };
        let wish =
            json!({ "kind": "telegram", "token": scene.bot.token, "api": scene.telegram.url() });
        let (status, made) = call(server, "POST", "/v1/channels", &wish);
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().clone_into(&mut scene.channel);
        let path =
            |rest: &str| format!("/v1/channels/{}/codes{rest}", made["id"].as_str().unwrap());
        let (_, code) = call(server, "POST", &path(""), &json!({}));
        let payload = code["code"].as_str();
        scene.telegram.presses_start(&scene.person, &scene.bot, payload).unwrap();
        scene.next(0);
        let confirm = json!({ "code": code["code"], "member": code["member"],
            "account": scene.person.id.to_string() });
        assert_eq!(call(server, "POST", &path("/confirm"), &confirm).0, 204);
        scene
    }

    /// The next message of the bot.
    fn next(&self, after: i64) -> i64 {
        let chat = self.bot.chat(&self.person);
        self.runtime.block_on(self.telegram.card_after(chat, after)).unwrap().id
    }

    /// Waits until it is noted that an approval's card was sent. Who is killed before that knows no
    /// card that it could change.
    fn noted(&self, server: &Dev, approval: &str) {
        let path = format!("/v1/channels/{}/notices", self.channel);
        eventually(|| {
            let (_, log) = call(server, "GET", &path, &Value::Null);
            let lines = log["data"].as_array().unwrap();
            lines.iter().any(|line| line["approval"] == approval && line["state"] == "sent")
        });
    }

    fn tap(&self, card: i64, button: &str) -> String {
        self.telegram.taps(&self.person, self.bot.chat(&self.person), card, button).unwrap()
    }

    fn waits_for(&self, what: &str, mut holds: impl FnMut(&askfirst_kit::telegram::World) -> bool) {
        let found = self.telegram.wait_for(what, |world| holds(world).then_some(()));
        self.runtime.block_on(found).unwrap();
    }
}

/// How it ended, with the votes that were counted.
fn ended(server: &Dev, id: &str) -> (Value, usize) {
    let mut shown = Value::Null;
    eventually(|| {
        shown = server.admin(&["show", id, "--json"]).expect(0).json();
        shown["status"] != "pending"
    });
    (shown["status"].clone(), shown["votes"].as_array().unwrap().len())
}

#[test]
fn a_tap_survives_a_kill_between_any_two_steps_and_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Dev::start_in(&folder.path().join("data"));
    let scene = Scene::begin(&server);
    let mut last = scene.next(0);
    for step in 0..5 {
        let id = server.asked(&["--expires-in", "1h"]);
        let card = scene.next(last);
        scene.noted(&server, &id);
        let polls = scene.telegram.look(|world| world.polls(scene.bot.id));
        let tap = match step {
            // Nobody is there when it is tapped.
            0 => {
                server.kill();
                scene.tap(card, "Approve")
            }
            // It was told, and the connection broke on the way.
            1 => {
                scene.telegram.lose_answer_of_next("getUpdates");
                let tap = scene.tap(card, "Approve");
                server.kill();
                tap
            }
            // It was told; whether it was recorded is open.
            2 => {
                let tap = scene.tap(card, "Approve");
                scene.waits_for("the tap to be told", |world| world.polls(scene.bot.id) > polls);
                server.kill();
                tap
            }
            // It is recorded, and the answer to it is on its way.
            3 => {
                let held = scene.telegram.hold_next("answerCallbackQuery");
                let tap = scene.tap(card, "Approve");
                assert_eq!(ended(&server, &id), (json!("approved"), 1));
                server.kill();
                held.release();
                tap
            }
            // It is recorded, and its card says so or is about to.
            _ => {
                let held = scene.telegram.hold_next("editMessageText");
                let tap = scene.tap(card, "Approve");
                assert_eq!(ended(&server, &id), (json!("approved"), 1));
                server.kill();
                held.release();
                tap
            }
        };
        server = Dev::start_in(&folder.path().join("data"));
        assert_eq!(ended(&server, &id), (json!("approved"), 1), "step {step}");
        let chat = scene.bot.chat(&scene.person);
        if step < 4 {
            // A lease of what was being told ends a while later; the others come at once.
            scene.waits_for("the card to say so", |world| {
                world.message(chat, card).is_some_and(|card| card.text.contains("Approved: "))
                    || world.answer(&tap).is_some()
            });
        }
        last = card.max(
            scene.telegram.look(|world| world.cards(chat).map(|card| card.id).max().unwrap_or(0)),
        );
    }
    server.stop();
}

#[test]
fn a_card_that_a_kill_kept_from_being_noted_is_known_by_its_tap() {
    let folder = tempfile::tempdir().unwrap();
    let server = Dev::start_in(&folder.path().join("data"));
    let scene = Scene::begin(&server);
    let last = scene.next(0);
    scene.telegram.lose_answer_of_next("sendMessage");
    let id = server.asked(&["--expires-in", "1h"]);
    let card = scene.next(last);
    server.kill();
    let server = Dev::start_in(&folder.path().join("data"));
    scene.tap(card, "Approve");
    assert_eq!(ended(&server, &id), (json!("approved"), 1));
    let chat = scene.bot.chat(&scene.person);
    scene.waits_for("the card to say so", |world| {
        world.message(chat, card).is_some_and(|card| card.text.contains("Approved: "))
    });
    server.stop();
}

//! What is said comes in the language of the channel, and nothing of anybody's is taken for ours.

use hyper::Method;
use serde_json::json;

use super::{Scene, labels};

#[tokio::test]
async fn a_bot_speaks_german_where_it_is_to() {
    let scene = Scene::begin().await;
    let ana = scene.linked("ana").await;
    let german = json!({ "locale": "de" });
    scene.admin.call(Method::PATCH, scene.path("")).json(&german).send().await.expect(200);
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    scene.server.asker().ask_under("one").await;
    let card = scene.card(&ana).await;
    assert!(labels(&card).contains(&"Freigeben".into()), "{:?}", labels(&card));
    assert_eq!(scene.press(&ana, card.id, "Ablehnen").await, "Festgehalten, und es ist abgelehnt.");
    scene.says(&ana, card.id, "Abgelehnt: ").await;
}

#[tokio::test]
async fn what_an_agent_writes_is_shown_and_never_taken_for_markup() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let hostile =
        "</pre><a href=\"https://evil.example\">x</a> *_`~| /start @admin &lt; \u{202e}\u{200b}";
    let action = json!({ "name": "deploy", "title": hostile, "arguments": { "note": hostile } });
    let more = json!({ "policy": "one", "action": action, "reason": hostile });
    scene.server.asker().ask_with("x", more).await;
    let card = scene.card(&ana).await;
    assert!(card.text.contains("</pre><a href="), "{}", card.text);
    assert!(!card.text.contains('\u{202e}') && !card.text.contains('\u{200b}'));
    let ours = ["bold", "pre", "italic"];
    let kinds: Vec<_> = card.entities.iter().map(|entity| entity.kind).collect();
    assert!(kinds.iter().all(|kind| ours.contains(kind)), "{kinds:?}");
    scene.is_faultless();
}

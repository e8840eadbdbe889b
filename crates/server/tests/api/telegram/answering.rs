//! From the question to what came of it, on the cards of everybody who was asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Scene, labels, two, votes};

#[tokio::test]
async fn a_tap_decides_and_every_card_says_what_became_of_it() {
    let scene = Scene::begin().await;
    let (ana, ben) = (scene.linked("ana").await, scene.linked("ben").await);
    two(&scene).await;
    let asker = scene.server.asker();
    let asked = asker.ask_under("two").await;
    let (hers, his) = (scene.card(&ana).await, scene.card(&ben).await);
    let first = hers.text.clone();
    for card in [&hers, &his] {
        assert!(card.text.contains(asked["action_digest"].as_str().unwrap()), "{}", card.text);
        assert!(!card.previews);
        let styles: Vec<_> =
            ["Approve", "Reject"].map(|b| card.button(b).unwrap().style.clone()).into();
        assert_eq!(styles, [Some("success".into()), Some("danger".into())]);
    }

    assert_eq!(scene.press(&ana, hers.id, "Approve").await, "Recorded. Others must answer too.");
    let (hers, his) = (
        scene.says(&ana, hers.id, "Approved by ana@example.com").await,
        scene.says(&ben, his.id, "Approved by ana@example.com").await,
    );
    assert!(labels(&his).contains(&"Approve".into()) && !labels(&hers).contains(&"Approve".into()));
    assert_eq!(asker.read(&asked).await["status"], "pending");

    assert_eq!(scene.press(&ben, his.id, "Approve").await, "Recorded, and it is approved.");
    for (who, card) in [(&ana, &hers), (&ben, &his)] {
        let ended = scene.says(who, card.id, "Approved: ").await;
        assert!(ended.text.contains("Decided by ben@example.com"), "{}", ended.text);
        assert!(ended.button("Approve").is_none() && ended.button("Reject").is_none());
    }
    let known = asker.ended(&asked).await;
    let chat = || ("approve".into(), "chat".into(), "telegram".into());
    assert_eq!(votes(&known), [chat(), chat()]);

    asker.consume(&asked).await.expect(200);
    let path = format!("/v1/approvals/{}/outcome", asked["id"].as_str().unwrap());
    let outcome = json!({ "status": "succeeded", "note": "42 rows <b>gone" });
    asker.post(path, &outcome).send().await.expect(200);
    for (who, card) in [(&ana, &hers), (&ben, &his)] {
        let after = scene.says(who, card.id, "The agent reports that it ran").await;
        assert!(after.text.contains("42 rows <b>gone"), "{}", after.text);
    }

    // The receipt says how surely, and what each was shown is kept as it was shown.
    scene.server.signing().await;
    let proof = asker.proof(&asked).await;
    let claims = proof["token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let stated = &claims["votes"][0];
    assert_eq!(
        (&stated["assurance"], &stated["via"]),
        (&json!("chat"), &json!("telegram")),
        "{claims}"
    );
    let place = askfirst_store::Place {
        workspace: scene.server.workspace().id,
        environment: scene.server.workspace().environment,
    };
    let id = asked["id"].as_str().unwrap().parse().unwrap();
    let shown = scene.server.service.store().shown(place, id).await.unwrap();
    assert_eq!(shown[0].channel, "telegram");
    assert_eq!(stated["shown_digest"], shown[0].digest.to_string());
    for line in shown[0].text.lines() {
        assert!(first.contains(line), "{line}");
    }
    scene.is_faultless();
}

#[tokio::test]
async fn words_and_questions_are_asked_for_and_recorded() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let asker = scene.server.asker();
    let asked = asker.ask_under("one").await;
    let card = scene.card(&ana).await;

    assert_eq!(scene.press(&ana, card.id, "Ask back…").await, "");
    let prompt = scene.telegram.card_after(ana.chat, card.id).await.unwrap();
    assert!(prompt.force_reply.is_some() && prompt.reply_to == Some(card.id));
    let question = "Warum jetzt? 🤔 \u{202e}";
    let wrote = scene.telegram.replies(&ana.person, ana.chat, prompt.id, question).unwrap();
    let said = scene.telegram.card_after(ana.chat, wrote).await.unwrap();
    assert!(said.text.contains("on its way"), "{}", said.text);
    let known = asker.read(&asked).await;
    assert_eq!(known["inquiries"][0]["question"], question);
    let path = format!("/v1/approvals/{}/reply", asked["id"].as_str().unwrap());
    let reply = json!({ "number": 1, "text": "The fix cannot wait" });
    asker.post(path, &reply).send().await.expect(200);
    let card = scene.says(&ana, card.id, "The fix cannot wait").await;

    assert_eq!(scene.press(&ana, card.id, "Reject, and say…").await, "");
    let prompt = scene.telegram.card_after(ana.chat, said.id).await.unwrap();
    let long = "x".repeat(2_001);
    let wrote = scene.telegram.replies(&ana.person, ana.chat, prompt.id, &long).unwrap();
    let said = scene.telegram.card_after(ana.chat, wrote).await.unwrap();
    assert!(said.text.contains("2000 characters are the most"), "{}", said.text);
    scene.telegram.replies(&ana.person, ana.chat, prompt.id, "Not on a Friday").unwrap();
    let known = asker.ended(&asked).await;
    assert_eq!(
        (&known["status"], &known["decision"]["comment"]),
        (&json!("rejected"), &json!("Not on a Friday"))
    );
    scene.says(&ana, card.id, "Not on a Friday").await;

    // What answers nothing is said to do so.
    let wrote = scene.telegram.writes(&ana.person, ana.chat, "yes").unwrap();
    let said = scene.telegram.card_after(ana.chat, wrote).await.unwrap();
    assert!(said.text.contains("Use the buttons"), "{}", said.text);
    scene.is_faultless();
}

#[tokio::test]
async fn what_needs_more_than_a_chat_is_approved_on_its_page_and_rejected_here() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("sure", json!({ "assurance": "session" })).await;
    let ana = scene.linked("ana").await;
    let asker = scene.server.asker();
    let asked = asker.ask_under("sure").await;
    let card = scene.card(&ana).await;
    assert!(card.button("Approve").is_none() && card.button("Approve, and say…").is_none());
    let page = card.button("Approve on its page").unwrap().url.clone().unwrap();
    assert!(page.ends_with(&format!("/a/{}", asked["id"].as_str().unwrap())), "{page}");

    // A client can make of the button what it likes.
    let data = card.button("Reject").unwrap().data.clone().unwrap();
    let forged = format!("a{}", &data[1..]);
    let tap = scene.telegram.taps_forged(&ana.person, ana.chat, card.id, &forged).unwrap();
    let said = scene.telegram.answer(&tap).await.unwrap();
    assert!(said.alert && said.text.contains("on its page only"), "{}", said.text);
    assert_eq!(asker.read(&asked).await["votes"], json!([]));

    assert_eq!(scene.press(&ana, card.id, "Reject").await, "Recorded, and it is rejected.");
    assert_eq!(asker.ended(&asked).await["status"], "rejected");
    scene.is_faultless();
}

#[tokio::test]
async fn what_does_not_fit_has_no_button_to_approve() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let rows: Vec<_> = (0..400).map(|row| format!("row {row} 🙂")).collect();
    let action = json!({ "name": "delete", "title": "Delete?", "arguments": { "rows": rows } });
    let asked =
        scene.server.asker().ask_with("x", json!({ "policy": "one", "action": action })).await;
    let card = scene.card(&ana).await;
    assert!(card.text.contains("characters are missing"), "{}", card.text);
    assert!(card.button("Approve").is_none() && card.button("Reject").is_some());
    assert!(card.button("Approve on its page").is_some());
    let forged = card.button("Reject").unwrap().data.clone().unwrap().replacen('r', "a", 1);
    let tap = scene.telegram.taps_forged(&ana.person, ana.chat, card.id, &forged).unwrap();
    assert!(scene.telegram.answer(&tap).await.unwrap().alert);
    assert_eq!(scene.server.asker().read(&asked).await["votes"], json!([]));
    scene.is_faultless();
}

#[tokio::test]
async fn a_change_asks_anew_and_the_card_before_it_answers_nothing() {
    let scene = Scene::begin().await;
    let (ana, ben) = (scene.linked("ana").await, scene.linked("ben").await);
    two(&scene).await;
    let action = json!({ "name": "deploy", "title": "Deploy?", "arguments": { "version": "2.1" } });
    let wish = json!({ "policy": "two", "action": action, "editable": ["/arguments/version"] });
    let asked = scene.server.asker().ask_with("x", wish).await;
    let (hers, his) = (scene.card(&ana).await, scene.card(&ben).await);
    let stale = his.button("Approve").unwrap().data.clone().unwrap();
    assert_eq!(scene.press(&ana, hers.id, "Approve").await, "Recorded. Others must answer too.");
    scene.says(&ben, his.id, "Approved by ana").await;

    // Ben changes it on the page.
    let workspace = scene.server.workspace();
    let cookie = workspace.sign_in(ben.member).await;
    let caller = scene.server.service.caller_by_session(cookie.split_once('=').unwrap().1).await;
    let caller = caller.unwrap().unwrap();
    let edits = [("/arguments/version".parse().unwrap(), json!("2.2"))].into();
    let answer = askfirst_server::service::decide::Answer {
        decision: askfirst_core::VoteDecision::Approve,
        action_digest: asked["action_digest"].as_str().unwrap().parse().unwrap(),
        on_behalf_of: None,
        comment: None,
        edits,
        answer: None,
        grant: None,
        shown: None,
    };
    let id = asked["id"].as_str().unwrap().parse().unwrap();
    scene.server.service.vote(&caller, id, answer, None).await.unwrap();

    let anew = scene.telegram.card_after(ana.chat, hers.id).await.unwrap();
    assert!(anew.text.contains("2.2") && anew.text.contains("changed"), "{}", anew.text);
    let before = scene.says(&ana, hers.id, "asked again").await;
    assert!(before.keyboard.is_empty() && anew.reply_to == Some(hers.id));
    let tap = scene.telegram.taps_forged(&ben.person, ben.chat, his.id, &stale).unwrap();
    let said = scene.telegram.answer(&tap).await.unwrap();
    assert!(said.alert && said.text.contains("Nothing was recorded"), "{}", said.text);
    assert_eq!(scene.press(&ana, anew.id, "Approve").await, "Recorded, and it is approved.");
    scene.is_faultless();
}

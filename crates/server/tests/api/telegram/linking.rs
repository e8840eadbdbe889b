//! Whose account is whose: found by a code, counted once whoever asked for the code confirms it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Scene;

async fn code(scene: &Scene, member: &str) -> String {
    let body = json!({ "member": member });
    let made = scene.admin.post(scene.path("/codes"), &body).send().await.expect(201);
    assert!(made["link"].as_str().unwrap().starts_with("https://t.me/askfirst_bot?start="));
    made["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_account_counts_once_it_was_shown_and_confirmed() {
    let scene = Scene::begin().await;
    let member = scene.server.workspace().member("ana").await.to_string();
    let code = code(&scene, &member).await;
    let look = json!({ "code": code });
    let state = scene.admin.post(scene.path("/codes/look"), &look).send().await.expect(200);
    assert_eq!((&state["state"], &state["found"]), (&json!("waiting"), &json!(null)));
    let ana = scene.telegram.person("A\u{202e}na <b>");
    scene.telegram.presses_start(&ana, &scene.bot, Some(&code)).unwrap();
    let chat = scene.bot.chat(&ana);
    let said = scene.telegram.card_after(chat, 0).await.unwrap();
    assert!(said.text.contains("confirm") && !said.text.contains('\u{202e}'), "{}", said.text);
    let state = scene.admin.post(scene.path("/codes/look"), &look).send().await.expect(200);
    assert_eq!(
        (&state["state"], &state["found"]["account"]),
        (&json!("found"), &json!(ana.id.to_string()))
    );

    // Nothing counts before that: whoever stole the link is only shown.
    let accounts = scene.admin.get(scene.path("/accounts")).await.expect(200);
    assert_eq!(accounts["data"], json!([]));
    let confirm = |account: &str| json!({ "code": code, "member": member, "account": account });
    let wrong = confirm("5");
    scene.admin.post(scene.path("/codes/confirm"), &wrong).send().await.expect(404);
    let other = scene.server.workspace().client(&[askfirst_core::Scope::Members]).await;
    let right = confirm(&ana.id.to_string());
    other.post(scene.path("/codes/confirm"), &right).send().await.expect(404);
    scene.admin.post(scene.path("/codes/confirm"), &right).send().await.expect(204);
    scene.admin.post(scene.path("/codes/confirm"), &right).send().await.expect(204);
    let accounts = scene.admin.get(scene.path("/accounts")).await.expect(200);
    // An admin's key said so, and not she herself.
    assert_eq!(accounts["data"][0]["assurance"], "link");
    assert_eq!(accounts["data"][0]["account"], ana.id.to_string());

    // It is used up.
    let eve = scene.telegram.person("Eve");
    scene.telegram.presses_start(&eve, &scene.bot, Some(&code)).unwrap();
    let said = scene.telegram.card_after(scene.bot.chat(&eve), 0).await.unwrap();
    assert!(said.text.contains("not good any more"), "{}", said.text);
    assert_eq!(scene.refused("code").await, 1);

    // One account is one person's.
    let ben = scene.server.workspace().member("ben").await.to_string();
    let second = self::code(&scene, &ben).await;
    scene.telegram.presses_start(&ana, &scene.bot, Some(&second)).unwrap();
    scene.telegram.card_after(chat, said.id.max(3)).await.unwrap();
    let claim = json!({ "code": second, "member": ben, "account": ana.id.to_string() });
    scene.admin.post(scene.path("/codes/confirm"), &claim).send().await.expect(409);

    let path = scene.path(&format!("/accounts/{member}"));
    scene.admin.call(hyper::Method::DELETE, path.clone()).send().await.expect(204);
    scene.admin.call(hyper::Method::DELETE, path).send().await.expect(404);
    scene.is_faultless();
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes_and_the_first_who_sends_it() {
    let scene = Scene::begin().await;
    let member = scene.server.workspace().member("ana").await.to_string();
    let first = code(&scene, &member).await;
    let second = code(&scene, &member).await;
    let (ana, eve) = (scene.telegram.person("Ana"), scene.telegram.person("Eve"));
    let said = async |person, code: &str| {
        let chat = scene.bot.chat(person);
        let last = scene.telegram.look(|world| world.cards(chat).map(|card| card.id).max());
        scene.telegram.presses_start(person, &scene.bot, Some(code)).unwrap();
        scene.telegram.card_after(chat, last.unwrap_or(0)).await.unwrap().text
    };
    assert!(said(&ana, &first).await.contains("not good any more"), "a newer one was made");
    assert!(said(&eve, &second).await.contains("confirm"), "whoever was quicker is shown by name");
    assert!(said(&ana, &second).await.contains("not good any more"), "and the other learns of it");
    scene.server.clock.advance(601);
    let look = json!({ "code": second });
    scene.admin.post(scene.path("/codes/look"), &look).send().await.expect(404);
    let body = json!({ "code": second, "member": member, "account": eve.id.to_string() });
    scene.admin.post(scene.path("/codes/confirm"), &body).send().await.expect(404);
}

#[tokio::test]
async fn who_asks_links_nobody_and_who_is_gone_is_known_no_more() {
    let scene = Scene::begin().await;
    let ana = scene.linked("ana").await;
    let body = json!({ "member": ana.member.to_string() });
    scene.server.asker().post(scene.path("/codes"), &body).send().await.expect(403);
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let asked = scene.server.asker().ask_under("one").await;
    let card = scene.card(&ana).await;
    let data = card.button("Approve").unwrap().data.clone().unwrap();
    let path = format!("/v1/members/{}", ana.member);
    let gone = json!({ "enabled": false });
    scene.admin.call(hyper::Method::PATCH, path.clone()).json(&gone).send().await.expect(200);
    // The card loses its buttons; she has kept what was behind them.
    let presses = async || {
        let tap = scene.telegram.taps_forged(&ana.person, ana.chat, card.id, &data).unwrap();
        scene.telegram.answer(&tap).await.unwrap().text
    };
    let said = presses().await;
    assert!(said.contains("not good any more"), "{said}");
    scene
        .admin
        .call(hyper::Method::PATCH, path)
        .json(&json!({ "enabled": true }))
        .send()
        .await
        .expect(200);
    let said = presses().await;
    assert!(said.contains("not good any more"), "{said}");
    assert_eq!(scene.server.asker().read(&asked).await["votes"], json!([]));
}

#[tokio::test]
async fn a_program_of_proof_holdings_finds_a_chat_and_gets_no_vote_by_it() {
    let scene = Scene::begin().await;
    let workspace = scene.server.workspace();
    workspace.policy("open", json!({})).await;
    let program = workspace.foreign(askfirst_core::Dialect::Proof, "open").await;
    let path = "/api/v1/hitl/chat-id-discovery";
    let made = program.post(path, &json!({})).send().await.expect(201);
    let token = made["token"].as_str().unwrap();
    let link = format!("https://t.me/askfirst_bot?start={token}");
    assert_eq!((&made["deep_link"], &made["qr_text"]), (&json!(link), &json!(link)));
    let png = STANDARD.decode(made["qr_code"].as_str().unwrap()).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let look = format!("{path}/{token}");
    let known = program.get(look.as_str()).await.expect(200);
    assert_eq!((&known["status"], &known["chat_id"]), (&json!("pending"), &json!(null)));
    let mut ana = scene.telegram.person("Ana");
    ana.username = Some("ana".into());
    scene.telegram.add_person(ana.clone());
    scene.telegram.presses_start(&ana, &scene.bot, Some(token)).unwrap();
    let said = scene.telegram.card_after(scene.bot.chat(&ana), 0).await.unwrap();
    assert!(said.text.contains("cannot decide anything"), "{}", said.text);
    let known = program.get(look.as_str()).await.expect(200);
    assert_eq!(known["status"], "completed");
    assert_eq!(
        (&known["chat_id"], &known["user_id"]),
        (&json!(ana.id.to_string()), &json!(ana.id.to_string()))
    );
    assert_eq!(known["username"], "ana");
    // Whoever comes later is not the one.
    let eve = scene.telegram.person("Eve");
    scene.telegram.presses_start(&eve, &scene.bot, Some(token)).unwrap();
    scene.telegram.card_after(scene.bot.chat(&eve), 0).await.unwrap();
    let known = program.get(look.as_str()).await.expect(200);
    assert_eq!(known["user_id"], ana.id.to_string());
    let accounts = scene.admin.get(scene.path("/accounts")).await.expect(200);
    assert_eq!(accounts["data"], json!([]), "it is nobody's account");
    scene.server.clock.advance(600);
    assert_eq!(program.get(look.as_str()).await.expect(200)["status"], "expired");
}

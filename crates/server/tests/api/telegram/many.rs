//! Many bots in one server.

use askfirst_core::Scope;
use serde_json::json;

use super::Scene;

/// What the process has of memory, in MiB: this server, and the Telegram that it speaks to.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
}

#[tokio::test]
async fn fifty_bots_have_one_poller_each_and_take_less_than_20_mib() {
    let scene = Scene::begin().await;
    let ana = scene.telegram.person("Ana");
    let greeted = async |bot: &askfirst_kit::telegram::Bot| {
        scene.telegram.presses_start(&ana, bot, None).unwrap();
        scene.telegram.card_after(bot.chat(&ana), 0).await.unwrap();
    };
    greeted(&scene.bot).await;
    let before = memory();
    let mut bots = Vec::new();
    for number in 1..50 {
        let workspace = scene.server.found(&format!("team{number}")).await;
        let admin = workspace.client(&[Scope::Channels]).await;
        let bot = scene.telegram.bot(&format!("team{number}_bot"));
        let wish = json!({ "kind": "telegram", "token": bot.token, "api": scene.telegram.url() });
        admin.post("/v1/channels", &wish).send().await.expect(201);
        bots.push(bot);
    }
    for bot in &bots {
        greeted(bot).await;
    }
    let grown = memory() - before;
    scene.telegram.look(|world| {
        // Of two pollers Telegram ends one with 409.
        assert!(world.calls_of("getUpdates").all(|call| call.status != 409));
        assert!(bots.iter().all(|bot| world.polls(bot.id) > 0));
    });
    scene.is_faultless();
    assert!(grown < 20.0, "{grown:.1} MiB");
}

//! What is on its way to receivers: written with the event, claimed once, sent until it arrives.

use askfirst_core::administration::{Change, NewWebhook};
use askfirst_core::*;
use askfirst_store::*;

use crate::world::*;

async fn receiver<H: Home>(world: &World<H>, events: &[&str]) -> WebhookId {
    let id = unconfirmed(world, events).await;
    world.administer(Change::ConfirmWebhook { id }).await.unwrap();
    id
}

async fn unconfirmed<H: Home>(world: &World<H>, events: &[&str]) -> WebhookId {
    let id = WebhookId::from_bits(next());
    let new = NewWebhook {
        id,
        environment: world.us.place.environment,
        url: Some("https://hooks.example/".into()),
        events: events.iter().map(|&name| name.to_owned()).collect(),
        dialect: Dialect::Native,
        sealed: vec![7; 40],
    };
    world.administer(Change::AddWebhook(new)).await.unwrap();
    id
}

async fn claim<H: Home>(world: &World<H>, id: WebhookId) -> Vec<ClaimedDelivery> {
    world.store.claim_deliveries(id, 30, 10).await.unwrap()
}

async fn settle<H: Home>(world: &World<H>, claimed: &ClaimedDelivery, then: Then) {
    let attempted = Attempted { then, status: Some(200), answer: None };
    world.store.settle_delivery(claimed, attempted).await.unwrap();
}

fn names(claimed: &[ClaimedDelivery]) -> Vec<&str> {
    claimed.iter().map(|claimed| claimed.event.name.as_str()).collect()
}

pub(crate) async fn what_was_claimed_and_not_settled_is_sent_again_as_the_same<H: Home>() {
    let mut world = World::<H>::new().await;
    let id = receiver(&world, &[]).await;
    world.ask().await;
    assert_eq!(world.store.due_webhooks().await.unwrap(), [id]);
    let first = claim(&world, id).await;
    assert_eq!(names(&first), ["asked"]);
    assert_eq!(first[0].attempt, 1);
    // Whoever claimed it is gone.
    world.reopen().await;
    assert_eq!(claim(&world, id).await, [], "its lease still runs");
    world.clock.advance(31);
    let again = claim(&world, id).await;
    assert_eq!(again[0].attempt, 2);
    let as_before = ClaimedDelivery { attempt: 1, round: 1, ..again[0].clone() };
    assert_eq!([as_before], first[..], "the same id, and the same event");
    // The one who was slow has nothing to say any more.
    settle(&world, &first[0], Then::Delivered).await;
    let workspace = world.us.place.workspace;
    let line = world.store.delivery(workspace, again[0].id).await.unwrap().unwrap();
    assert_eq!(line.state, DeliveryState::Waiting);
    settle(&world, &again[0], Then::Delivered).await;
    let line = world.store.delivery(workspace, again[0].id).await.unwrap().unwrap();
    assert_eq!((line.state, line.attempts), (DeliveryState::Delivered, 2));
    world.clock.advance(1_000);
    assert_eq!(world.store.due_webhooks().await.unwrap(), []);
}

pub(crate) async fn of_one_approval_each_waits_for_the_one_before<H: Home>() {
    let world = World::<H>::new().await;
    let (slow, fast) = (receiver(&world, &[]).await, receiver(&world, &["approved"]).await);
    let asked = world.ask().await;
    world.approve(world.us.ben_key, &asked).await;
    let other = world.ask().await;
    let claimed = claim(&world, slow).await;
    assert_eq!(names(&claimed), ["asked", "asked"], "one of each approval");
    assert_eq!(claim(&world, slow).await, []);
    assert_eq!(names(&claim(&world, fast).await), ["approved"], "nobody waits for another");
    let at = world.store.now().plus(Seconds(5));
    let failed = claimed.iter().find(|claimed| claimed.approval == asked.id).unwrap();
    settle(&world, failed, Then::Retry { at, why: "down".into() }).await;
    let done = claimed.iter().find(|claimed| claimed.approval == other.id).unwrap();
    settle(&world, done, Then::Delivered).await;
    assert_eq!(claim(&world, slow).await, []);
    world.clock.advance(5);
    let again = claim(&world, slow).await;
    assert_eq!((names(&again), again[0].id), (vec!["asked"], failed.id));
    settle(&world, &again[0], Then::GiveUp { why: "down".into() }).await;
    let next = claim(&world, slow).await;
    assert_eq!(names(&next), ["voted"]);
    settle(&world, &next[0], Then::Delivered).await;
    assert_eq!(names(&claim(&world, slow).await), ["approved"]);
}

pub(crate) async fn who_wants_nothing_more_is_left_alone<H: Home>() {
    let world = World::<H>::new().await;
    let id = receiver(&world, &[]).await;
    let (first, _) = (world.ask().await, world.ask().await);
    let claimed = claim(&world, id).await;
    assert_eq!(claimed[0].approval, first.id);
    settle(&world, &claimed[0], Then::Disable { why: "gone".into() }).await;
    world.clock.advance(100);
    assert_eq!(world.store.due_webhooks().await.unwrap(), []);
    assert_eq!(claim(&world, id).await, []);
    world.ask().await;
    let workspace = world.us.place.workspace;
    let known = world.store.webhooks(workspace).await.unwrap();
    assert_eq!((known[0].waiting, known[0].state), (1, WebhookState::Disabled));
    let counts = world.store.delivery_counts().await.unwrap();
    assert_eq!(counts, DeliveryCounts { waiting: 1, dead: 1, webhooks_down: 0 });
    let log = world.store.audit(workspace, None, 1_000).await.unwrap();
    let told = log.iter().find(|row| row.entry.kind == "webhook.disabled").unwrap();
    assert_eq!(
        (told.entry.subject.as_str(), told.entry.actor.as_str()),
        (&*id.to_string(), "system")
    );

    world.administer(Change::RemoveWebhook { id }).await.unwrap();
    assert!(world.administer(Change::RemoveWebhook { id }).await.is_err());
    let left = |rows: &std::collections::BTreeMap<String, i64>| rows["deliveries"];
    assert_eq!(left(&world.home.rows()), 2);
    world.store.tidy().await.unwrap();
    assert_eq!(left(&world.home.rows()), 0, "what was for nobody goes");
}

pub(crate) async fn only_who_wants_to_be_told_is<H: Home>() {
    let world = World::<H>::new().await;
    let workspace = world.us.place.workspace;
    let id = unconfirmed(&world, &[]).await;
    let early = world.ask().await;
    assert_eq!(world.home.rows()["deliveries"], 0, "nothing is kept for it");
    world.store.challenge_failed(id, "silent".into()).await.unwrap();
    let known = world.store.webhooks(workspace).await.unwrap().remove(0);
    assert_eq!(
        (known.state, known.problem.as_deref()),
        (WebhookState::Unconfirmed, Some("silent"))
    );

    // Of two challenges at once, one is answered; that the other failed changes nothing.
    world.administer(Change::ConfirmWebhook { id }).await.unwrap();
    world.store.challenge_failed(id, "late".into()).await.unwrap();
    world.administer(Change::ConfirmWebhook { id }).await.unwrap();
    let known = world.store.webhooks(workspace).await.unwrap().remove(0);
    assert_eq!((known.state, known.problem), (WebhookState::Active, None));
    let log = world.store.audit(workspace, None, 1_000).await.unwrap();
    let told = |kind: &str| log.iter().filter(|row| row.entry.kind == kind).count();
    assert_eq!(told("webhook.confirmed"), 1);
    let asked = world.ask().await;
    world.approve(world.us.ben_key, &early).await;
    let claimed = claim(&world, id).await;
    let gone = claimed.iter().find(|one| one.approval == asked.id).unwrap();
    assert_eq!(names(&claimed), ["asked", "voted"], "what was before is not told later");

    // What waited when it was disabled is told once it wants that again; what came then is not.
    settle(&world, gone, Then::Disable { why: "gone".into() }).await;
    world.ask().await;
    world.clock.advance(100);
    assert_eq!(claim(&world, id).await, []);
    world.administer(Change::ConfirmWebhook { id }).await.unwrap();
    assert_eq!(world.store.due_webhooks().await.unwrap(), [id]);
    assert_eq!(names(&claim(&world, id).await), ["voted"]);
    let known = world.store.webhooks(workspace).await.unwrap().remove(0);
    assert_eq!((known.disabled_at, known.waiting), (None, 2), "voted, and approved behind it");

    world.administer(Change::RemoveWebhook { id }).await.unwrap();
    assert!(world.administer(Change::ConfirmWebhook { id }).await.is_err());
    world.store.challenge_failed(id, "late".into()).await.unwrap();
}

pub(crate) async fn a_secret_sealed_anew_takes_the_place_of_the_former<H: Home>() {
    let world = World::<H>::new().await;
    let (one, two) = (receiver(&world, &[]).await, receiver(&world, &[]).await);
    world.ask().await;
    let until = world.store.now().plus(Seconds(60));
    let [former, resealed] =
        [7, 9].map(|byte| SealedSecrets { newest: vec![byte; 40], older: None });
    let resealed = SealedSecrets { older: Some((vec![8; 41], until)), ..resealed };
    let anew = Resealed { webhooks: vec![(two, resealed.clone())], ..Resealed::default() };
    world.store.change_signing_keys(Vec::new(), anew, KeyringChange::Resealed).await.unwrap();
    let secrets = world.store.webhook_secrets().await.unwrap();
    assert_eq!(secrets, [(one, former), (two, resealed.clone())]);
    assert_eq!(claim(&world, two).await[0].secrets, resealed);
}

pub(crate) async fn a_former_secret_signs_until_its_time_is_over_and_goes<H: Home>() {
    let world = World::<H>::new().await;
    let id = receiver(&world, &[]).await;
    world.ask().await;
    let signing = async |sealed: u8, overlap: u32| {
        let sealed = vec![sealed; 40];
        let overlap = Seconds(overlap);
        world.administer(Change::RotateWebhook { id, sealed, overlap }).await.unwrap();
    };
    let known = async || world.store.webhook_secrets().await.unwrap().remove(0).1;
    let at = |secrets: &SealedSecrets| {
        let signing = secrets.at(world.store.now());
        signing.map(|sealed| sealed[0]).collect::<Vec<_>>()
    };
    signing(8, 60).await;
    let claimed = claim(&world, id).await.remove(0).secrets;
    assert_eq!((at(&claimed), &claimed), (vec![8, 7], &known().await));
    world.clock.advance(60);
    assert_eq!(at(&claimed), [8], "not a moment longer");
    assert!(known().await.older.is_some());
    world.store.tidy().await.unwrap();
    assert_eq!(known().await.older, None, "and it is not kept");
    signing(9, 60).await;
    signing(10, 60).await;
    assert_eq!(at(&known().await), [10, 9], "the one before the former is over");
    signing(11, 0).await;
    assert_eq!(known().await, SealedSecrets { newest: vec![11; 40], older: None });
    let too_long = Change::RotateWebhook { id, sealed: vec![12; 40], overlap: Seconds(604_801) };
    assert!(world.administer(too_long).await.is_err());
    assert_eq!(at(&known().await), [11]);
}

pub(crate) async fn what_is_sent_once_more_goes_before_what_came_after<H: Home>() {
    let world = World::<H>::new().await;
    let id = receiver(&world, &[]).await;
    let asked = world.ask().await;
    world.approve(world.us.ben_key, &asked).await;
    let first = claim(&world, id).await.remove(0);
    settle(&world, &first, Then::GiveUp { why: "down".into() }).await;
    let second = claim(&world, id).await.remove(0);
    assert_eq!(names(&[first.clone(), second.clone()]), ["asked", "voted"]);
    // The second is on its way; what is asked for now goes before its next attempt.
    world.administer(Change::RetryDelivery { id: first.id }).await.unwrap();
    let again = claim(&world, id).await;
    assert_eq!((names(&again), again[0].id, again[0].round), (vec!["asked"], first.id, 1));
    let soon = world.store.now().plus(Seconds(5));
    settle(&world, &second, Then::Retry { at: soon, why: "down".into() }).await;
    world.clock.advance(6);
    assert_eq!(claim(&world, id).await, [], "it waits for the one before it");
    settle(&world, &again[0], Then::Delivered).await;
    let next = claim(&world, id).await;
    assert_eq!(names(&next), ["voted"]);
    settle(&world, &next[0], Then::Delivered).await;
    let last = claim(&world, id).await;
    assert_eq!(names(&last), ["approved"]);

    // The third waits for another attempt, and the first two are wanted once more: in order.
    let later = world.store.now().plus(Seconds(3_600));
    settle(&world, &last[0], Then::Retry { at: later, why: "down".into() }).await;
    for row in [&next[0], &again[0]] {
        world.administer(Change::RetryDelivery { id: row.id }).await.unwrap();
    }
    for name in ["asked", "voted", "approved"] {
        let due = claim(&world, id).await;
        assert_eq!(names(&due), [name]);
        settle(&world, &due[0], Then::Delivered).await;
    }
    assert_eq!(claim(&world, id).await, []);
}

pub(crate) async fn a_receiver_that_takes_nothing_is_tried_with_one_in_half_a_minute<H: Home>() {
    let mut world = World::<H>::new().await;
    let (dead, living) = (receiver(&world, &["asked"]).await, receiver(&world, &["asked"]).await);
    for _ in 0..20 {
        world.ask().await;
    }
    let first = claim(&world, dead).await;
    assert_eq!(first.len(), 10, "nothing is known of it yet");
    for claimed in &first {
        let at = world.store.now().plus(Seconds(3_600));
        settle(&world, claimed, Then::Retry { at, why: "down".into() }).await;
    }
    assert_eq!(world.store.due_webhooks().await.unwrap(), [living], "nobody else is held up");
    assert_eq!(claim(&world, living).await.len(), 10);
    let workspace = world.us.place.workspace;
    let since = world.store.now();
    world.reopen().await;
    let known = world.store.webhooks(workspace).await.unwrap();
    let outage = Outage { since, next_try_at: since.plus(Seconds(30)) };
    assert_eq!((known[0].outage, known[0].waiting), (Some(outage), 20), "a restart knows it too");
    assert_eq!(known[1].outage, None);
    assert_eq!(world.store.delivery_counts().await.unwrap().webhooks_down, 1);

    world.clock.advance(29);
    assert_eq!(claim(&world, dead).await, []);
    let mut tried = std::collections::BTreeSet::new();
    for _ in 0..3 {
        world.clock.advance(30);
        let probe = claim(&world, dead).await;
        assert_eq!(probe.len(), 1, "one finds out");
        assert_eq!(claim(&world, dead).await, [], "and nobody else meanwhile");
        assert!(tried.insert(probe[0].id), "each time another one");
        let at = world.store.now().plus(Seconds(3_600));
        settle(&world, &probe[0], Then::Retry { at, why: "down".into() }).await;
    }
    world.clock.advance(30);
    let probe = claim(&world, dead).await;
    settle(&world, &probe[0], Then::Delivered).await;
    let known = world.store.webhooks(workspace).await.unwrap();
    assert_eq!((known[0].outage, known[0].waiting), (None, 19));
    let rest = world.store.claim_deliveries(dead, 30, 100).await.unwrap();
    assert_eq!(rest.len(), 19, "all that waits is due, though some was to be tried in an hour");
    assert!(rest.iter().all(|claimed| claimed.round == 1), "and what was tried lost no attempt");
}

pub(crate) async fn whether_a_receiver_is_back_is_found_out_before_anything_is_due<H: Home>() {
    let world = World::<H>::new().await;
    let id = receiver(&world, &["asked"]).await;
    for _ in 0..3 {
        world.ask().await;
    }
    for _ in 0..2 {
        fail_all(&world, id).await;
        world.clock.advance(30 * 86_400);
    }
    let workspace = world.us.place.workspace;
    let known = world.store.webhooks(workspace).await.unwrap();
    let since = known[0].outage.unwrap().since;
    world.ask().await;
    let newest = claim(&world, id).await;
    assert_eq!((newest.len(), newest[0].attempt), (1, 1), "what is new has its turn as well");
    let at = world.store.now().plus(Seconds(3_600));
    settle(&world, &newest[0], Then::Retry { at, why: "down".into() }).await;
    // Nobody has to wait for it to end, nor is it over because somebody hopes so.
    world.administer(Change::RetryDelivery { id: newest[0].id }).await.unwrap();
    let known = world.store.webhooks(workspace).await.unwrap();
    assert_eq!(known[0].outage.map(|outage| outage.since), Some(since));
    let again = claim(&world, id).await;
    assert_eq!(again.len(), 1);
    settle(&world, &again[0], Then::Disable { why: "gone".into() }).await;
    let known = world.store.webhooks(workspace).await.unwrap();
    assert_eq!((known[0].outage, known[0].state), (None, WebhookState::Disabled));
    world.administer(Change::ConfirmWebhook { id }).await.unwrap();
    assert_eq!(claim(&world, id).await.len(), 3, "what waited is due, whenever it was to be tried");
}

pub(crate) async fn a_probe_before_its_time_costs_no_attempt<H: Home>() {
    let world = World::<H>::new().await;
    let id = receiver(&world, &["asked"]).await;
    for _ in 0..5 {
        world.ask().await;
    }
    let all = claim(&world, id).await;
    for claimed in &all {
        let at = world.store.now().plus(Seconds(3_600));
        settle(&world, claimed, Then::Retry { at, why: "down".into() }).await;
    }
    for _ in 0..20 {
        world.clock.advance(30);
        assert_eq!(world.store.due_webhooks().await.unwrap(), [id]);
        let probe = claim(&world, id).await;
        assert_eq!((probe.len(), probe[0].round), (1, 1));
        let at = world.store.now().plus(Seconds(3_600));
        settle(&world, &probe[0], Then::Retry { at, why: "down".into() }).await;
    }
}

pub(crate) async fn what_never_had_a_turn_is_given_up_when_it_is_three_days_late<H: Home>() {
    let world = World::<H>::new().await;
    let id = receiver(&world, &[]).await;
    let early = world.ask().await;
    world.approve(world.us.ben_key, &early).await;
    for _ in 0..5 {
        world.ask().await;
        fail_all(&world, id).await;
    }
    world.clock.advance(10);
    let waits = world.ask().await;
    world.approve(world.us.ben_key, &waits).await;
    world.clock.advance(76 * 3_600);
    let late = world.ask().await;
    fail_all(&world, id).await;
    world.clock.advance(30);
    fail_all(&world, id).await;
    let log = world.store.find_deliveries(world.us.place.workspace, everything()).await.unwrap();
    let of = |approval: ApprovalId, event: &str| {
        let line = log.iter().find(|line| line.approval == approval && line.event == event);
        let line = line.unwrap();
        (line.state, line.next_at.is_some())
    };
    assert_eq!(of(waits.id, "asked"), (DeliveryState::Dead, false));
    assert_eq!(of(waits.id, "voted"), (DeliveryState::Waiting, true), "its turn comes next");
    assert_eq!(of(late.id, "asked").0, DeliveryState::Waiting, "what is new waits");
    assert_eq!(of(early.id, "asked").0, DeliveryState::Waiting, "it has attempts of its own");
    // Whoever asks for it again wants it tried now.
    let dead = log.iter().find(|line| line.state == DeliveryState::Dead).unwrap();
    assert!(dead.why.as_deref().unwrap().contains("down"));
    world.administer(Change::RetryDelivery { id: dead.id }).await.unwrap();
    assert_eq!(world.store.due_webhooks().await.unwrap(), [id]);
}

/// Fails whatever is claimed; what was tried is not tried again within the test.
async fn fail_all<H: Home>(world: &World<H>, id: WebhookId) {
    for claimed in claim(world, id).await {
        let at = world.store.now().plus(Seconds(30 * 86_400));
        settle(world, &claimed, Then::Retry { at, why: "down".into() }).await;
    }
}

fn everything() -> DeliveryFilter {
    DeliveryFilter {
        way: None,
        state: None,
        approval: None,
        environment: None,
        since: None,
        until: None,
        before: None,
        limit: 100,
    }
}

pub(crate) async fn what_an_asker_has_sent_somewhere_comes_with_what_was_asked<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let told = receiver(&world, &["approved"]).await;
    let signer = WebhookId::from_bits(next());
    let new = NewWebhook {
        id: signer,
        environment: us.place.environment,
        url: None,
        // As who takes callbacks wants them.
        events: ["approved".to_owned()].into(),
        dialect: Dialect::Native,
        sealed: vec![7; 40],
    };
    world.administer(Change::AddWebhook(new)).await.unwrap();
    let mut question = ask(us, PolicyChoice::Default);
    question.callback_url = Some("https://ci.example/done".into());
    let (id, command) = (question.id, Command::Ask(Box::new(question)));
    let asked = world.run(us.asker, id, command).await.unwrap().approval;
    let approved = world.approve(us.ben_key, &asked).await;
    let sent = claim(&world, signer).await;
    assert_eq!(names(&sent), ["approved"]);
    assert_eq!(sent[0].asked.as_deref(), Some(&approved), "other APIs repeat it there");
    let line = world.store.delivery(us.place.workspace, sent[0].id).await.unwrap().unwrap();
    assert_eq!(line.asked.as_deref(), Some(&approved));
    assert_eq!(claim(&world, told).await[0].asked, None, "a receiver of all is told no texts");
}

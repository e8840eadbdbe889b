//! What is on its way to people: written with the event, claimed once, and only as long as it is
//! worth telling.

use askfirst_core::administration::{Change, ChannelSecret};
use askfirst_core::*;
use askfirst_store::*;

use crate::world::*;

fn settings(host: &str) -> ChannelSettings {
    ChannelSettings::Email(EmailSettings {
        host: host.into(),
        port: 587,
        security: MailSecurity::StartTls,
        username: Some("askfirst".into()),
        from: "askfirst@example.com".into(),
        locale: Locale::En,
        afterwards: Afterwards::All,
    })
}

pub(crate) async fn mail<H: Home>(world: &World<H>) -> ChannelId {
    let id = ChannelId::from_bits(next());
    let settings = settings("smtp.example.com");
    let new = NewChannel { id, settings, sealed: Some(vec![7; 40]) };
    world.administer(Change::AddChannel(new)).await.unwrap();
    id
}

pub(crate) async fn claim<H: Home>(world: &World<H>, id: ChannelId) -> Vec<ClaimedNotice> {
    world.store.claim_notices(id, 90, 10).await.unwrap()
}

pub(crate) async fn log<H: Home>(world: &World<H>, id: ChannelId) -> Vec<Notice> {
    world.store.notices(world.us.place.workspace, id, None, 100).await.unwrap()
}

/// What the way knows it by that this is told in.
pub(crate) fn reference_of(row: &ClaimedNotice) -> String {
    format!("<{}@example.com>", row.digest.unwrap_or(row.id))
}

/// That it was taken.
pub(crate) fn sent_as(row: &ClaimedNotice) -> Told {
    let reference = reference_of(row);
    match row.digest {
        Some(_) => Told::SentTogether { reference },
        None => Told::Sent { reference },
    }
}

fn to(claimed: &[ClaimedNotice]) -> Vec<&str> {
    let mut to: Vec<_> = claimed.iter().filter_map(|row| row.address.as_deref()).collect();
    to.sort_unstable();
    to
}

pub(crate) async fn whoever_could_answer_is_told_once_and_after_a_crash_again<H: Home>() {
    let mut world = World::<H>::new().await;
    let id = mail(&world).await;
    let asked = world.ask().await;
    assert_eq!(world.store.due_channels().await.unwrap(), [(id, false)]);
    let first = claim(&world, id).await;
    let workspace = world.us.place.workspace;
    let roster = world.store.roster(workspace).await.unwrap();
    let floor = world.store.workspace(workspace).await.unwrap().unwrap().floor;
    let awaited = asked.awaited(&roster, floor, world.store.now());
    assert!(awaited.len() > 1);
    assert_eq!(first.iter().map(|row| row.member).collect::<Vec<_>>().len(), awaited.len());
    assert!(first.iter().all(|row| awaited.contains(&row.member) && row.first.is_none()));
    assert!(first.iter().all(|row| row.about == About::Asked && row.attempt == 1));
    // Whoever claimed them is gone.
    world.reopen().await;
    assert_eq!(claim(&world, id).await, [], "their leases still run");
    world.clock.advance(91);
    let again = claim(&world, id).await;
    assert_eq!(to(&again), to(&first));
    assert!(first.iter().all(|row| again.iter().any(|same| same.id == row.id)), "the same ids");
    world.store.settle_notice(&first[0], sent_as(&first[0])).await.unwrap();
    let waits = |row: &Notice| row.state == NoticeState::Waiting;
    assert!(log(&world, id).await.iter().all(waits), "who was slow has nothing to say any more");
    for row in &again {
        world.store.settle_notice(row, sent_as(row)).await.unwrap();
    }
    assert!(log(&world, id).await.iter().all(|row| row.state == NoticeState::Sent));
    world.clock.advance(1_000);
    assert_eq!(world.store.due_channels().await.unwrap(), []);
}

pub(crate) async fn only_who_was_told_of_it_is_told_how_it_ended<H: Home>() {
    let world = World::<H>::new().await;
    let id = mail(&world).await;
    let (asked, hasty) = (world.ask().await, world.ask().await);
    let claimed = claim(&world, id).await;
    let of = |approval: &Approval| {
        claimed.iter().filter(|row| row.approval == approval.id).cloned().collect::<Vec<_>>()
    };
    let told = of(&asked);
    world.store.settle_notice(&told[0], sent_as(&told[0])).await.unwrap();
    let why = "no such user".to_owned();
    world.store.settle_notice(&told[1], Told::GiveUp { why: why.clone() }).await.unwrap();
    let known = world.store.channels(world.us.place.workspace).await.unwrap();
    assert_eq!(known[0].trouble.as_ref().map(|(_, why)| why), Some(&why));
    // One is being told while it ends, the others were not claimed yet.
    let rest = told.len() - 2;
    for approval in [&asked, &hasty] {
        let cancel = Command::Cancel { reason: None };
        world.run(world.us.asker, approval.id, cancel).await.unwrap();
    }
    let quick = world.ask().await;
    let cancel = Command::Cancel { reason: None };
    world.run(world.us.asker, quick.id, cancel).await.unwrap();
    let ended = claim(&world, id).await;
    assert!(!ended.iter().any(|row| row.approval == quick.id), "who was not told need not know");
    let dropped = |row: &Notice| row.approval != quick.id || row.state == NoticeState::Dropped;
    assert!(log(&world, id).await.iter().all(dropped));
    let ended: Vec<_> = ended.iter().filter(|row| row.approval == asked.id).collect();
    assert_eq!(ended.len(), 1, "and {rest} more, who still wait for the first");
    assert_eq!((ended[0].about, ended[0].member), (About::Ended, told[0].member));
    assert_eq!(ended[0].first, Some(reference_of(&told[0])), "it follows what they have");
    let lines = log(&world, id).await;
    let gave_up = lines.iter().find(|row| row.id == told[1].id).unwrap();
    assert_eq!((gave_up.state, gave_up.why.as_ref()), (NoticeState::Dead, Some(&why)));
    let mut ends = lines.iter().filter(|row| row.about == About::Ended && row.approval == asked.id);
    assert!(!ends.any(|row| row.member == told[1].member), "they never heard of it");
}

pub(crate) async fn a_channel_that_is_removed_tells_nobody_anything<H: Home>() {
    let world = World::<H>::new().await;
    let id = mail(&world).await;
    world.ask().await;
    let twice = Change::AddChannel(NewChannel {
        id: ChannelId::from_bits(next()),
        settings: world.store.channels(world.us.place.workspace).await.unwrap()[0].settings.clone(),
        sealed: None,
    });
    assert!(world.administer(twice).await.is_err(), "two would tell everybody everything twice");
    let ways = async || {
        world.store.premises(world.us.place.workspace).await.unwrap().unwrap().ways.clone()
    };
    assert_eq!(ways().await, ["email".to_owned()].into());
    let anew = Resealed { channels: vec![(id, vec![9; 41])], ..Resealed::default() };
    world.store.change_signing_keys(Vec::new(), anew, KeyringChange::Resealed).await.unwrap();
    assert_eq!(world.store.channel_secrets().await.unwrap(), [(id, vec![9; 41])]);
    world.administer(Change::RemoveChannel { id }).await.unwrap();
    assert!(world.administer(Change::RemoveChannel { id }).await.is_err());
    assert_eq!(ways().await, [].into());
    assert_eq!(world.store.due_channels().await.unwrap(), []);
    assert_eq!(claim(&world, id).await, []);
    assert_eq!(world.home.rows()["notices"], 0);
    world.ask().await;
    assert_eq!(world.home.rows()["notices"], 0);
}

pub(crate) async fn after_a_change_everybody_who_must_answer_is_told<H: Home>() {
    let world = World::<H>::new().await;
    let id = mail(&world).await;
    let mut ask = ask(&world.us, PolicyChoice::Named(name("two")));
    let place: Pointer = "/arguments/version".parse().unwrap();
    ask.editable = vec![place.clone()];
    let mut edited = Action::clone(&ask.action);
    let asked = world.run(world.us.asker, ask.id, Command::Ask(Box::new(ask))).await.unwrap();
    let asked = asked.approval;
    let told = claim(&world, id).await;
    let of = |member: MemberId| told.iter().find(|row| row.member == member).unwrap();
    // Cleo has it; Ana's was given up; Ben looks at the page and changes it.
    world.store.settle_notice(of(world.us.cleo), sent_as(of(world.us.cleo))).await.unwrap();
    let why = "no such user".to_owned();
    world.store.settle_notice(of(world.us.ana), Told::GiveUp { why }).await.unwrap();
    edited.arguments["version"] = "2.2".into();
    let digest = digest_of(&edited);
    let changes = [(place, edited.arguments["version"].clone())].into();
    let mut vote = cast(&asked, VoteDecision::Approve);
    if let Command::Vote(vote) = &mut vote {
        vote.edits = Some(Edits { changes, digest });
    }
    world.run(world.us.ben_key, asked.id, vote).await.unwrap();
    let lines = log(&world, id).await;
    let about = |member: MemberId| {
        let of = lines.iter().filter(move |row| row.member == member);
        of.map(|row| row.about).collect::<Vec<_>>()
    };
    assert_eq!(about(world.us.cleo), [About::Changed, About::Asked], "newest first");
    assert_eq!(about(world.us.ana), [About::Asked, About::Asked], "whom nothing has reached");
}

pub(crate) async fn a_secret_stays_with_the_server_it_was_given_for<H: Home>() {
    let world = World::<H>::new().await;
    let id = mail(&world).await;
    let set = async |host: &str, secret: ChannelSecret| {
        world.administer(Change::SetChannel { id, settings: settings(host), secret }).await
    };
    let sealed = async || world.store.channel_secrets().await.unwrap();
    set("smtp.example.com", ChannelSecret::Keep).await.unwrap();
    let refused = set("smtp.evil.example", ChannelSecret::Keep).await.unwrap_err();
    assert!(refused.to_string().contains("again"), "{refused}");
    assert_eq!(sealed().await, [(id, vec![7; 40])]);
    // Somebody else was faster: what was to be kept is not what was meant.
    let other = ChannelSecret::Replace(Some(vec![9; 40]));
    set("smtp.evil.example", other).await.unwrap();
    assert!(set("smtp.example.com", ChannelSecret::Keep).await.is_err());
    assert_eq!(sealed().await, [(id, vec![9; 40])]);
    set("smtp.example.com", ChannelSecret::Replace(None)).await.unwrap();
    assert_eq!(sealed().await, []);
}

pub(crate) async fn who_can_answer_later_is_asked_then_and_once<H: Home>() {
    let mut world = World::<H>::new().await;
    let id = mail(&world).await;
    while world.store.tell_newcomers(10).await.unwrap() {}
    let asked = [world.ask().await, world.ask().await, world.ask().await];
    let ended = world.ask().await;
    let cancel = Command::Cancel { reason: None };
    world.run(world.us.asker, ended.id, cancel).await.unwrap();
    let before = log(&world, id).await.len();
    assert!(!world.store.newcomers_are_due().await.unwrap());
    let dora = MemberId::from_bits(next());
    let (email, name) = ("dora@example.com".to_owned(), "Dora".to_owned());
    let add = Change::AddMember { id: dora, email, name, role: Role::Approver };
    world.administer(add).await.unwrap();
    assert!(world.store.newcomers_are_due().await.unwrap());
    // A few at a time, and whoever does it may die in between.
    assert!(world.store.tell_newcomers(2).await.unwrap());
    world.reopen().await;
    while world.store.tell_newcomers(2).await.unwrap() {}
    assert!(!world.store.newcomers_are_due().await.unwrap());
    let hers = async |world: &World<H>| {
        let lines = log(world, id).await;
        lines.into_iter().filter(|row| row.member == dora).collect::<Vec<_>>()
    };
    let told = hers(&world).await;
    assert!(told.iter().all(|row| row.about == About::Asked && row.state == NoticeState::Waiting));
    let mut of: Vec<_> = told.iter().map(|row| row.approval).collect();
    of.sort_unstable();
    assert_eq!(of, asked.each_ref().map(|approval| approval.id), "what is open, each once");
    assert_eq!(log(&world, id).await.len(), before + 3, "nobody else hears anything");

    // Told already, or given up: once is enough. Dropped, as she could not answer then: now.
    let claimed = world.store.claim_notices(id, 90, 100).await.unwrap();
    let of_hers = claimed.iter().filter(|row| row.member == dora);
    let ways = [
        sent_as(&claimed[0]),
        Told::GiveUp { why: "no such user".into() },
        Told::Dropped { why: "they are not active any more".into() },
    ];
    for (row, told) in of_hers.zip(ways) {
        world.store.settle_notice(row, told).await.unwrap();
    }
    let (name, role) = (None, None);
    let enabled = Change::UpdateMember { id: dora, name, role, enabled: Some(true) };
    world.administer(enabled).await.unwrap();
    while world.store.tell_newcomers(2).await.unwrap() {}
    let states = hers(&world).await;
    let count = |state| states.iter().filter(|row| row.state == state).count();
    assert_eq!(states.len(), 3);
    assert_eq!((count(NoticeState::Sent), count(NoticeState::Dead)), (1, 1));
    assert_eq!(count(NoticeState::Waiting), 1);
    assert_eq!(world.home.rows()["newcomers"], 0);
}

pub(crate) async fn a_delegation_is_looked_for_when_it_begins_and_when_it_ends<H: Home>() {
    let world = World::<H>::new().await;
    mail(&world).await;
    while world.store.tell_newcomers(10).await.unwrap() {}
    world.ask().await;
    let now = world.store.now();
    let (since, until) = (now.plus(Seconds(600)), now.plus(Seconds(1_200)));
    let given = Delegation { to: world.us.ben, since, until };
    let change = Change::Delegate { member: world.us.ana, delegation: Some(given) };
    world.administer(change).await.unwrap();
    let due = async || {
        let due = world.store.newcomers_are_due().await.unwrap();
        while world.store.tell_newcomers(10).await.unwrap() {}
        due
    };
    assert!(!due().await, "it has not begun");
    world.clock.advance(600);
    assert!(due().await);
    assert!(!due().await);
    world.clock.advance(600);
    assert!(due().await);
    assert!(!due().await);
}

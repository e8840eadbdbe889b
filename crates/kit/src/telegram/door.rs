//! The HTTP side: `/bot<token>/<method>`, and how a call is answered, refused, lost or noted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Shared;
use super::about::unauthorized;
use super::calls::Call;
use super::control;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::world::{Fault, World};
use crate::wire::{Incoming, Outgoing};

/// The longest that a poll is kept waiting.
const LONGEST_POLL: i64 = 50;

/// Answers one request.
pub(super) async fn answer(shared: Arc<Shared>, incoming: Incoming) -> Outgoing {
    if let Some(verb) = incoming.path.strip_prefix("/_control/") {
        let (status, body) = control::answer(&shared, verb, &incoming.body);
        return outgoing(status, None, &body);
    }
    let Some((token, method)) = call_in(&incoming.path) else {
        return refused(&Refusal::new(404, "Not Found"));
    };
    let parameters = Parameters::read(&incoming);
    let (number, bot, fault) = {
        let mut world = shared.world();
        if world.deaf {
            return Outgoing::Dropped;
        }
        let bot = world.tokens.get(token).copied();
        let bot = bot.filter(|bot| world.accounts.get(bot).is_some_and(|account| !account.revoked));
        let call = Call {
            number: 0,
            at: world.clock.now(),
            bot,
            method: method.to_owned(),
            parameters: parameters.as_ref().map(|read| read.all().clone()).unwrap_or_default(),
            status: 0,
            description: None,
            result: None,
            during_flood: false,
        };
        let chat = call.parameters.get("chat_id").map(|id| id.to_string().replace('"', ""));
        let there = chat.map(|chat| format!("{method} {chat}"));
        let mut next = |of: &str| world.faults.get_mut(of).and_then(VecDeque::pop_front);
        let fault = there.and_then(|there| next(&there)).or_else(|| next(method));
        (world.calls.came(call), bot, fault)
    };
    if matches!(fault, Some(Fault::Lose)) {
        shared.changed();
        return Outgoing::Dropped;
    }
    if let Some(Fault::Hold(released)) = &fault {
        shared.changed();
        released.notified().await;
    }
    let result = match (bot, parameters, &fault) {
        (None, ..) => Err(unauthorized()),
        (_, _, Some(Fault::Refuse(refusal))) => Err(refusal.clone()),
        (_, Err(refusal), _) => Err(refusal),
        (Some(bot), Ok(parameters), _) if method == "getUpdates" => {
            get_updates(&shared, bot, &parameters).await
        }
        (Some(bot), Ok(parameters), _) => shared.world().perform(bot, method, &parameters, number),
    };
    let lost = matches!(fault, Some(Fault::LoseAnswer));
    note(&mut shared.world(), number, method, &result, lost);
    shared.changed();
    match result {
        _ if lost => Outgoing::Dropped,
        Ok(result) => outgoing(200, None, &json!({ "ok": true, "result": result })),
        Err(refusal) => refused(&refusal),
    }
}

/// The token and the method of a path, if it is one of the API's.
fn call_in(path: &str) -> Option<(&str, &str)> {
    let (token, method) = path.strip_prefix("/bot")?.split_once('/')?;
    let (id, secret) = token.split_once(':')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let good = !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_digit())
        && secret.len() == 35
        && secret.bytes().all(plain);
    (good && !method.contains('/')).then_some((token, method))
}

fn note(world: &mut World, number: u64, method: &str, result: &Result<Value, Refusal>, lost: bool) {
    if let Err(refusal) = result
        && refusal.mistake
    {
        world.mistake(format!("call {number}, {method}: {}", refusal.description));
    }
    world.calls.change(number, |call| match result {
        Ok(result) => {
            call.status = if lost { 0 } else { 200 };
            call.result = (method != "getUpdates").then(|| result.clone());
        }
        Err(refusal) => {
            call.status = if lost { 0 } else { refusal.status };
            call.description = Some(refusal.description.clone());
        }
    });
}

fn refused(refusal: &Refusal) -> Outgoing {
    outgoing(refusal.status, refusal.retry_after(), &refusal.body())
}

fn outgoing(status: u16, retry_after: Option<u64>, body: &Value) -> Outgoing {
    Outgoing::Answer { status, retry_after, body: body.to_string().into() }
}

/// What has happened since; waits for it if the bot wants to. Another poll, or a webhook, ends
/// the wait.
async fn get_updates(shared: &Shared, bot: i64, parameters: &Parameters) -> Result<Value, Refusal> {
    parameters.only("getUpdates", &["offset", "limit", "timeout", "allowed_updates"])?;
    let offset = parameters.integer("offset").unwrap_or_default();
    let limit = parameters.integer("limit").unwrap_or(100);
    let seconds = parameters.integer("timeout").unwrap_or_default();
    if !(1..=100).contains(&limit) || !(0..=LONGEST_POLL).contains(&seconds) {
        // Telegram takes the nearest that it allows.
        let what = format!("getUpdates with a limit of {limit} and a timeout of {seconds}");
        shared.world().mistake(what);
    }
    let limit = usize::try_from(limit.clamp(1, 100)).unwrap_or(1);
    let seconds = u64::try_from(seconds.clamp(0, LONGEST_POLL)).unwrap_or_default();
    let until = Instant::now() + Duration::from_secs(seconds);
    let (wake, mine) = {
        let mut world = shared.world();
        let now = world.clock.now();
        let account = world.accounts.get(&bot).ok_or_else(unauthorized)?;
        if account.webhook.is_some() {
            return Err(Refusal::conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete \
                 the webhook first",
            ));
        }
        world.allow(bot, parameters)?;
        let account = world.accounts.get_mut(&bot).ok_or_else(unauthorized)?;
        account.updates.confirm(offset, now);
        // One that has nothing to wait for leaves the other in peace.
        if account.updates.waiting().len() == 0 && seconds > 0 {
            account.poll += 1;
            account.wake.notify_waiters();
        }
        (Arc::clone(&account.wake), account.poll)
    };
    shared.changed();
    loop {
        // Register before looking: what comes in between still wakes.
        let woken = wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        {
            let mut world = shared.world();
            let now = world.clock.now();
            let account = world.accounts.get_mut(&bot).ok_or_else(unauthorized)?;
            if account.revoked {
                return Err(unauthorized());
            }
            if account.webhook.is_some() {
                return Err(Refusal::conflict("terminated by setWebhook request"));
            }
            if account.poll != mine && seconds > 0 {
                return Err(Refusal::conflict(
                    "terminated by other getUpdates request; make sure that only one bot \
                     instance is running",
                ));
            }
            account.updates.forget_old(now);
            let found: Vec<Value> =
                account.updates.waiting().take(limit).map(super::updates::Update::value).collect();
            if !found.is_empty() || Instant::now() >= until {
                return Ok(json!(found));
            }
        }
        let _ = tokio::time::timeout_at(until, woken).await;
    }
}

//! Waiting for people's answer, and claiming it: what `ask` and `wait` share.

use std::time::Duration;

use anyhow::Result;
use askfirst_core::{ApprovalId, Seconds, Timestamp};
use askfirst_store::{Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::approval;
use crate::client::{CallError, Client};
use crate::exit::{self, unsure};
use crate::terminal::{StatusLine, say, say_json, text_of, visible_json, warn};

/// How long one request waits on the server's side.
const POLL: Duration = Duration::from_secs(25);
/// How much longer its answer may take.
const GRACE: Duration = Duration::from_secs(15);
/// Between two requests where the first was answered before its time.
const PAUSE: Duration = Duration::from_secs(1);

/// How an approval is waited for.
pub(crate) struct Waiting<'a> {
    /// Whom to ask.
    pub(crate) client: &'a Client,
    /// For which.
    pub(crate) id: ApprovalId,
    /// At most so long.
    pub(crate) timeout: Option<Duration>,
    /// How long to go on while the server is away.
    pub(crate) retry_for: Duration,
    /// Whether a person is watching.
    pub(crate) watched: bool,
}

/// How the waiting ended.
pub(crate) enum Ended {
    /// It is decided, and this is the approval.
    Decided(Value),
    /// The person at the terminal did not want to wait any longer.
    Interrupted,
    /// The time is over.
    OutOfTime,
}

impl Waiting<'_> {
    /// Waits until the approval is no longer pending, or `interrupted` ends.
    pub(crate) async fn wait(
        &self,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Ended, CallError> {
        let mut status = StatusLine::new(self.watched);
        let give_up = self.timeout.map(|timeout| Instant::now() + timeout);
        let mut last_good = Instant::now();
        let mut pause = Duration::ZERO;
        let mut seen = Value::Null;
        let mut lost = false;
        tokio::pin!(interrupted);
        loop {
            let began = Instant::now();
            let before = pause;
            let version = seen["version"].as_u64();
            let poll = async move {
                sleep(before).await;
                // The first look is at once: what is known is what a change is told by.
                let mut path = format!("/v1/approvals/{}", self.id);
                if let Some(version) = version {
                    path = format!("{path}?wait={}s&after={version}", POLL.as_secs());
                }
                self.client.call(Method::GET, &path, None, None, POLL + GRACE).await
            };
            tokio::pin!(poll);
            let answer = loop {
                status.show(&headline(&seen));
                let tick = if status.is_alive() { PAUSE } else { POLL + GRACE + GRACE };
                tokio::select! {
                    answer = &mut poll => break answer,
                    () = &mut interrupted => return Ok(Ended::Interrupted),
                    () = until(give_up) => return Ok(Ended::OutOfTime),
                    () = sleep(tick) => {}
                }
            };
            match answer {
                Ok(reply) if reply.body["status"] != "pending" => {
                    return Ok(Ended::Decided(reply.body));
                }
                Ok(reply) => {
                    last_good = Instant::now();
                    if std::mem::take(&mut lost) {
                        status.clear();
                        warn("the server is back; waiting on");
                    }
                    self.tell_inquiries(&mut status, &seen, &reply.body);
                    // A stopping server answers at once; so may a proxy that drops the query.
                    let early =
                        began.elapsed() < POLL / 2 && reply.body["version"].as_u64() == version;
                    seen = reply.body;
                    pause = if early { PAUSE } else { Duration::ZERO };
                }
                Err(error) if error.is_passing() && last_good.elapsed() < self.retry_for => {
                    if !std::mem::replace(&mut lost, true) {
                        let left = self.retry_for.saturating_sub(last_good.elapsed());
                        status.clear();
                        warn(format_args!(
                            "{error}\ntrying again until {}; --retry-for says how long",
                            Timestamp::from_seconds(SystemClock.now().seconds())
                                .plus(seconds(left))
                        ));
                    }
                    pause = PAUSE;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Why it cannot be told, where the server stayed away: with the command that goes on.
    pub(crate) fn gave_up(&self, error: CallError, go_on: &str) -> anyhow::Error {
        if !error.is_passing() {
            return error.into();
        }
        let told = format!(
            "the answer is not known, because the server stayed away; what was asked stays asked. \
             once it is back, go on with `{go_on}`"
        );
        anyhow::Error::from(error).context(told)
    }

    /// Tells whoever waits, on stderr, what approvers asked back since the last look.
    fn tell_inquiries(&self, status: &mut StatusLine, before: &Value, now: &Value) {
        let count = |approval: &Value| approval["inquiries"].as_array().map_or(0, Vec::len);
        let inquiries = now["inquiries"].as_array().into_iter().flatten();
        for inquiry in inquiries.skip(count(before)) {
            if !inquiry["reply"].is_null() {
                continue;
            }
            status.clear();
            warn(format_args!(
                "{}\nanswer it with `askfirst reply {} --number {} \"…\"`",
                approval::inquiry_line(inquiry),
                self.id,
                inquiry["number"]
            ));
        }
    }
}

/// Whole seconds.
fn seconds(span: Duration) -> Seconds {
    Seconds(u32::try_from(span.as_secs()).unwrap_or(u32::MAX))
}

/// `askfirst wait apr_… --claim --digest …`.
pub(crate) fn go_on(id: ApprovalId, claim: bool, digest: Option<&str>) -> String {
    let claim = if claim { " --claim" } else { "" };
    let digest = digest.map(|digest| format!(" --digest {digest}")).unwrap_or_default();
    format!("askfirst wait {id}{claim}{digest}")
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn headline(approval: &Value) -> String {
    if approval.is_null() {
        return "waiting".into();
    }
    let left = text_of(approval, "expires_at").parse::<Timestamp>().ok().map(|end| {
        let seconds = end.seconds().saturating_sub(SystemClock.now().seconds()).max(0);
        Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)).to_string()
    });
    let words = text_of(&approval["remaining"], "words");
    format!("waiting for {words}; {} left", left.unwrap_or_default())
}

/// Takes the one use of an approval, for the action of this digest.
async fn claim(client: &Client, id: ApprovalId, digest: &str) -> Result<Value> {
    let key = askfirst_server::mint::token()?;
    let path = format!("/v1/approvals/{id}/consume");
    let claimed = client.post_once(&path, &json!({ "action_digest": digest }), &key).await;
    let claimed = claimed.map_err(|error| {
        let what = if matches!(error, CallError::Refused(_)) {
            "it was approved, but the claim was refused"
        } else {
            "it was approved, but it is unknown whether the claim was recorded"
        };
        unsure(format!("{what}: {error}"))
    })?;
    approval::agrees(&claimed.body, digest)?;
    if claimed.body["claim"]["state"] != "claimed" {
        return Err(unsure("the server took the claim and does not show it as claimed"));
    }
    Ok(claimed.body)
}

/// What to do with a decision.
pub(crate) struct Afterwards<'a> {
    /// The digest of the action that will be run.
    pub(crate) digest: &'a str,
    /// Whether to claim it.
    pub(crate) claim: bool,
    /// Whether programs read the answer.
    pub(crate) json: bool,
}

/// Claims an approval, says what was decided, and gives the exit code.
pub(crate) async fn conclude(
    client: &Client,
    id: ApprovalId,
    decided: Value,
    then: Afterwards<'_>,
) -> Result<u8> {
    approval::agrees(&decided, then.digest)?;
    let status = decided["status"].as_str().unwrap_or_default().to_owned();
    let tell = |approval: &Value| match then.json {
        true => say_json(approval),
        false => say(approval::status(approval)),
    };
    let code = match status.as_str() {
        "approved" => {
            if !then.claim {
                tell(&decided);
                if decided["usable"] != true {
                    let state = text_of(&decided["claim"], "state");
                    return Err(unsure(format!("it was approved, but is not usable: {state}")));
                }
                return Ok(exit::DONE);
            }
            let claimed = claim(client, id, then.digest).await?;
            tell(&claimed);
            if !then.json {
                let answer = &claimed["decision"]["answer"];
                if !answer.is_null() {
                    say(format_args!(
                        "filled in  {}",
                        visible_json(answer, "           ").trim_start()
                    ));
                }
                if claimed["revisions"].as_array().is_some_and(|known| known.len() > 1) {
                    let action = visible_json(&claimed["action"], "           ");
                    say(format_args!("approvers changed it; run this: {}", action.trim_start()));
                }
                say("the claim is in hand: run it now, once");
            }
            return Ok(exit::DONE);
        }
        "rejected" => exit::REJECTED,
        "expired" | "cancelled" => exit::ENDED,
        _ => exit::UNSURE,
    };
    tell(&decided);
    Ok(code)
}

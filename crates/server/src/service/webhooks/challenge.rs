//! Whether a receiver wants to be told: it is sent something random, and has to give it back. So
//! nobody has what happens sent to a place that did not agree, and a wrong URL shows at once. The
//! challenge is kept nowhere: it is over when the request is that put it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askfirst_core::{DeliveryId, Timestamp, WorkspaceId};
use askfirst_store::Webhook;
use bytes::Bytes;
use hyper::header::HeaderMap;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::Sender;
use crate::dialects::Parcel;
use crate::mint::{self, NoRandomness};
use crate::outgoing::Answer;

/// Challenges of one workspace at a time. Each can take ten seconds of a connection.
const AT_ONCE: usize = 4;

const HOW: &str = "answer 2xx with {\"challenge\": …}, or with the bare text, as it came in \
                   data.challenge";

/// How many challenges are under way, by workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<HashMap<WorkspaceId, usize>>>);

/// A place among them, until it is dropped.
struct Place {
    running: Running,
    workspace: WorkspaceId,
}

impl Running {
    fn enter(&self, workspace: WorkspaceId) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(workspace).or_default();
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Place { running: self.clone(), workspace })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.workspace);
            }
        }
    }
}

/// Puts a challenge to a receiver. Inside: why it did not give it back, and what to do.
pub(super) async fn put(
    sender: &Sender,
    to: &Webhook,
    now: Timestamp,
) -> Result<Result<(), String>, NoRandomness> {
    let challenge = mint::token()?;
    let done = exchange(sender, to, &challenge, now).await;
    Ok(done.map_err(|why| format!("{why}; then POST /v1/webhooks/{}/challenge", to.id)))
}

async fn exchange(
    sender: &Sender,
    to: &Webhook,
    challenge: &str,
    now: Timestamp,
) -> Result<(), String> {
    let _place = sender.challenges.enter(to.place.workspace).ok_or_else(|| {
        format!("{AT_ONCE} challenges of this workspace wait for their answers; let one end")
    })?;
    let body = json!({
        "type": "webhook.challenge",
        "timestamp": now,
        "data": {
            "workspace": to.place.workspace,
            "environment": to.place.environment.as_str(),
            "webhook": to.id,
            "challenge": challenge,
        },
    });
    // Each has an id of its own, as receivers refuse one that they have seen.
    let id = DeliveryId::from_bits(mint::id_bits());
    let parcel = Parcel { id, body: Bytes::from(body.to_string()), at: now };
    let url = to.url.as_deref().unwrap_or_default();
    let answer = sender.send(to.id, url, &to.secrets, &parcel, |_| HeaderMap::new()).await?;
    judge(&answer, challenge)
}

fn judge(answer: &Answer, challenge: &str) -> Result<(), String> {
    let status = answer.status;
    if !status.is_success() {
        return Err(format!("it answered the challenge with {status}; let it {HOW}"));
    }
    let plain = answer.body.trim_ascii();
    let told = match serde_json::from_slice::<Value>(plain) {
        Ok(Value::Object(mut members)) => members.remove("challenge"),
        _ => None,
    };
    let told = told.as_ref().and_then(Value::as_str).map_or(plain, str::as_bytes);
    if bool::from(told.ct_eq(challenge.as_bytes())) {
        return Ok(());
    }
    Err(format!("it answered {status} without giving the challenge back; let it {HOW}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::StatusCode;

    use super::*;
    use crate::outgoing::BodyEnd;

    #[test]
    fn only_the_challenge_itself_is_taken_as_json_or_as_it_is() {
        let answer = |status, body: &str| Answer {
            status,
            retry_after: None,
            body: Bytes::from(body.to_owned()),
            end: BodyEnd::Whole,
            took: Duration::ZERO,
        };
        let judged = |body: &str| judge(&answer(StatusCode::OK, body), "abc_-1").is_ok();
        for good in ["abc_-1", " abc_-1\r\n", r#"{"challenge": "abc_-1"}"#] {
            assert!(judged(good), "{good}");
        }
        let nothing = ["", "abc_-", "abc_-12", "ABC_-1", "\"abc_-1\"", "{}", "[\"abc_-1\"]"];
        let other = [r#"{"challenge": "abc"}"#, r#"{"challenge": 1}"#, r#"{"data": "abc_-1"}"#];
        for bad in nothing.into_iter().chain(other) {
            assert!(!judged(bad), "{bad}");
        }
        let refused = judge(&answer(StatusCode::NOT_FOUND, "abc_-1"), "abc_-1").unwrap_err();
        assert!(refused.starts_with("it answered the challenge with 404 Not Found"), "{refused}");
    }

    #[test]
    fn a_workspace_has_a_few_challenges_at_a_time_and_holds_up_no_other() {
        let running = Running::default();
        let [one, two] = [1, 2].map(WorkspaceId::from_bits);
        let held: Vec<_> = (0..AT_ONCE).map(|_| running.enter(one).unwrap()).collect();
        assert!(running.enter(one).is_none());
        assert!(running.enter(two).is_some());
        drop(held);
        assert!(running.enter(one).is_some());
        assert!(running.0.lock().unwrap().is_empty(), "who is gone is forgotten");
    }
}

//! Where an asker may have the end of an approval sent: to a host that the workspace's admins named,
//! as the agent that asks may be led by anybody. Asked when it asks, and again when it is sent.

use askfirst_core::Environment;
use askfirst_store::{Place, Webhook};

use super::{LONGEST_URL, Sender};
use crate::outgoing::{Forbidden, HostRule};
use crate::service::{Caller, Result, Service, ServiceError, mistake};

const POINTER: &str = "/callback_url";
/// Among the hosts of a workspace that a stranger made: any that is public. No admin can write it.
pub(crate) const ANYWHERE: &str = "*";

impl Sender {
    /// What sends to the callbacks of a workspace that lets them go to these hosts.
    #[must_use]
    pub(crate) fn toward(&self, hosts: &[String]) -> Self {
        match is_strangers(hosts) {
            true => Self { outgoing: self.outgoing.for_strangers(), ..self.clone() },
            false => self.clone(),
        }
    }

    /// Whether what an asker named may be sent to.
    ///
    /// # Errors
    /// What is wrong and what to do, in words.
    pub(crate) fn may_call_back(
        &self,
        url: &str,
        hosts: &[String],
    ) -> std::result::Result<(), String> {
        let checked = self.toward(hosts).outgoing.check(url);
        if is_strangers(hosts) {
            return checked.map(drop).map_err(strangers_way);
        }
        let target = checked.map_err(|error| error.to_string())?;
        let rules: Vec<HostRule> = hosts.iter().filter_map(|host| host.parse().ok()).collect();
        if target.is_among(&rules) {
            return Ok(());
        }
        Err(format!(
            "{} is not among the hosts that this workspace lets callbacks go to; an admin adds it \
             to callback_hosts by PATCH /v1/workspace",
            target.host()
        ))
    }
}

fn is_strangers(hosts: &[String]) -> bool {
    hosts.iter().any(|host| host == ANYWHERE)
}

/// Nothing that the operator could open helps a stranger.
fn strangers_way(error: Forbidden) -> String {
    match error {
        Forbidden::Plain
        | Forbidden::Port(_)
        | Forbidden::Address { .. }
        | Forbidden::ThisMachine(_)
        | Forbidden::InsideName(_) => "for a key that a stranger made, this is a public host, \
                                       reached by https on port 443 or 8443"
            .into(),
        other => other.to_string(),
    }
}

impl Service {
    /// Whether an ask may have its end sent there.
    pub(crate) async fn check_callback(&self, caller: &Caller, url: &str) -> Result<()> {
        self.check_callback_in(caller.place, url).await
    }

    /// Whether what is asked there may have its end sent there.
    pub(crate) async fn check_callback_in(&self, place: Place, url: &str) -> Result<()> {
        if url.len() > LONGEST_URL {
            return Err(mistake(POINTER, format!("a URL has at most {LONGEST_URL} bytes")));
        }
        let workspace = self.store.workspace(place.workspace).await?;
        let workspace = workspace.ok_or(ServiceError::NotFound("workspace"))?;
        let may = self.sender()?.may_call_back(url, &workspace.callback_hosts);
        may.map_err(|why| mistake(POINTER, why))?;
        let known = self.store.webhooks(place.workspace).await?;
        let signs =
            |known: &Webhook, of: Environment| known.url.is_none() && known.place.environment == of;
        if known.iter().any(|known| signs(known, place.environment)) {
            return Ok(());
        }
        let why = "nothing signs callbacks here yet; an admin makes what does by POST /v1/webhooks \
                   with {\"callbacks\": true}";
        Err(mistake(POINTER, why))
    }
}

//! Where an asker may have the end of an approval sent: to a host that the workspace's admins named,
//! as the agent that asks may be led by anybody. Asked when it asks, and again when it is sent.

use askfirst_core::Environment;
use askfirst_store::Webhook;

use super::{LONGEST_URL, Sender};
use crate::outgoing::HostRule;
use crate::service::{Caller, Result, Service, ServiceError, mistake};

const POINTER: &str = "/callback_url";
/// Among the hosts of a workspace that a stranger made: any that may be reached at all. No admin can
/// write it.
pub(crate) const ANYWHERE: &str = "*";

impl Sender {
    /// Whether what an asker named may be sent to.
    ///
    /// # Errors
    /// What is wrong and what to do, in words.
    pub(crate) fn may_call_back(
        &self,
        url: &str,
        hosts: &[String],
    ) -> std::result::Result<(), String> {
        let target = self.outgoing.check(url).map_err(|error| error.to_string())?;
        if hosts.iter().any(|host| host == ANYWHERE) {
            return Ok(());
        }
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

impl Service {
    /// Whether an ask may have its end sent there.
    pub(crate) async fn check_callback(&self, caller: &Caller, url: &str) -> Result<()> {
        if url.len() > LONGEST_URL {
            return Err(mistake(POINTER, format!("a URL has at most {LONGEST_URL} bytes")));
        }
        let workspace = self.store.workspace(caller.place.workspace).await?;
        let workspace = workspace.ok_or(ServiceError::NotFound("workspace"))?;
        let may = self.sender()?.may_call_back(url, &workspace.callback_hosts);
        may.map_err(|why| mistake(POINTER, why))?;
        let known = self.store.webhooks(caller.place.workspace).await?;
        let signs =
            |known: &Webhook, of: Environment| known.url.is_none() && known.place.environment == of;
        if known.iter().any(|known| signs(known, caller.place.environment)) {
            return Ok(());
        }
        let why = "nothing signs callbacks here yet; an admin makes what does by POST /v1/webhooks \
                   with {\"callbacks\": true}";
        Err(mistake(POINTER, why))
    }
}

//! Whose chat accounts are: `askfirst channels link`, `unlink` and `accounts`. A code shows which
//! account is somebody's, and nothing counts before a person has said that the right one was found.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{told, tried};
use crate::client::{CallError, Client, Connection, ORDINARY};
use crate::directory::{Members, all, member_id};
use crate::exit::{self, usage};
use crate::surroundings;
use crate::terminal::{
    StatusLine, confirmed, has_reader, say, say_json, shell_word, table, text_of, visible, warn,
};

/// Between two looks at a code.
const PAUSE: Duration = Duration::from_secs(1);
/// How many looks in a row may fail before nobody waits any longer.
const MISSES: u32 = 30;

/// Whose account to link.
#[derive(Debug, Args)]
pub(crate) struct LinkArgs {
    /// By which way
    #[arg(value_parser = ["telegram"])]
    way: String,
    /// Whose it is, by address or id; who answers for the key, if it is not said
    #[arg(long, value_name = "MEMBER")]
    member: Option<String>,
    /// Say yes to this account without being asked, and to no other
    #[arg(long, value_name = "ACCOUNT")]
    yes: Option<String>,
    /// Go on with a code that was made before, by the same key
    #[arg(long, allow_hyphen_values = true, value_name = "CODE")]
    code: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Whose account to unlink.
#[derive(Debug, Args)]
pub(crate) struct UnlinkArgs {
    /// By which way
    #[arg(value_parser = ["telegram"])]
    way: String,
    /// Whose it is, by address or id; who answers for the key, if it is not said
    #[arg(long, value_name = "MEMBER")]
    member: Option<String>,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Which accounts to list.
#[derive(Debug, Args)]
pub(crate) struct AccountsArgs {
    /// By which way
    #[arg(value_parser = ["telegram"])]
    way: String,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// The path of the one channel of this kind.
pub(super) async fn path_of(client: &Client, kind: &str) -> Result<String> {
    let answer = client.get("/v1/channels").await?;
    let mut channels = answer["data"].as_array().into_iter().flatten();
    let found = channels.find(|channel| channel["kind"] == kind);
    match found.and_then(|channel| channel["id"].as_str()) {
        Some(id) => Ok(format!("/v1/channels/{id}")),
        None => bail!("there is no bot yet; set one up with `askfirst channels add {kind}`"),
    }
}

/// The id of who answers for the key.
async fn own(client: &Client) -> Result<String> {
    Ok(text_of(&client.get("/v1/keys/current").await?, "owner"))
}

/// The id of whoever is named, or of who answers for the key.
async fn named(client: &Client, member: Option<&str>) -> Result<String> {
    match member {
        Some(named) => member_id(client, named).await,
        None => own(client).await,
    }
}

/// A code that somebody is to send, and what it takes to confirm what comes of it.
struct Linking<'a> {
    client: &'a Client,
    /// Of the channel.
    path: String,
    member: String,
    code: String,
    json: bool,
}

impl LinkArgs {
    pub(super) async fn link(self, client: &Client) -> Result<u8> {
        let path = path_of(client, &self.way).await?;
        let member = named(client, self.member.as_deref()).await?;
        let json = self.connection.json;
        let code = match &self.code {
            Some(code) => code.trim().to_owned(),
            None => {
                let wish = json!({ "member": member });
                let path = format!("{path}/codes");
                // Once: a code that nobody got to see is made good no more by the next.
                let call = client.call(Method::POST, &path, Some(&wish), None, ORDINARY);
                let made = call.await?.body;
                invite(&made, json);
                text_of(&made, "code")
            }
        };
        let linking = Linking { client, path, member, code, json };
        let Some(found) = linking.found().await? else { return linking.done(None).await };
        let (account, name) = (text_of(&found, "account"), text_of(&found, "name"));
        match &self.yes {
            Some(wanted) if *wanted == account => {}
            Some(wanted) => bail!(
                "it was {name:?}, account {account}, who sent the code, and not account {}; nothing \
                 is linked. If that is nobody you know, somebody else saw the code: run this again \
                 for another",
                visible(wanted)
            ),
            None if !has_reader() => return Ok(self.unconfirmed(&linking, &found)),
            None => {
                let question = format!(
                    "This is {name:?}, account {account}. Names are chosen by their owners; look at \
                     what the bot wrote there. Is that you?"
                );
                if !confirmed(&question, "add --yes ACCOUNT")? {
                    return Err(usage("not confirmed; nothing was linked"));
                }
            }
        }
        linking.confirm(&account).await?;
        linking.done(Some(&found)).await
    }

    /// Says what was found where nobody can be asked.
    fn unconfirmed(&self, linking: &Linking<'_>, found: &Value) -> u8 {
        let (account, name) = (text_of(found, "account"), text_of(found, "name"));
        let mut confirm = format!(
            "askfirst channels link {} --code={} --yes {}",
            self.way,
            shell_word(&linking.code),
            shell_word(&account)
        );
        if let Some(member) = &self.member {
            confirm = format!("{confirm} --member {}", shell_word(member));
        }
        if linking.json {
            say_json(&json!({ "state": "found", "found": found, "code": linking.code }));
        } else {
            say(format_args!("found: {name:?}, account {account}"));
        }
        warn(format_args!("nothing is linked yet; if that is the right account: {confirm}"));
        exit::FAILED
    }
}

/// Says where to press Start: to a camera too, where there is a screen.
fn invite(made: &Value, json: bool) {
    let link = text_of(made, "link");
    if json {
        warn(format_args!("open {link} and press Start"));
        return;
    }
    say("Open this where you have Telegram, or scan it with your phone, and press Start:");
    say(format_args!("  {link}"));
    let screen = std::io::stdout();
    let qr = askfirst_server::qr::Qr::of(&link).filter(|_| screen.is_terminal());
    for line in qr.iter().flat_map(askfirst_server::qr::Qr::lines) {
        // White on black, whatever the terminal's own colours are.
        match surroundings::wants_colours(&screen) {
            true => say(format_args!("  \x1b[38;5;231;48;5;16m{line}\x1b[0m")),
            false => say(format_args!("  {line}")),
        }
    }
    say(format_args!("It is good once, until {}.", text_of(made, "expires_at")));
}

impl Linking<'_> {
    /// Looks until an account is found; none if it is linked already.
    async fn found(&self) -> Result<Option<Value>> {
        let mut status = StatusLine::new(!self.json);
        let path = format!("{}/codes/look", self.path);
        let wish = json!({ "code": self.code });
        let mut missed = 0;
        loop {
            status.show("waiting until Start is pressed");
            let look = self.client.call(Method::POST, &path, Some(&wish), None, ORDINARY).await;
            match look {
                Ok(reply) if reply.body["state"] == "linked" => return Ok(None),
                Ok(reply) if reply.body["state"] == "found" => {
                    return Ok(Some(reply.body["found"].clone()));
                }
                Ok(_) => missed = 0,
                Err(CallError::Refused(refused)) if refused.status == StatusCode::NOT_FOUND => {
                    bail!(
                        "the code is good no more: its ten minutes are over, or another was made \
                         since. Run this again for a new one"
                    );
                }
                Err(error) if error.is_passing() && missed < MISSES => missed += 1,
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn confirm(&self, account: &str) -> Result<()> {
        let path = format!("{}/codes/confirm", self.path);
        let wish = json!({ "code": self.code, "member": self.member, "account": account });
        self.client.post(&path, &wish).await?;
        Ok(())
    }

    /// Says what is linked now, and sends a test to whoever runs this.
    async fn done(&self, found: Option<&Value>) -> Result<u8> {
        let known = all(self.client, &format!("{}/accounts", self.path)).await?;
        let known = known.into_iter().find(|account| account["member"] == self.member.as_str());
        let known = known.unwrap_or_else(|| json!({ "member": self.member }));
        let found = found.unwrap_or(&known);
        let (account, name) = (text_of(found, "account"), text_of(found, "name"));
        if !self.json {
            say(format_args!("linked: {name:?}, account {account}"));
            let assurance = text_of(&known, "assurance");
            if !assurance.is_empty() && assurance != "chat" {
                say(format_args!(
                    "what is answered from it counts as `{assurance}`; linked on one's own profile \
                     page, as `chat`"
                ));
            }
        }
        // A test goes to who answers for the key, and to nobody else.
        if own(self.client).await? != self.member {
            if self.json {
                say_json(&json!({ "linked": known }));
            }
            return Ok(exit::DONE);
        }
        let id = self.path.rsplit('/').next().unwrap_or_default();
        let trial = tried(self.client, id).await?;
        let sent = trial["sent"] == true;
        match (self.json, sent) {
            (true, _) => say_json(&json!({ "linked": known, "test": trial })),
            (false, true) => say("the bot wrote to it just now that it works; look there"),
            (false, false) => drop(told(&trial, false)),
        }
        Ok(if sent { exit::DONE } else { exit::FAILED })
    }
}

impl UnlinkArgs {
    pub(super) async fn unlink(self, client: &Client) -> Result<u8> {
        let path = path_of(client, &self.way).await?;
        let member = named(client, self.member.as_deref()).await?;
        if !self.yes {
            let whose = self.member.as_deref().map_or_else(|| "your".into(), visible);
            let question = format!(
                "Unlink {whose} Telegram account? The bot writes to it no more, and the cards in it \
                 lose their buttons."
            );
            if !confirmed(&question, "add --yes")? {
                return Err(usage("not confirmed; nothing was unlinked"));
            }
        }
        let path = format!("{path}/accounts/{member}");
        client.call(Method::DELETE, &path, None, None, ORDINARY).await?;
        match self.connection.json {
            true => say_json(&json!({ "member": member, "unlinked": true })),
            false => say("unlinked; the bot writes to that account no more"),
        }
        Ok(exit::DONE)
    }
}

impl AccountsArgs {
    pub(super) async fn list(self, client: &Client) -> Result<u8> {
        let path = path_of(client, &self.way).await?;
        let accounts = all(client, &format!("{path}/accounts")).await?;
        if self.connection.json {
            say_json(&json!({ "data": accounts }));
            return Ok(exit::DONE);
        }
        if accounts.is_empty() {
            say(format_args!("nobody has linked one yet: askfirst channels link {}", self.way));
            return Ok(exit::DONE);
        }
        let people = Members::read(client).await?;
        let row = |account: &Value| {
            let member = text_of(account, "member");
            vec![
                visible(people.email(&member)),
                text_of(account, "account"),
                format!("{:?}", text_of(account, "name")),
                text_of(account, "assurance"),
                text_of(account, "linked_at"),
            ]
        };
        say(table(&accounts.iter().map(row).collect::<Vec<_>>()));
        Ok(exit::DONE)
    }
}

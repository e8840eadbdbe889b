//! `askfirst keyring`: the keys that sign receipts and the key they are sealed under, on the
//! server's own console while it is stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use askfirst_core::{Seconds, Timestamp};
use askfirst_proof::SealingKey;
use askfirst_proof::key::KeyBits;
use askfirst_server::{keyring, sealing};
use askfirst_store::{SigningKeyRecord, Store};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::site::Site;
use super::{block_on, span};
use crate::exit::{self, not_set_up, usage};
use crate::premises;
use crate::terminal::{confirmed, say, say_json, table};

/// The keys that sign receipts, on the console of a stopped server
#[derive(Debug, Subcommand)]
pub(crate) enum KeyringCommand {
    /// List them, in the order in which they come to sign
    List(ListArgs),
    /// Make another key to sign with; the present one goes on for a while and stays published
    Rotate(RotateArgs),
    /// Seal them under another sealing key
    Reseal(ResealArgs),
    /// Go on with another key where the sealing key is lost for good
    ///
    /// What was signed can still be checked; nothing can be signed with the old keys any more.
    ReplaceLost(ReplaceArgs),
}

/// Which keys.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    site: Site,
}

/// When.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// How long it is published before it signs, so that verifiers have it in time
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "24h")]
    overlap: Seconds,
    #[command(flatten)]
    site: Site,
}

/// Under what.
#[derive(Debug, Args)]
pub(crate) struct ResealArgs {
    /// The file with the new sealing key; made if it is not there
    new: PathBuf,
    #[command(flatten)]
    site: Site,
}

/// Surely?
#[derive(Debug, Args)]
pub(crate) struct ReplaceArgs {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    site: Site,
}

/// What a command works on; while it is held no server starts.
struct Opened {
    store: Arc<dyn Store>,
    sealing_key_file: PathBuf,
    bits: KeyBits,
}

fn open(site: &Site) -> Result<Opened> {
    let bits = premises::bits(site.settings()?.signing_key_bits);
    Ok(Opened { store: site.store()?, sealing_key_file: site.places()?.sealing_key, bits })
}

impl Opened {
    fn sealing_key(&self) -> Result<SealingKey> {
        match sealing::find(&self.sealing_key_file).map_err(not_set_up)? {
            Some(key) => Ok(key),
            None => Err(not_set_up(format!(
                "there is no sealing key at {}",
                self.sealing_key_file.display()
            ))),
        }
    }
}

impl KeyringCommand {
    const fn site(&self) -> &Site {
        match self {
            Self::List(args) => &args.site,
            Self::Rotate(args) => &args.site,
            Self::Reseal(args) => &args.site,
            Self::ReplaceLost(args) => &args.site,
        }
    }

    /// Whether programs read it.
    pub(crate) const fn json(&self) -> bool {
        self.site().json
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let opened = open(self.site())?;
        block_on(async {
            let done = self.work(&opened).await;
            opened.store.close().await;
            done
        })?;
        Ok(exit::DONE)
    }

    async fn work(&self, opened: &Opened) -> Result<()> {
        let store = &*opened.store;
        match self {
            Self::List(_) => {
                let keys = told(&store.signing_keys().await?, store.now());
                match self.json() {
                    true => say_json(&json!({ "data": keys })),
                    false => say(rows(&keys)),
                }
            }
            Self::Rotate(args) => {
                let sealing = Arc::new(opened.sealing_key()?);
                let from = store.now().plus(args.overlap);
                let made = keyring::rotate(store, sealing, opened.bits, from).await;
                let made = made.map_err(not_set_up)?;
                match self.json() {
                    true => say_json(&told(&made, store.now())[0]),
                    false => say(format_args!(
                        "{} is published from the next start and signs from {from}.\nWho checks \
                         receipts with a saved file of public keys needs it by then: `askfirst \
                         jwks`",
                        named(&made)
                    )),
                }
            }
            Self::Reseal(args) => reseal(opened, &args.new, self.json()).await?,
            Self::ReplaceLost(args) => replace(opened, args.yes, self.json()).await?,
        }
        Ok(())
    }
}

async fn reseal(opened: &Opened, new: &Path, json: bool) -> Result<()> {
    let present = opened.sealing_key()?;
    let next = sealing::in_file(new).map_err(not_set_up)?;
    if next.id() == present.id() {
        return Err(usage(format!("{} holds the present sealing key", new.display())));
    }
    let keys = keyring::reseal(&*opened.store, &present, &next).await.map_err(not_set_up)?;
    if json {
        say_json(&json!({ "file": new, "sealing_key": next.id(), "keys": keys.len() }));
        return Ok(());
    }
    let (new, old) = (new.display(), opened.sealing_key_file.display());
    say(format_args!(
        "{} keys are sealed under {new}. Before the next start, put it in the place of {old}, or \
         set sealing_key_file to it.\nBackups from before still need the old one: keep both, apart",
        keys.len()
    ));
    Ok(())
}

async fn replace(opened: &Opened, yes: bool, json: bool) -> Result<()> {
    let file = opened.sealing_key_file.display();
    let found = sealing::find(&opened.sealing_key_file).map_err(not_set_up)?;
    let records = opened.store.signing_keys().await?;
    if let Some(key) = &found
        && keyring::opens(key, &records).is_ok()
    {
        bail!("nothing is lost: the sealing key at {file} fits; to sign with another key, rotate");
    }
    let question = format!(
        "The sealing key at {file} opens not all of the signing keys. Those that it does not open \
         can never sign again, even if the right one is found. Go on with a new key?"
    );
    if !yes && !confirmed(&question, "add --yes")? {
        return Err(usage("nothing was changed"));
    }
    let sealing = premises::sealing_key(&opened.sealing_key_file)?;
    let made = keyring::replace_lost(&*opened.store, sealing, opened.bits).await?;
    match json {
        true => say_json(&told(&made, opened.store.now())[0]),
        false => say(format_args!(
            "{} signs from now on, sealed under {file}: keep a copy of that file apart.\nWho \
             checks receipts needs its public key: `askfirst jwks`. What was signed before can \
             still be checked",
            named(&made)
        )),
    }
    Ok(())
}

/// The names of these keys, the one for receipts first.
fn named(keys: &[SigningKeyRecord]) -> String {
    let kids: Vec<_> = keys.iter().map(|key| key.kid.as_str()).collect();
    kids.join(" and ")
}

/// What is so about each key at this time.
fn told(keys: &[SigningKeyRecord], now: Timestamp) -> Vec<Value> {
    let due = |key: &&SigningKeyRecord| key.sealed.is_some() && key.signs_from <= now;
    let one = |key: &SigningKeyRecord| {
        let mut family = keys.iter().filter(|other| other.family == key.family);
        let state = match &key.sealed {
            None => "lost",
            Some(_) if family.rfind(due).is_some_and(|due| due.kid == key.kid) => "signs",
            Some(_) if key.signs_from > now => "comes",
            Some(_) => "published",
        };
        let (made_at, signs_from) = (key.created_at, key.signs_from);
        json!({
            "kid": key.kid, "signs": key.family.as_str(), "state": state, "made_at": made_at,
            "signs_from": signs_from,
        })
    };
    keys.iter().map(one).collect()
}

fn rows(keys: &[Value]) -> String {
    let cell = |key: &Value, name: &str| key[name].as_str().unwrap_or_default().to_owned();
    let row = |key: &Value| {
        ["kid", "signs", "state", "made_at", "signs_from"].map(|name| cell(key, name))
    };
    let mut rows =
        vec![["KID", "SIGNS", "STATE", "MADE", "SIGNS FROM"].map(str::to_owned).to_vec()];
    rows.extend(keys.iter().map(|key| row(key).to_vec()));
    table(&rows)
}

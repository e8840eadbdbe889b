//! The keys of the workspace: which there are, what each may do and in which API, and taking one
//! back. They are made by `askfirst keys create` and `/v1/keys`; what opens doors is on no page.

use askama::Template;
use askfirst_core::{KeyId, MemberId, PolicyAllowance, Roster, Scope, Standing};
use askfirst_store::Key;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::after::{After, Told, lead};
use super::fault::{Fault, page};
use super::history::sent;
use super::session::{Nothing, Posted, SignedIn};
use super::shell::{Moment, Shell, Text, text};
use super::words::Sign;
use crate::app::App;
use crate::service::caller::ADMINS;

/// How many keys the page shows.
const MOST: u32 = 100;

/// The keys of a workspace.
#[derive(Template)]
#[template(path = "keys.html")]
pub(super) struct KeysPage {
    pub(super) shell: Shell,
    /// What was just done.
    pub(super) told: Option<Told>,
    pub(super) good: Vec<KeyRow>,
    pub(super) over: Vec<KeyRow>,
    /// Whether there are more than fit.
    pub(super) more: bool,
}

/// One key, without what opens doors.
#[derive(Clone, Debug)]
pub(super) struct KeyRow {
    pub(super) id: String,
    pub(super) name: Text,
    pub(super) hint: Text,
    pub(super) sign: Sign,
    pub(super) environment: &'static str,
    /// Which API it speaks.
    pub(super) speaks: String,
    pub(super) scopes: String,
    /// Under what it asks, if it does.
    pub(super) policies: Option<Text>,
    pub(super) owner: Text,
    /// As whom it votes.
    pub(super) votes_as: Option<Text>,
    /// Where the end of what it asks is sent.
    pub(super) tells: Option<Text>,
    pub(super) made: Moment,
    pub(super) used: Option<Moment>,
    pub(super) ends: Option<Moment>,
}

impl KeyRow {
    fn new(key: &Key, by: &SignedIn, roster: &Roster) -> Self {
        let (class, icon, word) = match key.facts.standing {
            Standing::Good => ("approved", "check", "Good"),
            Standing::Revoked => ("rejected", "cross", "Revoked"),
            Standing::Expired => ("expired", "hourglass", "Expired"),
            Standing::Disabled => ("rejected", "cross", "Its person is disabled"),
        };
        let person = |id: MemberId| text(&roster.email(id));
        let policies = match &key.facts.policies {
            PolicyAllowance::Any => "any policy".into(),
            PolicyAllowance::Only(names) if names.is_empty() => "the default policy".into(),
            PolicyAllowance::Only(names) => {
                let names: Vec<_> = names.iter().map(ToString::to_string).collect();
                names.join(", ")
            }
        };
        let scopes: Vec<_> = key.facts.scopes.iter().map(|scope| scope.as_str()).collect();
        let seen = |at| Moment::seen_from(at, by.viewer.now);
        Self {
            id: key.facts.id.to_string(),
            name: text(&key.facts.label),
            hint: text(&key.hint),
            sign: Sign { class, icon, word },
            environment: key.place.environment.as_str(),
            speaks: key.facts.dialect.to_string(),
            scopes: scopes.join(", "),
            policies: key.facts.scopes.contains(&Scope::Ask).then(|| text(&policies)),
            owner: person(key.facts.owner),
            votes_as: key.facts.member.map(person),
            tells: key.callback_url.as_deref().map(text),
            made: seen(key.created_at),
            used: key.last_used_at.map(seen),
            ends: key.expires_at.map(seen),
        }
    }
}

impl KeysPage {
    pub(super) fn new(by: &SignedIn, keys: &[Key], roster: &Roster, more: bool) -> Self {
        let is_good = |key: &&Key| key.facts.standing == Standing::Good;
        let (good, over): (Vec<_>, Vec<_>) = keys.iter().partition(is_good);
        let rows = |keys: Vec<&Key>| keys.iter().map(|key| KeyRow::new(key, by, roster)).collect();
        let shell = Shell::of("Keys", "/keys", by, by.viewer.now);
        Self { shell, told: None, good: rows(good), over: rows(over), more }
    }
}

/// What was just done, as its address says.
fn told(done: &str, over: &[KeyRow]) -> Option<Told> {
    let key = over.iter().find(|key| Some(key.id.as_str()) == done.strip_prefix("revoked."))?;
    let details = vec![key.name.clone(), text("Whatever uses it is refused from now on.")];
    Some(Told { good: true, title: "The key is revoked", details })
}

pub(super) async fn show(
    State(app): State<App>,
    uri: Uri,
    by: SignedIn,
) -> Result<Response, Fault> {
    if !ADMINS.contains(&by.viewer.member.person.role) {
        return Err(Fault::NotFound);
    }
    let mut keys = app.service.keys(&by.caller, None, MOST + 1).await?;
    let more = keys.len() > MOST as usize;
    keys.truncate(MOST as usize);
    let roster = app.service.roster(&by.caller).await?;
    let after: After = sent(&uri)?;
    let html = KeysPage::new(&by, &keys, &roster, more);
    let told = after.done(&by).and_then(|done| told(done, &html.over));
    Ok(page(StatusCode::OK, &KeysPage { told, ..html }))
}

pub(super) async fn revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let id: KeyId = id.parse().map_err(|_| Fault::NotFound)?;
    app.service.revoke_key(&posted.by.caller, id).await?;
    Ok(lead("/keys", &format!("revoked.{id}"), &posted.by))
}

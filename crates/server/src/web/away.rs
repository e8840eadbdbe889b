//! Out of office: who votes in one's place, and until when.

use askama::Template;
use askfirst_core::{Delegation, MemberId, Timestamp};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::fault::{Fault, page};
use super::session::{Nothing, Posted, SignedIn};
use super::shell::{Moment, Shell, Text, text};
use super::words::{Told, lacking};
use crate::app::App;
use crate::service::ServiceError;

/// The page.
#[derive(Template)]
#[template(path = "away.html")]
pub(super) struct AwayPage {
    pub(super) shell: Shell,
    pub(super) notice: Option<(&'static str, Text)>,
    pub(super) given: Option<Given>,
    /// Who could vote in this person's place: id and address.
    pub(super) colleagues: Vec<(String, Text)>,
    /// For whom this person votes now.
    pub(super) for_whom: Vec<Given>,
    /// The first day that can be chosen.
    pub(super) today: String,
    /// What was sent and not taken.
    pub(super) typed: AwayFields,
}

/// Votes that were handed over.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) who: Text,
    pub(super) since: Moment,
    pub(super) until: Moment,
    /// Whether it holds already.
    pub(super) now: bool,
}

pub(super) async fn show(State(app): State<App>, by: SignedIn) -> Result<Response, Fault> {
    Ok(page(StatusCode::OK, &sheet(&app, &by, None, AwayFields::default()).await?))
}

/// The form, as it was filled in.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct AwayFields {
    pub(super) to: String,
    pub(super) since: String,
    pub(super) until: String,
}

pub(super) async fn hand_over(
    State(app): State<App>,
    posted: Posted<AwayFields>,
) -> Result<Response, Fault> {
    let Posted { by, form } = posted;
    let now = by.viewer.now;
    let since = match form.since.trim() {
        "" => Some(now),
        typed => day(typed).map(|day| day.max(now)),
    };
    let told = match (form.to.parse::<MemberId>(), since, day(&form.until)) {
        (Err(_), _, _) => lacking("Choose who votes in your place."),
        (_, None, _) => lacking("Say from which day, as in 2030-01-31, or leave it empty."),
        (_, _, None) => lacking("Say until which day, as in 2030-01-31."),
        (Ok(to), Some(since), Some(until)) => {
            // To the end of that day.
            let until = until.plus(askfirst_core::Seconds(86_400));
            let given = Some(Delegation { to, since, until });
            match app.service.delegate(&by.caller, by.viewer.member.id, given).await {
                Ok(_) => return Ok(Redirect::to("/away").into_response()),
                Err(ServiceError::Denied(denied)) => lacking(&format!("This cannot be: {denied}.")),
                Err(other) => return Err(other.into()),
            }
        }
    };
    let sheet = sheet(&app, &by, Some(&told), form).await?;
    Ok(page(told.status, &sheet))
}

pub(super) async fn take_back(
    State(app): State<App>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let Posted { by, .. } = posted;
    app.service.delegate(&by.caller, by.viewer.member.id, None).await?;
    Ok(Redirect::to("/away").into_response())
}

/// Midnight UTC at the beginning of `2030-01-31`.
fn day(text: &str) -> Option<Timestamp> {
    format!("{}T00:00:00Z", text.trim()).parse().ok()
}

async fn sheet(
    app: &App,
    by: &SignedIn,
    told: Option<&Told>,
    typed: AwayFields,
) -> Result<AwayPage, Fault> {
    let now = by.viewer.now;
    let given = |who: &str, given: &Delegation| Given {
        who: text(who),
        since: Moment::seen_from(given.since, now),
        until: Moment::seen_from(given.until, now),
        now: given.holds(now),
    };
    let roster = app.service.roster(&by.caller).await?;
    let own = roster.delegations.get(&by.viewer.member.id).filter(|own| now < own.until);
    let lent = roster.delegators(by.viewer.member.id, now);
    let today = now.to_string();
    Ok(AwayPage {
        shell: Shell::of("Out of office", "/away", by, now),
        notice: told.map(|told| (told.title, text(&told.detail))),
        given: own.map(|own| given(&roster.email(own.to), own)),
        colleagues: app
            .service
            .colleagues(&by.caller)
            .await?
            .into_iter()
            .map(|(id, person)| (id.to_string(), text(&person.email)))
            .collect(),
        for_whom: lent
            .filter_map(|id| Some(given(&roster.email(id), roster.delegations.get(&id)?)))
            .collect(),
        today: today.split('T').next().unwrap_or_default().into(),
        typed,
    })
}

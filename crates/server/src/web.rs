//! The web pages. A handler reads the request, calls the service, renders what came of it; pages
//! are plain forms that work without JavaScript. Only a POST from our own pages changes anything.

mod after;
mod approval;
mod assets;
mod audit;
mod away;
mod bots;
mod channel_change;
mod channels;
mod docs;
mod fault;
mod fields;
mod grants;
mod guard;
mod history;
mod inbox;
mod keys;
mod link;
mod linking;
mod live;
mod login;
mod notices;
mod once;
mod people;
mod profile;
mod replay;
mod rooms;
mod session;
mod settings;
mod sheet;
mod shell;
mod webhooks;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, header};
use axum::middleware;
use axum::routing::{get, post};

use crate::app::{App, Reach};
use crate::service::{Caller, ServiceError};

/// Where a picture of the repository is, for the documents that show it.
pub(crate) fn picture(path: &str) -> Option<&'static str> {
    assets::picture(path)
}

/// The longest form that is read, in bytes: whatever of a request can be changed, escaped.
const LARGEST_FORM: usize = 512 * 1024;

/// Who is signed in where this was sent from; for doors that are no pages.
///
/// # Errors
/// If it could not be looked up.
pub(crate) async fn signed_in(
    headers: &HeaderMap,
    app: &App,
) -> Result<Option<Caller>, ServiceError> {
    match session::SessionToken::of(headers, &app.reach) {
        Some(token) => app.service.caller_by_session(token.as_str()).await,
        None => Ok(None),
    }
}

/// Whether a browser sent this from a page that is not ours. What is no browser says nothing of
/// where it comes from.
pub(crate) fn is_from_elsewhere(headers: &HeaderMap, reach: &Reach) -> bool {
    let says = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    says && !guard::is_from_us(headers, reach)
}

/// All pages, with the headers and checks that every one of them needs.
pub fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/", get(inbox::inbox))
        .route("/history", get(history::history))
        .route("/audit", get(audit::show))
        .route("/audit/export", get(audit::export))
        .route("/a/{id}", get(approval::show))
        .route("/a/{id}/vote", post(approval::vote))
        .route("/a/{id}/look", post(approval::look))
        .route("/a/{id}/cancel", post(approval::cancel))
        .route("/a/{id}/revoke", post(approval::revoke))
        .route("/a/{id}/keep", post(approval::keep))
        .route("/a/{id}/proof.json", get(approval::bundle))
        .route("/grants", get(grants::show))
        .route("/grants/{id}/revoke", post(grants::revoke))
        .route("/away", get(away::show).post(away::hand_over))
        .route("/away/end", post(away::take_back))
        .route("/people", get(people::show))
        .route("/people/invite", post(people::invite))
        .route("/people/change", post(people::change))
        .route("/people/group", post(people::group))
        .route("/keys", get(keys::show))
        .route("/keys/{id}/revoke", post(keys::revoke))
        .route("/channels", get(channels::show))
        .route("/channels/add", post(channels::add))
        .route("/channels/replay", post(replay::send_messages))
        .route("/channels/bot", post(bots::add))
        .route("/channels/{id}/bot", get(bots::show).post(bots::save))
        .route("/channels/{id}/change", get(channel_change::show).post(channel_change::save))
        .route("/channels/{id}/test", post(channels::test))
        .route("/channels/{id}/remove", post(channels::remove))
        .route("/channels/{id}/rooms", post(rooms::add))
        .route("/channels/{id}/rooms/{room}/remove", post(rooms::remove))
        .route("/webhooks", get(webhooks::show))
        .route("/webhooks/add", post(webhooks::add))
        .route("/webhooks/sign", post(webhooks::sign))
        .route("/webhooks/hosts", post(webhooks::hosts))
        .route("/webhooks/replay", post(replay::send_events))
        .route("/webhooks/{id}", get(webhooks::one::show))
        .route("/webhooks/{id}/challenge", post(webhooks::one::challenge))
        .route("/webhooks/{id}/rotate", post(webhooks::one::rotate))
        .route("/webhooks/{id}/retry", post(webhooks::one::retry))
        .route("/webhooks/{id}/remove", post(webhooks::one::remove))
        .route("/settings", get(settings::show))
        .route("/settings/keeping", post(settings::keep))
        .route("/account", get(profile::show))
        .route("/account/password", post(profile::set_password))
        .route("/account/sessions/close", post(profile::close))
        .route("/account/sessions/close-others", post(profile::close_others))
        .route("/account/telegram", get(linking::show))
        .route("/account/telegram/code", post(linking::make_code))
        .route("/account/telegram/confirm", post(linking::confirm))
        .route("/account/telegram/refuse", post(linking::refuse))
        .route("/account/telegram/unlink", post(linking::unlink))
        .route("/d/{token}", get(link::show).post(link::choose))
        .route("/d/{token}/confirm", post(link::confirm))
        .route("/decide/{token}", get(link::show))
        .route("/login", get(login::signed_out).post(login::sign_in))
        .route("/login/{token}", get(login::show).post(login::burn))
        .route("/logout", post(login::sign_out))
        .route("/live", get(live::hints))
        .route("/docs", get(docs::list))
        .route("/docs/{name}", get(docs::show))
        .route("/assets/{name}", get(assets::serve))
        .fallback(fault::nothing_here)
        .method_not_allowed_fallback(fault::wrong_method)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn_with_state(app.clone(), guard::guard))
}

#[cfg(test)]
mod samples;

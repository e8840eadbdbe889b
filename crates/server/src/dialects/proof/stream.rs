//! A confirmation followed by server-sent events, until it has ended.

use std::convert::Infallible;
use std::time::Duration;

use askfirst_core::Status;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde_json::Value;

use super::confirmation::{ConfirmationId, ConfirmationView, a_confirmation};
use super::{Program, told};
use crate::app::App;
use crate::crowd::Stay;
use crate::http::problem::Problem;
use crate::http::request::Id;
use crate::service::{Caller, Seen};

/// How often a silent stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long one look waits for the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// `connected` with the confirmation as it is; `status_changed` once it has ended, and then the
/// end of the stream.
pub(super) async fn events(
    State(app): State<App>,
    Program(caller): Program,
    Id(ConfirmationId(id)): Id<ConfirmationId>,
) -> Result<impl IntoResponse, Problem> {
    // The first look is part of the answer, so that an unknown id is a 404 and not a stream.
    let first = app.service.approval_signed(&caller, id).await.map_err(told)?;
    let first = a_confirmation(first)?;
    let stay = app.service.stay(&caller)?;
    let stream = follow(app, caller, first, stay);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

fn has_ended(seen: &Seen) -> bool {
    seen.approval.status_at(seen.now) != Status::Pending
}

fn follow(
    app: App,
    caller: Caller,
    first: Seen,
    stay: Stay,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let (id, over) = (first.approval.id, has_ended(&first));
    stream::unfold((Some(first), over, stay), move |(ready, over, stay)| {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            if let Some(first) = ready {
                let event = event(&app, "connected", &first).await?;
                return Some((Ok(event), (None, over, stay)));
            }
            if over {
                return None;
            }
            loop {
                // A credential that went bad, or a store that fails, ends the stream; the client
                // comes back and is told why.
                let seen = app.service.ended(&caller, id, PATIENCE).await.ok()?;
                if has_ended(&seen) {
                    let seen = app.service.approval_signed(&caller, id).await.ok()?;
                    let event = event(&app, "status_changed", &seen).await?;
                    return Some((Ok(event), (None, true, stay)));
                }
                if app.service.is_stopping() {
                    return None;
                }
            }
        }
    })
}

/// None if it could not be read: that ends the stream, as above.
async fn event(app: &App, name: &str, seen: &Seen) -> Option<Event> {
    let view = ConfirmationView::of(app, seen).await.ok()?;
    // Texts, numbers and lists of them: there is nothing in it that could not be written.
    let data = serde_json::to_value(view).unwrap_or(Value::Null);
    Some(Event::default().event(name).data(data.to_string()))
}

//! A stream that says that something changed, never what. The page then asks for itself again,
//! with all the checks of any other request.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;

use super::fault::Fault;
use super::session::SignedIn;
use crate::app::App;

/// A sign of life this often, and a look whether the session is still open.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// Changes that come in a burst make one hint.
const BURST: Duration = Duration::from_millis(80);

pub(super) async fn hints(
    State(app): State<App>,
    signed_in: Option<SignedIn>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    // A redirect to a page would only confuse an event stream.
    let signed_in = signed_in.ok_or(Fault::NoStream)?;
    let changes = app.service.workspace_changes(&signed_in.caller)?;
    let first = Some(Event::default().comment("listening").retry(Duration::from_secs(2)));
    let state = (app, signed_in.token, changes, first);
    Ok(Sse::new(futures_util::stream::unfold(state, |mut state| async move {
        let (app, token, changes, first) = &mut state;
        if let Some(event) = first.take() {
            return Some((Ok(event), state));
        }
        let event = tokio::select! {
            more = changes.next() => {
                if !more {
                    return None;
                }
                tokio::time::sleep(BURST).await;
                // An event without data would not reach the page.
                Event::default().event("changed").data("something")
            }
            () = tokio::time::sleep(HEARTBEAT) => Event::default().comment("still here"),
        };
        match app.service.caller_by_session(token.as_str()).await {
            Ok(Some(_)) => Some((Ok(event), state)),
            Ok(None) | Err(_) => None,
        }
    })))
}

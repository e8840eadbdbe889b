//! The native API: every route on one page. Handlers read, call one service method, render.

pub mod accounts;
pub mod actions;
pub mod approvals;
pub mod audit;
pub mod channels;
mod csv;
pub mod deliveries;
mod description;
pub mod events;
pub mod front;
pub mod grants;
pub mod health;
pub mod json;
pub mod keeping;
pub mod keys;
pub mod limits;
pub mod links;
pub mod list;
pub mod people;
pub mod policies;
pub mod problem;
pub mod proofs;
pub mod request;
pub mod rooms;
pub mod sessions;
pub mod views;
pub mod visitor;
pub mod votes;
pub mod webhooks;
pub mod workspace;

use axum::Router;
use axum::http::{StatusCode, header};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use problem::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Askfirst",
        description = "The approval server: something asks first, a person decides, and everyone can prove it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(policies::PolicyDocument, views::ActionBody, views::AgentBody)),
    tags(
        (name = "approvals", description = "Ask, wait, decide, claim, report"),
        (name = "proofs", description = "Receipts, and the keys to check them with"),
        (name = "policies", description = "Who decides, how many, how surely, by when"),
        (name = "people", description = "Members and groups"),
        (name = "keys", description = "Credentials of programs"),
        (name = "channels", description = "How people are told that they are asked"),
        (name = "webhooks", description = "Who is told of what happens, and whether it arrived"),
        (name = "deliveries", description = "What went to receivers and to people, and having it sent again"),
        (name = "workspace", description = "Its own settings"),
        (name = "audit", description = "What was done, by whom, in a hash chain"),
        (name = "operating", description = "Health")
    )
)]
struct Described;

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(approvals::ask, list::list))
        .routes(routes!(approvals::get))
        .routes(routes!(events::stream))
        .routes(routes!(votes::vote))
        .routes(routes!(votes::votes))
        .routes(routes!(actions::reply))
        .routes(routes!(actions::look))
        .routes(routes!(links::add))
        .routes(routes!(grants::list_grants))
        .routes(routes!(grants::get_grant, grants::revoke_grant))
        .routes(routes!(actions::cancel))
        .routes(routes!(actions::consume))
        .routes(routes!(actions::outcome))
        .routes(routes!(actions::revoke))
        .routes(routes!(keeping::erase))
        .routes(routes!(keeping::hold, keeping::release))
        .routes(routes!(proofs::get))
        .routes(routes!(proofs::revoke_token))
        .routes(routes!(policies::save, policies::list))
        .routes(routes!(policies::get, policies::remove))
        .routes(routes!(policies::versions))
        .routes(routes!(people::add_member, people::list_members))
        .routes(routes!(people::get_member, people::change_member))
        .routes(routes!(people::login_link))
        .routes(routes!(people::delegate, people::end_delegation))
        .routes(routes!(sessions::list, sessions::close_all))
        .routes(routes!(sessions::close))
        .routes(routes!(sessions::remove_password))
        .routes(routes!(people::add_group, people::list_groups))
        .routes(routes!(people::get_group, people::remove_group))
        .routes(routes!(people::set_group))
        .routes(routes!(keys::add, keys::list))
        .routes(routes!(keys::current))
        .routes(routes!(keys::revoke))
        .routes(routes!(channels::add, channels::list))
        .routes(routes!(channels::get, channels::change, channels::remove))
        .routes(routes!(channels::test))
        .routes(routes!(channels::notices))
        .routes(routes!(rooms::add_room))
        .routes(routes!(rooms::remove_room))
        .routes(routes!(accounts::list_accounts))
        .routes(routes!(accounts::unlink_account))
        .routes(routes!(accounts::make_code))
        .routes(routes!(accounts::look_at_code))
        .routes(routes!(accounts::confirm_account))
        .routes(routes!(webhooks::add, webhooks::list))
        .routes(routes!(webhooks::get, webhooks::remove))
        .routes(routes!(webhooks::challenge))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::retry))
        .routes(routes!(deliveries::replay))
        .routes(routes!(workspace::get, workspace::change))
        .routes(routes!(keeping::hold_workspace, keeping::release_workspace))
        .routes(routes!(audit::list))
        .routes(routes!(limits::limits))
        .routes(routes!(proofs::jwks))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// The description of the API, as it is served.
#[must_use]
pub fn openapi() -> serde_json::Value {
    description::complete(described().split_for_parts().1)
}

/// The API as a router.
pub fn routes() -> Router<App> {
    // Written once: anyone may ask for it, as often as they like.
    let api = bytes::Bytes::from(openapi().to_string());
    let json = [(header::CONTENT_TYPE, "application/json")];
    let (router, _) = described().split_for_parts();
    router
        .route("/v1/openapi.json", axum::routing::get(|| async move { (json, api) }))
        .route("/v1", axum::routing::any(nothing_here))
        .route("/v1/", axum::routing::any(nothing_here))
        .route("/v1/{*rest}", axum::routing::any(nothing_here))
        .method_not_allowed_fallback(wrong_method)
}

async fn nothing_here() -> Problem {
    Problem::not_found("there is nothing at this path; see /v1/openapi.json")
}

async fn wrong_method() -> Problem {
    let detail = "this path does not take that method; see /v1/openapi.json";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Wrong method", detail)
}

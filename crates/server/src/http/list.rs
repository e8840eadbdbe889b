//! `GET /v1/approvals`: finding approvals. A filter that names nobody known finds nothing; one
//! that cannot be read is a mistake, with its place.

use askfirst_core::{PolicyName, Status, Timestamp};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use super::request::{Query, cursor, page_size};
use super::views::ApprovalView;
use crate::app::App;
use crate::service::Caller;
use crate::service::search::{LONGEST_TEXT, Search, point_in_time};

/// Which approvals are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `pending`, `approved`, `rejected`, `expired` or `cancelled`.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// Only under the policy of this name.
    #[param(value_type = Option<String>)]
    policy: Option<PolicyName>,
    /// Only by the agent of this name, as it calls itself.
    #[param(max_length = 200)]
    agent: Option<String>,
    /// Only asked by this key (`key_…`), or by a key that this member (`mem_…` or an e-mail
    /// address) answers for.
    asker: Option<String>,
    /// Only where this member (`mem_…` or an e-mail address) voted.
    approver: Option<String>,
    /// Only with this text in title, name, target or reason, in whatever case. Nothing in it is a
    /// wildcard.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only asked at this time or later: RFC 3339, or a day, which begins at 00:00 UTC.
    #[param(example = "2030-01-31T12:00:00Z")]
    created_after: Option<String>,
    /// Only asked before this time.
    #[param(example = "2030-02-01")]
    created_before: Option<String>,
    /// With `true`, only those that this key could decide now.
    decidable: Option<bool>,
    /// Rows in a page, 1 to 100.
    limit: Option<u32>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// A page of approvals, newest first. It can be short, or empty, and still have a next one.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalPage {
    data: Vec<ApprovalView>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

impl ListQuery {
    fn search(self) -> Result<Search, Problem> {
        let (created_after, created_before) = window(
            ("created_after", self.created_after.as_deref()),
            ("created_before", self.created_before.as_deref()),
        )?;
        Ok(Search {
            unapproved: false,
            argument: None,
            status: self.status,
            ended: false,
            policy: self.policy,
            agent: short("agent", self.agent)?,
            asker: parsed("asker", self.asker.as_deref())?,
            approver: parsed("approver", self.approver.as_deref())?,
            text: short("q", self.q)?,
            created_after,
            created_before,
            before: cursor(self.cursor.as_deref())?,
            limit: page_size(self.limit)?,
        })
    }
}

/// A mistake in one parameter of the query.
fn mistaken(name: &str, detail: impl std::fmt::Display) -> Problem {
    let detail = detail.to_string();
    Problem::bad_request(format!("{name}: {detail}")).at(format!("?{name}"), detail)
}

/// A text that is looked for.
pub(super) fn short(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.chars().count() > LONGEST_TEXT => {
            Err(mistaken(name, format!("at most {LONGEST_TEXT} characters")))
        }
        other => Ok(other),
    }
}

/// A parameter with a grammar of its own.
pub(super) fn parsed<T>(name: &str, text: Option<&str>) -> Result<Option<T>, Problem>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse().map_err(|error| mistaken(name, error))).transpose()
}

/// From when, and until before when.
pub(super) fn window(
    from: (&str, Option<&str>),
    to: (&str, Option<&str>),
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let point = |(name, text): (&str, Option<&str>)| {
        text.map(|text| point_in_time(text).map_err(|error| mistaken(name, error))).transpose()
    };
    let (start, end) = (point(from)?, point(to)?);
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        return Err(mistaken(to.0, format!("this is not after {}", from.0)));
    }
    Ok((start, end))
}

/// List approvals, newest first.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals", params(ListQuery),
    responses((status = 200, body = ApprovalPage), (status = 400, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<ApprovalPage>, Problem> {
    let decidable = query.decidable == Some(true);
    let (mut found, next) = app.service.search(&caller, query.search()?).await?;
    if decidable {
        found = app.service.decidable(&caller, found).await?;
    }
    Ok(Json(ApprovalPage {
        data: found.iter().map(|seen| ApprovalView::of(seen, &app.reach.public_url)).collect(),
        next_cursor: next.map(|id| id.to_string()),
    }))
}

//! Lists of confirmations, and the pages that lists of this API come in.

use std::str::FromStr;

use askfirst_core::{HitlId, Seconds, Status, Timestamp};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::confirmation::ConfirmationView;
use super::{Program, told};
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::request::Query;
use crate::service::search::{MOST_COUNTED, Search, point_in_time};

/// How many rows a page has that does not say, and the most.
const USUAL_PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 100;

/// Which page is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    page: u32,
    pub(super) limit: u32,
}

impl Page {
    pub(super) fn of(page: Option<u32>, limit: Option<u32>) -> Result<Self, Problem> {
        let (page, limit) = (page.unwrap_or(1), limit.unwrap_or(USUAL_PAGE));
        if !(1..=LARGEST_PAGE).contains(&limit) {
            return Err(wrong("limit", format!("1 to {LARGEST_PAGE}")));
        }
        // Beyond that nothing is counted, so there is no such page.
        if page == 0 || (page - 1).saturating_mul(limit) >= MOST_COUNTED {
            let detail = format!("1 or more, up to {MOST_COUNTED} rows; narrow the list");
            return Err(wrong("page", detail));
        }
        Ok(Self { page, limit })
    }

    pub(super) const fn skip(self) -> u32 {
        (self.page - 1) * self.limit
    }

    /// What is said of a page of so many rows in all.
    pub(super) fn told(self, total: u64) -> Pagination {
        let pages = total.div_ceil(self.limit.into());
        Pagination {
            page: self.page,
            limit: self.limit,
            total,
            total_pages: pages,
            pages,
            has_more: u64::from(self.page) < pages,
        }
    }
}

/// A mistake in a query.
pub(super) fn wrong(name: &str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    Problem::bad_request(format!("{name}: {detail}")).at(format!("?{name}"), detail)
}

/// Where a page stands among all. `pages` and `hasMore` are what older clients read.
#[derive(Serialize)]
pub(super) struct Pagination {
    page: u32,
    limit: u32,
    total: u64,
    total_pages: u64,
    pages: u64,
    #[serde(rename = "hasMore")]
    has_more: bool,
}

/// Which confirmations are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    status: Option<String>,
    hitl_id: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
    page: Option<u32>,
    limit: Option<u32>,
}

impl ListQuery {
    fn search(&self, limit: u32) -> Result<Search, Problem> {
        let (status, unapproved) = match self.status.as_deref() {
            None => (None, false),
            Some("pending") => (Some(Status::Pending), false),
            Some("approved") => (Some(Status::Approved), false),
            Some("expired") => (Some(Status::Expired), false),
            Some("denied") => (None, true),
            Some(_) => return Err(wrong("status", "pending, approved, denied or expired")),
        };
        let hitl = self.hitl_id.as_deref().map(HitlId::from_str).transpose();
        let hitl = hitl.map_err(|_| wrong("hitl_id", "24 hexadecimal digits"))?;
        Ok(Search {
            status,
            unapproved,
            argument: hitl.map(|id| ("hitl_id", id.to_string())),
            created_after: time("start_date", self.start_date.as_deref(), Seconds(0))?,
            created_before: time("end_date", self.end_date.as_deref(), Seconds(86_400))?,
            limit,
            ..Search::default()
        })
    }
}

/// A point in time, or a day; the end of a span of days is that day's own end.
fn time(name: &str, text: Option<&str>, day: Seconds) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let at = point_in_time(text).map_err(|error| wrong(name, error.to_string()))?;
    Ok(Some(if text.contains('T') { at } else { at.plus(day) }))
}

/// Some of a key's confirmations, newest first.
#[derive(Serialize)]
pub(super) struct ConfirmationList {
    data: Vec<ConfirmationView>,
    pagination: Pagination,
}

pub(super) async fn list(
    State(app): State<App>,
    Program(caller): Program,
    Query(query): Query<ListQuery>,
) -> Result<Json<ConfirmationList>, Problem> {
    let page = Page::of(query.page, query.limit)?;
    let search = query.search(page.limit)?;
    // What a key of this API asked are all confirmations.
    let (found, total) = app.service.own_page(&caller, search, page.skip()).await.map_err(told)?;
    let mut data = Vec::with_capacity(found.len());
    for seen in &found {
        data.push(ConfirmationView::of(&app, seen).await?);
    }
    Ok(Json(ConfirmationList { data, pagination: page.told(total.into()) }))
}

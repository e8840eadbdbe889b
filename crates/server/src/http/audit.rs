//! `/v1/audit`: pages of the audit log, or all that fits as JSON Lines or CSV.

use std::io::Error as Broken;

use askfirst_store::AuditRecord;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::csv;
use super::list::{parsed, short, window};
use super::problem::Problem;
use super::request::{Query, cursor, page_size};
use crate::app::App;
use crate::service::audit::AuditSearch;
use crate::service::{Caller, ServiceError};

/// One entry of the audit log, as it is hashed, with its hash.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Whose log it is in.
    workspace: String,
    /// Its place, counted without gaps.
    index: u64,
    /// When.
    at: String,
    /// Who.
    actor: String,
    /// What was done.
    kind: String,
    /// To what.
    subject: String,
    /// The particulars.
    #[schema(value_type = Object)]
    detail: Value,
    /// The hash of the entry before.
    previous: String,
    /// SHA-256 over the RFC 8785 form of this entry.
    hash: String,
}

/// A page of the audit log, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    data: Vec<AuditView>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
    /// The first moment whose entries the workspace's plan has read; null where it reads all.
    readable_from: Option<String>,
}

/// The same, in the head of an answer without a place for it.
const READABLE_FROM: HeaderName = HeaderName::from_static("askfirst-readable-from");

/// Which part of the audit log.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only entries of this kind, such as `member.added`; or of a family of kinds, such as
    /// `member`.
    #[param(example = "approval.approved")]
    kind: Option<String>,
    /// Only by this actor: an e-mail address or `mem_…`, a `key_…`, or `system`.
    actor: Option<String>,
    /// Only about this subject: an id as the log has it, or a policy's name.
    #[param(max_length = 200)]
    subject: Option<String>,
    /// Only at this time or later: RFC 3339, or a day, which begins at 00:00 UTC.
    #[param(example = "2030-01-31T12:00:00Z")]
    since: Option<String>,
    /// Only before this time.
    #[param(example = "2030-02-01")]
    until: Option<String>,
    /// `json` for a page, `jsonl` or `csv` for everything that fits. Without it, `Accept` says
    /// which.
    #[param(value_type = Option<String>)]
    format: Option<Format>,
    /// Rows in a page, 1 to 100; only for `json`.
    limit: Option<u32>,
    /// Where the page before ended; an entry's index.
    cursor: Option<String>,
}

/// How the entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A page.
    Json,
    /// An entry a line.
    Jsonl,
    /// RFC 4180, with a first line of names.
    Csv,
}

impl Format {
    /// What the client would rather have; a page if it does not say.
    fn accepted(headers: &HeaderMap) -> Self {
        let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
        let ranges = ranges.flat_map(|line| line.split(','));
        let wishes = ranges.filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let format = match parts.next()?.to_ascii_lowercase().as_str() {
                "application/json" | "application/*" | "*/*" => Self::Json,
                "application/jsonl" | "application/x-ndjson" | "application/ndjson" => Self::Jsonl,
                "text/csv" | "text/*" => Self::Csv,
                _ => return None,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            let weight: f32 = weight.map_or(Some(1.0), |weight| weight.parse().ok())?;
            (weight > 0.0).then_some((format, weight))
        });
        // Of equal ones the first.
        let best = wishes.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(Self::Json, |(format, _)| format)
    }
}

fn view(record: AuditRecord) -> AuditView {
    AuditView {
        workspace: record.entry.workspace,
        index: record.entry.index,
        at: record.entry.at,
        actor: record.entry.actor,
        kind: record.entry.kind,
        subject: record.entry.subject,
        detail: record.entry.detail,
        previous: record.entry.previous.to_string(),
        hash: record.hash.to_string(),
    }
}

/// Read the audit log, oldest first. As CSV, cells that a spreadsheet would calculate (they start
/// with `=`, `+`, `-`, `@`, a tab or a line break) have an apostrophe in front.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses(
        (status = 200, content((AuditPage = "application/json"), (String = "application/jsonl"), (String = "text/csv"))),
        (status = 400, body = Problem), (status = 403, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (since, until) =
        window(("since", query.since.as_deref()), ("until", query.until.as_deref()))?;
    let search = AuditSearch {
        kind: parsed("kind", query.kind.as_deref())?,
        actor: parsed("actor", query.actor.as_deref())?,
        subject: short("subject", query.subject)?,
        since,
        until,
        after: cursor(query.cursor.as_deref())?,
        ..AuditSearch::default()
    };
    let limit = page_size(query.limit)?;
    let format = query.format.unwrap_or_else(|| Format::accepted(&headers));
    let mut response = match format {
        Format::Json => {
            let mut found = app.service.audit(&caller, search, limit + 1).await?;
            let more = found.len() > limit as usize;
            found.truncate(limit as usize);
            let last = found.last().map(|record| record.entry.index.to_string());
            let data = found.into_iter().map(view).collect();
            let readable_from = app.service.audit_from(&caller).await?.map(|at| at.to_string());
            let next_cursor = last.filter(|_| more);
            Json(AuditPage { data, next_cursor, readable_from }).into_response()
        }
        Format::Jsonl | Format::Csv if query.limit.is_some() => {
            let detail = "jsonl and csv give everything that fits; leave limit out, or narrow it \
                          with the other parameters";
            return Err(Problem::bad_request(detail).at("?limit", detail));
        }
        lines => whole(app, caller, search, lines).await?,
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// Everything that fits, as it is read. Whatever fails on the way breaks the answer off, so that
/// nobody takes a part for the whole.
///
/// # Errors
/// If the caller may not.
pub async fn whole(
    app: App,
    caller: Caller,
    search: AuditSearch,
    format: Format,
) -> Result<Response, ServiceError> {
    // The first piece is part of the answer, so that who may not is told so.
    let first = app.service.audit_piece(&caller, &search).await?;
    let readable_from = app.service.audit_from(&caller).await?;
    let pieces = stream::try_unfold(Some((search, Some(first))), move |state| {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            let Some((mut search, ready)) = state else { return Ok(None) };
            let opening = ready.is_some();
            let (found, next) = match ready {
                Some(piece) => piece,
                None => {
                    let piece = app.service.audit_piece(&caller, &search).await;
                    piece.map_err(|error| Broken::other(error.to_string()))?
                }
            };
            let bytes = written(found, format, opening)?;
            search.after = next;
            Ok::<_, Broken>(Some((bytes, next.map(|_| (search, None)))))
        }
    });
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8; header=present", "audit.csv"),
        Format::Json | Format::Jsonl => ("application/jsonl", "audit.jsonl"),
    };
    let name = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)];
    let mut response = (headers, Body::from_stream(pieces)).into_response();
    if let Some(from) = readable_from.and_then(|at| HeaderValue::try_from(at.to_string()).ok()) {
        response.headers_mut().insert(READABLE_FROM, from);
    }
    Ok(response)
}

fn written(found: Vec<AuditRecord>, format: Format, opening: bool) -> Result<Bytes, Broken> {
    let mut out = Vec::new();
    if opening && format == Format::Csv {
        let names = ["index", "at", "actor", "kind", "subject", "detail", "previous", "hash"];
        csv::row(&mut out, names);
    }
    for view in found.into_iter().map(view) {
        match format {
            Format::Csv => csv::row(
                &mut out,
                [
                    view.index.to_string().as_str(),
                    &view.at,
                    &view.actor,
                    &view.kind,
                    &view.subject,
                    &view.detail.to_string(),
                    &view.previous,
                    &view.hash,
                ],
            ),
            Format::Json | Format::Jsonl => {
                serde_json::to_writer(&mut out, &view)?;
                out.push(b'\n');
            }
        }
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_chooses_the_format() {
        let accepted = |accept: &str| {
            let headers = [(header::ACCEPT, accept.parse().unwrap())];
            Format::accepted(&headers.into_iter().collect())
        };
        assert_eq!(Format::accepted(&HeaderMap::new()), Format::Json);
        for (accept, format) in [
            ("*/*", Format::Json),
            ("text/html", Format::Json),
            ("text/csv", Format::Csv),
            ("TEXT/CSV; header=present", Format::Csv),
            ("application/x-ndjson", Format::Jsonl),
            ("application/jsonl, text/csv", Format::Jsonl),
            ("application/jsonl;q=0.5, text/csv;q=0.9, */*;q=0.1", Format::Csv),
            ("text/csv;q=0, application/json", Format::Json),
            ("text/csv;q=x", Format::Json),
        ] {
            assert_eq!(accepted(accept), format, "{accept}");
        }
    }
}

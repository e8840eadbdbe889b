//! Lists that come in pages, and people and groups by the names that people use for them.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::client::{Client, segment};

/// The most rows that a server gives in a page.
const PAGE: usize = 100;

/// A list that comes in pages, whole.
pub(crate) async fn all(client: &Client, path: &str) -> Result<Vec<Value>> {
    Ok(taken(client, path, usize::MAX, None).await?.0)
}

/// At most so much of a list that comes in pages, from `cursor` on, as one page: `data`, and
/// `next_cursor` where there is more.
pub(crate) async fn some(
    client: &Client,
    path: &str,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Value> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (data, next) = taken(client, path, limit, cursor.map(str::to_owned)).await?;
    Ok(json!({ "data": data, "next_cursor": next }))
}

/// The rows, and where the list goes on.
async fn taken(
    client: &Client,
    path: &str,
    limit: usize,
    mut cursor: Option<String>,
) -> Result<(Vec<Value>, Option<String>)> {
    let mut rows = Vec::new();
    let mark = if path.contains('?') { '&' } else { '?' };
    loop {
        let most = (limit - rows.len()).min(PAGE);
        let mut asked = format!("{path}{mark}limit={most}");
        if let Some(cursor) = &cursor {
            asked = format!("{asked}&cursor={}", segment(cursor));
        }
        let page = client.get(&asked).await?;
        let found = page["data"].as_array().into_iter().flatten();
        rows.extend(found.take(most).cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() || rows.len() >= limit {
            return Ok((rows, cursor));
        }
    }
}

/// Everybody with an account.
pub(crate) struct Members(Vec<Value>);

impl Members {
    /// Reads them.
    pub(crate) async fn read(client: &Client) -> Result<Self> {
        all(client, "/v1/members").await.map(Self)
    }

    /// The id of whoever has this id or address.
    pub(crate) fn id(&self, named: &str) -> Result<String> {
        let found = self.0.iter().find(|member| {
            member["id"] == named
                || member["email"].as_str().is_some_and(|email| email.eq_ignore_ascii_case(named))
        });
        match found.and_then(|member| member["id"].as_str()) {
            Some(id) => Ok(id.to_owned()),
            None => bail!("there is no member {named}; `askfirst members list` shows them"),
        }
    }

    /// The address that goes with an id.
    pub(crate) fn email<'a>(&'a self, id: &'a str) -> &'a str {
        let found = self.0.iter().find(|member| member["id"] == id);
        found.and_then(|member| member["email"].as_str()).unwrap_or(id)
    }
}

/// The id of a member that is named by id or address; an id needs no look-up.
pub(crate) async fn member_id(client: &Client, named: &str) -> Result<String> {
    if named.parse::<askfirst_core::MemberId>().is_ok() {
        return Ok(named.to_owned());
    }
    Members::read(client).await?.id(named)
}

/// The id of a group by its name or id.
pub(crate) async fn group_id(client: &Client, named: &str) -> Result<String> {
    let groups = client.get("/v1/groups").await?;
    let mut groups = groups["data"].as_array().into_iter().flatten();
    let found = groups.find(|group| group["id"] == named || group["name"] == named);
    match found.and_then(|group| group["id"].as_str()) {
        Some(id) => Ok(id.to_owned()),
        None => bail!("there is no group {named}; `askfirst groups list` shows them"),
    }
}

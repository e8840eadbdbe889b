//! People and groups by the names that people use for them.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::client::{Client, segment};

/// A list that comes in pages, whole.
pub(crate) async fn all(client: &Client, path: &str) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    let first = format!("{path}{}limit=100", if path.contains('?') { '&' } else { '?' });
    let mut next = first.clone();
    loop {
        let page = client.get(&next).await?;
        rows.extend(page["data"].as_array().into_iter().flatten().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("{first}&cursor={}", segment(cursor)),
            None => return Ok(rows),
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

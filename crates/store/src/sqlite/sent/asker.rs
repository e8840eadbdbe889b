//! What went to receivers that are told in another API's words, as far as one key asked it. Its
//! pages are numbered there, so it is counted.

use askfirst_core::{KeyId, Timestamp};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::super::codec::{self, Id};
use super::super::deliveries;
use crate::deliveries::{Delivery, DeliveryState};
use crate::records::Place;
use crate::sent::AskerFilter;
use crate::store::StoreError;

/// Newest first, and how many there are, counted up to [`AskerFilter::MOST`].
pub(super) fn find(
    connection: &Connection,
    place: Place,
    asker: KeyId,
    filter: &AskerFilter,
) -> Result<(Vec<Delivery>, u32), StoreError> {
    let AskerFilter { dialect, state, approved, begins, since, skip, limit } = filter;
    let state = match state {
        None => "",
        Some(DeliveryState::Waiting) => "AND d.settled_at IS NULL",
        Some(DeliveryState::Delivered) => "AND d.settled_at IS NOT NULL AND d.delivered = 1",
        Some(DeliveryState::Dead) => "AND d.settled_at IS NOT NULL AND d.delivered = 0",
    };
    let matching = format!(
        "{} WHERE w.workspace = ?1 AND w.dialect = ?3 AND d.workspace = ?1 AND d.environment = ?2
           AND EXISTS (SELECT 1 FROM approvals a WHERE a.workspace = ?1 AND a.environment = ?2
             AND a.approval = d.approval AND a.asker = ?4)
           AND (?5 IS NULL OR (e.name = 'approved') = ?5)
           AND (?6 IS NULL OR substr(d.delivery, 1, 12) = ?6)
           AND (?7 IS NULL OR d.settled_at >= ?7) {state}",
        deliveries::lines("")
    );
    let bound = |limit: u32, skip: u32| -> [Box<dyn ToSql>; 9] {
        [
            Box::new(place.workspace.bytes()),
            Box::new(place.environment.as_str()),
            Box::new(dialect.as_str()),
            Box::new(asker.bytes()),
            Box::new(*approved),
            Box::new(*begins),
            Box::new(since.map(Timestamp::micros)),
            Box::new(limit),
            Box::new(skip),
        ]
    };
    let sql = format!("{matching} ORDER BY d.position DESC LIMIT ?8 OFFSET ?9");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(bound(*limit, *skip)), deliveries::line)?;
    let found = rows.collect::<Result<_, _>>()?;
    let sql = format!("SELECT count(*) FROM ({matching} LIMIT ?8 OFFSET ?9)");
    let mut statement = connection.prepare_cached(&sql)?;
    let all = params_from_iter(bound(AskerFilter::MOST, 0));
    let total = statement.query_row(all, |row| codec::counted(row, 0))?;
    Ok((found, total))
}

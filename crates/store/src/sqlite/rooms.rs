//! Cards in groups: their rows.

use askfirst_core::administration::SecretHash;
use askfirst_core::{Digest, Timestamp};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::codec::{self, Id};
use crate::records::Place;
use crate::rooms::{RoomCard, Rooms};
use crate::store::StoreError;

#[async_trait]
impl Rooms for SqliteStore {
    async fn keep_room_card(&self, card: RoomCard, until: Timestamp) -> Result<(), StoreError> {
        self.writer
            .write(move |desk| {
                let sql =
                    "INSERT INTO room_cards (secret, notice, workspace, environment, approval,
                             channel, room, approves, shown, expires_at)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                           ON CONFLICT (secret) DO UPDATE SET approves = excluded.approves,
                             shown = excluded.shown, expires_at = excluded.expires_at";
                desk.connection.prepare_cached(sql)?.execute(params![
                    card.secret.0,
                    card.notice.bytes(),
                    card.place.workspace.bytes(),
                    card.place.environment.as_str(),
                    card.approval.bytes(),
                    card.channel.bytes(),
                    card.room.bytes(),
                    card.approves,
                    card.shown.0,
                    until.micros(),
                ])?;
                Ok(())
            })
            .await
    }

    async fn room_card(&self, secret: SecretHash) -> Result<Option<RoomCard>, StoreError> {
        let question = move |connection: &Connection| {
            let sql =
                "SELECT notice, workspace, environment, approval, channel, room, approves, shown
                       FROM room_cards WHERE secret = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_row([secret.0], |row| {
                Ok(RoomCard {
                    secret,
                    notice: codec::id(row, 0)?,
                    place: Place {
                        workspace: codec::id(row, 1)?,
                        environment: codec::environment(row, 2)?,
                    },
                    approval: codec::id(row, 3)?,
                    channel: codec::id(row, 4)?,
                    room: codec::id(row, 5)?,
                    approves: row.get(6)?,
                    shown: Digest(row.get(7)?),
                })
            });
            Ok(found.optional()?)
        };
        self.read(question).await
    }
}

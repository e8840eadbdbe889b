//! How values stand in columns: ids as 16 bytes, times as microseconds, enums as their words,
//! the rest as JSON. What cannot be read back is damage, never an empty value.

use askfirst_core::administration::RevocationReason;
use askfirst_core::{
    About, ApprovalId, Assurance, ChannelId, DeliveryId, Dialect, Digest, Environment, GrantId,
    GroupId, HitlStatus, KeyId, LinkId, MemberId, NoticeId, PolicyId, Role, RoomId, SessionId,
    Status, Timestamp, WebhookId, WorkspaceId,
};
use rusqlite::types::{ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{ErrorCode, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::deliveries::WebhookState;
use crate::records::KeyFamily;
use crate::store::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        let damaged = match &error {
            E::FromSqlConversionFailure(..)
            | E::InvalidColumnType(..)
            | E::IntegralValueOutOfRange(..)
            | E::QueryReturnedNoRows => true,
            E::SqliteFailure(failure, _) => {
                matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            }
            _ => false,
        };
        if damaged {
            Self::Damaged(error.to_string())
        } else {
            Self::Unavailable(error.to_string())
        }
    }
}

/// An id as its 16 bytes, most significant first, so that bytes sort as ids do.
pub(super) trait Id: Copy {
    fn bytes(self) -> [u8; 16];
    fn from_bytes(bytes: [u8; 16]) -> Self;
}

macro_rules! ids {
    ($($name:ident),*) => { $(
        impl Id for $name {
            fn bytes(self) -> [u8; 16] {
                self.to_bits().to_be_bytes()
            }
            fn from_bytes(bytes: [u8; 16]) -> Self {
                Self::from_bits(u128::from_be_bytes(bytes))
            }
        }
    )* };
}
ids!(
    WorkspaceId,
    ApprovalId,
    MemberId,
    KeyId,
    PolicyId,
    GroupId,
    RoomId,
    SessionId,
    LinkId,
    GrantId,
    WebhookId,
    DeliveryId,
    ChannelId,
    NoticeId
);

pub(super) fn id<T: Id>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    row.get(column).map(T::from_bytes)
}

pub(super) fn maybe_id<T: Id>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(T::from_bytes))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_micros)
}

pub(super) fn maybe_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get(column).map(Digest)
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(|error| odd(column, error))?;
    serde_json::from_str(text).map_err(|error| odd(column, error))
}

/// JSON, where there is any.
pub(super) fn maybe_json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { json(row, column).map(Some) }
}

pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str().map_err(|error| odd(column, error))?;
    text.parse().map_err(|error| odd(column, error))
}

fn odd<E>(column: usize, error: E) -> rusqlite::Error
where
    E: std::error::Error + Send + Sync + 'static,
{
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// A word that no version of this program wrote into this column.
#[derive(Debug, thiserror::Error)]
#[error("unknown word {0:?}")]
struct UnknownWord(String);

fn word<T: Copy>(
    row: &Row<'_>,
    column: usize,
    all: &[T],
    spelling: fn(T) -> &'static str,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(|error| odd(column, error))?;
    let found = all.iter().copied().find(|known| spelling(*known) == text);
    found.ok_or_else(|| odd(column, UnknownWord(text.into())))
}

pub(super) fn environment(row: &Row<'_>, column: usize) -> rusqlite::Result<Environment> {
    let all = [Environment::Live, Environment::Test, Environment::Dev];
    word(row, column, &all, Environment::as_str)
}

pub(super) fn dialect(row: &Row<'_>, column: usize) -> rusqlite::Result<Dialect> {
    word(row, column, &Dialect::ALL, Dialect::as_str)
}

pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Status> {
    word(row, column, &Status::ALL, Status::as_str)
}

pub(super) fn assurance(row: &Row<'_>, column: usize) -> rusqlite::Result<Assurance> {
    word(row, column, &Assurance::ALL, Assurance::as_str)
}

pub(super) fn webhook_state(row: &Row<'_>, column: usize) -> rusqlite::Result<WebhookState> {
    word(row, column, &WebhookState::ALL, WebhookState::as_str)
}

pub(super) fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    word(row, column, &Role::ALL, Role::as_str)
}

pub(super) fn hitl_status(row: &Row<'_>, column: usize) -> rusqlite::Result<HitlStatus> {
    word(row, column, &HitlStatus::ALL, HitlStatus::as_str)
}

pub(super) fn revocation_reason(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<RevocationReason> {
    word(row, column, &RevocationReason::ALL, RevocationReason::as_str)
}

pub(super) fn key_family(row: &Row<'_>, column: usize) -> rusqlite::Result<KeyFamily> {
    word(row, column, &KeyFamily::ALL, KeyFamily::as_str)
}

pub(super) fn about(row: &Row<'_>, column: usize) -> rusqlite::Result<About> {
    word(row, column, &About::ALL, About::as_str)
}

/// JSON for a column.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<Json, StoreError> {
    // Most of an approval, so that it need not be moved while it grows.
    let mut json = Vec::with_capacity(2_048);
    serde_json::to_writer(&mut json, value)
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(Json(json))
}

/// JSON text as a JSON writer made it, so known to be UTF-8.
pub(super) struct Json(pub(super) Vec<u8>);

impl ToSql for Json {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// A count that the database keeps as a signed number.
pub(super) fn counted<T: TryFrom<i64>>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let value: i64 = row.get(column)?;
    T::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// A count, where there is one.
pub(super) fn maybe_counted<T: TryFrom<i64>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { counted(row, column).map(Some) }
}

/// An index or a count as the database keeps it.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

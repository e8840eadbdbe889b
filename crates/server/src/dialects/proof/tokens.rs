//! The token that proves a decision to whoever knows proof.holdings' tokens. Nobody makes those yet;
//! our own receipt is at `/v1` and in `askfirst verify`.

use serde::Serialize;

use crate::service::Seen;

/// A token, and until when it is good.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Token {
    pub(super) token: String,
    pub(super) expires_at: String,
}

/// The token of what was decided here; none where there is none.
pub(super) fn of(_: &Seen) -> Option<Token> {
    None
}

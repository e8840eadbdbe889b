//! A card that was pressed and that we do not know: we died, or lost the provider's answer, before it
//! was noted. From then on it is changed like any other.

use askfirst_core::NoticeId;
use askfirst_store::{DecisionLink, StoreError};
use tracing::warn;

use super::Hearing;
use crate::channels::telegram;

impl Hearing<'_> {
    /// Notes which message shows the card of this link, if that is news. Whatever becomes of that,
    /// the press counts.
    pub(super) async fn keep_in_mind(&self, link: &DecisionLink, message: Option<i64>) {
        // In a group the card is not theirs alone.
        let Some(message) = message.filter(|_| self.heard.private) else { return };
        if let Err(error) = self.adopt(link, message).await {
            warn!(%error, "which card was pressed could not be noted");
        }
    }

    async fn adopt(&self, link: &DecisionLink, message: i64) -> Result<(), StoreError> {
        let store = self.service.store();
        // The link of a card has the id of the notice that it was told by.
        let notice = NoticeId::from_bits(link.id.to_bits());
        let known = store.card_held(notice).await?;
        match telegram::joined(known.as_deref(), self.heard.chat, message) {
            Some(reference) => store.adopt_card(notice, reference).await,
            None => Ok(()),
        }
    }
}

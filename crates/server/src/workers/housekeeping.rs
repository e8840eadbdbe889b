//! Small things now and then: writing down when keys were used, forgetting what is over.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::service::Service;

/// How exact `last_used_at` is.
const EVERY: Duration = Duration::from_secs(60);

/// Runs until `stop`, and once more then.
pub async fn run(service: Arc<Service>, stop: CancellationToken) {
    loop {
        let stopped = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        service.rates.tidy();
        if let Some(strangers) = &service.strangers {
            strangers.tidy();
        }
        let used = service.used_keys.take();
        if !used.is_empty()
            && let Err(error) = service.store().touch_keys(used).await
        {
            warn!(%error, "it could not be written down when keys were used");
        }
        if stopped {
            return;
        }
        if let Err(error) = service.store().tidy().await {
            warn!(%error, "what is over could not be tidied away");
        }
    }
}

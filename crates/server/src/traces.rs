//! Traces by OpenTelemetry, for builds with the feature `otel` and where `otlp_endpoint` names a
//! collector: [`spans`] says what of a request and of an approval's life is told, [`collector`]
//! how it gets there. In other builds there are no traces, and what speaks of them is compiled
//! away.

#[cfg(feature = "otel")]
mod collector;
#[cfg(feature = "otel")]
mod spans;

#[cfg(feature = "otel")]
pub use spans::Traces;

/// A collector that cannot be told anything, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("otlp_endpoint: {0}")]
pub struct NoCollector(pub(crate) String);

/// Whether this build can make traces.
pub const POSSIBLE: bool = cfg!(feature = "otel");

/// There are none in this build.
#[cfg(not(feature = "otel"))]
#[derive(Clone)]
pub enum Traces {}

#[cfg(not(feature = "otel"))]
impl Traces {
    /// Refused.
    ///
    /// # Errors
    /// Always: this build cannot.
    pub fn start(_endpoint: &str) -> Result<Self, NoCollector> {
        Err(NoCollector(crate::config::WITHOUT_TRACES.into()))
    }

    pub(crate) fn around(
        &self,
        _: axum::Router<crate::app::App>,
        _: &crate::app::App,
    ) -> axum::Router<crate::app::App> {
        match *self {}
    }

    pub(crate) fn happened(&self, _: &askfirst_store::Committed) {
        match *self {}
    }

    pub(crate) async fn flush(&self) {
        match *self {}
    }
}

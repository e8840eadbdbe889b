//! Where log lines go: stderr, always, so that stdout stays for answers.

use askfirst_server::config::LogFormat;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::surroundings;

/// Starts logging what `filter` names, as `RUST_LOG` writes it.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log: {error}"))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let colours = surroundings::wants_colours(&std::io::stderr());
    let started = match format {
        LogFormat::Text => builder.with_ansi(colours).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| format!("log: {error}"))
}

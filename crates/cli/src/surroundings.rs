//! What the user's session says about where things belong and what is wanted. The command's one
//! home of environment variables that are no settings of ours; those are clap's and `Config`'s.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

#[allow(clippy::disallowed_methods, reason = "this is their one home in the command")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Where programs keep their state.
pub(crate) fn state_folder() -> Option<PathBuf> {
    folder("XDG_STATE_HOME", ".local/state")
}

/// Where programs keep their settings.
pub(crate) fn settings_folder() -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME", ".config")
}

fn folder(named: &str, below_home: &str) -> Option<PathBuf> {
    // The XDG specification has relative paths ignored.
    let named = variable(named).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| variable("HOME").map(|home| Path::new(&home).join(below_home)))
}

/// Whether this stream may carry colours.
pub(crate) fn wants_colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && variable("NO_COLOR").is_none()
}

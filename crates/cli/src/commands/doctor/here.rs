//! What can be seen on this machine: the data folder, its disk, the sealing key.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use askfirst_server::config::Config;

use super::{Finding, ill, well};
use crate::commands::dev::Places;
use crate::premises;

/// Below this much room the disk is too full, in bytes.
const ROOM: u64 = 256 * 1024 * 1024;

/// Looks where the flags say; nowhere without one.
pub(super) fn look(config: Option<&Path>, data: Option<&Path>) -> Vec<Finding> {
    let places = match (config, data) {
        (None, None) => return Vec::new(),
        (Some(file), _) => match Config::load(Some(file)) {
            Ok(config) => Places { data: config.data, sealing_key: config.sealing_key_file },
            Err(error) => {
                let advice = "correct it; `askfirst config default` prints one with explanations";
                return vec![ill("config", error.to_string(), advice)];
            }
        },
        (None, Some(data)) => Places::below(data),
    };
    let folder = folder(&places.data);
    if !folder.ok {
        return vec![folder];
    }
    vec![folder, database(&places.data), disk(&places.data), sealing_key(&places.sealing_key)]
}

fn mode(path: &Path) -> std::io::Result<u32> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
}

fn folder(data: &Path) -> Finding {
    let shown = data.display();
    match mode(data) {
        Ok(mode) if mode & 0o077 == 0 => well("data folder", format!("{shown} is yours alone")),
        Ok(mode) => ill(
            "data folder",
            format!("others can look into {shown} (mode {mode:o})"),
            format!("run `chmod 700 {shown}`"),
        ),
        Err(error) => ill(
            "data folder",
            format!("{shown}: {error}"),
            "name the right one; `askfirst init` or `askfirst dev` makes it",
        ),
    }
}

fn database(data: &Path) -> Finding {
    let file = premises::database(data);
    let shown = file.display();
    match mode(&file) {
        Ok(mode) if mode & 0o077 == 0 => well("database", format!("{shown} is yours alone")),
        Ok(mode) => ill(
            "database",
            format!("others can read {shown} (mode {mode:o})"),
            format!("run `chmod 600 {shown}`"),
        ),
        Err(error) => ill(
            "database",
            format!("{shown}: {error}"),
            "`askfirst init` or `askfirst dev` makes it",
        ),
    }
}

fn disk(data: &Path) -> Finding {
    match rustix::fs::statvfs(data) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let megabytes = free / (1024 * 1024);
            if free >= ROOM {
                return well("disk", format!("{megabytes} MiB are free"));
            }
            let advice = "make room: a server that cannot write stops";
            ill("disk", format!("only {megabytes} MiB are free"), advice)
        }
        Err(error) => ill("disk", error.to_string(), "look at the mount"),
    }
}

fn sealing_key(file: &Path) -> Finding {
    let shown = file.display();
    match mode(file) {
        Ok(mode) if mode & 0o077 == 0 => {
            well("sealing key", format!("{shown} is there; keep a copy apart from the data's"))
        }
        Ok(mode) => ill(
            "sealing key",
            format!("others can read {shown} (mode {mode:o})"),
            format!("run `chmod 600 {shown}`"),
        ),
        Err(error) => ill(
            "sealing key",
            format!("{shown}: {error}"),
            "put back the one this data was made with, or set ASKFIRST_SEALING_KEY; without it no \
             receipt can be signed",
        ),
    }
}

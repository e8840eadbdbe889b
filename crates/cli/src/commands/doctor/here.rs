//! What can be seen on this machine: the data folder and what is in it, its disk, the sealing key,
//! and whether the public address leads back here.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use askfirst_core::Timestamp;
use askfirst_server::config::Config;
use askfirst_server::{keyring, sealing};
use askfirst_store::copies::{self, Glance};
use askfirst_store::{Clock, SigningKeyRecord, SystemClock, WebhookState};

use super::{Finding, SKEW, ill, well};
use crate::client::Client;
use crate::commands::block_on;
use crate::commands::dev::Places;
use crate::premises;
use crate::terminal::visible;

/// A deadline that passed longer ago than this should have been ended, in seconds.
const LATE: i64 = 10;

/// Looks where the flags say; nowhere without one.
pub(super) fn look(config: Option<&Path>, data: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut floor = Config::default().disk_floor_mib;
    let places = match (config, data) {
        (None, None) => return findings,
        (Some(file), _) => match Config::load(Some(file)) {
            Ok(config) => {
                findings.push(public_url(&config.public_url));
                findings.push(authorities(&config));
                floor = config.disk_floor_mib;
                Places { data: config.data, sealing_key: config.sealing_key_file }
            }
            Err(error) => {
                let advice = "correct it; `askfirst config default` prints one with explanations";
                return vec![ill("config", error.to_string(), advice)];
            }
        },
        (None, Some(data)) => Places::below(data),
    };
    let folder = folder(&places.data);
    let there = folder.ok;
    findings.push(folder);
    if !there {
        return findings;
    }
    let database = database(&places.data);
    let there = database.ok;
    findings.extend([database, disk(&places.data, floor)]);
    let glance = there.then(|| copies::glance(&premises::database(&places.data)));
    let keys = match &glance {
        Some(Ok(glance)) => &glance.signing_keys[..],
        _ => &[],
    };
    findings.push(sealing_key(&places.sealing_key, keys));
    match &glance {
        Some(Ok(glance)) => {
            let now = SystemClock.now();
            let schema = format!("{}, as this command's", glance.schema);
            findings.extend([
                well("schema", schema),
                recorded(glance, now),
                overdue(glance, now),
                webhooks(glance),
                channels(glance),
            ]);
        }
        Some(Err(error)) => {
            let advice = "use the version that wrote it, or restore a backup";
            findings.push(ill("schema", error.to_string(), advice));
        }
        None => {}
    }
    findings
}

/// Whether people and programs find the server where they are sent.
fn public_url(url: &str) -> Finding {
    let name = "public url";
    let probed = Client::new(url, None).and_then(|client| {
        block_on(async { client.probe("/healthz").await.map_err(anyhow::Error::from) })
    });
    match probed {
        Ok(reply) if reply.body["status"] == "ok" => {
            well(name, format!("{url} answers, seen from this machine"))
        }
        Ok(reply) => ill(
            name,
            format!("{url} answers, but not as askfirst does: {}", reply.status),
            "does the name lead to another server, or the proxy to another place?",
        ),
        Err(error) => ill(
            name,
            format!("{error:#}"),
            "look at its DNS name, the certificate and the proxy: links, receipts and sign-in are \
             made for it",
        ),
    }
}

/// Whether receivers of what is sent can prove who they are.
fn authorities(config: &Config) -> Finding {
    let name = "certificate authorities";
    match config.outgoing.trust() {
        Ok(trust) if trust.authorities() > 0 => {
            well(name, format!("{} are believed when something is sent", trust.authorities()))
        }
        Ok(_) => ill(
            name,
            "none is known here, so nothing can be sent by https",
            "install ca-certificates, or name a file in `outgoing.ca_file`",
        ),
        Err(error) => ill(name, error.to_string(), "correct `outgoing.ca_file`"),
    }
}

/// Time never runs below what was recorded, so a clock that is behind stands still for the server.
fn recorded(glance: &Glance, now: Timestamp) -> Finding {
    let ahead = glance.recorded_until.seconds() - now.seconds();
    if ahead <= SKEW {
        return well("recorded time", format!("up to {}", glance.recorded_until));
    }
    ill(
        "recorded time",
        format!(
            "the data knows of {}, {ahead} s ahead of this machine's clock",
            glance.recorded_until
        ),
        "set the clock by NTP; until it has caught up no time passes for the server, so no \
         deadline comes",
    )
}

fn overdue(glance: &Glance, now: Timestamp) -> Finding {
    let name = "deadlines";
    let Some(oldest) = glance.oldest_timer else { return well(name, "nothing is pending") };
    let late = now.seconds() - oldest.seconds();
    if late <= LATE {
        return well(name, format!("the next one comes at {oldest}"));
    }
    ill(
        name,
        format!("one that passed at {oldest} is not ended, {late} s later"),
        "if the server runs, look at its log; if not, it ends them when it starts. nothing is \
         approved late in any case",
    )
}

/// Whether everyone who wanted to be told is.
fn webhooks(glance: &Glance) -> Finding {
    let name = "webhooks";
    let count = |of: WebhookState| {
        glance.webhooks.iter().find(|(state, _)| *state == of).map_or(0, |(_, count)| *count)
    };
    let [unconfirmed, active, disabled] = WebhookState::ALL.map(count);
    if unconfirmed + disabled == 0 {
        return well(name, format!("{active} are active, and no other is there"));
    }
    ill(
        name,
        format!(
            "{active} are active; {unconfirmed} unconfirmed and {disabled} disabled are told nothing"
        ),
        "`askfirst webhooks list` says why; mend the receiver, then `askfirst webhooks challenge \
         ID`, or `askfirst webhooks remove ID`",
    )
}

/// Whether people are told.
fn channels(glance: &Glance) -> Finding {
    let name = "channels";
    let down = glance.channels.iter().filter_map(|channel| {
        let since = channel.down?.since;
        let why = channel.trouble.as_ref().map_or("", |(_, why)| why);
        let (id, waiting) = (channel.id, channel.waiting);
        Some(format!("{id} takes nothing since {since} ({waiting} wait): {}", visible(why)))
    });
    let down: Vec<_> = down.collect();
    let unreached: usize = glance.channels.iter().map(|channel| channel.unreached.len()).sum();
    match (down.is_empty(), unreached) {
        (true, 0) => well(name, format!("{} are set up, and none is down", glance.channels.len())),
        (true, _) => ill(
            name,
            format!("people whose last notice was given up: {unreached}"),
            "`askfirst channels list` names them, and `askfirst channels log ID` says why; is the \
             address right?",
        ),
        (false, _) => ill(
            name,
            down.join("; "),
            "mend what it says, then `askfirst channels test ID`: once it takes something, all that \
             waits goes out by itself",
        ),
    }
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

fn disk(data: &Path, floor_mib: u64) -> Finding {
    match rustix::fs::statvfs(data) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let megabytes = free / (1024 * 1024);
            if megabytes >= floor_mib {
                return well("disk", format!("{megabytes} MiB are free"));
            }
            let detail =
                format!("only {megabytes} MiB are free, below disk_floor_mib ({floor_mib})");
            ill("disk", detail, "make room: no new question is taken, and without any room nothing")
        }
        Err(error) => ill("disk", error.to_string(), "look at the mount"),
    }
}

fn sealing_key(file: &Path, keys: &[SigningKeyRecord]) -> Finding {
    let name = "sealing key";
    let shown = file.display();
    match mode(file) {
        Ok(mode) if mode & 0o077 != 0 => {
            return ill(
                name,
                format!("others can read {shown} (mode {mode:o})"),
                format!("run `chmod 600 {shown}`"),
            );
        }
        _ => {}
    }
    match sealing::find(file) {
        Ok(Some(key)) => match keyring::opens(&key, keys) {
            Ok(()) => well(
                name,
                format!("{shown} fits this data; keep a copy apart from the data's backups"),
            ),
            Err(error) => ill(
                name,
                format!("{shown}: {error}"),
                "put back the one this data was made with; without it no receipt can be signed",
            ),
        },
        Ok(None) => ill(
            name,
            format!("there is none at {shown}"),
            "put back the one this data was made with, or set ASKFIRST_SEALING_KEY; without it no \
             receipt can be signed",
        ),
        Err(error) => ill(name, error.to_string(), "a sealing key is 32 bytes, in base64 or hex"),
    }
}

//! Reading what is handed over: files, stdin, JSON as strictly as the server reads it.

use std::io::Read;
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::exit::usage;

/// The most that is read, in bytes; more than any answer or request has.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The whole of a file, or of stdin for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let broken = |error: std::io::Error| usage(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let count = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes).map_err(broken)?
    } else {
        let file = std::fs::File::open(path).map_err(broken)?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(broken)?
    };
    if count as u64 > LARGEST {
        return Err(usage(format!("{}: longer than {LARGEST} bytes", path.display())));
    }
    Ok(bytes)
}

/// As [`read`], for text.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|_| usage(format!("{}: not UTF-8", path.display())))
}

/// JSON from the command line: itself, `@file`, or `-` for stdin.
pub(crate) fn json(flag: &str, text: &str) -> Result<Value> {
    let bytes = match text.strip_prefix('@') {
        Some(file) => read(Path::new(file))?,
        None if text == "-" => read(Path::new("-"))?,
        None => text.as_bytes().to_vec(),
    };
    strict(&bytes).map_err(|why| {
        usage(format!(
            "{flag}: not JSON that can be taken: {why}\n  give it such as {flag} '{{\"version\": \
             2}}', with @FILE from a file, or with - from stdin"
        ))
    })
}

/// JSON by the server's own rules, so that both see the same value or none.
pub(crate) fn strict(bytes: &[u8]) -> Result<Value, String> {
    askfirst_server::http::json::parse(bytes).map_err(|problem| {
        let problem = serde_json::to_value(problem).unwrap_or_default();
        let first = &problem["errors"][0];
        let place = first["pointer"].as_str().filter(|pointer| !pointer.is_empty());
        match (place, first["detail"].as_str().or_else(|| problem["detail"].as_str())) {
            (Some(place), Some(detail)) => format!("{place}: {detail}"),
            (_, detail) => detail.unwrap_or("not JSON").to_owned(),
        }
    })
}

/// Writes to a file, or to stdout.
pub(crate) fn write_to(file: Option<&Path>, text: &str) -> Result<()> {
    match file {
        None => {
            crate::terminal::say(text);
            Ok(())
        }
        Some(path) => std::fs::write(path, format!("{text}\n"))
            .map_err(|error| usage(format!("{}: {error}", path.display()))),
    }
}

//! Holds the house in shape: what each crate may depend on and speak of, how files open and how
//! long they get, what must not be committed, and that every invariant has a test. Reads the
//! files that git tracks; whoever breaks a rule is told what to do instead.

#![allow(clippy::unwrap_used, reason = "a test stops at what it cannot read")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The longest a source file may be, in lines.
const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// Every tracked file that is text, by its path from the root.
fn files() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in output("git", &["ls-files", "-z"]).split_terminator('\0') {
        // Gone from the folder, or not text: nothing to read.
        if let Ok(text) = std::fs::read_to_string(root().join(path)) {
            found.insert(path.to_owned(), text);
        }
    }
    assert!(found.len() > 50, "git knows too few files here; run this in a checkout");
    found
}

fn rust_files() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(".rs"))
}

/// The code of a file without its comments; close enough for looking for words.
fn code(text: &str) -> String {
    let bare = |line: &str| line.split("// ").next().unwrap_or_default().to_owned() + "\n";
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(bare).collect()
}

fn has_word(code: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(inside) && !code[at + word.len()..].starts_with(inside)
    })
}

fn none(broken: Vec<String>, rule: &str) {
    assert!(broken.is_empty(), "\n{rule}\n  {}\n", broken.join("\n  "));
}

/// `name+feature+feature` of every dependency that is linked into `package`, and whether each
/// comes with its default features.
fn dependencies(package: &str) -> BTreeSet<String> {
    let metadata =
        output(env!("CARGO"), &["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|known| known["name"] == package).unwrap();
    let mut names = BTreeSet::new();
    for dependency in found["dependencies"].as_array().unwrap() {
        // Development and build dependencies are not linked.
        if !dependency["kind"].is_null() {
            continue;
        }
        let mut name = dependency["name"].as_str().unwrap().to_owned();
        if dependency["uses_default_features"] == true {
            name += "+default";
        }
        for feature in dependency["features"].as_array().unwrap() {
            name += &format!("+{}", feature.as_str().unwrap());
        }
        names.insert(name);
    }
    names
}

#[test]
fn core_and_proof_depend_on_exactly_this() {
    let core = [
        "jiff+alloc",
        "serde+default+derive+rc",
        "serde_json+default+float_roundtrip",
        "thiserror+default",
    ];
    let proof = [
        "aws-lc-rs+aws-lc-sys+alloc+ring-io",
        "base64+default",
        "jiff+alloc",
        "ryu-js+default",
        "serde+default+derive",
        "serde_json+default+float_roundtrip",
        "thiserror+default",
        "zeroize+default",
    ];
    for (package, allowed) in [("askfirst-core", &core[..]), ("askfirst-proof", &proof[..])] {
        let allowed: BTreeSet<_> = allowed.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(
            dependencies(package),
            allowed,
            "{package} stays small enough to be read in one sitting, without I/O, clock or \
             randomness in core. Do the work in store or server; or, if it really belongs here, \
             extend this list and say why in the commit"
        );
    }
}

#[test]
fn dependencies_point_one_way() {
    let order = ["core", "proof", "store", "server"];
    let may = |package: &str| -> &[&str] {
        match package {
            "askfirst-core" | "askfirst-proof" | "askfirst-kit" => &[],
            "askfirst-store" => &order[..2],
            "askfirst-server" => &order[..3],
            _ => &order,
        }
    };
    let mut broken = Vec::new();
    for package in ["-core", "-proof", "-store", "-server", "-kit", ""] {
        let package = &format!("askfirst{package}");
        for name in dependencies(package) {
            let name = name.split('+').next().unwrap();
            if let Some(ours) = name.strip_prefix("askfirst-")
                && !may(package).contains(&ours)
            {
                broken.push(format!("{package} depends on {name}"));
            }
        }
    }
    none(
        broken,
        "Dependencies point one way: core, proof <- store <- server <- cli; the kit is for tests \
         alone. Move what is needed down, or hand it in as an argument.",
    );
}

#[test]
fn core_and_proof_speak_of_nothing_outside() {
    let core = &[
        "async",
        "await",
        "tokio",
        "http",
        "axum",
        "rusqlite",
        "SELECT",
        "std::fs",
        "std::net",
        "std::env",
        "std::thread",
        "std::process",
        "SystemTime",
        "Instant",
        "rand",
        "tracing",
    ][..];
    let proof = &["async", "await", "tokio", "rusqlite", "std::fs", "std::net", "std::env"][..];
    let mut broken = Vec::new();
    for (path, text) in rust_files() {
        let banned = match &path {
            path if path.starts_with("crates/core/src/") => core,
            path if path.starts_with("crates/proof/src/") => proof,
            _ => continue,
        };
        let code = code(&text);
        for word in banned.iter().filter(|word| has_word(&code, word)) {
            broken.push(format!("{path}: {word}"));
        }
    }
    none(
        broken,
        "The rules and the proofs are pure functions of their arguments: time, ids and facts \
         arrive as arguments. Do this in store or server.",
    );
}

#[test]
fn only_the_store_knows_a_database() {
    let mut broken = Vec::new();
    for (path, text) in rust_files() {
        // What only looks on from outside (bench/) may open a database beside the server.
        if !path.starts_with("crates/") || path.starts_with("crates/store/") || is_this(&path) {
            continue;
        }
        let code = code(&text);
        for word in ["rusqlite", "refinery", "tokio_postgres"] {
            if has_word(&code, word) {
                broken.push(format!("{path}: {word}"));
            }
        }
    }
    none(broken, "Only crates/store speaks to a database; give the Store trait a method for it.");
}

#[test]
fn doors_call_the_service_and_not_the_store() {
    let mut broken = Vec::new();
    for (path, text) in rust_files().filter(|(path, _)| is_door(path)) {
        let code = code(&text);
        // Whether the database answers is what the health page is there to say.
        if path.ends_with("http/health.rs") {
            continue;
        }
        for line in code.lines() {
            if has_word(line, "dyn Store") || line.contains(".store()") || line.contains(".store.")
            {
                broken.push(format!("{path}: {}", line.trim()));
            }
        }
    }
    none(broken, "A door reads, calls one service method and renders; put this into service/.");
}

#[test]
fn a_file_opens_by_saying_what_it_is_for() {
    let silent = rust_files().filter(|(_, text)| !text.starts_with("//! "));
    none(
        silent.map(|(path, _)| path).collect(),
        "Open the file with `//!`: what it is for, and what it leaves to others.",
    );
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let long = rust_files().map(|(path, text)| (path, text.lines().count()));
    none(
        long.filter(|(_, lines)| *lines > LONGEST_FILE)
            .map(|(path, lines)| format!("{path}: {lines} lines"))
            .collect(),
        "At most 500 lines a file: split it where a reader would, into noun.rs and noun/.",
    );
}

#[test]
fn no_get_changes_anything() {
    let services = functions_of(|path| path.starts_with("crates/server/src/service"));
    let mut writing: BTreeSet<String> =
        ["execute", "administer", "create_workspace", "remove_workspaces"]
            .map(|verb| format!("self.store.{verb}("))
            .into();
    grow(&mut writing, &services, |name| format!("self.{name}("));
    let uses: BTreeSet<String> = writing
        .iter()
        .filter(|call| !call.starts_with("self.store."))
        .map(|call| call.replace("self.", ".service."))
        .collect();
    assert!(uses.contains(".service.vote("), "this test does not see who writes: {uses:?}");

    let doors: Vec<_> = rust_files().filter(|(path, _)| is_door(path)).collect();
    let answering: BTreeSet<_> =
        doors.iter().flat_map(|(path, text)| getters(path, text)).collect();
    assert!(answering.len() > 5, "this test does not see what answers GET: {answering:?}");
    let mut broken = Vec::new();
    for (path, text) in &doors {
        let functions = functions(text);
        let mut writing = uses.clone();
        grow(&mut writing, &functions, |name| format!("{name}("));
        for function in functions {
            let named = format!("{}::{}", stem(path), function.name);
            if (function.get || answering.contains(&named))
                && let Some(call) = writing.iter().find(|call| calls(&function.body, call))
            {
                broken.push(format!("{path}: {} calls {call}", function.name));
            }
        }
    }
    none(
        broken,
        "GET, HEAD and prefetch never change anything: scanners and previews follow links. Make \
         it a POST behind a button.",
    );
}

#[test]
fn nothing_of_a_machine_is_committed() {
    // Put together here, so that this file does not contain them.
    let machine = ["work", "root", "farm", "home"].map(|folder| format!("/{folder}/"));
    let hosts = [
        ["registry.npmjs", ".org"],
        ["index.crates", ".io"],
        ["static.crates", ".io"],
        ["files.pythonhosted", ".org"],
        ["pypi", ".org"],
        ["deb.debian", ".org"],
    ]
    .map(|parts| parts.concat());
    // Cargo writes where a crate is from into its lock file; this one is the same everywhere.
    let mut broken = Vec::new();
    for (path, text) in files() {
        for (number, line) in text.lines().enumerate() {
            // `/root` may also be a word in a path of ours, such as a/root/b: only from the start.
            let bad = machine
                .iter()
                .filter(|folder| {
                    line.match_indices(folder.as_str()).any(|(at, _)| {
                        !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}*$".contains(c))
                    })
                })
                .chain(hosts.iter().filter(|host| line.contains(host.as_str())));
            for word in bad {
                broken.push(format!("{path}:{}: {word}", number + 1));
            }
            if has_word(line, &["shared", "/"].concat())
                || line.contains(&["/sha", "red/"].concat())
            {
                broken.push(format!("{path}:{}: a folder outside of the repository", number + 1));
            }
        }
    }
    none(
        broken,
        "Someone else's checkout has other folders and maybe other registries: use paths from the \
         root of the repository, and omit-lockfile-registry-resolved in .npmrc.",
    );
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let names: Vec<_> = files()
        .into_keys()
        .filter_map(|path| path.strip_prefix("docs/decisions/").map(str::to_owned))
        .collect();
    for (index, name) in names.iter().enumerate() {
        let number = format!("{:04}-", index + 1);
        assert!(
            name.starts_with(&number),
            "docs/decisions/{name} should be number {number}…: numbers have no gaps and are \
             never used twice"
        );
    }
}

#[test]
fn every_invariant_names_a_test_that_exists() {
    let files = files();
    let map = &files["ARCHITECTURE.md"];
    let section = map.split("\n## ").find(|section| section.starts_with("Invariants")).unwrap();
    let mut broken = Vec::new();
    let mut number = 0;
    for item in section.split("\n| ").skip(1) {
        let Some((first, rest)) = item.split_once(" | ") else { continue };
        let Ok(read) = first.trim().parse::<u32>() else { continue };
        number += 1;
        assert_eq!(read, number, "the invariants are numbered from 1 without gaps");
        let named = named_tests(rest);
        let missing = named.iter().filter(|named| !is_test(&files, named));
        broken.extend(missing.map(|named| format!("{number}: there is no test {named}")));
        if named.is_empty() {
            broken.push(format!("{number}: names no test"));
        }
    }
    assert_eq!(number, 8, "ARCHITECTURE.md has eight invariants");
    none(
        broken,
        "Every invariant in ARCHITECTURE.md names the tests that would fail if it broke, as \
         `path/to/file.rs::name_of_the_test`. If a test was renamed, rename it there.",
    );
}

#[test]
fn every_control_names_a_test_that_exists() {
    let files = files();
    let named = named_tests(&files["docs/threat-model.md"]);
    assert!(!named.is_empty(), "docs/threat-model.md names no tests");
    let missing = named.into_iter().filter(|named| !is_test(&files, named));
    none(
        missing.collect(),
        "docs/threat-model.md names the tests of its controls. If one was renamed, rename it there; \
         if it is gone, so is the control.",
    );
    let rows = files["docs/threat-model.md"].lines().filter_map(|line| line.strip_prefix("| "));
    let numbers: Vec<_> = rows
        .filter_map(|row| row.split_once(" |"))
        .filter(|(number, _)| number.len() > 1 && number[1..].bytes().all(|b| b.is_ascii_digit()))
        .collect();
    let twice =
        numbers.iter().filter(|(one, _)| numbers.iter().filter(|row| row.0 == *one).count() > 1);
    let bare = numbers.iter().filter(|(_, row)| !row.contains('`'));
    let wrong = twice.chain(bare).map(|(number, _)| (*number).to_owned()).collect();
    none(
        wrong,
        "every attack has a number of its own and a test; those that cannot apply stand below.",
    );
}

/// The tests that a text names, as `path/to/file.rs::name`.
fn named_tests(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_named = |quoted: &&str| quoted.contains(".rs::") || quoted.contains(".mjs::");
    quoted.filter(is_named).map(str::to_owned).collect()
}

fn is_test(files: &BTreeMap<String, String>, named: &str) -> bool {
    let Some((path, name)) = named.split_once("::") else { return false };
    let told =
        if path.ends_with(".rs") { format!("fn {name}") } else { format!("test(\"{name}\"") };
    files.get(path).is_some_and(|text| {
        if path.ends_with(".rs") { has_word(text, &told) } else { text.contains(&told) }
    })
}

fn is_this(path: &str) -> bool {
    path == "crates/core/tests/architecture.rs"
}

fn is_door(path: &str) -> bool {
    ["http", "web", "mcp", "dialects", "channels"].iter().any(|door| {
        let door = format!("crates/server/src/{door}");
        path.strip_prefix(&door).is_some_and(|rest| rest.starts_with(['/', '.']))
    })
}

fn stem(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or(path)
}

/// What the routers of a file let answer GET, as `module::function`: `get(login::show)`.
fn getters(path: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let calls = ["get(", "any("].into_iter().flat_map(|call| {
        code.split(call).skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name)
    });
    let names = calls.filter(|name| name.chars().all(|c| c.is_alphanumeric() || "_:".contains(c)));
    names
        .map(|name| match name.contains("::") {
            true => name.to_owned(),
            false => format!("{}::{name}", stem(path)),
        })
        .collect()
}

/// A function of a formatted file.
struct Function {
    name: String,
    body: String,
    /// Whether its attribute says that it answers GET.
    get: bool,
}

fn functions_of(wanted: impl Fn(&str) -> bool) -> Vec<Function> {
    rust_files().filter(|(path, _)| wanted(path)).flat_map(|(_, text)| functions(&text)).collect()
}

/// The functions of a file that rustfmt has formatted: one ends at the brace under its start.
fn functions(text: &str) -> Vec<Function> {
    let code = code(text);
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((before, rest)) = line.split_once("fn ") else { continue };
        if !before
            .split_whitespace()
            .all(|word| ["pub", "async", "const", "pub(crate)", "pub(super)"].contains(&word))
        {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let name = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let body = lines[at + 1..].iter().take_while(|line| **line != end);
        let attributes = lines[..at].iter().rev().take_while(|line| {
            let line = line.trim();
            !line.is_empty() && !line.ends_with('}')
        });
        let get = attributes.into_iter().any(|line| line.contains("utoipa::path(get,"));
        found.push(Function { name, body: body.copied().collect::<Vec<_>>().join("\n"), get });
    }
    found
}

/// Adds the call of every function that makes one of `calls`, until there is none left.
fn grow(known: &mut BTreeSet<String>, functions: &[Function], call: impl Fn(&str) -> String) {
    loop {
        let before = known.len();
        for function in functions {
            if known.iter().any(|call| calls(&function.body, call)) {
                known.insert(call(&function.name));
            }
        }
        if known.len() == before {
            return;
        }
    }
}

fn calls(body: &str, call: &str) -> bool {
    // A call may be broken over lines.
    let flat: String = body.split_whitespace().collect();
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    flat.match_indices(call).any(|(at, _)| call.starts_with('.') || !flat[..at].ends_with(inside))
}

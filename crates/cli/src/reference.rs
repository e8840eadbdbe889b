//! The part of docs/cli.md that names every command and flag, written from what the command line
//! itself knows. `UPDATE_SPEC=1` writes it anew; a test holds the two together.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use crate::Cli;

/// What stands before the written part; everything after it is written here.
const HEADING: &str = "\n## Every command and flag\n";
const INTRODUCTION: &str = "Written from the command line itself. Commands that need a server also take \
    `--url URL` (`ASKFIRST_URL`) and `--key KEY` (`ASKFIRST_KEY`); all take `--help`.\n";

fn written() -> String {
    let mut text = format!("{HEADING}{INTRODUCTION}");
    let mut cli = Cli::command();
    cli.build();
    for command in cli.get_subcommands() {
        write_command(&mut text, "askfirst", command);
    }
    text
}

fn write_command(text: &mut String, above: &str, command: &Command) {
    let name = format!("{above} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    if command.has_subcommands() {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            write_command(text, &name, below);
        }
        return;
    }
    let shown = |arg: &&Arg| {
        !arg.is_hide_set() && !["help", "version", "url", "key"].contains(&arg.get_id().as_str())
    };
    let all: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    let places: String =
        all.iter().filter(|arg| arg.is_positional()).fold(String::new(), |mut places, arg| {
            let _ = write!(places, " {}", spelled(arg));
            places
        });
    let _ = write!(text, "\n### {name}\n{about}.\n");
    if all.is_empty() {
        return;
    }
    let _ = write!(text, "\n| `{name}{places}` | what it is |\n|---|---|\n");
    for arg in all {
        let _ = writeln!(text, "| `{}` | {} |", spelled(arg), meaning(arg));
    }
}

/// `--expires-in <SPAN>`, `[FILE]`.
fn spelled(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let values: Vec<_> = names.iter().map(|name| format!("<{name}>")).collect();
    let value = if arg.get_action().takes_values() { values.join(" ") } else { String::new() };
    match (arg.get_long(), arg.get_short()) {
        (Some(long), Some(short)) => format!("-{short}, --{long} {value}").trim().to_owned(),
        (Some(long), None) => format!("--{long} {value}").trim().to_owned(),
        _ if arg.is_required_set() => value,
        _ => value.replace('<', "[").replace('>', "]"),
    }
}

fn meaning(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = match arg.get_action().takes_values() {
        true => arg.get_possible_values(),
        false => Vec::new(),
    };
    let values: Vec<_> = values.iter().map(|one| format!("`{}`", one.get_name())).collect();
    if !values.is_empty() {
        let _ = write!(text, ": {}", values.join(", "));
    }
    let defaults: Vec<_> = arg.get_default_values().iter().filter_map(|one| one.to_str()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        let _ = write!(text, "; `{}` if it is not said", defaults.join(" "));
    }
    if let Some(variable) = arg.get_env().and_then(|name| name.to_str()) {
        let _ = write!(text, "; or `{variable}`");
    }
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a switch for who runs the tests, not a setting")]
fn the_document_names_every_command_and_flag() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let kept = std::fs::read_to_string(file).unwrap();
    let own = kept.split(HEADING).next().unwrap();
    let now = format!("{own}{}", written());
    if std::env::var_os("UPDATE_SPEC").is_some() {
        std::fs::write(file, &now).unwrap();
        return;
    }
    for (number, (kept, now)) in kept.lines().zip(now.lines()).enumerate() {
        assert_eq!(kept, now, "docs/cli.md:{}; UPDATE_SPEC=1 writes it anew", number + 1);
    }
    assert_eq!(kept.len(), now.len(), "UPDATE_SPEC=1 writes docs/cli.md anew");
}

#[test]
fn the_tables_above_show_every_command() {
    let document = include_str!("../../../docs/cli.md");
    let own = document.split(HEADING).next().unwrap();
    let mut missing = Vec::new();
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        if !own.contains(&format!("`{name}`")) {
            missing.push(name.to_owned());
        }
        for below in command.get_subcommands() {
            let whole = format!("{name} {}", below.get_name());
            if !own.contains(&whole) {
                missing.push(whole);
            }
        }
    }
    assert!(missing.is_empty(), "docs/cli.md has no example of {missing:?}");
}

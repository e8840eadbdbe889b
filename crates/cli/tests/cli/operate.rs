//! docs/operate.md and deploy/, done by a shell from the first line to the last, in a folder that
//! stands for the machine. Only what needs a machine has a stand-in: packages, accounts, owners,
//! certbot and systemd, of which the commands in the units are run.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{finish, free_port};

const GUIDE: &str = include_str!("../../../../docs/operate.md");
const DEPLOY: [(&str, &str); 4] = [
    ("askfirst.service", include_str!("../../../../deploy/askfirst.service")),
    ("askfirst-backup.service", include_str!("../../../../deploy/askfirst-backup.service")),
    ("askfirst-backup.timer", include_str!("../../../../deploy/askfirst-backup.timer")),
    ("certbot-hook", include_str!("../../../../deploy/certbot-hook")),
];
const DOCKERFILE: &str = include_str!("../../../../deploy/Dockerfile");

/// What a test machine has no real one of.
const STAND_INS: &str = r#"
set -eu
apt-get() { :; }
adduser() { :; }
cargo() { :; }
sudo() {
    while :; do
        case $1 in
            -u) shift 2 ;;
            -*) shift ;;
            *) break ;;
        esac
    done
    "$@"
}
# Without owners, who are nobody here.
install() {
    kept=
    while [ $# -gt 0 ]; do
        case $1 in
            -o | -g) shift 2 ;;
            *) kept="$kept $1"; shift ;;
        esac
    done
    command install $kept
}
certbot() {
    while [ "$1" != --deploy-hook ]; do shift; done
    hook=$2
    (RENEWED_LINEAGE=$ROOT/lineage; . "$hook")
}
# The commands of a unit, one after the other.
commands_of() { sed -n 's/^ExecStart=//p' "$ROOT/etc/systemd/system/$1.service"; }
is_running() { [ -e "$ROOT/pid" ] && kill -0 "$(cat "$ROOT/pid")" 2>/dev/null; }
begin() {
    : >"$ROOT/log"
    # exec: the signals below must reach the server and not a shell.
    sh -c "exec $(commands_of askfirst)" >/dev/null 2>"$ROOT/log" &
    echo $! >"$ROOT/pid"
    until grep -q '"listening"' "$ROOT/log"; do
        is_running || { cat "$ROOT/log" >&2; exit 90; }
    done
    PORT=$(sed -n 's/.*"address":"[^"]*:\([0-9]*\)".*/\1/p' "$ROOT/log" | head -1)
    # systemd would not wait either, but no person types that fast.
    until curl --silent --fail --cacert "$ROOT/lineage/fullchain.pem" "https://localhost:$PORT/readyz" >/dev/null; do
        is_running || { cat "$ROOT/log" >&2; exit 90; }
    done
}
end() { kill "$(cat "$ROOT/pid")"; wait "$(cat "$ROOT/pid")"; rm "$ROOT/pid"; }
systemctl() {
    case "$*" in
        daemon-reload) ;;
        'enable --now askfirst askfirst-backup.timer' | 'start askfirst') begin ;;
        'stop askfirst') end ;;
        'restart askfirst') end; begin ;;
        'is-active --quiet askfirst') is_running ;;
        'reload askfirst') is_running && kill -HUP "$(cat "$ROOT/pid")" ;;
        'start askfirst-backup') sh -euc "$(commands_of askfirst-backup)" ;;
        *) echo "no stand-in for: systemctl $*" >&2; exit 91 ;;
    esac
}
askfirst() {
    case $1 in
        init) "$ROOT/usr/local/bin/askfirst" "$@" | tee "$ROOT/made" ;;
        restore)
            # The newest one, and a yes to the question.
            set -- restore "$(ls -t "$ROOT"/var/backups/askfirst/*.db | head -1)" --force --yes
            "$ROOT/usr/local/bin/askfirst" "$@" ;;
        doctor | jwks | workspace)
            ASKFIRST_URL=https://localhost:$PORT ASKFIRST_KEY=$(grep -o 'af_live_[A-Za-z0-9]*' "$ROOT/made" | head -1) \
                SSL_CERT_FILE=$ROOT/lineage/fullchain.pem "$ROOT/usr/local/bin/askfirst" "$@" ;;
        *) "$ROOT/usr/local/bin/askfirst" "$@" ;;
    esac
}
"#;

/// The commands of every console block, in order; a here-document belongs to its command.
fn commands(text: &str) -> String {
    let mut found = String::new();
    for block in text.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            found += line.strip_prefix("$ ").unwrap_or(line);
            found += "\n";
        }
    }
    found
}

/// The same for a machine that is a folder.
fn moved(text: &str, root: &str, port: u16) -> String {
    let mut text = text.to_owned();
    for folder in ["/etc/", "/var/lib/askfirst", "/var/backups/", "/usr/local/"] {
        text = text.replace(folder, &format!("{root}{folder}"));
    }
    text.replace("0.0.0.0:443", &format!("127.0.0.1:{port}"))
        .replace("https://ask.example.com", &format!("https://localhost:{port}"))
}

#[test]
fn the_guide_leads_from_an_empty_machine_to_a_server_with_tls_and_backups() {
    let folder = tempfile::tempdir().unwrap();
    let (root, port) = (folder.path().to_str().unwrap(), free_port());
    for name in ["deploy", "target/dist", "lineage", "etc/systemd/system", "usr/local/bin"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    for (name, text) in DEPLOY {
        std::fs::write(folder.path().join("deploy").join(name), moved(text, root, port)).unwrap();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_askfirst"));
    std::os::unix::fs::symlink(binary, folder.path().join("target/dist/askfirst")).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let lineage = folder.path().join("lineage");
    std::fs::write(lineage.join("fullchain.pem"), made.cert.pem()).unwrap();
    std::fs::write(lineage.join("privkey.pem"), made.signing_key.serialize_pem()).unwrap();

    let script = format!(
        "{STAND_INS}\ntrap 'is_running && end' EXIT\n{}",
        moved(&commands(GUIDE), root, port)
    );
    let mut shell = Command::new("/bin/bash");
    shell.args(["-c", &script]).env_clear().current_dir(root);
    shell.env("PATH", "/usr/bin:/bin").env("ROOT", root);
    shell.env("ASKFIRST_CONFIG", folder.path().join("etc/askfirst/askfirst.toml"));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let done = finish(shell).expect(0);
    // Each part did its work, and not only its stand-in.
    for told in [
        "the settings are good",
        "The workspace is made",
        "ok     sealing key",
        " team ",
        "is what it was at",
        "ok     public url",
        "ok     certificate authorities",
        "erased 90 days after the end",
        "by key",
        "keys are sealed under",
        "is published from the next start",
    ] {
        assert!(done.out.contains(told), "{told}: {}", done.out);
    }
    let backups = std::fs::read_dir(folder.path().join("var/backups/askfirst")).unwrap();
    assert!(backups.count() >= 2, "{}", done.out);
}

#[test]
fn the_units_say_what_the_exit_codes_mean() {
    let unit = DEPLOY[0].1;
    let table = include_str!("../../../../docs/cli.md");
    for (code, restarts) in [("64", false), ("70", true), ("78", false)] {
        assert!(table.contains(&format!("| {code} |")), "docs/cli.md has no exit code {code}");
        let line = unit.lines().find(|line| line.starts_with("RestartPreventExitStatus=")).unwrap();
        assert_eq!(!line.contains(code), restarts, "{code}");
    }
    for (name, unit) in &DEPLOY[..2] {
        for kept in [
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "UMask=0077",
            "LimitCORE=0",
            "User=askfirst",
        ] {
            assert!(unit.lines().any(|line| line == kept), "{name}: {kept}");
        }
    }
}

#[test]
fn the_image_has_one_static_binary_and_no_root() {
    let instructions: Vec<&str> = DOCKERFILE
        .lines()
        .filter(|line| !line.starts_with(['#', ' ']) && !line.is_empty())
        .collect();
    let last_stage = instructions.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert_eq!(instructions[last_stage], "FROM scratch");
    let image = &instructions[last_stage..];
    assert!(image.iter().any(|line| line.starts_with("USER ") && !line.contains("USER 0")));
    assert!(image.iter().all(|line| !line.starts_with("RUN ") && !line.starts_with("ADD ")));
    assert!(DOCKERFILE.contains("target-feature=+crt-static"));
    // What is built is what this repository has, by the Rust that it needs.
    let manifest = include_str!("../../../../Cargo.toml");
    assert!(DOCKERFILE.contains("--profile dist") && manifest.contains("[profile.dist]"));
    let needed = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    let needed = needed.trim_matches('"');
    assert!(DOCKERFILE.contains(&format!("FROM rust:{needed}-")), "{needed}");
    // The settings it sets exist.
    for line in image.iter().filter(|line| line.starts_with("ENV ASKFIRST_")) {
        let name = line["ENV ASKFIRST_".len()..].split('=').next().unwrap().to_lowercase();
        let settings = include_str!("../../../server/src/config/default.toml");
        assert!(settings.contains(&format!("{name} = ")), "{name}");
    }
}

# What the scripts here share: finding what a machine lacks, and installing it where that is
# allowed. Sourced, not run. Everything that is no system package goes below target/.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
tools=$CARGO_TARGET_DIR/tools
PATH=$tools/bin:$PATH

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# apt_packages PACKAGE...: installs system packages, as root or by sudo.
apt_packages() {
    local as=()
    if [ "$(id -u)" != 0 ]; then
        as=(sudo)
    fi
    if ! command -v apt-get >/dev/null || { [ "${#as[@]}" != 0 ] && ! command -v sudo >/dev/null; }; then
        say "missing: $*. Please install it with your system's package manager, then try again."
        exit 1
    fi
    say "installing $* with apt-get"
    "${as[@]}" apt-get update -qq
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need_rust() {
    if ! command -v cargo >/dev/null; then
        say "missing: Rust 1.95 or newer. Install it with rustup (https://rustup.rs), then try again."
        exit 1
    fi
}

need_clippy() {
    if ! command -v clippy-driver >/dev/null; then
        say "missing: clippy. Install it with: rustup component add clippy; then try again."
        exit 1
    fi
}

# SQLite and the cryptography are C and are compiled along.
need_cc() {
    if ! command -v cc >/dev/null || ! echo '#include <stdlib.h>' | cc -E - >/dev/null 2>&1; then
        apt_packages gcc libc6-dev
    fi
}

need_python() {
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        apt_packages python3 python3-venv
    fi
}

need_node() {
    if ! command -v npm >/dev/null; then
        apt_packages nodejs npm
    fi
}

# The headless shell is Chromium without the window that each page has otherwise, and two
# thirds of the work. Who has a Chromium is not asked for a password to get it.
need_chromium() {
    if command -v chromium-headless-shell >/dev/null; then
        return
    fi
    if [ "$(id -u)" = 0 ] && (apt_packages chromium-headless-shell); then
        return
    fi
    if ! command -v chromium >/dev/null; then
        apt_packages chromium
    fi
}

# For the test that turns the machine's clock under a running server.
need_faketime() {
    local place
    for place in /usr/lib/*/faketime /usr/lib/faketime /usr/local/lib/faketime; do
        if [[ -e $place/libfaketime.so.1 ]]; then
            return
        fi
    done
    apt_packages libfaketime
}

# need_cargo_tool NAME: `cargo NAME`, as the pinned ready-made program, or else from source.
need_cargo_tool() {
    local name=cargo-$1 version
    if command -v "$name" >/dev/null; then
        return
    fi
    version=$(sed -n "s/^astral-dev-toolchain-$name==\([0-9.]*\) .*/\1/p" scripts/requirements.txt)
    say "installing $name $version below ${tools#"$root"/}"
    need_python
    mkdir -p "$tools/bin"
    python3 -m venv "$tools/venv"
    if "$tools/venv/bin/pip" install --quiet --disable-pip-version-check \
        --require-hashes --requirement scripts/requirements.txt; then
        ln -sf "$tools/venv/bin/$name" "$tools/bin/$name"
    else
        say "no ready-made $name for this machine; building it"
        cargo install --quiet --locked --root "$tools" --version "$version" "$name"
    fi
}

# For the test that mails through it. It is not set up, so nothing of it is started; and as Debian
# knows one mail server at a time, it takes nobody else's place. tests/mail says if it is missing.
need_postfix() {
    if command -v postfix >/dev/null || command -v sendmail >/dev/null || [ "$(id -u)" != 0 ]; then
        return
    fi
    if command -v debconf-set-selections >/dev/null; then
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
        apt_packages postfix
    fi
}

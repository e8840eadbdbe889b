//! A terminal for the binary: `script` makes one, a terminal emulator reads what is written to it,
//! and what is waited for is what stands on the screen.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Dev, PATIENCE};

pub(crate) fn count(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

/// A command on a terminal of its own.
pub(crate) struct Screen {
    child: Child,
    keys: Option<ChildStdin>,
    written: Receiver<Vec<u8>>,
    pub(crate) seen: Vec<u8>,
    pub(crate) terminal: vt100::Parser,
    folder: tempfile::TempDir,
}

impl Screen {
    pub(crate) fn run(
        server: &Dev,
        key: &str,
        command: &str,
        (columns, rows): (u16, u16),
        more: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inside = format!(
            "stty rows {rows} cols {columns}; tty >tty; echo $$ >pid; exec {} {command}",
            env!("CARGO_BIN_EXE_askfirst")
        );
        let mut command = Command::new("/usr/bin/script");
        command.args(["--quiet", "--return", "--flush", "--command", &inside, "/dev/null"]);
        command.env_clear().current_dir(folder.path()).env("PATH", "/usr/bin:/bin");
        command.env("ASKFIRST_URL", server.url()).env("ASKFIRST_KEY", key);
        command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh").envs(more.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, written) = channel();
        let mut out = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = out.read(&mut bytes)
                && count > 0
                && sender.send(bytes[..count].to_vec()).is_ok()
            {}
        });
        let terminal = vt100::Parser::new(count(rows), count(columns), 0);
        let keys = child.stdin.take();
        Self { child, keys, written, seen: Vec::new(), terminal, folder }
    }

    pub(crate) fn text(&self) -> String {
        self.terminal.screen().contents()
    }

    /// Waits until this stands on the screen.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !holds(&self.text()) {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let Ok(bytes) = self.written.recv_timeout(left) else {
                panic!("it never showed {what:?}:\n{}", self.text());
            };
            self.terminal.process(&bytes);
            self.seen.extend(bytes);
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        let to = self.keys.as_mut().unwrap();
        to.write_all(keys.as_bytes()).unwrap();
        to.flush().unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id: i32 = self.file("pid").parse().unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for its end; gives the code, and all that was written. The terminal is as it was.
    #[track_caller]
    pub(crate) fn end(mut self) -> (i32, String) {
        while let Ok(bytes) = self.written.recv_timeout(PATIENCE) {
            self.terminal.process(&bytes);
            self.seen.extend(bytes);
        }
        let code = self.child.wait().unwrap().code().unwrap();
        let screen = self.terminal.screen();
        assert!(!screen.alternate_screen(), "the screen is given back");
        assert!(!screen.hide_cursor() && !screen.bracketed_paste(), "and so are cursor and paste");
        (code, String::from_utf8_lossy(&self.seen).into_owned())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It ends with its terminal.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

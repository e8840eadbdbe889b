//! Starts the binary: servers that stop when they are dropped, and clients that are one line each.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The longest that anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, with nothing of the tester's own session.
pub(crate) fn command<S: AsRef<OsStr>>(args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_askfirst"));
    command.args(args).env_clear().stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// Insists on the exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Stdout as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command) -> Done {
    let output = command.output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the binary without any server.
pub(crate) fn run<S: AsRef<OsStr>>(args: &[S]) -> Done {
    finish(command(args))
}

/// A command that is under way.
pub(crate) struct Running {
    child: Option<Child>,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child: Some(child), out }
    }

    /// The next line of stdout; empty at its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next line that starts like this.
    pub(crate) fn line_with(&mut self, start: &str) -> String {
        let mut line = String::new();
        while self.out.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("no line with {start:?}: {}", self.complaint())
    }

    /// The next line of stderr, waited for.
    pub(crate) fn warning(&mut self) -> String {
        let err = self.child.as_mut().and_then(|child| child.stderr.as_mut()).unwrap();
        // Byte by byte: what comes after the line is for `end` to read.
        let (mut line, mut byte) = (Vec::new(), [0]);
        while err.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.extend(byte);
        }
        String::from_utf8(line).unwrap()
    }

    fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut err) = self.child.as_mut().and_then(|child| child.stderr.take()) {
            err.read_to_string(&mut text).unwrap();
        }
        text
    }

    /// Asks it to stop, as an operator would.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let child = self.child.as_ref().unwrap();
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Done {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let child = self.child.take().unwrap();
        let output = child.wait_with_output().unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            out: rest,
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_child(&child),
                rustix::process::Signal::TERM,
            );
            let _ = child.wait();
        }
    }
}

/// A developer's server on a folder of its own.
pub(crate) struct Dev {
    running: Running,
    pub(crate) ready: Value,
    pub(crate) folder: PathBuf,
    _own: Option<TempDir>,
}

impl Dev {
    /// On a new folder.
    pub(crate) fn start() -> Self {
        let own = tempfile::tempdir().unwrap();
        // Made by the server itself, so that it is for its owner only.
        let mut dev = Self::start_in(&own.path().join("data"));
        dev._own = Some(own);
        dev
    }

    /// On a folder that stays.
    pub(crate) fn start_in(folder: &Path) -> Self {
        Self::run(Self::command(folder), folder)
    }

    /// By a command that somebody changed.
    pub(crate) fn run(command: Command, folder: &Path) -> Self {
        let folder = folder.to_owned();
        let mut running = Running::start(command);
        let line = running.line();
        let ready = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{line:?}: {}", running.complaint()));
        Self { running, ready, folder, _own: None }
    }

    /// What starts one.
    pub(crate) fn command(folder: &Path) -> Command {
        let mut command = command(&["dev", "--json", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(folder);
        command
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.ready[member].as_str().unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        self.text("url")
    }

    /// A command with one of the server's keys: `agent`, `approver` or `admin`.
    pub(crate) fn command_as(&self, who: &str, args: &[&str]) -> Command {
        self.command_with(self.text(&format!("{who}_key")), args)
    }

    /// A command with any key.
    pub(crate) fn command_with(&self, key: &str, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("ASKFIRST_URL", self.url()).env("ASKFIRST_KEY", key);
        command.current_dir(&self.folder);
        command
    }

    pub(crate) fn agent(&self, args: &[&str]) -> Done {
        finish(self.command_as("agent", args))
    }

    pub(crate) fn approver(&self, args: &[&str]) -> Done {
        finish(self.command_as("approver", args))
    }

    pub(crate) fn admin(&self, args: &[&str]) -> Done {
        finish(self.command_as("admin", args))
    }

    /// Asks in a process of its own; gives it and the approval's id once it is asked.
    pub(crate) fn ask(&self, more: &[&str]) -> (Running, String) {
        let args: Vec<&str> = ["ask", "Deploy v2.1?"].iter().chain(more).copied().collect();
        let mut asking = Running::start(self.command_as("agent", &args));
        let page = asking.line_with("page");
        let id = page.rsplit('/').next().unwrap().to_owned();
        assert!(id.starts_with("apr_"), "{page}");
        (asking, id)
    }

    /// Asks without waiting; gives the id.
    pub(crate) fn asked(&self, more: &[&str]) -> String {
        let args: Vec<&str> =
            ["ask", "Deploy v2.1?", "--no-wait", "--json"].iter().chain(more).copied().collect();
        let asked = self.agent(&args).expect(0).json();
        asked["id"].as_str().unwrap().to_owned()
    }

    /// Decides as the owner.
    #[track_caller]
    pub(crate) fn vote(&self, id: &str, decision: &str) {
        self.approver(&["vote", id, decision, "--yes"]).expect(0);
    }

    /// Writes a file into the server's folder, where its clients run.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        std::fs::write(self.folder.join(name), content).unwrap();
        name.to_owned()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        self.running.signal(signal);
    }

    /// Has it stand still, and returns once no thread of it runs any more: the signal alone is
    /// overtaken by what is said to it right after.
    pub(crate) fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
        let id = self.running.child.as_ref().unwrap().id();
        let stands = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
        };
        eventually(|| {
            let mut tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
            tasks.all(stands)
        });
    }

    /// Waits for the end of one that was asked to stop.
    pub(crate) fn stop_after_signal(self) -> Done {
        let Self { running, _own, .. } = self;
        running.end().expect(0)
    }

    /// Ends it as a power cut would, and leaves its folder as it is.
    pub(crate) fn kill(self) -> Option<TempDir> {
        self.signal(rustix::process::Signal::KILL);
        let Self { running, _own, .. } = self;
        running.end().expect(-1);
        _own
    }

    /// Stops it as an operator would, and insists that it went well.
    pub(crate) fn stop(self) -> Done {
        self.signal(rustix::process::Signal::TERM);
        self.stop_after_signal()
    }
}

/// A port that was free a moment ago, for an address that has to be known before the start.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Repeats until it holds, within [`PATIENCE`].
#[track_caller]
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it never came to hold");
    }
}

/// Two requests in one packet on one connection: once the first is answered, the second is
/// under way.
pub(crate) fn under_way(url: &str, key: &str, path: &str) -> BufReader<TcpStream> {
    let host = url.strip_prefix("http://").unwrap();
    let request = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n")
    };
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let both = request("/healthz") + &request(path);
    stream.write_all(both.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let first = answer(&mut reader);
    assert!(first.0.contains("200"), "{first:?}");
    reader
}

/// The status line and body of the next answer.
pub(crate) fn answer(reader: &mut impl BufRead) -> (String, String) {
    let mut status = String::new();
    reader.read_line(&mut status).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (status.trim().to_owned(), String::from_utf8(body).unwrap())
}

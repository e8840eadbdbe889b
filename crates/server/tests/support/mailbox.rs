//! A mail server that keeps what it is given, or takes nothing, or not for everybody, as the story
//! says. It counts who knocks. What mail looks like to programs that are not ours is seen elsewhere
//! (`tests/mail`).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Who takes mail.
pub struct Mailbox {
    pub address: SocketAddr,
    got: mpsc::UnboundedReceiver<Letter>,
    manner: Arc<Manner>,
}

#[derive(Default)]
struct Manner {
    /// What it greets with instead of a welcome.
    closed: Mutex<Option<&'static str>>,
    /// What it says to mail for these.
    refused: Mutex<HashMap<String, String>>,
    sessions: AtomicUsize,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: String,
    pub raw: String,
}

impl Mailbox {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sent, got) = mpsc::unbounded_channel();
        let manner = Arc::new(Manner::default());
        let ours = manner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                ours.sessions.fetch_add(1, Ordering::SeqCst);
                let (manner, sent) = (ours.clone(), sent.clone());
                // Who hangs up has said all.
                tokio::spawn(async move { serve(stream, &manner, &sent).await.ok() });
            }
        });
        Self { address, got, manner }
    }

    /// Takes nothing from now on, saying this to whoever comes; or takes all again.
    pub fn close(&self, greeting: Option<&'static str>) {
        *self.manner.closed.lock().expect("no panic") = greeting;
    }

    /// Answers this to mail for that address.
    pub fn refuse(&self, address: &str, reply: &str) {
        self.manner.refused.lock().expect("no panic").insert(address.into(), reply.into());
    }

    /// Takes mail for that address again.
    pub fn accept(&self, address: &str) {
        self.manner.refused.lock().expect("no panic").remove(address);
    }

    /// How often somebody came.
    pub fn sessions(&self) -> usize {
        self.manner.sessions.load(Ordering::SeqCst)
    }

    /// The next mail.
    pub async fn next(&mut self) -> Letter {
        let wait = tokio::time::timeout(std::time::Duration::from_secs(60), self.got.recv());
        wait.await.expect("a mail in time").expect("a mail")
    }

    /// So many mails, by whom they are for; those for one in the order in which they came.
    pub async fn several(&mut self, count: usize) -> Vec<Letter> {
        let mut letters = Vec::new();
        for _ in 0..count {
            letters.push(self.next().await);
        }
        letters.sort_by(|one, other| one.to.cmp(&other.to));
        letters
    }

    /// What came and was not looked at.
    pub fn rest(&mut self) -> Vec<Letter> {
        std::iter::from_fn(|| self.got.try_recv().ok()).collect()
    }

    /// Whether nothing came that was not looked at.
    pub fn is_quiet(&mut self) -> bool {
        self.rest().is_empty()
    }
}

impl Letter {
    /// One of its headers, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.raw.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        let found = head.lines().find_map(|line| {
            line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name))
        });
        found.map(|(_, value)| value.to_owned())
    }

    pub fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    pub fn id(&self) -> String {
        self.header("Message-ID").unwrap_or_default()
    }

    /// All of it with the soft line ends of its encoding taken out.
    pub fn text(&self) -> String {
        self.raw.replace("=\r\n", "").replace("=3D", "=")
    }
}

type Heard<R> = Lines<BufReader<R>>;

async fn serve(
    mut stream: TcpStream,
    manner: &Manner,
    sent: &mpsc::UnboundedSender<Letter>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    let closed = *manner.closed.lock().expect("no panic");
    if let Some(greeting) = closed {
        return write.write_all(format!("{greeting}\r\n").as_bytes()).await;
    }
    write.write_all(b"220 box\r\n").await?;
    let mut to = String::new();
    while let Some(line) = lines.next_line().await? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let reply = match word.as_str() {
            "EHLO" => "250-box\r\n250 8BITMIME".to_owned(),
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                let refused = manner.refused.lock().expect("no panic").get(&to).cloned();
                refused.unwrap_or_else(|| "250 ok".into())
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let raw = letter(&mut lines).await?;
                // Nobody looks any more.
                let _ = sent.send(Letter { to: to.clone(), raw });
                "250 taken".into()
            }
            "QUIT" => "221 bye".into(),
            _ => "250 ok".into(),
        };
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
        if word == "QUIT" {
            break;
        }
    }
    Ok(())
}

async fn letter<R: tokio::io::AsyncRead + Unpin>(lines: &mut Heard<R>) -> std::io::Result<String> {
    let mut raw = String::new();
    while let Some(line) = lines.next_line().await? {
        if line == "." {
            break;
        }
        raw += line.strip_prefix('.').unwrap_or(&line);
        raw += "\r\n";
    }
    Ok(raw)
}

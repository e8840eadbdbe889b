//! A mail server as small as can be: takes what is sent, or refuses whom a story says. What mail
//! looks like to programs that are not ours is seen elsewhere (`tests/mail`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Who takes mail.
pub struct Postbox {
    pub address: SocketAddr,
    got: mpsc::UnboundedReceiver<Letter>,
    refused: Refused,
}

/// What is answered to whom, instead of taking it.
type Refused = Arc<Mutex<BTreeMap<String, String>>>;

/// What came.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: String,
    /// As it came, with lines put together again that were folded or cut.
    pub text: String,
}

impl Letter {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        self.text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default()
    }
}

impl Postbox {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sent, got) = mpsc::unbounded_channel();
        let refused = Refused::default();
        let refusing = refused.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, sent.clone(), refusing.clone()));
            }
        });
        Self { address, got, refused }
    }

    /// Answers this to every letter for `to`, such as `550 no such user`; nothing takes them again.
    pub fn refuse(&self, to: &str, answer: Option<&str>) {
        let mut refused = self.refused.lock().expect("no panic");
        match answer {
            Some(answer) => refused.insert(to.into(), answer.into()),
            None => refused.remove(to),
        };
    }

    /// What comes next.
    pub async fn next(&mut self) -> Letter {
        let wait = tokio::time::timeout(std::time::Duration::from_secs(20), self.got.recv());
        wait.await.expect("a letter in time").expect("a letter")
    }

    /// So many that come next, by whom they are for and what they are about.
    pub async fn several(&mut self, count: usize) -> Vec<Letter> {
        let mut letters = Vec::new();
        for _ in 0..count {
            letters.push(self.next().await);
        }
        letters.sort_by(|one, other| one.to.cmp(&other.to));
        letters
    }

    /// Whether nothing came that was not looked at.
    pub fn is_quiet(&mut self) -> bool {
        self.got.try_recv().is_err()
    }
}

async fn take(
    stream: TcpStream,
    sent: mpsc::UnboundedSender<Letter>,
    refused: Refused,
) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 postbox\r\n").await.ok()?;
    let mut to = String::new();
    loop {
        let line = lines.next_line().await.ok()??;
        let verb = line.get(..4).unwrap_or_default().to_uppercase();
        let answer = match verb.as_str() {
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                let answer = refused.lock().expect("no panic").get(&to).cloned();
                answer.unwrap_or_else(|| "250 fine".into())
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                loop {
                    let line = lines.next_line().await.ok()??;
                    match line.as_str() {
                        "." => break,
                        line => {
                            text.push_str(line);
                            text.push('\n');
                        }
                    }
                }
                // Quoted-printable, as far as it cuts lines; and folded headers.
                let text = text.replace("=\n", "").replace("\n ", " ");
                sent.send(Letter { to: to.clone(), text }).ok()?;
                "250 taken".into()
            }
            "QUIT" => "221 bye".into(),
            _ => "250 fine".into(),
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

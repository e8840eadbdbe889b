//! `askfirst inbox`: what waits for this key, in a terminal. Here are the terminal, the network
//! and the clock; what is shown and what keys do is `crate::inbox`.

use std::io::{IsTerminal, stdout};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use askfirst_store::{Clock, SystemClock};
use clap::Args;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyEventKind,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use reqwest::Method;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::block_on;
use crate::client::{Client, Connection};
use crate::exit::{self, usage};
use crate::inbox::lines::Looks;
use crate::inbox::{Effect, Inbox, News, view};
use crate::surroundings;
use crate::terminal::{say, text_of};

/// Between two looks at what waits.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one request waits for a change of what is read.
const POLL: Duration = Duration::from_secs(25);
/// How much longer its answer may take.
const GRACE: Duration = Duration::from_secs(15);
/// The most pages of the list that are read.
const PAGES: usize = 5;

/// Decide in the terminal: what waits for you, as it comes in
///
/// Needs a key that decides (askfirst keys create --member), and a terminal.
#[derive(Debug, Args)]
#[command(mut_arg("json", |json| json.hide(true)))]
pub(crate) struct InboxArgs {
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl InboxArgs {
    /// Shows it until its reader has enough.
    pub(crate) fn run(self) -> Result<u8> {
        if self.connection.json || !stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(usage(
                "the inbox needs a terminal to show itself in and to be typed into; for programs \
                 there are `askfirst list --status pending --json` and `askfirst vote`",
            ));
        }
        let client = Arc::new(self.connection.client()?);
        block_on(show(client))
    }
}

async fn show(client: Arc<Client>) -> Result<u8> {
    let (whose, play) = introduce(&client).await?;
    let looks = Looks { colours: surroundings::wants_colours(&stdout()) };
    let mut inbox = Inbox::new(whose, play, SystemClock.now(), looks);
    let ended = {
        let _screen = Screen::enter()?;
        let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        go_on(&mut inbox, &mut terminal, &client).await
    };
    // Only now, so that it is not lost with the screen.
    if let Some(notice) = inbox.notice.filter(|notice| notice.good) {
        say(&notice.text);
    }
    ended
}

/// Whose key it is; a key that could decide nothing is told so at once.
async fn introduce(client: &Client) -> Result<(String, bool)> {
    let key = client.get("/v1/keys/current").await?;
    let mut scopes = key["scopes"].as_array().into_iter().flatten();
    if !scopes.any(|scope| scope == "decide") {
        bail!(
            "the key {} cannot decide: it lacks the scope decide. use the key of an approver \
             (ASKFIRST_KEY), or decide on the pages",
            text_of(&key, "name")
        );
    }
    let workspace = client.get("/v1/workspace").await?;
    let whose = format!("{} in {}", text_of(&key, "name"), text_of(&workspace, "name"));
    Ok((whose, key["environment"] != "live"))
}

/// A terminal that belongs to the inbox, and is given back whatever happens.
struct Screen;

impl Screen {
    fn enter() -> Result<Self> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            Self::leave();
            before(panic);
        }));
        enable_raw_mode()?;
        let screen = Self;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        Ok(screen)
    }

    fn leave() {
        // Whatever fails here, there is nothing else that could be done.
        let _ = execute!(
            stdout(),
            DisableBracketedPaste,
            LeaveAlternateScreen,
            ratatui::crossterm::cursor::Show
        );
        let _ = disable_raw_mode();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        Self::leave();
    }
}

/// What is under way outside.
struct Outside {
    client: Arc<Client>,
    news: UnboundedSender<News>,
    list: JoinHandle<()>,
    one: Option<JoinHandle<()>>,
}

impl Outside {
    fn new(client: &Arc<Client>) -> (Self, UnboundedReceiver<News>) {
        let (news, heard) = unbounded_channel();
        let list = tokio::spawn(watch_list(Arc::clone(client), news.clone()));
        (Self { client: Arc::clone(client), news, list, one: None }, heard)
    }

    fn unfollow(&mut self) {
        if let Some(task) = self.one.take() {
            task.abort();
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Follow(id, version) => {
                self.unfollow();
                let task = follow(Arc::clone(&self.client), self.news.clone(), id, version);
                self.one = Some(tokio::spawn(task));
            }
            Effect::Unfollow => self.unfollow(),
            Effect::Refresh => {
                self.list.abort();
                let task = watch_list(Arc::clone(&self.client), self.news.clone());
                self.list = tokio::spawn(task);
            }
            Effect::Vote(id, body) => {
                let (client, news) = (Arc::clone(&self.client), self.news.clone());
                tokio::spawn(async move {
                    let answer = client.post(&format!("/v1/approvals/{id}/vote"), &body).await;
                    let _ = news.send(News::Voted(answer));
                });
            }
            Effect::Quit => {}
        }
    }
}

async fn go_on(
    inbox: &mut Inbox,
    terminal: &mut Terminal<CrosstermBackend<std::io::Stdout>>,
    client: &Arc<Client>,
) -> Result<u8> {
    let (mut outside, mut heard) = Outside::new(client);
    let mut typed = typed();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        inbox.now = SystemClock.now();
        inbox.size = size()?;
        inbox.looked();
        terminal.draw(|frame| view::draw(inbox, frame))?;
        let effects = tokio::select! {
            event = typed.recv() => match event {
                // How a test sees that a panic gives the terminal back.
                #[cfg(feature = "testing")]
                Some(Event::Key(key)) if key.code == event::KeyCode::F(12) => {
                    panic!("it panics, as the test wanted")
                }
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => inbox.press(key),
                Some(Event::Paste(text)) => {
                    inbox.paste(&text);
                    Vec::new()
                }
                // Its size is asked for anew before each drawing.
                Some(_) => Vec::new(),
                None => vec![Effect::Quit],
            },
            Some(news) = heard.recv() => inbox.hear(news),
            _ = terminated.recv() => vec![Effect::Quit],
            _ = interrupted.recv() => vec![Effect::Quit],
            _ = hung_up.recv() => vec![Effect::Quit],
            _ = tick.tick() => Vec::new(),
        };
        for effect in effects {
            if effect == Effect::Quit {
                return Ok(exit::DONE);
            }
            outside.carry_out(effect);
        }
    }
}

/// What is typed; the channel ends when the terminal is gone.
fn typed() -> UnboundedReceiver<Event> {
    let (sender, typed) = unbounded_channel();
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if sender.send(event).is_err() {
                break;
            }
        }
    });
    typed
}

async fn watch_list(client: Arc<Client>, news: UnboundedSender<News>) {
    loop {
        let heard = match waiting(&client).await {
            Ok(all) => News::Waiting(all),
            Err(error) => News::Lost(error),
        };
        if news.send(heard).is_err() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn waiting(client: &Client) -> Result<Vec<Value>, crate::client::CallError> {
    let mut all = Vec::new();
    let mut path = "/v1/approvals?status=pending&decidable=true&limit=100".to_owned();
    for _ in 0..PAGES {
        let mut page = client.get(&path).await?;
        if let Some(rows) = page["data"].as_array_mut() {
            all.append(rows);
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/approvals?status=pending&decidable=true&limit=100&cursor={cursor}");
    }
    Ok(all)
}

/// Tells every change of one approval.
async fn follow(client: Arc<Client>, news: UnboundedSender<News>, id: String, version: u64) {
    let mut version = version;
    loop {
        let wait = match version {
            0 => String::new(),
            version => format!("?wait={}s&after={version}", POLL.as_secs()),
        };
        let path = format!("/v1/approvals/{id}{wait}");
        let answer = client.call(Method::GET, &path, None, None, POLL + GRACE).await;
        let (heard, pause) = match answer {
            Ok(reply) => {
                let now = reply.body["version"].as_u64().unwrap_or_default();
                // A stopping server answers at once.
                let pause = now == version;
                version = now;
                (News::One(reply.body), pause)
            }
            Err(error) => (News::Lost(error), true),
        };
        if news.send(heard).is_err() {
            return;
        }
        if pause {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

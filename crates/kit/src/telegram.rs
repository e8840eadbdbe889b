//! Telegram's Bot API as a test needs it: the limits and refusals of the real one, and people who
//! press Start, tap buttons and answer. Texts, buttons, long polls and webhooks; no files, no
//! inline mode, no payments. What is asked for beyond that is refused and noted as a mistake.

mod about;
mod calls;
mod chat;
mod clock;
mod control;
mod door;
mod flood;
mod hands;
mod html;
mod keyboard;
mod methods;
mod parameters;
mod people;
mod refusal;
mod text;
mod updates;
mod webhook;
mod world;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use calls::Call;
pub use chat::{Author, Bot, Chat, Kind, Message, Person};
pub use flood::Limits;
pub use hands::Held;
pub use html::{Entity, Formatted};
pub use keyboard::{Button, ForceReply};
pub use people::Unable;
pub use refusal::Refusal;
pub use world::{Answer, World};

use crate::wire::{Incoming, Outgoing, Server};

/// How long a test waits for what should come at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// How it is started.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether webhooks may be `http://` and at any port, which Telegram never allows. The kit
    /// speaks no TLS, so nothing else is reached.
    pub allow_http_webhooks: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), allow_http_webhooks: false }
    }
}

/// A Telegram that runs until its last handle is dropped.
#[derive(Clone)]
pub struct Telegram {
    shared: Arc<Shared>,
    running: Arc<Running>,
}

struct Running {
    server: Server,
    shared: Arc<Shared>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for delivering in locked(&self.shared.delivering).drain(..) {
            delivering.abort();
        }
    }
}

struct Shared {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
    /// One for each bot, for its webhook.
    delivering: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    /// Has whoever waits look again.
    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn add_bot(self: &Arc<Self>, username: &str) -> Bot {
        let (bot, wake) = {
            let mut world = self.world();
            let bot = world.add_bot(username);
            let wake = world.accounts.get(&bot.id).map(|account| Arc::clone(&account.wake));
            (bot, wake.unwrap_or_default())
        };
        let delivering = webhook::deliver(Arc::downgrade(self), bot.id, wake);
        locked(&self.delivering).push(tokio::spawn(delivering));
        bot
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answering(
    shared: &Arc<Shared>,
) -> impl Fn(Incoming) -> std::pin::Pin<Box<dyn Future<Output = Outgoing> + Send>>
+ Clone
+ Send
+ Sync
+ 'static {
    let shared = Arc::clone(shared);
    move |incoming| Box::pin(door::answer(Arc::clone(&shared), incoming))
}

impl Telegram {
    /// Starts one on a free port of loopback, with Telegram's rules for webhooks.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn start() -> std::io::Result<Self> {
        Self::with(Options::default()).await
    }

    /// Starts one.
    ///
    /// # Errors
    /// If it cannot listen where it should.
    pub async fn with(options: Options) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(options.allow_http_webhooks)),
            changes: watch::channel(0).0,
            delivering: Mutex::default(),
        });
        let server = Server::start(options.listen, answering(&shared)).await?;
        let running = Arc::new(Running { server, shared: Arc::clone(&shared) });
        Ok(Self { shared, running })
    }

    /// What bots put before `/bot<token>/<method>`; without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.running.server.address())
    }

    /// Refuses connections from now on, and drops those there are.
    pub fn go_down(&self) {
        self.running.server.go_down();
    }

    /// Listens again, at the same address.
    ///
    /// # Errors
    /// If somebody else took the address.
    pub async fn come_up(&self) -> std::io::Result<()> {
        self.running.server.come_up(answering(&self.shared)).await
    }

    /// Looks at everything at one moment.
    pub fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.shared.world())
    }

    /// Waits until `found` finds something, looking again after every call and every change.
    ///
    /// # Errors
    /// If nothing was found for 20 seconds; the error's `Debug` shows all chats and the last calls.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        mut found: impl FnMut(&World) -> Option<T>,
    ) -> Result<T, InVain> {
        let mut changes = self.shared.changes.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = found(&self.shared.world()) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.ok().flatten().ok_or_else(|| {
            InVain(format!("waited in vain for {what}\n{}", self.shared.world().describe()))
        })
    }
}

/// What a test waited for did not come; shown with the state of everything.
pub struct InVain(String);

impl std::fmt::Debug for InVain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::fmt::Display for InVain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InVain {}

//! The way out of the process: looking up names and opening connections. Nothing else here does
//! either, and a connection is opened only to an address that was judged.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::rules::Permitted;

/// Look-ups at a time. Each holds a thread for as long as the system's resolver takes, which may
/// be longer than anybody waits for it, and those threads also read the database.
const LOOKUPS: usize = 64;

/// A connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// The network, or what stands for it in a test.
pub(super) trait Wire: Send + Sync {
    /// The addresses of a name, in the order in which to try them.
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
    /// Opens a connection to this very address.
    fn connect(&self, to: Permitted) -> BoxFuture<'static, io::Result<Box<dyn Stream>>>;
}

/// The machine's own resolver and network.
pub(super) struct SystemWire {
    lookups: Arc<Semaphore>,
}

impl Default for SystemWire {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Wire for SystemWire {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let lookups = Arc::clone(&self.lookups);
        let name = name.to_owned();
        Box::pin(async move {
            let turn = lookups.acquire_owned().await.map_err(io::Error::other)?;
            // The turn goes along: who gives up waiting does not end the thread.
            let looked = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|at| at.ip()).collect())
            });
            looked.await.map_err(io::Error::other)?
        })
    }

    fn connect(&self, to: Permitted) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(to.address()).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

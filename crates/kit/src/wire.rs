//! A bare HTTP server that can also misbehave: go down, come back at the same address, and drop a
//! connection instead of answering. What is answered is the caller's.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Longer bodies are dropped with their connection.
const LARGEST_BODY: usize = 1 << 20;

/// What came in.
pub(crate) struct Incoming {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// What goes out, or that the connection is to be dropped without a word.
pub(crate) enum Outgoing {
    Answer { status: u16, retry_after: Option<u64>, body: Bytes },
    Dropped,
}

/// One that listens until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    /// Connections end when this becomes false.
    up: watch::Sender<bool>,
    accepting: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Server {
    /// Listens at `listen` and has `answer` answer.
    ///
    /// # Errors
    /// If it cannot listen there.
    pub(crate) async fn start<A, F>(listen: SocketAddr, answer: A) -> std::io::Result<Self>
    where
        A: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Outgoing> + Send + 'static,
    {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (up, _) = watch::channel(true);
        let server = Self { address, up, accepting: Mutex::default() };
        server.accept(listener, answer);
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses connections from now on and drops those there are.
    pub(crate) fn go_down(&self) {
        if let Some(accepting) = self.lock().take() {
            accepting.abort();
        }
        self.up.send_replace(false);
    }

    /// Listens again where it did.
    ///
    /// # Errors
    /// If somebody else took the address.
    pub(crate) async fn come_up<A, F>(&self, answer: A) -> std::io::Result<()>
    where
        A: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Outgoing> + Send + 'static,
    {
        if *self.up.borrow() {
            return Ok(());
        }
        // The listener before closes when its task was dropped, which is soon, and not at once.
        let mut tries = 0;
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) if tries == 100 => return Err(error),
                Err(_) => tokio::task::yield_now().await,
            }
            tries += 1;
        };
        self.up.send_replace(true);
        self.accept(listener, answer);
        Ok(())
    }

    fn accept<A, F>(&self, listener: TcpListener, answer: A)
    where
        A: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Outgoing> + Send + 'static,
    {
        let up = self.up.subscribe();
        let accepting = tokio::spawn(async move {
            loop {
                // Out of files: whoever calls sees a connection that hangs, as everywhere.
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                tokio::spawn(serve(stream, answer.clone(), up.clone()));
            }
        });
        *self.lock() = Some(accepting);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<tokio::task::JoinHandle<()>>> {
        self.accepting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.go_down();
    }
}

/// Serves a connection until it ends, or the server goes down or away.
async fn serve<A, F>(stream: TcpStream, answer: A, mut up: watch::Receiver<bool>)
where
    A: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Outgoing> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let dropped = Arc::new(tokio::sync::Notify::new());
    let service = service_fn(|request| handle(request, answer.clone(), Arc::clone(&dropped)));
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = serving => {}
        () = dropped.notified() => {}
        _ = up.wait_for(|up| !up) => {}
    }
}

async fn handle<A, F>(
    request: Request<hyper::body::Incoming>,
    answer: A,
    dropped: Arc<tokio::sync::Notify>,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    A: Fn(Incoming) -> F,
    F: Future<Output = Outgoing>,
{
    let (head, body) = request.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let outgoing = match Limited::new(body, LARGEST_BODY).collect().await {
        Err(_) => Outgoing::Dropped,
        Ok(body) => {
            let incoming = Incoming {
                path: head.uri.path().to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                content_type: content_type.unwrap_or_default().to_owned(),
                body: body.to_bytes(),
            };
            answer(incoming).await
        }
    };
    let Outgoing::Answer { status, retry_after, body } = outgoing else {
        dropped.notify_one();
        // The connection is gone before this could end.
        return std::future::pending().await;
    };
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    Ok(response.body(Full::new(body)).unwrap_or_default())
}

/// Posts JSON to an `http://` URL by a connection of its own; returns the status.
///
/// # Errors
/// What went wrong, in words, if there was no whole answer.
pub(crate) async fn post(
    url: &url::Url,
    secret: Option<&str>,
    body: Bytes,
) -> Result<(u16, Bytes), String> {
    let host = url.host_str().ok_or("no host")?;
    let port = url.port_or_known_default().ok_or("no port")?;
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port))
        .await
        .map_err(|_| "Connection refused".to_owned())?;
    let _ = stream.set_nodelay(true);
    let spoken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = spoken.map_err(|error| error.to_string())?;
    let talking = tokio::spawn(connection);
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut request = Request::post(target)
        .header("host", format!("{host}:{port}"))
        .header(CONTENT_TYPE, "application/json")
        .header("connection", "close");
    if let Some(secret) = secret {
        request = request.header("x-telegram-bot-api-secret-token", secret);
    }
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    let told = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        Ok::<_, hyper::Error>((status, response.into_body().collect().await?.to_bytes()))
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(60), told).await;
    talking.abort();
    told.map_err(|_| "Read timeout expired".to_owned())?.map_err(|error| error.to_string())
}

//! The running server: opens the store, starts the workers, accepts connections, and on the way
//! out answers everyone who waits.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use askfirst_proof::SealingKey;
use askfirst_proof::key::KeyBits;
use askfirst_store::{Clock, Store};
use axum::Router;
use axum::middleware;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, error, info, warn};

use crate::app::{App, Reach};
use crate::config::limits::Limits;
use crate::http::visitor::Peer;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;
use crate::patience::{self, Patient, Punctual};
use crate::service::Service;
use crate::service::self_service::{SelfService, Strangers};
use crate::service::webhooks::Sender;
use crate::tls::Certificates;
use crate::traces::Traces;
use crate::wakeups::{self, Wakeups};
use crate::{http, metrics, turned_away, workers};

/// The most that is buffered for a connection's request heads; hyper's own default is 400 KiB.
const LARGEST_HEAD: usize = 16 * 1024;
/// How long connections have to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// What a server is started with.
pub struct Setup {
    /// Its state.
    pub store: Arc<dyn Store>,
    /// The key-encryption key.
    pub sealing: Arc<SealingKey>,
    /// Bits of a signing key that has to be made.
    pub signing_bits: KeyBits,
    /// How it is reached.
    pub reach: Reach,
    /// How much may be asked of it.
    pub limits: Limits,
    /// The clock that requests per minute go by; it never jumps.
    pub pace: Arc<dyn Clock>,
    /// The way out to webhooks.
    pub outgoing: Outgoing,
    /// Where what happens is told, if anywhere.
    pub traces: Option<Traces>,
    /// What strangers may; none where that is nothing.
    pub self_service: Option<SelfService>,
}

/// How a server came to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Asked,
    /// A commit failed with an unknown result; starting again reads the truth.
    StoreHalted,
    /// There is no key to sign with.
    NoSigningKey,
    /// TLS was wanted and cannot be spoken.
    NoTls,
}

/// Where a server takes connections, and whether they are protected.
pub struct Entrance {
    /// The socket.
    pub listener: TcpListener,
    /// With these, the server speaks TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// Where what is counted can be read, if anywhere.
    pub metrics: Option<TcpListener>,
}

impl From<TcpListener> for Entrance {
    fn from(listener: TcpListener) -> Self {
        Self { listener, certificates: None, metrics: None }
    }
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Asked => "asked to",
            Self::StoreHalted => "the store halted",
            Self::NoSigningKey => "no key to sign with",
            Self::NoTls => "TLS cannot be spoken",
        })
    }
}

/// A server whose workers run and that takes connections once [`Server::run`] is called.
pub struct Server {
    app: App,
    router: Router,
    /// Connections at a time.
    most: usize,
    stop: CancellationToken,
    halted: CancellationToken,
    keyless: CancellationToken,
    workers: TaskTracker,
}

impl Server {
    /// Starts the background work. Signing keys are opened, or made, meanwhile.
    #[must_use]
    pub fn start(setup: Setup) -> Self {
        let stop = CancellationToken::new();
        let halted = CancellationToken::new();
        let keyless = CancellationToken::new();
        let keyring = Arc::new(Keyring::default());
        let wakeups = Arc::new(Wakeups::default());
        let store = setup.store;
        let workers = TaskTracker::new();
        let service = Service::new(
            Arc::clone(&store),
            Arc::clone(&keyring),
            Arc::clone(&wakeups),
            stop.clone(),
            &setup.reach.public_url,
            &setup.limits,
            Arc::clone(&setup.pace),
        );
        let metrics = Metrics::traced(setup.traces.clone());
        let sender = Sender::new(setup.outgoing, Arc::clone(&setup.sealing));
        let metrics = Arc::new(metrics);
        let strangers = setup.self_service.map(|open| Strangers::new(open, setup.pace));
        let sending = Some(sender.clone());
        let service = Arc::new(Service { metrics, sender: sending, strangers, ..service });
        workers.spawn(wakeups::feed(wakeups, Arc::clone(&store), stop.clone(), halted.clone()));
        workers.spawn(workers::timers::run(
            Arc::clone(&store),
            Arc::clone(&service.metrics),
            stop.clone(),
        ));
        workers.spawn(workers::receipts::run(
            Arc::clone(&store),
            Arc::clone(&keyring),
            setup.reach.public_url.clone(),
            stop.clone(),
        ));
        workers.spawn(workers::webhooks::run(
            Arc::clone(&store),
            sender,
            Arc::clone(&service.metrics),
            stop.clone(),
        ));
        workers.spawn(workers::erasure::run(
            Arc::clone(&store),
            Arc::clone(&service.metrics),
            stop.clone(),
        ));
        workers.spawn(workers::newcomers::run(Arc::clone(service.store()), stop.clone()));
        workers.spawn(workers::notices::run(Arc::clone(&service), stop.clone()));
        workers.spawn(workers::listening::run(Arc::clone(&service), stop.clone()));
        workers.spawn(workers::farewells::run(Arc::clone(&service), stop.clone()));
        workers.spawn(workers::housekeeping::run(Arc::clone(&service), stop.clone()));
        let failed = keyless.clone();
        workers.spawn(async move {
            let loaded = keyring.load(&*store, setup.sealing, setup.signing_bits).await;
            if let Err(error) = loaded {
                error!(%error, "there is no key to sign receipts with");
                failed.cancel();
            }
        });
        let app = App { service, reach: Arc::new(setup.reach) };
        let router = router(app.clone(), setup.traces.as_ref());
        Self {
            app,
            router,
            most: setup.limits.connections as usize,
            stop,
            halted,
            keyless,
            workers,
        }
    }

    /// The use cases, for who stands at the console.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.app.service
    }

    /// Takes connections until `asked` ends or the store halts; then answers who waits, lets
    /// connections finish, and closes the store.
    pub async fn run(
        self,
        entrance: impl Into<Entrance>,
        asked: impl Future<Output = ()>,
    ) -> Stopped {
        let Entrance { listener, certificates, metrics } = entrance.into();
        let acceptor = certificates.as_ref().map(Certificates::acceptor).transpose();
        let acceptor = match acceptor {
            Ok(acceptor) => acceptor,
            Err(error) => {
                error!(%error, "TLS cannot be spoken");
                return self.stopped(Stopped::NoTls, &TaskTracker::new()).await;
            }
        };
        if let Some(certificates) = certificates {
            self.workers.spawn(certificates.keep_fresh(self.stop.clone()));
        }
        if let Some(listener) = metrics {
            let service = Arc::clone(&self.app.service);
            self.workers.spawn(metrics::page::run(listener, service, self.stop.clone()));
        }
        let (connections, away) = (TaskTracker::new(), TaskTracker::new());
        let mut full = false;
        tokio::pin!(asked);
        let why = loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) if connections.len() < self.most => {
                        full = false;
                        self.serve(&connections, stream, peer, acceptor.clone());
                    }
                    Ok((stream, peer)) => {
                        // Once, however many knock.
                        if !std::mem::replace(&mut full, true) {
                            warn!(%peer, connections = connections.len(), "no room for another");
                        }
                        // A handshake is more than there is time for.
                        if acceptor.is_none() && away.len() < turned_away::MOST {
                            away.spawn(turned_away::tell(stream));
                        }
                    }
                    Err(error) => {
                        // Out of file descriptors, mostly: a busy loop would make it worse.
                        warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                () = &mut asked => break Stopped::Asked,
                () = self.halted.cancelled() => break Stopped::StoreHalted,
                () = self.keyless.cancelled() => break Stopped::NoSigningKey,
            }
        };
        drop(listener);
        self.stopped(why, &connections).await
    }

    async fn stopped(self, why: Stopped, connections: &TaskTracker) -> Stopped {
        info!(%why, connections = connections.len(), "stopping");
        self.stop.cancel();
        connections.close();
        if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
            warn!(connections = connections.len(), "some connections did not finish in time");
        }
        self.workers.close();
        if tokio::time::timeout(DRAIN, self.workers.wait()).await.is_err() {
            warn!("some background work did not finish in time");
        }
        if let Some(traces) = &self.app.service.metrics().traces {
            traces.flush().await;
        }
        self.app.service.store().close().await;
        why
    }

    fn serve(
        &self,
        connections: &TaskTracker,
        stream: TcpStream,
        peer: SocketAddr,
        acceptor: Option<TlsAcceptor>,
    ) {
        if let Err(error) = settle_socket(&stream) {
            debug!(%error, %peer, "a socket option could not be set");
        }
        let (router, stop) = (self.router.clone(), self.stop.clone());
        connections.spawn(async move {
            let Some(acceptor) = acceptor else {
                return converse(Patient::new(stream), peer, router, stop).await;
            };
            let shaken =
                tokio::time::timeout(patience::HEAD, acceptor.accept(Patient::new(stream)));
            let shaken = tokio::select! {
                shaken = shaken => shaken,
                () = stop.cancelled() => return,
            };
            match shaken {
                Ok(Ok(stream)) => converse(stream, peer, router, stop).await,
                Ok(Err(error)) => debug!(%error, %peer, "a TLS handshake failed"),
                Err(_) => debug!(%peer, "a TLS handshake took too long"),
            }
        });
    }
}

/// Answers requests on one connection until either side has enough.
pub(crate) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        let router = router.clone();
        request.extensions_mut().insert(Peer(peer.ip()));
        async move {
            let response = router
                .oneshot(request.map(|body| axum::body::Body::new(Punctual::new(body))))
                .await;
            Ok::<_, Infallible>(match response {
                Ok(response) => response,
                Err(never) => match never {},
            })
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience::HEAD)
        .max_buf_size(LARGEST_HEAD)
        .keep_alive(true);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, %peer, "a connection broke");
    }
}

fn settle_socket(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    // Long polls outlive clients that vanish without a word; the kernel notices for us.
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(20));
    socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

fn router(app: App, traces: Option<&Traces>) -> Router {
    let routes = http::routes()
        .merge(crate::dialects::routes())
        .merge(crate::chat::hook::routes())
        .merge(crate::web::routes(&app))
        .layer(middleware::from_fn_with_state(app.clone(), http::front::pass));
    // Who wants no traces does not pay for them.
    let routes = match traces {
        Some(traces) => traces.around(routes, &app),
        None => routes,
    };
    routes.with_state(app)
}

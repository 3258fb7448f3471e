//! The listener: takes connections, lets none of them wait for ever, and ends each after the request that is on it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use entrain_model::Clock;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::HttpError;
use super::access::Peer;
use super::tls::{self, Certificate};
use crate::config::{HttpConfig, TlsConfig};

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 1024;

/// How long a handshake, and the head of a request, may take.
const GREETING: Duration = Duration::from_secs(10);

/// How long requests may go on once the process is told to stop.
const FAREWELL: Duration = Duration::from_secs(30);

/// How often the files of the certificate are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// A listener before its first connection.
pub(super) struct Listening {
    socket: TcpListener,
    address: SocketAddr,
    router: Router,
    clock: Arc<dyn Clock>,
    tls: Option<(TlsConfig, Certificate)>,
}

impl Listening {
    pub(super) async fn begin(
        config: &HttpConfig,
        address: SocketAddr,
        clock: Arc<dyn Clock>,
        router: Router,
    ) -> Result<Self, HttpError> {
        let tls = config.tls.clone().map(|files| tls::load(&files).map(|loaded| (files, loaded))).transpose()?;
        let failed = |error| HttpError::Listen(address, error);
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, router, clock, tls })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until told to stop, then until every connection has ended.
    pub(super) async fn serve(self, stopping: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let (places, mut connections) = (Arc::new(Semaphore::new(CONNECTIONS)), JoinSet::new());
        let acceptor = watch::Sender::new(self.tls.as_ref().map(|(_, loaded)| TlsAcceptor::from(Arc::clone(&loaded.config))));
        let mut stopping = std::pin::pin!(stopping);
        let mut reloading = std::pin::pin!(reload(self.tls, &acceptor, &*self.clock));
        loop {
            let accepted = tokio::select! {
                () = &mut stopping => break,
                () = &mut reloading => continue,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&self.socket, &places, &*self.clock) => accepted,
            };
            let Some((stream, peer, place)) = accepted else { continue };
            let (acceptor, router, stopped) = (acceptor.borrow().clone(), self.router.clone(), stopped.clone());
            connections.spawn(async move {
                meet(stream, acceptor, router.layer(Extension(Peer(peer))), stopped).await;
                drop(place);
            });
        }
        drop(self.socket);
        let _ = stop.send(true);
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout(FAREWELL, ended).await.is_err() {
            tracing::warn!(
                "some requests did not end in time and are cut; what they had begun to write is kept whole or not at all"
            );
        }
    }
}

/// Returns when the process is told to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stop| *stop).await);
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// The next connection, as soon as there is a place for it.
async fn accept(socket: &TcpListener, places: &Arc<Semaphore>, clock: &dyn Clock) -> Option<(TcpStream, SocketAddr, Place)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!("a connection could not be accepted: {error}");
            clock.sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Takes a changed certificate into use. One that is wrong is told, and the one before stays.
async fn reload(tls: Option<(TlsConfig, Certificate)>, acceptor: &watch::Sender<Option<TlsAcceptor>>, clock: &dyn Clock) {
    let Some((files, Certificate { mut digest, .. })) = tls else { return std::future::pending().await };
    loop {
        clock.sleep(LOOK).await;
        let Some(now) = tls::digest(&files).filter(|now| *now != digest) else { continue };
        digest = now;
        match tls::load(&files) {
            Ok(loaded) => {
                acceptor.send_replace(Some(TlsAcceptor::from(loaded.config)));
                tracing::info!("new connections get the changed certificate");
            }
            Err(error) => tracing::error!("the changed certificate is not used, and the one before it stays: {error}"),
        }
    }
}

async fn meet(stream: TcpStream, acceptor: Option<TlsAcceptor>, router: Router, stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => converse(stream, router, stopped).await,
        Some(acceptor) => match timeout(GREETING, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, router, stopped).await,
            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        },
    }
}

async fn converse<S>(stream: S, router: Router, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(GREETING);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(GREETING).keep_alive_timeout(GREETING);
    server.http2().max_concurrent_streams(100).max_header_list_size(64 << 10);
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}

//! The listener: accepts connections until it is told to stop, and takes them all down with it.

use super::exchange;
use crate::tenants::Tenants;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What connections share.
#[derive(Debug)]
pub(crate) struct Hub {
    /// The emulator.
    pub(crate) tenants: Tenants,
    /// Rung when someone asks the emulator to end.
    pub(crate) end: Notify,
}

/// The connection on which a request came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<Notify>);

impl Connection {
    /// Cuts it, with everything that is on it.
    pub(crate) fn cut(&self) {
        self.0.notify_one();
    }
}

/// What is behind a socket.
#[derive(Clone)]
pub(crate) enum Door {
    /// Graph, sign-in and the control plane, over TLS.
    Tls(TlsAcceptor),
    /// The managed identity endpoints, which speak plain HTTP.
    Machine,
}

/// A listener at work. Dropping it takes it down.
#[derive(Debug)]
pub(crate) struct Listener {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Serves connections of a socket.
    pub(crate) fn start(socket: TcpListener, door: Door, hub: Arc<Hub>) -> Listener {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(socket, door, hub, stopped));
        Listener { stop, task }
    }

    /// Closes the socket and cuts every connection; returns when the port is free.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.send(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

async fn accept(socket: TcpListener, door: Door, hub: Arc<Hub>, mut stopped: watch::Receiver<bool>) {
    let router = match door {
        Door::Tls(_) => Router::new().fallback(exchange::answer),
        Door::Machine => Router::new().fallback(exchange::machine),
    };
    let router = router.with_state(hub.clone());
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                hub.tenants.first().stats.connected();
                tokio::spawn(serve(stream, door.clone(), router.clone(), stopped.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                breathe().await;
            }
        }
    }
}

/// Out of file handles: connections must end before another can begin.
#[expect(clippy::disallowed_methods, reason = "nothing tells when a file handle is free again")]
async fn breathe() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn serve(stream: TcpStream, door: Door, router: Router, mut stopped: watch::Receiver<bool>) {
    let connection = Connection::default();
    let cut = connection.clone();
    let service = TowerToHyperService::new(router.layer(Extension(connection)));
    let serving = async {
        let _ = stream.set_nodelay(true);
        let server = auto::Builder::new(TokioExecutor::new());
        let ended = match door {
            Door::Machine => server.serve_connection(TokioIo::new(stream), service).await,
            Door::Tls(acceptor) => match acceptor.accept(stream).await {
                Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await,
                Err(error) => return tracing::debug!(%error, "a TLS handshake failed"),
            },
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    };
    tokio::select! {
        () = serving => {}
        () = cut.0.notified() => {}
        _ = stopped.changed() => {}
    }
}

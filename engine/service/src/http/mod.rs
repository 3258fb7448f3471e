//! The server that all ways in are mounted on: who may enter, how much, and how it ends.
//!
//! A request passes, from the outside in: its connection (TLS, timeouts), its frame (id, time, size, panic, headers), the
//! door that it comes to (who is it, how often), and the router behind the door.

pub mod access;
mod frame;
mod health;
mod listen;
mod mount;
mod origin;
mod pace;
pub mod problem;
mod refusals;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use entrain_model::Clock;
use entrain_store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Config, HttpConfig};
use crate::metrics::Metrics;
pub(crate) use access::Drawn;
pub use access::Role;
pub(crate) use access::{Cookie, Lasting, Visit, Visitors};
use listen::Listening;
pub(crate) use mount::Mounted;
pub(crate) use origin::Origin;
use pace::Paces;
use refusals::Refusals;

/// Why the server cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be listened at.
    #[error("{0} (http.listen) cannot be listened at: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The certificate or its key cannot be used.
    #[error("{0} (http.tls): {1}")]
    Certificate(PathBuf, String),
}

/// What all requests share.
pub(crate) struct Http {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    visitors: Option<Visitors>,
    strangers: u32,
    paces: Paces,
    refusals: Refusals,
    stopping: AtomicBool,
}

impl Http {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, metrics: Arc<Metrics>, config: &Config) -> Arc<Self> {
        let paces = Paces::new(Arc::clone(&clock));
        let visitors =
            config.access.oidc.as_ref().map(|oidc| Visitors { idle: config.access.sessions.idle, rules: oidc.rules() });
        let (strangers, stopping) = (config.http.strangers, AtomicBool::new(false));
        Arc::new(Self { store, clock, metrics, visitors, strangers, paces, refusals: Refusals::default(), stopping })
    }

    /// Listens; the address that it listens at. Connections end when told to stop, each after the request that is on it.
    pub(crate) async fn start(
        self: &Arc<Self>,
        config: &HttpConfig,
        address: SocketAddr,
        mounted: Mounted,
        tasks: &mut JoinSet<()>,
        stop: &watch::Sender<bool>,
    ) -> Result<SocketAddr, HttpError> {
        let router = frame::around(mount::mount(self, mounted), self)
            .layer(axum::middleware::from_fn_with_state(origin::Origins::of(config), origin::note));
        let listening = Listening::begin(config, address, Arc::clone(&self.clock), router).await?;
        let (local, http, mut stopped) = (listening.address(), Arc::clone(self), stop.subscribe());
        tasks.spawn(Arc::clone(self).keep_refusals(stop.subscribe()));
        tasks.spawn(async move {
            let stopping = async {
                drop(stopped.wait_for(|stop| *stop).await);
                http.stopping.store(true, Ordering::SeqCst);
            };
            listening.serve(stopping).await;
            http.write_refusals().await;
        });
        Ok(local)
    }
}

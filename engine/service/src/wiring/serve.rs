//! The service: its targets, its ways in, and what looks after it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use entrain_entra::Observer;
use entrain_model::Clock;
use entrain_store::{Store, StoreError};
use entrain_sync::{Direct, Engine};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_cron_scheduler::{JobScheduler, JobSchedulerError};

use super::Keeper;
use super::served::Shared;
use super::watch::Watch;
use crate::alarms::WebhookError;
use crate::api::{self, Api, Routers};
use crate::config::Config;
use crate::hooks::{self, Events, Keyring};
use crate::http::{Http, HttpError, Mounted};
use crate::metrics::{self, Metrics};
use crate::scim::{self, SchemasError, Scim};
use crate::sign_in::{self, ProviderError};

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ticker failed.
    #[error("the schedule cannot be started: {0}")]
    Schedule(#[from] JobSchedulerError),
    /// The address for figures cannot be listened at.
    #[error("figures cannot be shown at {0} (metrics.listen): {1}")]
    Metrics(SocketAddr, std::io::Error),
    /// A webhook cannot be used.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The schemas of SCIM cannot be used.
    #[error(transparent)]
    Scim(#[from] SchemasError),
    /// The identity provider of people cannot be used.
    #[error(transparent)]
    SignIn(#[from] ProviderError),
    /// The server cannot begin.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// A service under way.
pub struct Service {
    engine: Engine,
    stop: watch::Sender<bool>,
    ticker: JobScheduler,
    tasks: JoinSet<()>,
    figures: Option<SocketAddr>,
    http: Option<SocketAddr>,
}

impl Service {
    /// Starts all targets. Their configuration is that of the database; without one there, that of the file becomes it. `file` is
    /// watched for what it says otherwise, and the scripts that targets name are.
    pub async fn start(
        config: &Config,
        file: Option<&Path>,
        store: Store,
        clock: Arc<dyn Clock>,
        direct: Arc<dyn Direct>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Service, ServeError> {
        let (stop, _) = watch::channel(false);
        let engine =
            Engine::new(store, Arc::clone(&clock), &format!("serve-{}", std::process::id())).ending_with(stop.subscribe());
        let ticker = JobScheduler::new().await?;
        let mut tasks = JoinSet::new();
        let shared = Shared { engine: engine.clone(), clock: Arc::clone(&clock), observer, direct, ticker: ticker.clone() };
        let keeper = Keeper::begin(shared, config, file).await?;
        let targets = keeper.targets();
        tasks.spawn(Arc::clone(&keeper).run(stop.subscribe()));
        let metrics = Arc::new(Metrics { store: engine.store().clone(), targets: Arc::clone(&targets) });
        let mut figures = None;
        if let Some(address) = config.metrics.listen {
            let failed = |error| ServeError::Metrics(address, error);
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            figures = Some(listener.local_addr().map_err(failed)?);
            let (metrics, mut stopped) = (Arc::clone(&metrics), stop.subscribe());
            tasks.spawn(metrics::serve(listener, metrics, async move { drop(stopped.changed().await) }));
        }
        let keys = Arc::new(Keyring::new(config.clone(), engine.store().clone()));
        let mut http = None;
        if let Some(address) = config.http.listen {
            let shared = Http::new(engine.store().clone(), Arc::clone(&clock), metrics, config);
            let source = engine.store().clone().acting_as("scim");
            let scim = Scim::new(source, Arc::clone(&clock), scim::catalog(&config.scim)?);
            let events = Events { http: Arc::clone(&shared), scim: scim.clone(), keys: Arc::clone(&keys) };
            let (api, waiting) = Api::new(engine.clone(), Arc::clone(&clock), keeper);
            tasks.spawn(api::keep(waiting, stop.subscribe()));
            let Routers { api, open } = api.routers();
            let auth = sign_in::router(&shared, &config.access, &clock)?;
            let mounted = Mounted { scim: scim::behind_door(scim), api, events: hooks::router(events), auth, open };
            http = Some(shared.start(&config.http, address, mounted, &mut tasks, &stop).await?);
        }
        Watch::new(config, engine.store().clone(), clock, targets, keys)?.start(&mut tasks, &stop);
        ticker.start().await?;
        Ok(Service { engine, stop, ticker, tasks, figures, http })
    }

    /// The engine beneath.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where figures are to be had.
    pub fn figures(&self) -> Option<SocketAddr> {
        self.figures
    }

    /// Where all ways in are to be had.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Ends: what is on the wire is finished and recorded, nothing new begins.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Err(error) = self.ticker.shutdown().await {
            tracing::warn!("the schedule did not end in order: {error}");
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

//! What most commands begin with: the configuration, the database, the engine, a target.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use entrain_model::Clock;
use entrain_store::{Put, Store};
use entrain_sync::{Engine, Target};
use secrecy::ExposeSecret as _;

use super::args::Global;
use super::logging;
use crate::acts::scripts::Bench;
use crate::config::{CloudConfig, Config, SourcedError, TargetConfig};
use crate::vault;
use crate::wiring::{FastClock, SystemClock, connect_in_force};

/// Arguments that do not fit the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// A command's surroundings.
pub(super) struct Session {
    pub(super) config: Config,
    pub(super) file: PathBuf,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
}

impl Session {
    /// Reads the configuration and opens the database; the log goes to the standard error, warnings only.
    pub(super) async fn open(global: &Global) -> anyhow::Result<Session> {
        let mut config = Config::load(&global.config)?;
        logging::start(&config.log, logging::Volume::Quiet, None)?;
        let clock = clock(global, &config)?;
        let operator = std::env::var("USER").unwrap_or_else(|_| "operator".to_owned());
        let store = store(&config, Arc::clone(&clock)).await?.acting_as(&operator);
        vault::unseal(&mut config, &store).await;
        Ok(Session { config, file: global.config.clone(), store, clock })
    }

    /// The same for somebody: what is done with it stands in the audit under this name.
    pub(super) fn acting_as(mut self, name: &str) -> Self {
        self.store = self.store.acting_as(name);
        self
    }

    pub(super) fn engine(&self) -> Engine {
        Engine::new(self.store.clone(), Arc::clone(&self.clock), &format!("command-{}", std::process::id()))
    }

    /// What work on the scripts of a target is done with.
    pub(super) fn bench<'a>(&self, config: &'a TargetConfig) -> Bench<'a> {
        Bench { engine: self.engine(), clock: Arc::clone(&self.clock), config }
    }

    /// The target of that name, or all of them.
    pub(super) fn targets(&self, name: Option<&str>) -> Result<Vec<&TargetConfig>, Usage> {
        let known = || self.config.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ");
        match name {
            None if self.config.targets.is_empty() => {
                Err(Usage(format!("{} has no [[target]] block; `entrain init` shows what one looks like", self.file.display())))
            }
            None => Ok(self.config.targets.iter().collect()),
            Some(name) => match self.config.target(name) {
                Some(target) => Ok(vec![target]),
                None => Err(Usage(format!("{} has no target `{name}`; it has: {}", self.file.display(), known()))),
            },
        }
    }

    /// The target of that name, or the only one.
    pub(super) fn only_target(&self, name: Option<&str>) -> Result<&TargetConfig, Usage> {
        match self.targets(name)?[..] {
            [target] => Ok(target),
            _ => Err(Usage("there are several targets; name one".to_owned())),
        }
    }

    /// A target ready to run, registered in the database. A halt ends if configuration or scripts have changed and pass now.
    pub(super) async fn connect(&self, config: &TargetConfig) -> anyhow::Result<Arc<Target>> {
        let target = connect_in_force(&self.store, config, Arc::clone(&self.clock), None).await?.target;
        let put = self.store.put_target(&target.name, target.mode, &target.config_digest, target.mapping.version()).await?;
        if put == Put::Changed {
            self.engine().release(&target).await?;
        }
        Ok(target)
    }
}

/// The clock that is asked for. A fast one is refused wherever it would do harm: a real tenant counts in real seconds, and
/// PostgreSQL has a clock of its own.
pub(super) fn clock(global: &Global, config: &Config) -> anyhow::Result<Arc<dyn Clock>> {
    if global.clock_rate == 1 {
        return Ok(Arc::new(SystemClock));
    }
    if let Some(target) = config.targets.iter().find(|target| !matches!(target.cloud, CloudConfig::Custom { .. })) {
        let name = &target.name;
        return Err(Usage(format!("--clock-rate is for emulators, and target `{name}` is no `custom` cloud")).into());
    }
    let url = config.store.url.read("the URL of the database").map_err(|error: SourcedError| Usage(error.to_string()))?;
    if !url.expose_secret().starts_with("sqlite:") {
        return Err(Usage("--clock-rate needs a SQLite database: PostgreSQL keeps its own time".to_owned()).into());
    }
    Ok(Arc::new(FastClock::new(global.clock_rate)))
}

/// Opens the database that the configuration names.
pub(super) async fn store(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Store> {
    let url = config.store.url.read("the URL of the database").map_err(|error: SourcedError| Usage(error.to_string()))?;
    let store = Store::open(url.expose_secret(), clock).await.context("the command needs the database")?;
    Ok(store.approved_by(config.approvers).redacting(config.audit.redact.iter().cloned()))
}

//! Keeps what is served as the database says. The file of the process is the first configuration, and after that only compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Mode, TargetName};
use entrain_store::{Adopted, Halt, HaltKind, Settings, StoreError};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_cron_scheduler::JobSchedulerError;
use uuid::Uuid;

use super::reload::content;
use super::served::Shared;
use super::{ServeError, Served, Targets};
use crate::acts::settings::{Stored, differing, remedy, sealed};
use crate::config::{Block, Config, TargetConfig};
use crate::vault;

/// How often the database, and the file, are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What keeps them so.
pub(crate) struct Keeper {
    shared: Shared,
    /// The file of the process; its targets do not count here.
    config: Config,
    file: Option<PathBuf>,
    targets: Arc<Targets>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The revision that is served.
    revision: i64,
    /// What the file says of targets, and its content.
    blocks: Vec<Block>,
    content: [u8; 32],
    /// The tick of each target that is served.
    ticks: BTreeMap<TargetName, Uuid>,
    /// What cannot be used on this machine, and why.
    unusable: BTreeMap<TargetName, String>,
    /// Of the sealed secrets that each target names, which text of theirs is in use.
    sealed: BTreeMap<TargetName, Vec<Option<String>>>,
    tasks: JoinSet<()>,
}

impl Keeper {
    /// Takes the configuration of the database, or that of the file as the first one, and serves its targets.
    pub(super) async fn begin(shared: Shared, config: &Config, file: Option<&Path>) -> Result<Arc<Self>, ServeError> {
        let store = shared.engine.store();
        let blocks: Vec<_> = config.blocks.iter().map(|block| (block.name.clone(), block.body.clone())).collect();
        let empty = store.settings_revision().await? == 0 && !blocks.is_empty();
        if empty && store.adopt_settings(&blocks).await? == Adopted::Taken {
            tracing::info!(
                targets = blocks.len(),
                "the targets of the file are the configuration in the database from now on; `entrain config apply` takes later changes of the file"
            );
        }
        let file = file.map(Path::to_owned);
        // Whoever edits the file from here on is noticed: its content counts as unknown.
        let state = State { blocks: config.blocks.clone(), ..State::default() };
        let config = Config { targets: Vec::new(), ..config.clone() };
        let keeper = Self { shared, config, file, targets: Arc::default(), state: Mutex::new(state) };
        keeper.refresh().await?;
        Ok(Arc::new(keeper))
    }

    /// What is served.
    pub(crate) fn targets(&self) -> Arc<Targets> {
        Arc::clone(&self.targets)
    }

    /// What the process was started with.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Looks again and again, until it is told to stop; then ends all targets.
    pub(super) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut told = false;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.shared.clock.sleep(LOOK) => {}
            }
            let looked = self.look().await;
            if let (Err(error), false) = (&looked, told) {
                tracing::error!(
                    "the configuration could not be taken from the database; that is tried again every second: {error}"
                );
            }
            told = looked.is_err();
        }
        for (_, served) in self.targets.all() {
            served.stop();
        }
        let mut state = self.state.lock().await;
        while state.tasks.join_next().await.is_some() {}
    }

    async fn look(&self) -> Result<(), ServeError> {
        self.read_file().await;
        let (revision, unusable) = {
            let state = self.state.lock().await;
            (state.revision, !state.unusable.is_empty())
        };
        if unusable || self.shared.engine.store().settings_revision().await? != revision {
            self.refresh().await?;
        }
        Ok(())
    }

    /// What the file says now. One that is wrong says nothing new.
    async fn read_file(&self) {
        let mut state = self.state.lock().await;
        let Some(file) = &self.file else { return };
        let now = content(std::slice::from_ref(file));
        if now == state.content {
            return;
        }
        state.content = now;
        match Config::load(file) {
            Ok(config) => {
                state.blocks = config.blocks;
                // Compared with the database by the refresh that this asks for.
                state.revision = -1;
            }
            Err(error) => tracing::error!("the changed configuration is wrong, and would not be taken: {error}"),
        }
    }

    /// Makes what is served as the database says, all of it seen at one moment.
    pub(crate) async fn refresh(&self) -> Result<(), ServeError> {
        let mut state = self.state.lock().await;
        let store = self.shared.engine.store();
        let settings = store.settings().await?;
        while state.tasks.try_join_next().is_some() {}
        self.compare_file(&state.blocks, &settings);
        let Stored { targets, unusable } = Stored::of(&settings, &self.config.folder);
        for name in state.ticks.keys().cloned().collect::<Vec<_>>() {
            if !settings.targets.iter().any(|row| row.name == name) {
                self.end(&mut state, &name).await?;
            }
        }
        for (name, why) in &unusable {
            self.refuse(&state, name, why).await?;
        }
        let mut config = Config { targets, ..self.config.clone() };
        vault::unseal(&mut config, store).await;
        for target in config.targets {
            let name = target.name.clone();
            let sealed = self.sealed(&settings, &name).await?;
            let again = state.unusable.contains_key(&name) || state.sealed.get(&name) != Some(&sealed);
            self.serve(&mut state, target, again).await?;
            state.sealed.insert(name, sealed);
        }
        state.unusable = unusable.into_iter().collect();
        state.revision = settings.revision;
        Ok(())
    }

    /// What tells texts of the sealed secrets that a target names from others: nonces are never used twice.
    async fn sealed(&self, settings: &Settings, name: &TargetName) -> Result<Vec<Option<String>>, StoreError> {
        let mut nonces = Vec::new();
        for secret in settings.targets.iter().find(|row| row.name == *name).map(sealed).unwrap_or_default() {
            let row = self.shared.engine.store().secret(&secret).await?;
            nonces.push(row.map(|row| row.sealed.nonce));
        }
        Ok(nonces)
    }

    async fn serve(&self, state: &mut State, config: TargetConfig, again: bool) -> Result<(), ServeError> {
        let name = config.name.clone();
        if let Some(served) = self.targets.one(&name) {
            if served.config().revision != config.revision || again {
                tracing::info!(target = %name, revision = config.revision, "the configuration of the target, or a secret of it, was changed");
                served.reconfigure(config).await?;
            }
            return Ok(());
        }
        let served = Served::new(&self.shared, config);
        served.load().await?;
        let tick = served.start(&self.shared.ticker, &mut state.tasks).await?;
        state.ticks.insert(name.clone(), tick);
        self.targets.add(name, served);
        Ok(())
    }

    /// A removed target: its tasks end by themselves, after what they are at.
    async fn end(&self, state: &mut State, name: &TargetName) -> Result<(), JobSchedulerError> {
        if let Some(served) = self.targets.one(name) {
            served.stop();
        }
        if let Some(tick) = state.ticks.remove(name) {
            self.shared.ticker.remove(&tick).await?;
        }
        self.targets.remove(name);
        tracing::info!(target = %name, "the target was removed; its tenant is left as it is");
        Ok(())
    }

    /// A configuration that cannot be used on this machine halts its target: else some replicas would go by it and others not.
    async fn refuse(&self, state: &State, name: &TargetName, why: &str) -> Result<(), StoreError> {
        if state.unusable.get(name).is_some_and(|told| told == why) {
            return Ok(());
        }
        tracing::error!(target = %name, "the configuration of the target cannot be used here: {why}");
        let store = self.shared.engine.store();
        let mode = self.targets.one(name).map_or(Mode::Observe, |served| served.config().mode);
        store.put_target(name, mode, "", "").await?;
        let halt = Halt {
            kind: HaltKind::Configuration,
            script: None,
            line: None,
            column: None,
            object: None,
            message: format!("{why}. Mend that on this machine, or change the configuration: `entrain config apply`"),
            input: None,
            since: store.now(),
            leavers_waiting: store.queue_depth(name).await?.removals,
        };
        store.halt(name, &halt).await
    }

    fn compare_file(&self, blocks: &[Block], settings: &Settings) {
        let names = differing(settings, blocks);
        let named = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let some = !names.is_empty();
        if self.targets.note_differing(names) {
            if some {
                tracing::warn!(targets = named, "{}", remedy(self.file.as_deref()));
            } else {
                tracing::info!("the file and the database say the same of every target");
            }
        }
    }
}

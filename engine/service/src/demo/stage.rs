//! What the demonstration needs: a folder, a source with an organisation in it, a tenant that has some of it already.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use entrain_emulator::{Domain, Emulator, Running};
use entrain_entra::Observer;
use entrain_model::{Clock, ObjectRef};
use entrain_store::Store;
use entrain_sync::{Direct, Engine, Report, SyncError, Target};
use serde_json::json;
use tokio::sync::watch;

use super::requests::Requests;
use super::{Options, Organisation};
use crate::config::Config;
use crate::wiring::{ServeError, Service, SystemClock, connect};

const DOMAIN: &str = "contoso.example";
/// Source changes that are written at a time.
const PAGE: usize = 500;

/// Everything, ready to run.
pub(super) struct Stage {
    pub(super) emulator: Running,
    pub(super) store: Store,
    pub(super) engine: Engine,
    pub(super) target: Arc<Target>,
    pub(super) organisation: Organisation,
    pub(super) requests: Arc<Requests>,
    config: Config,
    folder: Folder,
}

/// A folder that is removed with this value.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("{} could not be removed: {error}", self.0.display());
        }
    }
}

impl Stage {
    /// Sets everything up.
    pub(super) async fn set(options: &Options) -> anyhow::Result<Self> {
        let folder = Folder(folder()?);
        let emulator = Emulator::start(entrain_emulator::Options {
            domains: vec![Domain::managed(DOMAIN)],
            ca_directory: Some(folder.0.clone()),
            seed: options.seed,
            ..entrain_emulator::Options::default()
        })
        .await?;
        let organisation = Organisation::generate(options.users, options.seed, DOMAIN);
        let seeded = emulator.control("POST", "seed", &organisation.seed());
        seeded.map_err(|error| anyhow::anyhow!("the tenant could not be filled: {error}"))?;
        let config = configuration(&folder.0, &emulator)?;

        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let url = format!("sqlite://{}/entrain.sqlite3", folder.0.display());
        let store = Store::open(&url, Arc::clone(&clock)).await?;
        fill(&store, &organisation).await?;
        let requests = Arc::new(Requests::default());
        let target_config = config.target("demo").context("the demonstration has a target")?;
        let target = connect(target_config, Arc::clone(&clock), Some(Arc::clone(&requests) as Arc<dyn Observer>))?.target;
        store.put_target(&target.name, target.mode, &target.config_digest, target.mapping.version()).await?;
        let engine = Engine::new(store.clone(), clock, "demo");
        Ok(Self { emulator, store, engine, target, organisation, requests, config, folder })
    }

    /// Where its files are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// The service over the same folder, as `entrain serve` runs it.
    pub(super) async fn serve(&self) -> Result<Service, ServeError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let file = self.folder.0.join("entrain.toml");
        Service::start(&self.config, Some(&file), self.store.clone(), clock, Arc::new(Unheard), None).await
    }

    /// A worker for direct sync; it ends when the sender is dropped or told so.
    pub(super) fn work(&self) -> (tokio::task::JoinHandle<()>, watch::Sender<bool>) {
        let (stop, stopped) = watch::channel(false);
        let (keep, target) = watch::channel(Arc::clone(&self.target));
        let worker = entrain_sync::Worker::new(self.engine.clone(), target, Arc::new(Unheard), Arc::new(entrain_sync::Silent));
        let task = tokio::spawn(async move {
            worker.run(stopped, watch::channel(true).1).await;
            drop(keep);
        });
        (task, stop)
    }
}

/// Nobody needs to be told: the requests are shown as they go.
struct Unheard;

impl Direct for Unheard {
    fn synced(&self, _: &BTreeSet<ObjectRef>, _: &Result<Report, SyncError>) {}
}

fn folder() -> anyhow::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("entrain-demo-{}", std::process::id()));
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    Ok(path)
}

async fn fill(store: &Store, organisation: &Organisation) -> anyhow::Result<()> {
    let mut writer = store.source_writer().await?;
    let changes: Vec<_> = organisation.changes().collect();
    for page in changes.chunks(PAGE) {
        writer.apply(page).await?;
    }
    Ok(writer.commit().await?)
}

/// Writes the configuration that `entrain serve` would be given, and reads it.
fn configuration(folder: &Path, emulator: &Running) -> anyhow::Result<Config> {
    std::fs::write(folder.join("secret"), &emulator.client_secret)?;
    let text = format!(
        r#"# The configuration of a demonstration.
[store]
url = {store}

[[target]]
name = "demo"
tenant = {tenant}
cloud = "custom"
mode = "full"

[target.endpoints]
authority = {authority}
graph = {graph}
ca_file = "ca.pem"

[target.credential]
client_id = {client}
secret = {{ file = "secret" }}

[target.scope]
service_accounts = "include"

# A third of those whom the tenant knows already have another login there, and whoever watches for long sees everybody
# change. Elsewhere somebody would have to approve that.
[target.limits]
rename = {{ count = 1000000, percent = 100.0, minimum_population = 1000000 }}
change."*" = {{ count = 1000000, percent = 100.0, minimum_population = 1000000 }}
add_reference = {{ count = 1000000, percent = 100.0, minimum_population = 1000000 }}
add_reference_to_group = {{ count = 1000000, percent = 100.0, minimum_population = 1000000 }}

# The emulator counts no quota in a demonstration.
[target.graph]
writes_per_150_seconds = 1000000000
units_per_10_seconds = 1000000000
"#,
        store = json!(format!("sqlite://{}/entrain.sqlite3", folder.display())),
        tenant = json!(emulator.tenant_id),
        authority = json!(emulator.authority_url),
        graph = json!(emulator.base_url),
        client = json!(emulator.client_id),
    );
    let path = folder.join("entrain.toml");
    std::fs::write(&path, &text)?;
    Ok(Config::parse(&text, &path)?)
}

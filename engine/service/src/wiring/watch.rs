//! What the service does beside syncing: it looks for alarms and tells them, and keeps the audit no longer than it should.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entrain_model::{Clock, Credentials, TargetName};
use entrain_store::{Store, StoreError};
use entrain_sync::Target;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::alarms::{Courier, Expiry, Watched, WebhookError, look, said};
use crate::config::{AlarmsConfig, AuditConfig, Config};
use crate::hooks::{Keyring, Teller};

/// How often the database is looked at for alarms.
const LOOK: Duration = Duration::from_secs(2);
/// How often webhooks are told what is due.
const TELL: Duration = Duration::from_secs(1);
/// How often old messages of hooks are forgotten.
const FORGET: Duration = Duration::from_secs(5 * 60);
/// How often old rows are looked for, and the ends of credentials are read.
const KEEP: Duration = Duration::from_secs(6 * 3600);
/// After a failure the credentials are read again this soon.
const AGAIN: Duration = Duration::from_secs(5 * 60);
/// How long alarms that are over are remembered.
const PAST: Duration = Duration::from_secs(90 * 24 * 3600);

/// A target as it is now, once it could be connected.
pub(super) type Newest = watch::Receiver<Option<Arc<Target>>>;

/// Watches all targets of a service.
pub(super) struct Watch {
    store: Store,
    clock: Arc<dyn Clock>,
    audit: AuditConfig,
    alarms: AlarmsConfig,
    courier: Courier,
    teller: Teller,
    targets: BTreeMap<TargetName, Newest>,
    expiry: Mutex<BTreeMap<TargetName, Vec<Expiry>>>,
}

impl Watch {
    /// Reads the secrets of the webhooks.
    pub(super) fn new(
        config: &Config,
        store: Store,
        clock: Arc<dyn Clock>,
        targets: BTreeMap<TargetName, Newest>,
        keys: Arc<Keyring>,
    ) -> Result<Self, WebhookError> {
        let courier = Courier::new(store.clone(), Arc::clone(&clock), &config.alarms.webhooks)?;
        let teller = Teller::new(store.clone(), Arc::clone(&clock), keys)?;
        let (audit, alarms) = (config.audit.clone(), config.alarms.clone());
        Ok(Self { store, clock, audit, alarms, courier, teller, targets, expiry: Mutex::default() })
    }

    /// Begins, each part by itself: none waits for another, and no sync for any.
    pub(super) fn start(self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        let watch = Arc::new(self);
        let (one, stopped) = (Arc::clone(&watch), stop.subscribe());
        tasks.spawn(async move { one.repeat(LOOK, stopped, "alarms could not be looked for", || one.look()).await });
        let (one, stopped) = (Arc::clone(&watch), stop.subscribe());
        tasks.spawn(async move { one.repeat(TELL, stopped, "webhooks could not be told", || one.courier.carry()).await });
        let (one, stopped) = (Arc::clone(&watch), stop.subscribe());
        tasks.spawn(async move { one.repeat(TELL, stopped, "receivers of hooks could not be told", || one.teller.tell()).await });
        let (one, stopped) = (Arc::clone(&watch), stop.subscribe());
        tasks.spawn(async move {
            one.repeat(FORGET, stopped, "what hooks said could not be forgotten", || one.teller.forget()).await
        });
        let (one, stopped) = (Arc::clone(&watch), stop.subscribe());
        tasks.spawn(async move { one.repeat(KEEP, stopped, "old rows could not be looked for", || one.keep()).await });
        let stopped = stop.subscribe();
        tasks.spawn(async move { watch.read_credentials(stopped).await });
    }

    async fn repeat<F: Future<Output = Result<(), StoreError>>>(
        &self,
        every: Duration,
        mut stop: watch::Receiver<bool>,
        failure: &str,
        step: impl Fn() -> F,
    ) {
        loop {
            if let Err(error) = step().await {
                tracing::warn!("{failure}, and that is tried again: {error}");
            }
            tokio::select! {
                _ = stop.changed() => return,
                () = self.clock.sleep(every) => {}
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        for (name, newest) in &self.targets {
            let expiry = self.expiry.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
            let passed_over = newest.borrow().as_ref().and_then(|target| target.directory.passed_over());
            let watched = Watched { target: name.clone(), expiry, passed_over };
            said(&look(&self.store, &self.alarms, &watched).await?);
        }
        let names: Vec<TargetName> = self.targets.keys().cloned().collect();
        said(&self.store.clear_alarms_beside(&names).await?);
        Ok(())
    }

    async fn keep(&self) -> Result<(), StoreError> {
        if let Some(age) = self.audit.redact_after {
            let redacted = self.store.redact_audit_older(age).await?;
            tracing::info!(rows = redacted.rows, values = redacted.values, "old values of the audit are gone");
        }
        if let Some(age) = self.audit.keep {
            let pruned = self.store.prune_audit(age).await?;
            tracing::info!(rows = pruned.rows, through = pruned.through.seq, "old rows of the audit are pruned");
        }
        self.store.forget_alarms(PAST).await
    }

    /// Reads when credentials run out. What may not be read is said once.
    async fn read_credentials(&self, mut stop: watch::Receiver<bool>) {
        let mut told = BTreeSet::new();
        loop {
            let mut wait = KEEP;
            for (name, newest) in &self.targets {
                let Some(target) = newest.borrow().clone() else {
                    wait = AGAIN;
                    continue;
                };
                match target.directory.credentials().await {
                    Ok(Credentials::Known(known)) => {
                        let known = known.into_iter().map(Expiry).collect();
                        self.expiry.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), known);
                    }
                    Ok(Credentials::NotReadable(why)) => {
                        if told.insert(name.clone()) {
                            tracing::warn!(target = %name, "nobody will be told before the credential runs out: {why}");
                        }
                    }
                    Err(error) => {
                        tracing::info!(target = %name, "the end of the credential could not be read yet: {error}");
                        wait = AGAIN;
                    }
                }
            }
            tokio::select! {
                _ = stop.changed() => return,
                () = self.clock.sleep(wait) => {}
            }
        }
    }
}

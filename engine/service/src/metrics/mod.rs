//! Figures for Prometheus: what this process has done since it began, and what the database says now.

mod counters;
mod text;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use entrain_model::{Millis, TargetName};
use entrain_store::{Store, StoreError};
use tokio::net::TcpListener;

pub(crate) use counters::{Counters, Counting, Timed};
use text::Page;

use crate::wiring::Targets;

/// 24 hours.
const DAY: Millis = 24 * 3_600_000;

/// All that is shown.
pub(crate) struct Metrics {
    pub(crate) store: Store,
    pub(crate) targets: Arc<Targets>,
}

/// Answers at `/metrics` until it is told to stop.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>, stopped: impl Future<Output = ()> + Send + 'static) {
    let router = Router::new().route("/metrics", get(answer)).with_state(metrics);
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
        tracing::error!("figures are no longer to be had: {error}");
    }
}

/// The page as an answer.
pub(crate) async fn answer(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.page().await {
        Ok(page) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response(),
        Err(error) => {
            tracing::warn!("figures could not be read: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the database gives no figures now\n").into_response()
        }
    }
}

impl Metrics {
    /// The whole page.
    pub(crate) async fn page(&self) -> Result<String, StoreError> {
        let mut page = Page::default();
        let differing = self.targets.differing();
        for (target, served) in &self.targets.all() {
            served.counters.write(target.as_str(), &mut page);
            self.standing(target, &mut page).await?;
        }
        let help = "Targets of which the file says something else than the database, which counts.";
        page.gauge("entrain_config_differs", help, &[], number(differing.len()));
        for row in self.store.webhooks().await? {
            let webhook = [("webhook", row.webhook.as_str())];
            page.gauge("entrain_webhook_waiting", "Deliveries that wait.", &webhook, number(row.waiting));
            page.gauge("entrain_webhook_given_up", "Deliveries that were given up.", &webhook, number(row.given_up));
        }
        Ok(page.finish())
    }

    /// How a target stands.
    async fn standing(&self, target: &TargetName, page: &mut Page) -> Result<(), StoreError> {
        let (store, now, of) = (&self.store, self.store.now(), [("target", target.as_str())]);
        let queue = store.queue_depth(target).await?;
        page.gauge("entrain_queue_depth", "Objects that wait for a direct sync.", &of, number(queue.rows));
        let age = queue.oldest.map_or(0.0, |oldest| seconds(now - oldest));
        page.gauge("entrain_queue_oldest_seconds", "For how long the oldest of them waits.", &of, age);
        if let Some(row) = store.target(target).await? {
            let halted = if row.halt.is_some() { 1.0 } else { 0.0 };
            page.gauge("entrain_halted", "1 while the target is halted.", &of, halted);
            if let Some(last) = row.last_full_at {
                let help = "Since the last successful full sync.";
                page.gauge("entrain_seconds_since_full_sync", help, &of, seconds(now - last));
            }
        }
        for (code, objects) in store.held_objects(target, Millis::MAX).await? {
            let of = [("target", target.as_str()), ("code", &code)];
            page.gauge("entrain_held_objects", "Objects that nothing is done about, by reason.", &of, number(objects));
        }
        for ((kind, attribute), repaired) in store.drift_repaired(target, now - DAY).await? {
            let of = [("target", target.as_str()), ("kind", kind.as_str()), ("attribute", &attribute)];
            let help =
                "Values and references that were put right within the last 24 hours after somebody changed them in the target.";
            page.gauge("entrain_drift_repaired", help, &of, number(repaired));
        }
        let waiting = store.waiting_runs(target).await?.len();
        page.gauge("entrain_runs_waiting_for_approval", "Runs whose plan waits for approval.", &of, number(waiting));
        let alarms = store.alarms(Some(target)).await?;
        page.gauge("entrain_alarms_open", "Alarms that are open.", &of, number(alarms.len()));
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]
fn number(number: impl TryInto<i64>) -> f64 {
    number.try_into().unwrap_or(i64::MAX) as f64
}

fn seconds(millis: Millis) -> f64 {
    number(millis.max(0)) / 1000.0
}

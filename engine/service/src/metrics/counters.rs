//! What this process counts of one target.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entrain_entra::{Exchange, Observer};
use entrain_model::{ObjectRef, TargetName};
use entrain_sync::{Direct, Report, SyncError};

use super::number;
use super::text::Page;

/// The upper ends of the classes of direct latency, in milliseconds.
const CLASSES: [u64; 12] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000];

/// Counts since the process began.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    writes: AtomicU64,
    throttled: AtomicU64,
    /// How many direct syncs fell into each class; beyond the last into none.
    classes: [AtomicU64; CLASSES.len()],
    direct: AtomicU64,
    direct_millis: AtomicU64,
}

impl Counters {
    fn seen(&self, exchange: &Exchange<'_>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if exchange.method != "GET" {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        if exchange.status == Some(429) {
            self.throttled.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn took(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        if let Some(class) = CLASSES.iter().position(|end| millis <= *end) {
            self.classes[class].fetch_add(1, Ordering::Relaxed);
        }
        self.direct.fetch_add(1, Ordering::Relaxed);
        self.direct_millis.fetch_add(millis, Ordering::Relaxed);
    }

    pub(super) fn write(&self, target: &str, page: &mut Page) {
        let of = [("target", target)];
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (requests, throttled) = (read(&self.requests), read(&self.throttled));
        page.counter("entrain_requests_total", "Requests to the target that were answered or given up.", &of, number(requests));
        page.counter("entrain_writes_total", "Those of them that change something.", &of, number(read(&self.writes)));
        page.counter(
            "entrain_throttled_total",
            "Those of them that the target refused for their number.",
            &of,
            number(throttled),
        );
        let share = if requests == 0 { 0.0 } else { number(throttled) / number(requests) };
        page.gauge("entrain_throttled_share", "The share of these since the process began.", &of, share);
        let (name, help) = ("entrain_direct_latency_seconds", "From the commit of a change to the end of its direct sync.");
        let mut below = 0;
        for (class, end) in self.classes.iter().zip(CLASSES) {
            below += read(class);
            let end = (number(end) / 1000.0).to_string();
            page.histogram(name, help, "_bucket", &[("target", target), ("le", &end)], number(below));
        }
        let all = number(read(&self.direct));
        page.histogram(name, help, "_bucket", &[("target", target), ("le", "+Inf")], all);
        page.histogram(name, help, "_sum", &of, number(read(&self.direct_millis)) / 1000.0);
        page.histogram(name, help, "_count", &of, all);
    }
}

/// Counts requests, and tells whoever else wants to know.
pub(crate) struct Counting {
    pub(crate) counters: Arc<Counters>,
    pub(crate) then: Option<Arc<dyn Observer>>,
}

impl Observer for Counting {
    fn seen(&self, exchange: &Exchange<'_>) {
        self.counters.seen(exchange);
        if let Some(then) = &self.then {
            then.seen(exchange);
        }
    }
}

/// Counts how long direct syncs take, and tells whoever else wants to know.
pub(crate) struct Timed {
    pub(crate) counters: Arc<Counters>,
    pub(crate) then: Arc<dyn Direct>,
}

impl Direct for Timed {
    fn synced(&self, objects: &BTreeSet<ObjectRef>, result: &Result<Report, SyncError>) {
        self.then.synced(objects, result);
    }

    fn took(&self, target: &TargetName, latency: Duration) {
        self.counters.took(latency);
        self.then.took(target, latency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_count_everything_below_their_end() {
        let counters = Counters::default();
        for millis in [10, 60, 60, 4_000_000] {
            counters.took(Duration::from_millis(millis));
        }
        let mut page = Page::default();
        counters.write("t", &mut page);
        let text = page.finish();
        for line in [
            "_bucket{target=\"t\",le=\"0.05\"} 1\n",
            "_bucket{target=\"t\",le=\"0.1\"} 3\n",
            "_bucket{target=\"t\",le=\"3600\"} 3\n",
            "_bucket{target=\"t\",le=\"+Inf\"} 4\n",
            "_sum{target=\"t\"} 4000.13\n",
            "entrain_throttled_share{target=\"t\"} 0\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}

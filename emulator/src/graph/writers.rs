//! Who is writing which object: two at once get in each other's way.

use super::{Request, Trace, membership};
use crate::app::App;
use crate::dice::Dice;
use crate::directory::Name;
use crate::failure::Failure;
use crate::odata::{Part, parts};
use axum::http::Method;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What chance decides here, apart from what it decides elsewhere.
const WRITE: u64 = 5;

/// The objects that are being written, or were a moment ago, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Writers(Mutex<BTreeMap<String, Writer>>);

#[derive(Debug)]
struct Writer {
    /// The request that writes it; the steps of a batch are one.
    request: String,
    /// Until when it is in the way; `None` while the request is at work.
    until: Option<i64>,
}

impl Writers {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Writer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the writes of one request are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// One after the other.
    Serial,
    /// All at once.
    Parallel,
}

/// The writes of one request. Dropping it ends them all.
pub(super) struct AtWork<'a> {
    app: &'a App,
    request: &'a str,
    writes: AtomicU32,
}

impl<'a> AtWork<'a> {
    /// No write yet.
    pub(super) fn of(app: &'a App, trace: &'a Trace) -> AtWork<'a> {
        AtWork { app, request: &trace.request_id, writes: AtomicU32::new(0) }
    }

    /// Begins a write.
    ///
    /// # Errors
    /// 409 while another request writes the same object, or another step of the same parallel batch, if the switch says so.
    pub(super) fn begin(&self, request: &Request<'_>, order: Order) -> Result<(), Failure> {
        let rules = self.app.conditions.present().ambiguity;
        let object = if rules.concurrency { object(self.app, request) } else { None };
        let Some(object) = object else { return Ok(()) };
        let collide = order == Order::Parallel && self.app.world.read().switches.batch_steps_collide;
        let now = self.app.clock.now();
        let mut kept = self.app.writers.kept();
        kept.retain(|_, writer| writer.until.is_none_or(|until| until > now));
        let known = kept.get(&object);
        if known.is_some_and(|known| known.request != self.request || collide) {
            let message = "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.";
            return Err(Failure::new(409, "Directory_ConcurrencyViolation", message));
        }
        kept.insert(object, Writer { request: self.request.to_owned(), until: None });
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// How long the writes take, in milliseconds; the number is that of the request.
    pub(super) fn takes(&self, order: Order, step: u64) -> u64 {
        let rules = self.app.conditions.present().ambiguity;
        let writes = match (self.writes.load(Ordering::Relaxed), order) {
            (0, _) => return 0,
            (_, Order::Parallel) => 1,
            (writes, Order::Serial) => writes,
        };
        let spread = rules.write_to.saturating_sub(rules.write_from) as usize;
        let more = Dice::of(self.app.seed, WRITE, step).below(spread + 1) as u64;
        (u64::from(rules.write_from) + more) * u64::from(writes)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let window = self.app.conditions.present().ambiguity.concurrency_window;
        let until = self.app.clock.now() + window;
        for writer in self.app.writers.kept().values_mut().filter(|writer| writer.request == self.request) {
            writer.until.get_or_insert(until);
        }
    }
}

/// The object that a write is about: its id, if it is called by another key.
fn object(app: &App, request: &Request<'_>) -> Option<String> {
    if *request.method == Method::GET {
        return None;
    }
    let parts = parts(request.path);
    // These actions read, though they are posted.
    let last = parts.last().map(Part::word)?;
    if matches!(last.as_str(), "getbyids" | "validateproperties") || membership::is_action(&last) {
        return None;
    }
    let at = match parts.first().map(Part::word)?.as_str() {
        "directory" => 2,
        "rolemanagement" => 3,
        _ => 1,
    };
    let text = parts.get(at)?.text();
    let world = app.world.read();
    let mut holders = [Name::USER_PRINCIPAL_NAME, Name::UNIQUE_NAME, Name::APP_ID]
        .into_iter()
        .flat_map(|name| world.tenant.holders_of_any(name, text));
    let id = holders.next().map(|row| world.tenant.object(row).id.to_string());
    Some(id.unwrap_or_else(|| text.to_ascii_lowercase()))
}

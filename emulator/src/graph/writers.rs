//! Who is writing which object: two at once get in each other's way.

use super::{Request, Trace};
use crate::app::App;
use crate::directory::Name;
use crate::failure::Failure;
use crate::odata::{Part, parts};
use axum::http::Method;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The objects that are being written, or were a moment ago, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Writers(Mutex<BTreeMap<String, Writer>>);

#[derive(Debug)]
struct Writer {
    request: String,
    at_work: usize,
    until: i64,
}

impl Writers {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Writer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write at work. Dropping it ends it.
pub(super) struct AtWork<'a> {
    app: &'a App,
    object: Option<String>,
}

/// Begins a write. The steps of one batch do not get in each other's way.
///
/// # Errors
/// 409 while another request writes the same object.
pub(super) fn begin<'a>(app: &'a App, request: &Request<'_>, trace: &Trace) -> Result<AtWork<'a>, Failure> {
    let rules = app.conditions.present().ambiguity;
    let object = if rules.concurrency { object(app, request) } else { None };
    let Some(object) = object else { return Ok(AtWork { app, object: None }) };
    let now = app.clock.now();
    let mut kept = app.writers.kept();
    kept.retain(|_, writer| writer.at_work > 0 || writer.until > now);
    let writer =
        kept.entry(object.clone()).or_insert_with(|| Writer { request: trace.request_id.clone(), at_work: 0, until: now });
    if writer.request != trace.request_id {
        let message = "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.";
        return Err(Failure::new(409, "Directory_ConcurrencyViolation", message));
    }
    writer.at_work += 1;
    Ok(AtWork { app, object: Some(object) })
}

/// The object that a write is about: its id, if it is called by another key.
fn object(app: &App, request: &Request<'_>) -> Option<String> {
    if *request.method == Method::GET {
        return None;
    }
    let parts = parts(request.path);
    let at = if parts.first().map(Part::word).as_deref() == Some("directory") { 2 } else { 1 };
    let text = parts.get(at)?.text();
    let world = app.world.read();
    let mut holders = [Name::USER_PRINCIPAL_NAME, Name::UNIQUE_NAME, Name::APP_ID]
        .into_iter()
        .flat_map(|name| world.tenant.holders_of_any(name, text));
    let id = holders.next().map(|row| world.tenant.object(row).id.to_string());
    Some(id.unwrap_or_else(|| text.to_ascii_lowercase()))
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let Some(object) = &self.object else { return };
        let window = self.app.conditions.present().ambiguity.concurrency_window;
        let now = self.app.clock.now();
        if let Some(writer) = self.app.writers.kept().get_mut(object) {
            writer.at_work = writer.at_work.saturating_sub(1);
            writer.until = now + window;
        }
    }
}

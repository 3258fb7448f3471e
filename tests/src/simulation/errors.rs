//! What the engine logs as an ERROR: each must be about a halt that a person can see.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use entrain_model::TargetName;
use entrain_store::Halt;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// One ERROR event: its fields by name, what it says under `message`.
pub(super) type Logged = BTreeMap<String, String>;

/// The ERROR events since they were taken last.
#[derive(Clone, Default)]
pub(super) struct Errors(Arc<Mutex<Vec<Logged>>>);

impl Errors {
    /// Collects what this thread logs as long as the guard lives.
    pub(super) fn listen(&self) -> DefaultGuard {
        tracing::subscriber::set_default(tracing_subscriber::registry().with(self.clone()))
    }

    pub(super) fn take(&self) -> Vec<Logged> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether the event tells of this halt of this target, and of the object that it was for.
pub(super) fn tells_of(event: &Logged, target: &TargetName, halt: &Halt) -> bool {
    let field = |name: &str| event.get(name).map(String::as_str);
    let object = halt.object.as_ref().map(ToString::to_string);
    field("target") == Some(target.as_str())
        && field("object") == object.as_deref()
        && field("message").is_some_and(|message| message.contains(&halt.message))
}

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fields.0);
        }
    }
}

#[derive(Default)]
struct Fields(Logged);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

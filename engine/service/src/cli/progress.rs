//! A bar on the terminal for runs that take a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use entrain_sync::{Progress, Step};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Form;

/// A shorter rest is not worth a word.
const WORTH_TELLING: Duration = Duration::from_secs(10);

/// Shows the steps of a run on the standard error, if that is a terminal.
pub struct Bar {
    bar: Mutex<ProgressBar>,
    form: Form,
}

impl Bar {
    /// A bar that shows nothing yet, and nothing at all beside JSON.
    pub fn new(form: Form) -> Self {
        Self { bar: Mutex::new(ProgressBar::hidden()), form }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner).finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Progress for Bar {
    fn begin(&self, step: Step, total: Option<u64>) {
        let target = match self.form {
            Form::Text => ProgressDrawTarget::stderr(),
            Form::Json => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(total, target).with_message(step.as_str());
        let shape = match total {
            Some(_) => "{msg:<14} {bar:32} {pos}/{len} {per_sec} {prefix}",
            None => "{msg:<14} {spinner} {pos}",
        };
        if let Ok(style) = ProgressStyle::with_template(shape) {
            bar.set_style(style);
        }
        let mut current = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        current.finish_and_clear();
        *current = bar;
    }

    fn advance(&self, done: u64) {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner).inc(done);
    }

    fn expect(&self, left: Duration) {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if left >= WORTH_TELLING {
            bar.set_prefix(format!("about {} left", HumanDuration(left)));
        } else {
            bar.set_prefix("");
        }
    }
}

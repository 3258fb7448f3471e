//! Quotas around a request: the charge, the headers that tell of it, and the refusal.

use super::answer::Answer;
use super::{Request, Trace, cost, date};
use crate::app::App;
use crate::auth::Rights;
use crate::clock::http_date;
use crate::conditions::RetryAfter;
use crate::dice::Dice;
use crate::directory::Name;
use crate::odata::Part;
use crate::throttle::{Caller, Cost, Priority, Refusal};
use axum::http::HeaderMap;
use serde_json::json;

/// The share from which on it is reported.
const REPORTED: f64 = 0.8;

/// What the quotas say of a request.
pub(super) struct Charged {
    cost: Cost,
    share: f64,
    /// The answer to a request that is refused.
    pub(super) refused: Option<Answer>,
}

/// Charges a request.
pub(super) fn charge(app: &App, rights: &Rights, request: &Request<'_>, trace: &Trace, dice: &mut Dice) -> Charged {
    let rules = app.conditions.present().throttling;
    let cost = cost::of(request, rules.bind_cost, |key| audience(app, key));
    let caller = Caller {
        application: &rights.application,
        tenant: &app.tenant_id.to_string(),
        users: app.world.read().tenant.live_users(),
        priority: priority(request.headers).unwrap_or(trace.priority),
    };
    let verdict = app.quotas.charge(&rules, caller, cost, app.clock.now(), dice);
    app.stats.charged(cost, verdict.refusal.is_some());
    let refused = verdict.refusal.map(|refusal| answer(app, &refusal, trace, dice));
    Charged { cost, share: verdict.share, refused }
}

impl Charged {
    /// An answer with the headers that tell what it cost.
    pub(super) fn told(&self, answer: Answer) -> Answer {
        let answer = answer.header("x-ms-resource-unit", self.cost.units.to_string());
        if self.share > REPORTED { answer.header("x-ms-throttle-limit-percentage", format!("{:.2}", self.share)) } else { answer }
    }
}

/// Who may use the application that a path names.
fn audience(app: &App, key: &Part) -> Option<String> {
    let world = app.world.read();
    let by_id = key.text().parse().ok().and_then(|id| world.tenant.find(id));
    let row = by_id.or_else(|| world.tenant.holders_of_any(Name::APP_ID, key.text()).next())?;
    world.tenant.object(row).text(Name::SIGN_IN_AUDIENCE).map(str::to_owned)
}

/// The priority that headers ask for.
pub(super) fn priority(headers: &HeaderMap) -> Option<Priority> {
    let text = headers.get("x-ms-throttle-priority")?.to_str().ok()?;
    [("low", Priority::Low), ("normal", Priority::Normal), ("high", Priority::High)]
        .into_iter()
        .find_map(|(name, priority)| name.eq_ignore_ascii_case(text.trim()).then_some(priority))
}

fn answer(app: &App, refusal: &Refusal, trace: &Trace, dice: &mut Dice) -> Answer {
    let inner = json!({
        "code": "429",
        "date": date(app),
        "message": "Please retry after",
        "request-id": trace.request_id,
        "status": "429",
    });
    let error = json!({ "code": "TooManyRequests", "innerError": inner, "message": "Please retry again later." });
    let answer = Answer::json(429, &json!({ "error": error }))
        .header("x-ms-throttle-scope", refusal.scope.clone())
        .header("x-ms-throttle-information", refusal.information);
    match retry_after(app, refusal.wait, dice) {
        Some(text) => answer.header("retry-after", text),
        None => answer,
    }
}

/// The text of `Retry-After`: whole seconds, never too early.
#[expect(clippy::cast_possible_truncation, reason = "a wait is far below the range of an integer")]
fn retry_after(app: &App, wait: f64, dice: &mut Dice) -> Option<String> {
    let rules = app.conditions.present().throttling;
    let seconds = (wait / 1000.0).max(rules.retry_after_least).ceil() as i64;
    let mixed = [RetryAfter::Seconds, RetryAfter::Date, RetryAfter::Absent][dice.below(3)];
    let form = if rules.retry_after == RetryAfter::Mixed { mixed } else { rules.retry_after };
    match form {
        RetryAfter::Date => Some(http_date(app.clock.now() + seconds * 1000 + 999)),
        RetryAfter::Absent => None,
        RetryAfter::Seconds | RetryAfter::Mixed => Some(seconds.to_string()),
    }
}

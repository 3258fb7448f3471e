//! Faults and losses where applications sign in: the token endpoint, its documents, and the machine's identity.

use super::answer::Answer;
use super::{Cut, losses, wait};
use crate::app::App;
use crate::conditions::Rates;
use crate::control::Action;
use crate::dice::Dice;
use axum::http::Method;
use serde_json::json;

/// What chance decides here, apart from what it decides elsewhere.
const SIGN_IN: u64 = 6;

/// The answer as it reaches the client, if it does. A token that nobody hears of changes nothing, so that before the work and after
/// it are the same.
///
/// # Errors
/// [`Cut`] when a fault or chance drops the connection.
pub(crate) async fn disturbed(app: &App, method: &Method, target: &str, answer: Answer) -> Result<Answer, Cut> {
    match app.faults.strike_sign_in(method.as_str(), target) {
        Some(Action::Drop { .. }) => return Err(Cut),
        Some(Action::Answer { status, code, message, headers, .. }) => return Ok(refusal(status, &code, &message, headers)),
        Some(Action::Delay { milliseconds }) => wait(app, milliseconds).await,
        // There is no list here.
        Some(Action::Page { .. }) | None => {}
    }
    let Rates { internal, gateway, unavailable, timeout, reset } = app.conditions.present().ambiguity.sign_in;
    let mut roll = Dice::of(app.seed, SIGN_IN, app.next_sign_in()).roll();
    let fates = [(internal, 500), (gateway, 502), (unavailable, 503), (timeout, 504), (reset, 0)];
    let struck = fates.into_iter().find_map(|(rate, status)| {
        let struck = roll < rate;
        roll -= rate;
        struck.then_some(status)
    });
    match struck {
        None => return Ok(answer),
        Some(_) => app.stats.undone(),
    }
    match struck {
        Some(status) if status > 0 => {
            Ok(refusal(status, losses::code(status), "A transient error has occurred. Please try again.", Vec::new()))
        }
        Some(_) | None => Err(Cut),
    }
}

/// A refusal in the form of this side.
fn refusal(status: u16, code: &str, message: &str, headers: Vec<(String, String)>) -> Answer {
    let body = json!({ "error": code, "error_description": message });
    Answer { content_type: "application/json; charset=utf-8", extra: headers, ..Answer::json(status, &body) }
}

//! Answers that get lost, late or damaged, and writers that meet.

use super::answer::Answer;
use super::{Cut, Trace, substitute, wait};
use crate::app::App;
use crate::conditions::{Ambiguity, Rates};
use crate::control::Loss;
use crate::dice::Dice;
use serde_json::Value as Json;

/// What chance decides here, apart from what it decides elsewhere.
const LOSS: u64 = 3;

/// What a loss can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// A request of its own: everything.
    Request,
    /// A batch as a whole: its transport, and its own status.
    Batch,
    /// A step of a batch: its status.
    Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Status(Work, u16),
    Reset(Work),
    Truncated,
    Garbage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Undone,
    Done,
}

/// Carries out what chance wants around an answer. The number is that of the request or step.
pub(super) async fn around(
    app: &App,
    level: Level,
    step: u64,
    trace: &Trace,
    answering: impl Future<Output = Result<Answer, Cut>>,
) -> Result<Answer, Cut> {
    let rules = app.conditions.present().ambiguity;
    let mut dice = Dice::of(app.seed, LOSS, step);
    let fate = fate(&rules, level, &mut dice);
    let delay = delay(&rules, level, &mut dice);
    let late = dice.strikes(0.5);
    let delay = delay.filter(|_| !app.clock.stands_still());
    if let Some(milliseconds) = delay.filter(|_| !late) {
        wait(app, milliseconds).await;
    }
    let answer = match fate {
        Some(fate @ (Fate::Status(Work::Undone, _) | Fate::Reset(Work::Undone))) => {
            app.stats.undone();
            struck(app, fate, trace, Answer::no_content(), &mut dice)?
        }
        Some(fate) => {
            let answer = answering.await?;
            app.stats.lost();
            struck(app, fate, trace, answer, &mut dice)?
        }
        None => answering.await?,
    };
    if let Some(milliseconds) = delay.filter(|_| late) {
        wait(app, milliseconds).await;
    }
    Ok(answer)
}

fn fate(rules: &Ambiguity, level: Level, dice: &mut Dice) -> Option<Fate> {
    let mut roll = dice.roll();
    let mut possible = Vec::new();
    let (before, after) = match level {
        Level::Batch => (rules.batch_before, rules.batch_after),
        Level::Request | Level::Step => (rules.before, rules.after),
    };
    possible.extend(statuses(before, Work::Undone));
    possible.extend(statuses(after, Work::Done));
    if level == Level::Batch {
        possible.extend([(before.reset, Fate::Reset(Work::Undone)), (after.reset, Fate::Reset(Work::Done))]);
    }
    if level != Level::Step {
        possible.extend([(rules.before.reset, Fate::Reset(Work::Undone)), (rules.after.reset, Fate::Reset(Work::Done))]);
        possible.extend([(rules.truncated, Fate::Truncated), (rules.garbage, Fate::Garbage)]);
    }
    possible.into_iter().find_map(|(rate, fate)| {
        let struck = roll < rate;
        roll -= rate;
        struck.then_some(fate)
    })
}

fn statuses(rates: Rates, work: Work) -> [(f64, Fate); 4] {
    let rates = [(rates.internal, 500), (rates.gateway, 502), (rates.unavailable, 503), (rates.timeout, 504)];
    rates.map(|(rate, status)| (rate, Fate::Status(work, status)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a delay is positive and short")]
fn delay(rules: &Ambiguity, level: Level, dice: &mut Dice) -> Option<u64> {
    let slow = dice.strikes(rules.slow) && level != Level::Step;
    let (least, most) = (f64::from(rules.slow_from.max(1)), f64::from(rules.slow_to.max(rules.slow_from).max(1)));
    // Each doubling is as likely as the next: few take the most.
    let milliseconds = least * (most / least).powf(dice.roll());
    slow.then_some(milliseconds as u64)
}

/// What a status says that is answered instead.
pub(super) fn code(status: u16) -> &'static str {
    match status {
        500 => "Service_InternalServerError",
        503 => "ServiceUnavailable",
        _ => "UnknownError",
    }
}

fn struck(app: &App, fate: Fate, trace: &Trace, answer: Answer, dice: &mut Dice) -> Result<Answer, Cut> {
    match fate {
        Fate::Reset(_) => Err(Cut),
        Fate::Status(_, status) => Ok(substitute(app, trace, status, code(status), "", Vec::new())),
        Fate::Truncated => Ok(truncated(answer, dice)),
        Fate::Garbage => Ok(garbage(&answer, dice)),
    }
}

/// Half of the body: as if it were all, or with the connection breaking in the middle of it.
fn truncated(mut answer: Answer, dice: &mut Dice) -> Answer {
    answer.breaks = dice.strikes(0.5);
    if !answer.breaks {
        answer.body.truncate(answer.body.len() / 2);
    }
    answer
}

/// A page of a list with less than it has, and nothing that says so.
pub(super) fn page(mut answer: Answer, loses: Loss) -> Answer {
    let whole = serde_json::from_slice(&answer.body).ok().filter(|body: &Json| body["value"].is_array());
    let Some(mut body) = whole else { return answer };
    match loses {
        Loss::Half => answer.body.truncate(answer.body.len() / 2),
        Loss::Items => {
            body["value"] = Json::Array(Vec::new());
            answer.body = body.to_string().into_bytes();
        }
        Loss::Next => {
            if let Some(members) = body.as_object_mut() {
                members.remove("@odata.nextLink");
            }
            answer.body = body.to_string().into_bytes();
        }
    }
    answer
}

/// The page of some proxy, with the status of the answer or one of its own.
fn garbage(answer: &Answer, dice: &mut Dice) -> Answer {
    let status = if answer.status == 204 || dice.strikes(0.5) { 502 } else { answer.status };
    let page =
        "<html><head><title>Our services aren't available right now</title></head><body><h1>Bad Gateway</h1></body></html>";
    Answer { content_type: "text/html", ..Answer::written(status, page.as_bytes().to_vec()) }
}

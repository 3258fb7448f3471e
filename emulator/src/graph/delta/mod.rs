//! Delta queries: an enumeration first, then the changes (Graph "Use delta query").

mod order;
mod page;
mod token;
mod tracking;
mod window;
mod write;

pub(crate) use window::Windows;

use super::answer::Answer;
use super::call::Call;
use super::fields::{Members, write_list};
use crate::conditions::{Deltas, Expiry};
use crate::dice::Dice;
use crate::directory::{Kind, Sight, Span, View};
use crate::failure::Failure;
use order::{Order, Reordered};
use page::{Page, Told, Window};
use token::{Place, Token};
use tracking::Tracking;
use write::Detail;

/// What chance decides here, apart from what it decides elsewhere.
const DELTA: u64 = 4;
/// The most changes of former rounds that a round tells again.
const MOST_AGAIN: usize = 50;

/// Answers `/users/delta` and `/groups/delta`.
///
/// # Errors
/// Query options that delta queries do not have, a bad token (400), an expired one (410 with `Location`).
pub(crate) fn answer(call: &Call<'_>, kind: Kind) -> Result<Answer, Failure> {
    let rules = call.app.conditions.present().delta;
    let mut dice = Dice::of(call.app.seed, DELTA, call.step);
    let world = call.app.world.read();
    let tenant = &call.delta_view(&world.tenant);
    let token = begin(call, tenant, kind, &rules, &mut dice)?;
    let tracking = Tracking::of(tenant, kind, &token.tracked)?;
    let asked_for_latest = is_latest(call) && call.query.option("skiptoken").is_none();
    if let (Place::Enumeration { from, .. }, true) = (&token.place, asked_for_latest) {
        let next = token.then(Place::Idle { from: *from });
        return Ok(written(call, kind, &next, &[]));
    }
    if !token.blank && dice.strikes(rules.empty_pages) {
        return Ok(written(call, kind, &token.blank(), &[]));
    }
    let limits = call.app.limits;
    let room = rules.page.unwrap_or(limits.delta_page).max(1);
    let links = rules.links.unwrap_or(limits.delta_links).max(1);
    let mut page = Page::new(tenant, &tracking, room, links);
    let next = fill(call, kind, &token, &tracking, &rules, &mut dice, &mut page);
    let mut items = page.items();
    if rules.shuffled {
        dice.shuffle(&mut items);
    }
    Ok(written(call, kind, &next, &items))
}

fn fill(
    call: &Call<'_>,
    kind: Kind,
    token: &Token,
    tracking: &Tracking,
    rules: &Deltas,
    dice: &mut Dice,
    page: &mut Page<'_>,
) -> Token {
    let again = dice.strikes(rules.replays);
    let past = (again && rules.stale_by > 0 && dice.strikes(0.5))
        .then(|| View::from(page.tenant(), Sight::Delta, call.app.clock.now() - rules.stale_by));
    // What is told as it was has to be told as it is, which the last page of a round cannot promise.
    let past_before = |next: &Place| past.as_ref().filter(|_| !matches!(next, Place::Idle { .. }));
    let (next, stale) = match token.place {
        Place::Enumeration { from, after, partly } => {
            page.correct_enumeration(kind, &token.stale);
            let told = if rules.removed_at_first { Told::Removed } else { Told::Live };
            let next = page.enumerate(kind, told, from, after, partly, token.order);
            let stale =
                after.filter(|_| again).map(|after| page.enumerate_again(kind, after, token.order, past_before(&next), dice));
            (next, stale)
        }
        Place::Changes { from, to, since, objects, links } => {
            let span = Span { from, to, since, until: token.issued };
            let changes = call.app.windows.window(page.tenant(), kind, &token.tracked, tracking, span);
            let detail = if call.prefers("return=minimal") { Detail::Minimal } else { Detail::Full };
            let window = Window { changes: &changes, order: Order::of(token.order, changes.len()), detail };
            page.correct(&window, &token.stale);
            let next = page.tell(&window, objects, links, span);
            let stale = again.then(|| page.tell_again(&window, objects, past_before(&next), dice));
            (next, stale)
        }
        Place::Idle { from } => (Place::Idle { from }, None),
    };
    token.then(next).having_told(stale.unwrap_or_default())
}

/// A page that ends with a link to the place of a token.
fn written(call: &Call<'_>, kind: Kind, next: &Token, items: &[Vec<u8>]) -> Answer {
    let (property, option) = match next.place {
        Place::Idle { .. } => ("@odata.deltaLink", "deltatoken"),
        Place::Enumeration { .. } | Place::Changes { .. } => ("@odata.nextLink", "skiptoken"),
    };
    let mut out = Vec::with_capacity(items.iter().map(Vec::len).sum::<usize>() + 512);
    let mut map = Members::open(&mut out);
    let selected = next.tracked.select.as_ref().map_or_else(String::new, |names| format!("({})", names.join(",")));
    map.text("@odata.context", &call.context(&format!("{}{selected}", kind.collection())));
    map.text(property, &format!("{}?${option}={}", call.url(&format!("{}/delta", kind.collection())), next.write()));
    map.name("value");
    write_list(map.out, items, |out, item| out.extend_from_slice(item));
    map.close();
    Answer::written(200, out)
}

fn is_latest(call: &Call<'_>) -> bool {
    call.query.option("deltatoken").is_some_and(|token| token.eq_ignore_ascii_case("latest"))
}

/// The token of the request; a request without one begins an enumeration.
fn begin(call: &Call<'_>, tenant: &View<'_>, kind: Kind, rules: &Deltas, dice: &mut Dice) -> Result<Token, Failure> {
    let now = call.app.clock.now();
    let end = tenant.end();
    let given = call.query.option("skiptoken").or_else(|| call.query.option("deltatoken"));
    let Some(text) = given.filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("latest")) else {
        let first = Token::first(kind, tracking::tracked(call.query, kind)?, end, now);
        return Ok(first.ordered(order(tenant, kind, rules, dice)));
    };
    let token = Token::read(text, kind).ok_or_else(|| Failure::bad_request("Badly formed token."))?;
    let (Place::Enumeration { from, .. } | Place::Changes { from, .. } | Place::Idle { from }) = token.place;
    if now.saturating_sub(token.issued) > rules.lifetime.saturating_mul(1000) || from > tenant.journal().end() {
        return Err(expired(call, kind, &token, rules.expired));
    }
    let Place::Idle { from } = token.place else { return Ok(token) };
    // A new round.
    if dice.strikes(rules.resets) {
        return Err(expired(call, kind, &token, Expiry::Gone));
    }
    let again = if dice.strikes(rules.replays) { 1 + dice.below(MOST_AGAIN) as u64 } else { 0 };
    let (from, to) = (from.saturating_sub(again).max(token.began), end.max(from));
    let place = Place::Changes { from, to, since: token.issued, objects: 0, links: 0 };
    Ok(token.round(place, now, order(tenant, kind, rules, dice)))
}

/// The order of a new round.
fn order(tenant: &View<'_>, kind: Kind, rules: &Deltas, dice: &mut Dice) -> Option<Reordered> {
    let seed = || u32::try_from(dice.below(u32::MAX as usize)).unwrap_or_default();
    rules.reordered.then(seed).map(|seed| Reordered { seed, objects: tenant.rows(kind, None).len() })
}

fn expired(call: &Call<'_>, kind: Kind, token: &Token, form: Expiry) -> Failure {
    let select = token.tracked.select.as_ref().map_or_else(String::new, |names| format!("$select={}&", names.join(",")));
    let message = "The delta token is no longer valid. Begin again with a full enumeration.";
    match form {
        Expiry::NotFound => Failure::new(400, "syncStateNotFound", message),
        Expiry::Gone => {
            let ids: Vec<String> = token.tracked.ids.iter().map(|id| format!("id%20eq%20'{id}'")).collect();
            let filter = if ids.is_empty() { String::new() } else { format!("$filter={}&", ids.join("%20or%20")) };
            let location = format!("{}?{select}{filter}$deltatoken=", call.url(&format!("{}/delta", kind.collection())));
            Failure { location: Some(location), ..Failure::new(410, "syncStateNotFound", message) }
        }
    }
}

//! `/directoryObjects`: objects of any kind by id, and the check of names before they are used.

use super::answer::Answer;
use super::call::Call;
use super::fields::{Fields, Holds, Preamble, write_list, write_object};
use super::users::any_entity;
use super::{groups, membership};
use crate::directory::{Kind, Row, View};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules;
use axum::http::Method;
use serde_json::Value as Json;
use uuid::Uuid;

/// The most ids of one `getByIds`.
const MOST_IDS: usize = 1000;

/// Answers a request below `/directoryObjects`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn route(call: &Call<'_>) -> Result<Answer, Failure> {
    let words: Vec<String> = call.parts.iter().skip(1).map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::POST, ["getbyids"]) => by_ids(call),
        (&Method::POST, ["validateproperties"]) => validate(call, None),
        (_, ["getbyids" | "validateproperties"]) => Err(Failure::method()),
        (&Method::GET, [_]) => one(call, &call.parts[1]),
        (&Method::POST, [_, action]) if membership::is_action(action) => {
            membership::answer(call, |seen| find(seen, &call.parts[1]), action)
        }
        (_, [_]) => Err(Failure::method()),
        (_, words) => Err(Failure::segment(words.last().copied().unwrap_or("directoryObjects"))),
    }
}

fn find(tenant: &View<'_>, key: &Part) -> Result<Row, Failure> {
    tenant.live(identifier(key.text())?).ok_or_else(|| Failure::not_found(key.text()))
}

/// The id that a text is.
///
/// # Errors
/// 400 for a text that is none.
pub(super) fn identifier(text: &str) -> Result<Uuid, Failure> {
    text.parse().map_err(|_| Failure::bad_request(format!("Invalid object identifier '{text}'.")))
}

fn one(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let tenant = &call.view(&world.tenant);
    let row = find(tenant, key)?;
    any_entity(call, tenant, row, Holds::Any)
}

/// The objects that there are; ids of nothing are left out without a word.
fn by_ids(call: &Call<'_>) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let list = |name: &str| body.get(name).and_then(Json::as_array);
    let ids = list("ids").ok_or_else(|| Failure::bad_request("A value is required for parameter 'ids'."))?;
    if ids.len() > MOST_IDS {
        return Err(Failure::bad_request(format!("A request can name at most {MOST_IDS} ids.")));
    }
    let types = list("types").map(|types| types.iter().filter_map(Json::as_str).collect::<Vec<_>>());
    let wanted = |kind: Kind| {
        let named = |known: &&str| known.eq_ignore_ascii_case(kind.resource()) || known.eq_ignore_ascii_case("directoryObject");
        types.as_ref().is_none_or(|types| types.iter().any(named))
    };
    let world = call.app.world.read();
    let tenant = &call.view(&world.tenant);
    let live = ids.iter().filter_map(|id| id.as_str()?.parse::<Uuid>().ok()).filter_map(|id| tenant.live(id));
    let found = live.filter(|row| wanted(tenant.object(*row).kind));
    let fields = Fields::of(tenant, Holds::Any, call.query)?;
    let mut out = format!("{{\"@odata.context\":\"{}\",\"value\":", call.context("directoryObjects")).into_bytes();
    write_list(&mut out, found, |out, row| write_object(out, tenant, row, &fields, Preamble::Type));
    out.push(b'}');
    Ok(Answer::written(200, out))
}

/// Checks names of a Microsoft 365 group before it is created (or, for `group`, renamed): 204, or 422 with what is taken.
///
/// # Errors
/// What is taken, and a body that asks nothing.
pub(crate) fn validate(call: &Call<'_>, group: Option<&Part>) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let text = |name: &str| body.get(name).and_then(Json::as_str);
    if group.is_none() && !text("entityType").is_some_and(|kind| kind.eq_ignore_ascii_case("group")) {
        return Err(Failure::bad_request("Invalid value specified for property 'entityType': only 'Group' is supported."));
    }
    if text("displayName").or_else(|| text("mailNickname")).is_none() {
        return Err(Failure::bad_request("At least one of 'displayName' and 'mailNickname' is required."));
    }
    let world = call.app.world.read();
    let own = group.map(|key| groups::find(&call.view(&world.tenant), key)).transpose()?;
    let Some(nickname) = text("mailNickname") else { return Ok(Answer::no_content()) };
    rules::validate_nickname(&world, own, nickname).map(|()| Answer::no_content())
}

//! `/devices` and `/contacts`: there to be read, and to be members of groups.

use super::answer::Answer;
use super::call::Call;
use super::listing;
use super::objects::identifier;
use super::references;
use super::users::entity;
use crate::directory::{Kind, Relation, Row, View, Way};
use crate::failure::Failure;
use crate::odata::Part;
use axum::http::Method;

/// Answers a request below `/devices` or `/contacts`.
///
/// # Errors
/// What Graph would refuse, and every write.
pub(crate) fn route(call: &Call<'_>, kind: Kind) -> Result<Answer, Failure> {
    let rest = call.parts.get(1..).unwrap_or(&[]);
    let words: Vec<String> = rest.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::GET, []) => listing::collection(call, &call.view(&call.app.world.read().tenant), kind),
        (&Method::GET, ["$count"]) => listing::count(call, &call.view(&call.app.world.read().tenant), kind),
        (&Method::GET, [_]) => {
            let world = call.app.world.read();
            let seen = call.view(&world.tenant);
            entity(call, &seen, find(&seen, kind, &rest[0])?)
        }
        (&Method::GET, [_, "memberof", cast @ ..]) => {
            references::list(call, kind, &rest[0], Relation::Member, Way::Backward, cast)
        }
        (&Method::GET, [_, "transitivememberof", cast @ ..]) => references::reach(call, kind, &rest[0], Way::Backward, cast),
        (_, [] | [_]) => Err(Failure::method()),
        (_, [_, segment, ..]) => Err(Failure::segment(segment)),
    }
}

/// The live object with this id.
///
/// # Errors
/// 404 naming it; 400 for something that is no id.
pub(crate) fn find(tenant: &View<'_>, kind: Kind, key: &Part) -> Result<Row, Failure> {
    let text = key.text();
    let found = tenant.live(identifier(text)?).filter(|row| tenant.object(*row).kind == kind);
    found.ok_or_else(|| Failure::not_found(text))
}

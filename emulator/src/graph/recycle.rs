//! Deleting, restoring and purging; `/directory/deletedItems`.

use super::answer::Answer;
use super::call::Call;
use super::fields::Holds;
use super::listing::{Index, Listing};
use super::objects::identifier;
use super::permission;
use super::users::any_entity;
use crate::directory::{Kind, Life, Name, Object, Row, Value, View};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules::unique::{self, Claimant};
use crate::rules::{self, guard};
use crate::world::World;
use axum::http::Method;
use serde_json::{Map, Value as Json};

/// Moves the object that `find` names to the recycle bin: 204.
///
/// # Errors
/// An unknown or protected object.
pub(crate) fn delete(call: &Call<'_>, find: impl Fn(&World, &View<'_>) -> Result<Row, Failure>) -> Result<Answer, Failure> {
    let now = call.app.clock.now();
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| find(&world, seen))?;
    let object = world.tenant.object(row);
    permission::delete(call, object.kind)?;
    call.needs_for_roles(object.is_true(Name::ASSIGNABLE_TO_ROLE))?;
    guard::mastered(object)?;
    guard::privileged(&world, row)?;
    // Devices and distribution lists are not kept.
    let kept = object.kind != Kind::Device
        && (object.is_unified() || object.is_true(Name::SECURITY_ENABLED) || !object.is_true(Name::MAIL_ENABLED));
    if let Some(name) = parked_name(&world, object) {
        world.tenant.edit(row, vec![(Name::USER_PRINCIPAL_NAME, Value::text(name))]);
    }
    world.tenant.recycle(row, now);
    if !kept {
        world.tenant.purge(row, now);
    }
    Ok(Answer::no_content())
}

fn prefix(object: &Object) -> String {
    object.id.simple().to_string()
}

fn parked_name(world: &World, object: &Object) -> Option<String> {
    let name = object.text(Name::USER_PRINCIPAL_NAME)?;
    world.switches.rename_deleted_users.then(|| format!("{}{name}", prefix(object)))
}

/// Answers a request below `/directory/deletedItems`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn route(call: &Call<'_>) -> Result<Answer, Failure> {
    let rest = call.parts.get(2..).unwrap_or(&[]);
    let words: Vec<String> = rest.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::GET, []) => Err(Failure::bad_request("The list of deleted items needs a type, such as microsoft.graph.user.")),
        (&Method::GET, [word]) => match Kind::of_cast(word) {
            Some(kind) => list(call, kind),
            None => read(call, rest[0].text()),
        },
        (&Method::DELETE, [_]) => purge(call, rest[0].text()),
        (&Method::POST, [_, "restore"]) => restore(call, rest[0].text()),
        (_, [] | [_] | [_, "restore"]) => Err(Failure::method()),
        (_, [_, segment, ..]) => Err(Failure::segment(segment)),
    }
}

fn list(call: &Call<'_>, kind: Kind) -> Result<Answer, Failure> {
    permission::deleted(call, kind)?;
    let world = call.app.world.read();
    let tenant = &call.view(&world.tenant);
    let source = move |after: Option<Row>| -> Box<dyn Iterator<Item = Row>> {
        Box::new(tenant.recycled().filter(move |row| after.is_none_or(|after| *row > after)))
    };
    let listing =
        Listing { tenant, holds: Holds::Only(kind), context: kind.collection(), source: &source, index: Index::RecycleBin };
    listing.answer(call)
}

fn find(tenant: &View<'_>, id: &str) -> Result<Row, Failure> {
    let recycled = |row: &Row| matches!(tenant.object(*row).life, Life::Recycled(_));
    tenant.find(identifier(id)?).filter(recycled).ok_or_else(|| Failure::not_found(id))
}

/// The object of a write: known where the request reads, and still in the recycle bin.
fn locate(call: &Call<'_>, world: &World, id: &str) -> Result<Row, Failure> {
    find(&call.view(&world.tenant), id)?;
    find(&View::primary(&world.tenant), id)
}

fn read(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let seen = call.view(&world.tenant);
    let row = find(&seen, id)?;
    permission::deleted(call, seen.object(row).kind)?;
    object(call, &seen, row)
}

fn object(call: &Call<'_>, tenant: &View<'_>, row: Row) -> Result<Answer, Failure> {
    any_entity(call, tenant, row, Holds::Only(tenant.object(row).kind))
}

fn purge(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let mut world = call.write();
    let row = locate(call, &world, id)?;
    permission::delete(call, world.tenant.object(row).kind)?;
    call.needs_for_roles(world.tenant.object(row).is_true(Name::ASSIGNABLE_TO_ROLE))?;
    guard::privileged(&world, row)?;
    world.tenant.purge(row, call.app.clock.now());
    Ok(Answer::no_content())
}

fn restore(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let body = if call.body.is_empty() { Map::new() } else { rules::object(call.body)? };
    let mut world = call.write();
    let row = locate(call, &world, id)?;
    permission::delete(call, world.tenant.object(row).kind)?;
    call.needs_for_roles(world.tenant.object(row).is_true(Name::ASSIGNABLE_TO_ROLE))?;
    guard::privileged(&world, row)?;
    let edits = revived(&world, row, &body)?;
    world.tenant.edit(row, edits);
    world.tenant.restore(row);
    object(call, &View::primary(&world.tenant), row)
}

/// What a restored object holds: its former name (or a new one), and addresses that are still free.
fn revived(world: &World, row: Row, body: &Map<String, Json>) -> Result<Vec<(Name, Value)>, Failure> {
    let object = world.tenant.object(row);
    let claimant = Claimant { kind: object.kind, own: Some(row), unified: object.is_unified() };
    let mut claims: Vec<(Name, Value)> = object.properties().map(|(name, value)| (name, value.clone())).collect();
    let name = match body.get("newUserPrincipalName").filter(|json| !json.is_null()) {
        Some(json) => Some(json.as_str().ok_or_else(|| Failure::invalid_value(object.kind, "newUserPrincipalName"))?.to_owned()),
        None => None,
    };
    if let Some(name) = &name {
        rules::principal_name(world, name)?;
    }
    let former = object.text(Name::USER_PRINCIPAL_NAME).map(|text| text.strip_prefix(&prefix(object)).unwrap_or(text).to_owned());
    let reconcile = body.get("autoReconcileProxyConflict") == Some(&Json::Bool(true));
    for (property, value) in &mut claims {
        match *property {
            Name::USER_PRINCIPAL_NAME => *value = name.clone().or_else(|| former.clone()).map_or(Value::Null, Value::text),
            Name::PROXY_ADDRESSES if reconcile => *value = free_addresses(world, claimant, value.items()),
            _ => {}
        }
    }
    let named = claims.iter().find(|(property, _)| *property == Name::USER_PRINCIPAL_NAME).and_then(|(_, value)| value.as_text());
    if named.is_some_and(|name| world.is_federated(name)) && object.text(Name::IMMUTABLE_ID).is_none() {
        return Err(rules::required(object.kind, "onPremisesImmutableId"));
    }
    unique::check(world, claimant, &claims)?;
    Ok(claims)
}

fn free_addresses(world: &World, claimant: Claimant, addresses: &[Box<str>]) -> Value {
    let free = |address: &&str| unique::check(world, claimant, &[(Name::PROXY_ADDRESSES, Value::text(*address))]).is_ok();
    Value::texts(addresses.iter().map(|address| &**address).filter(free))
}

//! `/groups`.

use super::answer::Answer;
use super::call::{Call, Origin};
use super::objects::identifier;
use super::users::{created, entity};
use super::{delta, listing, membership, objects, recycle, references};
use crate::clock::rfc3339;
use crate::conditions::Upsert;
use crate::directory::{Kind, Name, Relation, Row, Value, View, Way};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules::link::{self, Holder};
use crate::rules::{self, Draft};
use crate::world::World;
use axum::http::Method;
use serde_json::{Map, Value as Json};

/// Answers a request below `/groups`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn route(call: &Call<'_>) -> Result<Answer, Failure> {
    let rest = call.parts.get(1..).unwrap_or(&[]);
    let words: Vec<String> = rest.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::GET, []) => listing::collection(call, &call.view(&call.app.world.read().tenant), Kind::Group),
        (&Method::POST, []) => create(call, &rules::object(call.body)?),
        (&Method::GET, ["$count"]) => listing::count(call, &call.view(&call.app.world.read().tenant), Kind::Group),
        (&Method::GET, ["delta"]) => delta::answer(call, Kind::Group),
        (_, [] | ["$count" | "delta"]) => Err(Failure::method()),
        (_, [_, below @ ..]) => one(call, &rest[0], &rest[1..], below),
    }
}

fn one(call: &Call<'_>, key: &Part, parts: &[Part], below: &[&str]) -> Result<Answer, Failure> {
    match (call.method, below) {
        (&Method::GET, []) => read(call, key),
        (&Method::PATCH, []) => update(call, key),
        (&Method::DELETE, []) => recycle::delete(call, |_, seen| find(seen, key)),
        (&Method::POST, ["validateproperties"]) => objects::validate(call, Some(key)),
        (&Method::POST, [action]) if membership::is_action(action) => membership::answer(call, |seen| find(seen, key), action),
        (_, ["members", ..]) => references::below(call, Relation::Member, key, parts, &below[1..]),
        (_, ["owners", ..]) => references::below(call, Relation::Owner, key, parts, &below[1..]),
        (&Method::GET, ["transitivemembers", cast @ ..]) => references::reach(call, Kind::Group, key, Way::Forward, cast),
        (&Method::GET, ["memberof", cast @ ..]) => {
            references::list(call, Kind::Group, key, Relation::Member, Way::Backward, cast)
        }
        (&Method::GET, ["transitivememberof", cast @ ..]) => references::reach(call, Kind::Group, key, Way::Backward, cast),
        (_, [] | ["transitivemembers" | "memberof" | "transitivememberof", ..]) => Err(Failure::method()),
        (_, [segment, ..]) => Err(Failure::segment(segment)),
    }
}

/// The live group that a path names: an id, or `(uniqueName='..')`.
///
/// # Errors
/// 404 naming it; 400 for something that is no id.
pub(crate) fn find(tenant: &View<'_>, key: &Part) -> Result<Row, Failure> {
    let text = key.text();
    let found = match key {
        Part::Key(Some(name), _) if name.eq_ignore_ascii_case("uniqueName") => by_unique_name(tenant, text)?,
        Part::Key(Some(name), _) if !name.eq_ignore_ascii_case("id") => return Err(Failure::segment(name)),
        Part::Word(_) | Part::Key(..) => {
            let id = identifier(text)?;
            tenant.live(id).filter(|row| tenant.object(*row).kind == Kind::Group)
        }
    };
    found.ok_or_else(|| Failure::not_found(text))
}

fn by_unique_name(tenant: &View<'_>, text: &str) -> Result<Option<Row>, Failure> {
    tenant.keyed(Kind::Group, Name::UNIQUE_NAME, text)
}

fn create(call: &Call<'_>, body: &Map<String, Json>) -> Result<Answer, Failure> {
    let mut world = call.write();
    add(call, &mut world, body)
}

fn add(call: &Call<'_>, world: &mut World, body: &Map<String, Json>) -> Result<Answer, Failure> {
    let now = rfc3339(call.app.clock.now());
    let mut draft = rules::read(world, Kind::Group, None, body)?;
    rules::create_group(world, &mut draft)?;
    call.needs_for_roles(draft.value(Name::ASSIGNABLE_TO_ROLE).is_some_and(Value::is_true))?;
    let new = Holder::New { unified: draft.is_of_type("Unified"), dynamic: draft.is_of_type("DynamicMembership") };
    let caller = if world.switches.caller_owns_new_groups { caller(call, world) } else { None };
    let links = new_links(call, world, new, &draft, caller)?;
    draft.edits.push((Name::CREATED, Value::text(now.as_str())));
    draft.edits.push((Name::RENEWED, Value::text(now)));
    let id = world.tenant.next_id();
    let alone = draft.is_of_type("Unified") && draft.text(Name::DESCRIPTION).is_none();
    let row = world.tenant.create(id, Kind::Group, draft.edits);
    if let Some(after) = call.app.conditions.present().afterwards.group_described.filter(|_| alone) {
        call.app.afterwards.describe(call.app.clock.now() + i64::from(after), row);
    }
    for (relation, to) in links {
        world.tenant.link(relation, row, to);
    }
    created(call, &View::primary(&world.tenant), row)
}

/// The references of a new group, the one to the caller among them if there is one. What the replica does not know yet may be refused
/// as if the values were wrong.
fn new_links(
    call: &Call<'_>,
    world: &World,
    new: Holder,
    draft: &Draft,
    caller: Option<Row>,
) -> Result<Vec<(Relation, Row)>, Failure> {
    let mut links =
        admitted(call, world, new, draft).map_err(|failure| call.unknown_at_create(&world.tenant, &draft.binds, failure))?;
    if let Some(caller) = caller {
        if links.contains(&(Relation::Owner, caller)) {
            return Err(Failure::bad_request("Request contains a property with duplicate values."));
        }
        if links.len() >= link::MOST_CHANGES {
            return Err(link::too_many());
        }
        links.push((Relation::Owner, caller));
    }
    Ok(links)
}

/// The service principal of the caller.
fn caller(call: &Call<'_>, world: &World) -> Option<Row> {
    let live = |row: &Row| world.tenant.object(*row).kind == Kind::ServicePrincipal && world.tenant.object(*row).is_live();
    world.tenant.holders_of_any(Name::APP_ID, &call.rights.application).find(live)
}

/// The references that a body binds, if they may be added.
fn admitted(call: &Call<'_>, world: &World, group: Holder, draft: &Draft) -> Result<Vec<(Relation, Row)>, Failure> {
    if draft.binds.is_empty() {
        return Ok(Vec::new());
    }
    rules::link::admit(world, &call.view(&world.tenant), group, &draft.binds)
}

fn read(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let seen = call.view(&world.tenant);
    entity(call, &seen, find(&seen, key)?)
}

fn update(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let mut world = call.write();
    let row = match call.locate(&world.tenant, |seen| find(seen, key)) {
        Err(failure) if failure.status == 404 && may_create(call, &world, key) => match at_primary(call, &world, key)? {
            Some(row) => row,
            None => return upsert(call, &mut world, key.text(), body),
        },
        found => found?,
    };
    let mut draft = rules::read(&world, Kind::Group, Some(world.tenant.object(row)), &body)?;
    if may_create(call, &world, key) && !world.switches.upsert_binds_again {
        draft.binds.clear();
    }
    rules::update_group(&world, row, &draft)?;
    call.needs_for_roles(world.tenant.object(row).is_true(Name::ASSIGNABLE_TO_ROLE))?;
    let links = admitted(call, &world, Holder::Known(row), &draft)?;
    world.tenant.edit(row, draft.edits);
    for (relation, to) in links {
        world.tenant.link(relation, row, to);
    }
    Ok(Answer::no_content())
}

/// The group of an upsert that the primary knows, though the replica does not.
fn at_primary(call: &Call<'_>, world: &World, key: &Part) -> Result<Option<Row>, Failure> {
    let found = by_unique_name(&View::primary(&world.tenant), key.text())?;
    match call.app.conditions.present().replication.upsert_of_unknown {
        Upsert::Conflict if found.is_some() => Err(Failure::conflict("uniqueName")),
        Upsert::Conflict | Upsert::Update => Ok(found),
    }
}

fn may_create(call: &Call<'_>, world: &World, key: &Part) -> bool {
    let keyed = matches!(key, Part::Key(Some(name), _) if name.eq_ignore_ascii_case("uniqueName"));
    let here = call.origin == Origin::Direct || world.switches.upsert_in_batch;
    keyed && here && call.prefers("create-if-missing")
}

/// Creates the group of an upsert. The key of the URL is the unique name; a body may repeat it.
fn upsert(call: &Call<'_>, world: &mut World, unique_name: &str, mut body: Map<String, Json>) -> Result<Answer, Failure> {
    let given = body.insert("uniqueName".to_owned(), unique_name.into());
    if given.is_some_and(|given| given.as_str() != Some(unique_name)) {
        return Err(Failure::bad_request("The key value in the request URL and the body do not match: 'uniqueName'."));
    }
    add(call, world, &body)
}

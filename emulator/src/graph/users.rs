//! `/users`.

use super::answer::Answer;
use super::call::Call;
use super::delta;
use super::fields::{Fields, Holds, Preamble, write_object};
use super::{licences, listing, membership, methods, permission, recycle, references};
use crate::clock::rfc3339;
use crate::directory::{Kind, Name, Relation, Row, Value, View, Way};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules::{self, Draft};
use crate::world::World;
use axum::http::Method;

/// Answers a request below `/users`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn route(call: &Call<'_>) -> Result<Answer, Failure> {
    let rest = call.parts.get(1..).unwrap_or(&[]);
    let words: Vec<String> = rest.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::GET, []) => listing::collection(call, &call.view(&call.app.world.read().tenant), Kind::User),
        (&Method::POST, []) => create(call),
        (&Method::GET, ["$count"]) => listing::count(call, &call.view(&call.app.world.read().tenant), Kind::User),
        (&Method::GET, ["delta"]) => delta::answer(call, Kind::User),
        (_, [] | ["$count" | "delta"]) => Err(Failure::method()),
        (_, [_, below @ ..]) => one(call, &rest[0], below),
    }
}

fn one(call: &Call<'_>, key: &Part, below: &[&str]) -> Result<Answer, Failure> {
    match (call.method, below) {
        (&Method::GET, []) => read(call, key),
        (&Method::PATCH, []) => update(call, key),
        (&Method::DELETE, []) => recycle::delete(call, |_, seen| find(seen, key)),
        (&Method::POST, ["revokesigninsessions"]) => revoke(call, key),
        (&Method::POST, ["assignlicense"]) => licences::assign(call, key),
        (&Method::GET, ["licensedetails"]) => licences::details(call, key),
        (_, ["authentication", rest @ ..]) => methods::route(call, key, rest),
        (&Method::POST, [action]) if membership::is_action(action) => membership::answer(call, |seen| find(seen, key), action),
        // No mailbox, no photo.
        (&Method::GET, ["photo"] | ["photo", "$value"]) => {
            let world = call.app.world.read();
            find(&call.view(&world.tenant), key)?;
            Err(Failure::new(404, "ImageNotFound", "The photo wasn't found."))
        }
        (&Method::GET, ["manager"]) => manager(call, key),
        (method, ["manager", "$ref"]) => references::manager(call, method, key),
        (&Method::GET, ["memberof", cast @ ..]) => references::list(call, Kind::User, key, Relation::Member, Way::Backward, cast),
        (&Method::GET, ["transitivememberof", cast @ ..]) => references::reach(call, Kind::User, key, Way::Backward, cast),
        (&Method::GET, ["ownedobjects", cast @ ..]) => {
            references::list(call, Kind::User, key, Relation::Owner, Way::Backward, cast)
        }
        (&Method::GET, ["directreports", cast @ ..]) => {
            references::list(call, Kind::User, key, Relation::Manager, Way::Backward, cast)
        }
        (
            _,
            []
            | ["revokesigninsessions" | "manager" | "memberof" | "transitivememberof" | "ownedobjects" | "directreports", ..]
            | ["assignlicense" | "licensedetails", ..],
        ) => Err(Failure::method()),
        (_, [segment, ..]) => Err(Failure::segment(segment)),
    }
}

/// The live user that a path names: an id, or a user principal name.
///
/// # Errors
/// 404 naming it.
pub(crate) fn find(tenant: &View<'_>, key: &Part) -> Result<Row, Failure> {
    let text = key.text();
    let by_id = text.parse().ok().and_then(|id| tenant.live(id)).filter(|row| tenant.object(*row).kind == Kind::User);
    let found = match by_id {
        None => tenant.keyed(Kind::User, Name::USER_PRINCIPAL_NAME, text)?,
        known => known,
    };
    found.ok_or_else(|| Failure::not_found(text))
}

fn create(call: &Call<'_>) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let now = call.app.clock.now();
    let mut world = call.write();
    let mut draft = rules::read(&world, Kind::User, None, &body)?;
    rules::create_user(&world, &mut draft)?;
    let manager =
        manager_of(call, &world, &draft).map_err(|failure| call.unknown_at_create(&world.tenant, &draft.binds, failure))?;
    draft.edits.push((Name::CREATED, Value::text(rfc3339(now))));
    if !draft.sets(Name::USER_TYPE) {
        draft.edits.push((Name::USER_TYPE, Value::text("Member")));
    }
    let id = world.tenant.next_id();
    let row = world.tenant.create(id, Kind::User, draft.edits);
    if let Some(manager) = manager {
        world.tenant.link(Relation::Manager, row, manager);
    }
    created(call, &View::primary(&world.tenant), row)
}

/// 201 with the default properties of a new object.
pub(crate) fn created(call: &Call<'_>, tenant: &View<'_>, row: Row) -> Result<Answer, Failure> {
    let object = tenant.object(row);
    let collection = object.kind.collection();
    let context = call.context(&format!("{collection}/$entity"));
    let mut out = Vec::with_capacity(1024);
    write_object(&mut out, tenant, row, &Fields::shown(tenant), Preamble::Context(&context, None));
    Ok(Answer::written(201, out).header("location", call.url(&format!("{collection}/{}", object.id))))
}

/// 200 with one object.
pub(crate) fn entity(call: &Call<'_>, tenant: &View<'_>, row: Row) -> Result<Answer, Failure> {
    let kind = tenant.object(row).kind;
    let fields = Fields::of(tenant, Holds::Only(kind), call.query)?;
    let selected = call.query.select().map_or_else(String::new, |names| format!("({})", names.join(",")));
    let context = call.context(&format!("{}{selected}/$entity", kind.collection()));
    let tip = "This request only returns a subset of the resource's properties. Your app will need to use $select to return \
               non-default properties.";
    let tip = selected.is_empty().then_some(tip);
    let mut out = Vec::with_capacity(1024);
    write_object(&mut out, tenant, row, &fields, Preamble::Context(&context, tip));
    Ok(Answer::written(200, out))
}

/// 200 with one object whose kind the path leaves open; a selection may name what `holds` have.
pub(crate) fn any_entity(call: &Call<'_>, tenant: &View<'_>, row: Row, holds: Holds) -> Result<Answer, Failure> {
    let fields = Fields::of(tenant, holds, call.query)?;
    let mut out = Vec::with_capacity(1024);
    write_object(&mut out, tenant, row, &fields, Preamble::Entity(&call.context("directoryObjects/$entity")));
    Ok(Answer::written(200, out))
}

fn read(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let seen = call.view(&world.tenant);
    entity(call, &seen, find(&seen, key)?)
}

fn update(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    permission::properties(call, &body)?;
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| find(seen, key))?;
    let mut draft = rules::read(&world, Kind::User, Some(world.tenant.object(row)), &body)?;
    rules::update_user(&world, row, &mut draft)?;
    let manager = manager_of(call, &world, &draft)?;
    world.tenant.edit(row, draft.edits);
    if let Some(manager) = manager {
        references::set_manager(&mut world.tenant, row, Some(manager));
    }
    Ok(Answer::no_content())
}

fn manager_of(call: &Call<'_>, world: &World, draft: &Draft) -> Result<Option<Row>, Failure> {
    draft.binds.first().map(|(_, reference)| rules::link::resolve(&call.view(&world.tenant), reference)).transpose()
}

fn revoke(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let now = rfc3339(call.app.clock.now());
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| find(seen, key))?;
    world.tenant.edit(row, vec![(Name::SESSIONS_VALID_FROM, Value::text(now))]);
    Ok(Answer::json(200, &serde_json::json!({ "@odata.context": call.context("Edm.Boolean"), "value": true })))
}

fn manager(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let seen = call.view(&world.tenant);
    let manager = references::manager_of(&seen, find(&seen, key)?)?;
    any_entity(call, &seen, manager, Holds::Any)
}

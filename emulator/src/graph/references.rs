//! References: members, owners, manager and the lists that follow them.

use super::answer::Answer;
use super::call::Call;
use super::cursor::next_link;
use super::fields::{Holds, Members, write_list};
use super::listing::{DEFAULT_PAGE, Index, Listing};
use super::{applications, bystanders, groups, recycle, users};
use crate::directory::{Kind, Name, Relation, Row, Tenant, View, Way};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules::{self, guard, link};
use axum::http::Method;
use serde_json::{Value as Json, json};

/// Answers a request below `/groups/{id}/members` or `/owners`; `parts` begins with that segment.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn below(
    call: &Call<'_>,
    relation: Relation,
    group: &Part,
    parts: &[Part],
    words: &[&str],
) -> Result<Answer, Failure> {
    match (call.method, words) {
        (&Method::GET, ["$ref"]) => urls(call, relation, group),
        (&Method::GET, cast) if cast.first().is_none_or(|word| *word == "$count" || Kind::of_cast(word).is_some()) => {
            list(call, Kind::Group, group, relation, Way::Forward, cast)
        }
        (&Method::POST, ["$ref"]) => add(call, relation, group),
        (&Method::DELETE, [_, "$ref"]) => remove(call, relation, group, parts[1].text()),
        // Without `/$ref` the path names the object itself, and that is what goes.
        (&Method::DELETE, [_]) if call.app.world.read().switches.delete_through_references => {
            recycle::delete(call, |world, seen| {
                let group = groups::find(seen, group)?;
                link::held(world, seen, relation, group, parts[1].text())
            })
        }
        (_, [] | ["$ref"] | [_] | [_, "$ref"]) => Err(Failure::method()),
        (_, [_, segment, ..]) => Err(Failure::segment(segment)),
    }
}

/// The reference in a body of `/$ref`.
///
/// # Errors
/// 400 for a body without one.
pub(super) fn target(body: &[u8]) -> Result<link::Reference, Failure> {
    let body = rules::object(body)?;
    let url = body.get("@odata.id").and_then(Json::as_str);
    link::reference(url.ok_or_else(|| Failure::bad_request("The request body must contain '@odata.id'."))?)
}

fn add(call: &Call<'_>, relation: Relation, group: &Part) -> Result<Answer, Failure> {
    let reference = target(call.body)?;
    let mut world = call.write();
    let group = call.locate(&world.tenant, |seen| groups::find(seen, group))?;
    call.needs_for_roles(world.tenant.object(group).is_true(Name::ASSIGNABLE_TO_ROLE))?;
    for (relation, row) in link::admit(&world, &call.view(&world.tenant), link::Holder::Known(group), &[(relation, reference)])? {
        world.tenant.link(relation, group, row);
    }
    Ok(Answer::no_content())
}

fn remove(call: &Call<'_>, relation: Relation, group: &Part, id: &str) -> Result<Answer, Failure> {
    let mut world = call.write();
    let group = call.locate(&world.tenant, |seen| groups::find(seen, group))?;
    call.needs_for_roles(world.tenant.object(group).is_true(Name::ASSIGNABLE_TO_ROLE))?;
    let row = link::release(&world, &call.view(&world.tenant), relation, group, id)?;
    world.tenant.unlink(relation, group, row);
    Ok(Answer::no_content())
}

fn urls(call: &Call<'_>, relation: Relation, group: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let seen = call.view(&world.tenant);
    let group = groups::find(&seen, group)?;
    let after =
        call.query.option("skiptoken").map(|token| token.parse().map(Row).map_err(|_| Failure::page_token())).transpose()?;
    let top = call.query.top(DEFAULT_PAGE)?;
    let live = seen.links().targets(relation, group, after).filter(|row| seen.object(*row).is_live());
    let mut rows: Vec<Row> = live.take(top + 1).collect();
    let next = (rows.len() > top).then(|| rows[top - 1].0);
    rows.truncate(top);
    let mut out = Vec::new();
    let mut map = Members::open(&mut out);
    map.text("@odata.context", &call.context("Collection($ref)"));
    if let Some(row) = next {
        map.text("@odata.nextLink", &next_link(call, &row.to_string()));
    }
    map.name("value");
    write_list(map.out, rows, |out, row| {
        let url = call.url(&format!("directoryObjects/{}", world.tenant.object(row).id));
        out.extend_from_slice(json!({ "@odata.id": url }).to_string().as_bytes());
    });
    map.close();
    Ok(Answer::written(200, out))
}

fn find(tenant: &View<'_>, kind: Kind, key: &Part) -> Result<Row, Failure> {
    match kind {
        Kind::User => users::find(tenant, key),
        Kind::Group => groups::find(tenant, key),
        Kind::Application | Kind::ServicePrincipal => applications::find(tenant, kind, key),
        Kind::Device | Kind::Contact => bystanders::find(tenant, kind, key),
    }
}

/// Lists what a relation leads to (or who leads here); `cast` may narrow it to a kind, or ask for the number.
///
/// # Errors
/// An unknown object, cast or query option.
pub(crate) fn list(
    call: &Call<'_>,
    kind: Kind,
    key: &Part,
    relation: Relation,
    way: Way,
    cast: &[&str],
) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let tenant = &call.view(&world.tenant);
    let row = find(tenant, kind, key)?;
    let source = move |after| -> Box<dyn Iterator<Item = Row>> {
        let links = tenant.links();
        let live = |row: &Row| tenant.object(*row).is_live();
        match way {
            Way::Forward => Box::new(links.targets(relation, row, after).filter(live)),
            Way::Backward => Box::new(links.sources(relation, row, after).filter(live)),
        }
    };
    answer(call, tenant, cast, &source)
}

/// Lists what is reached over members, nested groups included.
///
/// # Errors
/// As [`list`].
pub(crate) fn reach(call: &Call<'_>, kind: Kind, key: &Part, way: Way, cast: &[&str]) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let tenant = &call.view(&world.tenant);
    let row = find(tenant, kind, key)?;
    let reached = tenant.links().closure(Relation::Member, row, way);
    let source = |after: Option<Row>| -> Box<dyn Iterator<Item = Row>> {
        let later = move |row: &Row| after.is_none_or(|after| *row > after) && tenant.object(*row).is_live();
        Box::new(reached.iter().copied().filter(later))
    };
    answer(call, tenant, cast, &source)
}

fn answer<'a>(
    call: &Call<'_>,
    tenant: &'a View<'a>,
    cast: &[&str],
    source: &'a super::listing::Source<'a>,
) -> Result<Answer, Failure> {
    let holds = match cast {
        [] | ["$count"] => Holds::Any,
        [segment, ..] => Holds::Only(Kind::of_cast(segment).ok_or_else(|| Failure::segment(segment))?),
    };
    let context = match holds {
        Holds::Only(kind) => kind.collection(),
        Holds::Any => "directoryObjects",
    };
    let listing = Listing { tenant, holds, context, source, index: Index::Relationship };
    if cast.last() == Some(&"$count") { listing.count(call) } else { listing.answer(call) }
}

/// The live manager of a user.
///
/// # Errors
/// 404 without one.
pub(crate) fn manager_of(tenant: &View<'_>, user: Row) -> Result<Row, Failure> {
    let live = |row: &Row| tenant.object(*row).is_live();
    tenant.links().targets(Relation::Manager, user, None).find(live).ok_or_else(|| Failure::not_found("manager"))
}

/// Gives a user another manager, or none.
pub(crate) fn set_manager(tenant: &mut Tenant, user: Row, manager: Option<Row>) {
    let before: Vec<Row> = tenant.links().targets(Relation::Manager, user, None).collect();
    for former in before.into_iter().filter(|former| Some(*former) != manager) {
        tenant.unlink(Relation::Manager, user, former);
    }
    if let Some(manager) = manager {
        tenant.link(Relation::Manager, user, manager);
    }
}

/// Answers `/users/{id}/manager/$ref`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn manager(call: &Call<'_>, method: &Method, user: &Part) -> Result<Answer, Failure> {
    match *method {
        Method::GET => {
            let world = call.app.world.read();
            let seen = call.view(&world.tenant);
            let manager = manager_of(&seen, users::find(&seen, user)?)?;
            let url = call.url(&format!("directoryObjects/{}", world.tenant.object(manager).id));
            Ok(Answer::json(200, &json!({ "@odata.context": call.context("$ref"), "@odata.id": url })))
        }
        Method::PUT => write_manager(call, user, Some(target(call.body)?)),
        Method::DELETE => write_manager(call, user, None),
        _ => Err(Failure::method()),
    }
}

fn write_manager(call: &Call<'_>, user: &Part, reference: Option<link::Reference>) -> Result<Answer, Failure> {
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| users::find(seen, user))?;
    guard::mastered(world.tenant.object(row))?;
    let manager = reference.map(|reference| link::resolve(&call.view(&world.tenant), &reference)).transpose()?;
    if let Some(manager) = manager.filter(|manager| world.tenant.object(*manager).kind != Kind::User) {
        return Err(Failure::not_found(world.tenant.object(manager).id));
    }
    if manager.is_none() {
        manager_of(&View::primary(&world.tenant), row)?;
    }
    set_manager(&mut world.tenant, row, manager);
    Ok(Answer::no_content())
}

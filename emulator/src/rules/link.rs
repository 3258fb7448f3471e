//! Which references may be added and removed.

use super::guard;
use crate::directory::{Kind, Life, Name, Object, Relation, Row, Tenant, View};
use crate::failure::Failure;
use crate::odata::parts;
use crate::world::World;
use std::collections::BTreeSet;

/// The most references that one request may add.
pub(crate) const MOST_CHANGES: usize = 20;
/// The most owners that a group may have.
const MOST_OWNERS: usize = 100;

/// An object named by the URL of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The id as it was written.
    pub(crate) id: String,
    /// The kind that the URL's collection implies.
    pub(crate) kind: Option<Kind>,
}

/// Reads `https://host/v1.0/{directoryObjects, or the collection of a kind}/{id}`.
///
/// # Errors
/// 400 for any other URL.
pub(crate) fn reference(url: &str) -> Result<Reference, Failure> {
    let wrong = || Failure::bad_request(format!("The URL '{url}' does not name a directory object."));
    let (_, path) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
    let parts = parts(path);
    let [version, collection, id] = parts.as_slice() else { return Err(wrong()) };
    let kind = match collection.word().as_str() {
        "directoryobjects" => None,
        collection => Some(Kind::of_collection(collection).ok_or_else(wrong)?),
    };
    let versioned = matches!(version.word().as_str(), "v1.0" | "beta");
    if versioned { Ok(Reference { id: id.text().to_owned(), kind }) } else { Err(wrong()) }
}

/// The live object that a reference names: known where the request reads, and still there at the primary.
///
/// # Errors
/// 404 naming it.
pub(crate) fn resolve(seen: &View<'_>, reference: &Reference) -> Result<Row, Failure> {
    let missing = || Failure::not_found(&reference.id);
    let row = reference.id.parse().ok().and_then(|id| seen.live(id)).ok_or_else(missing)?;
    let object = Tenant::object(seen, row);
    let fits = reference.kind.is_none_or(|kind| object.kind == kind);
    if fits && object.is_live() { Ok(row) } else { Err(missing()) }
}

/// What references are added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A group, or an application, that is there.
    Known(Row),
    /// One that is being created.
    New {
        /// A Microsoft 365 group.
        unified: bool,
        /// A group whose members come from a rule.
        dynamic: bool,
    },
}

impl Holder {
    fn row(self) -> Option<Row> {
        match self {
            Holder::Known(row) => Some(row),
            Holder::New { .. } => None,
        }
    }

    fn is_unified(self, world: &World) -> bool {
        match self {
            Holder::Known(row) => world.tenant.object(row).is_unified(),
            Holder::New { unified, .. } => unified,
        }
    }
}

/// Checks a set of references to add, all or nothing.
///
/// # Errors
/// Too many, twice the same, unknown, already there, of the wrong kind, over the quota, or a group that cannot be written.
pub(crate) fn admit(
    world: &World,
    seen: &View<'_>,
    holder: Holder,
    binds: &[(Relation, Reference)],
) -> Result<Vec<(Relation, Row)>, Failure> {
    let group = holder.row();
    if binds.len() > MOST_CHANGES {
        return Err(too_many());
    }
    only_once(group.map(|row| world.tenant.object(row)), binds)?;
    let links: Result<Vec<(Relation, Row)>, Failure> =
        binds.iter().map(|(relation, reference)| Ok((*relation, resolve(seen, reference)?))).collect();
    let links = links?;
    for (relation, row) in &links {
        fits(world, holder, *relation, *row)?;
    }
    for (relation, _) in binds {
        match holder {
            Holder::Known(group) => guard::members(world, group, *relation)?,
            Holder::New { dynamic, .. } if dynamic && *relation == Relation::Member => return Err(Failure::denied()),
            Holder::New { .. } => {}
        }
    }
    // Owners that are there already count once more: near the limit this comes before the news that they are.
    owners_fit(world, group, &links)?;
    group.map_or(Ok(()), |group| absent(world, group, &links))?;
    Ok(links)
}

/// 400: more references than one request may add.
pub(crate) fn too_many() -> Failure {
    Failure::bad_request("A resource cannot contain more than 20 link changes")
}

fn only_once(group: Option<&Object>, binds: &[(Relation, Reference)]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let twice = binds.iter().find(|(relation, reference)| !seen.insert((*relation, reference.id.to_ascii_lowercase())));
    let Some((_, reference)) = twice else { return Ok(()) };
    let owner = group.map_or_else(String::new, |group| group.id.to_string());
    Err(Failure::bad_request(format!(
        "Object '[{}]' referenced from '[{owner}]' can only be present once as an add/remove change.",
        reference.id
    )))
}

fn fits(world: &World, holder: Holder, relation: Relation, row: Row) -> Result<(), Failure> {
    let object = world.tenant.object(row);
    let unified = holder.is_unified(world);
    let guest = object.text(Name::USER_TYPE) == Some("Guest");
    if guest && unified && !world.switches.guests_in_groups {
        return Err(Failure::new(403, "Authorization_RequestDenied", "Guests users are not allowed to join"));
    }
    // Groups own nothing, and a Microsoft 365 group contains only users.
    let wrong_kind = match object.kind {
        Kind::User => false,
        Kind::Group => relation == Relation::Owner || unified,
        Kind::ServicePrincipal => relation == Relation::Member && unified,
        Kind::Device | Kind::Contact => relation == Relation::Owner || unified,
        Kind::Application => true,
    };
    if wrong_kind || holder.row() == Some(row) {
        return Err(Failure::bad_request(format!(
            "The reference target '{kind}_{id}' of type '{kind}' is invalid for the '{relation}' reference.",
            kind = object.kind.resource(),
            id = object.id,
            relation = relation.property()
        )));
    }
    Ok(())
}

fn absent(world: &World, group: Row, links: &[(Relation, Row)]) -> Result<(), Failure> {
    let there = links.iter().find(|(relation, row)| world.tenant.links().has(*relation, group, *row));
    let Some((relation, _)) = there else { return Ok(()) };
    Err(Failure::bad_request(format!(
        "One or more added object references already exist for the following modified properties: '{}'.",
        relation.property()
    )))
}

fn owners_fit(world: &World, group: Option<Row>, links: &[(Relation, Row)]) -> Result<(), Failure> {
    let new = links.iter().filter(|(relation, _)| *relation == Relation::Owner).count();
    let owners = new + group.map_or(0, |group| world.tenant.links().count(Relation::Owner, group));
    if new == 0 || owners <= MOST_OWNERS {
        return Ok(());
    }
    let message = format!(
        "Unable to perform operation as '{owners}' would exceed the maximum quota count '{MOST_OWNERS}' for forward-link 'owners'."
    );
    Err(Failure::new(403, "Directory_QuotaExceeded", message))
}

/// A replica still shows the reference, but the primary has removed it.
fn removed_already(relation: Relation) -> Failure {
    Failure::bad_request(format!(
        "One or more removed object references do not exist for the following modified properties: '{}'.",
        relation.property()
    ))
}

/// Checks the removal of one reference and finds its target.
///
/// # Errors
/// As [`held`]; 400 for the last owner who is not deleted, or a group that cannot be written.
pub(crate) fn release(world: &World, seen: &View<'_>, relation: Relation, group: Row, id: &str) -> Result<Row, Failure> {
    guard::members(world, group, relation)?;
    let row = held(world, seen, relation, group, id)?;
    let live = |other: &Row| world.tenant.object(*other).is_live();
    let others = world.tenant.links().targets(relation, group, None).filter(live).any(|other| other != row);
    if relation == Relation::Owner && !others && world.switches.keep_last_owner {
        return Err(Failure::bad_request("The group must have at least one owner, hence this owner cannot be removed."));
    }
    Ok(row)
}

/// The target of a reference that is there (a recycled object may still be a member).
///
/// # Errors
/// 404 naming the target when there is no such reference.
pub(crate) fn held(world: &World, seen: &View<'_>, relation: Relation, group: Row, id: &str) -> Result<Row, Failure> {
    let known = |row: &Row| seen.object(*row).life != Life::Purged;
    let row = id.parse().ok().and_then(|id| world.tenant.find(id)).filter(known).ok_or_else(|| Failure::not_found(id))?;
    if !world.tenant.links().has(relation, group, row) {
        let gone = seen.links().has(relation, group, row);
        return Err(if gone { removed_already(relation) } else { Failure::not_found(id) });
    }
    Ok(row)
}

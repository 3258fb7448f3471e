//! How objects and references look in a delta answer.

use super::tracking::Tracking;
use super::window::Changed;
use crate::directory::{Life, Name, Object, Relation, Row, View, write_text};
use crate::graph::fields::{Members, write_list};

/// Which properties of a changed object are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All tracked ones that were ever set.
    Full,
    /// Only those that changed.
    Minimal,
}

/// Writes an object of an enumeration with a slice of its references.
pub(crate) fn enumerated(out: &mut Vec<u8>, tenant: &View<'_>, row: Row, tracking: &Tracking, links: &[(Relation, Row)]) {
    let object = tenant.object(row);
    let mut map = Members::open(out);
    if object.is_live() {
        properties(&mut map, tenant, object, &tracking.names);
        references(&mut map, tenant, row, links);
    } else {
        gone(&mut map, object);
    }
    map.close();
}

/// Writes a changed object with a slice of its changed references.
pub(crate) fn changed(
    out: &mut Vec<u8>,
    tenant: &View<'_>,
    changed: &Changed,
    tracking: &Tracking,
    links: &[(Relation, Row)],
    detail: Detail,
) {
    let object = tenant.object(changed.row);
    let mut map = Members::open(out);
    if object.is_live() {
        let told = |name: &&Name| detail == Detail::Full || changed.whole || **name == Name::ID || changed.names.contains(name);
        let names: Vec<Name> = tracking.names.iter().filter(told).copied().collect();
        properties(&mut map, tenant, object, &names);
        references(&mut map, tenant, changed.row, links);
    } else {
        gone(&mut map, object);
    }
    map.close();
}

/// An object that is not in the directory any more, or only in its recycle bin.
fn gone(map: &mut Members<'_>, object: &Object) {
    map.text("id", &object.id.to_string());
    removed(map, if object.life == Life::Purged { "deleted" } else { "changed" });
}

fn properties(map: &mut Members<'_>, tenant: &View<'_>, object: &Object, names: &[Name]) {
    for name in names {
        let spelled = tenant.schema.spell(*name);
        match object.value(*name) {
            _ if *name == Name::ID => map.text(spelled, &object.id.to_string()),
            Some(value) => {
                map.name(spelled);
                value.write(map.out);
            }
            // What was never set is left out.
            None => {}
        }
    }
}

fn removed(map: &mut Members<'_>, reason: &str) {
    map.name("@removed");
    map.out.extend_from_slice(b"{\"reason\":");
    write_text(map.out, reason);
    map.out.push(b'}');
}

fn references(map: &mut Members<'_>, tenant: &View<'_>, row: Row, links: &[(Relation, Row)]) {
    for relation in [Relation::Member, Relation::Owner, Relation::Manager] {
        let others: Vec<Row> = links.iter().filter(|(of, _)| *of == relation).map(|(_, other)| *other).collect();
        if others.is_empty() {
            continue;
        }
        map.name(&format!("{}@delta", relation.property()));
        write_list(map.out, others, |out, other| reference(out, tenant, relation, row, other));
    }
}

fn reference(out: &mut Vec<u8>, tenant: &View<'_>, relation: Relation, from: Row, to: Row) {
    let object = tenant.object(to);
    let mut map = Members::open(out);
    map.text("@odata.type", object.kind.odata_type());
    map.text("id", &object.id.to_string());
    if !tenant.links().has(relation, from, to) {
        removed(&mut map, "deleted");
    }
    map.close();
}

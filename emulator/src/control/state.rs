//! The tenant laid open, page by page.

use crate::directory::{Kind, Life, Name, Relation, Row, Tenant, write_text};
use crate::graph::{Members, write_list, write_value};
use serde::Deserialize;
use serde_json::json;

/// What to show.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// `users`, `groups`, `applications`, `servicePrincipals` or `deleted`; without it, only the counts.
    kind: Option<String>,
    /// The id after which to go on.
    after: Option<String>,
    /// How many, 1000 by default.
    top: Option<usize>,
}

const DEFAULT_PAGE: usize = 1000;

/// The counts, or a page of objects with every property that was ever set and all references.
///
/// # Errors
/// An unknown kind or id.
pub(crate) fn state(tenant: &Tenant, wanted: &Wanted) -> Result<Vec<u8>, String> {
    let Some(kind) = wanted.kind.as_deref() else { return Ok(counts(tenant)) };
    let after = wanted
        .after
        .as_deref()
        .map(|id| id.parse().ok().and_then(|id| tenant.find(id)).ok_or("unknown object id in 'after'"))
        .transpose()?;
    let live = |row: &Row| tenant.object(*row).is_live();
    let rows: Box<dyn Iterator<Item = Row>> = match kind {
        "deleted" => Box::new(tenant.recycled().filter(move |row| after.is_none_or(|after| *row > after))),
        _ => {
            let kind = Kind::of_collection(kind).ok_or_else(|| {
                format!("unknown kind '{kind}': users, groups, applications, servicePrincipals, devices, contacts or deleted")
            })?;
            Box::new(tenant.rows(kind, after).iter().copied().filter(live))
        }
    };
    let top = wanted.top.unwrap_or(DEFAULT_PAGE);
    let mut rows: Vec<Row> = rows.take(top + 1).collect();
    let more = rows.len() > top;
    rows.truncate(top);
    let next = rows.last().filter(|_| more).map(|row| tenant.object(*row).id.to_string());
    let mut out = Vec::new();
    let mut map = Members::open(&mut out);
    map.name("value");
    write_list(map.out, rows, |out, row| object(out, tenant, row));
    if let Some(next) = next {
        map.text("next", &next);
    }
    map.close();
    Ok(out)
}

fn counts(tenant: &Tenant) -> Vec<u8> {
    let live = |kind| tenant.rows(kind, None).iter().filter(|row| tenant.object(**row).is_live()).count();
    let counts = json!({
        "users": live(Kind::User),
        "groups": live(Kind::Group),
        "deleted": tenant.recycled().count(),
        "references": tenant.links().total(),
        "changes": tenant.journal().end(),
    });
    counts.to_string().into_bytes()
}

fn object(out: &mut Vec<u8>, tenant: &Tenant, row: Row) {
    let object = tenant.object(row);
    let mut map = Members::open(out);
    map.text("id", &object.id.to_string());
    map.text("kind", object.kind.odata_type().trim_start_matches("#microsoft.graph."));
    for (name, _) in object.properties() {
        map.name(tenant.schema.spell(name));
        write_value(map.out, tenant, object, name);
    }
    if matches!(object.life, Life::Recycled(_)) {
        map.name("deletedDateTime");
        write_value(map.out, tenant, object, Name::DELETED);
    }
    let ids = |relation| tenant.links().targets(relation, row, None).map(|to| tenant.object(to).id.to_string());
    let lists: &[Relation] = match object.kind {
        Kind::User | Kind::Device | Kind::Contact => &[],
        Kind::Group => &[Relation::Member, Relation::Owner],
        Kind::Application | Kind::ServicePrincipal => &[Relation::Owner],
    };
    for relation in lists {
        map.name(relation.property());
        write_list(map.out, ids(*relation), |out, id| write_text(out, &id));
    }
    if let Some(manager) = ids(Relation::Manager).next() {
        map.text("manager", &manager);
    }
    let roles: Vec<&str> =
        tenant.roles.assignments().iter().filter(|held| held.principal == row).map(|held| held.role().name).collect();
    if !roles.is_empty() {
        map.name("directoryRoles");
        write_list(map.out, roles, write_text);
    }
    map.close();
}

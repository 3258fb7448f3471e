//! Filling the tenant in bulk, past the rules of Graph: also with what an application could not write.

use crate::clock::rfc3339;
use crate::directory::{Access, Assignment, GroupEligibility, Hold, Kind, Name, Product, Relation, Roles, Row, Tenant, Value};
use crate::failure::Failure;
use crate::graph::set_manager;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// What to put into the tenant. References name objects by id, user principal name, unique name or (service principals) application id,
/// including objects of the same seed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Seed {
    /// Users: any property of the schema, `id`, and `manager`.
    #[serde(default)]
    users: Vec<Map<String, Json>>,
    /// Groups: any property of the schema, `id`, `members` and `owners`.
    #[serde(default)]
    groups: Vec<Map<String, Json>>,
    /// Applications: any property of the schema, `id`, and `owners`. One whose `appId` is there already is changed.
    #[serde(default)]
    applications: Vec<Map<String, Json>>,
    /// Service principals, likewise.
    #[serde(default)]
    service_principals: Vec<Map<String, Json>>,
    /// Devices: any property of the schema, and `id`.
    #[serde(default)]
    devices: Vec<Map<String, Json>>,
    /// Contacts, likewise.
    #[serde(default)]
    contacts: Vec<Map<String, Json>>,
    /// Memberships of groups that are there already.
    #[serde(default)]
    memberships: Vec<Membership>,
    /// Products that the tenant has subscribed to.
    #[serde(default)]
    subscribed_skus: Vec<Product>,
    /// Holders of directory roles.
    #[serde(default)]
    role_holders: Vec<Holder>,
    /// Who can become a member or an owner of a group.
    #[serde(default)]
    group_eligibilities: Vec<Candidate>,
    /// Objects to move to the recycle bin.
    #[serde(default)]
    deleted: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Membership {
    group: String,
    member: Option<String>,
    owner: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    principal: String,
    role: String,
    /// Everywhere by default; else `/administrativeUnits/{id}` or `/{id}`.
    #[serde(default = "everywhere")]
    scope: String,
    /// The role is not held but can be activated.
    #[serde(default)]
    eligible: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Candidate {
    group: String,
    principal: String,
    access: Access,
}

fn everywhere() -> String {
    "/".to_owned()
}

/// The ids of the objects that came into being.
#[derive(Debug, Default)]
pub(crate) struct Seeded {
    /// Users, in the order given.
    pub(crate) users: Vec<Uuid>,
    /// Groups, in the order given.
    pub(crate) groups: Vec<Uuid>,
    /// Applications, in the order given.
    pub(crate) applications: Vec<Uuid>,
    /// Service principals, in the order given.
    pub(crate) service_principals: Vec<Uuid>,
    /// Devices, in the order given.
    pub(crate) devices: Vec<Uuid>,
    /// Contacts, in the order given.
    pub(crate) contacts: Vec<Uuid>,
}

/// Carries out a seed. What stands before an error stays.
///
/// # Errors
/// An unknown property, a value that no property can hold, an id in use, or an unknown reference.
pub(crate) fn seed(tenant: &mut Tenant, seed: Seed, now: i64) -> Result<Seeded, Failure> {
    let mut seeded = Seeded::default();
    seed.subscribed_skus.into_iter().for_each(|product| tenant.licences.subscribe(product));
    let mut later: Vec<(Row, Relation, String)> = Vec::new();
    let kinds = [
        (Kind::User, seed.users, &mut seeded.users),
        (Kind::Group, seed.groups, &mut seeded.groups),
        (Kind::Application, seed.applications, &mut seeded.applications),
        (Kind::ServicePrincipal, seed.service_principals, &mut seeded.service_principals),
        (Kind::Device, seed.devices, &mut seeded.devices),
        (Kind::Contact, seed.contacts, &mut seeded.contacts),
    ];
    for (kind, objects, ids) in kinds {
        for map in objects {
            ids.push(add(tenant, kind, map, now, &mut later)?);
        }
    }
    for Membership { group, member, owner } in seed.memberships {
        let row = find(tenant, &group)?;
        later.extend(member.map(|member| (row, Relation::Member, member)));
        later.extend(owner.map(|owner| (row, Relation::Owner, owner)));
    }
    for (from, relation, to) in later {
        let to = find(tenant, &to)?;
        match relation {
            Relation::Manager => set_manager(tenant, from, Some(to)),
            Relation::Member | Relation::Owner => _ = tenant.link(relation, from, to),
        }
    }
    for Holder { principal, role, scope, eligible } in seed.role_holders {
        let principal = find(tenant, &principal)?;
        let role = Roles::named(&role).ok_or_else(|| Failure::bad_request(format!("No directory role is named '{role}'.")))?;
        let hold = if eligible { Hold::Eligible } else { Hold::Active };
        tenant.assign(Assignment { principal, role, scope, hold });
    }
    for Candidate { group, principal, access } in seed.group_eligibilities {
        let (group, principal) = (find(tenant, &group)?, find(tenant, &principal)?);
        tenant.roles.group_eligibilities.push(GroupEligibility { group, principal, access });
    }
    for id in seed.deleted {
        let row = find(tenant, &id)?;
        tenant.recycle(row, now);
    }
    Ok(seeded)
}

fn add(
    tenant: &mut Tenant,
    kind: Kind,
    map: Map<String, Json>,
    now: i64,
    later: &mut Vec<(Row, Relation, String)>,
) -> Result<Uuid, Failure> {
    let mut properties = vec![(Name::CREATED, Value::text(rfc3339(now)))];
    let mut references = Vec::new();
    let mut id = None;
    for (name, json) in map {
        if name == "id" {
            id = Some(free_id(tenant, &json)?);
        } else if let Some(relation) = Relation::named(&name) {
            references.push((relation, json));
        } else {
            properties.push(property(tenant, kind, &name, json)?);
        }
    }
    let same = |name: &Name, value: &Value| {
        let app_id = value.as_text().filter(|_| *name == Name::APP_ID)?;
        tenant.holders_of_any(Name::APP_ID, app_id).find(|row| tenant.object(*row).kind == kind)
    };
    let known = properties.iter().find_map(|(name, value)| same(name, value));
    let row = match known {
        Some(row) => {
            properties.retain(|(name, _)| *name != Name::CREATED);
            tenant.edit(row, properties);
            row
        }
        None => {
            let id = id.unwrap_or_else(|| tenant.next_id());
            tenant.create(id, kind, properties)
        }
    };
    let id = tenant.object(row).id;
    for (relation, json) in references {
        later.extend(texts(json).into_iter().map(|text| (row, relation, text)));
    }
    Ok(id)
}

fn free_id(tenant: &Tenant, json: &Json) -> Result<Uuid, Failure> {
    let id = json.as_str().and_then(|text| text.parse().ok()).filter(|id| tenant.find(*id).is_none());
    id.ok_or_else(|| Failure::bad_request(format!("{json} is not a free object id.")))
}

fn property(tenant: &Tenant, kind: Kind, name: &str, json: Json) -> Result<(Name, Value), Failure> {
    let known = tenant.schema.exact(kind, name).map(|(name, _)| name);
    let name = known.ok_or_else(|| Failure::bad_request(format!("Unknown property '{name}' of a {}.", kind.resource())))?;
    Ok((name, value(json)))
}

fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Flag(flag),
        Json::String(text) => Value::text(text),
        Json::Number(ref number) => number.as_i64().map_or_else(|| Value::Json(Box::new(json.clone())), Value::Number),
        Json::Array(items) if items.iter().all(Json::is_string) => Value::texts(texts(Json::Array(items))),
        Json::Array(_) | Json::Object(_) => Value::Json(Box::new(json)),
    }
}

/// One text or several.
fn texts(json: Json) -> Vec<String> {
    match json {
        Json::String(text) => vec![text],
        Json::Array(items) => items.into_iter().flat_map(texts).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Vec::new(),
    }
}

fn find(tenant: &Tenant, text: &str) -> Result<Row, Failure> {
    let by_id = text.parse().ok().and_then(|id| tenant.find(id));
    let by_name = |name| tenant.holders_of_any(name, text).next();
    let is_principal = |row: &Row| tenant.object(*row).kind == Kind::ServicePrincipal;
    let by_app_id = || tenant.holders_of_any(Name::APP_ID, text).find(is_principal);
    let found = by_id.or_else(|| by_name(Name::USER_PRINCIPAL_NAME)).or_else(|| by_name(Name::UNIQUE_NAME)).or_else(by_app_id);
    found.ok_or_else(|| Failure::not_found(text))
}

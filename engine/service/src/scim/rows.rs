//! Between rows of the source and SCIM resources. The document keeps the shape that imports give it: attributes of the
//! enterprise extension and of ours stand at its top, so that a mapping sees one sort of record.

use entrain_model::{Attributes, SourceId};
use entrain_scim::{Catalog, ENTERPRISE_USER, Map, ON_PREMISES_DATA, SOURCE_GROUP, SOURCE_USER, ScimError, Shape};
use entrain_store::{GroupRow, UserRow};
use serde_json::{Value as Json, json};

use super::answer::Failure;
use crate::import::scim as import;

/// Extensions whose attributes stand at the top of a document.
const FLAT: [&str; 4] = [ENTERPRISE_USER, ON_PREMISES_DATA, SOURCE_USER, SOURCE_GROUP];

/// A user as a resource, without `groups`, `id` and `meta`.
pub(super) fn user_resource(catalog: &Catalog, shape: &Shape<'_>, row: &UserRow) -> Map {
    let mut resource = spread(catalog, shape, &row.document);
    let mut name = match resource.remove("name") {
        Some(Json::Object(name)) => name,
        Some(_) | None => Map::new(),
    };
    put(&mut name, "givenName", row.given_name.as_deref());
    put(&mut name, "familyName", row.family_name.as_deref());
    if !name.is_empty() {
        resource.insert("name".into(), name.into());
    }
    put(&mut resource, "userName", Some(&row.user_name));
    put(&mut resource, "externalId", row.external_id.as_deref());
    put(&mut resource, "displayName", row.display_name.as_deref());
    if row.active && row.document.get("active") == Some(&Json::Null) {
        resource.remove("active");
    } else {
        resource.insert("active".into(), row.active.into());
    }
    if let Some(mail) = &row.mail {
        set_work_mail(&mut resource, mail);
    }
    if let Some(manager) = &row.manager {
        part(&mut resource, ENTERPRISE_USER).insert("manager".into(), json!({ "value": manager.as_str() }));
    }
    if row.service_account {
        part(&mut resource, SOURCE_USER).insert("serviceAccount".into(), true.into());
    }
    resource
}

/// A group as a resource, without `members`, `id` and `meta`.
pub(super) fn group_resource(catalog: &Catalog, shape: &Shape<'_>, row: &GroupRow) -> Map {
    let mut resource = spread(catalog, shape, &row.document);
    put(&mut resource, "displayName", Some(&row.display_name));
    put(&mut resource, "externalId", row.external_id.as_deref());
    if let Some(description) = &row.description {
        part(&mut resource, SOURCE_GROUP).insert("description".into(), description.as_str().into());
    }
    resource
}

/// The row of a user. What no schema knows, and the record that an operator has named, stay as they were.
pub(super) fn user_row(shape: &Shape<'_>, id: &SourceId, resource: Map, before: Option<&UserRow>) -> Result<UserRow, Failure> {
    let mut document = folded(shape, resource, before.map(|row| &row.document));
    document.insert("id".into(), id.as_str().into());
    document.remove("mail");
    if let Some(mail) = work_mail(&document) {
        document.insert("mail".into(), mail.into());
    }
    if let Some(target) = before.and_then(|row| row.target_object_id.as_ref()) {
        document.insert("targetObjectId".into(), target.as_str().into());
    }
    // What a column cannot tell: that nothing is said of `active`, and that it was said that this is a person.
    let unsaid = [("active", Json::Null), ("serviceAccount", Json::Bool(false))];
    let unsaid: Vec<_> = unsaid.into_iter().filter(|(name, value)| document.get(*name) == Some(value)).collect();
    let mut row = import::user(document).map_err(ScimError::value)?;
    row.document.extend(unsaid.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(row)
}

/// The row of a group.
pub(super) fn group_row(shape: &Shape<'_>, id: &SourceId, resource: Map, before: Option<&GroupRow>) -> Result<GroupRow, Failure> {
    let mut document = folded(shape, resource, before.map(|row| &row.document));
    document.insert("id".into(), id.as_str().into());
    document.remove("members");
    if let Some(target) = before.and_then(|row| row.target_object_id.as_ref()) {
        document.insert("targetObjectId".into(), target.as_str().into());
    }
    import::group(document).map_err(|detail| ScimError::value(detail).into())
}

/// Attributes of a document at the places that the schemas give them.
fn spread(catalog: &Catalog, shape: &Shape<'_>, document: &Attributes) -> Map {
    let mut resource = Map::new();
    for (name, value) in document {
        match home(catalog, shape, name) {
            Some(Home::Top | Home::Extension) => drop(resource.insert(name.clone(), value.clone())),
            Some(Home::Flat(urn)) => drop(part(&mut resource, urn).insert(name.clone(), value.clone())),
            None => {}
        }
    }
    resource
}

enum Home {
    Top,
    Extension,
    Flat(&'static str),
}

fn home(catalog: &Catalog, shape: &Shape<'_>, name: &str) -> Option<Home> {
    if shape.core().iter().any(|attribute| attribute.name == name) {
        return Some(Home::Top);
    }
    if shape.extension(name).is_some() {
        return Some(Home::Extension);
    }
    let has = |urn: &&str| {
        shape.extension(urn).is_some()
            && catalog.schema(urn).is_some_and(|schema| schema.attributes.iter().any(|a| a.name == name))
    };
    FLAT.into_iter().find(has).map(Home::Flat)
}

/// A resource as a document, with what of the old one no schema shows.
fn folded(shape: &Shape<'_>, resource: Map, before: Option<&Attributes>) -> Attributes {
    let mut document = Attributes::new();
    for (name, value) in before.into_iter().flatten() {
        let flat = shape.extensions.iter().any(|(schema, _)| schema.attributes.iter().any(|attribute| attribute.name == *name));
        let shown = flat || shape.extension(name).is_some() || shape.core().iter().any(|attribute| attribute.name == *name);
        if !shown {
            document.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in resource {
        match value {
            Json::Object(values) if FLAT.contains(&name.as_str()) => document.extend(values),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => {
                document.insert(name, value);
            }
        }
    }
    document
}

fn put(object: &mut Map, name: &str, value: Option<&str>) {
    match value {
        Some(value) => drop(object.insert(name.to_owned(), value.into())),
        None => drop(object.remove(name)),
    }
}

fn part<'m>(resource: &'m mut Map, urn: &str) -> &'m mut Map {
    let entry = resource.entry(urn.to_owned()).or_insert_with(|| Json::Object(Map::new()));
    if !entry.is_object() {
        *entry = Json::Object(Map::new());
    }
    entry.as_object_mut().unwrap_or_else(|| unreachable!("an object was just put there"))
}

/// The address at work: the preferred one of those.
fn work_mail(document: &Attributes) -> Option<String> {
    let list = document.get("emails")?.as_array()?;
    work_place(list).and_then(|index| list.get(index)?.get("value")?.as_str().map(str::to_owned))
}

fn work_place(list: &[Json]) -> Option<usize> {
    let work = |element: &Json| element.get("type").and_then(Json::as_str).is_some_and(|word| word.eq_ignore_ascii_case("work"));
    let preferred = list.iter().position(|element| work(element) && element.get("primary") == Some(&Json::Bool(true)));
    preferred.or_else(|| list.iter().position(work))
}

/// The column is what mappings read: it wins over the list.
fn set_work_mail(resource: &mut Map, mail: &str) {
    let entry = resource.entry("emails".to_owned()).or_insert_with(|| Json::Array(Vec::new()));
    let Json::Array(list) = entry else { return };
    match work_place(list).and_then(|index| list.get_mut(index)) {
        Some(element) => element["value"] = mail.into(),
        None => list.push(json!({ "type": "work", "value": mail })),
    }
}

//! The record as scripts see it: every attribute of the schema, `()` where it is not set, and whatever else the record has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use entrain_model::{Kind, SourceRecord};
use rhai::{Array, Dynamic, Map};
use serde_json::Value as Json;

/// The parts of a postal address.
pub(crate) const ADDRESS_PARTS: &[&str] =
    &["type", "streetAddress", "locality", "region", "postalCode", "country", "formatted", "primary"];
const VALUE_PARTS: &[&str] = &["value", "type", "primary", "display"];

/// Attributes of users with one value (RFC 7643 section 4.1, the enterprise extension of section 4.3, and our own).
const USER: &[&str] = &[
    "id",
    "userName",
    "externalId",
    "displayName",
    "active",
    "serviceAccount",
    "mail",
    "title",
    "userType",
    "employeeType",
    "nickName",
    "profileUrl",
    "preferredLanguage",
    "locale",
    "timezone",
    "employeeNumber",
    "department",
    "division",
    "organization",
    "companyName",
    "costCenter",
    "city",
    "state",
    "country",
    "usageLocation",
    "startDateTime",
    "endDateTime",
    "description",
    "manager",
    "targetObjectId",
];
const NAME_PARTS: &[&str] = &["givenName", "familyName", "middleName", "honorificPrefix", "honorificSuffix", "formatted"];
const ORGANISATION_PARTS: &[&str] = &["costCenter", "division"];
const EXTENSION_PARTS: &[&str] = &[
    "extensionAttribute1",
    "extensionAttribute2",
    "extensionAttribute3",
    "extensionAttribute4",
    "extensionAttribute5",
    "extensionAttribute6",
    "extensionAttribute7",
    "extensionAttribute8",
    "extensionAttribute9",
    "extensionAttribute10",
    "extensionAttribute11",
    "extensionAttribute12",
    "extensionAttribute13",
    "extensionAttribute14",
    "extensionAttribute15",
];
const GROUP: &[&str] = &["id", "displayName", "description", "externalId", "targetObjectId", "kind"];

/// Attributes that are lists; without values they are empty lists, which is the same (RFC 7643 section 2.5).
const LISTS: &[(&str, &[&str])] = &[("emails", VALUE_PARTS), ("phoneNumbers", VALUE_PARTS), ("addresses", ADDRESS_PARTS)];
const OBJECTS: &[(&str, &[&str])] =
    &[("name", NAME_PARTS), ("employeeOrgData", ORGANISATION_PARTS), ("onPremisesExtensionAttributes", EXTENSION_PARTS)];

/// The value of the variable `user` or `group`.
pub(crate) fn record(record: &SourceRecord) -> Dynamic {
    let set = record.attributes.iter().filter(|(_, value)| !value.is_null());
    let mut map = match record.object.kind {
        Kind::User => complete(&UNSET_USER, set, user_attribute),
        Kind::Group => complete(&UNSET_GROUP, set, |_, value| dynamic(value)),
    };
    if let Some(id) = map.get_mut("id").filter(|id| id.is_unit()) {
        *id = record.object.id.as_str().into();
    }
    Dynamic::from_map(map)
}

/// Names with the values that they have when they are not set, in order of name.
type Template = Vec<(&'static str, Dynamic)>;

static UNSET_GROUP: LazyLock<Template> = LazyLock::new(|| unset(GROUP));
static UNSET_USER: LazyLock<Template> = LazyLock::new(|| {
    let mut template = unset(USER);
    template.extend(OBJECTS.iter().map(|(name, parts)| (*name, Dynamic::from_map(complete(&unset(parts), [], any)))));
    template.extend(LISTS.iter().map(|(name, _)| (*name, Dynamic::from_array(Array::new()))));
    template.sort_by_key(|(name, _)| *name);
    template
});
static PARTS: LazyLock<BTreeMap<&'static str, Template>> =
    LazyLock::new(|| OBJECTS.iter().chain(LISTS).map(|(name, parts)| (*name, unset(parts))).collect());

fn unset(names: &[&'static str]) -> Template {
    let mut template: Template = names.iter().map(|name| (*name, Dynamic::UNIT)).collect();
    template.sort_by_key(|(name, _)| *name);
    template
}

fn user_attribute(name: &str, value: &Json) -> Dynamic {
    match value {
        Json::Object(map) => match PARTS.get(name) {
            Some(parts) => Dynamic::from_map(complete(parts, map, any)),
            None => dynamic(value),
        },
        Json::Array(list) => match PARTS.get(name) {
            Some(parts) => Dynamic::from_array(list.iter().map(|value| entry(parts, value)).collect()),
            None => dynamic(value),
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => dynamic(value),
    }
}

fn entry(parts: &Template, value: &Json) -> Dynamic {
    value.as_object().map_or_else(|| dynamic(value), |map| Dynamic::from_map(complete(parts, map, any)))
}

fn any(_: &str, value: &Json) -> Dynamic {
    dynamic(value)
}

/// A map of the values that are set, and of the template's for all other names. Both come in order of name, so that the map
/// is built without a search: this is done for every object of every run.
fn complete<'a>(
    template: &Template,
    set: impl IntoIterator<Item = (&'a String, &'a Json)>,
    convert: impl Fn(&str, &Json) -> Dynamic,
) -> Map {
    let mut rest = template.iter().peekable();
    let mut entries = Vec::with_capacity(template.len() + 8);
    for (name, value) in set {
        while let Some((unset, default)) = rest.next_if(|(unset, _)| *unset < name.as_str()) {
            entries.push(((*unset).into(), default.clone()));
        }
        rest.next_if(|(unset, _)| *unset == name.as_str());
        entries.push((name.as_str().into(), convert(name, value)));
    }
    entries.extend(rest.map(|(unset, default)| ((*unset).into(), default.clone())));
    entries.into_iter().collect()
}

/// The value of the variable `target`: a map, empty without settings.
pub(crate) fn settings(target: &Json) -> Dynamic {
    if target.is_object() { dynamic(target) } else { Dynamic::from_map(Map::new()) }
}

/// A JSON value in the language; `null` is `()`.
pub(crate) fn dynamic(value: &Json) -> Dynamic {
    match value {
        Json::Null => Dynamic::UNIT,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(list) => Dynamic::from_array(list.iter().map(dynamic).collect()),
        Json::Object(map) => Dynamic::from_map(map.iter().map(|(name, value)| (name.as_str().into(), dynamic(value))).collect()),
    }
}

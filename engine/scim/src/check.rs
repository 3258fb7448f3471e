//! What a client sends as a resource: in the spelling of the schemas, of the right types, without what only the server writes.

use serde_json::Value as Json;

use crate::place::child;
use crate::schema::{Attribute, Mutability, find};
use crate::value::{checked, object};
use crate::{Map, Named, Profile, Result, ScimError, Shape};

/// The deepest nesting that a document may have.
const DEPTH: usize = 12;

/// Refuses what no database can hold: the character U+0000, and nesting beyond reason.
pub fn readable(value: &Json) -> Result<()> {
    walk(value, 0)
}

fn walk(value: &Json, depth: usize) -> Result<()> {
    if depth > DEPTH {
        return Err(ScimError::syntax(format!("the document is nested more than {DEPTH} deep")));
    }
    match value {
        Json::String(text) => plain(text),
        Json::Array(list) => list.iter().try_for_each(|element| walk(element, depth + 1)),
        Json::Object(object) => object.iter().try_for_each(|(key, value)| plain(key).and_then(|()| walk(value, depth + 1))),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
    }
}

fn plain(text: &str) -> Result<()> {
    if text.contains('\0') { Err(ScimError::value("the document has the character U+0000 in it")) } else { Ok(()) }
}

/// Checks a resource. What no schema knows, and what only the server writes, is left out.
pub fn document(shape: &Shape<'_>, body: Json, profile: Profile) -> Result<Map> {
    readable(&body)?;
    let body = object(body).map_err(|found| ScimError::syntax(format!("the resource is {found}; write an object")))?;
    schemas(shape, &body, profile)?;
    attributes(shape, body, profile)
}

/// The attributes of a resource, without a look at `schemas`.
pub(crate) fn attributes(shape: &Shape<'_>, body: Map, profile: Profile) -> Result<Map> {
    let mut kept = Map::new();
    for (key, value) in body {
        if let Some(schema) = shape.extension(&key) {
            if value.is_null() {
                continue;
            }
            let values = object(value).map_err(|found| ScimError::value(format!("`{key}` is {found}; write an object")))?;
            for (name, value) in values {
                let Some(attribute) = find(&schema.attributes, &name) else { continue };
                put(&mut kept, Some(&schema.id), attribute, value, profile)?;
            }
        } else if let Ok(Named::Attribute(place)) = shape.named(&key)
            && place.sub.is_none()
        {
            put(&mut kept, place.extension, place.attribute, value, profile)?;
        }
    }
    Ok(kept)
}

fn put(kept: &mut Map, extension: Option<&str>, attribute: &Attribute, value: Json, profile: Profile) -> Result<()> {
    if attribute.mutability == Mutability::ReadOnly {
        return Ok(());
    }
    let Some(value) = checked(attribute, value, profile)? else { return Ok(()) };
    let home = match extension {
        None => kept,
        Some(urn) => child(kept, urn),
    };
    match home.insert(attribute.name.clone(), value) {
        None => Ok(()),
        Some(_) => Err(ScimError::syntax(format!("`{}` is given twice", attribute.name))),
    }
}

fn schemas(shape: &Shape<'_>, body: &Map, profile: Profile) -> Result<()> {
    if profile.guesses_schemas() {
        return Ok(());
    }
    let urn = &shape.resource_type.schema;
    let given = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let listed = given
        .and_then(Json::as_array)
        .is_some_and(|list| list.iter().filter_map(Json::as_str).any(|given| given.eq_ignore_ascii_case(urn)));
    if listed { Ok(()) } else { Err(ScimError::syntax(format!("`schemas` does not name `{urn}`"))) }
}

/// Checks that nothing is missing that the schemas require.
pub fn required(shape: &Shape<'_>, resource: &Map) -> Result<()> {
    all_there(shape.core(), resource, "")?;
    for (schema, required) in &shape.extensions {
        match resource.get(&schema.id).and_then(Json::as_object) {
            Some(values) => all_there(&schema.attributes, values, &format!("{}:", schema.id))?,
            None if *required => return Err(ScimError::value(format!("the extension `{}` is missing", schema.id))),
            None => {}
        }
    }
    Ok(())
}

fn all_there(attributes: &[Attribute], values: &Map, prefix: &str) -> Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.mutability != Mutability::ReadOnly) {
        let name = &attribute.name;
        let value = values.get(name);
        if attribute.required && (value.is_none() || value.and_then(Json::as_str) == Some("")) {
            return Err(ScimError::value(format!("`{prefix}{name}` is missing")));
        }
        let elements = match value {
            Some(Json::Array(list)) => list.as_slice(),
            Some(lone) => std::slice::from_ref(lone),
            None => &[],
        };
        for element in elements.iter().filter_map(Json::as_object) {
            all_there(&attribute.sub_attributes, element, &format!("{prefix}{name}."))?;
        }
    }
    Ok(())
}

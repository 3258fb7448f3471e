//! Values as the schema wants them: the type is checked, names get their spelling, what means "unset" is left out.

use serde_json::Value as Json;

use crate::date::date_of;
use crate::schema::{Attribute, Mutability, Sort, find};
use crate::{Map, Profile, Result, ScimError};

/// Checks the value of an attribute. `None` is unset: `null`, an empty list, an object without a value.
pub(crate) fn checked(attribute: &Attribute, value: Json, profile: Profile) -> Result<Option<Json>> {
    if !attribute.multi_valued {
        return single(attribute, value, profile);
    }
    let list = match value {
        Json::Null => return Ok(None),
        Json::Array(list) => list,
        lone @ (Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_)) if profile.reads_bare_values() => vec![lone],
        other @ (Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_)) => {
            return Err(ScimError::value(format!("`{}` is {}; write a list", attribute.name, sort_of(&other))));
        }
    };
    let mut kept: Vec<Json> = Vec::with_capacity(list.len());
    for element in list {
        if let Some(element) = single(attribute, element, profile)? {
            kept.push(element);
        }
    }
    if kept.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(ScimError::value(format!("more than one value of `{}` is primary", attribute.name)));
    }
    Ok(if kept.is_empty() { None } else { Some(Json::Array(kept)) })
}

/// Whether an element says that it is the preferred one.
pub(crate) fn is_primary(element: &Json) -> bool {
    element.get("primary") == Some(&Json::Bool(true))
}

/// Checks one value.
pub(crate) fn single(attribute: &Attribute, value: Json, profile: Profile) -> Result<Option<Json>> {
    let lenient = profile.reads_values_as_texts();
    Ok(Some(match (attribute.sort, value) {
        (_, Json::Null) => return Ok(None),
        (Sort::String | Sort::Reference, Json::String(text)) => Json::String(text),
        (Sort::String | Sort::Reference, Json::Number(number)) if lenient => Json::String(number.to_string()),
        (Sort::String | Sort::Reference, Json::Bool(flag)) if lenient => Json::String(flag.to_string()),
        (Sort::Binary, Json::String(text)) if is_base64(&text) => Json::String(text),
        (Sort::DateTime, Json::String(text)) if date_of(&text).is_some() => Json::String(text),
        (Sort::Boolean, Json::Bool(flag)) => Json::Bool(flag),
        (Sort::Boolean, Json::String(text)) if lenient && text.eq_ignore_ascii_case("true") => Json::Bool(true),
        (Sort::Boolean, Json::String(text)) if lenient && text.eq_ignore_ascii_case("false") => Json::Bool(false),
        (Sort::Integer, Json::Number(number)) if number.is_i64() || number.is_u64() => Json::Number(number),
        (Sort::Decimal, Json::Number(number)) => Json::Number(number),
        (Sort::Complex, Json::Object(object)) => return complex(attribute, object, profile),
        (Sort::Complex, Json::String(text)) if profile.reads_bare_values() && attribute.sub("value").is_some() => {
            if text.is_empty() {
                return Ok(None);
            }
            Json::Object([("value".to_owned(), Json::String(text))].into_iter().collect())
        }
        (sort, other) => {
            let (name, found) = (&attribute.name, sort_of(&other));
            return Err(ScimError::value(format!("`{name}` is {found}; write {}", word_of(sort))));
        }
    }))
}

fn complex(attribute: &Attribute, object: Map, profile: Profile) -> Result<Option<Json>> {
    let mut kept = Map::new();
    for (key, value) in object {
        let Some(sub) = find(&attribute.sub_attributes, &key) else { continue };
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        if let Some(value) = checked(sub, value, profile)?
            && kept.insert(sub.name.clone(), value).is_some()
        {
            return Err(ScimError::syntax(format!("`{}.{}` is given twice", attribute.name, sub.name)));
        }
    }
    // A client that clears a reference sends an empty one.
    if kept.get("value").and_then(Json::as_str) == Some("") {
        kept.remove("value");
    }
    Ok(if kept.is_empty() { None } else { Some(Json::Object(kept)) })
}

fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte))
}

/// The object that a value is, or what it is instead.
pub(crate) fn object(value: Json) -> std::result::Result<Map, &'static str> {
    let found = sort_of(&value);
    if let Json::Object(object) = value { Ok(object) } else { Err(found) }
}

/// The text that a value is, or what it is instead.
pub(crate) fn text(value: Json) -> std::result::Result<String, &'static str> {
    let found = sort_of(&value);
    if let Json::String(text) = value { Ok(text) } else { Err(found) }
}

/// What a value is, for a person.
pub(crate) fn sort_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

fn word_of(sort: Sort) -> &'static str {
    match sort {
        Sort::String => "a text",
        Sort::Reference => "a URI",
        Sort::Boolean => "true or false",
        Sort::Decimal => "a number",
        Sort::Integer => "a whole number",
        Sort::DateTime => "a date like 2011-05-13T04:42:34Z",
        Sort::Binary => "bytes in Base64",
        Sort::Complex => "an object",
    }
}

/// Folds what is compared without regard to capital letters: ASCII letters, as the databases do.
pub(crate) fn folded(text: &str) -> String {
    text.to_ascii_lowercase()
}

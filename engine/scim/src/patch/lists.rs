//! Lists of values, and the objects in them.

use serde_json::Value as Json;

use super::aim::Elements;
use crate::schema::{Attribute, Mutability};
use crate::value::is_primary;
use crate::{ErrorKind, Map, Result, ScimError};

pub(super) fn listed(value: Json) -> Json {
    if value.is_array() { value } else { Json::Array(vec![value]) }
}

pub(super) fn nothing(name: &str) -> ScimError {
    ScimError::bad(ErrorKind::NoTarget, format!("the path selects no value of `{name}`"))
}

pub(super) fn removable(attribute: &Attribute) -> Result<()> {
    if attribute.required || attribute.mutability == Mutability::Immutable {
        let word = if attribute.required { "required" } else { "immutable" };
        return Err(ScimError::bad(ErrorKind::Mutability, format!("`{}` is {word} and cannot be removed", attribute.name)));
    }
    Ok(())
}

pub(super) fn selected(list: &[Json], elements: &Elements<'_>) -> Vec<usize> {
    let matches = |element: &Json| element.as_object().is_some_and(|element| elements.condition.matches(element));
    list.iter().enumerate().filter(|(_, element)| matches(element)).map(|(index, _)| index).collect()
}

/// Both lists; what is there already is not added again, and a new primary value takes the place of the old one.
pub(super) fn joined(old: &[Json], new: Vec<Json>) -> Vec<Json> {
    let mut list = old.to_vec();
    let before = list.len();
    for element in new {
        if !list.contains(&element) {
            list.push(element);
        }
    }
    let added: Vec<usize> = (before..list.len()).collect();
    keep_one_primary(&mut list, &added);
    list
}

/// If one of the changed elements is primary, no other one is.
pub(super) fn keep_one_primary(list: &mut [Json], changed: &[usize]) {
    if !changed.iter().filter_map(|index| list.get(*index)).any(is_primary) {
        return;
    }
    for (index, element) in list.iter_mut().enumerate() {
        if !changed.contains(&index) && is_primary(element) {
            element["primary"] = false.into();
        }
    }
}

/// The old object with the new values over it. A new `value` without `$ref` makes the old `$ref` wrong.
pub(super) fn merged(old: &Map, new: Map) -> Map {
    let mut object = old.clone();
    if new.contains_key("value") {
        object.remove("$ref");
    }
    object.extend(new);
    object
}

pub(super) fn put_list(home: &mut Map, attribute: &Attribute, mut list: Vec<Json>) {
    list.retain(|element| !element.as_object().is_some_and(Map::is_empty));
    if list.is_empty() {
        home.remove(&attribute.name);
    } else {
        home.insert(attribute.name.clone(), Json::Array(list));
    }
}

pub(super) fn retain(home: &mut Map, attribute: &Attribute, keep: impl Fn(&Json) -> bool) {
    if let Some(Json::Array(mut list)) = home.remove(&attribute.name) {
        list.retain(keep);
        put_list(home, attribute, list);
    }
}

/// Takes a part out of a value, or of those elements of a list; an element that only says what it is for goes with it.
pub(super) fn remove_part(home: &mut Map, attribute: &Attribute, sub: &Attribute, chosen: impl Fn(&Map) -> bool) {
    match home.remove(&attribute.name) {
        Some(Json::Object(mut object)) => {
            object.remove(&sub.name);
            if !object.is_empty() {
                home.insert(attribute.name.clone(), Json::Object(object));
            }
        }
        Some(Json::Array(mut list)) => {
            for element in list.iter_mut().filter_map(Json::as_object_mut) {
                if chosen(element) && element.remove(&sub.name).is_some() {
                    let says_more = element.keys().any(|key| key != "type" && key != "primary" && key != "display");
                    if !says_more {
                        element.clear();
                    }
                }
            }
            put_list(home, attribute, list);
        }
        Some(_) | None => {}
    }
}

/// Whether an element of a list is the one that a client names: by its `value` alone, or as a whole.
pub(super) fn is_same(element: &Json, named: &Json) -> bool {
    match (element, named) {
        (Json::Object(element), Json::Object(named)) => named.iter().all(|(key, value)| element.get(key) == Some(value)),
        (element, named) => element == named,
    }
}

//! Which attributes an answer has (RFC 7644 section 3.9).

use serde_json::Value as Json;

use crate::schema::{Attribute, Returned};
use crate::{Map, Named, Result, ScimError, Shape};

/// What a client asked to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl Projection {
    /// `attributes` and `excludedAttributes`, each a list of names.
    ///
    /// # Errors
    /// Both are given: they exclude each other.
    pub fn new(attributes: Vec<String>, excluded: Vec<String>) -> Result<Self> {
        let plain = |names: Vec<String>| -> Vec<String> {
            names.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        };
        let (only, without) = (plain(attributes), plain(excluded));
        if !only.is_empty() && !without.is_empty() {
            return Err(ScimError::value("`attributes` and `excludedAttributes` exclude each other: give one of them"));
        }
        Ok(Self { only: (!only.is_empty()).then_some(only), without })
    }

    /// Whether certain attributes were asked for.
    pub fn is_chosen(&self) -> bool {
        self.only.is_some()
    }

    /// Whether an attribute at the top, or a part of it, will be seen. What is not seen need not be read.
    pub fn shows(&self, shape: &Shape<'_>, name: &str) -> bool {
        let is = |text: &String, whole: bool| match shape.named(text) {
            Ok(Named::Attribute(place)) => {
                place.extension.is_none() && place.attribute.name == name && (!whole || place.sub.is_none())
            }
            Ok(Named::Extension(_)) | Err(_) => false,
        };
        match &self.only {
            Some(only) => only.iter().any(|text| is(text, false)),
            None => !self.without.iter().any(|text| is(text, true)),
        }
    }

    /// Leaves of a resource what is to be seen. Names that no schema knows are ignored.
    pub fn apply(&self, shape: &Shape<'_>, resource: &mut Map) {
        let named = |names: &[String]| -> Vec<Named<'_>> { names.iter().filter_map(|name| shape.named(name).ok()).collect() };
        let (only, without) = (self.only.as_deref().map(named), named(&self.without));
        let choice = Choice { only: only.as_deref(), without: &without };
        let keys: Vec<String> = resource.keys().cloned().collect();
        for key in keys {
            let keep = if let Some(schema) = shape.extension(&key) {
                match resource.get_mut(&key) {
                    Some(Json::Object(values)) => {
                        choice.leave(Some(&schema.id), &schema.attributes, values);
                        !values.is_empty()
                    }
                    Some(_) | None => false,
                }
            } else {
                shape.top(&key).is_some_and(|attribute| choice.keeps(None, attribute, resource.get_mut(&key)))
            };
            if !keep {
                resource.remove(&key);
            }
        }
    }
}

struct Choice<'c, 'a> {
    only: Option<&'c [Named<'a>]>,
    without: &'c [Named<'a>],
}

impl Choice<'_, '_> {
    fn leave(&self, extension: Option<&str>, attributes: &[Attribute], values: &mut Map) {
        let keys: Vec<String> = values.keys().cloned().collect();
        for key in keys {
            let keep = attributes
                .iter()
                .find(|attribute| attribute.name == key)
                .is_some_and(|attribute| self.keeps(extension, attribute, values.get_mut(&key)));
            if !keep {
                values.remove(&key);
            }
        }
    }

    /// Whether an attribute stays, after its parts that do not stay were taken out.
    fn keeps(&self, extension: Option<&str>, attribute: &Attribute, value: Option<&mut Json>) -> bool {
        let Some(value) = value else { return false };
        match attribute.returned {
            Returned::Always => return true,
            Returned::Never => return false,
            Returned::Default | Returned::Request => {}
        }
        let about = |named: &&Named<'_>| match named {
            Named::Extension(urn) => extension == Some(*urn),
            Named::Attribute(place) => place.extension == extension && place.attribute.name == attribute.name,
        };
        if let Some(only) = self.only {
            let asked: Vec<&Named<'_>> = only.iter().filter(about).collect();
            let parts = parts(&asked);
            if asked.is_empty() {
                return false;
            }
            if parts.len() == asked.len() {
                each_object(value, |object| object.retain(|key, _| parts.contains(&key.as_str()) || always(attribute, key)));
            }
            return !is_empty(value);
        }
        let excluded: Vec<&Named<'_>> = self.without.iter().filter(about).collect();
        let parts = parts(&excluded);
        if parts.len() < excluded.len() || attribute.returned == Returned::Request {
            return false;
        }
        each_object(value, |object| object.retain(|key, _| !parts.contains(&key.as_str()) || always(attribute, key)));
        !is_empty(value)
    }
}

/// The names of the parts that are named; what names the whole has none.
fn parts<'a>(named: &[&Named<'a>]) -> Vec<&'a str> {
    let part = |named: &&Named<'a>| match named {
        Named::Attribute(place) => place.sub.map(|sub| sub.name.as_str()),
        Named::Extension(_) => None,
    };
    named.iter().filter_map(part).collect()
}

fn always(attribute: &Attribute, part: &str) -> bool {
    attribute.sub(part).is_some_and(|sub| sub.returned == Returned::Always)
}

fn each_object(value: &mut Json, mut change: impl FnMut(&mut Map)) {
    match value {
        Json::Object(object) => change(object),
        Json::Array(list) => {
            list.iter_mut().filter_map(Json::as_object_mut).for_each(&mut change);
            list.retain(|element| !element.as_object().is_some_and(Map::is_empty));
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Object(object) => object.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

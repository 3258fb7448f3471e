//! Where an operation aims.

use scim_v2::filter::{AttrExp, CompValue, CompareOp, PatchPath, ValFilter};
use serde_json::Value as Json;

use crate::schema::{Attribute, Mutability};
use crate::{Condition, ErrorKind, Map, Named, Place, Profile, Result, ScimError, Shape};

/// What a path selects.
#[derive(Debug)]
pub(super) enum Aim<'a> {
    /// All that an extension has.
    Extension(&'a str),
    /// An attribute, or a part of it.
    Attribute(Place<'a>),
    /// Elements of a list, or a part of each.
    Elements(Elements<'a>),
}

/// Elements of a list that a filter selects.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    /// The list.
    pub(super) place: Place<'a>,
    /// Which elements.
    pub(super) condition: Condition<'a>,
    /// What an element must be equal to, if the filter says nothing else.
    pub(super) equal: Option<Map>,
    /// The part that is meant.
    pub(super) sub: Option<&'a Attribute>,
}

/// The longest path, in bytes.
const LENGTH: usize = 4096;

impl<'a> Aim<'a> {
    pub(super) fn parse(path: &str, shape: &Shape<'a>, profile: Profile) -> Result<Self> {
        let invalid = |detail: String| ScimError::bad(ErrorKind::InvalidPath, detail);
        if path.len() > LENGTH {
            return Err(invalid(format!("the path has more than {LENGTH} bytes")));
        }
        if !path.contains('[') {
            return Ok(match shape.named(path)? {
                Named::Attribute(place) => Aim::Attribute(place),
                Named::Extension(urn) => Aim::Extension(urn),
            });
        }
        let parsed: PatchPath = path.parse().map_err(|error| invalid(format!("the path `{path}` cannot be read: {error}")))?;
        let PatchPath::Value(value) = parsed else { return Err(invalid(format!("the path `{path}` cannot be read"))) };
        let place = shape.attribute(&value.attr)?;
        if !place.attribute.multi_valued || place.sub.is_some() || place.attribute.sub_attributes.is_empty() {
            return Err(invalid(format!("`{}` is no list of objects, and has no elements to choose from", value.attr)));
        }
        let condition = Condition::of_element(&value.filter, place.attribute, shape, profile)?;
        let sub = match &value.sub_attr {
            None => None,
            Some(name) => {
                Some(place.attribute.sub(name).ok_or_else(|| invalid(format!("`{}` has no part `{name}`", value.attr)))?)
            }
        };
        let equal = equalities(&value.filter, place.attribute);
        Ok(Aim::Elements(Elements { place, condition, equal, sub }))
    }

    /// Refuses what clients may not write.
    pub(super) fn writable(&self) -> Result<()> {
        let (attribute, sub) = match self {
            Aim::Extension(_) => return Ok(()),
            Aim::Attribute(place) => (place.attribute, place.sub),
            Aim::Elements(elements) => (elements.place.attribute, elements.sub),
        };
        for attribute in std::iter::once(attribute).chain(sub) {
            if attribute.mutability == Mutability::ReadOnly {
                return Err(ScimError::bad(ErrorKind::Mutability, format!("`{}` can only be read", attribute.name)));
            }
        }
        Ok(())
    }
}

/// The element that a filter of equalities describes.
fn equalities(filter: &ValFilter, attribute: &Attribute) -> Option<Map> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, value)) => {
            let value = match value {
                CompValue::Str(text) => Json::String(text.clone()),
                CompValue::True => Json::Bool(true),
                CompValue::False => Json::Bool(false),
                CompValue::Number(number) => Json::Number(number.clone()),
                CompValue::Null => return None,
            };
            Some([(attribute.sub(&path.name)?.name.clone(), value)].into_iter().collect())
        }
        ValFilter::And(all) => {
            let mut element = Map::new();
            for filter in all {
                element.extend(equalities(filter, attribute)?);
            }
            Some(element)
        }
        ValFilter::Attr(_) | ValFilter::Not(_) | ValFilter::Or(_) => None,
    }
}

//! PUT (RFC 7644 section 3.5.1): what is given replaces what was; what is immutable may be left out and not be changed.

use serde_json::Value as Json;

use crate::schema::{Attribute, Mutability};
use crate::{ErrorKind, Map, Result, ScimError, Shape};

/// The resource after a PUT of `given`, which is checked already.
pub fn replace(shape: &Shape<'_>, before: &Map, mut given: Map) -> Result<Map> {
    keep_immutable(shape.core(), before, &mut given)?;
    for (schema, _) in &shape.extensions {
        let Some(before) = before.get(&schema.id).and_then(Json::as_object) else { continue };
        if schema.attributes.iter().any(|attribute| attribute.mutability == Mutability::Immutable) {
            keep_immutable(&schema.attributes, before, crate::place::child(&mut given, &schema.id))?;
        }
    }
    Ok(given)
}

/// What was there once stays there, and as it was.
pub(crate) fn keep_immutable(attributes: &[Attribute], before: &Map, after: &mut Map) -> Result<()> {
    for attribute in attributes {
        let Some(old) = before.get(&attribute.name) else { continue };
        if attribute.mutability == Mutability::Immutable {
            match after.get(&attribute.name) {
                Some(new) if new != old => return Err(immutable(&attribute.name)),
                Some(_) => {}
                None => {
                    after.insert(attribute.name.clone(), old.clone());
                }
            }
        } else if let (false, Json::Object(old), Some(Json::Object(new))) =
            (attribute.multi_valued, old, after.get_mut(&attribute.name))
        {
            keep_immutable(&attribute.sub_attributes, old, new)?;
        }
    }
    Ok(())
}

pub(crate) fn immutable(name: &str) -> ScimError {
    ScimError::bad(ErrorKind::Mutability, format!("`{name}` is immutable and has another value already"))
}

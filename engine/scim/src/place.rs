//! Names of attributes, resolved against the schemas of a resource type.

use scim_v2::filter::AttrPath;
use serde_json::Value as Json;

use crate::schema::{Attribute, find};
use crate::{ErrorKind, Map, Result, ScimError, Shape};

/// Where an attribute stands in a resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place<'a> {
    /// The URN under which it stands, if not at the top.
    pub extension: Option<&'a str>,
    /// The attribute.
    pub attribute: &'a Attribute,
    /// The part of it that is meant.
    pub sub: Option<&'a Attribute>,
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Named<'a> {
    /// An attribute.
    Attribute(Place<'a>),
    /// All that an extension has.
    Extension(&'a str),
}

impl<'a> Place<'a> {
    /// The value in a resource, of the whole attribute.
    pub fn read<'d>(&self, resource: &'d Map) -> Option<&'d Json> {
        match self.extension {
            None => resource.get(&self.attribute.name),
            Some(urn) => resource.get(urn)?.as_object()?.get(&self.attribute.name),
        }
    }

    /// The object in which it stands, made if it is missing.
    pub(crate) fn home<'d>(&self, resource: &'d mut Map) -> &'d mut Map {
        let Some(urn) = self.extension else { return resource };
        child(resource, urn)
    }

    /// What decides how values are compared: the part that is meant, or the whole.
    pub fn meant(&self) -> &'a Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// The name as it is written in a request.
    pub fn path(&self) -> String {
        let mut path = self.extension.map_or_else(String::new, |urn| format!("{urn}:"));
        path.push_str(&self.attribute.name);
        if let Some(sub) = self.sub {
            path.push('.');
            path.push_str(&sub.name);
        }
        path
    }
}

/// The object of a key, made if there is none.
pub(crate) fn child<'d>(object: &'d mut Map, key: &str) -> &'d mut Map {
    if !object.get(key).is_some_and(Json::is_object) {
        object.insert(key.to_owned(), Json::Object(Map::new()));
    }
    match object.get_mut(key) {
        Some(Json::Object(child)) => child,
        Some(_) | None => unreachable!("an object was just put there"),
    }
}

impl<'a> Shape<'a> {
    /// What a name names: `title`, `name.givenName`, `urn:..:User:department`, or the URN of an extension.
    pub fn named(&self, text: &str) -> Result<Named<'a>> {
        if let Some(schema) = self.extension(text) {
            return Ok(Named::Extension(&schema.id));
        }
        let (urn, rest) = match self.schema_of(text) {
            Some((urn, rest)) => (Some(urn), rest),
            None => (None, text),
        };
        let (name, sub) = rest.split_once('.').map_or((rest, None), |(name, sub)| (name, Some(sub)));
        self.resolve(urn, name, sub).map(Named::Attribute).ok_or_else(|| unknown(text))
    }

    /// What the path of a filter or of a PATCH names.
    pub(crate) fn place(&self, path: &AttrPath) -> Result<Named<'a>> {
        self.named(&path.to_string())
    }

    /// The attribute that the path of a filter names.
    pub(crate) fn attribute(&self, path: &AttrPath) -> Result<Place<'a>> {
        match self.place(path)? {
            Named::Attribute(place) => Ok(place),
            Named::Extension(urn) => Err(ScimError::bad(ErrorKind::InvalidPath, format!("`{urn}` is no attribute"))),
        }
    }

    /// Splits `urn:..:User:department` behind the schema, which is one of this resource type.
    fn schema_of<'t>(&self, text: &'t str) -> Option<(&'a str, &'t str)> {
        let own = std::iter::once(self.resource_type.schema.as_str());
        let urns = own.chain(self.extensions.iter().map(|(schema, _)| schema.id.as_str()));
        urns.filter_map(|urn| {
            let (head, rest) = (text.get(..urn.len())?, text.get(urn.len()..)?);
            Some((urn, rest.strip_prefix(':')?)).filter(|_| head.eq_ignore_ascii_case(urn))
        })
        .next()
    }

    fn resolve(&self, urn: Option<&'a str>, name: &str, sub: Option<&str>) -> Option<Place<'a>> {
        let (extension, attribute) = match urn {
            None => (None, self.top(name)?),
            Some(urn) if urn == self.resource_type.schema => (None, self.top(name)?),
            Some(urn) => (Some(urn), find(&self.extension(urn)?.attributes, name)?),
        };
        let sub = match sub {
            None => None,
            Some(sub) => Some(attribute.sub(sub)?),
        };
        Some(Place { extension, attribute, sub })
    }
}

fn unknown(text: &str) -> ScimError {
    ScimError::bad(ErrorKind::InvalidPath, format!("this type of resource has no attribute `{text}`"))
}

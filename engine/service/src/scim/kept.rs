//! As what the resources of a type are kept.

use entrain_model::{Kind, ObjectRef, SourceId};
use entrain_scim::{Map, ResourceType, Shape, Sort, Uniqueness};
use entrain_store::ResourceRow;
use serde_json::Value as Json;

/// As what the resources of a type are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Users of the source.
    User,
    /// Groups of the source.
    Group,
    /// Resources of a type that the site has added: no target sees them.
    Other,
}

impl Kept {
    /// That of a resource type.
    pub(super) fn of(resource_type: &ResourceType) -> Self {
        match resource_type.name.as_str() {
            "User" => Kept::User,
            "Group" => Kept::Group,
            _ => Kept::Other,
        }
    }

    /// The object of the source that a resource is.
    pub(super) fn object(self, id: &str) -> Option<ObjectRef> {
        let kind = match self {
            Kept::User => Kind::User,
            Kept::Group => Kind::Group,
            Kept::Other => return None,
        };
        Some(ObjectRef { kind, id: SourceId::from(id) })
    }
}

/// The row of a resource that is neither a user nor a group.
pub(super) fn other_row(shape: &Shape<'_>, id: &SourceId, mut resource: Map) -> ResourceRow {
    let external_id = resource.remove("externalId").and_then(|value| value.as_str().map(str::to_owned));
    let sort = shape.resource_type.name.clone();
    ResourceRow { id: id.clone(), sort, external_id, document: resource.into_iter().collect() }
}

/// A resource that is neither a user nor a group, without `id` and `meta`.
pub(super) fn other_resource(row: &ResourceRow) -> Map {
    let mut resource: Map = row.document.clone().into_iter().collect();
    if let Some(external_id) = &row.external_id {
        resource.insert("externalId".into(), external_id.as_str().into());
    }
    resource
}

/// The values at the top of a resource that no other of its type may have, as they are compared.
pub(super) fn unique_values(shape: &Shape<'_>, resource: &Map) -> Vec<(String, String)> {
    let unique =
        shape.core().iter().filter(|attribute| attribute.uniqueness != Uniqueness::None && attribute.sort != Sort::Complex);
    let value = |name: &str, exact: bool| match resource.get(name)? {
        Json::String(text) if exact => Some(text.clone()),
        Json::String(text) => Some(entrain_model::fold(text)),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    };
    unique.filter_map(|attribute| Some((attribute.name.clone(), value(&attribute.name, attribute.case_exact)?))).collect()
}

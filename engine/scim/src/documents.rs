//! The documents that a server answers with: resources, and what it says of itself (RFC 7643 sections 3.1, 5, 6, 7).

use serde_json::{Value as Json, json};

use crate::date::date_text;
use crate::schema::{ResourceType, Schema};
use crate::{Map, Shape};

/// The schema of the document that says what a server can do.
pub const ABOUT_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What a server says of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its id.
    pub id: String,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it was last changed.
    pub modified: i64,
    /// How often it was changed.
    pub version: i64,
    /// Where it is.
    pub location: String,
}

impl Meta {
    /// The version as a weak entity tag.
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }
}

/// A resource as it is answered: its attributes with `schemas`, `id` and `meta`.
pub fn resource(shape: &Shape<'_>, mut attributes: Map, meta: &Meta) -> Map {
    let mut schemas = vec![Json::from(shape.resource_type.schema.as_str())];
    for (schema, _) in &shape.extensions {
        if attributes.contains_key(&schema.id) {
            schemas.push(schema.id.as_str().into());
        }
    }
    attributes.insert("schemas".into(), schemas.into());
    attributes.insert("id".into(), meta.id.clone().into());
    let about = json!({
        "resourceType": shape.resource_type.name, "created": date_text(meta.created), "lastModified": date_text(meta.modified),
        "location": meta.location, "version": meta.etag(),
    });
    attributes.insert("meta".into(), about);
    attributes
}

/// What a server is willing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most operations of a bulk request.
    pub bulk_operations: usize,
    /// The most bytes of any body.
    pub body_bytes: usize,
    /// The page that a client gets who asks for none.
    pub page: usize,
    /// The largest page.
    pub largest_page: usize,
}

/// What the server can do.
pub fn service_provider_config(limits: &Limits, base: &str) -> Json {
    json!({
        "schemas": [ABOUT_URN],
        "patch": { "supported": true },
        "bulk": { "supported": true, "maxOperations": limits.bulk_operations, "maxPayloadSize": limits.body_bytes },
        "filter": { "supported": true, "maxResults": limits.largest_page },
        "changePassword": { "supported": false },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "pagination": {
            "cursor": true, "index": true, "defaultPaginationMethod": "index",
            "defaultPageSize": limits.page, "maxPageSize": limits.largest_page,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Bearer token", "primary": true,
            "description": "A token of this client, in the header Authorization",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
    })
}

/// A resource type, as the server describes it.
pub fn resource_type_document(resource_type: &ResourceType, base: &str) -> Json {
    let mut document = as_object(resource_type);
    document.insert("schemas".into(), json!([RESOURCE_TYPE]));
    document.insert("id".into(), resource_type.name.clone().into());
    let location = format!("{base}/ResourceTypes/{}", resource_type.name);
    document.insert("meta".into(), json!({ "resourceType": "ResourceType", "location": location }));
    Json::Object(document)
}

/// A schema, as the server describes it.
pub fn schema_document(schema: &Schema, base: &str) -> Json {
    let mut document = as_object(schema);
    document.insert("schemas".into(), json!([SCHEMA]));
    let location = format!("{base}/Schemas/{}", schema.id);
    document.insert("meta".into(), json!({ "resourceType": "Schema", "location": location }));
    Json::Object(document)
}

fn as_object<T: serde::Serialize>(value: &T) -> Map {
    match serde_json::to_value(value) {
        Ok(Json::Object(object)) => object,
        Ok(_) | Err(_) => Map::new(),
    }
}

//! All that is served: the standard schemas and resource types, and those that a site adds.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::schema::{Attribute, Extension, ResourceType, Schema, Sort, find};

/// The URN of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The URN of groups.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The URN of what an employer knows of a user.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The URN of the fifteen extension attributes.
pub const ON_PREMISES_DATA: &str = "urn:ietf:params:scim:schemas:extension:azureOnPremData:2.0:User";
/// The URN of what mappings read of a user beside the standard attributes.
pub const SOURCE_USER: &str = "urn:entrain:params:scim:schemas:extension:source:2.0:User";
/// The URN of what mappings read of a group beside the standard attributes.
pub const SOURCE_GROUP: &str = "urn:entrain:params:scim:schemas:extension:source:2.0:Group";

const COMMON: &str = include_str!("../schemas/common.json");
const TYPES: &str = include_str!("../schemas/resource_types.json");
const SCHEMAS: [&str; 9] = [
    include_str!("../schemas/user.json"),
    include_str!("../schemas/enterprise_user.json"),
    include_str!("../schemas/on_premises_data.json"),
    include_str!("../schemas/source_user.json"),
    include_str!("../schemas/group.json"),
    include_str!("../schemas/source_group.json"),
    include_str!("../schemas/resource_type.json"),
    include_str!("../schemas/service_provider_config.json"),
    include_str!("../schemas/schema.json"),
];
/// Names of endpoints that are not for resource types.
const RESERVED: [&str; 6] = ["me", "bulk", "schemas", "resourcetypes", "serviceproviderconfig", ".search"];

/// A description that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the SCIM schemas cannot be used: {0}")]
pub struct CatalogError(String);

/// A document of a site, `{"schemas": [..], "resourceTypes": [..]}` in the form of RFC 7643.
#[derive(Clone, Debug)]
pub struct SiteDocument {
    /// What it is called in messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl CatalogError {
    fn within(self, name: &str) -> Self {
        Self(format!("{name}: {}", self.0))
    }
}

/// What a site adds: schemas, and resource types. A resource type with the name of one that is there adds extensions to it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Custom {
    #[serde(default)]
    schemas: Vec<Schema>,
    #[serde(default)]
    resource_types: Vec<CustomType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CustomType {
    name: String,
    endpoint: Option<String>,
    #[serde(default)]
    description: String,
    schema: Option<String>,
    #[serde(default)]
    schema_extensions: Vec<Extension>,
    /// What a server adds to what it says of itself, as in a document that was copied from one.
    #[serde(rename = "id")]
    _id: Option<IgnoredAny>,
    #[serde(rename = "schemas")]
    _schemas: Option<IgnoredAny>,
    #[serde(rename = "meta")]
    _meta: Option<IgnoredAny>,
}

/// The schemas and resource types that are served.
#[derive(Clone, Debug)]
pub struct Catalog {
    common: Vec<Attribute>,
    schemas: Vec<Schema>,
    types: Vec<ResourceType>,
}

impl Catalog {
    /// The standard ones, and those of a site, whatever the order of its documents.
    ///
    /// # Errors
    /// A document that is not of its form, a name twice, a schema that is missing.
    pub fn load(custom: &[SiteDocument]) -> Result<Self, CatalogError> {
        let broken = |error: serde_json::Error| CatalogError(error.to_string());
        let common: Schema = serde_json::from_str(COMMON).map_err(broken)?;
        let schemas = SCHEMAS.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>().map_err(broken)?;
        let types = serde_json::from_str(TYPES).map_err(broken)?;
        let mut catalog = Self { common: common.attributes, schemas, types };
        let mut given = Vec::new();
        for SiteDocument { name, text } in custom {
            let Custom { schemas, resource_types } =
                serde_json::from_str(text).map_err(|error| CatalogError(format!("{name}: {error}")))?;
            catalog.add_schemas(schemas).map_err(|error| error.within(name))?;
            given.push((name, resource_types));
        }
        for (name, types) in given {
            types.into_iter().try_for_each(|one| catalog.add_type(one)).map_err(|error| error.within(name))?;
        }
        Ok(catalog)
    }

    fn add_schemas(&mut self, schemas: Vec<Schema>) -> Result<(), CatalogError> {
        for schema in schemas {
            if self.schema(&schema.id).is_some() {
                return Err(CatalogError(format!("schema `{}` is there already", schema.id)));
            }
            valid_schema(&schema)?;
            self.schemas.push(schema);
        }
        Ok(())
    }

    fn add_type(&mut self, given: CustomType) -> Result<(), CatalogError> {
        for extension in &given.schema_extensions {
            self.known(&extension.schema)?;
        }
        if let Some(known) = self.types.iter_mut().find(|known| known.name == given.name) {
            if given.endpoint.is_some() || given.schema.is_some() {
                return Err(CatalogError(format!(
                    "resource type `{}` is there already; only extensions can be added",
                    given.name
                )));
            }
            known.schema_extensions.extend(given.schema_extensions);
            return Ok(());
        }
        let missing = |what: &str| CatalogError(format!("resource type `{}` has no {what}", given.name));
        let endpoint = given.endpoint.clone().ok_or_else(|| missing("endpoint"))?;
        let schema = given.schema.clone().ok_or_else(|| missing("schema"))?;
        self.known(&schema)?;
        let word = endpoint.strip_prefix('/').unwrap_or_default();
        let plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if !plain || RESERVED.contains(&word.to_ascii_lowercase().as_str()) || self.served_at(word).is_some() {
            return Err(CatalogError(format!("endpoint `{endpoint}` is taken, or is not of the form /Devices")));
        }
        if self.types.iter().any(|known| known.schema.eq_ignore_ascii_case(&schema)) {
            return Err(CatalogError(format!("schema `{schema}` is that of another resource type already")));
        }
        let CustomType { name, description, schema_extensions, .. } = given;
        self.types.push(ResourceType { name, endpoint, description, schema, schema_extensions });
        Ok(())
    }

    fn known(&self, urn: &str) -> Result<(), CatalogError> {
        self.schema(urn).map(drop).ok_or_else(|| CatalogError(format!("there is no schema `{urn}`")))
    }

    /// All schemas.
    pub fn schemas(&self) -> &[Schema] {
        &self.schemas
    }

    /// The schema of a URN.
    pub fn schema(&self, urn: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// All resource types.
    pub fn types(&self) -> &[ResourceType] {
        &self.types
    }

    /// The resource type that is served at `Users`, without a slash.
    pub fn served_at(&self, endpoint: &str) -> Option<&ResourceType> {
        self.types.iter().find(|found| found.endpoint.strip_prefix('/') == Some(endpoint))
    }

    /// The resource type of a name.
    pub fn named(&self, name: &str) -> Option<&ResourceType> {
        self.types.iter().find(|found| found.name == name)
    }

    /// A resource type with its schemas at hand.
    pub fn shape<'a>(&'a self, resource_type: &'a ResourceType) -> Shape<'a> {
        let extensions = resource_type.schema_extensions.iter();
        Shape {
            resource_type,
            common: &self.common,
            core: self.schema(&resource_type.schema),
            extensions: extensions.filter_map(|extension| Some((self.schema(&extension.schema)?, extension.required))).collect(),
        }
    }
}

fn valid_schema(schema: &Schema) -> Result<(), CatalogError> {
    if !schema.id.starts_with("urn:") || schema.id.contains(['[', ']', '"', ' ', '/']) {
        return Err(CatalogError(format!("`{}` is no URN", schema.id)));
    }
    valid_attributes(&schema.attributes, &schema.id)
}

fn valid_attributes(attributes: &[Attribute], of: &str) -> Result<(), CatalogError> {
    for (index, attribute) in attributes.iter().enumerate() {
        let name = &attribute.name;
        let mut letters = name.strip_prefix('$').unwrap_or(name).bytes();
        let plain = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if !plain {
            return Err(CatalogError(format!("`{name}` of `{of}` is no name of an attribute")));
        }
        if find(&attributes[..index], name).is_some() {
            return Err(CatalogError(format!("`{name}` is twice in `{of}`")));
        }
        if (attribute.sort == Sort::Complex) == attribute.sub_attributes.is_empty() {
            return Err(CatalogError(format!("`{name}` of `{of}`: a complex attribute, and no other, has subAttributes")));
        }
        valid_attributes(&attribute.sub_attributes, &format!("{of}:{name}"))?;
    }
    Ok(())
}

/// A resource type with its schemas.
#[derive(Clone, Debug)]
pub struct Shape<'a> {
    /// The resource type.
    pub resource_type: &'a ResourceType,
    pub(crate) common: &'a [Attribute],
    core: Option<&'a Schema>,
    /// The schemas that add to it, and whether every resource has them.
    pub extensions: Vec<(&'a Schema, bool)>,
}

impl<'a> Shape<'a> {
    /// The attributes of its own schema.
    pub fn core(&self) -> &'a [Attribute] {
        self.core.map_or(&[], |schema| &schema.attributes)
    }

    /// The extension of a URN.
    pub fn extension(&self, urn: &str) -> Option<&'a Schema> {
        self.extensions.iter().map(|(schema, _)| *schema).find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// The attribute of a name, of those that stand at the top of a resource.
    pub(crate) fn top(&self, name: &str) -> Option<&'a Attribute> {
        find(self.core(), name).or_else(|| find(self.common, name))
    }
}

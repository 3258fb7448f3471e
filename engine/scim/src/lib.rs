//! SCIM 2.0 as pure functions over JSON: schemas, filters, PATCH, PUT, projection, sorting, paging, bulk (RFC 7643, 7644, 9865).
//!
//! No I/O, SQL, HTTP or clock: what is stored, and where, is the business of the caller. A resource is a JSON object in the
//! spelling of its schemas: attributes of the core schema at the top, those of an extension below its URN.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout))]

mod bulk;
mod catalog;
mod check;
mod date;
mod documents;
mod error;
mod filter;
mod list;
mod patch;
mod place;
mod profile;
mod project;
mod put;
mod schema;
mod sort;
mod value;

pub use bulk::{Bulk, BulkOperation, BulkStep, Method};
pub use catalog::{
    Catalog, CatalogError, ENTERPRISE_USER, GROUP, ON_PREMISES_DATA, SOURCE_GROUP, SOURCE_USER, Shape, SiteDocument, USER,
};
pub use check::{document, readable, required};
pub use date::{date_of, date_text};
pub use documents::{ABOUT_URN, Limits, Meta, resource, resource_type_document, schema_document, service_provider_config};
pub use error::{ErrorKind, ScimError};
pub use filter::{Condition, Constant, Operator};
pub use list::{ListRequest, Page, list_response};
pub use patch::{MemberRef, MemberStep, Operation, Patch, Verb};
pub use place::{Named, Place};
pub use profile::Profile;
pub use project::Projection;
pub use put::replace;
pub use schema::{Attribute, Extension, Mutability, ResourceType, Returned, Schema, Sort, Uniqueness};
pub use sort::{Direction, SortKey, sort_key};

/// A JSON object.
pub type Map = serde_json::Map<String, serde_json::Value>;

/// The result of what a client may get wrong.
pub type Result<T> = std::result::Result<T, ScimError>;

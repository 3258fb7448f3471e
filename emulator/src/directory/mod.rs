//! The tenant's data, made for size: interned names, dense object numbers, references as ordered sets, one journal.

mod application_properties;
mod extension;
mod group_properties;
mod history;
mod ids;
mod journal;
mod licences;
mod links;
mod lookup;
mod names;
mod object;
mod passes;
mod property;
mod roles;
mod schema;
mod seen_links;
mod tenant;
mod user_properties;
mod value;
mod view;

pub(crate) use extension::extensions;
pub(crate) use history::Arrivals;
pub(crate) use ids::derived;
pub(crate) use journal::{Span, What};
pub(crate) use licences::{Product, assigned};
pub(crate) use links::{Relation, Way};
pub(crate) use lookup::{INDEXED, texts};
pub(crate) use names::Name;
pub(crate) use object::{Kind, Life, Object, Row};
pub(crate) use passes::Pass;
pub(crate) use property::{Clearing, Compared, Filter, Property, Shape, Write};
pub(crate) use roles::{Access, Assignment, GroupEligibility, Hold, ROLES, Role, Roles};
pub(crate) use schema::Schema;
pub(crate) use tenant::Tenant;
pub(crate) use value::{Value, folded, write_json, write_text};
pub(crate) use view::{Sight, View};

//! The rules that make the emulator as strict as the service.

mod application;
mod body;
mod country;
mod group;
pub(crate) mod guard;
pub(crate) mod link;
mod password;
mod principal_name;
mod quota;
mod shape;
pub(crate) mod unique;
mod user;

pub(crate) use application::{create as create_application, create_principal, update as update_application};
pub(crate) use body::{Draft, object, read};
pub(crate) use group::{create as create_group, update as update_group, validate_nickname};
pub(crate) use principal_name::check as principal_name;
pub(crate) use quota::one_more;
pub(crate) use user::{create as create_user, update as update_user};

use crate::directory::Kind;
use crate::failure::Failure;

/// 400: a property that a create needs.
pub(crate) fn required(kind: Kind, property: &str) -> Failure {
    Failure::bad_request(format!("A value is required for property '{property}' of resource '{}'.", kind.resource()))
        .detail("MissingValue", property)
}

/// Whether a mail nickname has only the characters that any may have; groups are stricter.
fn is_nickname(text: &str) -> bool {
    text.is_ascii() && !text.contains(['@', '(', ')', '\\', '[', ']', '"', ';', ':', '<', '>', ',', ' '])
}

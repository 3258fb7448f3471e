//! Objects that cannot be written, or not by this application.

use crate::directory::{Kind, Name, Object, Relation, Row, Value};
use crate::failure::Failure;
use crate::world::World;

/// What needs more than the permission when the user is privileged (Graph "Update user").
const SENSITIVE: &[Name] = &[
    Name::ACCOUNT_ENABLED,
    Name::MOBILE_PHONE,
    Name::BUSINESS_PHONES,
    Name::OTHER_MAILS,
    Name::PASSWORD_PROFILE,
    Name::USER_PRINCIPAL_NAME,
    Name::IMMUTABLE_ID,
];

/// 400 for an object that is mastered on premises.
///
/// # Errors
/// When it is.
pub(crate) fn mastered(object: &Object) -> Result<(), Failure> {
    if !object.is_true(Name::SYNC_ENABLED) {
        return Ok(());
    }
    Err(Failure::bad_request(
        "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently \
         undergoing migration.",
    ))
}

/// 400 for properties that only the former master may write.
///
/// # Errors
/// When the user was mastered on premises once and an extension attribute is among them.
pub(crate) fn formerly_mastered(object: &Object, mut names: impl Iterator<Item = Name>) -> Result<(), Failure> {
    if object.value(Name::SYNC_ENABLED) != Some(&Value::Flag(false)) || !names.any(|name| name == Name::EXTENSION_ATTRIBUTES) {
        return Ok(());
    }
    Err(Failure::bad_request(
        "Unable to update the specified properties for objects that have originated within an external service.",
    ))
}

/// 403 for a write of sensitive properties to a privileged user.
///
/// # Errors
/// When it is one.
pub(crate) fn sensitive(world: &World, row: Row, mut names: impl Iterator<Item = Name>) -> Result<(), Failure> {
    if names.any(|name| SENSITIVE.contains(&name)) { privileged(world, row) } else { Ok(()) }
}

/// 403 for a privileged user (delete, restore).
///
/// # Errors
/// When it is one and the application holds no role for it.
pub(crate) fn privileged(world: &World, row: Row) -> Result<(), Failure> {
    let refused =
        world.tenant.object(row).kind == Kind::User && !world.switches.writes_privileged_users && world.tenant.is_privileged(row);
    if refused { Err(Failure::denied()) } else { Ok(()) }
}

/// Whether the members (or owners) of a group may be written.
///
/// # Errors
/// 400 for a mail-enabled security or distribution group and for one mastered on premises; 403 for the members of a dynamic one.
pub(crate) fn members(world: &World, group: Row, relation: Relation) -> Result<(), Failure> {
    let group = world.tenant.object(group);
    if group.is_true(Name::MAIL_ENABLED) && !group.is_unified() {
        return Err(mail_enabled_members());
    }
    mastered(group)?;
    if group.is_dynamic() && relation == Relation::Member { Err(Failure::denied()) } else { Ok(()) }
}

/// 400: the members of such a group are written elsewhere.
pub(crate) fn mail_enabled_members() -> Failure {
    Failure::bad_request("Cannot Update a mail-enabled security groups and or distribution list.")
}

//! What a group may look like (Graph "Create group", "Update group").

use super::body::Draft;
use super::unique::{self, Claimant};
use super::{guard, quota};
use crate::directory::{Kind, Name, Object, Row, Value};
use crate::failure::Failure;
use crate::world::World;

/// The most role-assignable groups of a tenant.
const MOST_ASSIGNABLE: usize = 500;

/// The most groups with dynamic membership.
const MOST_DYNAMIC: usize = 15_000;

const REQUIRED: &[Name] = &[Name::DISPLAY_NAME, Name::MAIL_ENABLED, Name::MAIL_NICKNAME, Name::SECURITY_ENABLED];

/// Checks a new group and completes what the service derives.
///
/// # Errors
/// The first rule that the draft breaks.
pub(crate) fn create(world: &World, draft: &mut Draft) -> Result<(), Failure> {
    let required = REQUIRED.iter().find(|name| draft.value(**name).is_none_or(|value| *value == Value::Null));
    if let Some(name) = required {
        return Err(super::required(Kind::Group, world.tenant.schema.spell(*name)));
    }
    let unified = draft.is_of_type("Unified");
    types(draft)?;
    kind(draft, unified)?;
    visibility(draft, unified, None)?;
    role_assignable(world, draft)?;
    room_for_dynamic(world, draft)?;
    values(world, draft)?;
    if !draft.sets(Name::VISIBILITY) {
        draft.edits.push((Name::VISIBILITY, Value::text(if unified { "Public" } else { "Private" })));
    }
    if unified {
        let domain = world.domains.first().map_or("", |domain| domain.name.as_str());
        let mail = format!("{}@{domain}", draft.text(Name::MAIL_NICKNAME).unwrap_or_default());
        draft.edits.push((Name::PROXY_ADDRESSES, unique::proxies(&[], &mail)));
        draft.edits.push((Name::MAIL, Value::text(mail)));
    }
    unique::check(world, Claimant { kind: Kind::Group, own: None, unified }, &draft.edits)?;
    quota::one_more(world)
}

/// Checks an update of a group.
///
/// # Errors
/// The first rule that the draft breaks.
pub(crate) fn update(world: &World, row: Row, draft: &Draft) -> Result<(), Failure> {
    let group = world.tenant.object(row);
    guard::mastered(group)?;
    if group.is_true(Name::MAIL_ENABLED) && !group.is_unified() {
        return Err(if draft.binds.is_empty() { mail_enabled() } else { guard::mail_enabled_members() });
    }
    // Only a dynamic group has a rule.
    if draft.text(Name::MEMBERSHIP_RULE).is_some() && !group.is_dynamic() {
        return Err(Failure::invalid_value(Kind::Group, "membershipRule"));
    }
    // It would be a distribution list.
    if !group.is_unified() && draft.value(Name::SECURITY_ENABLED) == Some(&Value::Flag(false)) {
        return Err(Failure::invalid_value(Kind::Group, "securityEnabled"));
    }
    visibility(draft, group.is_unified(), Some(group.text(Name::VISIBILITY)))?;
    if let Some(text) = draft.text(Name::UNIQUE_NAME) {
        unique_name(world, group, text)?;
    }
    values(world, draft)?;
    let claimant = Claimant { kind: Kind::Group, own: Some(row), unified: group.is_unified() };
    unique::check(world, claimant, &draft.edits)
}

fn mail_enabled() -> Failure {
    Failure::bad_request(
        "The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement \
         property is unset and the security-enablement property is set.",
    )
}

/// Hidden membership is for Microsoft 365 groups, from their creation on; `before` is what an existing group has.
fn visibility(draft: &Draft, unified: bool, before: Option<Option<&str>>) -> Result<(), Failure> {
    const HIDDEN: &str = "HiddenMembership";
    let wanted = draft.text(Name::VISIBILITY);
    let allowed = match before {
        None => wanted != Some(HIDDEN) || unified,
        Some(before) => (wanted == Some(HIDDEN)) == (before == Some(HIDDEN)) || wanted.is_none(),
    };
    if allowed { Ok(()) } else { Err(Failure::invalid_value(Kind::Group, "visibility")) }
}

/// Checks that a Microsoft 365 group could have this mail nickname.
///
/// # Errors
/// 422 when another one has it.
pub(crate) fn validate_nickname(world: &World, own: Option<Row>, nickname: &str) -> Result<(), Failure> {
    let claimant = Claimant { kind: Kind::Group, own, unified: true };
    let Err(taken) = unique::check(world, claimant, &[(Name::MAIL_NICKNAME, Value::text(nickname))]) else { return Ok(()) };
    let failure = Failure::new(422, "Request_UnprocessableEntity", taken.message);
    Err(failure.detail("PropertyConflict", "mailNickname"))
}

fn types(draft: &Draft) -> Result<(), Failure> {
    let known = |kind: &str| ["Unified", "DynamicMembership"].iter().any(|known| known.eq_ignore_ascii_case(kind));
    let all = draft.value(Name::GROUP_TYPES).is_none_or(|types| types.items().iter().all(|kind| known(kind)));
    if all { Ok(()) } else { Err(Failure::invalid_value(Kind::Group, "groupTypes")) }
}

fn kind(draft: &Draft, unified: bool) -> Result<(), Failure> {
    let is = |name: Name| draft.value(name).is_some_and(Value::is_true);
    if is(Name::MAIL_ENABLED) != unified {
        return Err(mail_enabled());
    }
    if !unified && !is(Name::SECURITY_ENABLED) {
        return Err(Failure::invalid_value(Kind::Group, "securityEnabled"));
    }
    let rule = draft.text(Name::MEMBERSHIP_RULE).is_some();
    if draft.is_of_type("DynamicMembership") == rule {
        Ok(())
    } else {
        Err(Failure::invalid_value(Kind::Group, "membershipRule"))
    }
}

fn role_assignable(world: &World, draft: &Draft) -> Result<(), Failure> {
    let is = |name: Name| draft.value(name).is_some_and(Value::is_true);
    if !is(Name::ASSIGNABLE_TO_ROLE) {
        return Ok(());
    }
    let full = || world.tenant.rows(Kind::Group, None).iter().filter(|row| assignable(world, **row)).count() >= MOST_ASSIGNABLE;
    if !is(Name::SECURITY_ENABLED) || draft.is_of_type("DynamicMembership") || full() {
        return Err(Failure::invalid_value(Kind::Group, "isAssignableToRole"));
    }
    if draft.sets(Name::UNIQUE_NAME) && !world.switches.unique_name_on_role_group { Err(no_unique_name()) } else { Ok(()) }
}

fn assignable(world: &World, row: Row) -> bool {
    let group = world.tenant.object(row);
    group.is_live() && group.is_true(Name::ASSIGNABLE_TO_ROLE)
}

fn room_for_dynamic(world: &World, draft: &Draft) -> Result<(), Failure> {
    let dynamic = |row: &&Row| world.tenant.object(**row).is_live() && world.tenant.object(**row).is_dynamic();
    let full = || world.tenant.rows(Kind::Group, None).iter().filter(dynamic).count() >= MOST_DYNAMIC;
    if draft.is_of_type("DynamicMembership") && full() {
        let message = format!("The tenant may have at most {MOST_DYNAMIC} groups with dynamic membership.");
        return Err(Failure::new(403, "Directory_QuotaExceeded", message));
    }
    Ok(())
}

fn no_unique_name() -> Failure {
    Failure::bad_request("Value for ArmUniqueName cannot be updated for groups assignable to role")
}

fn unique_name(world: &World, group: &Object, text: &str) -> Result<(), Failure> {
    if group.is_true(Name::ASSIGNABLE_TO_ROLE) && !world.switches.unique_name_on_role_group {
        return Err(no_unique_name());
    }
    match group.text(Name::UNIQUE_NAME) {
        Some(before) if before != text => Err(Failure::read_only("uniqueName")),
        _ => Ok(()),
    }
}

fn values(world: &World, draft: &Draft) -> Result<(), Failure> {
    let wrong = draft.edits.iter().find(|(name, value)| value.as_text().is_some_and(|text| !acceptable(*name, text)));
    wrong.map_or(Ok(()), |(name, _)| Err(Failure::invalid_value(Kind::Group, world.tenant.schema.spell(*name))))
}

fn acceptable(name: Name, text: &str) -> bool {
    match name {
        Name::MAIL_NICKNAME => super::is_nickname(text) && !text.contains(['/', '\'']),
        Name::VISIBILITY => matches!(text, "Public" | "Private" | "HiddenMembership"),
        Name::MEMBERSHIP_RULE_STATE => matches!(text, "On" | "Paused"),
        _ => true,
    }
}

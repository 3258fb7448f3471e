//! What a user may look like (Graph "Create user", "Update user").

use super::body::Draft;
use super::unique::{self, Claimant};
use super::{guard, password, quota};
use crate::directory::{Kind, Name, Object, Row, Value, assigned};
use crate::failure::Failure;
use crate::world::World;
use serde_json::Value as Json;

const REQUIRED: &[Name] = &[Name::ACCOUNT_ENABLED, Name::DISPLAY_NAME, Name::MAIL_NICKNAME, Name::USER_PRINCIPAL_NAME];

/// Checks a new user and completes what the service derives.
///
/// # Errors
/// The first rule that the draft breaks.
pub(crate) fn create(world: &World, draft: &mut Draft) -> Result<(), Failure> {
    let required = REQUIRED.iter().find(|name| draft.value(**name).is_none_or(|value| *value == Value::Null));
    if let Some(name) = required {
        return Err(super::required(Kind::User, world.tenant.schema.spell(*name)));
    }
    let principal_name = draft.text(Name::USER_PRINCIPAL_NAME).unwrap_or_default().to_owned();
    let federated = world.is_federated(&principal_name);
    let Some(Value::Json(profile)) = draft.value(Name::PASSWORD_PROFILE) else {
        return Err(super::required(Kind::User, "passwordProfile"));
    };
    if let Some(field) = password::REQUIRED.iter().find(|field| profile.get(**field).is_none_or(Json::is_null)) {
        return Err(super::required(Kind::User, &format!("passwordProfile/{field}")));
    }
    if federated && draft.text(Name::IMMUTABLE_ID).is_none() {
        return Err(super::required(Kind::User, "onPremisesImmutableId"));
    }
    values(world, draft, None)?;
    finish(world, draft, None)?;
    quota::one_more(world)
}

/// Checks an update of a user and completes what the service derives.
///
/// # Errors
/// The first rule that the draft breaks.
pub(crate) fn update(world: &World, row: Row, draft: &mut Draft) -> Result<(), Failure> {
    let object = world.tenant.object(row);
    guard::mastered(object)?;
    guard::formerly_mastered(object, draft.edits.iter().map(|(name, _)| *name))?;
    guard::sensitive(world, row, draft.edits.iter().map(|(name, _)| *name))?;
    if draft.sets(Name::EMPLOYEE_HIRE_DATE) && !world.switches.hire_date_by_application {
        return Err(Failure::denied());
    }
    if let Some(value) = draft.value(Name::IMMUTABLE_ID) {
        immutable_id(world, object, value)?;
    }
    let federated = draft.text(Name::USER_PRINCIPAL_NAME).is_some_and(|name| world.is_federated(name));
    if federated && draft.text(Name::IMMUTABLE_ID).or_else(|| object.text(Name::IMMUTABLE_ID)).is_none() {
        return Err(super::required(Kind::User, "onPremisesImmutableId"));
    }
    values(world, draft, Some(object))?;
    finish(world, draft, Some((row, object)))
}

fn immutable_id(world: &World, object: &Object, value: &Value) -> Result<(), Failure> {
    let before = object.text(Name::IMMUTABLE_ID);
    let federated = object.text(Name::USER_PRINCIPAL_NAME).is_some_and(|name| world.is_federated(name));
    let allowed = match (before, value) {
        (None, Value::Null) => true,
        (None, _) => world.switches.immutable_id_set,
        (Some(_), Value::Null) => world.switches.immutable_id_clear && !federated,
        (Some(before), value) if value.as_text() == Some(before) => true,
        (Some(_), _) => world.switches.immutable_id_change && !federated,
    };
    if allowed { Ok(()) } else { Err(Failure::invalid_value(Kind::User, "onPremisesImmutableId")) }
}

fn values(world: &World, draft: &mut Draft, existing: Option<&Object>) -> Result<(), Failure> {
    for (name, value) in &draft.edits {
        let texts = value.as_text().into_iter().chain(value.items().iter().map(|item| &**item));
        for text in texts {
            if !acceptable(*name, text) {
                return Err(Failure::invalid_value(Kind::User, world.tenant.schema.spell(*name)));
            }
        }
    }
    if let Some(principal_name) = draft.text(Name::USER_PRINCIPAL_NAME) {
        super::principal_name::check(world, principal_name)?;
    }
    let policies =
        draft.text(Name::PASSWORD_POLICIES).or_else(|| existing.and_then(|object| object.text(Name::PASSWORD_POLICIES)));
    let policies = policies.unwrap_or_default().to_owned();
    if let Some(Value::Json(profile)) = draft.take(Name::PASSWORD_PROFILE) {
        password::check(&profile, &policies, &world.switches.banned_passwords)?;
    }
    Ok(())
}

fn acceptable(name: Name, text: &str) -> bool {
    match name {
        Name::MAIL | Name::OTHER_MAILS => text.is_ascii() && text.contains('@') && !text.contains(' '),
        Name::MAIL_NICKNAME => super::is_nickname(text),
        Name::IMMUTABLE_ID => !text.contains(['$', '_']),
        Name::USAGE_LOCATION => super::country::is_one(text),
        Name::USER_TYPE => matches!(text, "Member" | "Guest"),
        Name::PASSWORD_POLICIES => {
            text.split(',').all(|policy| matches!(policy.trim(), "None" | "DisableStrongPassword" | "DisablePasswordExpiration"))
        }
        Name::AGE_GROUP => matches!(text, "Minor" | "NotAdult" | "Adult"),
        Name::CONSENT_FOR_MINOR => matches!(text, "Granted" | "Denied" | "NotRequired"),
        _ => true,
    }
}

fn finish(world: &World, draft: &mut Draft, existing: Option<(Row, &Object)>) -> Result<(), Failure> {
    if let Some(mail) = draft.text(Name::MAIL) {
        let before = existing.map_or(&[][..], |(_, object)| object.items(Name::PROXY_ADDRESSES));
        let proxies = unique::proxies(before, mail);
        draft.edits.push((Name::PROXY_ADDRESSES, proxies));
    }
    if let Some((_, object)) = existing {
        recomputed(world, draft, object);
    }
    let claimant = Claimant { kind: Kind::User, own: existing.map(|(row, _)| row), unified: false };
    unique::check(world, claimant, &draft.edits)
}

/// The address that a user with a licence gets in the initial domain whenever the service looks at the mailbox again. Another
/// object may hold it by then, and the update fails with a property that it did not name.
fn recomputed(world: &World, draft: &mut Draft, object: &Object) {
    const LOOKED_AT: [Name; 3] = [Name::USAGE_LOCATION, Name::MAIL_NICKNAME, Name::USER_PRINCIPAL_NAME];
    let licensed = !assigned(object.value(Name::ASSIGNED_LICENSES)).is_empty();
    if !licensed || !LOOKED_AT.iter().any(|name| draft.sets(*name)) {
        return;
    }
    let nickname = draft.text(Name::MAIL_NICKNAME).or_else(|| object.text(Name::MAIL_NICKNAME)).unwrap_or_default();
    let initial = world.domains.last().map_or("", |domain| domain.name.as_str());
    let address = format!("smtp:{nickname}@{initial}");
    let before = draft.take(Name::PROXY_ADDRESSES);
    let before = before.as_ref().map_or_else(|| object.items(Name::PROXY_ADDRESSES), Value::items);
    let mut addresses: Vec<Box<str>> = before.to_vec();
    if !addresses.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
        addresses.push(address.into());
    }
    draft.edits.push((Name::PROXY_ADDRESSES, Value::texts(addresses)));
}

//! `/invitations`: how guests come into the tenant.

use super::answer::Answer;
use super::call::Call;
use crate::clock::rfc3339;
use crate::directory::{Kind, Name, Row, Value, View, derived};
use crate::failure::Failure;
use crate::rules;
use crate::rules::unique::{self, Claimant};
use crate::world::World;
use axum::http::Method;
use serde_json::{Map, Value as Json, json};

/// Answers `POST /invitations`: a guest comes into being, or the one that there is is invited again.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn route(call: &Call<'_>) -> Result<Answer, Failure> {
    if *call.method != Method::POST || call.parts.len() > 1 {
        return Err(Failure::method());
    }
    let body = rules::object(call.body)?;
    let address = needed(&body, "invitedUserEmailAddress")?;
    let redirect = needed(&body, "inviteRedirectUrl")?;
    let (local, domain) = address
        .split_once('@')
        .filter(|(local, domain)| {
            let fits = !local.is_empty() && !domain.is_empty() && address.len() <= 113;
            fits && address.is_ascii() && !address.contains(|letter: char| letter.is_ascii_whitespace()) && !domain.contains('@')
        })
        .ok_or_else(|| Failure::new(400, "BadRequest", format!("Invalid email address '{address}'.")))?;
    let kind = body.get("invitedUserType").and_then(Json::as_str).unwrap_or("Guest");
    if !matches!(kind, "Guest" | "Member") {
        return Err(Failure::new(400, "BadRequest", "Invalid value specified for property 'invitedUserType'."));
    }
    let mut world = call.write();
    let row = match known(&View::primary(&world.tenant), &address) {
        Some(row) if world.tenant.object(row).text(Name::CREATION_TYPE) == Some("Invitation") => row,
        Some(row) => return Err(already_here(&world, row)),
        None if world.verified(domain).is_some() => {
            let message = format!("The domain '{domain}' of the invited user is a verified domain of this directory.");
            return Err(Failure::new(400, "BadRequest", message));
        }
        None => {
            let name = body.get("invitedUserDisplayName").and_then(Json::as_str).unwrap_or(local);
            create(call, &mut world, &address, name, kind)?
        }
    };
    Ok(answer(call, &world, row, &body, &address, &redirect))
}

fn needed(body: &Map<String, Json>, name: &str) -> Result<String, Failure> {
    let text = body.get(name).and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty());
    text.map(str::to_owned)
        .ok_or_else(|| Failure::new(400, "BadRequest", format!("The property '{name}' of the invitation is required.")))
}

/// The live user with this address.
fn known(tenant: &View<'_>, address: &str) -> Option<Row> {
    let live = |row: &Row| tenant.object(*row).is_live();
    let by = |name| tenant.holders(Kind::User, name, address).find(live);
    by(Name::MAIL).or_else(|| by(Name::USER_PRINCIPAL_NAME)).or_else(|| by(Name::OTHER_MAILS))
}

fn already_here(world: &World, row: Row) -> Failure {
    let id = world.tenant.object(row).id;
    Failure::new(
        400,
        "BadRequest",
        format!(
            "The invited user already exists in the directory as object ID: {id}. They can use that account to sign in to shared \
             apps and resources."
        ),
    )
}

fn create(call: &Call<'_>, world: &mut World, address: &str, name: &str, kind: &str) -> Result<Row, Failure> {
    let now = rfc3339(call.app.clock.now());
    let initial = world.domains.last().map_or("", |domain| domain.name.as_str());
    let alias = format!("{}#EXT#", address.replace('@', "_"));
    let properties = vec![
        (Name::USER_PRINCIPAL_NAME, Value::text(format!("{alias}@{initial}"))),
        (Name::MAIL_NICKNAME, Value::text(alias)),
        (Name::DISPLAY_NAME, Value::text(name)),
        (Name::MAIL, Value::text(address)),
        (Name::OTHER_MAILS, Value::texts([address])),
        (Name::PROXY_ADDRESSES, unique::proxies(&[], address)),
        (Name::ACCOUNT_ENABLED, Value::Flag(true)),
        (Name::USER_TYPE, Value::text(kind)),
        (Name::CREATION_TYPE, Value::text("Invitation")),
        (Name::EXTERNAL_USER_STATE, Value::text("PendingAcceptance")),
        (Name::EXTERNAL_USER_STATE_CHANGED, Value::text(now.as_str())),
        (Name::CREATED, Value::text(now)),
    ];
    unique::check(world, Claimant { kind: Kind::User, own: None, unified: false }, &properties)?;
    rules::one_more(world)?;
    let id = world.tenant.next_id();
    Ok(world.tenant.create(id, Kind::User, properties))
}

fn answer(call: &Call<'_>, world: &World, row: Row, body: &Map<String, Json>, address: &str, redirect: &str) -> Answer {
    let guest = world.tenant.object(row);
    let id = derived(&[b"invitation", &call.app.seed.to_le_bytes(), &call.step.to_le_bytes()]);
    let tenant = call.app.tenant_id;
    let redeem =
        format!("{}/redeem?rd=https%3a%2f%2finvitations%2f%3ftenant%3d{tenant}%26user%3d{}", call.app.base_url, guest.id);
    let invitation = json!({
        "@odata.context": call.context("invitations/$entity"),
        "id": id.to_string(),
        "inviteRedeemUrl": redeem,
        "invitedUserDisplayName": body.get("invitedUserDisplayName"),
        "invitedUserType": guest.text(Name::USER_TYPE),
        "invitedUserEmailAddress": address,
        "sendInvitationMessage": body.get("sendInvitationMessage").and_then(Json::as_bool).unwrap_or(false),
        "resetRedemption": false,
        "inviteRedirectUrl": redirect,
        "status": guest.text(Name::EXTERNAL_USER_STATE),
        "invitedUserMessageInfo": { "messageLanguage": null, "customizedMessageBody": null,
                                    "ccRecipients": [{ "emailAddress": { "name": null, "address": null } }] },
        "invitedUser": { "id": guest.id.to_string() },
    });
    Answer::json(201, &invitation)
}

//! `/applications` and `/servicePrincipals`.

use super::answer::Answer;
use super::call::Call;
use super::objects::identifier;
use super::users::{created, entity};
use super::{delta, listing, membership, recycle, references};
use crate::auth::Secret;
use crate::clock::rfc3339;
use crate::directory::{Kind, Name, Object, Relation, Row, Value, View, Way, derived};
use crate::failure::Failure;
use crate::odata::Part;
use crate::registration;
use crate::rules;
use crate::rules::link::Holder;
use crate::world::World;
use axum::http::Method;
use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How long a secret lives when nobody says: two years, in milliseconds.
const TWO_YEARS: i64 = 2 * 365 * 24 * 3600 * 1000;

/// Answers a request below `/applications` or `/servicePrincipals`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn route(call: &Call<'_>, kind: Kind) -> Result<Answer, Failure> {
    let rest = call.parts.get(1..).unwrap_or(&[]);
    let words: Vec<String> = rest.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::GET, []) => listing::collection(call, &call.view(&call.app.world.read().tenant), kind),
        (&Method::POST, []) => create(call, kind),
        (&Method::GET, ["$count"]) => listing::count(call, &call.view(&call.app.world.read().tenant), kind),
        (&Method::GET, ["delta"]) => delta::answer(call, kind),
        (_, [] | ["$count" | "delta"]) => Err(Failure::method()),
        (_, [_, below @ ..]) => one(call, kind, &rest[0], below),
    }
}

fn one(call: &Call<'_>, kind: Kind, key: &Part, below: &[&str]) -> Result<Answer, Failure> {
    let principal = kind == Kind::ServicePrincipal;
    match (call.method, below) {
        (&Method::GET, []) => read(call, kind, key),
        (&Method::PATCH, []) => update(call, kind, key),
        (&Method::DELETE, []) => recycle::delete(call, |_, seen| find(seen, kind, key)),
        (&Method::GET, ["owners", cast @ ..]) => references::list(call, kind, key, Relation::Owner, Way::Forward, cast),
        (&Method::GET, ["federatedidentitycredentials"]) if !principal => federated(call, key),
        (&Method::POST, ["addpassword"]) => add_password(call, kind, key),
        (&Method::POST, ["removepassword"]) => remove_password(call, kind, key),
        (&Method::GET, ["memberof", cast @ ..]) if principal => {
            references::list(call, kind, key, Relation::Member, Way::Backward, cast)
        }
        (&Method::GET, ["transitivememberof", cast @ ..]) if principal => references::reach(call, kind, key, Way::Backward, cast),
        (&Method::GET, ["ownedobjects", cast @ ..]) if principal => {
            references::list(call, kind, key, Relation::Owner, Way::Backward, cast)
        }
        (&Method::POST, [action]) if principal && membership::is_action(action) => {
            membership::answer(call, |seen| find(seen, kind, key), action)
        }
        (_, [] | ["owners" | "addpassword" | "removepassword", ..]) => Err(Failure::method()),
        (_, [segment, ..]) => Err(Failure::segment(segment)),
    }
}

/// The live object that a path names: an object id, `(appId='..')`, or for applications `(uniqueName='..')`.
///
/// # Errors
/// 404 naming it; 400 for something that is no id.
pub(crate) fn find(tenant: &View<'_>, kind: Kind, key: &Part) -> Result<Row, Failure> {
    let text = key.text();
    let holder = |name| tenant.keyed(kind, name, text);
    let found = match key {
        Part::Key(Some(name), _) if name.eq_ignore_ascii_case("appId") => holder(Name::APP_ID)?,
        Part::Key(Some(name), _) if name.eq_ignore_ascii_case("uniqueName") && kind == Kind::Application => {
            holder(Name::UNIQUE_NAME)?
        }
        Part::Key(Some(name), _) if !name.eq_ignore_ascii_case("id") => return Err(Failure::segment(name)),
        Part::Word(_) | Part::Key(..) => {
            let id = identifier(text)?;
            tenant.live(id).filter(|row| tenant.object(*row).kind == kind)
        }
    };
    found.ok_or_else(|| Failure::not_found(text))
}

fn read(call: &Call<'_>, kind: Kind, key: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let seen = call.view(&world.tenant);
    entity(call, &seen, find(&seen, kind, key)?)
}

fn update(call: &Call<'_>, kind: Kind, key: &Part) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| find(seen, kind, key))?;
    let draft = rules::read(&world, kind, Some(world.tenant.object(row)), &body)?;
    rules::update_application(&world, row, &draft)?;
    world.tenant.edit(row, draft.edits);
    Ok(Answer::no_content())
}

fn create(call: &Call<'_>, kind: Kind) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let mut world = call.write();
    let mut draft = rules::read(&world, kind, None, &body)?;
    match kind {
        Kind::ServicePrincipal => principal(call, &world, &mut draft)?,
        Kind::User | Kind::Group | Kind::Application | Kind::Device | Kind::Contact => application(call, &mut world, &mut draft)?,
    }
    let owners =
        rules::link::admit(&world, &call.view(&world.tenant), Holder::New { unified: false, dynamic: false }, &draft.binds)?;
    let id = world.tenant.next_id();
    let row = world.tenant.create(id, kind, draft.edits);
    for (relation, owner) in owners {
        world.tenant.link(relation, row, owner);
    }
    created(call, &View::primary(&world.tenant), row)
}

fn application(call: &Call<'_>, world: &mut World, draft: &mut rules::Draft) -> Result<(), Failure> {
    rules::create_application(world, draft)?;
    let app_id = world.tenant.next_id().to_string();
    call.app.credentials.change(&app_id, |_| {});
    draft.edits.push((Name::APP_ID, Value::text(app_id)));
    draft.edits.push((Name::CREATED, Value::text(rfc3339(call.app.clock.now()))));
    if !draft.sets(Name::SIGN_IN_AUDIENCE) {
        draft.edits.push((Name::SIGN_IN_AUDIENCE, Value::text("AzureADandPersonalMicrosoftAccount")));
    }
    Ok(())
}

/// The service principal of an application that the replica knows.
fn principal(call: &Call<'_>, world: &World, draft: &mut rules::Draft) -> Result<(), Failure> {
    rules::create_principal(world, draft)?;
    let app_id = draft.text(Name::APP_ID).unwrap_or_default().to_owned();
    let seen = call.view(&world.tenant);
    let application = seen.holders(Kind::Application, Name::APP_ID, &app_id).find(|row| seen.object(*row).is_live());
    let application = application.ok_or_else(|| {
        Failure::bad_request(format!(
            "The appId '{app_id}' of the service principal does not reference a valid application object."
        ))
    })?;
    let name = seen.object(application).text(Name::DISPLAY_NAME).unwrap_or_default();
    let derived = registration::principal(&app_id, name, call.app.tenant_id, call.app.clock.now());
    draft
        .edits
        .extend(derived.into_iter().filter(|(name, _)| !draft.edits.iter().any(|(known, _)| known == name)).collect::<Vec<_>>());
    Ok(())
}

fn app_id(object: &Object) -> String {
    object.text(Name::APP_ID).unwrap_or_default().to_owned()
}

fn moment(credential: &Map<String, Json>, name: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = credential.get(name).filter(|json| !json.is_null()) else { return Ok(None) };
    let parsed = text.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let moment = parsed.ok_or_else(|| Failure::invalid_value(Kind::Application, name))?;
    Ok(Some(moment.unix_timestamp().saturating_mul(1000)))
}

/// Adds a secret. Its text is told this once; asked again, the service makes another one.
fn add_password(call: &Call<'_>, kind: Kind, key: &Part) -> Result<Answer, Failure> {
    let body = if call.body.is_empty() { Map::new() } else { rules::object(call.body)? };
    let empty = Map::new();
    let credential = body.get("passwordCredential").and_then(Json::as_object).unwrap_or(&empty);
    let now = call.app.clock.now();
    let starts = moment(credential, "startDateTime")?.unwrap_or(now);
    let expires = moment(credential, "endDateTime")?.unwrap_or_else(|| starts.saturating_add(TWO_YEARS));
    if expires <= starts {
        return Err(Failure::invalid_value(kind, "endDateTime"));
    }
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| find(seen, kind, key))?;
    let app_id = app_id(world.tenant.object(row));
    let text = derived(&[b"added secret", &call.app.seed.to_le_bytes(), &call.step.to_le_bytes()]).simple().to_string();
    let name = credential.get("displayName").and_then(Json::as_str).map(str::to_owned);
    let secret = Secret { value: format!("{}~{}", &text[..6], &text[6..]), name, starts, expires: Some(expires) };
    let mut told = registration::secret(&secret);
    told["secretText"] = secret.value.as_str().into();
    told["@odata.context"] = call.context("microsoft.graph.passwordCredential").into();
    call.app.credentials.change(&app_id, |application| application.secrets.push(secret));
    listed(call, &mut world, &app_id, now);
    Ok(Answer::json(200, &told))
}

fn remove_password(call: &Call<'_>, kind: Kind, key: &Part) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let wanted = body.get("keyId").and_then(Json::as_str).unwrap_or_default().to_owned();
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| find(seen, kind, key))?;
    let app_id = app_id(world.tenant.object(row));
    let is_wanted = |secret: &Secret| secret.key_id().to_string().eq_ignore_ascii_case(&wanted);
    let known = call.app.credentials.find(&app_id).is_some_and(|application| application.secrets.iter().any(is_wanted));
    if !known {
        return Err(Failure::bad_request(format!("No password credential found with keyId '{wanted}'.")));
    }
    call.app.credentials.change(&app_id, |application| application.secrets.retain(|secret| !is_wanted(secret)));
    listed(call, &mut world, &app_id, call.app.clock.now());
    Ok(Answer::no_content())
}

/// Makes the registration list the credentials as they are now.
fn listed(call: &Call<'_>, world: &mut World, app_id: &str, now: i64) {
    if let Some(application) = call.app.credentials.find(app_id) {
        registration::shown(world, call.app.tenant_id, &application, now);
    }
}

fn federated(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let seen = call.view(&world.tenant);
    let object = seen.object(find(&seen, Kind::Application, key)?);
    let application = call.app.credentials.find(&app_id(object)).unwrap_or_default();
    let credential = |known: &crate::auth::Federated| {
        let id = derived(&[b"federated credential", object.id.as_bytes(), known.name.as_bytes()]);
        json!({ "id": id.to_string(), "name": known.name, "issuer": known.issuer, "subject": known.subject,
                "description": null, "audiences": known.audiences })
    };
    let value: Vec<Json> = application.federated.iter().map(credential).collect();
    let context = call.context(&format!("applications('{}')/federatedIdentityCredentials", object.id));
    Ok(Answer::json(200, &json!({ "@odata.context": context, "value": value })))
}

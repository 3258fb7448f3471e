//! `/users/{id}/authentication`: how a user signs in. Temporary access passes can be made and taken back.

use super::answer::Answer;
use super::call::Call;
use super::table::Table;
use super::users;
use crate::clock::rfc3339;
use crate::directory::{Name, Pass, Row, derived};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules;
use crate::world::World;
use axum::http::Method;
use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The id of every user's password.
const PASSWORD: &str = "28c10230-6103-485e-b985-444c60001490";
/// How long a pass lasts when nobody says, and what the usual policy allows, in minutes.
const USUAL_MINUTES: i64 = 60;
const LEAST_MINUTES: i64 = 60;
const MOST_MINUTES: i64 = 480;
/// The signs of a pass and how many there are.
const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789+*%&!#=";
const LENGTH: usize = 8;

const PROPERTIES: &[&str] = &[
    "id",
    "createdDateTime",
    "isUsable",
    "isUsableOnce",
    "lifetimeInMinutes",
    "methodUsabilityReason",
    "startDateTime",
    "temporaryAccessPass",
];

/// Answers a request below `/users/{id}/authentication`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn route(call: &Call<'_>, user: &Part, below: &[&str]) -> Result<Answer, Failure> {
    match (call.method, below) {
        (&Method::GET, ["methods"]) => methods(call, user),
        (&Method::GET, ["passwordmethods"]) => passwords(call, user),
        // Only a person who is signed in may do that.
        (&Method::POST, ["methods" | "passwordmethods", _, "resetpassword"]) => Err(not_for_applications()),
        (&Method::GET, ["temporaryaccesspassmethods"]) => list(call, user),
        (&Method::POST, ["temporaryaccesspassmethods"]) => create(call, user),
        (&Method::GET, ["temporaryaccesspassmethods", id]) => read(call, user, id),
        (&Method::DELETE, ["temporaryaccesspassmethods", id]) => delete(call, user, id),
        (_, ["methods" | "passwordmethods" | "temporaryaccesspassmethods", ..]) => Err(Failure::method()),
        (_, [segment, ..]) => Err(Failure::segment(segment)),
        (_, []) => Err(Failure::segment("authentication")),
    }
}

fn not_for_applications() -> Failure {
    Failure::new(403, "accessDenied", "Request Authorization failed")
}

fn table(context: &str) -> Table<'_> {
    Table { context, of: "temporaryAccessPassAuthenticationMethod", properties: PROPERTIES, filtered: &[], page: None }
}

fn context(world: &World, user: Row) -> String {
    format!("users('{}')/authentication/temporaryAccessPassMethods", world.tenant.object(user).id)
}

fn seen(call: &Call<'_>, world: &World, user: &Part) -> Result<Row, Failure> {
    users::find(&call.view(&world.tenant), user)
}

fn shown(call: &Call<'_>, world: &World, pass: &Pass) -> Json {
    let now = call.app.clock.now();
    let reason = match () {
        () if !world.switches.temporary_access_pass => "DisabledByPolicy",
        () if now < pass.starts => "NotYetValid",
        () if now >= pass.ends() => "Expired",
        () => "EnabledByPolicy",
    };
    json!({
        "id": pass.id.to_string(),
        "isUsable": reason == "EnabledByPolicy",
        "methodUsabilityReason": reason,
        "temporaryAccessPass": null,
        "createdDateTime": rfc3339(pass.created),
        "startDateTime": rfc3339(pass.starts),
        "lifetimeInMinutes": pass.minutes,
        "isUsableOnce": pass.once,
    })
}

fn list(call: &Call<'_>, user: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let row = seen(call, &world, user)?;
    table(&context(&world, row)).list(call, world.tenant.passes.get(&row).map(|pass| shown(call, &world, pass)))
}

fn known<'w>(world: &'w World, user: Row, id: &str) -> Result<&'w Pass, Failure> {
    let pass = world.tenant.passes.get(&user).filter(|pass| pass.id.to_string() == id);
    pass.ok_or_else(|| {
        Failure::new(404, "resourceNotFound", format!("The requested authentication method '{id}' was not found."))
    })
}

fn read(call: &Call<'_>, user: &Part, id: &str) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let row = seen(call, &world, user)?;
    table(&context(&world, row)).one(call, 200, &shown(call, &world, known(&world, row, id)?))
}

fn delete(call: &Call<'_>, user: &Part, id: &str) -> Result<Answer, Failure> {
    let mut world = call.write();
    let row = call.locate(&world.tenant, |seen| users::find(seen, user))?;
    known(&world, row, id)?;
    world.tenant.passes.remove(&row);
    Ok(Answer::no_content())
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(400, "badRequest", message)
}

/// Makes a pass, in place of the one that was there. Its text is told this once.
fn create(call: &Call<'_>, user: &Part) -> Result<Answer, Failure> {
    let body = if call.body.is_empty() { Map::new() } else { rules::object(call.body)? };
    let now = call.app.clock.now();
    let mut pass = wanted(&body, now)?;
    let mut world = call.write();
    if !world.switches.temporary_access_pass {
        return Err(bad("Temporary Access Pass is not enabled by the authentication methods policy for this user."));
    }
    let row = call.locate(&world.tenant, |seen| users::find(seen, user))?;
    let object = world.tenant.object(row);
    if object.text(Name::USER_TYPE) == Some("Guest") {
        return Err(bad("Temporary Access Pass cannot be added to an external guest user."));
    }
    let from = [&call.app.seed.to_le_bytes()[..], &call.step.to_le_bytes(), object.id.as_bytes()];
    pass.id = derived(&[b"pass id", from[0], from[1], from[2]]);
    let text = derived(&[b"pass", from[0], from[1], from[2]]);
    let text: String = text.as_bytes()[..LENGTH].iter().map(|byte| char::from(SIGNS[usize::from(*byte) % SIGNS.len()])).collect();
    let mut told = shown(call, &world, &pass);
    told["temporaryAccessPass"] = text.into();
    world.tenant.passes.insert(row, pass);
    table(&context(&world, row)).one(call, 201, &told)
}

fn wanted(body: &Map<String, Json>, now: i64) -> Result<Pass, Failure> {
    let given = |name: &str| body.get(name).filter(|json| !json.is_null());
    if let Some(name) = body.keys().find(|name| !name.starts_with("@odata.") && !PROPERTIES.contains(&name.as_str())) {
        return Err(bad(format!("Invalid property '{name}'.")));
    }
    let minutes = given("lifetimeInMinutes").map_or(Some(USUAL_MINUTES), Json::as_i64);
    let minutes = minutes.filter(|minutes| (LEAST_MINUTES..=MOST_MINUTES).contains(minutes)).ok_or_else(|| {
        bad(format!("Invalid LifetimeInMinutes specified. The valid range between {LEAST_MINUTES} and {MOST_MINUTES}."))
    })?;
    let starts = match given("startDateTime") {
        None => now,
        Some(json) => {
            let parsed = json.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
            let starts = parsed.ok_or_else(|| bad("Invalid StartDateTime specified."))?.unix_timestamp().saturating_mul(1000);
            // What lies in the past begins now.
            starts.max(now)
        }
    };
    let once = given("isUsableOnce").map_or(Some(false), Json::as_bool).ok_or_else(|| bad("Invalid IsUsableOnce specified."))?;
    Ok(Pass { id: uuid::Uuid::nil(), created: now, starts, minutes, once })
}

fn password(call: &Call<'_>, world: &World, user: Row) -> Json {
    let object = world.tenant.object(user);
    let created = object.text(Name::CREATED).map_or_else(|| rfc3339(call.app.clock.now()), str::to_owned);
    json!({ "id": PASSWORD, "password": null, "createdDateTime": created })
}

fn passwords(call: &Call<'_>, user: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let row = seen(call, &world, user)?;
    let context = format!("users('{}')/authentication/passwordMethods", world.tenant.object(row).id);
    Ok(Answer::json(200, &json!({ "@odata.context": call.context(&context), "value": [password(call, &world, row)] })))
}

fn methods(call: &Call<'_>, user: &Part) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let row = seen(call, &world, user)?;
    let of_type = |kind: &str, mut json: Json| {
        json["@odata.type"] = format!("#microsoft.graph.{kind}").into();
        json
    };
    let mut value = vec![of_type("passwordAuthenticationMethod", password(call, &world, row))];
    let pass = world.tenant.passes.get(&row).map(|pass| shown(call, &world, pass));
    value.extend(pass.map(|pass| of_type("temporaryAccessPassAuthenticationMethod", pass)));
    let context = format!("users('{}')/authentication/methods", world.tenant.object(row).id);
    Ok(Answer::json(200, &json!({ "@odata.context": call.context(&context), "value": value })))
}

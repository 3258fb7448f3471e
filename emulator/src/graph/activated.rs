//! `/directoryRoles` and `/directoryRoleTemplates`: the older way to say who holds a role everywhere. Only roles that were
//! activated are listed, and nothing of it has pages.

use super::answer::Answer;
use super::call::Call;
use super::fields::{Fields, Holds, Preamble, write_list, write_object};
use super::references::target;
use super::roles::{give, may_hold};
use super::table::Table;
use crate::directory::{Assignment, Hold, Kind, ROLES, Role, Roles, Row, Tenant, View, derived};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules::{self, link};
use axum::http::Method;
use serde_json::{Value as Json, json};

const ROLE: Table<'_> = Table {
    context: "directoryRoles",
    of: "directoryRole",
    properties: &["id", "deletedDateTime", "description", "displayName", "roleTemplateId"],
    filtered: &["id", "displayName", "roleTemplateId"],
    page: None,
};

const TEMPLATE: Table<'_> = Table {
    context: "directoryRoleTemplates",
    of: "directoryRoleTemplate",
    properties: &["id", "deletedDateTime", "description", "displayName"],
    filtered: &[],
    page: None,
};

/// Answers a request below `/directoryRoleTemplates`.
///
/// # Errors
/// Unknown paths and methods.
pub(crate) fn templates(call: &Call<'_>) -> Result<Answer, Failure> {
    let template =
        |role: &Role| json!({ "id": role.template, "deletedDateTime": null, "description": role.name, "displayName": role.name });
    match (call.method, call.parts.get(1..).unwrap_or(&[])) {
        (&Method::GET, []) => TEMPLATE.list(call, ROLES.iter().map(template)),
        (&Method::GET, [key]) => {
            let role = ROLES.iter().find(|role| role.template.eq_ignore_ascii_case(key.text()));
            TEMPLATE.one(call, 200, &template(role.ok_or_else(|| Failure::not_found(key.text()))?))
        }
        _ => Err(Failure::method()),
    }
}

/// Answers a request below `/directoryRoles`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn directory_roles(call: &Call<'_>) -> Result<Answer, Failure> {
    let rest = call.parts.get(1..).unwrap_or(&[]);
    let words: Vec<String> = rest.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::GET, []) => ROLE.list(call, call.app.world.read().tenant.roles.activated().map(shown)),
        (&Method::POST, []) => activate(call),
        (&Method::GET, [_]) => ROLE.one(call, 200, &shown(find(&call.app.world.read().tenant, &rest[0])?)),
        (&Method::GET, [_, "members", cast @ ..]) => members(call, &rest[0], cast),
        (&Method::POST, [_, "members", "$ref"]) => add(call, &rest[0]),
        (&Method::DELETE, [_, "members", _, "$ref"]) => remove(call, &rest[0], rest[2].text()),
        (_, [] | [_] | [_, "members", ..]) => Err(Failure::method()),
        (_, [_, segment, ..]) => Err(Failure::segment(segment)),
    }
}

fn role_id(role: &Role) -> String {
    derived(&[b"role", role.template.as_bytes()]).to_string()
}

fn shown(role: usize) -> Json {
    let role = &ROLES[role];
    json!({
        "id": role_id(role), "deletedDateTime": null, "description": role.name, "displayName": role.name,
        "roleTemplateId": role.template,
    })
}

/// An activated role by id, or by `(roleTemplateId='..')`.
fn find(tenant: &Tenant, key: &Part) -> Result<usize, Failure> {
    let text = key.text();
    let by_template = matches!(key, Part::Key(Some(_), _)).then(|| Roles::named(text)).flatten();
    let is = |role: &usize| role_id(&ROLES[*role]).eq_ignore_ascii_case(text) || by_template == Some(*role);
    tenant.roles.activated().find(is).ok_or_else(|| Failure::not_found(text))
}

fn activate(call: &Call<'_>) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let template = body.get("roleTemplateId").and_then(Json::as_str);
    let template = template
        .ok_or_else(|| Failure::bad_request("A value is required for property 'roleTemplateId' of resource 'DirectoryRole'."))?;
    let role = Roles::named(template).filter(|role| ROLES[*role].template.eq_ignore_ascii_case(template));
    let role = role.ok_or_else(|| Failure::not_found(template))?;
    if !call.write().tenant.roles.activate(role) {
        return Err(Failure::conflict("roleTemplateId"));
    }
    ROLE.one(call, 201, &shown(role))
}

fn members(call: &Call<'_>, key: &Part, cast: &[&str]) -> Result<Answer, Failure> {
    let holds = match cast {
        [] => Holds::Any,
        [cast] => Holds::Only(Kind::of_cast(cast).ok_or_else(|| Failure::segment(cast))?),
        [_, segment, ..] => return Err(Failure::segment(segment)),
    };
    let world = call.app.world.read();
    let tenant = &View::primary(&world.tenant);
    let role = find(tenant, key)?;
    let fields = Fields::of(tenant, holds, call.query)?;
    let held = tenant.assignments().into_iter().filter(|held| held.role == role && is_everywhere(held));
    let rows = held.map(|held| held.principal).filter(|row| tenant.object(*row).is_live());
    let rows = rows.filter(|row| holds.admits(tenant.object(*row)));
    let mut out = format!("{{\"@odata.context\":\"{}\",\"value\":", call.context("directoryObjects")).into_bytes();
    write_list(&mut out, rows, |out, row| write_object(out, tenant, row, &fields, Preamble::Type));
    out.push(b'}');
    Ok(Answer::written(200, out))
}

fn is_everywhere(held: &Assignment) -> bool {
    held.hold == Hold::Active && held.scope == "/"
}

fn everywhere(principal: Row, role: usize) -> Assignment {
    Assignment { principal, role, scope: "/".to_owned(), hold: Hold::Active }
}

fn add(call: &Call<'_>, key: &Part) -> Result<Answer, Failure> {
    let reference = target(call.body)?;
    let mut world = call.write();
    let role = find(&world.tenant, key)?;
    let row = link::resolve(&call.view(&world.tenant), &reference)?;
    may_hold(&world.tenant, row)?;
    give(&mut world.tenant, everywhere(row, role))?;
    Ok(Answer::no_content())
}

fn remove(call: &Call<'_>, key: &Part, id: &str) -> Result<Answer, Failure> {
    let mut world = call.write();
    let role = find(&world.tenant, key)?;
    let row = id.parse().ok().and_then(|id| world.tenant.find(id)).ok_or_else(|| Failure::not_found(id))?;
    if world.tenant.withdraw(&everywhere(row, role)) { Ok(Answer::no_content()) } else { Err(Failure::not_found(id)) }
}

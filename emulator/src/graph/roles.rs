//! `/directoryRoles` and `/roleManagement/directory`, for reading.

use super::answer::Answer;
use super::call::Call;
use super::fields::{Fields, Holds, Preamble, write_object};
use crate::directory::{Assignment, ROLES, Role, Roles, Tenant, View, derived};
use crate::failure::Failure;
use crate::odata::{self, Part};
use axum::http::Method;
use serde_json::{Value as Json, json};

/// Answers a request below `/directoryRoles`: activated roles (those that someone holds) and their members.
///
/// # Errors
/// Unknown paths and methods.
pub(crate) fn directory_roles(call: &Call<'_>) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let tenant = &View::primary(&world.tenant);
    let rest = call.parts.get(1..).unwrap_or(&[]);
    let words: Vec<String> = rest.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let held = |role: &usize| tenant.roles.assignments().iter().any(|assignment| assignment.role == *role);
    let active = (0..ROLES.len()).filter(held);
    match (call.method, words.as_slice()) {
        (&Method::GET, []) => list(call, "directoryRoles", active.map(|role| activated(&ROLES[role])).collect()),
        (&Method::GET, [_]) => find(active, &rest[0]).map(|role| Answer::json(200, &activated(&ROLES[role]))),
        (&Method::GET, [_, "members"]) => members(call, tenant, find(active, &rest[0])?),
        _ => Err(Failure::method()),
    }
}

fn role_id(role: &Role) -> String {
    derived(&[b"role", role.template.as_bytes()]).to_string()
}

fn activated(role: &Role) -> Json {
    json!({ "id": role_id(role), "deletedDateTime": null, "description": role.name, "displayName": role.name, "roleTemplateId": role.template })
}

/// A role by id, or by `(roleTemplateId='..')`.
fn find(mut active: impl Iterator<Item = usize>, key: &Part) -> Result<usize, Failure> {
    let text = key.text();
    let by_template = matches!(key, Part::Key(Some(_), _)).then(|| Roles::named(text)).flatten();
    let found = active.find(|role| role_id(&ROLES[*role]).eq_ignore_ascii_case(text) || by_template == Some(*role));
    found.ok_or_else(|| Failure::not_found(text))
}

fn list(call: &Call<'_>, context: &str, value: Vec<Json>) -> Result<Answer, Failure> {
    Ok(Answer::json(200, &json!({ "@odata.context": call.context(context), "value": value })))
}

fn members(call: &Call<'_>, tenant: &View<'_>, role: usize) -> Result<Answer, Failure> {
    let fields = Fields::of(tenant, Holds::Any, call.query)?;
    let holders = tenant.roles.assignments().iter().filter(|held| held.role == role && tenant.object(held.principal).is_live());
    let mut out = format!("{{\"@odata.context\":\"{}\",\"value\":", call.context("directoryObjects")).into_bytes();
    super::fields::write_list(&mut out, holders, |out, held| write_object(out, tenant, held.principal, &fields, Preamble::Type));
    out.push(b'}');
    Ok(Answer::written(200, out))
}

/// Answers a request below `/roleManagement/directory`: `roleDefinitions` and `roleAssignments`.
///
/// # Errors
/// Unknown paths and methods.
pub(crate) fn role_management(call: &Call<'_>) -> Result<Answer, Failure> {
    let words: Vec<String> = call.parts.iter().skip(2).map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let world = call.app.world.read();
    match (call.method, words.as_slice()) {
        (&Method::GET, ["roledefinitions"]) => {
            filtered(call, "roleManagement/directory/roleDefinitions", ROLES.iter().map(definition).collect())
        }
        (&Method::GET, ["roleassignments"]) => {
            let live = |held: &&Assignment| world.tenant.object(held.principal).is_live();
            let all = world.tenant.roles.assignments().iter().filter(live).map(|held| assignment(&world.tenant, held));
            filtered(call, "roleManagement/directory/roleAssignments", all.collect())
        }
        (&Method::GET, [segment, ..]) => Err(Failure::segment(segment)),
        _ => Err(Failure::method()),
    }
}

fn definition(role: &Role) -> Json {
    json!({ "id": role.template, "displayName": role.name, "description": role.name, "isBuiltIn": true, "isEnabled": true, "templateId": role.template, "resourceScopes": ["/"] })
}

fn assignment(tenant: &Tenant, held: &Assignment) -> Json {
    let principal = tenant.object(held.principal).id;
    json!({ "id": held.id(principal), "principalId": principal.to_string(), "roleDefinitionId": held.role().template, "directoryScopeId": "/" })
}

fn filtered(call: &Call<'_>, context: &str, items: Vec<Json>) -> Result<Answer, Failure> {
    let filter = call.query.option("filter").map(odata::filter).transpose()?;
    let passes = |item: &Json| filter.as_ref().is_none_or(|filter| odata::passes(filter, item));
    list(call, context, items.into_iter().filter(passes).collect())
}

//! `/roleManagement/directory`: role definitions, who holds a role, and who can activate one.

use super::answer::Answer;
use super::call::Call;
use super::fields::{Fields, Preamble, write_object};
use super::table::Table;
use crate::directory::{Assignment, Hold, Kind, Name, ROLES, Role, Roles, Row, Tenant, View};
use crate::failure::Failure;
use crate::odata::Part;
use crate::rules;
use axum::http::Method;
use serde_json::{Value as Json, json};
use uuid::Uuid;

const PAGE: usize = 100;

const DEFINITIONS: Table<'_> = Table {
    context: "roleManagement/directory/roleDefinitions",
    of: "unifiedRoleDefinition",
    properties: &[
        "id",
        "displayName",
        "description",
        "isBuiltIn",
        "isEnabled",
        "templateId",
        "version",
        "resourceScopes",
        "rolePermissions",
    ],
    filtered: &["id", "displayName", "isBuiltIn", "templateId"],
    page: Some(PAGE),
};

const ASSIGNMENTS: Table<'_> = Table {
    context: "roleManagement/directory/roleAssignments",
    of: "unifiedRoleAssignment",
    properties: &["id", "principalId", "roleDefinitionId", "directoryScopeId", "appScopeId", "condition"],
    filtered: &["id", "principalId", "roleDefinitionId", "directoryScopeId", "appScopeId"],
    page: Some(PAGE),
};

/// Schedules and their instances have one form here: they hold from now on and without end.
const SCHEDULES: Table<'_> = Table {
    context: "",
    of: "unifiedRoleScheduleInstanceBase",
    properties: &[
        "id",
        "principalId",
        "roleDefinitionId",
        "directoryScopeId",
        "appScopeId",
        "memberType",
        "assignmentType",
        "startDateTime",
        "endDateTime",
        "status",
    ],
    filtered: &["id", "principalId", "roleDefinitionId", "directoryScopeId", "memberType", "assignmentType", "status"],
    page: Some(PAGE),
};

/// Answers a request below `/roleManagement/directory`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn role_management(call: &Call<'_>) -> Result<Answer, Failure> {
    let words: Vec<String> = call.parts.iter().skip(2).map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::GET, ["roledefinitions"]) => DEFINITIONS.list(call, ROLES.iter().map(definition)),
        (&Method::GET, ["roledefinitions", _]) => {
            let key = call.parts[3].text();
            let role = Roles::named(key).ok_or_else(|| Failure::not_found(key))?;
            DEFINITIONS.one(call, 200, &definition(&ROLES[role]))
        }
        (&Method::GET, ["roleassignments"]) => assignments(call, &ASSIGNMENTS, Hold::Active),
        (&Method::POST, ["roleassignments"]) => assign(call),
        (&Method::GET, ["roleassignments", _]) => one(call, call.parts[3].text()),
        (&Method::DELETE, ["roleassignments", _]) => withdraw(call, call.parts[3].text()),
        (&Method::GET, [set @ ("roleassignmentschedules" | "roleassignmentscheduleinstances")]) => {
            schedules(call, set, Hold::Active)
        }
        (&Method::GET, [set @ ("roleeligibilityschedules" | "roleeligibilityscheduleinstances")]) => {
            schedules(call, set, Hold::Eligible)
        }
        (_, ["roledefinitions" | "roleassignments"] | ["roledefinitions" | "roleassignments", _]) => Err(Failure::method()),
        (_, [segment, ..]) => Err(Failure::segment(segment)),
        (_, []) => Err(Failure::method()),
    }
}

fn definition(role: &Role) -> Json {
    json!({
        "id": role.template, "displayName": role.name, "description": role.name, "isBuiltIn": true, "isEnabled": true,
        "templateId": role.template, "version": "1", "resourceScopes": ["/"], "rolePermissions": [],
    })
}

fn schedules(call: &Call<'_>, set: &str, hold: Hold) -> Result<Answer, Failure> {
    let spelled = match set {
        "roleassignmentschedules" => "roleAssignmentSchedules",
        "roleassignmentscheduleinstances" => "roleAssignmentScheduleInstances",
        "roleeligibilityschedules" => "roleEligibilitySchedules",
        _ => "roleEligibilityScheduleInstances",
    };
    assignments(call, &Table { context: &format!("roleManagement/directory/{spelled}"), ..SCHEDULES }, hold)
}

fn assignments(call: &Call<'_>, table: &Table<'_>, hold: Hold) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let tenant = &call.view(&world.tenant);
    let held = tenant.assignments().into_iter();
    let held = held.filter(|held| held.hold == hold && tenant.object(held.principal).is_live());
    let items: Result<Vec<Json>, Failure> = held.map(|held| expanded(call, tenant, held)).collect();
    table.list(call, items?)
}

fn assignment(tenant: &Tenant, held: &Assignment) -> Json {
    let principal = tenant.object(held.principal).id;
    let mut item = json!({
        "id": held.id(principal), "principalId": principal.to_string(), "roleDefinitionId": held.role().template,
        "directoryScopeId": held.scope,
    });
    if held.hold == Hold::Eligible {
        item["memberType"] = "Direct".into();
        item["status"] = "Provisioned".into();
    }
    item
}

/// An assignment with what `$expand` asks for, which is one thing at most.
fn expanded(call: &Call<'_>, tenant: &View<'_>, held: &Assignment) -> Result<Json, Failure> {
    let mut item = assignment(tenant, held);
    match call.query.option("expand") {
        None => {}
        Some(name) if name.eq_ignore_ascii_case("principal") => item["principal"] = principal(tenant, held.principal),
        Some(name) if name.eq_ignore_ascii_case("roleDefinition") => item["roleDefinition"] = definition(held.role()),
        Some(name) if name.eq_ignore_ascii_case("directoryScope") => item["directoryScope"] = json!({ "id": held.scope }),
        Some(name) => return Err(Failure::new(400, "ExpandNotSupported", format!("Expand of '{name}' is not supported."))),
    }
    Ok(item)
}

fn principal(tenant: &View<'_>, row: Row) -> Json {
    let mut out = Vec::new();
    write_object(&mut out, tenant, row, &Fields::shown(tenant), Preamble::Type);
    serde_json::from_slice(&out).unwrap_or_default()
}

fn known(tenant: &View<'_>, id: &str) -> Result<Assignment, Failure> {
    let is = |held: &&Assignment| held.hold == Hold::Active && held.id(tenant.object(held.principal).id).eq_ignore_ascii_case(id);
    tenant.assignments().into_iter().find(is).cloned().ok_or_else(|| Failure::not_found(id))
}

fn one(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let world = call.app.world.read();
    let tenant = &call.view(&world.tenant);
    let held = known(tenant, id)?;
    ASSIGNMENTS.one(call, 200, &expanded(call, tenant, &held)?)
}

fn withdraw(call: &Call<'_>, id: &str) -> Result<Answer, Failure> {
    let mut world = call.write();
    known(&call.view(&world.tenant), id)?;
    let held = known(&View::primary(&world.tenant), id)?;
    world.tenant.withdraw(&held);
    Ok(Answer::no_content())
}

fn assign(call: &Call<'_>) -> Result<Answer, Failure> {
    let body = rules::object(call.body)?;
    let text = |name: &str| body.get(name).and_then(Json::as_str);
    let needed = |name: &str| {
        text(name).ok_or_else(|| {
            Failure::bad_request(format!("A value is required for property '{name}' of resource 'RoleAssignment'."))
        })
    };
    let (principal, role) = (needed("principalId")?, needed("roleDefinitionId")?);
    let role = role.parse::<Uuid>().ok().and_then(|_| Roles::named(role)).ok_or_else(|| Failure::not_found(role))?;
    let scope = text("directoryScopeId").or_else(|| text("appScopeId"));
    let scope = scope.filter(|scope| scope.starts_with('/'));
    let scope = scope.ok_or_else(|| Failure::bad_request("A directoryScopeId or an appScopeId is required."))?.to_owned();
    let mut world = call.write();
    let live = |seen: &View<'_>| principal.parse().ok().and_then(|id| seen.live(id)).ok_or_else(|| Failure::not_found(principal));
    let row = call.locate(&world.tenant, live)?;
    may_hold(&world.tenant, row)?;
    let assignment_made = Assignment { principal: row, role, scope, hold: Hold::Active };
    let item = assignment(&world.tenant, &assignment_made);
    give(&mut world.tenant, assignment_made)?;
    ASSIGNMENTS.one(call, 201, &item)
}

/// Gives a role.
///
/// # Errors
/// 400 for the same assignment twice.
pub(super) fn give(tenant: &mut Tenant, assignment: Assignment) -> Result<(), Failure> {
    if tenant.assign(assignment) {
        return Ok(());
    }
    Err(Failure::bad_request(
        "A conflicting object with one or more of the specified property values is present in the directory.",
    ))
}

/// Users, service principals and groups made for it can hold a role.
///
/// # Errors
/// 400 for other objects.
pub(super) fn may_hold(tenant: &Tenant, row: Row) -> Result<(), Failure> {
    let object = tenant.object(row);
    match object.kind {
        Kind::User | Kind::ServicePrincipal => Ok(()),
        Kind::Group if object.is_true(Name::ASSIGNABLE_TO_ROLE) => Ok(()),
        Kind::Group => Err(Failure::bad_request("The group is not assignable to a role: 'isAssignableToRole' is not true.")),
        Kind::Application | Kind::Device | Kind::Contact => Err(Failure::not_found(object.id)),
    }
}

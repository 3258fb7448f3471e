//! Directory roles: who holds one, who can activate one, and what that protects.

use crate::client::{Tenant, group, id, ids, with};
use serde_json::{Value, json};

const USER_ADMINISTRATOR: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const ASSIGNMENTS: &str = "/roleManagement/directory/roleAssignments";

fn assignment(principal: &str, role: &str) -> Value {
    json!({ "principalId": principal, "roleDefinitionId": role, "directoryScopeId": "/" })
}

#[tokio::test]
async fn assignments_come_and_go() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let made = tenant.post(ASSIGNMENTS, assignment(&ann, USER_ADMINISTRATOR)).await.ok(201);
    assert_eq!((made["principalId"].as_str(), made["roleDefinitionId"].as_str()), (Some(ann.as_str()), Some(USER_ADMINISTRATOR)));
    let twice = tenant.post(ASSIGNMENTS, assignment(&ann, USER_ADMINISTRATOR)).await;
    twice.refused(400, "Request_BadRequest", "A conflicting object with one or more of the specified property values is present");
    let one = format!("{ASSIGNMENTS}/{}", id(&made));
    assert_eq!(tenant.get(&one).await.ok(200)["principalId"], json!(ann));
    tenant.patch(&one, json!({ "principalId": ann })).await.refused(405, "Request_BadRequest", "");
    // A holder is protected as long as the role is held.
    let disable = json!({ "accountEnabled": false });
    tenant.patch(&format!("/users/{ann}"), disable.clone()).await.refused(403, "Authorization_RequestDenied", "");
    tenant.delete(&one).await.ok(204);
    tenant.get(&one).await.refused(404, "Request_ResourceNotFound", "");
    tenant.patch(&format!("/users/{ann}"), disable).await.ok(204);
    let nobody = "11111111-2222-4333-8444-555555555555";
    tenant.post(ASSIGNMENTS, assignment(nobody, USER_ADMINISTRATOR)).await.refused(404, "Request_ResourceNotFound", nobody);
    tenant.post(ASSIGNMENTS, assignment(&ann, nobody)).await.refused(404, "Request_ResourceNotFound", nobody);
    let plain = tenant.new_group("plain").await;
    tenant.post(ASSIGNMENTS, assignment(&plain, USER_ADMINISTRATOR)).await.refused(
        400,
        "Request_BadRequest",
        "isAssignableToRole",
    );
}

#[tokio::test]
async fn assignments_are_filtered_narrowed_expanded_and_paged() {
    let tenant = Tenant::start().await;
    let (ann, bob) = (tenant.new_user("ann").await, tenant.new_user("bob").await);
    let admins = id(&tenant.post("/groups", with(group("admins"), json!({ "isAssignableToRole": true }))).await.ok(201));
    for (principal, role) in [(&ann, USER_ADMINISTRATOR), (&bob, GLOBAL_ADMINISTRATOR), (&admins, GLOBAL_ADMINISTRATOR)] {
        tenant.post(ASSIGNMENTS, assignment(principal, role)).await.ok(201);
    }
    let principals = |body: &Value| -> Vec<String> {
        body["value"].as_array().unwrap().iter().map(|one| one["principalId"].as_str().unwrap().to_owned()).collect()
    };
    let path = format!("{ASSIGNMENTS}?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'");
    assert_eq!(principals(&tenant.get(&path).await.ok(200)), [bob.as_str(), admins.as_str()]);
    let path = format!("{ASSIGNMENTS}?$filter=principalId in ('{ann}','{bob}')&$select=principalId");
    let narrow = tenant.get(&path).await.ok(200);
    assert_eq!(narrow["value"], json!([{ "principalId": ann }, { "principalId": bob }]));
    tenant.get(&format!("{ASSIGNMENTS}?$select=nothing")).await.refused(400, "BadRequest", "nothing");
    tenant.get(&format!("{ASSIGNMENTS}?$filter=condition eq 'x'")).await.refused(400, "Request_UnsupportedQuery", "condition");
    let expanded = tenant.get(&format!("{ASSIGNMENTS}?$expand=principal")).await.ok(200);
    let types: Vec<&str> =
        expanded["value"].as_array().unwrap().iter().map(|one| one["principal"]["@odata.type"].as_str().unwrap()).collect();
    assert_eq!(types, ["#microsoft.graph.user", "#microsoft.graph.user", "#microsoft.graph.group"]);
    let role = tenant.get(&format!("{ASSIGNMENTS}?$expand=roleDefinition")).await.ok(200);
    assert_eq!(role["value"][0]["roleDefinition"]["displayName"], "User Administrator");
    tenant.get(&format!("{ASSIGNMENTS}?$expand=members")).await.refused(400, "ExpandNotSupported", "members");
    let first = tenant.get(&format!("{ASSIGNMENTS}?$top=2")).await.ok(200);
    let second = tenant.get(first["@odata.nextLink"].as_str().unwrap()).await.ok(200);
    assert_eq!((principals(&first).len(), principals(&second)), (2, vec![admins.clone()]));
    assert_eq!(second["@odata.nextLink"], Value::Null);
    // Who is in the recycle bin holds nothing.
    tenant.control("PATCH", "switches", json!({ "writesPrivilegedUsers": true }));
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    assert_eq!(principals(&tenant.get(ASSIGNMENTS).await.ok(200)).len(), 2);
    let definition = tenant.get(&format!("/roleManagement/directory/roleDefinitions/{USER_ADMINISTRATOR}")).await.ok(200);
    assert_eq!((&definition["isBuiltIn"], &definition["displayName"]), (&json!(true), &json!("User Administrator")));
}

#[tokio::test]
async fn eligible_is_not_active() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let holders = json!([
        { "principal": ann, "role": "Global Administrator", "eligible": true },
        { "principal": ann, "role": "Directory Readers", "scope": "/administrativeUnits/11111111-2222-4333-8444-555555555555", "eligible": true },
    ]);
    tenant.control("POST", "seed", json!({ "roleHolders": holders }));
    assert_eq!(tenant.get(ASSIGNMENTS).await.ok(200)["value"], json!([]));
    for set in ["roleEligibilitySchedules", "roleEligibilityScheduleInstances"] {
        let path = format!("/roleManagement/directory/{set}?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'");
        let found = tenant.get(&path).await.ok(200);
        assert_eq!((found["value"].as_array().unwrap().len(), &found["value"][0]["principalId"]), (1, &json!(ann)), "{set}");
    }
    tenant.patch(&format!("/users/{ann}"), json!({ "accountEnabled": false })).await.ok(204);
    tenant.post(ASSIGNMENTS, assignment(&ann, GLOBAL_ADMINISTRATOR)).await.ok(201);
    tenant.patch(&format!("/users/{ann}"), json!({ "accountEnabled": true })).await.refused(
        403,
        "Authorization_RequestDenied",
        "",
    );
}

#[tokio::test]
async fn the_older_paths() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    assert_eq!(tenant.get("/directoryRoles").await.ok(200)["value"], json!([]), "nothing is activated yet");
    let role = tenant.post("/directoryRoles", json!({ "roleTemplateId": USER_ADMINISTRATOR })).await.ok(201);
    tenant.post("/directoryRoles", json!({ "roleTemplateId": USER_ADMINISTRATOR })).await.refused(400, "Request_BadRequest", "");
    let members = format!("/directoryRoles/{}/members", id(&role));
    tenant.post(&format!("{members}/$ref"), tenant.link(&ann)).await.ok(204);
    tenant.post(&format!("{members}/$ref"), tenant.link(&ann)).await.refused(400, "Request_BadRequest", "conflicting object");
    assert_eq!(ids(&tenant.get(&format!("{members}/microsoft.graph.user?$select=id")).await.ok(200)), [ann.as_str()]);
    assert_eq!(tenant.get(&format!("{members}/microsoft.graph.servicePrincipal")).await.ok(200)["value"], json!([]));
    assert_eq!(tenant.get(ASSIGNMENTS).await.ok(200)["value"][0]["principalId"], json!(ann), "both paths tell the same");
    tenant.delete(&format!("{members}/{ann}/$ref")).await.ok(204);
    tenant.delete(&format!("{members}/{ann}/$ref")).await.refused(404, "Request_ResourceNotFound", "");
    assert_eq!(ids(&tenant.get("/directoryRoles").await.ok(200)).len(), 1, "a role stays activated");
    let templates = tenant.get("/directoryRoleTemplates").await.ok(200);
    assert!(ids(&templates).contains(&USER_ADMINISTRATOR.to_owned()));
    let named = tenant.get("/directoryRoles?$filter=displayName eq 'User Administrator'&$select=roleTemplateId").await.ok(200);
    assert_eq!(named["value"], json!([{ "roleTemplateId": USER_ADMINISTRATOR }]));
}

#[tokio::test]
async fn roles_need_their_permission() {
    let mut tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    tenant.control("POST", "credentials", json!({ "roles": ["RoleManagement.Read.Directory"] }));
    tenant.sign_in().await;
    tenant.get(ASSIGNMENTS).await.ok(200);
    let denied = tenant.post(ASSIGNMENTS, assignment(&ann, USER_ADMINISTRATOR)).await;
    denied.refused(403, "Authorization_RequestDenied", "Insufficient privileges");
    tenant.post("/directoryRoles", json!({ "roleTemplateId": USER_ADMINISTRATOR })).await.refused(
        403,
        "Authorization_RequestDenied",
        "",
    );
    tenant.control("POST", "credentials", json!({ "roles": ["User.ReadWrite.All"] }));
    tenant.sign_in().await;
    tenant.get(ASSIGNMENTS).await.refused(403, "Authorization_RequestDenied", "");
}

#[tokio::test]
async fn owners_of_role_assignable_groups_are_protected() {
    let tenant = Tenant::start().await;
    let (ann, bob) = (tenant.new_user("ann").await, tenant.new_user("bob").await);
    let admins = id(&tenant.post("/groups", with(group("admins"), json!({ "isAssignableToRole": true }))).await.ok(201));
    let plain = tenant.new_group("plain").await;
    tenant.post(&format!("/groups/{admins}/owners/$ref"), tenant.link(&ann)).await.ok(204);
    tenant.post(&format!("/groups/{plain}/owners/$ref"), tenant.link(&bob)).await.ok(204);
    let phone = json!({ "mobilePhone": "1" });
    tenant.patch(&format!("/users/{ann}"), phone.clone()).await.refused(403, "Authorization_RequestDenied", "");
    tenant.patch(&format!("/users/{bob}"), phone).await.ok(204);
    let found = tenant.get("/groups?$filter=isAssignableToRole eq true&$select=id").await.ok(200);
    assert_eq!(ids(&found), [admins.as_str()]);
    assert_eq!(ids(&tenant.get(&format!("/groups/{admins}/owners?$select=id")).await.ok(200)), [ann.as_str()]);
}

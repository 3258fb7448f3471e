//! Objects that are not to be written: privileged, mastered on premises, mail-enabled.

use crate::client::{Tenant, group, id, ids, user, with};
use serde_json::{Value, json};

#[tokio::test]
async fn holders_of_roles() {
    let tenant = Tenant::start().await;
    let admin = tenant.new_user("admin").await;
    let plain = tenant.new_user("plain").await;
    tenant.control("POST", "seed", json!({ "roleHolders": [{ "principal": admin, "role": "Global Administrator" }] }));
    let path = format!("/users/{admin}");
    for body in [
        json!({ "accountEnabled": false }),
        json!({ "userPrincipalName": "root@contoso.example" }),
        json!({ "mobilePhone": "1" }),
        json!({ "businessPhones": ["1"] }),
        json!({ "otherMails": ["a@b.c"] }),
        json!({ "passwordProfile": { "password": "Correct-Horse-2" } }),
        json!({ "onPremisesImmutableId": "x" }),
    ] {
        tenant.patch(&path, body).await.refused(403, "Authorization_RequestDenied", "Insufficient privileges");
    }
    tenant.patch(&path, json!({ "jobTitle": "x" })).await.ok(204);
    tenant.delete(&path).await.refused(403, "Authorization_RequestDenied", "");
    tenant.delete(&format!("/users/{plain}")).await.ok(204);
    tenant.control("PATCH", "switches", json!({ "writesPrivilegedUsers": true }));
    tenant.patch(&path, json!({ "accountEnabled": false })).await.ok(204);
}

#[tokio::test]
async fn members_of_role_assignable_groups() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let admins = id(&tenant.post("/groups", with(group("admins"), json!({ "isAssignableToRole": true }))).await.ok(201));
    tenant.patch(&format!("/users/{ann}"), json!({ "mobilePhone": "1" })).await.ok(204);
    tenant.post(&format!("/groups/{admins}/members/$ref"), tenant.link(&ann)).await.ok(204);
    tenant.patch(&format!("/users/{ann}"), json!({ "mobilePhone": "2" })).await.refused(403, "Authorization_RequestDenied", "");
    let named = tenant.patch(&format!("/groups/{admins}"), json!({ "uniqueName": "u" })).await;
    named.refused(400, "Request_BadRequest", "Value for ArmUniqueName cannot be updated for groups assignable to role");
    // Without the permission for roles, such a group can neither be made nor filled.
    tenant.control("POST", "credentials", json!({ "roles": ["Group.ReadWrite.All", "User.ReadWrite.All"] }));
    let mut tenant = tenant;
    tenant.sign_in().await;
    let denied = "Insufficient privileges";
    let path = format!("/groups/{admins}/members");
    tenant.delete(&format!("{path}/{ann}/$ref")).await.refused(403, "Authorization_RequestDenied", denied);
    tenant.post(&format!("{path}/$ref"), tenant.link(&ann)).await.refused(403, "Authorization_RequestDenied", denied);
    let another = with(group("more"), json!({ "isAssignableToRole": true }));
    tenant.post("/groups", another).await.refused(403, "Authorization_RequestDenied", denied);
}

#[tokio::test]
async fn who_holds_what() {
    let tenant = Tenant::start().await;
    let admin = tenant.new_user("admin").await;
    tenant.new_user("plain").await;
    tenant.control(
        "POST",
        "seed",
        json!({ "roleHolders": [{ "principal": "admin@contoso.example", "role": "User Administrator" }] }),
    );
    let roles = tenant.get("/directoryRoles").await.ok(200);
    assert_eq!(roles["value"].as_array().unwrap().len(), 1, "only activated roles are listed");
    let path = format!("/directoryRoles/{}/members?$select=id", roles["value"][0]["id"].as_str().unwrap());
    assert_eq!(ids(&tenant.get(&path).await.ok(200)), [admin.as_str()]);
    let template = roles["value"][0]["roleTemplateId"].as_str().unwrap();
    assert_eq!(
        ids(&tenant.get(&format!("/directoryRoles(roleTemplateId='{template}')/members")).await.ok(200)),
        [admin.as_str()]
    );
    let all = tenant.get("/roleManagement/directory/roleAssignments").await.ok(200);
    assert_eq!(all["value"][0]["principalId"], admin);
    assert_eq!(all["value"][0]["directoryScopeId"], "/");
    let none = tenant
        .get("/roleManagement/directory/roleAssignments?$filter=principalId eq '11111111-2222-3333-4444-555555555555'")
        .await
        .ok(200);
    assert_eq!(none["value"], json!([]));
    let definitions = tenant.get(&format!("/roleManagement/directory/roleDefinitions?$filter=id eq '{template}'")).await.ok(200);
    assert_eq!(definitions["value"][0]["displayName"], "User Administrator");
}

#[tokio::test]
async fn mastered_on_premises() {
    let tenant = Tenant::start().await;
    let member = tenant.new_user("member").await;
    let seeded = tenant.control(
        "POST",
        "seed",
        json!({
            "users": [{ "userPrincipalName": "sync@contoso.example", "displayName": "S", "onPremisesSyncEnabled": true }],
            "groups": [
                { "displayName": "S", "onPremisesSyncEnabled": true, "securityEnabled": true, "mailEnabled": false },
                { "displayName": "M", "securityEnabled": true, "mailEnabled": true },
            ],
        }),
    );
    let text = "Unable to update the specified properties for on-premises mastered Directory Sync objects";
    let user = seeded["users"][0].as_str().unwrap();
    tenant.patch(&format!("/users/{user}"), json!({ "jobTitle": "x" })).await.refused(400, "Request_BadRequest", text);
    tenant.put(&format!("/users/{user}/manager/$ref"), tenant.link(&member)).await.refused(400, "Request_BadRequest", text);
    let synced = seeded["groups"][0].as_str().unwrap();
    tenant.patch(&format!("/groups/{synced}"), json!({ "description": "x" })).await.refused(400, "Request_BadRequest", text);
    tenant.post(&format!("/groups/{synced}/members/$ref"), tenant.link(&member)).await.refused(400, "Request_BadRequest", text);
    let mailed = seeded["groups"][1].as_str().unwrap();
    let add = tenant.post(&format!("/groups/{mailed}/members/$ref"), tenant.link(&member)).await;
    add.refused(400, "Request_BadRequest", "Cannot Update a mail-enabled security groups and or distribution list.");
    let bound = json!({ "members@odata.bind": [tenant.url(&member)] });
    let bound = tenant.patch(&format!("/groups/{mailed}"), bound).await;
    bound.refused(400, "Request_BadRequest", "Cannot Update a mail-enabled security groups and or distribution list.");
}

#[tokio::test]
async fn organization_and_domains() {
    let tenant = Tenant::start().await;
    let organization = tenant.get("/organization").await.ok(200);
    assert_eq!(organization["value"][0]["id"].as_str(), Some(tenant.running.tenant_id.as_str()));
    assert_eq!(organization["value"][0]["onPremisesSyncEnabled"], Value::Null);
    let verified = organization["value"][0]["verifiedDomains"].as_array().unwrap();
    let names: Vec<&str> = verified.iter().map(|domain| domain["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["contoso.example", "fed.example", "contoso.onmicrosoft.com"]);
    assert_eq!((&verified[0]["isDefault"], &verified[2]["isInitial"]), (&json!(true), &json!(true)));
    let domains = tenant.get("/domains").await.ok(200);
    assert_eq!(ids(&domains), ["contoso.example", "fed.example", "new.example", "contoso.onmicrosoft.com"]);
    assert_eq!(tenant.get("/domains/fed.example").await.ok(200)["authenticationType"], "Federated");
    assert_eq!(tenant.get("/domains/new.example").await.ok(200)["isVerified"], false);
    assert_eq!(tenant.get("/domains/nowhere.example").await.status, 404);
    let narrow = tenant.get("/domains?$select=id,authenticationType").await.ok(200);
    assert_eq!(narrow["value"][1], json!({ "id": "fed.example", "authenticationType": "Federated" }));
    tenant.get("/domains?$select=weather").await.refused(400, "BadRequest", "weather");
    let narrow = tenant.get("/organization?$select=id,onPremisesSyncEnabled").await.ok(200);
    assert_eq!(narrow["value"], json!([{ "id": tenant.running.tenant_id, "onPremisesSyncEnabled": null }]));
    let federation = tenant.get("/domains/fed.example/federationConfiguration").await.ok(200);
    assert_eq!(federation["value"][0]["preferredAuthenticationProtocol"], "saml");
    assert_eq!(tenant.get("/domains/contoso.example/federationConfiguration").await.ok(200)["value"], json!([]));
    let ann = tenant.new_user("ann").await;
    assert_eq!(ids(&tenant.get("/domains/contoso.example/domainNameReferences").await.ok(200)), [ann.as_str()]);
    assert_eq!(tenant.get("/domains/fed.example/domainNameReferences").await.ok(200)["value"], json!([]));
    // Into a federated domain only with the id by which its identity provider knows the user.
    let path = format!("/users/{ann}");
    let moved = json!({ "userPrincipalName": "ann@fed.example" });
    tenant.patch(&path, moved.clone()).await.refused(400, "Request_BadRequest", "onPremisesImmutableId");
    tenant.patch(&path, with(moved, json!({ "onPremisesImmutableId": "subject" }))).await.ok(204);
    tenant.post("/users", with(user("a"), json!({ "userPrincipalName": "a@contoso.onmicrosoft.com" }))).await.ok(201);
}

#[tokio::test]
async fn once_mastered_on_premises() {
    let tenant = Tenant::start().await;
    let user = json!({ "userPrincipalName": "was@contoso.example", "displayName": "W", "onPremisesSyncEnabled": false });
    let user = tenant.control("POST", "seed", json!({ "users": [user] }))["users"][0].as_str().unwrap().to_owned();
    tenant.patch(&format!("/users/{user}"), json!({ "jobTitle": "x" })).await.ok(204);
    let attribute = json!({ "onPremisesExtensionAttributes": { "extensionAttribute1": "x" } });
    let text = "objects that have originated within an external service";
    tenant.patch(&format!("/users/{user}"), attribute.clone()).await.refused(400, "Request_BadRequest", text);
    let cloud = tenant.new_user("cloud").await;
    tenant.patch(&format!("/users/{cloud}"), attribute).await.ok(204);
}

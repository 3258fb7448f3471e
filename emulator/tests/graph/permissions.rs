//! What an application may do with which permission.

use crate::client::{Tenant, group, id, user};
use entrain_emulator::Options;
use serde_json::{Value, json};

/// A tenant with one user and one group in it, and a token of these permissions.
async fn tenant() -> (Tenant, String, String) {
    let tenant = Tenant::start().await;
    let (ann, team) = (tenant.new_user("ann").await, tenant.new_group("team").await);
    (tenant, ann, team)
}

async fn act_as(tenant: &mut Tenant, roles: &[&str]) {
    tenant.control("POST", "credentials", json!({ "roles": roles }));
    tenant.sign_in().await;
}

#[tokio::test]
async fn each_path_has_its_permission() {
    let (mut tenant, ann, team) = tenant().await;
    let link = tenant.link(&ann);
    let reading = ["/users", "/users/delta", &format!("/users/{ann}/manager"), "/groups", &format!("/groups/{team}/members")];
    for (roles, open) in [
        (&["User.Read.All"][..], [true, true, true, false, false]),
        (&["User.ReadBasic.All"], [true, true, false, false, false]),
        (&["GroupMember.Read.All"], [false, false, false, true, true]),
        (&["Directory.Read.All"], [true; 5]),
        (&["Domain.Read.All"], [false; 5]),
    ] {
        act_as(&mut tenant, roles).await;
        for (path, open) in reading.iter().zip(open) {
            assert_eq!(tenant.get(path).await.status != 403, open, "{roles:?} {path}");
        }
        tenant.post("/users", user("x")).await.refused(403, "Authorization_RequestDenied", "Insufficient privileges");
        tenant.post("/groups", group("x")).await.refused(403, "Authorization_RequestDenied", "");
        tenant.delete(&format!("/users/{ann}")).await.refused(403, "Authorization_RequestDenied", "");
        tenant.post(&format!("/groups/{team}/members/$ref"), link.clone()).await.refused(403, "Authorization_RequestDenied", "");
    }
    act_as(&mut tenant, &["GroupMember.ReadWrite.All"]).await;
    tenant.post(&format!("/groups/{team}/members/$ref"), link.clone()).await.ok(204);
    tenant.delete(&format!("/groups/{team}/members/{ann}/$ref")).await.ok(204);
    tenant.patch(&format!("/groups/{team}"), json!({ "members@odata.bind": [tenant.url(&ann)] })).await.ok(204);
    tenant.patch(&format!("/groups/{team}"), json!({ "description": "x" })).await.refused(403, "Authorization_RequestDenied", "");
    tenant.post(&format!("/groups/{team}/owners/$ref"), link).await.refused(403, "Authorization_RequestDenied", "");
    // Without `$ref` it would be the user who goes, and that needs another permission.
    tenant.delete(&format!("/groups/{team}/members/{ann}")).await.refused(403, "Authorization_RequestDenied", "");
    act_as(&mut tenant, &["Group.Create"]).await;
    tenant.post("/groups", group("made")).await.ok(201);
    tenant.get("/domains").await.refused(403, "Authorization_RequestDenied", "");
    act_as(&mut tenant, &["Domain.Read.All"]).await;
    tenant.get("/domains").await.ok(200);
}

#[tokio::test]
async fn the_directory_permission_does_not_delete() {
    let (mut tenant, ann, team) = tenant().await;
    act_as(&mut tenant, &["Directory.ReadWrite.All"]).await;
    tenant.patch(&format!("/users/{ann}"), json!({ "jobTitle": "x" })).await.ok(204);
    for path in [format!("/users/{ann}"), format!("/groups/{team}")] {
        tenant.delete(&path).await.refused(403, "Authorization_RequestDenied", "");
    }
    act_as(&mut tenant, &["User.DeleteRestore.All"]).await;
    tenant.delete(&format!("/groups/{team}")).await.refused(403, "Authorization_RequestDenied", "");
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    let restored = tenant.post(&format!("/directory/deletedItems/{ann}/restore"), Value::Null).await.ok(200);
    assert_eq!(id(&restored), ann);
    act_as(&mut tenant, &["Group.ReadWrite.All"]).await;
    tenant.delete(&format!("/groups/{team}")).await.ok(204);
    tenant.delete(&format!("/directory/deletedItems/{team}")).await.ok(204);
}

#[tokio::test]
async fn some_properties_have_a_permission_of_their_own() {
    let (mut tenant, ann, _) = tenant().await;
    let path = format!("/users/{ann}");
    let all = [
        ("passwordProfile", json!({ "password": "Correct-Horse-2" })),
        ("employeeLeaveDateTime", json!("2027-01-01T00:00:00Z")),
        ("accountEnabled", json!(false)),
        ("otherMails", json!(["a@b.example"])),
        ("mobilePhone", json!("1")),
        (
            "customSecurityAttributes",
            json!({ "Access": { "@odata.type": "#microsoft.graph.customSecurityAttributeValue", "level": "1" } }),
        ),
        ("userPrincipalName", json!("ann.b@contoso.example")),
        ("jobTitle", json!("Cook")),
    ];
    for (roles, writable) in [
        (&["User.ReadWrite.All"][..], &["accountEnabled", "otherMails", "mobilePhone", "userPrincipalName", "jobTitle"][..]),
        (&["User.ReadUpdate.All"], &["jobTitle"]),
        (&["User.EnableDisableAccount.All"], &[]),
        (&["User.EnableDisableAccount.All", "User.Read.All"], &["accountEnabled"]),
        (&["User-PasswordProfile.ReadWrite.All"], &["passwordProfile"]),
        (&["User-Mail.ReadWrite.All"], &["otherMails"]),
        (&["User-Phone.ReadWrite.All"], &["mobilePhone"]),
        (&["CustomSecAttributeAssignment.ReadWrite.All"], &["customSecurityAttributes"]),
        (&["User-LifeCycleInfo.ReadWrite.All", "User.Read.All"], &["employeeLeaveDateTime"]),
    ] {
        act_as(&mut tenant, roles).await;
        for (name, value) in &all {
            let answer = tenant.patch(&path, json!({ *name: value })).await;
            let wanted = if writable.contains(name) { 204 } else { 403 };
            assert_eq!(answer.status, wanted, "{roles:?} {name} {}", answer.body);
        }
    }
    act_as(&mut tenant, &["User.RevokeSessions.All"]).await;
    tenant.post(&format!("{path}/revokeSignInSessions"), json!({})).await.ok(200);
}

#[tokio::test]
async fn a_step_of_a_batch_is_checked_too() {
    let tenant = Tenant::with(Options { roles: vec!["User.Read.All".to_owned()], ..Options::default() }).await;
    let steps = json!([{ "id": "1", "method": "GET", "url": "/users" }, { "id": "2", "method": "GET", "url": "/groups" }]);
    let body = tenant.post("/$batch", json!({ "requests": steps })).await.ok(200);
    let status = |id: &str| body["responses"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap()["status"].clone();
    assert_eq!((status("1"), status("2")), (json!(200), json!(403)));
}

#[tokio::test]
async fn to_write_the_directory_is_not_to_read_members() {
    let (mut tenant, _, team) = tenant().await;
    act_as(&mut tenant, &["Directory.ReadWrite.All"]).await;
    tenant.get(&format!("/groups/{team}")).await.ok(200);
    for path in [format!("/groups/{team}/members"), format!("/groups/{team}/owners"), "/applications".to_owned()] {
        tenant.get(&path).await.refused(403, "Authorization_RequestDenied", "");
    }
}

#[tokio::test]
async fn who_may_read_users_does_not_read_deleted_groups() {
    let (mut tenant, user, group) = tenant().await;
    for path in [format!("/users/{user}"), format!("/groups/{group}")] {
        tenant.delete(&path).await.ok(204);
    }
    let status = async |tenant: &Tenant, path: &str| tenant.get(&format!("/directory/deletedItems/{path}")).await.status;
    act_as(&mut tenant, &["User.Read.All"]).await;
    assert_eq!((status(&tenant, "microsoft.graph.user").await, status(&tenant, &user).await), (200, 200));
    assert_eq!((status(&tenant, "microsoft.graph.group").await, status(&tenant, &group).await), (403, 403));
    assert_eq!(status(&tenant, "microsoft.graph.application").await, 403);
    act_as(&mut tenant, &["Group.Read.All"]).await;
    assert_eq!((status(&tenant, "microsoft.graph.group").await, status(&tenant, &user).await), (200, 403));
}

//! Soft delete, restore, purge.

use crate::client::{Tenant, group, id, ids, unified, user, with};
use serde_json::{Value, json};

#[tokio::test]
async fn a_deleted_user_can_come_back() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let team = tenant.new_group("g").await;
    tenant.post(&format!("/groups/{team}/members/$ref"), tenant.link(&ann)).await.ok(204);
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    assert_eq!(tenant.get(&format!("/users/{ann}")).await.status, 404);
    assert_eq!(tenant.patch(&format!("/users/{ann}"), json!({ "jobTitle": "x" })).await.status, 404);
    assert_eq!(ids(&tenant.get("/users").await.ok(200)).len(), 0);
    assert_eq!(ids(&tenant.get(&format!("/groups/{team}/members")).await.ok(200)).len(), 0);
    let bin =
        tenant.get("/directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName,deletedDateTime").await.ok(200);
    assert_eq!(ids(&bin), [ann.as_str()]);
    assert!(bin["@odata.context"].as_str().is_some_and(|context| context.ends_with("$metadata#users")), "{bin}");
    let one = tenant.get(&format!("/directory/deletedItems/{ann}")).await.ok(200);
    assert!(one["@odata.context"].as_str().is_some_and(|context| context.ends_with("#directoryObjects/$entity")), "{one}");
    assert_eq!(one["@odata.type"], "#microsoft.graph.user");
    let nothing = "Invalid object identifier 'ann'.";
    tenant.get("/directory/deletedItems/ann").await.refused(400, "Request_BadRequest", nothing);
    tenant.get("/directoryObjects/ann").await.refused(400, "Request_BadRequest", nothing);
    assert_eq!(bin["value"][0]["userPrincipalName"], format!("{}ann@contoso.example", ann.replace('-', "")));
    assert!(bin["value"][0]["deletedDateTime"].is_string());
    assert_eq!(ids(&tenant.get("/directory/deletedItems/microsoft.graph.group").await.ok(200)).len(), 0);
    let restored = tenant.post(&format!("/directory/deletedItems/{ann}/restore"), Value::Null).await.ok(200);
    assert_eq!((&restored["id"], &restored["userPrincipalName"]), (&json!(ann), &json!("ann@contoso.example")));
    assert_eq!(ids(&tenant.get(&format!("/groups/{team}/members")).await.ok(200)), [ann]);
}

#[tokio::test]
async fn a_name_can_be_taken_meanwhile() {
    let tenant = Tenant::start().await;
    let old = id(&tenant.post("/users", with(user("ann"), json!({ "mail": "ann@mail.example" }))).await.ok(201));
    tenant.delete(&format!("/users/{old}")).await.ok(204);
    let new = tenant.post("/users", with(user("ann"), json!({ "mail": "ann@mail.example" }))).await.ok(201);
    let restore = async |body: Value| tenant.post(&format!("/directory/deletedItems/{old}/restore"), body).await;
    restore(json!({})).await.refused(400, "Request_BadRequest", "userPrincipalName already exists");
    let renamed = json!({ "newUserPrincipalName": "ann.old@contoso.example" });
    restore(renamed.clone()).await.refused(400, "Request_BadRequest", "proxyAddresses already exists");
    let back = restore(with(renamed, json!({ "autoReconcileProxyConflict": true }))).await.ok(200);
    assert_eq!(back["userPrincipalName"], "ann.old@contoso.example");
    assert_eq!(id(&tenant.get("/users/ann@contoso.example").await.ok(200)), id(&new));
}

#[tokio::test]
async fn purge_is_for_good() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    tenant.delete(&format!("/directory/deletedItems/{ann}")).await.refused(404, "Request_ResourceNotFound", &ann);
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    tenant.get(&format!("/directory/deletedItems/{ann}")).await.ok(200);
    tenant.delete(&format!("/directory/deletedItems/{ann}")).await.ok(204);
    assert_eq!(tenant.post(&format!("/directory/deletedItems/{ann}/restore"), json!({})).await.status, 404);
}

#[tokio::test]
async fn thirty_days() {
    let mut tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    tenant.control("POST", "clock/advance", json!({ "seconds": 29 * 86400 }));
    tenant.sign_in().await;
    tenant.get(&format!("/directory/deletedItems/{ann}")).await.ok(200);
    let advanced = tenant.control("POST", "clock/advance", json!({ "seconds": 2 * 86400 }));
    assert_eq!(advanced["purged"], 1);
    tenant.sign_in().await;
    assert_eq!(tenant.get(&format!("/directory/deletedItems/{ann}")).await.status, 404);
}

#[tokio::test]
async fn groups_are_kept_too() {
    let tenant = Tenant::start().await;
    let security = id(&tenant.upsert("u", group("s")).await.ok(201));
    let office = id(&tenant.post("/groups", unified("m")).await.ok(201));
    let listed = tenant.control(
        "POST",
        "seed",
        json!({ "groups": [{ "displayName": "list", "mailEnabled": true, "securityEnabled": false }] }),
    );
    for id in [&security, &office, &listed["groups"][0].as_str().unwrap().to_owned()] {
        tenant.delete(&format!("/groups/{id}")).await.ok(204);
    }
    let bin = ids(&tenant.get("/directory/deletedItems/microsoft.graph.group").await.ok(200));
    assert_eq!(bin, [security.clone(), office], "a distribution list is gone at once");
    // The unique name is free while the group lies in the bin, unless the switch says otherwise.
    tenant.control("PATCH", "switches", json!({ "uniqueNameHeldByDeleted": true }));
    tenant.upsert("u", group("s")).await.refused(400, "Request_BadRequest", "uniqueName already exists");
    tenant.control("PATCH", "switches", json!({ "uniqueNameHeldByDeleted": false }));
    tenant.upsert("u", group("s")).await.ok(201);
    tenant.post(&format!("/directory/deletedItems/{security}/restore"), json!({})).await.refused(
        400,
        "Request_BadRequest",
        "uniqueName",
    );
}

#[tokio::test]
async fn a_deleted_user_may_keep_its_name() {
    let tenant = Tenant::start().await;
    tenant.control("PATCH", "switches", json!({ "renameDeletedUsers": false }));
    let ann = tenant.new_user("ann").await;
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    let path = format!("/directory/deletedItems/{ann}?$select=userPrincipalName");
    assert_eq!(tenant.get(&path).await.ok(200)["userPrincipalName"], "ann@contoso.example");
    tenant.new_user("ann").await;
}

#[tokio::test]
async fn the_bin_is_sorted_by_deletion_only_with_the_headers() {
    let mut tenant = Tenant::start().await;
    let (ann, bob) = (tenant.new_user("ann").await, tenant.new_user("bob").await);
    tenant.delete(&format!("/users/{bob}")).await.ok(204);
    tenant.control("POST", "clock/advance", json!({ "seconds": 60 }));
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    tenant.sign_in().await;
    let path = "/directory/deletedItems/microsoft.graph.user?$orderby=deletedDateTime";
    tenant.get(path).await.refused(400, "Request_UnsupportedQuery", "Sorting not supported");
    assert_eq!(ids(&tenant.eventual(&format!("{path}&$count=true")).await.ok(200)), [bob.clone(), ann.clone()]);
    assert_eq!(ids(&tenant.eventual(&format!("{path} desc&$count=true")).await.ok(200)), [ann, bob]);
}

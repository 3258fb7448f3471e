//! Anchors: `onPremisesImmutableId` and `uniqueName`.

use crate::client::{Tenant, group, id, ids, user, with};
use serde_json::json;

#[tokio::test]
async fn immutable_id_of_a_managed_user() {
    let tenant = Tenant::start().await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    tenant.patch(&path, json!({ "onPremisesImmutableId": null })).await.ok(204);
    tenant.patch(&path, json!({ "onPremisesImmutableId": "YQ==" })).await.ok(204);
    tenant.patch(&path, json!({ "onPremisesImmutableId": "Yg==" })).await.ok(204);
    tenant.patch(&path, json!({ "onPremisesImmutableId": null })).await.refused(
        400,
        "Request_BadRequest",
        "onPremisesImmutableId",
    );
    tenant.control("PATCH", "switches", json!({ "immutableIdChange": false, "immutableIdClear": true }));
    tenant.patch(&path, json!({ "onPremisesImmutableId": "Yw==" })).await.refused(
        400,
        "Request_BadRequest",
        "onPremisesImmutableId",
    );
    tenant.patch(&path, json!({ "onPremisesImmutableId": "Yg==" })).await.ok(204);
    tenant.patch(&path, json!({ "onPremisesImmutableId": null })).await.ok(204);
    tenant.control("PATCH", "switches", json!({ "immutableIdSet": false }));
    tenant.patch(&path, json!({ "onPremisesImmutableId": "ZA==" })).await.refused(
        400,
        "Request_BadRequest",
        "onPremisesImmutableId",
    );
}

#[tokio::test]
async fn immutable_id_of_a_federated_user() {
    let tenant = Tenant::start().await;
    let federated = with(user("f"), json!({ "userPrincipalName": "f@fed.example", "onPremisesImmutableId": "YQ==" }));
    let path = format!("/users/{}", id(&tenant.post("/users", federated).await.ok(201)));
    tenant.patch(&path, json!({ "onPremisesImmutableId": "Yg==" })).await.refused(
        400,
        "Request_BadRequest",
        "onPremisesImmutableId",
    );
    tenant.control("PATCH", "switches", json!({ "immutableIdClear": true }));
    let cleared = tenant.patch(&path, json!({ "onPremisesImmutableId": null })).await;
    cleared.refused(400, "Request_BadRequest", "onPremisesImmutableId");
}

#[tokio::test]
async fn unique_name_is_written_once() {
    let tenant = Tenant::start().await;
    let path = format!("/groups/{}", tenant.new_group("g").await);
    tenant.patch(&path, json!({ "uniqueName": "one" })).await.ok(204);
    tenant.patch(&path, json!({ "uniqueName": "one" })).await.ok(204);
    tenant.patch(&path, json!({ "uniqueName": "two" })).await.refused(400, "Request_BadRequest", "uniqueName");
    tenant.patch(&path, json!({ "uniqueName": null })).await.refused(400, "Request_BadRequest", "uniqueName");
    tenant.get("/groups(uniqueName='one')").await.ok(200);
    let role = with(group("r"), json!({ "isAssignableToRole": true, "uniqueName": "r" }));
    tenant.post("/groups", role.clone()).await.refused(400, "Request_BadRequest", "ArmUniqueName");
    tenant.control("PATCH", "switches", json!({ "uniqueNameOnRoleGroup": true }));
    tenant.post("/groups", role).await.ok(201);
}

#[tokio::test]
async fn upsert_in_a_batch_by_switch() {
    let tenant = Tenant::start().await;
    tenant.control("PATCH", "switches", json!({ "upsertInBatch": false }));
    let step = json!({ "id": "1", "method": "PATCH", "url": "/groups(uniqueName='g')", "headers": { "content-type": "application/json", "Prefer": "create-if-missing" }, "body": group("g") });
    let body = tenant.post("/$batch", json!({ "requests": [step] })).await.ok(200);
    assert_eq!(body["responses"][0]["status"], 404);
}

#[tokio::test]
async fn members_of_an_upsert_that_updates_by_switch() {
    for again in [true, false] {
        let tenant = Tenant::start().await;
        tenant.control("PATCH", "switches", json!({ "upsertBindsAgain": again }));
        for (name, status) in [("ann", 201), ("bob", 204)] {
            let member = tenant.new_user(name).await;
            let body = with(group("g"), json!({ "members@odata.bind": [tenant.url(&member)] }));
            tenant.upsert("g", body).await.ok(status);
        }
        let members = tenant.get("/groups(uniqueName='g')/members").await.ok(200);
        assert_eq!(ids(&members).len(), if again { 2 } else { 1 }, "{again}: {members}");
    }
}

#[tokio::test]
async fn two_users_with_one_immutable_id() {
    let tenant = Tenant::start().await;
    let same = json!({ "onPremisesImmutableId": "YQ==" });
    tenant.post("/users", with(user("a"), same.clone())).await.ok(201);
    tenant.post("/users", with(user("b"), same.clone())).await.refused(
        400,
        "Request_BadRequest",
        "onPremisesImmutableId already exists",
    );
    tenant.control("PATCH", "switches", json!({ "immutableIdUnique": false }));
    tenant.post("/users", with(user("b"), same)).await.ok(201);
}

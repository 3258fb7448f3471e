//! Transitive membership, objects by id, and names checked before use.

use crate::client::{Tenant, group, id, ids, unified, with};
use serde_json::{Value, json};

/// Ann is in `inner`, which is in `outer`; `office` is hers too and not for security.
async fn nested() -> (Tenant, [String; 4]) {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let (inner, outer) = (tenant.new_group("inner").await, tenant.new_group("outer").await);
    let office = id(&tenant.post("/groups", unified("office")).await.ok(201));
    for (of, member) in [(&inner, &ann), (&outer, &inner), (&office, &ann)] {
        tenant.post(&format!("/groups/{of}/members/$ref"), tenant.link(member)).await.ok(204);
    }
    (tenant, [ann, inner, outer, office])
}

fn sorted(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = list["value"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}

fn set(ids: &[&String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn groups_of_an_object() {
    let (tenant, [ann, inner, outer, office]) = nested().await;
    let ask = async |path: String, body: Value| tenant.post(&path, body).await;
    let all = ask(format!("/users/{ann}/getMemberGroups"), json!({ "securityEnabledOnly": false })).await.ok(200);
    assert_eq!(sorted(&all), set(&[&inner, &outer, &office]));
    let secure = ask(format!("/users/{ann}/getMemberObjects"), json!({ "securityEnabledOnly": true })).await.ok(200);
    assert_eq!(sorted(&secure), set(&[&inner, &outer]));
    let of_group = ask(format!("/groups/{inner}/getMemberGroups"), json!({ "securityEnabledOnly": false })).await.ok(200);
    assert_eq!(sorted(&of_group), set(&[&outer]));
    ask(format!("/groups/{inner}/getMemberGroups"), json!({ "securityEnabledOnly": true })).await.refused(
        400,
        "Request_BadRequest",
        "",
    );
    ask(format!("/users/{ann}/getMemberGroups"), json!({})).await.refused(400, "Request_BadRequest", "securityEnabledOnly");
    let stranger = "00000000-0000-0000-0000-000000000001";
    let some = ask(format!("/directoryObjects/{ann}/checkMemberGroups"), json!({ "groupIds": [outer, stranger] })).await.ok(200);
    assert_eq!(sorted(&some), set(&[&outer]));
    let checked = ask(format!("/users/{ann}/checkMemberObjects"), json!({ "ids": [office] })).await.ok(200);
    assert_eq!(sorted(&checked), set(&[&office]));
    let many: Vec<&str> = vec![stranger; 21];
    ask(format!("/users/{ann}/checkMemberGroups"), json!({ "groupIds": many })).await.refused(400, "Request_BadRequest", "20");
    // What lies in the recycle bin counts for nothing.
    tenant.delete(&format!("/groups/{outer}")).await.ok(204);
    let left = ask(format!("/users/{ann}/getMemberGroups"), json!({ "securityEnabledOnly": true })).await.ok(200);
    assert_eq!(sorted(&left), set(&[&inner]));
}

#[tokio::test]
async fn objects_by_id() {
    let (tenant, [ann, inner, ..]) = nested().await;
    let asked = json!({ "ids": [inner, ann, "00000000-0000-0000-0000-000000000001"] });
    let both = tenant.post("/directoryObjects/getByIds", asked.clone()).await.ok(200);
    assert_eq!(ids(&both), [inner.as_str(), ann.as_str()], "an unknown id is left out");
    assert_eq!(both["value"][1]["@odata.type"], "#microsoft.graph.user");
    let users = tenant.post("/directoryObjects/getByIds?$select=id", with(asked, json!({ "types": ["user"] }))).await.ok(200);
    assert_eq!(ids(&users), [ann]);
    tenant.post("/directoryObjects/getByIds", json!({})).await.refused(400, "Request_BadRequest", "ids");
    tenant.post("/directoryObjects/getByIds", json!({ "ids": vec!["x"; 1001] })).await.refused(400, "Request_BadRequest", "1000");
    tenant.get("/directoryObjects/getByIds").await.refused(405, "Request_BadRequest", "");
}

#[tokio::test]
async fn names_are_checked_before_use() {
    let (tenant, [_, _, outer, office]) = nested().await;
    let check = async |body: Value| tenant.post("/directoryObjects/validateProperties", body).await;
    check(json!({ "entityType": "Group", "mailNickname": "free" })).await.ok(204);
    check(json!({ "entityType": "Group", "mailNickname": "outer" })).await.ok(204);
    let taken = check(json!({ "entityType": "Group", "mailNickname": "office" })).await;
    let text = "Another object with the same value for property mailNickname already exists.";
    taken.refused(422, "Request_UnprocessableEntity", text);
    assert!(taken.body["error"]["details"].as_array().unwrap().iter().any(|one| one["code"] == "PropertyConflict"));
    check(json!({ "mailNickname": "office" })).await.refused(400, "Request_BadRequest", "entityType");
    check(json!({ "entityType": "Group" })).await.refused(400, "Request_BadRequest", "mailNickname");
    let own = json!({ "mailNickname": "office" });
    tenant.post(&format!("/groups/{office}/validateProperties"), own.clone()).await.ok(204);
    tenant.post(&format!("/groups/{outer}/validateProperties"), own).await.refused(422, "Request_UnprocessableEntity", text);
}

#[tokio::test]
async fn guests_and_groups() {
    let (tenant, [_, inner, _, office]) = nested().await;
    let guest = json!({ "userPrincipalName": "guest_x.example#EXT#@contoso.example", "userType": "Guest" });
    let guest = tenant.control("POST", "seed", json!({ "users": [guest] }))["users"][0].as_str().unwrap().to_owned();
    tenant.control("PATCH", "switches", json!({ "guestsInGroups": false }));
    let add = async |group: &str| tenant.post(&format!("/groups/{group}/members/$ref"), tenant.link(&guest)).await;
    add(&office).await.refused(403, "Authorization_RequestDenied", "Guests users are not allowed to join");
    add(&inner).await.ok(204);
    tenant.control("PATCH", "switches", json!({ "guestsInGroups": true }));
    add(&office).await.ok(204);
}

#[tokio::test]
async fn a_full_directory() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    // The application that calls is there twice: its registration and its service principal.
    tenant.control("PATCH", "switches", json!({ "objectQuota": 4 }));
    tenant.new_group("g").await;
    tenant.post("/groups", group("h")).await.refused(403, "Directory_QuotaExceeded", "quota");
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    tenant.post("/groups", group("h")).await.refused(403, "Directory_QuotaExceeded", "quota");
    tenant.delete(&format!("/directory/deletedItems/{ann}")).await.ok(204);
    tenant.post("/groups", group("h")).await.ok(201);
}

#[tokio::test]
async fn groups_that_others_keep() {
    let tenant = Tenant::start().await;
    let list = json!({ "displayName": "list", "mailEnabled": true, "securityEnabled": true });
    let list = tenant.control("POST", "seed", json!({ "groups": [list] }))["groups"][0].as_str().unwrap().to_owned();
    let text = "The service does not currently support writes of mail-enabled groups.";
    tenant.patch(&format!("/groups/{list}"), json!({ "description": "x" })).await.refused(400, "Request_BadRequest", text);
    let hidden = json!({ "visibility": "HiddenMembership" });
    tenant.post("/groups", with(group("s"), hidden.clone())).await.refused(400, "Request_BadRequest", "visibility");
    let office = id(&tenant.post("/groups", with(unified("u"), hidden.clone())).await.ok(201));
    tenant.patch(&format!("/groups/{office}"), json!({ "visibility": "Public" })).await.refused(
        400,
        "Request_BadRequest",
        "visibility",
    );
    let open = id(&tenant.post("/groups", unified("v")).await.ok(201));
    tenant.patch(&format!("/groups/{open}"), hidden).await.refused(400, "Request_BadRequest", "visibility");
    tenant.patch(&format!("/groups/{open}"), json!({ "visibility": "Private" })).await.ok(204);
}

#[tokio::test]
async fn at_most_five_hundred_groups_carry_roles() {
    let tenant = Tenant::start().await;
    let many: Vec<Value> = (0..500).map(|at| json!({ "displayName": format!("r{at}"), "isAssignableToRole": true })).collect();
    tenant.control("POST", "seed", json!({ "groups": many }));
    let one_more = with(group("r"), json!({ "isAssignableToRole": true }));
    tenant.post("/groups", one_more).await.refused(400, "Request_BadRequest", "isAssignableToRole");
    tenant.post("/groups", group("r")).await.ok(201);
}

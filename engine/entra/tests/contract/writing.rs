//! Writes that succeed, and writes that the tenant refuses.

use entrain_emulator::{Domain, Options};
use entrain_model::{Attributes, Directory as _, Fault, Kind, ObjectRef, Relation, Sessions, TargetId, Write};
use serde_json::{Value as Json, json};

use crate::stage::{Stage, add, attributes, new_group, new_user, remove, update};

fn find(records: &[Json], id: &TargetId) -> Json {
    records.iter().find(|record| record["id"] == id.as_str()).cloned().unwrap_or_else(|| panic!("no {id}"))
}

#[tokio::test]
async fn one_changed_attribute_is_one_request_with_one_property() {
    let stage = Stage::new().await;
    let ann = stage.user("ann").await;
    let before = stage.tenant.stats().requests;
    let done = stage.one(update(&ann, json!({"department": "Sales"}))).await.unwrap();
    assert!(done.request_id.is_some());
    assert_eq!(stage.tenant.stats().requests - before, 1);
    assert_eq!(find(&stage.state("users"), &ann)["department"], "Sales");
}

#[tokio::test]
async fn values_are_set_cleared_and_folded_into_their_objects() {
    let stage = Stage::new().await;
    let ann = stage.user("ann").await;
    let all = json!({
        "jobTitle": "x", "businessPhones": ["1"], "employeeOrgData": {"costCenter": "7", "division": "D"}, "employeeId": "E1",
        "onPremisesExtensionAttributes.extensionAttribute3": "three", "onPremisesExtensionAttributes.extensionAttribute4": "four",
        "usageLocation": "DE", "employeeLeaveDateTime": "2031-01-02T00:00:00Z",
    });
    stage.one(update(&ann, all)).await.unwrap();
    stage.one(update(&ann, json!({"jobTitle": null, "onPremisesExtensionAttributes.extensionAttribute4": null}))).await.unwrap();
    let now = find(&stage.state("users"), &ann);
    assert_eq!((&now["jobTitle"], &now["businessPhones"]), (&Json::Null, &json!(["1"])));
    assert_eq!(now["onPremisesExtensionAttributes"]["extensionAttribute3"], "three");
    assert_eq!(now["onPremisesExtensionAttributes"]["extensionAttribute4"], Json::Null);
    assert_eq!(now["employeeOrgData"]["division"], "D");
}

#[tokio::test]
async fn every_writable_attribute_of_the_schema_is_one_that_graph_takes() {
    let stage = Stage::with(Options::default(), |config| config.write_mail = true).await;
    let ann = stage.user("ann").await;
    let schema = stage.entra.schema().users.clone();
    for (name, row) in &schema.attributes {
        if row.writable != entrain_model::Writable::Always || ["userPrincipalName", "onPremisesImmutableId"].contains(name) {
            continue;
        }
        let done = stage.one(update(&ann, json!({ *name: sample(name, row.shape) }))).await;
        assert!(done.is_ok(), "{name}: {}", done.unwrap_err());
        if row.clearable {
            let cleared = if row.shape == entrain_model::Shape::Texts { json!([]) } else { Json::Null };
            let done = stage.one(update(&ann, json!({ *name: cleared }))).await;
            assert!(done.is_ok(), "{name} cleared: {}", done.unwrap_err());
        }
    }
}

fn sample(name: &str, shape: entrain_model::Shape) -> Json {
    use entrain_model::Shape;
    match (name, shape) {
        ("usageLocation", _) => json!("DE"),
        ("userType", _) => json!("Member"),
        ("passwordPolicies", _) => json!("DisablePasswordExpiration"),
        ("ageGroup", _) => json!("Adult"),
        ("consentProvidedForMinor", _) => json!("Granted"),
        ("preferredLanguage", _) => json!("de-DE"),
        ("mail", _) => json!("ann.mail@contoso.example"),
        ("otherMails", _) => json!(["ann@elsewhere.example"]),
        (_, Shape::Texts) => json!(["1"]),
        (_, Shape::Boolean) => json!(true),
        (_, Shape::DateTime) => json!("2030-01-02T00:00:00Z"),
        (_, Shape::Parts(parts)) => json!({ parts[0]: "x" }),
        (_, Shape::Whole) => json!({"costCenter": "1", "division": "2"}),
        (_, Shape::Text | Shape::Login) => json!("abc"),
    }
}

#[tokio::test]
async fn many_users_go_by_twenty() {
    let stage = Stage::new().await;
    stage.entra.tenant().await.unwrap();
    let before = stage.tenant.stats().requests;
    let writes: Vec<Write> = (0..45).map(|n| new_user(&format!("u{n}"))).collect();
    assert!(stage.write(&writes).await.iter().all(Result::is_ok));
    assert_eq!((stage.tenant.stats().requests - before, stage.state("users").len()), (3, 45));
    assert_eq!(stage.entra.traffic().writes, 45);
}

#[tokio::test]
async fn a_group_is_made_once_however_often_it_is_asked_for() {
    let stage = Stage::new().await;
    let done = stage.write(&[new_group("a"), new_group("b")]).await;
    let first: Vec<_> = done.into_iter().map(|done| done.unwrap()).collect();
    assert!(first.iter().all(|done| !done.already && !done.unanchored));
    let again = stage.one(new_group("a")).await.unwrap();
    assert_eq!((again.id, again.already), (first[0].id.clone(), true));
    assert_eq!(stage.state("groups").len(), 2);
}

#[tokio::test]
async fn a_group_with_twenty_members_takes_seven_writes() {
    let stage = Stage::new().await;
    let ids = stage.people(20);
    let first = |to: &TargetId| Write::FirstMember { group: ObjectRef::group("a"), to_kind: Kind::User, to: to.clone() };
    let before = stage.tenant.stats().writes_charged;
    let writes: Vec<Write> = std::iter::once(new_group("a")).chain(ids.iter().map(first)).collect();
    let done = stage.write(&writes).await;
    assert!(done.iter().all(|done| done.as_ref().is_ok_and(|done| !done.already)), "{done:?}");
    assert_eq!(stage.tenant.stats().writes_charged - before, 7, "six for the group with eighteen, one for two more");
    let again = stage.write(&writes).await;
    assert_eq!(again[0].as_ref().unwrap().id, done[0].as_ref().unwrap().id);
    assert!(again.iter().all(|done| done.as_ref().is_ok_and(|done| done.already)), "{again:?}");
    let groups = stage.state("groups");
    assert_eq!((groups.len(), groups[0]["members"].as_array().unwrap().len()), (1, 20));
}

#[tokio::test]
async fn a_group_that_was_there_gets_its_first_members_whatever_an_upsert_does_with_them() {
    for again in [true, false] {
        let stage = Stage::new().await;
        stage.tenant.control("PATCH", "switches", &json!({"upsertBindsAgain": again})).unwrap();
        let there = stage.one(new_group("a")).await.unwrap();
        let ann = stage.people(1).remove(0);
        let member = Write::FirstMember { group: ObjectRef::group("a"), to_kind: Kind::User, to: ann.clone() };
        let done = stage.write(&[new_group("a"), member]).await;
        assert!(done.iter().all(Result::is_ok), "{again}: {done:?}");
        assert_eq!(done[0].as_ref().unwrap().id, there.id);
        assert_eq!(stage.state("groups")[0]["members"], json!([ann.as_str()]), "{again}");
    }
}

#[tokio::test]
async fn a_group_is_made_where_a_batch_knows_no_upsert() {
    let stage = Stage::new().await;
    stage.tenant.control("PATCH", "switches", &json!({"upsertInBatch": false})).unwrap();
    let done = stage.write(&[new_group("a"), new_group("b")]).await;
    assert!(done.iter().all(|done| done.as_ref().is_ok_and(|done| done.id.is_some())), "{done:?}");
    assert_eq!(stage.state("groups").len(), 2);
}

#[tokio::test]
async fn a_role_assignable_group_stands_without_an_anchor() {
    let stage = Stage::new().await;
    let Write::Create(mut new) = new_group("admins") else { panic!() };
    new.attributes.insert("isAssignableToRole".into(), json!(true));
    let done = stage.one(Write::Create(new)).await.unwrap();
    assert!(done.unanchored);
    let group = find(&stage.state("groups"), &done.id.unwrap());
    assert_eq!((&group["isAssignableToRole"], group.get("uniqueName").unwrap_or(&Json::Null)), (&json!(true), &Json::Null));
}

#[tokio::test]
async fn users_of_a_federated_domain_are_made_with_their_subject() {
    let domains = vec![Domain::managed("contoso.example"), Domain::federated("fed.example")];
    let stage = Stage::with(Options { domains, ..Options::default() }, |_| {}).await;
    let Write::Create(mut new) = new_user("ann") else { panic!() };
    new.attributes.insert("userPrincipalName".into(), json!("ann@fed.example"));
    stage.one(Write::Create(new.clone())).await.unwrap();
    assert!(stage.entra.tenant().await.unwrap().anchor_refused.unwrap().contains("fed.example"));
    new.attributes.remove("onPremisesImmutableId");
    let error = stage.one(Write::Create(new)).await.unwrap_err();
    assert!(matches!(error.fault, Fault::Rejected { attribute: Some(name), .. } if name == "onPremisesImmutableId"));
}

#[tokio::test]
async fn a_thousand_members_take_six_requests_of_at_most_eighteen_for_each_hundred() {
    let stage = Stage::new().await;
    let ids = stage.people(100);
    let mut groups = Vec::new();
    for n in 0..10 {
        groups.push(stage.group(&format!("g{n}")).await);
    }
    let writes: Vec<Write> = groups.iter().flat_map(|group| ids.iter().map(move |id| add(Relation::Member, group, id))).collect();
    let before = stage.tenant.stats();
    let done = stage.write(&writes).await;
    assert!(done.iter().all(|done| done.as_ref().is_ok_and(|done| !done.already)));
    let after = stage.tenant.stats();
    assert_eq!((after.writes - before.writes, after.requests - before.requests), (60, 12));
    let members = find(&stage.state("groups"), &groups[3])["members"].as_array().unwrap().len();
    assert_eq!(members, 100);
}

#[tokio::test]
async fn poisonous_links_cost_only_themselves() {
    let stage = Stage::new().await;
    let group = stage.group("staff").await;
    let mut users = Vec::new();
    for n in 0..12 {
        users.push(stage.user(&format!("u{n}")).await);
    }
    stage.one(add(Relation::Member, &group, &users[2])).await.unwrap();
    users[9] = "00000000-0000-4000-8000-000000000009".into();
    let writes: Vec<Write> = users.iter().map(|user| add(Relation::Member, &group, user)).collect();
    for (place, done) in stage.write(&writes).await.into_iter().enumerate() {
        match place {
            2 => assert!(done.unwrap().already),
            9 => assert_eq!(done.unwrap_err().fault, Fault::NotFound { id: Some(users[9].clone()) }),
            _ => assert!(!done.unwrap().already),
        }
    }
    assert_eq!(find(&stage.state("groups"), &group)["members"].as_array().unwrap().len(), 11);
}

#[tokio::test]
async fn a_membership_is_one_request_and_its_removal_leaves_the_user() {
    let stage = Stage::new().await;
    let (ann, staff) = (stage.user("ann").await, stage.group("staff").await);
    let before = stage.tenant.stats().requests;
    stage.one(add(Relation::Member, &staff, &ann)).await.unwrap();
    assert!(stage.one(add(Relation::Member, &staff, &ann)).await.unwrap().already);
    stage.one(remove(Relation::Member, &staff, &ann)).await.unwrap();
    assert_eq!(stage.tenant.stats().requests - before, 3);
    assert!(stage.one(remove(Relation::Member, &staff, &ann)).await.unwrap().already);
    find(&stage.state("users"), &ann);
    let nowhere: TargetId = "00000000-0000-4000-8000-000000000001".into();
    let error = stage.one(remove(Relation::Member, &nowhere, &ann)).await.unwrap_err();
    assert_eq!(error.fault, Fault::NotFound { id: Some(nowhere) });
}

#[tokio::test]
async fn a_manager_is_replaced_and_only_the_right_one_is_removed() {
    let stage = Stage::new().await;
    let (ann, bob, eve) = (stage.user("ann").await, stage.user("bob").await, stage.user("eve").await);
    stage.one(add(Relation::Manager, &ann, &bob)).await.unwrap();
    stage.one(add(Relation::Manager, &ann, &eve)).await.unwrap();
    assert!(stage.one(remove(Relation::Manager, &ann, &bob)).await.unwrap().already);
    assert_eq!(stage.count("DELETE /users/{id}/manager/$ref"), 0);
    assert!(!stage.one(remove(Relation::Manager, &ann, &eve)).await.unwrap().already);
    assert!(stage.one(remove(Relation::Manager, &ann, &eve)).await.unwrap().already);
}

#[tokio::test]
async fn a_user_is_disabled_deleted_and_restored_with_new_values() {
    let stage = Stage::new().await;
    let ann = stage.user("ann").await;
    stage.one(Write::Disable { id: ann.clone(), sessions: Sessions::End }).await.unwrap();
    assert_eq!(find(&stage.state("users"), &ann)["accountEnabled"], false);
    assert_eq!(stage.count("POST /users/{id}/revokeSignInSessions"), 1);
    stage.one(Write::Delete { kind: Kind::User, id: ann.clone() }).await.unwrap();
    let gone = stage.one(Write::Delete { kind: Kind::User, id: ann.clone() }).await.unwrap_err();
    assert!(matches!(gone.fault, Fault::NotFound { .. }));
    let back = attributes(json!({"accountEnabled": true, "jobTitle": "again"}));
    stage.one(Write::Restore { kind: Kind::User, id: ann.clone(), attributes: back }).await.unwrap();
    let now = find(&stage.state("users"), &ann);
    assert_eq!((&now["accountEnabled"], &now["jobTitle"]), (&json!(true), &json!("again")));
}

#[tokio::test]
async fn a_restored_user_whose_login_was_given_away_comes_back_with_another() {
    let stage = Stage::new().await;
    let ann = stage.user("ann").await;
    stage.one(Write::Delete { kind: Kind::User, id: ann.clone() }).await.unwrap();
    let Write::Create(mut new) = new_user("ann") else { panic!() };
    new.attributes.insert("onPremisesImmutableId".into(), json!("another"));
    stage.one(Write::Create(new)).await.unwrap();
    let back = attributes(json!({"userPrincipalName": "ann2@contoso.example"}));
    stage.one(Write::Restore { kind: Kind::User, id: ann.clone(), attributes: back }).await.unwrap();
    assert_eq!(find(&stage.state("users"), &ann)["userPrincipalName"], "ann2@contoso.example");
}

#[tokio::test]
async fn refusals_name_the_attribute() {
    let stage = Stage::new().await;
    let ann = stage.user("ann").await;
    stage.user("bob").await;
    let refused = async |changed: Json| stage.one(update(&ann, changed)).await.unwrap_err().fault;
    let taken = refused(json!({"userPrincipalName": "bob@contoso.example"})).await;
    assert_eq!(taken, Fault::AlreadyExists { attribute: Some("userPrincipalName".into()) });
    let domain = refused(json!({"userPrincipalName": "ann@unknown.example"})).await;
    assert!(matches!(domain, Fault::Rejected { attribute: Some(name), .. } if name == "userPrincipalName"));
    assert!(matches!(refused(json!({"noSuchProperty": 1})).await, Fault::Rejected { .. }));
    assert!(matches!(refused(json!({"employeeId": "12345678901234567"})).await, Fault::Rejected { .. }));
    let again = stage.one(new_user("bob")).await.unwrap_err();
    assert!(matches!(again.fault, Fault::AlreadyExists { .. }), "{again}");
    assert_eq!(
        stage.one(Write::Update { kind: Kind::User, id: ann.clone(), attributes: Attributes::new() }).await.unwrap().request_id,
        None
    );
}

#[tokio::test]
async fn privileged_users_and_mastered_users_are_refused_with_what_to_do() {
    let stage = Stage::new().await;
    let admin = stage.user("admin").await;
    stage.seed(&json!({"roleHolders": [{"principal": admin.as_str(), "role": "Global Administrator"}]}));
    let error = stage.one(update(&admin, json!({"accountEnabled": false}))).await.unwrap_err();
    assert!(error.fault == Fault::Forbidden && error.message.contains("directory role"), "{error}");
    let seeded = stage
        .seed(&json!({"users": [{"displayName": "M", "userPrincipalName": "m@contoso.example", "onPremisesSyncEnabled": true}]}));
    let mastered: TargetId = seeded["users"][0].as_str().unwrap().into();
    let error = stage.one(update(&mastered, json!({"jobTitle": "x"}))).await.unwrap_err();
    assert!(matches!(error.fault, Fault::Rejected { .. }) && error.message.contains("synchronised into this tenant"), "{error}");
}

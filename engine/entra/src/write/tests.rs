use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use entrain_model::{Attributes, NewRecord, ObjectRef, Sessions, TargetId, WritableDirectory as _};
use serde_json::{Value as Json, json};

use super::*;
use crate::testing::{Asked, Say, Script, entra, error};

pub(super) const EXISTS: &str =
    "One or more added object references already exist for the following modified properties: 'members'.";

pub(super) async fn write(script: &Arc<Script>, writes: &[Write]) -> Vec<Done> {
    entra(script).0.write(Lane::Direct, writes).await
}

pub(super) fn ok(script: impl Fn(&Asked) -> Option<Say> + Send + 'static) -> Arc<Script> {
    Script::new(move |asked| {
        let domains = json!({"value": [{"id": "contoso.com", "isVerified": true, "authenticationType": "Managed"},
            {"id": "fed.com", "isVerified": true, "authenticationType": "Federated"}]});
        script(asked).unwrap_or(match (asked.method.as_str(), asked.url.as_str()) {
            (_, url) if url.starts_with("/domains") => Say::Status(200, domains),
            ("POST", "/users" | "/groups") => Say::Status(201, json!({"id": "new-1"})),
            _ => Say::Status(204, Json::Null),
        })
    })
}

fn add(to: &str) -> Write {
    Write::AddReference { relation: Relation::Member, from: "g".into(), to_kind: Kind::User, to: to.into() }
}

fn remove(relation: Relation) -> Write {
    Write::RemoveReference { relation, from: "g".into(), to_kind: Kind::User, to: "m".into() }
}

fn update(id: &str, attributes: &[(&str, Json)]) -> Write {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Write::Update { kind: Kind::User, id: id.into(), attributes }
}

pub(super) fn create(kind: Kind, attributes: &[(&str, Json)], anchor: (&str, &str)) -> Write {
    let mut attributes: Attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    attributes.insert(anchor.0.into(), json!(anchor.1));
    let object = ObjectRef { kind, id: anchor.1.into() };
    Write::Create(NewRecord { kind, attributes, anchor: (anchor.0.into(), anchor.1.into()), object })
}

/// The ids of those whom a request adds.
pub(super) fn wanted(asked: &Asked) -> Vec<String> {
    let of = |url: &Json| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let bound = asked.body["members@odata.bind"].as_array().into_iter().flatten();
    bound.chain(asked.body.get("@odata.id")).map(of).collect()
}

/// A group with these members, which knows these objects: binds take all or none.
fn group(members: &[&str], unknown: &[&str]) -> (Arc<Script>, Arc<Mutex<BTreeSet<String>>>) {
    let members: Arc<Mutex<BTreeSet<String>>> = Arc::new(Mutex::new(members.iter().map(|m| (*m).to_owned()).collect()));
    let unknown: Vec<String> = unknown.iter().map(|m| (*m).to_owned()).collect();
    let has = members.clone();
    let script = ok(move |asked| {
        let wanted = wanted(asked);
        assert!(wanted.len() <= 20);
        if wanted.is_empty() {
            return None;
        }
        let mut has = has.lock().unwrap();
        if let Some(id) = wanted.iter().find(|id| unknown.contains(id)) {
            return Some(error(
                404,
                "Request_ResourceNotFound",
                &format!("Resource '{id}' does not exist or one of its queried"),
            ));
        }
        if wanted.iter().any(|id| has.contains(id)) {
            return Some(error(400, "Request_BadRequest", EXISTS));
        }
        has.extend(wanted);
        None
    });
    (script, members)
}

#[tokio::test]
async fn one_attribute_is_one_patch_with_one_property() {
    let script = ok(|_| None);
    let done = write(&script, &[update("u1", &[("jobTitle", json!("x"))])]).await;
    assert_eq!(done[0].as_ref().unwrap().request_id.as_deref(), Some("r-alone"));
    assert_eq!(
        (script.lines(), script.asked.lock().unwrap()[0].body.clone()),
        (vec!["PATCH /users/u1".to_owned()], json!({"jobTitle": "x"}))
    );
}

#[tokio::test]
async fn two_writes_to_one_record_never_share_a_batch() {
    let script = ok(|_| None);
    let writes = [update("a", &[("x", json!(1))]), update("a", &[("x", json!(2))]), update("b", &[("x", json!(3))])];
    assert!(write(&script, &writes).await.iter().all(Result::is_ok));
    assert_eq!(*script.posted.lock().unwrap(), ["/$batch", "/users/a"]);
    let bodies: Vec<Json> = script.asked.lock().unwrap().iter().map(|asked| asked.body["x"].clone()).collect();
    assert_eq!(bodies, [json!(1), json!(3), json!(2)]);
}

#[tokio::test]
async fn a_thousand_updates_are_fifty_batches() {
    let script = ok(|_| None);
    let writes: Vec<Write> = (0..1000).map(|n| update(&format!("u{n}"), &[("x", json!(1))])).collect();
    assert!(write(&script, &writes).await.iter().all(Result::is_ok));
    assert_eq!(script.posted.lock().unwrap().len(), 50);
}

#[tokio::test]
async fn what_must_go_alone_goes_alone_and_an_empty_update_goes_nowhere() {
    let script = ok(|_| None);
    write(&script, &[update("a", &[("skills", json!([])), ("jobTitle", Json::Null)]), update("b", &[])]).await;
    let bodies: Vec<Json> = script.asked.lock().unwrap().iter().map(|asked| asked.body.clone()).collect();
    assert_eq!(bodies, [json!({"jobTitle": null}), json!({"skills": []})]);
}

#[tokio::test]
async fn members_of_one_group_are_bound_by_eighteen_and_one_alone_is_posted() {
    let (script, members) = group(&[], &[]);
    let writes: Vec<Write> = (0..37).map(|n| add(&format!("m{n}"))).collect();
    assert!(write(&script, &writes).await.iter().all(|done| !done.as_ref().unwrap().already));
    assert_eq!(
        (script.lines(), members.lock().unwrap().len()),
        (vec!["PATCH /groups/g".into(), "PATCH /groups/g".into(), "POST /groups/g/members/$ref".into()], 37)
    );
    let body = script.asked.lock().unwrap()[2].body.clone();
    assert_eq!(body, json!({"@odata.id": "https://graph.test/v1.0/directoryObjects/m36"}));
}

#[tokio::test]
async fn five_bulk_additions_share_a_batch() {
    let script = ok(|_| None);
    let writes: Vec<Write> = (0..24)
        .map(|n| Write::AddReference {
            relation: Relation::Owner,
            from: format!("g{}", n % 12).as_str().into(),
            to_kind: Kind::User,
            to: format!("m{n}").as_str().into(),
        })
        .collect();
    assert!(write(&script, &writes).await.iter().all(Result::is_ok));
    assert_eq!((script.posted.lock().unwrap().len(), script.lines().len()), (3, 12));
    assert_eq!(script.asked.lock().unwrap()[0].body["owners@odata.bind"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_poisonous_link_costs_only_itself() {
    let (script, members) = group(&["m3", "m17"], &["m8"]);
    let writes: Vec<Write> = (0..20).map(|n| add(&format!("m{n}"))).collect();
    let done = write(&script, &writes).await;
    for (place, done) in done.iter().enumerate() {
        match place {
            8 => assert_eq!(done.as_ref().unwrap_err().fault, Fault::NotFound { id: Some("m8".into()) }),
            3 | 17 => assert!(done.as_ref().unwrap().already, "m{place}"),
            _ => assert!(!done.as_ref().unwrap().already, "m{place}"),
        }
    }
    assert_eq!(members.lock().unwrap().len(), 19);
    assert!(script.lines().len() <= 20, "{}", script.lines().len());
}

#[tokio::test]
async fn the_same_link_twice_is_sent_twice_apart() {
    let (script, _) = group(&[], &[]);
    let done = write(&script, &[add("a"), add("b"), add("a")]).await;
    assert_eq!(done.iter().map(|done| done.as_ref().unwrap().already).collect::<Vec<_>>(), [false, false, true]);
}

#[tokio::test]
async fn a_refusal_that_concerns_the_group_is_not_tried_link_by_link() {
    for say in [
        error(403, "Authorization_RequestDenied", "Insufficient privileges"),
        error(404, "Request_ResourceNotFound", "Resource 'g' does not exist"),
    ] {
        let script = ok(move |_| Some(say.clone()));
        let done = write(&script, &[add("a"), add("b"), add("c")]).await;
        assert_eq!((done.iter().filter(|done| done.is_err()).count(), script.lines().len()), (3, 1));
    }
}

#[tokio::test]
async fn additions_whose_answer_was_lost_are_proven_one_by_one() {
    let lost = Mutex::new(false);
    let (inner, members) = group(&[], &[]);
    let script = Script::new(move |asked| {
        let mut bodies = asked.body["members@odata.bind"].as_array().into_iter().flatten();
        if !std::mem::replace(&mut *lost.lock().unwrap(), true) {
            members
                .lock()
                .unwrap()
                .extend(bodies.by_ref().map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned()));
            return Say::Lost;
        }
        match members.lock().unwrap().is_empty() {
            true => Say::Status(204, Json::Null),
            false => error(400, "Request_BadRequest", EXISTS),
        }
    });
    drop(inner);
    let done = write(&script, &[add("a"), add("b"), add("c")]).await;
    assert!(done.iter().all(|done| done.as_ref().unwrap().already));
    assert_eq!(script.lines().len(), 5);
}

#[tokio::test]
async fn a_manager_is_put_and_taken_away_only_if_it_is_the_one() {
    let script = ok(|asked| (asked.method == "GET").then(|| Say::Status(200, json!({"id": "other"}))));
    let manager = Write::AddReference { relation: Relation::Manager, from: "u".into(), to_kind: Kind::User, to: "m".into() };
    write(&script, &[manager]).await;
    assert!(write(&script, &[remove(Relation::Manager)]).await.remove(0).unwrap().already);
    assert_eq!(script.lines(), ["PUT /users/u/manager/$ref", "GET /users/g/manager?$select=id"]);
    let script = ok(|asked| (asked.method == "GET").then(|| Say::Status(200, json!({"id": "M"}))));
    write(&script, &[remove(Relation::Manager)]).await;
    assert_eq!(script.lines()[1], "DELETE /users/g/manager/$ref");
}

/// What the removal of a member comes to, and what was asked.
async fn removal(named: &'static str, group_is_there: bool) -> (Done, usize) {
    let script = ok(move |asked| match asked.method.as_str() {
        "DELETE" => {
            Some(error(404, "Request_ResourceNotFound", &format!("Resource '{named}' does not exist or one of its queried")))
        }
        _ if group_is_there => Some(Say::Status(200, json!({"id": "g"}))),
        _ => Some(error(404, "Request_ResourceNotFound", "Resource 'g' does not exist")),
    });
    let done = write(&script, &[remove(Relation::Member)]).await.remove(0);
    assert_eq!(script.lines()[0], "DELETE /groups/g/members/m/$ref");
    (done, script.lines().len())
}

#[tokio::test]
async fn a_removal_is_called_already_done_only_when_the_group_is_there() {
    let (done, asked) = removal("m", true).await;
    assert!(done.unwrap().already && asked == 1);
    let (done, asked) = removal("g", true).await;
    assert!(asked == 1 && done.unwrap_err().fault == Fault::NotFound { id: Some("g".into()) });
    let (done, asked) = removal("something else", true).await;
    assert!(done.unwrap().already && asked == 2);
    let (done, asked) = removal("something else", false).await;
    assert!(asked == 2 && done.unwrap_err().fault == Fault::NotFound { id: Some("g".into()) });
}

#[tokio::test]
async fn a_new_user_gets_a_password_that_is_never_given_back() {
    let script = ok(|_| None);
    let writes = [create(
        Kind::User,
        &[("userPrincipalName", json!("a@contoso.com")), ("jobTitle", Json::Null)],
        ("onPremisesExtensionAttributes.extensionAttribute2", "k"),
    )];
    let done = write(&script, &writes).await.remove(0).unwrap();
    assert_eq!(done.id, Some(TargetId::from("new-1")));
    let body = script.asked.lock().unwrap().last().unwrap().body.clone();
    assert_eq!(body["passwordProfile"]["forceChangePasswordNextSignIn"], true);
    assert!(body["passwordProfile"]["password"].as_str().unwrap().len() >= 24 && body.get("jobTitle").is_none());
    assert_eq!(body["onPremisesExtensionAttributes"], json!({"extensionAttribute2": "k"}));
}

#[tokio::test]
async fn federated_users_need_an_immutable_id_and_a_password_too() {
    let script = ok(|_| None);
    let new = |anchor| create(Kind::User, &[("userPrincipalName", json!("a@FED.com"))], (anchor, "k"));
    let done = write(&script, &[new("employeeId")]).await.remove(0);
    assert!(matches!(done.unwrap_err().fault, Fault::Rejected { attribute: Some(a), .. } if a == "onPremisesImmutableId"));
    write(&script, &[new("onPremisesImmutableId")]).await.remove(0).unwrap();
    assert!(script.asked.lock().unwrap().last().unwrap().body["passwordProfile"]["password"].is_string());
}

#[tokio::test]
async fn a_user_whose_answer_was_lost_is_not_made_again() {
    let script = ok(|asked| (asked.method == "POST").then_some(Say::Lost));
    let done = write(&script, &[create(Kind::User, &[], ("employeeId", "k"))]).await.remove(0);
    assert_eq!(done.unwrap_err().fault, Fault::OutcomeUnknown);
    assert_eq!(script.lines().iter().filter(|line| line.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn disabling_blocks_and_revokes_and_says_when_only_the_first_was_done() {
    let script = ok(|asked| asked.url.ends_with("revokeSignInSessions").then(|| Say::Status(200, json!({"value": true}))));
    write(&script, &[Write::Disable { id: "u".into(), sessions: Sessions::End }]).await.remove(0).unwrap();
    assert_eq!(script.lines(), ["PATCH /users/u", "POST /users/u/revokeSignInSessions"]);
    assert_eq!(script.asked.lock().unwrap()[0].body, json!({"accountEnabled": false}));
    let script = ok(|asked| asked.url.ends_with("revokeSignInSessions").then(|| error(403, "Authorization_RequestDenied", "no")));
    let error = write(&script, &[Write::Disable { id: "u".into(), sessions: Sessions::End }]).await.remove(0).unwrap_err();
    assert!(error.fault == Fault::Forbidden && error.message.starts_with("sign-in of user u is blocked, but"), "{error}");
}

#[tokio::test]
async fn a_restored_user_whose_name_is_taken_comes_back_with_the_new_one() {
    let script = ok(|asked| match (asked.url.ends_with("/restore"), asked.body.get("newUserPrincipalName")) {
        (true, None) => Some(error(
            400,
            "Request_BadRequest",
            "Another object with the same value for property userPrincipalName already exists.",
        )),
        (true, Some(_)) => Some(Say::Status(200, json!({"id": "u"}))),
        _ => None,
    });
    let attributes = Attributes::from([("userPrincipalName".to_owned(), json!("b@contoso.com"))]);
    let done = write(&script, &[Write::Restore { kind: Kind::User, id: "u".into(), attributes }]).await.remove(0).unwrap();
    assert_eq!(done.id, Some("u".into()));
    assert_eq!(
        script.lines(),
        ["POST /directory/deletedItems/u/restore", "POST /directory/deletedItems/u/restore", "PATCH /users/u"]
    );
}

#[tokio::test]
async fn a_record_missing_at_deletion_is_done_only_after_a_lost_answer() {
    let delete = [Write::Delete { kind: Kind::User, id: "u".into() }];
    let missing = || error(404, "Request_ResourceNotFound", "Resource 'u' does not exist");
    let script = ok(move |_| Some(missing()));
    assert!(matches!(write(&script, &delete).await.remove(0).unwrap_err().fault, Fault::NotFound { .. }));
    let lost = Mutex::new(false);
    let script = ok(move |_| Some(if std::mem::replace(&mut *lost.lock().unwrap(), true) { missing() } else { Say::Lost }));
    assert!(write(&script, &delete).await.remove(0).unwrap().already);
}

#[tokio::test]
async fn domains_are_read_once_for_all_new_users() {
    let script = ok(|_| None);
    let (entra, _) = entra(&script);
    let writes: Vec<Write> = (0..3).map(|n| create(Kind::User, &[], ("employeeId", &n.to_string()))).collect();
    entra.write(Lane::Direct, &writes).await;
    entra.write(Lane::Direct, &writes[..1]).await;
    assert_eq!(script.lines().iter().filter(|line| line.starts_with("GET /domains")).count(), 1);
}

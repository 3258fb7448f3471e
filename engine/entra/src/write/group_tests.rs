use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use entrain_model::{Clock as _, ObjectRef, WritableDirectory as _};
use serde_json::{Value as Json, json};

use super::tests::{EXISTS, create, ok, wanted, write};
use super::*;
use crate::testing::{Asked, Say, Script, entra, error};

#[tokio::test]
async fn a_group_is_made_by_its_key_with_a_nickname() {
    let script = ok(|asked| (asked.method == "PATCH").then(|| Say::Status(201, json!({"id": "g1"}))));
    let done = write(&script, &[create(Kind::Group, &[("displayName", json!("R&D"))], ("uniqueName", "a/b+c="))])
        .await
        .remove(0)
        .unwrap();
    assert_eq!(done, Written { id: Some("g1".into()), request_id: Some("r-alone".into()), ..Written::default() });
    let asked = script.asked.lock().unwrap()[0].clone();
    assert_eq!(
        (asked.url.as_str(), &asked.headers["Prefer"]),
        ("/groups(uniqueName='a%2Fb%2Bc%3D')", &json!("create-if-missing"))
    );
    assert_eq!(asked.body, json!({"displayName": "R&D", "mailNickname": "ab+c="}));
}

#[tokio::test]
async fn a_group_that_is_there_already_is_found_by_its_key() {
    let looks = Mutex::new(0);
    let script = ok(move |asked| {
        if asked.method != "GET" {
            return None;
        }
        *looks.lock().unwrap() += 1;
        Some(if *looks.lock().unwrap() < 3 { error(404, "", "") } else { Say::Status(200, json!({"id": "g7"})) })
    });
    let done = write(&script, &[create(Kind::Group, &[], ("uniqueName", "k"))]).await.remove(0).unwrap();
    assert_eq!((done.id, done.already, script.lines().len()), (Some("g7".into()), true, 4));
}

#[tokio::test]
async fn a_batch_that_ignores_the_upsert_is_followed_by_one_alone() {
    let script = Script::new(|asked| match asked.headers.get("authorization") {
        None => error(404, "Request_ResourceNotFound", "Resource 'k' does not exist"),
        Some(_) => Say::Status(201, json!({"id": asked.url})),
    });
    let new = |key| create(Kind::Group, &[], ("uniqueName", key));
    let done = write(&script, &[new("a"), new("b")]).await;
    assert!(done.iter().all(|done| done.as_ref().unwrap().id.is_some()));
    assert_eq!(*script.posted.lock().unwrap(), ["/$batch", "/groups(uniqueName='a')", "/groups(uniqueName='b')"]);
}

#[tokio::test]
async fn a_role_assignable_group_is_made_without_its_anchor_and_says_so() {
    let script = ok(|_| None);
    let done = write(&script, &[create(Kind::Group, &[("isAssignableToRole", json!(true))], ("uniqueName", "k"))])
        .await
        .remove(0)
        .unwrap();
    assert!(done.unanchored);
    let asked = script.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.url.as_str(), asked.body.get("uniqueName")), ("/groups", None));
}

#[tokio::test]
async fn a_property_that_a_new_group_cannot_take_is_named() {
    let script = ok(|asked| match asked.url.as_str() {
        "/groups/g1" => Some(error(403, "Authorization_RequestDenied", "Insufficient privileges")),
        _ => Some(Say::Status(201, json!({"id": "g1"}))),
    });
    let done = write(&script, &[create(Kind::Group, &[("hideFromOutlookClients", json!(true))], ("uniqueName", "k"))])
        .await
        .remove(0)
        .unwrap();
    assert_eq!((done.id, done.unset), (Some("g1".into()), vec!["hideFromOutlookClients".to_owned()]));
}

fn first(to: &str) -> Write {
    Write::FirstMember { group: ObjectRef::group("k1"), to_kind: Kind::User, to: to.into() }
}

/// The create of a group and so many first members, `m0` before all.
fn with_members(count: usize) -> Vec<Write> {
    let members = (0..count).map(|n| first(&format!("m{n}")));
    std::iter::once(create(Kind::Group, &[("displayName", json!("G"))], ("uniqueName", "k1"))).chain(members).collect()
}

/// Graph as far as one group goes: it is made with members that are known, and binds take all or none.
fn upserting(unknown: &'static str, lose_first: bool) -> (Arc<Script>, Arc<Mutex<BTreeSet<String>>>) {
    let (members, mut there, mut lose): (Arc<Mutex<BTreeSet<String>>>, _, _) = (Arc::default(), false, lose_first);
    let has = members.clone();
    let state = Mutex::new(move |asked: &Asked| {
        let wanted = wanted(asked);
        assert!(wanted.len() <= 18, "twenty links at most, and six writes for eighteen");
        let mut has = has.lock().unwrap();
        if wanted.iter().any(|id| id == unknown) {
            return Some(error(
                404,
                "Request_ResourceNotFound",
                &format!("Resource '{unknown}' does not exist or one of its queried"),
            ));
        }
        if wanted.iter().any(|id| has.contains(id)) {
            return Some(error(400, "Request_BadRequest", EXISTS));
        }
        has.extend(wanted);
        if !asked.url.contains("uniqueName=") {
            return None;
        }
        if asked.method == "GET" {
            return Some(Say::Status(200, json!({"id": "g9"})));
        }
        let made = !std::mem::replace(&mut there, true);
        if std::mem::take(&mut lose) {
            return Some(Say::Lost);
        }
        Some(if made { Say::Status(201, json!({"id": "g9"})) } else { Say::Status(204, Json::Null) })
    });
    (ok(move |asked| (*state.lock().unwrap())(asked)), members)
}

#[tokio::test]
async fn a_group_is_made_with_its_first_members() {
    let (script, members) = upserting("nobody", false);
    let done = write(&script, &with_members(20)).await;
    assert!(done.iter().all(|done| done.as_ref().is_ok_and(|done| !done.already)), "{done:?}");
    assert_eq!(done[0].as_ref().unwrap().id, Some("g9".into()));
    assert_eq!(script.lines(), ["PATCH /groups(uniqueName='k1')", "PATCH /groups/g9"]);
    assert_eq!(members.lock().unwrap().len(), 20);
    let body = script.asked.lock().unwrap()[0].body.clone();
    assert_eq!(body["members@odata.bind"][17], json!("https://graph.test/v1.0/users/m17"));
}

#[tokio::test]
async fn a_group_is_made_although_one_of_its_members_is_not_there() {
    let (script, members) = upserting("m3", false);
    let done = write(&script, &with_members(6)).await;
    for (place, done) in done.iter().enumerate() {
        match place {
            4 => assert_eq!(done.as_ref().unwrap_err().fault, Fault::NotFound { id: Some("m3".into()) }),
            _ => assert!(done.as_ref().is_ok_and(|done| !done.already), "{place}: {done:?}"),
        }
    }
    assert_eq!(members.lock().unwrap().len(), 5);
    let made = "PATCH /groups(uniqueName='k1')";
    assert_eq!(script.lines()[..3], [made, made, "PATCH /groups/g9"], "with them, without them, then they");
}

#[tokio::test]
async fn a_member_that_was_made_just_now_follows_its_group() {
    let (script, members) = upserting("nobody", false);
    let (entra, clock) = entra(&script);
    entra.fresh.made(&"m1".into(), clock.now());
    assert!(entra.write(Lane::Bulk, &with_members(3)).await.iter().all(Result::is_ok));
    assert_eq!(script.lines(), ["PATCH /groups(uniqueName='k1')", "POST /groups/g9/members/$ref"]);
    assert_eq!(members.lock().unwrap().len(), 3);
    let body = script.asked.lock().unwrap()[0].body["members@odata.bind"].clone();
    assert_eq!(body.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn members_of_a_group_whose_answer_was_lost_are_proven_one_by_one() {
    let (script, members) = upserting("nobody", true);
    let done = write(&script, &with_members(3)).await;
    assert!(done[0].as_ref().is_ok_and(|done| done.already && done.id == Some("g9".into())), "{done:?}");
    assert!(done[1..].iter().all(|done| done.as_ref().is_ok_and(|done| done.already && done.after_lost_sending)), "{done:?}");
    assert_eq!(members.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_not_made_has_no_members() {
    let script = ok(|_| Some(error(403, "Authorization_RequestDenied", "Insufficient privileges")));
    let done = write(&script, &with_members(2)).await;
    assert!(done.iter().all(|done| done.as_ref().is_err_and(|error| error.fault == Fault::Forbidden)), "{done:?}");
    let script = ok(|_| None);
    let alone = write(&script, &[first("m0")]).await;
    assert!(alone[0].is_err() && script.lines().is_empty(), "{alone:?}");
}

#[tokio::test]
async fn a_role_assignable_group_gets_its_members_when_it_is_there() {
    let script = ok(|_| None);
    let mut writes = with_members(2);
    if let Write::Create(new) = &mut writes[0] {
        new.attributes.insert("isAssignableToRole".into(), json!(true));
    }
    assert!(write(&script, &writes).await.iter().all(Result::is_ok));
    assert_eq!(script.lines(), ["POST /groups", "PATCH /groups/new-1"]);
}

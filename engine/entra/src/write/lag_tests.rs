//! Replicas that do not have yet what we wrote a moment ago.

use std::sync::atomic::{AtomicUsize, Ordering};

use entrain_model::{NewRecord, ObjectRef, WritableDirectory as _};
use serde_json::{Value as Json, json};

use super::*;
use crate::testing::{Say, Script, entra, error};

/// Users are made as `new-1`; the first `lies` other requests are told that it, or a reference, is not there or there already.
fn lagging(lies: usize, code: u16, text: &'static str) -> std::sync::Arc<Script> {
    let told = AtomicUsize::new(0);
    Script::new(move |asked| match (asked.method.as_str(), asked.url.as_str()) {
        ("GET", url) if url.starts_with("/domains") => Say::Status(200, json!({ "value": [] })),
        ("POST", "/users") => Say::Status(201, json!({ "id": "new-1" })),
        ("GET", _) => Say::Status(200, json!({ "id": "g" })),
        _ if told.fetch_add(1, Ordering::SeqCst) < lies => {
            error(code, if code == 404 { "Request_ResourceNotFound" } else { "Request_BadRequest" }, text)
        }
        _ => Say::Status(204, Json::Null),
    })
}

const NEW_MISSING: &str = "Resource 'new-1' does not exist or one of its queried reference-property objects are not present.";
const MEMBER_MISSING: &str = "Resource 'm' does not exist or one of its queried reference-property objects are not present.";
const THERE: &str = "One or more added object references already exist for the following modified properties: 'members'.";

fn create() -> Write {
    let attributes = [("userPrincipalName".to_owned(), json!("a@x.example"))].into();
    Write::Create(NewRecord {
        kind: Kind::User,
        attributes,
        anchor: ("onPremisesImmutableId".into(), "a".into()),
        object: ObjectRef::user("a"),
    })
}

fn update(id: &str) -> Write {
    Write::Update { kind: Kind::User, id: id.into(), attributes: [("jobTitle".to_owned(), json!("x"))].into() }
}

fn add(to: &str) -> Write {
    Write::AddReference { relation: Relation::Member, from: "g".into(), to_kind: Kind::User, to: to.into() }
}

fn remove(to: &str) -> Write {
    Write::RemoveReference { relation: Relation::Member, from: "g".into(), to_kind: Kind::User, to: to.into() }
}

/// How often anything but the create was sent.
fn sent(script: &Script) -> usize {
    script.lines().iter().filter(|line| !line.starts_with("GET") && !line.ends_with("/users")).count()
}

#[tokio::test]
async fn a_record_that_we_have_just_made_is_not_missing() {
    let script = lagging(3, 404, NEW_MISSING);
    let (entra, clock) = entra(&script);
    entra.write(Lane::Direct, &[create()]).await.remove(0).unwrap();
    entra.write(Lane::Direct, &[update("new-1")]).await.remove(0).unwrap();
    assert_eq!((sent(&script), clock.slept().len()), (4, 3));
    let stranger = lagging(3, 404, NEW_MISSING);
    let (entra, _) = crate::testing::entra(&stranger);
    let error = entra.write(Lane::Direct, &[update("new-1")]).await.remove(0).unwrap_err();
    assert_eq!((error.fault, sent(&stranger)), (Fault::NotFound { id: Some("new-1".into()) }, 1));
}

#[tokio::test]
async fn a_new_member_is_waited_for_and_does_not_poison_the_others() {
    let script = lagging(2, 404, NEW_MISSING);
    let (entra, _) = entra(&script);
    entra.write(Lane::Direct, &[create()]).await.remove(0).unwrap();
    let done = entra.write(Lane::Direct, &[add("old"), add("new-1")]).await;
    assert!(done.iter().all(|done| done.as_ref().is_ok_and(|done| !done.already)));
    let binds = script.lines().iter().filter(|line| *line == "PATCH /groups/g").count();
    assert_eq!((binds, sent(&script)), (3, 3), "the same request three times, no single one");
}

#[tokio::test]
async fn a_reference_that_we_have_just_added_is_not_already_gone() {
    let script = lagging(2, 404, MEMBER_MISSING);
    let (entra, _) = entra(&script);
    assert!(entra.write(Lane::Direct, &[remove("m")]).await.remove(0).unwrap().already, "nothing speaks against it");
    let script = lagging(0, 404, MEMBER_MISSING);
    let (entra, _) = crate::testing::entra(&script);
    entra.write(Lane::Direct, &[add("m")]).await.remove(0).unwrap();
    let again = lagging(2, 404, MEMBER_MISSING);
    let other = Entra { client: crate::testing::entra(&again).0.client, ..entra };
    assert!(!other.write(Lane::Direct, &[remove("m")]).await.remove(0).unwrap().already);
    assert_eq!(sent(&again), 3);
}

#[tokio::test]
async fn what_becomes_of_the_links_of_a_lost_request_tells_that_a_sending_was_lost() {
    let mut binds = 0;
    let script = Script::new(move |asked| match (asked.method.as_str(), asked.body["@odata.id"].as_str()) {
        ("PATCH", _) => {
            binds += 1;
            match binds {
                1 => Say::Lost,
                2 => error(404, "Request_ResourceNotFound", MEMBER_MISSING),
                _ => error(400, "Request_BadRequest", THERE),
            }
        }
        (_, Some(to)) if to.ends_with("/c") => Say::Status(204, Json::Null),
        _ => error(400, "Request_BadRequest", THERE),
    });
    let (entra, _) = entra(&script);
    let done = entra.write(Lane::Direct, &["a", "m", "b", "c"].map(add)).await;
    let told = done.into_iter().map(|done| done.map(|done| (done.already, done.after_lost_sending)).unwrap());
    assert_eq!(told.collect::<Vec<_>>(), [(true, true), (true, true), (true, true), (false, false)]);
    assert_eq!(script.lines().iter().filter(|line| line.starts_with("PATCH")).count(), 3, "the others go singly at once");
    let done = crate::testing::entra(&lagging(1, 400, THERE)).0.write(Lane::Direct, &[add("a")]).await.remove(0).unwrap();
    assert!(done.already && !done.after_lost_sending, "nothing was lost");
}

#[tokio::test]
async fn a_reference_that_we_have_just_taken_away_is_not_already_there() {
    let (entra, _) = entra(&lagging(0, 400, THERE));
    entra.write(Lane::Direct, &[remove("m")]).await.remove(0).unwrap();
    let script = lagging(2, 400, THERE);
    let other = Entra { client: crate::testing::entra(&script).0.client, ..entra };
    assert!(!other.write(Lane::Direct, &[add("m")]).await.remove(0).unwrap().already);
    assert_eq!(sent(&script), 3);
}

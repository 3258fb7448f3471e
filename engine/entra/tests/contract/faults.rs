//! A tenant that throttles, fails and cuts connections.

use entrain_model::{DirectoryError, Fault, Kind, Relation, Write, Written};
use serde_json::json;

use crate::stage::{Stage, add, everything, new_group, new_user, remove, update};

#[tokio::test]
async fn a_throttled_part_of_a_batch_is_sent_again_alone() {
    let stage = Stage::new().await;
    let (ann, bob) = (stage.user("ann").await, stage.user("bob").await);
    stage.faults(&json!([{"method": "PATCH", "path": ann.as_str(), "times": 1,
        "action": {"type": "answer", "status": 429, "code": "TooManyRequests", "headers": {"Retry-After": "2"}}}]));
    let done = stage.write(&[update(&ann, json!({"jobTitle": "x"})), update(&bob, json!({"jobTitle": "y"}))]).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    let titles: Vec<_> = stage.state("users").iter().map(|user| user["jobTitle"].clone()).collect();
    assert!(titles.contains(&json!("x")) && titles.contains(&json!("y")));
}

#[tokio::test]
async fn a_part_of_a_batch_whose_token_is_refused_is_done_with_another() {
    let stage = Stage::new().await;
    let (ann, bob) = (stage.user("ann").await, stage.user("bob").await);
    stage.faults(&json!([{"method": "PATCH", "path": ann.as_str(), "times": 1,
        "action": {"type": "answer", "status": 401, "code": "InvalidAuthenticationToken"}}]));
    let done = stage.write(&[update(&ann, json!({"jobTitle": "x"})), update(&bob, json!({"jobTitle": "x"}))]).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert!(stage.state("users").iter().all(|user| user["jobTitle"] == "x"));
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_unknown_and_made_once() {
    for action in [
        json!({"type": "drop", "when": "after"}),
        json!({"type": "answer", "status": 504, "when": "after", "code": "UnknownError"}),
    ] {
        let stage = Stage::new().await;
        stage.faults(&json!([{"method": "POST", "path": "/users$", "times": 1, "action": action}]));
        let error = stage.one(new_user("ann")).await.unwrap_err();
        assert_eq!(error.fault, Fault::OutcomeUnknown, "{error}");
        assert_eq!(stage.state("users").len(), 1);
        assert_eq!(stage.matching(Kind::User, "userPrincipalName", "ann@contoso.example").await.records.len(), 1);
    }
}

#[tokio::test]
async fn an_upsert_whose_answer_is_lost_is_repeated_and_makes_one_group() {
    let stage = Stage::new().await;
    stage.faults(&json!([{"method": "PATCH", "path": "/groups\\(", "times": 1, "action": {"type": "drop", "when": "after"}}]));
    let done = stage.one(new_group("staff")).await.unwrap();
    assert!(done.id.is_some());
    assert_eq!(stage.state("groups").len(), 1);
}

#[tokio::test]
async fn members_added_before_the_answer_was_lost_are_proven() {
    let stage = Stage::new().await;
    let (ann, bob, staff) = (stage.user("ann").await, stage.user("bob").await, stage.group("staff").await);
    stage.faults(&json!([{"method": "PATCH", "path": "/groups/", "times": 1, "action": {"type": "answer", "status": 503, "when": "after"}}]));
    let done = stage.write(&[add(Relation::Member, &staff, &ann), add(Relation::Member, &staff, &bob)]).await;
    assert!(done.iter().all(is_explained), "{done:?}");
}

/// It already was so, perhaps by a sending that was lost, and Graph's id of the request is known.
fn is_explained(done: &Result<Written, DirectoryError>) -> bool {
    done.as_ref().is_ok_and(|done| done.already && done.after_lost_sending && done.request_id.is_some())
}

#[tokio::test]
async fn one_reference_that_was_changed_before_the_answer_was_lost_tells_that_a_sending_was_lost() {
    let stage = Stage::new().await;
    let (ann, bob, staff) = (stage.user("ann").await, stage.user("bob").await, stage.group("staff").await);
    stage.one(add(Relation::Owner, &staff, &ann)).await.unwrap();
    for (method, write) in [
        ("POST", add(Relation::Member, &staff, &ann)),
        ("DELETE", remove(Relation::Member, &staff, &ann)),
        ("POST", add(Relation::Owner, &staff, &bob)),
        ("DELETE", remove(Relation::Owner, &staff, &bob)),
    ] {
        stage.faults(&json!([{"method": method, "path": "ref$", "times": 1, "action": {"type": "drop", "when": "after"}}]));
        let done = stage.one(write.clone()).await;
        assert!(is_explained(&done), "{write:?}: {done:?}");
        let done = stage.one(write.clone()).await.unwrap();
        assert!(done.already && !done.after_lost_sending && done.request_id.is_some(), "{write:?}: {done:?}");
    }
}

#[tokio::test]
async fn a_manager_that_is_another_one_is_told_with_the_request_id() {
    let stage = Stage::new().await;
    let (ann, bob, eve) = (stage.user("ann").await, stage.user("bob").await, stage.user("eve").await);
    stage.one(add(Relation::Manager, &ann, &bob)).await.unwrap();
    let done = stage.one(remove(Relation::Manager, &ann, &eve)).await.unwrap();
    assert!(done.already && !done.after_lost_sending && done.request_id.is_some(), "{done:?}");
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_done() {
    let stage = Stage::new().await;
    let ann = stage.user("ann").await;
    stage.faults(&json!([{"method": "DELETE", "times": 1, "action": {"type": "drop", "when": "after"}}]));
    assert!(stage.one(Write::Delete { kind: Kind::User, id: ann }).await.unwrap().already);
}

#[tokio::test]
async fn a_read_survives_a_page_that_fails_and_never_claims_more_than_it_saw() {
    let stage = Stage::new().await;
    stage.user("ann").await;
    stage.faults(&json!([{"path": "/users/delta", "times": 2, "action": {"type": "answer", "status": 502}}]));
    assert_eq!(stage.ask(everything(Kind::User, None)).await.unwrap().records.len(), 1);
    stage.faults(&json!([{"path": "/users/delta", "action": {"type": "drop"}}]));
    assert_eq!(stage.ask(everything(Kind::User, None)).await.err().unwrap().fault, Fault::Unreachable);
}

#[tokio::test]
async fn writes_to_one_record_at_once_by_others_are_waited_for() {
    let stage = Stage::new().await;
    let ann = stage.user("ann").await;
    stage.faults(&json!([{"method": "PATCH", "times": 2,
        "action": {"type": "answer", "status": 409, "code": "Directory_ConcurrencyViolation"}}]));
    stage.one(update(&ann, json!({"jobTitle": "x"}))).await.unwrap();
}

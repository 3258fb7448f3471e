//! Two persons for one approval, and credentials that end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use entrain_model::{ObjectRef, RunId};
use entrain_store::{AccessKind, Approvers, AuditScope, Choice, NewToken, RunState, Store, StoreError};
use serde_json::json;

on_both!(what_two_must_approve_is_carried_out_by_the_second, a_credential_ends_and_is_renewed_for_the_same_time,);

async fn held(store: &Store) -> RunId {
    let run = begin(store).await;
    store.set_run_digest(&run, "seen").await.unwrap();
    store.finish_run(&run, RunState::Held, &json!({})).await.unwrap();
    run
}

async fn what_two_must_approve_is_carried_out_by_the_second(database: Arc<Database>) {
    let store = with_target(&database).await.approved_by(Approvers::Two);
    let run = held(&store).await;
    let state = async || store.run(&run).await.unwrap().unwrap().state;
    let approve = async |by: &str, digest: &str, choice: &Choice| store.approve(&run, digest, by, choice).await;
    for same in ["ann", " Ann", "ann"] {
        let error = approve(same, "seen", &Choice::All).await.unwrap_err();
        assert!(matches!(error, StoreError::OneOfTwo { .. }), "one person is one: {error}");
        assert_eq!(state().await, RunState::Held);
    }
    assert!(matches!(approve("bob", "other", &Choice::All).await, Err(StoreError::Conflict(_))), "another plan");
    assert!(matches!(approve(" ", "seen", &Choice::All).await, Err(StoreError::Conflict(_))), "nobody");
    let some = Choice::Except(BTreeSet::from([ObjectRef::user("u1")]));
    assert!(matches!(approve("bob", "seen", &some).await, Err(StoreError::OneOfTwo { .. })), "another part of it");
    assert_eq!(state().await, RunState::Held);
    approve("bob", "seen", &Choice::All).await.unwrap();
    assert_eq!(state().await, RunState::Superseded);

    let rows = store.audit(&AuditScope::default(), 0, 100).await.unwrap();
    let told: Vec<_> = rows.iter().filter(|row| row.action.starts_with("approve")).collect();
    let told: Vec<_> = told.iter().map(|row| (row.action.as_str(), row.author.as_str())).collect();
    assert_eq!(told.last(), Some(&("approve", "bob")));
    assert!(told.contains(&("approve_first", "ann")), "{told:?}");

    let store = store.approved_by(Approvers::One);
    let run = held(&store).await;
    store.approve(&run, "seen", "ann", &Choice::All).await.unwrap();
}

async fn a_credential_ends_and_is_renewed_for_the_same_time(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (name, kind, hour) = ("dash", AccessKind::Key, 3_600_000);
    let new = NewToken {
        id: "a".into(),
        kind,
        name: name.into(),
        role: "viewer".into(),
        targets: Some([target()].into()),
        profile: None,
        digest: "d".into(),
        expires_at: Some(store.now() + hour),
    };
    store.add_token(&new).await.unwrap();
    let row = store.token("a").await.unwrap().unwrap();
    assert!(row.is_live(store.now()) && !row.is_live(store.now() + 2 * hour));
    assert_eq!(row.targets, new.targets);

    let renewed = store.rotate_token((kind, name), ("b", "e"), Some(Duration::ZERO)).await.unwrap();
    assert_eq!((renewed.role.as_str(), &renewed.targets), ("viewer", &new.targets));
    assert!((renewed.expires_at.unwrap() - store.now() - hour).abs() < 60_000);
    let old = store.token("a").await.unwrap().unwrap();
    assert!(!old.is_live(store.now()), "without grace it ends at once");
    assert_eq!(store.revoke_tokens(kind, name).await.unwrap(), 1, "what has ended is not revoked again");
    assert_eq!(store.revoke_tokens(AccessKind::Scim, name).await.unwrap(), 0);
    let again = store.rotate_token((kind, name), ("c", "f"), None).await;
    assert!(matches!(again, Err(StoreError::Missing { .. })), "nothing lives that could be renewed");
    assert_eq!(store.tokens(kind, "", 10).await.unwrap().len(), 2);

    let dead = NewToken { id: "c".into(), expires_at: Some(store.now() - 1), ..new };
    store.add_token(&dead).await.unwrap();
    assert!(!store.token("c").await.unwrap().unwrap().is_live(store.now()));
    store.note_use("c", store.now() - 1).await.unwrap();
    let used = store.token("c").await.unwrap().unwrap().used_at;
    store.note_use("c", used.unwrap() - 1).await.unwrap();
    assert_eq!(store.token("c").await.unwrap().unwrap().used_at, used, "a use is noted coarsely");
}

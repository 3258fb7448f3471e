//! Versions of mappings, and the unique values that another mapping would want.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use common::*;
use entrain_model::{Kind, ObjectRef};
use entrain_store::{Clash, DesiredRow, NewVersion, Origin, Reading, StoreError, StoredScript, VersionState, Want};
use serde_json::json;

on_both!(
    one_version_is_in_force_and_all_are_kept,
    files_are_published_once_whoever_sees_them_first,
    values_clash_with_each_other_with_what_is_stored_and_with_records,
    what_an_object_gives_up_clashes_with_nobody,
    stored_rows_are_told_while_they_stand,
);

fn scripts(text: &str) -> Vec<StoredScript> {
    vec![StoredScript { name: "user.rhai".into(), kind: Kind::User, text: text.into() }]
}

async fn one_version_is_in_force_and_all_are_kept(database: Arc<Database>) {
    let store = with_target(&database).await;
    let name = target();
    assert_eq!(store.published_version(&name).await.unwrap(), None);
    assert_eq!(store.publish_files(&name, "d1", &scripts("#{}"), "files").await.unwrap(), Some(1));
    assert_eq!(store.publish_files(&name, "d1", &scripts("#{}"), "files").await.unwrap(), None);
    let text = scripts("#{ a: 1 }");
    let draft = NewVersion { digest: "d2", scripts: &text, origin: Origin::Draft, author: "ann" };
    assert_eq!(store.draft_version(&name, draft).await.unwrap(), 2);
    assert_eq!(store.published_number(&name).await.unwrap(), Some(1), "a draft changes nothing");

    let accepted = json!({ "attributes": {} });
    store.publish_version(&name, 2, "bob", Some(&accepted)).await.unwrap();
    let row = store.published_version(&name).await.unwrap().unwrap();
    assert_eq!(
        (row.version, row.digest.as_str(), row.author.as_str(), row.published_by.as_deref()),
        (2, "d2", "ann", Some("bob"))
    );
    assert_eq!((row.scripts, row.accepted, row.settled_at), (text, Some(accepted), None));
    assert_eq!(store.version(&name, 1).await.unwrap().unwrap().state, VersionState::Superseded);
    assert_eq!(store.files_digest(&name).await.unwrap().as_deref(), Some("d1"), "a draft is not what the files say");
    store.settle_version(&name, 1).await.unwrap();
    assert_eq!(store.published_version(&name).await.unwrap().unwrap().settled_at, None, "only what is in force settles");
    store.settle_version(&name, 2).await.unwrap();
    assert!(store.published_version(&name).await.unwrap().unwrap().settled_at.is_some());

    assert_eq!(store.roll_back_version(&name, 1, "ann").await.unwrap(), 2);
    let states: Vec<_> = store.versions(&name).await.unwrap().into_iter().map(|row| (row.version, row.state)).collect();
    assert_eq!(states, [(2, VersionState::RolledBack), (1, VersionState::Published)]);
    assert_eq!(store.published_version(&name).await.unwrap().unwrap().accepted, None);

    let refused = store.roll_back_version(&name, 1, "ann").await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    for missing in [store.publish_version(&name, 7, "ann", None).await, store.roll_back_version(&name, 7, "ann").await.map(drop)]
    {
        assert!(matches!(missing, Err(StoreError::Missing { .. })), "{missing:?}");
    }
    assert_eq!(store.published_number(&name).await.unwrap(), Some(1), "what was refused left nothing");
    assert_eq!(store.published_number(&"other".into()).await.unwrap(), None, "each target has its own");
}

async fn files_are_published_once_whoever_sees_them_first(database: Arc<Database>) {
    let (one, other) = (with_target(&database).await, database.open().await);
    let (text, name) = (scripts("#{}"), target());
    let publish = |store: entrain_store::Store| {
        let (text, name) = (text.clone(), name.clone());
        tokio::spawn(async move { store.publish_files(&name, "d1", &text, "files").await.unwrap() })
    };
    let (first, second) = (publish(one.clone()), publish(other));
    let mut published = [first.await.unwrap(), second.await.unwrap()];
    published.sort();
    assert_eq!(published, [None, Some(1)]);
    assert_eq!(one.versions(&name).await.unwrap().len(), 1);
}

fn want(id: &str, login: &str, new: bool) -> Want {
    Want { object: ObjectRef::user(id), value: Some(("login".into(), login.into())), new }
}

/// Users of these ids who want `ID@x`, linked to records `r-ID` that have it.
async fn linked(database: &Database, ids: &[&str]) -> entrain_store::Store {
    let store = with_target(database).await;
    let people: Vec<_> = ids.iter().map(|id| user(id)).collect();
    write(&store, &people).await;
    let mut rows: Vec<DesiredRow> = Vec::new();
    for id in ids {
        let object = ObjectRef::user(*id);
        rows.push(present(&object, version(&store, &object).await, &format!("{id}@x")));
    }
    store.put_desired(&target(), &rows).await.unwrap();
    let records: Vec<_> =
        ids.iter().map(|id| record(Kind::User, &format!("r-{id}"), json!({ "login": format!("{id}@x") }))).collect();
    mirror(&store, Kind::User, Reading::Full, 1, &records).await;
    for id in ids {
        link(&store, &ObjectRef::user(*id), &format!("r-{id}")).await;
    }
    store
}

async fn values_clash_with_each_other_with_what_is_stored_and_with_records(database: Arc<Database>) {
    let store = linked(&database, &["a", "b", "c", "d", "e"]).await;
    mirror(&store, Kind::User, Reading::Full, 1, &[record(Kind::User, "r-foreign", json!({ "login": "foreign@x" }))]).await;
    let mut wants = store.wants(&target()).await.unwrap();
    // Two want one value; one wants what an unchanged object has; one wants what a record has that nobody is linked to.
    let new = [want("a", "same@x", true), want("b", "same@x", true), want("c", "d@x", true), want("e", "foreign@x", true)];
    wants.put(&new).await.unwrap();
    let clashes = wants.clashes(10).await.unwrap();
    assert_eq!((clashes.wanted, clashes.held), (2, 1), "{clashes:?}");
    let shown: Vec<_> = clashes
        .first
        .iter()
        .map(|Clash { value, objects, wanted_by, held_by, .. }| {
            let by: Vec<_> = wanted_by.iter().map(|object| object.id.as_str()).collect();
            (value.as_str(), *objects, by.join(","), held_by.as_ref().map(ToString::to_string))
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("d@x", 2, "c,d".into(), None),
            ("same@x", 2, "a,b".into(), None),
            ("foreign@x", 1, "e".into(), Some("r-foreign".to_owned())),
        ]
    );
    let mut again = store.wants(&target()).await.unwrap();
    again.put(&[want("a", "free@x", true)]).await.unwrap();
    assert_eq!(again.clashes(10).await.unwrap(), entrain_store::Clashes::default(), "nothing stays of what was gathered before");
}

async fn what_an_object_gives_up_clashes_with_nobody(database: Arc<Database>) {
    let store = linked(&database, &["a", "b", "c"]).await;
    let mut wants = store.wants(&target()).await.unwrap();
    // Two swap, one leaves; somebody takes what is left.
    let gone = Want { object: ObjectRef::user("c"), value: None, new: false };
    wants.put(&[want("a", "b@x", true), want("b", "c@x", true), gone]).await.unwrap();
    assert_eq!(wants.clashes(10).await.unwrap(), entrain_store::Clashes::default());
    let mut twice = store.wants(&target()).await.unwrap();
    twice.put(&[want("a", "old@x", false), want("b", "old@x", false)]).await.unwrap();
    assert_eq!(twice.clashes(10).await.unwrap().wanted, 0, "what clashed before is not new");
}

async fn stored_rows_are_told_while_they_stand(database: Arc<Database>) {
    let store = linked(&database, &["a", "b", "c"]).await;
    let bodies = async |after: Option<&str>, last: &str, ruling: &str| {
        let after = after.map(Into::into);
        let found = store.standing_bodies(&target(), Kind::User, ruling, after.as_ref(), &last.into()).await.unwrap();
        let mut ids: Vec<_> = found.into_iter().map(|(object, _)| object.id.to_string()).collect();
        ids.sort();
        ids.join(",")
    };
    assert_eq!(bodies(None, "c", "r1").await, "a,b,c");
    assert_eq!(bodies(Some("a"), "b", "r1").await, "b");
    assert_eq!(bodies(None, "c", "r2").await, "");
    write(&store, &[entrain_store::SourceChange::PutUser(entrain_store::UserRow::new("b", "new@x"))]).await;
    assert_eq!(bodies(None, "c", "r1").await, "a,c", "a changed object must be evaluated");
}

//! The source and its change events, whoever writes.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::cloned_ref_to_slice_refs)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use entrain_model::*;
use entrain_store::*;
use serde_json::json;

on_both!(
    a_row_is_read_as_it_was_written,
    writing_the_same_again_writes_nothing,
    plain_sql_emits_events_and_queues,
    deleting_with_plain_sql_leaves_tombstones,
    deleting_a_group_with_plain_sql_leaves_tombstones,
    replacing_a_row_is_an_update,
    another_id_is_another_object,
    a_touch_that_changes_nothing_is_no_event,
    a_broken_document_is_refused_at_the_door,
    a_dropped_writer_changes_nothing,
    a_truncation_is_refused,
    logins_can_be_swapped,
    groups_contain_through_groups,
    another_process_wakes_the_watch,
    this_process_wakes_the_watch_at_once,
    pages_go_on_where_they_ended,
);

fn full_user() -> UserRow {
    UserRow {
        external_id: Some("ada".into()),
        display_name: Some("Ada O'Hara Ünsal".into()),
        given_name: Some("Ada".into()),
        family_name: Some("O'Hara".into()),
        mail: Some("ada@corp.example".into()),
        active: false,
        service_account: true,
        manager: Some("u2".into()),
        target_object_id: Some("11111111-aaaa".into()),
        document: attributes(json!({
            "title": "Engineer", "name": { "middleName": "Q", "givenName": "ignored" }, "displayName": "ignored", "emails": [{ "value": "x" }]
        })),
        ..UserRow::new("u1", "Ada@Corp.Example")
    }
}

async fn a_row_is_read_as_it_was_written(database: Arc<Database>) {
    let store = with_target(&database).await;
    let row = full_user();
    let group =
        GroupRow { description: Some("d".into()), document: attributes(json!({ "kind": "team" })), ..GroupRow::new("g1", "G") };
    write(&store, &[SourceChange::PutUser(row.clone()), SourceChange::PutGroup(group.clone())]).await;
    assert_eq!(store.user_row(&"u1".into()).await.unwrap(), Some(row));
    assert_eq!(store.group_row(&"g1".into()).await.unwrap(), Some(group));
    let records = store.source_records(&[ObjectRef::group("g1"), ObjectRef::user("u1"), ObjectRef::user("none")]).await.unwrap();
    assert_eq!(
        serde_json::to_value(&records[0].attributes).unwrap(),
        json!({
            "id": "u1", "userName": "Ada@Corp.Example", "externalId": "ada", "displayName": "Ada O'Hara Ünsal", "active": false,
            "serviceAccount": true, "mail": "ada@corp.example", "manager": "u2", "targetObjectId": "11111111-aaaa", "title": "Engineer",
            "name": { "givenName": "Ada", "familyName": "O'Hara", "middleName": "Q" }, "emails": [{ "value": "x" }]
        })
    );
    assert_eq!(
        serde_json::to_value(&records[1].attributes).unwrap(),
        json!({ "id": "g1", "displayName": "G", "description": "d", "kind": "team" })
    );
    assert_eq!((records.len(), records[0].version), (2, 1));
}

async fn writing_the_same_again_writes_nothing(database: Arc<Database>) {
    let store = with_target(&database).await;
    let changes =
        [SourceChange::PutUser(full_user()), group("g1"), joins("g1", ObjectRef::user("u1")), joins("g1", ObjectRef::user("u1"))];
    let first = write(&store, &changes).await;
    assert_eq!(first, Applied { inserted: 3, unchanged: 1, ..Applied::default() });
    let events = store.events(0, 100).await.unwrap();
    drain(&store).await;
    let again = write(&store, &changes).await;
    assert_eq!(again, Applied { unchanged: 4, ..Applied::default() });
    assert_eq!(store.events(0, 100).await.unwrap(), events);
    assert_eq!(store.queue_depth(&target()).await.unwrap().rows, 0);
    let changed = write(&store, &[SourceChange::PutUser(UserRow { active: true, ..full_user() })]).await;
    assert_eq!(changed, Applied { updated: 1, ..Applied::default() });
    assert_eq!(drain(&store).await, BTreeSet::from([ObjectRef::user("u1")]));
}

async fn plain_sql_emits_events_and_queues(database: Arc<Database>) {
    let store = with_target(&database).await;
    store.put_target(&"second".into(), Mode::Observe, "c", "m").await.unwrap();
    database.shell(
        "insert into users (id, user_name) values ('u1', 'one@corp.example'), ('u2', 'two@corp.example');
         insert into groups (id, display_name) values ('g1', 'One');
         insert into memberships (group_id, member_id) values ('g1', 'u1');
         update users set active = 0 where id = 'u2';",
    );
    let events: Vec<_> = store.events(0, 100).await.unwrap().into_iter().map(|event| (event.object, event.change)).collect();
    assert_eq!(
        events,
        vec![
            (ObjectRef::user("u1"), ChangeKind::Created),
            (ObjectRef::user("u2"), ChangeKind::Created),
            (ObjectRef::group("g1"), ChangeKind::Created),
            (ObjectRef::group("g1"), ChangeKind::MemberAdded),
            (ObjectRef::user("u2"), ChangeKind::Updated),
        ]
    );
    assert_eq!(store.queue_depth(&"second".into()).await.unwrap().rows, 3, "every target has its own queue");
    assert_eq!(drain(&store).await, BTreeSet::from([ObjectRef::user("u1"), ObjectRef::user("u2"), ObjectRef::group("g1")]));
    assert_eq!(store.queue_depth(&"second".into()).await.unwrap().rows, 3);
    database.shell("delete from memberships where member_id = 'u1'");
    assert_eq!(
        drain(&store).await,
        BTreeSet::from([ObjectRef::user("u1"), ObjectRef::group("g1")]),
        "the member's scope may change"
    );
}

async fn deleting_with_plain_sql_leaves_tombstones(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(
        &store,
        &[
            SourceChange::PutUser(full_user()),
            group("g1"),
            group("g2"),
            joins("g1", ObjectRef::user("u1")),
            SourceChange::PutMembership(Membership { role: Role::Owner, ..member("g2", ObjectRef::user("u1")) }),
            joins("g2", ObjectRef::user("u9")),
        ],
    )
    .await;
    drain(&store).await;
    let before = store.events(0, 100).await.unwrap().last().unwrap().seq;
    database.shell("delete from users where id = 'u1'");
    let events = store.events(before, 100).await.unwrap();
    let mut removed: Vec<_> = events
        .iter()
        .filter(|event| event.change == ChangeKind::MemberRemoved)
        .map(|event| (event.object.clone(), event.row["role"].clone()))
        .collect();
    removed.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(removed, vec![(ObjectRef::group("g1"), json!("member")), (ObjectRef::group("g2"), json!("owner"))]);
    let tombstone = events.iter().find(|event| event.change == ChangeKind::Deleted).unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(tombstone.object, ObjectRef::user("u1"));
    assert_eq!(tombstone.row["user_name"], "Ada@Corp.Example");
    assert_eq!(tombstone.row["document"]["title"], "Engineer");
    assert_eq!(store.source_counts().await.unwrap(), SourceCounts { users: 0, groups: 2, memberships: 1 });
    assert_eq!(store.queue_depth(&target()).await.unwrap().removals, 1);
    let state = &states(&store, &[ObjectRef::user("u1")]).await[0];
    assert_eq!(state.desired, Desired::Absent(Why::Tombstone));
    assert_eq!(drain(&store).await, BTreeSet::from([ObjectRef::user("u1"), ObjectRef::group("g1"), ObjectRef::group("g2")]));
}

async fn deleting_a_group_with_plain_sql_leaves_tombstones(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(
        &store,
        &[user("u1"), group("g1"), group("g2"), joins("g1", ObjectRef::user("u1")), joins("g2", ObjectRef::group("g1"))],
    )
    .await;
    drain(&store).await;
    database.shell("delete from groups where id = 'g1'");
    assert_eq!(store.source_counts().await.unwrap().memberships, 0);
    assert_eq!(drain(&store).await, BTreeSet::from([ObjectRef::user("u1"), ObjectRef::group("g1"), ObjectRef::group("g2")]));
}

async fn replacing_a_row_is_an_update(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), group("g1"), joins("g1", ObjectRef::user("u1"))]).await;
    drain(&store).await;
    let (before, version_before) = (store.events(0, 100).await.unwrap().len(), version(&store, &ObjectRef::user("u1")).await);
    match database.sort {
        Sort::Sqlite => database.shell("insert or replace into users (id, user_name) values ('u1', 'new@corp.example')"),
        Sort::Postgres => database.shell(
            "insert into users (id, user_name) values ('u1', 'new@corp.example') on conflict (id) do update set user_name = excluded.user_name",
        ),
    };
    let events = store.events(0, 100).await.unwrap();
    assert_eq!((events.len(), events.last().unwrap().change), (before + 1, ChangeKind::Updated));
    assert_eq!(version(&store, &ObjectRef::user("u1")).await, version_before + 1);
    assert_eq!(drain(&store).await, BTreeSet::from([ObjectRef::user("u1")]));
    assert_eq!(store.source_counts().await.unwrap().memberships, 1, "the object stays, and so do its memberships");
}

async fn another_id_is_another_object(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), group("g1"), joins("g1", ObjectRef::user("u1"))]).await;
    drain(&store).await;
    database.shell("update users set id = 'u7' where id = 'u1'");
    let states = states(&store, &[ObjectRef::user("u1")]).await;
    assert_eq!(states[0].desired, Desired::Absent(Why::Tombstone));
    assert_eq!(store.source_counts().await.unwrap(), SourceCounts { users: 1, groups: 1, memberships: 0 });
    assert_eq!(drain(&store).await, BTreeSet::from([ObjectRef::user("u1"), ObjectRef::user("u7"), ObjectRef::group("g1")]));
}

async fn a_touch_that_changes_nothing_is_no_event(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), group("g1")]).await;
    drain(&store).await;
    let before = store.events(0, 100).await.unwrap();
    database.shell("update users set updated_at = 1, user_name = user_name; update groups set updated_at = 2");
    assert_eq!(store.events(0, 100).await.unwrap(), before);
    assert_eq!(drain(&store).await, BTreeSet::new());
}

async fn a_broken_document_is_refused_at_the_door(database: Arc<Database>) {
    let store = with_target(&database).await;
    for document in ["{", "[]", "1"] {
        let sql = format!("insert into users (user_name, document) values ('x', '{document}')");
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| database.shell(&sql)));
        assert!(refused.is_err(), "{document}");
    }
    assert_eq!(store.source_counts().await.unwrap().users, 0);
}

/// It fires no row trigger. SQLite has none: there `delete` without a condition fires them.
async fn a_truncation_is_refused(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), group("g1"), joins("g1", ObjectRef::user("u1"))]).await;
    drain(&store).await;
    match database.sort {
        Sort::Postgres => {
            for table in ["users", "groups", "memberships"] {
                let refused =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| database.shell(&format!("truncate {table}"))));
                assert!(refused.is_err(), "{table}");
            }
            assert_eq!(store.source_counts().await.unwrap(), SourceCounts { users: 1, groups: 1, memberships: 1 });
        }
        Sort::Sqlite => {
            database.shell("delete from users; delete from groups");
            assert_eq!(drain(&store).await.len(), 2);
            assert_eq!(store.source_counts().await.unwrap(), SourceCounts::default());
        }
    }
}

async fn a_dropped_writer_changes_nothing(database: Arc<Database>) {
    let store = with_target(&database).await;
    let mut writer = store.source_writer().await.unwrap();
    writer.apply(&[user("u1")]).await.unwrap();
    drop(writer);
    assert_eq!(store.source_counts().await.unwrap().users, 0);
    assert_eq!(write(&store, &[user("u1")]).await.inserted, 1);
    let gone = [SourceChange::RemoveUser("u1".into()), SourceChange::RemoveUser("u1".into())];
    assert_eq!(write(&store, &gone).await, Applied { removed: 1, unchanged: 1, ..Applied::default() });
}

async fn logins_can_be_swapped(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(
        &store,
        &[
            SourceChange::PutUser(UserRow::new("u1", "A@corp.example")),
            SourceChange::PutUser(UserRow::new("u2", "b@corp.example")),
        ],
    )
    .await;
    let swapped = [
        SourceChange::PutUser(UserRow::new("u1", "b@corp.example")),
        SourceChange::PutUser(UserRow::new("u2", "Ä@corp.example")),
    ];
    write(&store, &swapped).await;
    let folded: Vec<String> =
        ["a@corp.example", "b@corp.example", "Ä@corp.example", "ä@corp.example"].map(str::to_owned).to_vec();
    let in_use = store.logins_in_use(&folded).await.unwrap();
    assert_eq!(in_use["b@corp.example"], vec![SourceId::from("u1")]);
    assert_eq!(in_use["Ä@corp.example"], vec![SourceId::from("u2")], "only ASCII is folded, on both databases");
    assert_eq!(in_use.len(), 2);
}

async fn groups_contain_through_groups(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (u1, u2, u3) = (ObjectRef::user("u1"), ObjectRef::user("u2"), ObjectRef::user("u3"));
    write(
        &store,
        &[
            user("u1"),
            user("u2"),
            user("u3"),
            group("g1"),
            group("g2"),
            group("g3"),
            joins("g1", ObjectRef::group("g2")),
            joins("g2", ObjectRef::group("g3")),
            joins("g3", ObjectRef::group("g1")),
            joins("g3", u1.clone()),
            joins("g1", u2.clone()),
            SourceChange::PutMembership(Membership { role: Role::Owner, ..member("g1", u3.clone()) }),
            SourceChange::PutUser(UserRow { manager: Some("u2".into()), ..UserRow::new("u4", "four") }),
        ],
    )
    .await;
    let all = [u1.clone(), u2.clone(), u3.clone(), ObjectRef::group("g2"), ObjectRef::group("g9")];
    let inside = store.within_group(&"g1".into(), &all).await.unwrap();
    assert_eq!(
        inside,
        BTreeSet::from([u1.clone(), u2.clone(), ObjectRef::group("g2")]),
        "an owner is no member, and a cycle ends"
    );
    assert_eq!(store.reports_of(&["u2".into()]).await.unwrap(), vec![ObjectRef::user("u4")]);
    assert_eq!(
        store.containers_of(&[u1.clone(), u3.clone()]).await.unwrap(),
        vec![ObjectRef::group("g1"), ObjectRef::group("g3")]
    );

    let outside = Desired::OutOfScope(Why::NotInScopeGroup);
    let predicate = Desired::OutOfScope(Why::Predicate);
    let rows = [plain(&u1, 1, outside), plain(&u2, 1, predicate), present(&u3, 1, "x"), present(&ObjectRef::user("u4"), 1, "y")];
    store.put_desired(&target(), &rows).await.unwrap();
    let moved = store.scope_changes(&target(), &"g1".into(), 10).await.unwrap();
    assert_eq!(moved, vec![u1, u3, ObjectRef::user("u4")], "inside and recorded as outside; recorded as present and outside");
    assert_eq!(store.scope_changes(&target(), &"g1".into(), 2).await.unwrap().len(), 2);
}

async fn another_process_wakes_the_watch(database: Arc<Database>) {
    let store = with_target(&database).await;
    let mut watch = store.watch().await.unwrap();
    let mut slowest = Duration::ZERO;
    for round in 0..5 {
        // Whatever came before has been seen.
        while tokio::time::timeout(Duration::from_millis(150), watch.changed()).await.is_ok() {}
        let shell = database.clone();
        let written = tokio::task::spawn_blocking(move || {
            shell.shell(&format!("insert into users (user_name) values ('u{round}')"));
            Instant::now()
        });
        let woken = tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.map(|()| Instant::now()).unwrap();
        slowest = slowest.max(woken.saturating_duration_since(written.await.unwrap()));
        assert_eq!(drain(&store).await.len(), 1);
    }
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
}

async fn this_process_wakes_the_watch_at_once(database: Arc<Database>) {
    let store = with_target(&database).await;
    let mut watch = store.watch().await.unwrap();
    let mut slowest = Duration::ZERO;
    for round in 0..12 {
        while tokio::time::timeout(Duration::from_millis(90), watch.changed()).await.is_ok() {}
        let mut writer = store.source_writer().await.unwrap();
        writer.apply(&[user(&format!("u{round}"))]).await.unwrap();
        writer.commit().await.unwrap();
        let committed = Instant::now();
        watch.changed().await;
        slowest = slowest.max(committed.elapsed());
    }
    // A look at the file, every 40 ms, would not be there in time twelve times.
    assert!(slowest < Duration::from_millis(20), "{slowest:?}");
}

async fn pages_go_on_where_they_ended(database: Arc<Database>) {
    let store = with_target(&database).await;
    let ids: Vec<String> = ["Z", "a", "B", "ä", "é", "z", "10", "9", "_", "-"].map(str::to_owned).to_vec();
    write(&store, &ids.iter().map(|id| user(id)).collect::<Vec<_>>()).await;
    write(&store, &ids.iter().map(|id| joins("g", ObjectRef::user(id.as_str()))).collect::<Vec<_>>()).await;
    let mut expected = ids.clone();
    expected.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.source_page(Kind::User, after.as_ref(), 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.object.id.clone());
        seen.extend(page.into_iter().map(|record| record.object.id.to_string()));
    }
    assert_eq!(seen, expected, "ordered by bytes on both databases");
    let (mut members, mut after) = (Vec::new(), None);
    loop {
        let page = store.memberships_of(&"g".into(), after.as_ref(), 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        members.extend(page.into_iter().map(|membership| membership.member.id.to_string()));
    }
    assert_eq!(members, expected);
}

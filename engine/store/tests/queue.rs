//! Targets, queue, leases.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::cloned_ref_to_slice_refs)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use entrain_model::*;
use entrain_store::*;
use serde_json::json;

on_both!(
    a_row_is_due_when_it_is_quiet,
    a_busy_row_is_due_after_a_while,
    a_row_from_the_future_is_due,
    what_was_leased_or_put_off_before_a_clock_was_set_back_is_due,
    a_row_that_moved_is_not_done,
    rows_wait_and_come_back,
    two_workers_never_lease_one_row,
    who_loses_access_is_taken_apart_from_the_others,
    a_lease_runs_out,
    a_target_has_one_full_run,
    a_halt_is_kept_and_its_end_makes_all_due,
    a_target_is_new_once,
    a_new_target_waits_for_writers_under_way,
);

/// Without the times, which are those of the test.
fn plain(due: Vec<Due>) -> Vec<Due> {
    due.into_iter().map(|due| Due { first_at: 0, ..due }).collect()
}

fn rule(quiet: Duration, at_most: Duration) -> DueRule {
    DueRule { of: Who::Others, quiet, at_most }
}

async fn due(store: &Store, quiet: u64, at_most: u64) -> Vec<Due> {
    store.lease_due(&target(), "w", 100, rule(Duration::from_millis(quiet), Duration::from_millis(at_most)), LEASE).await.unwrap()
}

async fn a_row_is_due_when_it_is_quiet(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1")]).await;
    assert_eq!(due(&store, 60_000, 600_000).await, vec![]);
    let next = store.next_due(&target(), rule(Duration::from_secs(60), Duration::from_secs(600))).await.unwrap().unwrap();
    assert!((1..=61_000).contains(&(next - store.now())), "{next}");
    let now = store.next_due(&target(), rule(Duration::ZERO, Duration::from_secs(600))).await.unwrap().unwrap();
    assert!(now <= store.now());
    tokio::time::sleep(Duration::from_millis(5)).await;
    let got = due(&store, 1, 600_000).await;
    assert_eq!(plain(got), vec![Due { object: ObjectRef::user("u1"), version: 1, attempts: 0, first_at: 0 }]);
    assert_eq!(due(&store, 1, 600_000).await, vec![], "it is leased");
    let later = store.next_due(&target(), rule(Duration::ZERO, Duration::ZERO)).await.unwrap().unwrap();
    assert!(later > store.now() + 50_000, "a leased row is not due before its lease ends");
    assert_eq!(store.queue_depth(&target()).await.unwrap().rows, 1);
}

async fn who_loses_access_is_taken_apart_from_the_others(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("stays"), user("leaves"), user("rests"), group("g")]).await;
    let mut rests = UserRow::new("rests", "rests@x.example");
    rests.active = false;
    write(&store, &[SourceChange::RemoveUser("leaves".into()), SourceChange::PutUser(rests)]).await;
    let rule = |of| DueRule { of, quiet: Duration::ZERO, at_most: Duration::ZERO };
    for (of, expected) in [
        (Who::Leavers, vec![ObjectRef::user("leaves"), ObjectRef::user("rests")]),
        (Who::Others, vec![ObjectRef::group("g"), ObjectRef::user("stays")]),
    ] {
        assert!(store.next_due(&target(), rule(of)).await.unwrap().unwrap() <= store.now());
        let due = store.lease_due(&target(), "w", 100, rule(of), LEASE).await.unwrap();
        let mut objects: Vec<_> = due.into_iter().map(|due| due.object).collect();
        objects.sort_by_key(|object| object.id.to_string());
        assert_eq!(objects, expected, "{of:?}");
        store.release(&target(), "w", None).await.unwrap();
    }
}

async fn a_busy_row_is_due_after_a_while(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1")]).await;
    for edit in 0..4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        database.shell(&format!("update users set display_name = 'n{edit}'"));
    }
    assert_eq!(due(&store, 60_000, 600_000).await, vec![]);
    let got = due(&store, 60_000, 20).await;
    assert_eq!(
        plain(got),
        vec![Due { object: ObjectRef::user("u1"), version: 5, attempts: 0, first_at: 0 }],
        "five changes are one row"
    );
}

async fn a_row_from_the_future_is_due(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1")]).await;
    database.shell("update queue set changed_at = changed_at + 3600000, first_at = first_at + 3600000");
    assert!(store.next_due(&target(), rule(QUIET, AT_MOST)).await.unwrap().unwrap() <= store.now());
    assert_eq!(due(&store, 10, 100).await.len(), 1, "a clock that was set back stops nothing");
}

async fn what_was_leased_or_put_off_before_a_clock_was_set_back_is_due(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), user("u2")]).await;
    assert_eq!(due(&store, 0, 0).await.len(), 2);
    assert!(store.claim_target(&target(), "dead", LEASE).await.unwrap());
    store.retry_later(&target(), &[(ObjectRef::user("u1"), 1)], store.now() + 5_000, "busy").await.unwrap();
    // A day later by a clock that then is set right.
    database
        .shell("update leases set until = until + 86400000; update queue set not_before = not_before + 86400000 where id = 'u1'");
    assert!(store.next_due(&target(), rule(Duration::ZERO, AT_MOST)).await.unwrap().unwrap() <= store.now() + 1_000);
    assert_eq!(store.lease(&target(), "other", &[ObjectRef::user("u2")], LEASE).await.unwrap().len(), 1);
    store.release(&target(), "other", None).await.unwrap();
    assert_eq!(store.lease_due(&target(), "other", 10, rule(Duration::ZERO, Duration::ZERO), LEASE).await.unwrap().len(), 2);
    assert!(store.claim_target(&target(), "other", LEASE).await.unwrap(), "the claim of the dead holds nobody up");
}

async fn a_row_that_moved_is_not_done(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), user("u2")]).await;
    let leased = due(&store, 0, 0).await;
    database.shell("update users set display_name = 'again' where id = 'u1'");
    let rows: Vec<_> = leased.iter().map(|due| (due.object.clone(), due.version)).collect();
    store.retry_later(&target(), &[(ObjectRef::user("u1"), 1)], store.now() + 60_000, "late").await.unwrap();
    store.done(&target(), &rows).await.unwrap();
    store.release(&target(), "w", None).await.unwrap();
    assert_eq!(plain(due(&store, 0, 0).await), vec![Due { object: ObjectRef::user("u1"), version: 2, attempts: 0, first_at: 0 }]);
}

async fn rows_wait_and_come_back(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), user("u2")]).await;
    let leased = due(&store, 0, 0).await;
    assert_eq!(leased.len(), 2);
    store.retry_later(&target(), &[(ObjectRef::user("u1"), 1)], store.now() + 60_000, "busy").await.unwrap();
    store.done(&target(), &[(ObjectRef::user("u2"), 1)]).await.unwrap();
    store.release(&target(), "w", Some(&[ObjectRef::user("u1"), ObjectRef::user("u2")])).await.unwrap();
    assert_eq!(due(&store, 0, 0).await, vec![]);
    let depth = store.queue_depth(&target()).await.unwrap();
    assert_eq!((depth.rows, depth.due), (1, 0));
    let next = store.next_due(&target(), rule(Duration::ZERO, Duration::ZERO)).await.unwrap().unwrap();
    assert!((next - store.now() - 60_000).abs() < 2_000);
    database.clock.advance(Duration::from_secs(61));
    if database.sort == Sort::Postgres {
        // The server's clock counts there, and it was not put forward.
        database.shell("update queue set not_before = 0");
    }
    assert_eq!(plain(due(&store, 0, 0).await), vec![Due { object: ObjectRef::user("u1"), version: 1, attempts: 1, first_at: 0 }]);
    store.release(&target(), "w", None).await.unwrap();
    store.retry_later(&target(), &[(ObjectRef::user("u1"), 1)], store.now() + 60_000, "busy").await.unwrap();
    store.enqueue(&target(), &[ObjectRef::user("u1"), ObjectRef::group("g"), ObjectRef::group("g")], 0).await.unwrap();
    let got: BTreeSet<_> = due(&store, 0, 0).await.into_iter().map(|due| (due.object, due.version)).collect();
    assert_eq!(got, BTreeSet::from([(ObjectRef::user("u1"), 2), (ObjectRef::group("g"), 1)]));
}

async fn two_workers_never_lease_one_row(database: Arc<Database>) {
    let store = with_target(&database).await;
    let objects: Vec<_> = (0..400).map(|n| user(&format!("u{n:04}"))).collect();
    write(&store, &objects).await;
    let mut workers = Vec::new();
    for worker in 0..4 {
        // Each is a process of its own: another store, other connections.
        let store = database.open().await;
        workers.push(tokio::spawn(async move {
            let holder = format!("w{worker}");
            let mut mine = Vec::new();
            loop {
                let due = store.lease_due(&target(), &holder, 7, rule(Duration::ZERO, Duration::ZERO), LEASE).await.unwrap();
                if due.is_empty() {
                    return mine;
                }
                let rows: Vec<_> = due.iter().map(|due| (due.object.clone(), due.version)).collect();
                mine.extend(due.into_iter().map(|due| due.object));
                // Half of them end at once, so that leases come free while others look.
                if mine.len() % 2 == 0 {
                    store.done(&target(), &rows).await.unwrap();
                    store
                        .release(&target(), &holder, Some(&rows.into_iter().map(|row| row.0).collect::<Vec<_>>()))
                        .await
                        .unwrap();
                }
            }
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    let distinct: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!((all.len(), distinct.len()), (400, 400), "every row once");
}

async fn a_lease_runs_out(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (u1, u2) = (ObjectRef::user("u1"), ObjectRef::user("u2"));
    let both = [u1.clone(), u2.clone()];
    assert_eq!(store.lease(&target(), "a", &[u1.clone()], LEASE).await.unwrap(), vec![u1.clone()]);
    assert_eq!(store.lease(&target(), "b", &both, LEASE).await.unwrap(), vec![u2.clone()]);
    assert_eq!(store.lease(&target(), "a", &both, LEASE).await.unwrap(), vec![u1.clone()], "one's own is renewed");
    database.shell("update leases set until = until - 600000 where holder = 'b'");
    assert_eq!(store.lease(&target(), "a", &both, LEASE).await.unwrap().len(), 2);
    assert_eq!(store.lease(&target(), "b", &both, LEASE).await.unwrap(), vec![]);
    store.release(&target(), "b", None).await.unwrap();
    assert_eq!(store.lease(&target(), "b", &both, LEASE).await.unwrap(), vec![], "only the holder gives back");
    store.release(&target(), "a", Some(&[u2.clone()])).await.unwrap();
    assert_eq!(store.lease(&target(), "b", &both, LEASE).await.unwrap(), vec![u2]);
}

async fn a_target_has_one_full_run(database: Arc<Database>) {
    let store = with_target(&database).await;
    assert!(store.claim_target(&target(), "a", LEASE).await.unwrap());
    assert!(store.claim_target(&target(), "a", LEASE).await.unwrap(), "renewed");
    assert!(!store.claim_target(&target(), "b", LEASE).await.unwrap());
    assert!(store.claim_target(&"other".into(), "b", LEASE).await.unwrap());
    store.release(&target(), "a", None).await.unwrap();
    assert!(!store.claim_target(&target(), "b", LEASE).await.unwrap(), "the claim outlives the leases of objects");
    store.release_target(&target(), "b").await.unwrap();
    assert!(!store.claim_target(&target(), "b", LEASE).await.unwrap());
    store.release_target(&target(), "a").await.unwrap();
    assert!(store.claim_target(&target(), "b", LEASE).await.unwrap());
    store.release_target(&target(), "b").await.unwrap();

    // Whoever lets the claim run out is dead: its objects are free at once for the next.
    let u1 = vec![ObjectRef::user("u1")];
    assert!(store.claim_target(&target(), "a", Duration::from_millis(20)).await.unwrap());
    assert_eq!(store.lease(&target(), "a", &u1, LEASE).await.unwrap(), u1);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(store.claim_target(&target(), "b", LEASE).await.unwrap());
    assert_eq!(store.lease(&target(), "b", &u1, LEASE).await.unwrap(), u1);
}

async fn a_halt_is_kept_and_its_end_makes_all_due(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1")]).await;
    due(&store, 0, 0).await;
    store.retry_later(&target(), &[(ObjectRef::user("u1"), 1)], store.now() + 600_000, "no").await.unwrap();
    store.release(&target(), "w", None).await.unwrap();
    let halt = Halt {
        kind: HaltKind::Mapping,
        script: Some("user.rhai".into()),
        line: Some(3),
        column: Some(7),
        object: Some(ObjectRef::user("u1")),
        message: "no such property".into(),
        input: Some(json!({ "id": "text" })),
        since: 5,
        leavers_waiting: 2,
    };
    let before = store.target(&target()).await.unwrap().unwrap();
    store.halt(&target(), &halt).await.unwrap();
    let row = store.target(&target()).await.unwrap().unwrap();
    assert_eq!((row.halt, row.epoch), (Some(halt.clone()), before.epoch + 1));
    write(&store, &[user("u2")]).await;
    assert_eq!(store.queue_depth(&target()).await.unwrap().rows, 2, "the queue goes on collecting");
    store.resume(&target()).await.unwrap();
    let row = store.target(&target()).await.unwrap().unwrap();
    assert_eq!((row.halt, row.epoch), (None, before.epoch + 2));
    assert_eq!(due(&store, 0, 0).await.len(), 2);
    let missing = store.halt(&"nowhere".into(), &halt).await.unwrap_err();
    assert_eq!(missing.to_string(), "there is no target `nowhere`");
}

async fn a_target_is_new_once(database: Arc<Database>) {
    let store = with_target(&database).await;
    let put = async |mode, config, mapping| store.put_target(&target(), mode, config, mapping).await.unwrap();
    assert_eq!(put(Mode::Full, "c1", "m1").await, Put::Same);
    assert_eq!(put(Mode::Observe, "c1", "m1").await, Put::Same);
    assert_eq!(put(Mode::Observe, "c2", "m1").await, Put::Changed);
    assert_eq!(put(Mode::Observe, "c2", "m2").await, Put::Changed);
    store.set_next_due(&target(), Some(7)).await.unwrap();
    store.set_last_full(&target(), 6).await.unwrap();
    assert_eq!(put(Mode::Observe, "c2", "m2").await, Put::Same);
    let rows = store.targets().await.unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(
        (row.mode, row.mapping_version.as_str(), row.next_due_at, row.last_full_at),
        (Mode::Observe, "m2", Some(7), Some(6))
    );
}

/// A writer that began before the target was there must not end without a queue row for it.
async fn a_new_target_waits_for_writers_under_way(database: Arc<Database>) {
    let store = database.open().await;
    let other = database.open().await;
    let mut writer = store.source_writer().await.unwrap();
    writer.apply(&[user("u1")]).await.unwrap();
    let putting = tokio::spawn(async move { other.put_target(&target(), Mode::Full, "c", "m").await.unwrap() });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!putting.is_finished(), "the row of the writer would be in no queue and perhaps in no full sync");
    writer.commit().await.unwrap();
    assert_eq!(putting.await.unwrap(), Put::New);
    assert_eq!(store.source_counts().await.unwrap().users, 1);
}

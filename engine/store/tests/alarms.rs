//! Alarms are raised once and cleared once, and what is told of them is not lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use entrain_model::*;
use entrain_store::*;
use serde_json::json;

on_both!(
    an_alarm_is_raised_once_and_cleared_once,
    several_processes_raise_one_alarm,
    a_halt_is_an_alarm_in_the_same_transaction,
    deliveries_are_made_once_taken_once_and_tried_again,
    facts_for_alarms,
);

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

fn alarm(about: &str, level: i64) -> Alarm {
    Alarm {
        kind: AlarmKind::CredentialExpiring,
        about: about.into(),
        level,
        message: format!("{about} at {level}"),
        body: json!({ "key": about }),
    }
}

async fn settle(store: &Store, wanted: &[Alarm]) -> Vec<(Turn, String)> {
    let turned = store.settle_alarms(&target(), AlarmKind::CredentialExpiring, wanted).await.unwrap();
    turned.into_iter().map(|(turn, row)| (turn, row.alarm.about)).collect()
}

async fn an_alarm_is_raised_once_and_cleared_once(database: Arc<Database>) {
    let store = with_target(&database).await;
    assert_eq!(settle(&store, &[]).await, []);
    assert_eq!(settle(&store, &[alarm("a", 1)]).await, [(Turn::Raised, "a".into())]);
    assert_eq!(settle(&store, &[alarm("a", 1)]).await, []);
    let id = store.alarms(None).await.unwrap()[0].id.clone();
    assert_eq!(settle(&store, &[alarm("a", 2)]).await, [(Turn::Graver, "a".into())]);
    assert_eq!(settle(&store, &[alarm("a", 1)]).await, [], "less grave is no news");
    let open = store.alarms(Some(&target())).await.unwrap();
    assert_eq!((open.len(), open[0].id == id, open[0].alarm.message.as_str()), (1, true, "a at 1"));
    let other = store.settle_alarms(&target(), AlarmKind::Holds, &[]).await.unwrap();
    assert!(other.is_empty(), "each sort is settled for itself");
    assert_eq!(settle(&store, &[alarm("b", 1)]).await, [(Turn::Cleared, "a".into()), (Turn::Raised, "b".into())]);
    assert_eq!(store.past_alarms(10).await.unwrap()[0].id, id);
    let gone = store.clear_alarms_beside(&["another".into()]).await.unwrap();
    assert_eq!(gone.len(), 1, "its target is gone");
    assert_eq!(store.clear_alarms_beside(&[]).await.unwrap(), []);
    assert_eq!(database.shell("select count(*) from alarm_events"), "5");
}

async fn several_processes_raise_one_alarm(database: Arc<Database>) {
    with_target(&database).await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let store = database.open().await;
        tasks.push(tokio::spawn(async move {
            let mut turns = 0;
            for _ in 0..5 {
                turns += settle(&store, &[alarm("a", 1)]).await.len();
            }
            turns
        }));
    }
    let mut turns = 0;
    for task in tasks {
        turns += task.await.unwrap();
    }
    assert_eq!(turns, 1);
    assert_eq!(database.shell("select count(*) from alarm_events"), "1");
}

async fn a_halt_is_an_alarm_in_the_same_transaction(database: Arc<Database>) {
    let store = with_target(&database).await;
    let halt = Halt {
        kind: HaltKind::Mapping,
        script: Some("user.rhai".into()),
        line: Some(3),
        column: None,
        object: Some(ObjectRef::user("u1")),
        message: "no such field".into(),
        input: Some(json!({ "title": "(text)" })),
        since: 0,
        leavers_waiting: 2,
    };
    store.halt(&target(), &halt).await.unwrap();
    store.halt(&target(), &halt).await.unwrap();
    let open = store.alarms(None).await.unwrap();
    assert_eq!((open.len(), open[0].alarm.kind, open[0].alarm.message.as_str()), (1, AlarmKind::Halt, "no such field"));
    assert_eq!(open[0].alarm.body["leavers_waiting"], 2);
    assert!(open[0].alarm.body.get("input").is_none());
    store.resume(&target()).await.unwrap();
    assert_eq!(store.alarms(None).await.unwrap(), []);
    assert_eq!(database.shell("select count(*) from alarm_events"), "2", "raised and cleared");
}

async fn deliveries_are_made_once_taken_once_and_tried_again(database: Arc<Database>) {
    let store = with_target(&database).await;
    let both = ["one".to_owned(), "two".to_owned()];
    settle(&store, &[alarm("a", 1)]).await;
    let other = database.open().await;
    let (mine, theirs) = tokio::join!(store.spread_alarms(&both, DAY), other.spread_alarms(&both, DAY));
    mine.unwrap();
    theirs.unwrap();
    assert_eq!(database.shell("select count(*) from deliveries"), "2");
    let (mine, theirs) = tokio::join!(store.take_deliveries("one", MINUTE, 10), other.take_deliveries("one", MINUTE, 10));
    let mut taken = [mine.unwrap(), theirs.unwrap()].concat();
    assert_eq!(taken.len(), 1, "one of the two has it");
    let delivery = taken.pop().unwrap();
    assert_eq!((delivery.attempts, delivery.webhook.as_str()), (1, "one"));
    assert_eq!((&delivery.body["turn"], &delivery.body["alarm"]["about"]), (&json!("raised"), &json!("a")));
    assert!(delivery.until > store.now());
    store.delivery_failed(&delivery, store.now() + 90_000, "503").await.unwrap();
    assert_eq!(store.take_deliveries("one", MINUTE, 10).await.unwrap(), []);
    database.clock.advance(Duration::from_secs(100));
    database.shell("update deliveries set next_at = next_at - 100000");
    let again = store.take_deliveries("one", MINUTE, 10).await.unwrap().pop().unwrap();
    assert_eq!((again.attempts, &again.event), (2, &delivery.event), "the same event again");
    store.delivered(std::slice::from_ref(&again)).await.unwrap();
    let two = store.take_deliveries("two", MINUTE, 10).await.unwrap().pop().unwrap();
    store.give_up_delivery(&two, "410").await.unwrap();
    database.shell("update deliveries set next_at = 0");
    assert_eq!(store.take_deliveries("one", MINUTE, 10).await.unwrap(), []);
    assert_eq!(store.take_deliveries("two", MINUTE, 10).await.unwrap(), []);
    let stand: Vec<_> = store.webhooks().await.unwrap().into_iter().map(|row| (row.webhook, row.waiting, row.given_up)).collect();
    assert_eq!(stand, [("one".into(), 0, 0), ("two".into(), 0, 1)]);
    // What happened while nobody could tell it is told only as long as it is news.
    settle(&store, &[]).await;
    database.shell("update alarm_events set at = at - 172800000 where spread = 0");
    store.spread_alarms(&both, DAY).await.unwrap();
    assert_eq!(store.take_deliveries("one", MINUTE, 10).await.unwrap(), []);
    database.shell("update alarm_events set at = 0; update alarms set cleared_at = 0");
    store.forget_alarms(DAY).await.unwrap();
    let left = database
        .shell("select (select count(*) from deliveries) + (select count(*) from alarm_events) + (select count(*) from alarms)");
    assert_eq!(left, "0");
}

async fn facts_for_alarms(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = begin(&store).await;
    let objects = ["u1", "u2"].map(ObjectRef::user);
    let waits = |other: &str| Hold::WaitingFor(ObjectRef::user(other));
    let holds = [
        (objects[0].clone(), waits("a")),
        (objects[0].clone(), waits("b")),
        (objects[1].clone(), waits("a")),
        (objects[1].clone(), Hold::OnPremisesMastered),
    ];
    store.put_holds(&target(), &run, &holds).await.unwrap();
    let held = store.held_objects(&target(), store.now()).await.unwrap();
    assert_eq!(held, HeldObjects::from([("on_premises_mastered".into(), 1), ("waiting_for".into(), 2)]), "objects, not holds");
    assert!(store.held_objects(&target(), store.now() - 60_000).await.unwrap().is_empty());
    assert_eq!(store.waiting_runs(&target()).await.unwrap(), []);
    store.finish_run(&run, RunState::Held, &json!({ "reasons": ["30 of 40 users would be disabled"] })).await.unwrap();
    let waiting = store.waiting_runs(&target()).await.unwrap();
    assert_eq!((waiting.len(), &waiting[0].run, waiting[0].scope.as_str()), (1, &run, "everything"));
    assert_eq!(waiting[0].reasons, ["30 of 40 users would be disabled"]);
}

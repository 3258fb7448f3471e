//! A leaver is deleted so many days after the source let it go, on both databases; who comes back in time is not.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Condition, ObjectRef, Removal};
use entrain_store::{SourceChange, UserRow};
use entrain_tests::database::{Dialect, psql};
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;

const DAY: u64 = 24 * 3600;

fn user(id: &str) -> SourceChange {
    SourceChange::PutUser(UserRow::new(id, format!("{id}@x.example")))
}

/// Days pass. PostgreSQL has a time of its own: there, what is noted of who left becomes older.
async fn days(rig: &Rig, dialect: Dialect, days: u64) {
    let time = Duration::from_secs(days * DAY);
    match dialect {
        Dialect::Sqlite => rig.pass(time).await,
        Dialect::Postgres => {
            let older = time.as_millis();
            let text = format!("update leavers set left_at = left_at - {older}; update change_events set at = at - {older}");
            psql(rig.url(), &text).unwrap();
        }
    }
}

fn live(memory: &Memory) -> Vec<String> {
    let live = memory.dump().into_iter().filter(|record| record.condition == Condition::Live);
    let mut logins: Vec<_> =
        live.map(|record| record.attributes["userPrincipalName"].as_str().unwrap_or_default().to_owned()).collect();
    logins.sort();
    logins
}

async fn leaves_in_days(dialect: Dialect) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let rig = Rig::new(dialect, memory.clone(), |target| {
        target.policy.user_removal = Removal { delete_after_days: Some(30), ..Removal::DISABLE };
        target.timing.settling = Duration::ZERO;
    });
    let rig = rig.await.unwrap();
    rig.write(&["ann", "bob", "cy"].map(user)).await.unwrap();
    rig.full().await.unwrap();
    rig.write(&["ann", "bob"].map(|id| SourceChange::RemoveUser(id.into()))).await.unwrap();
    let left = rig.full().await.unwrap();
    assert_eq!((left.count("disable"), left.count("delete")), (2, 0), "{dialect:?}: {left:?}");

    days(&rig, dialect, 29).await;
    let early = rig.full().await.unwrap();
    assert!(early.planned.is_empty(), "{dialect:?}: a day too early: {early:?}");
    let noted = rig.store().leavers(&rig.target.name, None, 10).await.unwrap();
    assert_eq!(noted.iter().map(|row| &row.object).collect::<Vec<_>>(), [&ObjectRef::user("ann"), &ObjectRef::user("bob")]);

    rig.write(&[user("bob")]).await.unwrap();
    rig.full().await.unwrap();
    days(&rig, dialect, 2).await;
    let due = rig.full().await.unwrap();
    assert_eq!(due.count("delete"), 1, "{dialect:?}: {due:?}");
    assert_eq!(live(&memory), ["bob@x.example", "cy@x.example"], "{dialect:?}");
    assert!(rig.store().leavers(&rig.target.name, None, 10).await.unwrap().is_empty(), "{dialect:?}: nobody is left to delete");
}

#[tokio::test]
async fn a_leaver_is_deleted_when_its_days_are_over_and_not_before() {
    for dialect in Dialect::all() {
        leaves_in_days(dialect).await;
    }
}

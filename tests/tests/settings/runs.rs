//! A run keeps the configuration that it began with. What it has not begun when that changes is dropped, and queued anew.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use entrain_model::{
    Directory, DirectoryError, Lane, ObjectRef, Pages, Query, Read, Schema, Tenant, WritableDirectory, Write, Written,
};
use entrain_store::{Expected, GroupRow, SettingsChange, SourceChange, Store, UnderWay, UserRow};
use entrain_sync::SyncError;
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;
use serde_json::{Map, json};

const USERS: usize = 20;
/// Groups are made after users.
const ALL: usize = USERS + 5;

/// A directory during whose first write somebody changes the configuration.
struct Interrupted {
    memory: Arc<Memory>,
    change: Mutex<Option<(Store, SettingsChange)>>,
}

#[async_trait]
impl Directory for Interrupted {
    async fn read(&self, query: &Query, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        self.memory.read(query, into).await
    }
    fn schema(&self) -> &Schema {
        self.memory.schema()
    }
    async fn tenant(&self) -> Result<Tenant, DirectoryError> {
        self.memory.tenant().await
    }
}

#[async_trait]
impl WritableDirectory for Interrupted {
    async fn write(&self, lane: Lane, writes: &[Write]) -> Vec<Result<Written, DirectoryError>> {
        let change = self.change.lock().unwrap().take();
        if let Some((store, change)) = change {
            store.change_settings(&[change]).await.unwrap();
        }
        self.memory.write(lane, writes).await
    }
}

fn change(expected: Expected, mode: &str, under_way: UnderWay) -> SettingsChange {
    let body = json!({ "mode": mode }).as_object().cloned();
    SettingsChange { name: "test".into(), body, expected, under_way }
}

/// A run in which the configuration changes at its first write: how it ended, and how many users there are then.
async fn interrupted(dialect: Dialect, under_way: UnderWay) -> (Rig, Arc<Interrupted>, Result<(), SyncError>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let directory = Arc::new(Interrupted { memory, change: Mutex::default() });
    let mut rig = Rig::new(dialect, directory.clone(), |_| {}).await.unwrap();
    rig.store().adopt_settings(&[("test".into(), Map::new())]).await.unwrap();
    rig.configure(|target| target.revision = Some(1)).await.unwrap();
    let user = |n: usize| SourceChange::PutUser(UserRow::new(format!("u{n}"), format!("u{n}@x.example")));
    let group = |n: usize| SourceChange::PutGroup(GroupRow::new(format!("g{n}"), format!("Group {n}")));
    rig.write(&(0..USERS).map(user).chain((USERS..ALL).map(group)).collect::<Vec<_>>()).await.unwrap();
    let change = change(Expected::Revision(1), "upsert", under_way);
    *directory.change.lock().unwrap() = Some((rig.store().clone(), change));
    let ended = rig.full().await.map(drop);
    (rig, directory, ended)
}

#[tokio::test]
async fn effects_of_a_configuration_that_was_replaced_are_dropped_and_queued_anew() {
    for dialect in Dialect::all() {
        let (mut rig, directory, ended) = interrupted(dialect, UnderWay::Drops).await;
        let began = directory.memory.dump().len();
        assert!(began > 0 && began <= USERS, "what was on the wire is done, and nothing after that: {began} {ended:?}");
        let linked = rig.store().links(&rig.target.name, None, ALL).await.unwrap().len();
        assert_eq!(linked, began, "what was on the wire is recorded");

        // The same configuration begins nothing any more, not even for one object that is due.
        let refused = rig.only(&[ObjectRef::group("g20")]).await;
        assert!(matches!(refused, Err(SyncError::Reconfigured(_))), "{refused:?}");
        assert!(matches!(rig.full().await, Err(SyncError::Reconfigured(_))));
        assert_eq!(directory.memory.dump().len(), began);
        assert!(rig.store().queue_depth(&rig.target.name).await.unwrap().rows > 0, "what was dropped waits");

        rig.configure(|target| target.revision = Some(2)).await.unwrap();
        rig.full().await.unwrap();
        assert_eq!(directory.memory.dump().len(), ALL, "the next one goes on where that one stopped");
    }
}

#[tokio::test]
async fn a_change_that_is_nothing_to_a_run_lets_it_go_on() {
    let (rig, directory, ended) = interrupted(Dialect::Sqlite, UnderWay::GoesOn).await;
    ended.unwrap();
    assert_eq!(directory.memory.dump().len(), ALL);
    assert_eq!(rig.store().settings_revision().await.unwrap(), 2);
}

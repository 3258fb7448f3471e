//! What the database does with the configuration, and with a target that is removed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use entrain_model::Mode;
use serde_json::json;

use super::forget::{FORGOTTEN, KEPT};
use super::*;
use crate::store::tests::Still;
use crate::{AuditScope, Halt, HaltKind};

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite://{}/x.sqlite3", folder.path().display()), Arc::new(Still)).await.unwrap();
    (folder, store.acting_as("ann"))
}

fn body(text: Json) -> Map<String, Json> {
    text.as_object().unwrap().clone()
}

fn put(name: &str, text: Json, expected: Expected, under_way: UnderWay) -> SettingsChange {
    SettingsChange { name: name.into(), body: Some(body(text)), expected, under_way }
}

fn removal(name: &str) -> SettingsChange {
    SettingsChange { name: name.into(), body: None, expected: Expected::Present, under_way: UnderWay::Drops }
}

async fn halted(store: &Store, name: &TargetName) {
    let message = "for a test".to_owned();
    let (script, line, column, object, input) = (None, None, None, None, None);
    let halt = Halt { kind: HaltKind::Operator, script, line, column, object, message, input, since: 0, leavers_waiting: 0 };
    store.halt(name, &halt).await.unwrap();
}

#[tokio::test]
async fn a_file_is_taken_once_and_changes_are_all_or_none() {
    let (_folder, store) = store().await;
    assert_eq!(store.settings().await.unwrap(), Settings::default());
    let first = [(TargetName::from("a"), body(json!({ "mode": "observe", "tenant": "t" })))];
    assert_eq!(store.adopt_settings(&first).await.unwrap(), Adopted::Taken);
    assert_eq!(store.adopt_settings(&[]).await.unwrap(), Adopted::Before);
    let settings = store.settings().await.unwrap();
    assert_eq!((settings.revision, settings.targets[0].revision, &settings.targets[0].body), (1, 1, &first[0].1));

    store.put_target(&"a".into(), Mode::Full, "c", "m").await.unwrap();
    let full = json!({ "mode": "full", "tenant": "t" });
    let changes =
        [put("b", json!({}), Expected::Absent, UnderWay::Drops), put("a", full.clone(), Expected::Revision(7), UnderWay::Drops)];
    let refused = store.change_settings(&changes).await.unwrap_err();
    assert_eq!(refused.to_string(), "target `a` was changed since it was read: it is at revision 1 by ann; read it again");
    assert_eq!(store.settings().await.unwrap(), settings, "nothing of it was kept");
    assert_eq!(store.target(&"a".into()).await.unwrap().unwrap().epoch, 1);

    let changes = [changes[0].clone(), put("a", full, Expected::Revision(1), UnderWay::Drops)];
    assert_eq!(store.change_settings(&changes).await.unwrap(), 2);
    let row = store.target(&"a".into()).await.unwrap().unwrap();
    assert_eq!((row.epoch, row.settings), (2, Some(2)), "runs under the configuration before are over");
    let audit = store.audit(&AuditScope::default(), 0, 10).await.unwrap();
    let last = audit.iter().rfind(|row| row.target == Some("a".into())).unwrap();
    assert_eq!((last.action.as_str(), last.author.as_str()), ("settings_changed", "ann"));
    assert_eq!((last.before.len(), last.after.len()), (1, 1), "the tenant is the same: {last:?}");

    store.change_settings(&[put("a", json!({}), Expected::Present, UnderWay::GoesOn)]).await.unwrap();
    assert_eq!(store.target(&"a".into()).await.unwrap().unwrap().epoch, 2, "a run goes on that this is nothing to");
}

#[tokio::test]
async fn a_target_is_removed_when_it_is_halted_and_nobody_works_on_it() {
    let (_folder, store) = store().await;
    let name = TargetName::from("a");
    store.change_settings(&[put("a", json!({}), Expected::Absent, UnderWay::Drops)]).await.unwrap();
    store.put_target(&name, Mode::Full, "c", "m").await.unwrap();
    let refused = store.change_settings(&[removal("a")]).await.unwrap_err().to_string();
    assert!(refused.contains("pause it first"), "{refused}");
    halted(&store, &name).await;
    assert!(store.claim_target(&name, "somebody", Duration::from_secs(30)).await.unwrap());
    let refused = store.change_settings(&[removal("a")]).await.unwrap_err().to_string();
    assert!(refused.contains("a run still works on target `a`"), "{refused}");
    store.release_target(&name, "somebody").await.unwrap();
    store.change_settings(&[removal("a")]).await.unwrap();
    assert_eq!((store.target(&name).await.unwrap(), store.settings().await.unwrap().targets), (None, Vec::new()));
    assert!(matches!(store.change_settings(&[removal("a")]).await, Err(StoreError::Missing { .. })));
}

#[tokio::test]
async fn every_table_that_is_about_targets_is_forgotten_or_kept_on_purpose() {
    let (_folder, store) = store().await;
    let sql = Sql::new(
        "select distinct m.name as name from sqlite_master m, pragma_table_info(m.name) c
         where m.type = 'table' and c.name = 'target'",
    );
    let tables = sql.all(&mut store.read().await.unwrap()).await.unwrap();
    let known: BTreeSet<&str> = FORGOTTEN.into_iter().chain(KEPT).collect();
    let strangers: Vec<_> =
        tables.iter().map(|row| row.str("name").unwrap()).filter(|name| !known.contains(name.as_str())).collect();
    assert_eq!(strangers, Vec::<String>::new());
    assert!(tables.len() > 20);
}

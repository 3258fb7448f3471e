//! A full run evaluates what changed since it was mapped, and everything that what it read for it decides.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Attributes, Condition, Kind, ObjectRef, Removal};
use entrain_store::{GroupRow, Membership, Role, SourceChange, UserRow};
use entrain_sync::Report;
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;
use serde_json::{Value as Json, json};

fn user(id: &str, name: &str, manager: Option<&str>) -> SourceChange {
    let mut row = UserRow::new(id, format!("{id}@x.example"));
    row.display_name = Some(name.to_owned());
    row.manager = manager.map(Into::into);
    SourceChange::PutUser(row)
}

fn group(id: &str) -> SourceChange {
    SourceChange::PutGroup(GroupRow::new(id, id))
}

fn membership(group: &str, member: ObjectRef) -> Membership {
    Membership { group: group.into(), member, role: Role::Member }
}

async fn rig(script: &str) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let mut rig = Rig::new(Dialect::Sqlite, memory.clone(), |_| {}).await.unwrap();
    rig.script(Kind::User, script).await.unwrap();
    (rig, memory)
}

/// The attributes of the live user with this login.
fn record(memory: &Memory, id: &str) -> Attributes {
    let login = json!(format!("{id}@x.example"));
    let live = memory.dump().into_iter().filter(|record| record.condition == Condition::Live);
    live.map(|record| record.attributes).find(|attributes| attributes.get("userPrincipalName") == Some(&login)).unwrap()
}

fn value(memory: &Memory, id: &str, attribute: &str) -> Json {
    record(memory, id).get(attribute).cloned().unwrap_or_default()
}

/// Changes the database as no run would.
fn tamper(rig: &Rig, sql: &str) {
    let file = rig.url().trim_start_matches("sqlite://");
    assert!(Command::new("sqlite3").args(["-cmd", ".timeout 10000", file, sql]).status().unwrap().success());
}

async fn full(rig: &Rig) -> Report {
    let report = rig.full().await.unwrap();
    assert_eq!(report.failed + report.dropped, 0, "{report:?}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unchanged_is_not_evaluated_again() {
    let (rig, memory) = rig("#{ jobTitle: user.displayName }").await;
    rig.write(&[user("a", "Ann", None), user("b", "Bob", None)]).await.unwrap();
    full(&rig).await;
    tamper(&rig, "update desired set body = replace(body, 'Ann', 'Eve')");
    full(&rig).await;
    assert_eq!(value(&memory, "a", "jobTitle"), json!("Eve"), "the stored row was taken as it is");
    rig.write(&[user("a", "Anna", None)]).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "jobTitle"), json!("Anna"));
    assert!(full(&rig).await.done.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managers_record_is_a_dependency() {
    let (rig, memory) = rig("#{ companyName: or_clear(if is_set(manager) { manager.displayName } else { () }) }").await;
    rig.write(&[user("a", "Ann", Some("boss")), user("b", "Bob", None)]).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "companyName"), Json::Null);
    rig.write(&[user("boss", "First", None)]).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "companyName"), json!("First"), "a manager who was missing has come");
    rig.write(&[user("boss", "Second", None)]).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "companyName"), json!("Second"));
    rig.write(&[SourceChange::RemoveUser("boss".into())]).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "companyName"), Json::Null, "the manager is gone");
    assert_eq!(value(&memory, "b", "companyName"), Json::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_and_other_scripts_evaluate_everything() {
    let (mut rig, memory) = rig("#{ companyName: or_clear(target.lookup(\"company\", ())) }").await;
    rig.write(&[user("a", "Ann", None)]).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "companyName"), Json::Null);
    rig.configure(|target| target.settings = Arc::new(json!({ "company": "Contoso" }))).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "companyName"), json!("Contoso"));
    rig.script(Kind::User, "#{ companyName: \"Fabrikam\" }").await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "companyName"), json!("Fabrikam"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_the_scope_with_a_nested_group_is_found() {
    let (mut rig, memory) = rig("#{}").await;
    rig.configure(|target| {
        target.scope.group = Some("outer".into());
        target.policy.user_removal = Removal::DISABLE;
    })
    .await
    .unwrap();
    let nested = membership("outer", ObjectRef::group("inner"));
    let joins = [nested.clone(), membership("inner", ObjectRef::user("a")), membership("outer", ObjectRef::user("b"))];
    rig.write(&[user("a", "Ann", None), user("b", "Bob", None), group("outer"), group("inner")]).await.unwrap();
    rig.write(&joins.map(SourceChange::PutMembership)).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "accountEnabled"), json!(true));
    // The version of the user does not move with it.
    rig.write(&[SourceChange::RemoveMembership(nested.clone())]).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "accountEnabled"), json!(false));
    assert_eq!(value(&memory, "b", "accountEnabled"), json!(true));
    rig.write(&[SourceChange::PutMembership(nested)]).await.unwrap();
    full(&rig).await;
    assert_eq!(value(&memory, "a", "accountEnabled"), json!(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attributes_of_unchanged_objects_are_still_read() {
    let (rig, memory) = rig("#{ extension_1_badge: \"blue\" }").await;
    rig.write(&[user("a", "Ann", None)]).await.unwrap();
    full(&rig).await;
    assert!(full(&rig).await.done.is_empty());
    let id = memory.dump().into_iter().find(|record| record.kind == Kind::User).unwrap().id;
    memory.edit(Kind::User, id.as_str(), &Attributes::from([("extension_1_badge".to_owned(), json!("red"))]));
    memory.expire_cursors();
    // What was just written is not drift yet.
    rig.clock.advance(Duration::from_secs(600));
    full(&rig).await;
    assert_eq!(value(&memory, "a", "extension_1_badge"), json!("blue"), "the drift was seen in a read of everything");
}

//! Leavers, step by step, against the emulated tenant: what is blocked, ended, taken away and deleted, and what is owed when a step fails.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use entrain_emulator::{Emulator, Options, Running};
use entrain_model::{ObjectRef, Removal, Step};
use entrain_store::{GroupRow, Membership, Role, RunState, SourceChange, UserRow};
use entrain_tests::database::Dialect;
use entrain_tests::rig::{MovableClock, Rig};
use entrain_tests::tenant::entra_with;
use serde_json::{Value as Json, json};

async fn rig(emulator: &Running, removal: Removal) -> Rig {
    let clock = Arc::new(MovableClock::default());
    let directory = entra_with(emulator, &emulator.client_secret, clock.clone()).unwrap();
    Rig::at(clock, Dialect::Sqlite, directory, |target| target.policy.user_removal = removal).await.unwrap()
}

fn user(n: usize) -> UserRow {
    let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
    row.display_name = Some(format!("User {n}"));
    row
}

fn record(emulator: &Running, n: usize) -> Json {
    let state = emulator.control("GET", "state?kind=users&top=100", &Json::Null).unwrap();
    let login = format!("user{n}@contoso.example");
    let found = state["value"].as_array().unwrap().iter().find(|user| user["userPrincipalName"] == json!(login));
    found.cloned().unwrap_or_default()
}

/// How often the sessions of anybody were revoked, by the parts of batches too.
fn revocations(emulator: &Running) -> usize {
    let log = emulator.control("GET", "log?after=0&top=100000", &Json::Null).unwrap();
    let revokes = |entry: &Json, key: &str| entry[key].as_str().is_some_and(|path| path.contains("revokeSignInSessions"));
    let parts = |entry: &Json| match entry["requestBody"]["requests"].as_array() {
        Some(parts) => parts.iter().filter(|part| revokes(part, "url")).count(),
        None => usize::from(revokes(entry, "path")),
    };
    log["value"].as_array().unwrap().iter().map(parts).sum()
}

fn members(emulator: &Running) -> usize {
    let state = emulator.control("GET", "state", &Json::Null).unwrap();
    usize::try_from(state["references"].as_u64().unwrap()).unwrap()
}

/// Revocations are refused so many times.
fn refuse_revocations(emulator: &Running, times: u64) {
    let rule = json!([{ "path": "revokeSignInSessions", "times": times,
                        "action": { "type": "answer", "status": 403, "code": "Authorization_RequestDenied" } }]);
    emulator.control("PUT", "faults", &rule).unwrap();
}

const STEPS: Removal =
    Removal { disable: Step::Take, revoke_sessions: Step::Take, remove_from_groups: Step::Take, delete_after_days: Some(30) };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_is_blocked_taken_out_of_groups_and_deleted_days_later() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let rig = rig(&emulator, STEPS).await;
    let member = |n: usize| Membership { group: "g0".into(), member: ObjectRef::user(format!("u{n}")), role: Role::Member };
    let mut changes: Vec<_> = (0..3).map(|n| SourceChange::PutUser(user(n))).collect();
    changes.push(SourceChange::PutGroup(GroupRow::new("g0", "Staff")));
    changes.extend((0..3).map(|n| SourceChange::PutMembership(member(n))));
    rig.write(&changes).await.unwrap();
    rig.full().await.unwrap();
    assert_eq!(members(&emulator), 3);
    rig.write(&[SourceChange::RemoveUser("u0".into())]).await.unwrap();
    rig.direct().await.unwrap();
    rig.full().await.unwrap();
    assert_eq!((record(&emulator, 0)["accountEnabled"].clone(), revocations(&emulator)), (json!(false), 1));
    assert_eq!(members(&emulator), 2, "the leaver is a member no more, the others are");

    rig.clock.advance(Duration::from_secs(29 * 86_400));
    rig.full().await.unwrap();
    assert_eq!(record(&emulator, 0)["accountEnabled"], json!(false), "a day too early");
    rig.clock.advance(Duration::from_secs(2 * 86_400));
    rig.full().await.unwrap();
    assert_eq!(record(&emulator, 0), Json::Null, "in the recycle bin, under another name");
    assert_eq!(revocations(&emulator), 1, "once is enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_that_failed_is_owed_until_it_is_done() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let rig = rig(&emulator, Removal::DISABLE).await;
    rig.write(&[SourceChange::PutUser(user(0)), SourceChange::PutUser(user(1))]).await.unwrap();
    rig.full().await.unwrap();
    refuse_revocations(&emulator, 1);
    rig.write(&[SourceChange::RemoveUser("u0".into())]).await.unwrap();
    rig.direct().await.unwrap();
    assert_eq!((record(&emulator, 0)["accountEnabled"].clone(), revocations(&emulator)), (json!(false), 1), "and it was refused");
    let state = rig.full().await.unwrap().state;
    assert_eq!((state, revocations(&emulator)), (RunState::Converged, 2));
    rig.full().await.unwrap();
    assert_eq!(revocations(&emulator), 2, "once it is done it is not done again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_blocked_in_the_source_loses_the_sessions_too() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let rig = rig(&emulator, Removal::LEAVE).await;
    rig.write(&[SourceChange::PutUser(user(0))]).await.unwrap();
    rig.full().await.unwrap();
    let blocked = UserRow { active: false, ..user(0) };
    rig.write(&[SourceChange::PutUser(blocked)]).await.unwrap();
    rig.direct().await.unwrap();
    assert_eq!((record(&emulator, 0)["accountEnabled"].clone(), revocations(&emulator)), (json!(false), 1));
}

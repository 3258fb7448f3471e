//! The engine against the emulated tenant, over HTTPS, as it runs against the real one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

use std::sync::Arc;
use std::time::Duration;

use entrain_emulator::{Emulator, Options, Running};
use entrain_model::{Kind, ObjectRef, Removal, TargetName};
use entrain_store::{GroupRow, HaltKind, Membership, Role, RunState, SourceChange, UserRow};
use entrain_sync::{Resumed, Target};
use entrain_tests::database::Dialect;
use entrain_tests::rig::Rig;
use entrain_tests::tenant::{entra, entra_with};
use serde_json::{Value as Json, json};

async fn emulator() -> Running {
    Emulator::start(Options::default()).await.unwrap()
}

async fn rig(emulator: &Running, change: impl FnOnce(&mut Target)) -> Rig {
    Rig::new(Dialect::Sqlite, entra(emulator).unwrap(), change).await.unwrap()
}

fn user(n: usize, title: &str) -> SourceChange {
    let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
    row.display_name = Some(format!("User {n}"));
    row.document = [("title".to_owned(), json!(title))].into();
    SourceChange::PutUser(row)
}

/// The requests since `after`: method, path and body of each, the parts of a batch for themselves.
fn requests(emulator: &Running, after: u64) -> Vec<(String, String, Json)> {
    let log = emulator.control("GET", &format!("log?after={after}&top=100000"), &Json::Null).unwrap();
    let mut requests = Vec::new();
    for entry in log["value"].as_array().unwrap() {
        let text = |entry: &Json, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        match entry["requestBody"]["requests"].as_array() {
            Some(parts) => {
                requests.extend(parts.iter().map(|part| (text(part, "method"), text(part, "url"), part["body"].clone())))
            }
            None => requests.push((text(entry, "method"), text(entry, "path"), entry["requestBody"].clone())),
        }
    }
    requests.retain(|(_, path, _)| !path.contains("oauth2"));
    requests
}

fn last(emulator: &Running) -> u64 {
    let log = emulator.control("GET", "log?after=0&top=100000", &Json::Null).unwrap();
    log["value"].as_array().unwrap().last().map_or(0, |entry| entry["sequence"].as_u64().unwrap())
}

fn counts(emulator: &Running) -> Json {
    emulator.control("GET", "state", &Json::Null).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_full_sync_right_after_the_first_writes_nothing() {
    let emulator = emulator().await;
    let rig = rig(&emulator, |_| {}).await;
    let mut changes: Vec<_> = (0..30).map(|n| user(n, "Analyst")).collect();
    changes.push(SourceChange::PutGroup(GroupRow::new("g0", "O'Brien's team")));
    let member = |n: usize| Membership { group: "g0".into(), member: ObjectRef::user(format!("u{n}")), role: Role::Member };
    changes.extend((0..25).map(|n| SourceChange::PutMembership(member(n))));
    rig.write(&changes).await.unwrap();
    let first = rig.full().await.unwrap();
    assert_eq!((first.state, first.count("create"), first.count("add_reference")), (RunState::Converged, 31, 25), "{first:?}");
    let (before, writes) = (emulator.stats().requests, emulator.stats().writes);
    let second = rig.full().await.unwrap();
    assert_eq!((second.state, second.planned.len()), (RunState::Converged, 0), "{second:?}");
    assert_eq!(emulator.stats().writes, writes, "writes of the second run");
    assert!(emulator.stats().requests - before <= 10, "{} requests", emulator.stats().requests - before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_changed_attribute_is_one_patch_with_one_property_and_ten_edits_are_one() {
    let emulator = emulator().await;
    let rig = rig(&emulator, |_| {}).await;
    rig.write(&[user(0, "Analyst")]).await.unwrap();
    rig.full().await.unwrap();
    rig.direct().await.unwrap();
    let after = last(&emulator);
    for n in 0..10 {
        rig.write(&[user(0, &format!("Title {n}"))]).await.unwrap();
    }
    rig.direct().await.unwrap();
    let sent = requests(&emulator, after);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!((sent[0].0.as_str(), &sent[0].2), ("PATCH", &json!({ "jobTitle": "Title 9" })), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_change_is_one_request_and_removal_always_names_the_reference() {
    let emulator = emulator().await;
    let rig = rig(&emulator, |_| {}).await;
    let membership = Membership { group: "g0".into(), member: ObjectRef::user("u0"), role: Role::Member };
    rig.write(&[user(0, "Analyst"), SourceChange::PutGroup(GroupRow::new("g0", "Staff"))]).await.unwrap();
    rig.direct().await.unwrap();
    let after = last(&emulator);
    rig.write(&[SourceChange::PutMembership(membership.clone())]).await.unwrap();
    rig.direct().await.unwrap();
    let added = requests(&emulator, after);
    assert_eq!(added.len(), 1, "{added:?}");
    let after = last(&emulator);
    rig.write(&[SourceChange::RemoveMembership(membership)]).await.unwrap();
    rig.direct().await.unwrap();
    let removed = requests(&emulator, after);
    assert_eq!(removed.len(), 1, "{removed:?}");
    assert!(removed[0].0 == "DELETE" && removed[0].1.ends_with("/$ref"), "{removed:?}");
    assert_eq!(counts(&emulator)["users"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_halts_with_its_code_and_the_right_one_loses_nothing() {
    let emulator = emulator().await;
    let mut rig = Rig::new(Dialect::Sqlite, entra_with(&emulator, "wrong", Arc::default()).unwrap(), |_| {}).await.unwrap();
    rig.write(&[user(0, "Analyst")]).await.unwrap();
    let report = rig.full().await.unwrap();
    let halt = report.halt.expect("halted");
    assert_eq!((report.state, halt.kind), (RunState::Halted, HaltKind::Credential));
    assert!(halt.message.contains("AADSTS7000215"), "{}", halt.message);
    rig.write(&[user(1, "Analyst")]).await.unwrap();
    assert!(rig.direct().await.unwrap().is_empty(), "a halted target takes nothing from the queue");
    assert!(matches!(rig.engine.resume(&rig.target, None).await.unwrap(), Resumed::StillHalted(_)));
    let right = entra(&emulator).unwrap();
    rig.configure(|target| target.directory = right).await.unwrap();
    assert!(matches!(rig.engine.resume(&rig.target, None).await.unwrap(), Resumed::Released));
    rig.direct().await.unwrap();
    assert_eq!(rig.full().await.unwrap().state, RunState::Converged);
    assert_eq!(counts(&emulator)["users"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_token_is_renewed_in_passing() {
    let emulator = emulator().await;
    let rig = rig(&emulator, |_| {}).await;
    rig.write(&[user(0, "Analyst")]).await.unwrap();
    rig.full().await.unwrap();
    emulator.control("POST", "credentials", &json!({ "expireTokens": true })).unwrap();
    rig.write(&[user(0, "Chief")]).await.unwrap();
    let reports = rig.direct().await.unwrap();
    assert_eq!(reports[0].as_ref().unwrap().state, RunState::Converged, "{reports:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_is_answered_with_a_new_token_and_once() {
    let emulator = emulator().await;
    let rig = rig(&emulator, |_| {}).await;
    rig.write(&[user(0, "Analyst"), user(1, "Analyst")]).await.unwrap();
    rig.full().await.unwrap();
    for title in ["Chief", "Director"] {
        let (refused, after) = (refusals(&emulator), last(&emulator));
        emulator.control("POST", "challenge", &json!({})).unwrap();
        rig.write(&[user(0, title), user(1, title)]).await.unwrap();
        let reports = rig.direct().await.unwrap();
        assert_eq!(reports[0].as_ref().unwrap().state, RunState::Converged, "{reports:?}");
        assert_eq!(refusals(&emulator) - refused, 1, "the engine says that it understands challenges, so it is challenged");
        assert_eq!(tokens(&emulator, after), 1);
    }
    let after = last(&emulator);
    rig.write(&[user(0, "Analyst")]).await.unwrap();
    rig.direct().await.unwrap();
    assert_eq!(tokens(&emulator, after), 0, "the token that answered is kept");
}

fn refusals(emulator: &Running) -> u64 {
    emulator.stats().statuses.get(&401).copied().unwrap_or_default()
}

/// How often a token was asked for since `after`.
fn tokens(emulator: &Running, after: u64) -> usize {
    let log = emulator.control("GET", &format!("log?after={after}&top=100000"), &Json::Null).unwrap();
    let asks = |entry: &&Json| entry["path"].as_str().unwrap_or_default().contains("oauth2");
    log["value"].as_array().unwrap().iter().filter(asks).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_data_holds_its_object_alone_and_is_refused_before_the_call() {
    let emulator = emulator().await;
    let rig = rig(&emulator, |_| {}).await;
    let stranger = UserRow { display_name: Some("Stranger".into()), ..UserRow::new("u1", "who@elsewhere.example") };
    let group = GroupRow::new("g0", "Itself");
    let itself = Membership { group: "g0".into(), member: ObjectRef::group("g0"), role: Role::Member };
    rig.write(&[
        user(0, "Analyst"),
        SourceChange::PutUser(stranger),
        user(2, &"x".repeat(129)),
        SourceChange::PutGroup(group),
        SourceChange::PutMembership(itself),
    ])
    .await
    .unwrap();
    let report = rig.full().await.unwrap();
    assert_eq!((report.state, report.count("create"), report.failed), (RunState::Partial, 2, 0), "{report:?}");
    let holds = rig.store().holds(Some(&TargetName::from("test")), None, 10).await.unwrap();
    let text: Vec<_> = holds.iter().map(|row| format!("{}: {}", row.object, row.hold)).collect();
    assert_eq!(holds.len(), 3, "{text:?}");
    assert!(text.iter().any(|line| line.starts_with("user u1") && line.contains("elsewhere.example")), "{text:?}");
    assert!(text.iter().any(|line| line.starts_with("user u2") && line.contains("128")), "{text:?}");
    assert!(text.iter().any(|line| line.starts_with("group g0")), "{text:?}");
    let refused = emulator.stats().statuses.keys().any(|status| *status >= 400);
    assert!(!refused, "nothing was sent that the tenant would refuse: {:?}", emulator.stats().statuses);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_to_creates_make_no_second_record() {
    let emulator = emulator().await;
    let rig = rig(&emulator, |_| {}).await;
    let mut changes: Vec<_> = (0..40).map(|n| user(n, "Analyst")).collect();
    changes.extend((0..10).map(|n| SourceChange::PutGroup(GroupRow::new(format!("g{n}"), format!("Group {}", n % 3)))));
    rig.write(&changes).await.unwrap();
    let rule = |path: &str, method: &str| json!({ "method": method, "path": path, "probability": 0.3, "action": { "type": "drop", "when": "after" } });
    emulator.control("PUT", "faults", &json!([rule("/users$", "POST"), rule("/groups\\(", "PATCH")])).unwrap();
    for _ in 0..3 {
        drop(rig.full().await);
    }
    emulator.control("PUT", "faults", &json!([])).unwrap();
    let mut state = RunState::Running;
    for _ in 0..5 {
        rig.clock.advance(rig.target.timing.settling + Duration::from_secs(1));
        state = rig.full().await.unwrap().state;
    }
    assert_eq!(state, RunState::Converged, "{:?}", rig.store().holds(None, None, 10).await.unwrap());
    assert_eq!((&counts(&emulator)["users"], &counts(&emulator)["groups"]), (&json!(40), &json!(10)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_goes_away_in_the_middle_is_made_true_when_it_is_back() {
    let mut emulator = emulator().await;
    let rig = Arc::new(rig(&emulator, |_| {}).await);
    rig.write(&(0..200).map(|n| user(n, "Analyst")).collect::<Vec<_>>()).await.unwrap();
    let running = tokio::spawn({
        let rig = Arc::clone(&rig);
        async move { rig.full().await.map(|report| report.state) }
    });
    while emulator.stats().writes < 20 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    emulator.stop_listening().await;
    drop(running.await.unwrap());
    emulator.resume_listening().await.unwrap();
    let mut state = RunState::Running;
    for _ in 0..4 {
        rig.clock.advance(rig.target.timing.settling + Duration::from_secs(30));
        state = rig.full().await.unwrap().state;
    }
    assert_eq!(state, RunState::Converged, "{:?}", rig.store().holds(None, None, 10).await.unwrap());
    assert_eq!(counts(&emulator)["users"], 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_usage_location_is_part_of_the_create_and_no_leaver_depends_on_a_licence() {
    let emulator = emulator().await;
    let mut rig = rig(&emulator, |target| target.policy.user_removal = Removal::DISABLE).await;
    rig.script(Kind::User, "#{ usageLocation: \"CH\" }").await.unwrap();
    rig.write(&[user(0, "Analyst")]).await.unwrap();
    rig.full().await.unwrap();
    let sent = requests(&emulator, 0);
    let created: Vec<_> = sent.iter().filter(|(method, path, _)| method == "POST" && path.ends_with("/users")).collect();
    assert_eq!(created.len(), 1, "{sent:?}");
    assert_eq!(created[0].2["usageLocation"], "CH", "without it no licence can be assigned");

    let after = last(&emulator);
    rig.write(&[SourceChange::RemoveUser("u0".into())]).await.unwrap();
    let reports = rig.direct().await.unwrap();
    assert!(reports.iter().all(|report| report.as_ref().is_ok_and(|report| report.failed == 0)), "{reports:?}");
    let sent = requests(&emulator, after);
    assert!(sent.iter().any(|(_, _, body)| body["accountEnabled"] == json!(false)), "{sent:?}");
    assert!(sent.iter().any(|(_, path, _)| path.contains("revokeSignInSessions")), "{sent:?}");
    let licences = |path: &str| path.to_ascii_lowercase().contains("license");
    assert!(!requests(&emulator, 0).iter().any(|(_, path, _)| licences(path)), "no licence is asked for or written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_service_principal_is_never_linked_or_written() {
    let emulator = emulator().await;
    let principals = || emulator.control("GET", "state?kind=servicePrincipals", &Json::Null).unwrap()["value"].clone();
    let before = principals();
    let ours = before.as_array().unwrap().iter().find(|one| one["appId"] == json!(emulator.client_id)).unwrap();
    let id = ours["id"].as_str().unwrap().to_owned();
    let rig = rig(&emulator, |_| {}).await;
    let mut named = UserRow::new("u0", "user0@contoso.example");
    named.display_name = Some("User 0".into());
    named.target_object_id = Some(id.as_str().into());
    let mut group = GroupRow::new("g0", "Staff");
    group.target_object_id = Some(id.as_str().into());
    let owner = Membership { group: "g1".into(), member: ObjectRef::user("u0"), role: Role::Owner };
    rig.write(&[
        SourceChange::PutUser(named),
        SourceChange::PutGroup(group),
        SourceChange::PutGroup(GroupRow::new("g1", "Other")),
    ])
    .await
    .unwrap();
    rig.write(&[SourceChange::PutMembership(owner)]).await.unwrap();
    let after = last(&emulator);
    for _ in 0..2 {
        rig.full().await.unwrap();
        rig.direct().await.unwrap();
    }
    let links = rig.store().link_ids(&rig.target.name, &[ObjectRef::user("u0"), ObjectRef::group("g0")]).await.unwrap();
    assert!(links.values().all(|(linked, _)| linked.as_str() != id), "{links:?}");
    let written = requests(&emulator, after);
    let written: Vec<_> = written.iter().filter(|(method, ..)| method != "GET").collect();
    assert!(!written.is_empty(), "something else was written");
    assert!(written.iter().all(|(_, path, body)| !path.contains(&id) && !body.to_string().contains(&id)), "{written:?}");
    assert_eq!(principals(), before);
}

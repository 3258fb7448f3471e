//! The service as it is left alone: a script that breaks halts its target, the mended one lets it go on, and nothing is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use entrain::config::Config;
use entrain::wiring::{Service, SystemClock};
use entrain_emulator::{Emulator, Options, Running};
use entrain_model::{ObjectRef, TargetName, anchor_value};
use entrain_store::{SourceChange, Store, StoreError, UserRow};
use entrain_tests::command::Unheard;
use entrain_tests::database::{DISK, Database, Dialect};
use entrain_tests::patience::until;
use entrain_tests::server::Server;
use serde_json::Value as Json;

const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: or_clear(user.displayName), accountEnabled: user.active, \
                       mailNickname: local_part(user.userName), jobTitle: or_clear(user.title) }";

fn configuration(folder: &Path, emulator: &Running) -> Config {
    std::fs::write(folder.join("ca.pem"), &emulator.ca_pem).unwrap();
    std::fs::write(folder.join("secret"), &emulator.client_secret).unwrap();
    std::fs::write(folder.join("user.rhai"), SCRIPT).unwrap();
    let text = format!(
        r#"[store]
url = "sqlite://{folder}/entrain.sqlite3"
[[target]]
name = "test"
tenant = "{}"
cloud = "custom"
mode = "full"
endpoints = {{ authority = "{}", graph = "{}", ca_file = "ca.pem" }}
credential = {{ client_id = "{}", secret = {{ file = "secret" }} }}
mapping = {{ users = ["user.rhai"] }}
"#,
        emulator.tenant_id,
        emulator.authority_url,
        emulator.base_url,
        emulator.client_id,
        folder = folder.display(),
    );
    std::fs::write(folder.join("entrain.toml"), text).unwrap();
    Config::load(&folder.join("entrain.toml")).unwrap()
}

async fn hire(store: &Store, n: usize) {
    let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
    row.display_name = Some(format!("User {n}"));
    let mut writer = store.source_writer().await.unwrap();
    writer.apply(&[SourceChange::PutUser(row)]).await.unwrap();
    writer.commit().await.unwrap();
}

fn users(emulator: &Running) -> u64 {
    emulator.control("GET", "state", &Json::Null).unwrap()["users"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_script_halts_and_the_mended_one_lets_the_queue_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let config = configuration(folder.path(), &emulator);
    let clock = Arc::new(SystemClock);
    let store = Store::open(&format!("sqlite://{}/entrain.sqlite3", folder.path().display()), clock.clone()).await.unwrap();
    hire(&store, 0).await;
    let file = folder.path().join("entrain.toml");
    let service = Service::start(&config, Some(&file), store.clone(), clock, Arc::new(Unheard), None).await.unwrap();
    until("the first full sync creates the user", async || users(&emulator) == 1).await;
    hire(&store, 1).await;
    until("direct sync creates the next", async || users(&emulator) == 2).await;

    let name = TargetName::from("test");
    std::fs::write(folder.path().join("user.rhai"), "#{ jobTitle: ").unwrap();
    until("the broken script halts the target", async || store.target(&name).await.unwrap().unwrap().halt.is_some()).await;
    let halt = store.target(&name).await.unwrap().unwrap().halt.unwrap();
    assert!(halt.script.unwrap().ends_with("user.rhai") && halt.line.is_some(), "{}", halt.message);
    hire(&store, 2).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(users(&emulator), 2, "a halted target is not written");

    std::fs::write(folder.path().join("user.rhai"), SCRIPT).unwrap();
    until("the mended script lets it go on", async || users(&emulator) == 3).await;
    assert!(store.target(&name).await.unwrap().unwrap().halt.is_none());
    tokio::time::timeout(Duration::from_secs(30), service.stop()).await.expect("the service ends");
}

async fn serve(folder: &Path, emulator: &Running, store: &Store) -> Service {
    let config = configuration(folder, emulator);
    Service::start(&config, None, store.clone(), Arc::new(SystemClock), Arc::new(Unheard), None).await.unwrap()
}

fn anchors(emulator: &Running) -> Vec<String> {
    let users = emulator.control("GET", "state?kind=users&top=1000", &Json::Null).unwrap();
    let anchor = |user: &Json| user["onPremisesImmutableId"].as_str().unwrap_or("none").to_owned();
    let mut anchors: Vec<String> = users["value"].as_array().unwrap().iter().map(anchor).collect();
    anchors.sort();
    anchors
}

/// Writes a user as another process does, again and again while the database does not take it.
async fn hire_in_the_end(store: &Store, n: usize) {
    let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
    row.display_name = Some(format!("User {n}"));
    until("the database takes a user", async || {
        let Ok(mut writer) = store.source_writer().await else { return false };
        writer.apply(&[SourceChange::PutUser(row.clone())]).await.is_ok() && writer.commit().await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_under_load_is_found_again() {
    // No more than one run may make: on a slow machine all of them may be due at once.
    const USERS: usize = 90;
    if !Dialect::all().contains(&Dialect::Postgres) {
        return;
    }
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::start().unwrap());
    let database = Database::on(&server.url()).unwrap();
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let store = Store::open(database.url(), Arc::new(SystemClock)).await.unwrap();
    // Nothing in this process tells the service of what the other store writes.
    let other = Store::open(database.url(), Arc::new(SystemClock)).await.unwrap();
    let service = serve(folder.path(), &emulator, &store).await;
    for n in 0..USERS {
        hire_in_the_end(&other, n).await;
        if [10, 35, 60].contains(&n) {
            server.crash().unwrap();
        }
    }
    until("everybody is there", async || users(&emulator) == USERS as u64).await;
    let mut expected: Vec<_> = (0..USERS).map(|n| anchor_value(&ObjectRef::user(format!("u{n}")))).collect();
    expected.sort();
    assert_eq!(anchors(&emulator), expected, "everybody once");

    server.crash().unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    hire_in_the_end(&other, USERS).await;
    let began = std::time::Instant::now();
    until("the next one is there", async || users(&emulator) == USERS as u64 + 1).await;
    assert!(began.elapsed() < Duration::from_secs(8), "the service hears of changes again, and does not only look now and then");
    let name = TargetName::from("test");
    until("nothing is open", async || {
        store.queue_depth(&name).await.unwrap().rows == 0 && store.open_effects(&name, i64::MAX).await.unwrap().is_empty()
    })
    .await;
    tokio::time::timeout(Duration::from_secs(30), service.stop()).await.expect("the service ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_disk_was_full_goes_on_by_itself() {
    const USERS: usize = 40;
    if std::env::var(DISK).as_deref() == Ok("no") {
        return;
    }
    let (folder, database) = (tempfile::tempdir().unwrap(), Database::on_small_disk(16).unwrap());
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let store = Store::open(database.url(), Arc::new(SystemClock)).await.unwrap();
    let service = serve(folder.path(), &emulator, &store).await;
    hire(&store, 0).await;
    until("the first one is there", async || users(&emulator) == 1).await;
    for n in 1..USERS {
        hire(&store, n).await;
    }
    let filler = database.folder().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    // A file that is open keeps its space when it is removed.
    drop(file);
    let mut writer = store.source_writer().await.unwrap();
    let row = UserRow::new("late", "late@contoso.example");
    let refused = match writer.apply(&[SourceChange::PutUser(row)]).await {
        Ok(_) => writer.commit().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(users(&emulator) < USERS as u64, "the disk was full before all was done: else nothing was tried");

    std::fs::remove_file(&filler).unwrap();
    until("everybody is there", async || users(&emulator) == USERS as u64).await;
    let mut expected: Vec<_> = (0..USERS).map(|n| anchor_value(&ObjectRef::user(format!("u{n}")))).collect();
    expected.sort();
    assert_eq!(anchors(&emulator), expected, "everybody once");
    tokio::time::timeout(Duration::from_secs(30), service.stop()).await.expect("the service ends");
}

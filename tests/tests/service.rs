//! The service as it is left alone: a script that breaks halts its target, the mended one lets it go on, and nothing is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use entrain::config::Config;
use entrain::wiring::{Service, SystemClock};
use entrain_emulator::{Emulator, Options, Running};
use entrain_model::{ObjectRef, TargetName};
use entrain_store::{SourceChange, Store, UserRow};
use entrain_sync::{Direct, Report, SyncError};
use serde_json::Value as Json;

struct Unheard;

impl Direct for Unheard {
    fn synced(&self, _: &BTreeSet<ObjectRef>, _: &Result<Report, SyncError>) {}
}

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

/// Looks again and again until it is so.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 30 s: {what}");
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

//! The configuration of targets: the database has it, a file is applied to it, and whoever serves goes by it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod runs;
mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use entrain::cli::Exit;
use entrain::config::{Block, Config, written};
use entrain::wiring::{Service, SystemClock};
use entrain_store::{AuditScope, Store};
use entrain_tests::command::Unheard;
use entrain_tests::database::Dialect;
use entrain_tests::patience::until;
use entrain_tests::served::{Served, answer};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

fn file(served: &Served) -> PathBuf {
    served.database.folder().join("entrain.toml")
}

/// Edits the configuration file, as an operator does.
fn edit(served: &Served, from: &str, to: &str) {
    let text = std::fs::read_to_string(file(served)).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(file(served), text.replacen(from, to, 1)).unwrap();
}

async fn asked(served: &Served, method: Method, path: &str, key: &str, body: Option<Json>) -> (u16, Json) {
    served.ask(method, path, key, body.as_ref()).await.unwrap()
}

/// What the target's block says, as the interface shows it.
async fn settings(served: &Served, name: &str, key: &str) -> (Map<String, Json>, i64) {
    let (status, said) = asked(served, GET, &format!("/targets/{name}/settings"), key, None).await;
    assert_eq!(status, 200, "{said}");
    (said["settings"].as_object().unwrap().clone(), said["revision"].as_i64().unwrap())
}

async fn mode(served: &Served, key: &str) -> Json {
    asked(served, GET, "/targets/test", key, None).await.1["mode"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_file_is_told_of_everywhere_and_counts_when_it_is_applied() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 1, "").await.unwrap();
        let key = served.key("root", &["--role", "admin"]).await.unwrap();
        let health = async || {
            let url = served.url().unwrap();
            reqwest::get(format!("{url}/health/ready")).await.unwrap().json::<Json>().await.unwrap()
        };
        assert_eq!(served.entrain(&["config", "apply", "--check"]).await.unwrap().0, Exit::Converged, "it was taken at first");
        assert_eq!(health().await["config_differs"], json!([]));

        edit(&served, "mode = \"full\"", "mode = \"upsert\"");
        until("the service tells of it", async || health().await["config_differs"] == json!(["test"])).await;
        assert_eq!(mode(&served, &key).await, "full", "what is not applied is not in force");
        let url = served.url().unwrap().clone();
        let figures = reqwest::Client::new().get(format!("{url}/metrics")).bearer_auth(&key).send().await.unwrap();
        let figures = figures.text().await.unwrap();
        assert!(figures.contains("entrain_config_differs 1"), "{figures}");
        let (exit, said) = served.entrain(&["config", "apply", "--check"]).await.unwrap();
        assert_eq!(exit, Exit::Partial);
        let difference = json!([{ "key": "mode", "before": "full", "after": "upsert" }]);
        assert_eq!((&said["targets"][0]["differences"], &said["applied"]), (&difference, &json!(false)), "{said}");
        let (_, said) = served.entrain(&["targets"]).await.unwrap();
        assert_eq!((&said["targets"][0]["mode"], &said["config_differs"]), (&json!("full"), &json!(["test"])), "{said}");

        let (exit, said) = served.entrain(&["config", "apply", "--by", "ann"]).await.unwrap();
        assert_eq!((exit, &said["applied"]), (Exit::Converged, &json!(true)), "{said}");
        until("the service goes by it", async || mode(&served, &key).await == "upsert").await;
        assert_eq!(health().await["config_differs"], json!([]));
        let (exit, said) = served.entrain(&["config", "apply"]).await.unwrap();
        assert_eq!((exit, &said["applied"]), (Exit::Converged, &json!(false)), "a second time it changes nothing");
        let audit = served.store.audit(&AuditScope::default(), 0, 500).await.unwrap();
        let change = audit.iter().rfind(|row| row.action == "settings_changed").unwrap();
        assert_eq!(change.author, "ann");
        assert_eq!((change.before.len(), change.after.len()), (1, 1), "{change:?}");
        served.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_file_is_refused_whole_with_its_line() {
    let served = Served::start(Dialect::Sqlite, 0, "").await.unwrap();
    let two = "[[target]]\nname = \"good\"\ntenant = \"t\"\ncredential = { type = \"managed_identity\" }\n\
               [[target]]\nname = \"bad\"\ntenant = \"t\"\nmode = \"everything\"\ncredential = { type = \"managed_identity\" }\n";
    let wrong = [
        (two, ":8: target #2: mode: "),
        (&two.replace("mode = \"everything\"", "schedule = { cron = \"never\" }"), ":8: target #2: schedule.cron: "),
        (&two[..two.len() - 30], ":9: "),
        ("[[targets]]\nname = \"x\"\n", "has no [[target]] block"),
    ];
    let before = served.store.settings().await.unwrap();
    for (text, told) in wrong {
        let more = served.database.folder().join("more.toml");
        std::fs::write(&more, text).unwrap();
        let (exit, said) = served.entrain(&["config", "apply", more.to_str().unwrap()]).await.unwrap();
        assert_eq!(exit, Exit::Usage, "{said}");
        assert!(said.as_str().unwrap().contains(told), "{told} in {said}");
        assert_eq!(served.store.settings().await.unwrap(), before, "nothing of it was taken");
    }
    served.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_replicas_go_by_a_change_and_a_lost_update_is_refused() {
    for dialect in Dialect::all() {
        let served = Served::start(dialect, 1, "").await.unwrap();
        let key = served.key("root", &["--role", "admin"]).await.unwrap();
        let viewer = served.key("eye", &["--role", "viewer"]).await.unwrap();
        let config = Config::load(&file(&served)).unwrap();
        let clock = Arc::new(SystemClock);
        let store = Store::open(served.database.url(), clock.clone()).await.unwrap();
        let other = Service::start(&config, Some(&file(&served)), store, clock, Arc::new(Unheard), None).await.unwrap();
        let url = format!("http://127.0.0.1:{}/api/v1/targets/test", other.http().unwrap().port());
        let there = async |what: &str| {
            let answer = reqwest::Client::new().get(&url).bearer_auth(&key).send().await.unwrap();
            answer.json::<Json>().await.unwrap()[what].clone()
        };
        assert_eq!(there("mode").await, "full");

        let (mut body, revision) = settings(&served, "test", &viewer).await;
        body.insert("mode".to_owned(), json!("create-only"));
        let put = json!({ "settings": body });
        assert_eq!(asked(&served, PUT, "/targets/test/settings", &viewer, Some(put.clone())).await.0, 403);
        let tag = format!("\"{revision}\"");
        let matching = [("if-match", tag.as_str())];
        let answered = served.send(PUT, "/targets/test/settings", &key, &matching, Some(&put)).await.unwrap();
        let etag = answered.headers()["etag"].to_str().unwrap().to_owned();
        let (status, said) = answer(answered).await.unwrap();
        assert_eq!((status, &said["changed_by"]), (200, &json!("root")), "{said}");
        assert_eq!(etag, format!("\"{}\"", said["revision"]));
        assert_eq!(mode(&served, &key).await, "create-only", "whoever answers goes by it already");
        until("the other one goes by it too", async || there("mode").await == "create-only").await;
        let late = served.send(PUT, "/targets/test/settings", &key, &matching, Some(&put)).await.unwrap();
        assert_eq!(answer(late).await.unwrap().0, 412);

        let times = json!({ "cron": "0 0 3 * * *", "time_zone": "Europe/Zurich" });
        assert_eq!(asked(&served, PUT, "/targets/test/schedule", &key, Some(json!({ "cron": "soon" }))).await.0, 422);
        assert_eq!(asked(&served, PUT, "/targets/test/schedule", &key, Some(times.clone())).await, (200, times.clone()));
        assert_eq!(asked(&served, GET, "/targets/test/schedule", &viewer, None).await, (200, times));
        let (_, schedules) = asked(&served, GET, "/schedules", &viewer, None).await;
        assert_eq!(schedules["items"][0]["cron"], "0 0 3 * * *", "{schedules}");
        assert_eq!(mode(&served, &key).await, "create-only", "the rest is as it was");
        other.stop().await;
        served.service.stop().await;
    }
}

const PLANTED: &str = "planted-Zk81-planted";

/// Whether any file of the folder has these bytes.
fn found(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_made_with_a_secret_that_nobody_sees_again_and_removed_without_a_trace_in_its_tenant() {
    let served = Served::start(Dialect::Sqlite, 2, "").await.unwrap();
    let key = served.key("root", &["--role", "admin"]).await.unwrap();
    let users = served.emulator.control("GET", "state", &Json::Null).unwrap()["users"].clone();
    let new = json!({ "name": "more", "settings": {
        "tenant": "contoso.example", "mode": "observe", "cloud": "custom",
        "endpoints": { "authority": "https://127.0.0.1:1", "graph": "https://127.0.0.1:1" },
        "credential": { "client_id": "c", "secret": PLANTED } } });
    let once = [("idempotency-key", "k1")];
    let made = answer(served.send(POST, "/targets", &key, &once, Some(&new)).await.unwrap()).await.unwrap();
    assert_eq!(made.0, 201, "{}", made.1);
    assert_eq!(answer(served.send(POST, "/targets", &key, &once, Some(&new)).await.unwrap()).await.unwrap(), made, "sent again");
    let again = asked(&served, POST, "/targets", &key, Some(new.clone())).await;
    assert_eq!((again.0, &again.1["code"]), (409, &json!("exists")));
    let name = made.1["settings"]["credential"]["secret"]["secret"].as_str().unwrap().to_owned();
    assert!(name.starts_with("target.more."), "{name}");
    assert_eq!(asked(&served, GET, "/targets/more", &key, None).await.0, 200, "it is served at once");
    until("it is loaded", async || served.store.target(&"more".into()).await.unwrap().is_some()).await;

    let (exit, said) = served.entrain(&["config", "export"]).await.unwrap();
    assert_eq!((exit, said["targets"].as_array().unwrap().len()), (Exit::Converged, 2));
    let (_, list) = asked(&served, GET, "/audit", &key, None).await;
    for shown in [&said, &made.1, &list] {
        assert!(!shown.to_string().contains(PLANTED), "{shown}");
    }
    assert!(!found(served.database.folder(), PLANTED), "nowhere in the files of the database");

    // What was read goes back as it is; a new secret takes the place of the old one.
    let (mut body, _) = settings(&served, "more", &key).await;
    assert_eq!(asked(&served, PUT, "/targets/more/settings", &key, Some(json!({ "settings": body }))).await.0, 200);
    body["credential"]["secret"] = json!("another one");
    let (status, said) = asked(&served, PUT, "/targets/more/settings", &key, Some(json!({ "settings": body }))).await;
    let newer = said["settings"]["credential"]["secret"]["secret"].as_str().unwrap();
    assert_eq!((status, newer != name), (200, true), "{said}");
    assert!(served.store.secret(&name).await.unwrap().is_none() && served.store.secret(newer).await.unwrap().is_some());
    let (stale, newer) = ([("if-match", "\"1\"")], newer.to_owned());
    let put = json!({ "settings": body });
    assert_eq!(answer(served.send(PUT, "/targets/more/settings", &key, &stale, Some(&put)).await.unwrap()).await.unwrap().0, 412);
    let secrets = served.store.secrets("", 100).await.unwrap();
    assert_eq!(secrets.iter().map(|row| &row.name).collect::<Vec<_>>(), [&newer], "one that came too late leaves nothing");

    let running = asked(&served, DELETE, "/targets/more", &key, None).await;
    assert_eq!(running.0, 409, "{}", running.1);
    assert_eq!(asked(&served, POST, "/targets/more/pause", &key, Some(json!({ "reason": "it goes" }))).await.0, 200);
    until("it is removed", async || asked(&served, DELETE, "/targets/more", &key, None).await.0 == 204).await;
    assert_eq!(asked(&served, GET, "/targets/more", &key, None).await.0, 404);
    assert!(served.store.target(&"more".into()).await.unwrap().is_none());
    assert!(served.store.secret(&newer).await.unwrap().is_none(), "its secret goes with it");
    assert_eq!(served.emulator.control("GET", "state", &Json::Null).unwrap()["users"], users);
    served.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_network_no_secret_is_sent_elsewhere_and_no_file_of_the_machine_is_named() {
    let served = Served::start(Dialect::Sqlite, 0, "").await.unwrap();
    let key = served.key("root", &["--role", "admin"]).await.unwrap();
    let (body, revision) = settings(&served, "test", &key).await;
    let with = |path: &[&str], value: Json| {
        let mut body = Json::Object(body.clone());
        let mut at = &mut body;
        for step in path {
            at = &mut at[*step];
        }
        *at = value;
        json!({ "settings": body })
    };
    let evil = json!({ "authority": "https://evil.example", "graph": "https://evil.example" });
    let managed = json!({ "type": "managed_identity" });
    for (put, told) in [
        (with(&["endpoints"], evil.clone()), "send its secret with the request"),
        (with(&["endpoints", "graph"], json!("https://evil.example")), "send its secret with the request"),
        (with(&["credential", "secret"], json!({ "file": "/etc/passwd" })), "`credential.secret.file` names a place"),
        (with(&["credential", "secret"], json!({ "env": "HOME" })), "`credential.secret.env` names a place"),
        (with(&["credential", "secret"], json!({ "secret": "hook.sender.x" })), "`credential.secret.secret` names a place"),
        (with(&["mapping", "users"], json!(["../../etc/passwd"])), "`mapping.users` names a place"),
        (with(&["name"], json!("other")), "the name of a target never changes"),
        (with(&["mode"], json!("everything")), "mode: unknown variant `everything`"),
    ] {
        let (status, said) = asked(&served, PUT, "/targets/test/settings", &key, Some(put)).await;
        assert_eq!(status, 422, "{said}");
        assert!(said["detail"].as_str().unwrap().contains(told), "{told} in {said}");
    }
    for settings in [
        json!({ "tenant": "t", "cloud": "custom", "endpoints": evil, "credential": managed }),
        json!({ "tenant": "t", "credential": { "client_id": "c", "certificate_file": "secret" } }),
    ] {
        let new = json!({ "name": "more", "settings": settings });
        let (status, said) = asked(&served, POST, "/targets", &key, Some(new)).await;
        assert_eq!(status, 422, "{said}");
    }
    assert_eq!(settings(&served, "test", &key).await.1, revision, "nothing was changed");
    served.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_and_applied_again_changes_nothing_and_what_is_left_out_stays() {
    for dialect in Dialect::all() {
        let more = "[target.settings]\nwrite_mail = true\ndeep = { n = 3, text = \"a \\\"b\\\"\\n\" }\n[target.limits]\n\
                    delete = { count = 3, percent = 2.5 }\n[[target]]\nname = \"second\"\ntenant = \"t\"\nmode = \"observe\"\n\
                    credential = { type = \"managed_identity\" }\n";
        let served = Served::start(dialect, 0, more).await.unwrap();
        let (_, said) = served.entrain(&["config", "export"]).await.unwrap();
        let blocks: Vec<Block> = said["targets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| Block::new(one["name"].as_str().unwrap().into(), one["settings"].as_object().unwrap().clone()))
            .collect();
        let exported = served.database.folder().join("exported.toml");
        let exported = exported.to_str().unwrap();
        std::fs::write(exported, written(&blocks).unwrap()).unwrap();
        let (exit, said) = served.entrain(&["config", "apply", exported]).await.unwrap();
        assert_eq!((exit, &said["differs"], &said["applied"]), (Exit::Converged, &json!(false), &json!(false)), "{said}");

        std::fs::write(exported, written(&blocks[..1]).unwrap()).unwrap();
        let (exit, said) = served.entrain(&["config", "apply", exported]).await.unwrap();
        assert_eq!((exit, &said["applied"]), (Exit::Partial, &json!(false)), "one is left: {said}");
        let (exit, said) = served.entrain(&["config", "apply", exported, "--prune"]).await.unwrap();
        assert!(exit == Exit::Failure && said.as_str().unwrap().contains("pause it first"), "{exit:?} {said}");
        assert_eq!(served.store.settings().await.unwrap().targets.len(), 2);
        assert_eq!(served.entrain(&["pause", blocks[1].name.as_str(), "--reason", "gone"]).await.unwrap().0, Exit::Converged);
        let pruned = async || served.entrain(&["config", "apply", exported, "--prune"]).await.unwrap().0 == Exit::Converged;
        until("it is removed", pruned).await;
        assert_eq!(served.store.settings().await.unwrap().targets.len(), 1);
        served.service.stop().await;
    }
}

//! Traces over OTLP: a real service, a collector that reads what it is sent, and one that says nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use entrain::config::{Config, TracesConfig};
use entrain::telemetry::Traces;
use entrain_tests::collector::{Collector, Seen};
use entrain_tests::database::Dialect;
use entrain_tests::served::Served;
use reqwest::Method;
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;

fn config(more: &str) -> TracesConfig {
    let text = format!("[store]\nurl = \"sqlite:///tmp/none\"\n{more}");
    Config::parse(&text, Path::new("/tmp/entrain.toml")).unwrap().traces
}

/// Whether a span is part of one of these, however deep.
fn is_within(span: &Seen, wanted: &[Seen], all: &BTreeMap<Vec<u8>, Seen>) -> bool {
    let above = |span: &Seen| all.get(&span.parent).cloned();
    std::iter::successors(above(span), above).any(|one| wanted.iter().any(|wanted| wanted.id == one.id))
}

async fn sync(served: &Served, key: &str) -> String {
    let asked = json!({ "target": "test", "job": "full-sync" });
    let started = served.ask(Method::POST, "/runs", key, Some(&asked)).await.unwrap().1;
    let run = started["run"].as_str().unwrap().to_owned();
    loop {
        let said = served.ask(Method::GET, &format!("/runs/{run}"), key, None).await.unwrap().1;
        if said["finished_at"].is_string() {
            assert_eq!(said["state"], "converged", "{said}");
            return run;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn there_are_none_unless_the_configuration_says_where_they_go() {
    assert!(Traces::begin(&config("")).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_told_to_its_requests_without_anybodys_name_and_a_silent_collector_delays_nothing() {
    let collector = Collector::start().await;
    let told = format!("[traces]\nendpoint = \"{}\"\nheaders = {{ authorization = \"Bearer planted\" }}\n", collector.endpoint);
    let traces = Traces::begin(&config(&told)).unwrap().unwrap();
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let served = Served::start(Dialect::Sqlite, 5, "").await.unwrap();
    let key = served.key("hand", &["--role", "operator"]).await.unwrap();
    let run = sync(&served, &key).await;
    tokio::time::timeout(Duration::from_secs(30), async {
        while !collector.named("run").iter().any(|span| span.attributes["run.id"] == run) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the run is told while the process goes on");
    assert_eq!(collector.headers.lock().unwrap()["authorization"], "Bearer planted");

    // The collector is silent from now on: a sync takes as long as before.
    let before = Instant::now();
    sync(&served, &key).await;
    let usual = before.elapsed();
    collector.is_silent.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let before = Instant::now();
    for _ in 0..3 {
        sync(&served, &key).await;
    }
    assert!(before.elapsed() < usual * 3 + Duration::from_secs(4), "{:?}, usually {usual:?}", before.elapsed());
    collector.is_silent.store(false, Ordering::SeqCst);
    let last = sync(&served, &key).await;
    served.service.stop().await;
    let before = Instant::now();
    traces.end().await;
    assert!(before.elapsed() < Duration::from_secs(12), "{:?}", before.elapsed());

    let runs = collector.named("run");
    assert!(runs.iter().any(|span| span.attributes["run.id"] == last), "what was waiting is sent at the end");
    let first = runs.iter().find(|span| span.attributes["run.id"] == run).unwrap();
    assert_eq!((first.attributes["run.target"].as_str(), first.attributes["run.state"].as_str()), ("test", "converged"));
    let all: BTreeMap<Vec<u8>, Seen> =
        collector.spans.lock().unwrap().iter().map(|span| (span.id.clone(), span.clone())).collect();
    let steps: BTreeSet<String> = collector.named("page").iter().map(|span| span.attributes["page.step"].clone()).collect();
    assert_eq!(steps, ["decide", "map", "read"].map(str::to_owned).into());
    for name in ["page", "batch"] {
        assert!(collector.named(name).iter().any(|span| is_within(span, &runs, &all)), "{name}");
    }
    let batches = collector.named("batch");
    let requests = collector.named("request");
    assert!(requests.iter().any(|span| is_within(span, &batches, &all)), "a write is part of its batch");
    assert!(requests.iter().all(|span| span.attributes.contains_key("http.response.status_code")), "{requests:?}");
    assert!(requests.iter().any(|span| span.attributes.get("request.id").is_some_and(|id| id.len() > 30)), "{requests:?}");
    assert!(all.values().all(|span| span.beside == 0), "a line of the log is no part of a trace");

    let sent = String::from_utf8_lossy(&collector.bytes.lock().unwrap()).into_owned();
    for personal in ["user1", "User 1", "contoso.example", "u1\u{0}", "planted", "Group 0"] {
        assert!(!sent.contains(personal), "{personal} is in a trace");
    }
    assert!(sent.contains("/users"), "the paths themselves are there");
    let names: BTreeSet<&str> = all.values().map(|span| span.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["batch", "page", "request", "run"]));
}

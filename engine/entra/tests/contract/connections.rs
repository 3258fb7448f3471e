//! What the requests travel on.

use entrain_emulator::{Options, Profile};
use entrain_entra::Quota;
use entrain_model::{Lane, TargetId};
use serde_json::{Value as Json, json};

use crate::stage::{Stage, update};

#[tokio::test]
async fn two_hundred_batches_share_few_connections_over_http_2() {
    let options = Options { profile: Profile::Ideal, ..Options::default() };
    let stage = Stage::with(options, |config| {
        config.quota = Quota { writes: 1_000_000, units: 1_000_000 };
        config.concurrency = 8;
    })
    .await;
    let users: Vec<Json> =
        (0..4000).map(|n| json!({ "userPrincipalName": format!("u{n}@contoso.example"), "displayName": "U" })).collect();
    let seeded = stage.seed(&json!({ "users": users }));
    let writes: Vec<_> = seeded["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| update(&TargetId::from(id.as_str().unwrap()), json!({ "jobTitle": "x" })))
        .collect();
    assert!(stage.write_in(Lane::Bulk, &writes).await.iter().all(Result::is_ok));

    let stats = stage.tenant.stats();
    assert!(stats.batches >= 200, "{stats:?}");
    assert_eq!(stats.versions.keys().collect::<Vec<_>>(), ["HTTP/2.0"], "{stats:?}");
    // One for Graph; one more at most where the first requests leave before it is known that it takes them all.
    assert!(stats.connections <= 2, "{stats:?}");
}

#[tokio::test]
async fn whoever_answers_503_is_left_for_a_new_connection() {
    let stage = Stage::with(Options { profile: Profile::Ideal, ..Options::default() }, |_| {}).await;
    let seeded = stage.seed(&json!({ "users": [{ "userPrincipalName": "ann@contoso.example", "displayName": "Ann" }] }));
    let ann = TargetId::from(seeded["users"][0].as_str().unwrap());
    let connections = async |status: u16, title: &str| {
        let before = stage.tenant.stats().connections;
        stage.faults(&json!([{ "method": "PATCH", "times": 2, "action": { "type": "answer", "status": status } }]));
        assert!(stage.write(&[update(&ann, json!({ "jobTitle": title }))]).await.iter().all(Result::is_ok));
        stage.tenant.stats().connections - before
    };
    connections(500, "first").await;
    assert_eq!(connections(500, "second").await, 0, "an error of another sort says nothing about the connection");
    assert_eq!(connections(503, "third").await, 2);
    assert_eq!(connections(500, "fourth").await, 0);
}

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

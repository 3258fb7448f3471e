//! A first full sync of a whole organisation into an empty tenant, and a second one right after it.

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use crate::organisation::organisation;
use crate::process::{Emulator, Quotas, configuration, engine};
use crate::rounded;

/// `users` users without managers, a twentieth as many groups of at most 1,000 members, five memberships for each user.
pub(crate) async fn run(users: u64) -> anyhow::Result<Json> {
    let folder = tempfile::tempdir()?;
    let emulator = Emulator::start(folder.path(), &["--log-kept", "1000", "--profile", "ideal", "--delta-page", "200"]).await?;
    let config = configuration(folder.path(), &emulator, Quotas::Without)?;
    let file = folder.path().join("organisation.jsonl");
    std::fs::write(&file, organisation(users))?;
    let import = engine(&config, &["import", file.to_str().context("path")?]).await?;
    eprintln!("import: {:.1} s, {}", import.seconds, import.report);

    emulator.post("stats/reset", &json!({})).await?;
    let first = engine(&config, &["sync"]).await?;
    let (requests, writes) = emulator.traffic().await?;
    eprintln!("first: {:.1} s, {}", first.seconds, first.report);
    emulator.post("stats/reset", &json!({})).await?;
    let repeat = engine(&config, &["sync"]).await?;
    let (repeat_requests, repeat_writes) = emulator.traffic().await?;
    eprintln!("repeat: {:.1} s, {}", repeat.seconds, repeat.report);
    let state = emulator.get("state").await?;
    Ok(json!({
        "benchmark": "load",
        "users": users, "groups": users / 20, "memberships": users * 5,
        "in_tenant": state,
        "requests": requests, "writes": writes, "seconds": rounded(first.seconds),
        "repeat_requests": repeat_requests, "repeat_writes": repeat_writes, "repeat_seconds": rounded(repeat.seconds),
        "repeat_requests_to_first": rounded(repeat_requests as f64 / requests as f64),
        "peak_rss_mib": rounded(first.peak_rss_mib.max(repeat.peak_rss_mib)),
        "import_seconds": rounded(import.seconds),
    }))
}

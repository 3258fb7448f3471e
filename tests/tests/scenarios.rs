//! Every transcript under `tests/scenarios`, on SQLite.

use std::path::Path;

use anyhow::Context as _;
use entrain_tests::database::Dialect;
use entrain_tests::scenario::{Differences, check, transcripts};
use entrain_tests::stage::Stage;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transcripts_are_as_written() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut running = JoinSet::new();
    for path in transcripts(&folder)? {
        running.spawn(async move {
            let mut stage = Stage::new(Dialect::Sqlite).await.with_context(|| path.display().to_string())?;
            check(&path, &mut stage, Differences::from_environment()).await
        });
    }
    let results = running.join_all().await;
    let mut failed: Vec<String> = results.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    failed.sort();
    anyhow::ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// Those whose statements are of their own, on PostgreSQL too where there is one. Its time is not ours to let pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_and_go_alike_on_postgres() -> anyhow::Result<()> {
    if !Dialect::all().contains(&Dialect::Postgres) {
        return Ok(());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for name in ["leaver_by_policy.txt", "leaver_in_steps.txt", "first_credential.txt"] {
        let mut stage = Stage::new(Dialect::Postgres).await.context(name)?;
        check(&folder.join(name), &mut stage, Differences::Fail).await?;
    }
    Ok(())
}

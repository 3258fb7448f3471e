//! The demonstration: a generated organisation, an emulated tenant, a full sync and a few changes, all on this machine.

mod changes;
mod names;
mod organisation;
mod random;
mod requests;
mod stage;
mod teams;

pub use organisation::{Organisation, Person, PresentGroup, PresentUser};

use std::time::Duration;

use anyhow::Context as _;
use entrain_model::{Reason, Scope};
use entrain_store::RunState;
use entrain_sync::{Ask, Report};
use serde_json::json;

use crate::cli::{Bar, Exit, Output};
use stage::Stage;

/// What is demonstrated.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many people the organisation has.
    pub users: u32,
    /// Which organisation is generated.
    pub seed: u64,
    /// Whether to end with a summary instead of staying up.
    pub once: bool,
}

/// Runs the demonstration.
///
/// # Errors
/// Something of it could not be started or did not go as it should.
pub async fn run(options: &Options, output: &mut Output) -> anyhow::Result<Exit> {
    let stage = Stage::set(options).await?;
    output.line(format!("emulated tenant  {}", stage.emulator.graph_url));
    output.line(format!("source           {}", stage.folder().join("entrain.sqlite3").display()));
    let counts = stage.store.source_counts().await?;
    output.line(format!("organisation     {} users, {} groups, {} memberships", counts.users, counts.groups, counts.memberships));

    output.line("");
    output.line("full sync");
    let first = full(&stage, output).await?;
    let writes = stage.emulator.stats().writes;
    output.line(format!(
        "  created {}, linked {}, updated {}, references {}; {} writes in {} requests",
        first.count("create"),
        first.count("link"),
        first.count("update"),
        first.count("add_reference"),
        writes,
        stage.emulator.stats().requests
    ));
    explain(&first, output);
    let repeat = full(&stage, output).await?;
    let repeat_writes = stage.emulator.stats().writes - writes;
    output.line(format!("  again, right after it: {repeat_writes} writes"));

    output.line("");
    output.line("direct sync: each change of the source is sent at once");
    let latencies = changes::play(&stage, output).await?;
    let p95 = changes::percentile(&latencies, 0.95);
    output.line(format!("  95 of 100 changes were answered by the tenant within {p95:.1} ms of their commit"));
    output.object(&json!({
        "users": counts.users, "groups": counts.groups, "memberships": counts.memberships,
        "created": first.count("create"), "linked": first.count("link"), "updated": first.count("update"),
        "writes": writes, "repeat_writes": repeat_writes, "direct_p95_ms": (p95 * 10.0).round() / 10.0,
    }));
    let exit = Exit::of_run(first.state).max(Exit::of_run(repeat.state));
    if !options.once {
        stay(stage, output).await?;
    }
    Ok(exit)
}

async fn full(stage: &Stage, output: &Output) -> anyhow::Result<Report> {
    let bar = Bar::new(output.form());
    let report = stage.engine.reconcile(&stage.target, Ask::sync(Scope::Everything, Reason::Operator), &bar).await?;
    drop(bar);
    match report.state {
        RunState::Converged | RunState::Partial => Ok(report),
        state @ (RunState::Running
        | RunState::Held
        | RunState::Halted
        | RunState::Planned
        | RunState::Failed
        | RunState::Superseded
        | RunState::Rejected) => anyhow::bail!("the full sync ended as {}: {}", state.as_str(), report.to_json()),
    }
}

fn explain(report: &Report, output: &mut Output) {
    for (code, number) in &report.held {
        output.line(format!("  held: {number} {code}"));
    }
    if report.failed > 0 {
        output.line(format!("  failed: {}", report.failed));
    }
}

/// Keeps everything in step until the process is told to stop, and says where to try things.
async fn stay(stage: Stage, output: &mut Output) -> anyhow::Result<()> {
    let folder = stage.folder().display();
    let service = stage.serve().await?;
    output.line("");
    output.line("The service goes on. From another terminal, for instance:");
    output
        .line(format!("  sqlite3 {folder}/entrain.sqlite3 \"update users set display_name = 'New Name' where id = 'u000003'\""));
    output.line(format!("  entrain --config {folder}/entrain.toml runs"));
    output.line(format!("  curl --cacert {folder}/ca.pem '{}/_emulator/state?kind=users&top=3'", stage.emulator.base_url));
    output.line("Stop it with Ctrl-C; the folder is then removed.");
    tokio::signal::ctrl_c().await.context("signals cannot be received")?;
    tokio::time::timeout(Duration::from_secs(30), service.stop()).await.context("the service did not end within 30 s")?;
    stage.emulator.shutdown().await;
    Ok(())
}

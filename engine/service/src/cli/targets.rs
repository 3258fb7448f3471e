//! `entrain targets`: the targets of the configuration and how they stand.

use serde_json::json;

use super::args::Global;
use super::session::Session;
use super::time::utc_or_dash;
use super::{Exit, Output};

pub(super) async fn run(global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for config in session.targets(None)? {
        let row = session.store.target(&config.name).await?;
        let halted = row.as_ref().is_some_and(|row| row.halt.is_some());
        let last_full = row.as_ref().and_then(|row| row.last_full_at);
        let next_due = row.as_ref().and_then(|row| row.next_due_at);
        let queue = match &row {
            Some(_) => session.store.queue_depth(&config.name).await?.rows,
            None => 0,
        };
        let state = if halted {
            "halted"
        } else if row.is_some() {
            "running"
        } else {
            "new"
        };
        rows.push([
            config.name.to_string(),
            config.tenant.clone(),
            config.mode.as_str().to_owned(),
            state.to_owned(),
            queue.to_string(),
            utc_or_dash(last_full),
            utc_or_dash(next_due),
        ]);
        objects.push(json!({
            "name": config.name, "tenant": config.tenant, "mode": config.mode, "state": state, "queue": queue,
            "last_full_at": utc_or_dash(last_full), "next_due_at": utc_or_dash(next_due),
        }));
    }
    output.table(["TARGET", "TENANT", "MODE", "STATE", "QUEUE", "LAST FULL SYNC", "NEXT"], &rows);
    output.object(&json!({ "targets": objects }));
    Ok(Exit::Converged)
}

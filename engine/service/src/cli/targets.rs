//! `entrain targets`: the targets and how they stand.

use serde_json::json;

use super::args::Global;
use super::session::Session;
use super::{Exit, Output};
use crate::acts::settings::remedy;
use crate::view::TargetState;

pub(super) async fn run(global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for config in session.targets(None)? {
        let state = TargetState::of(&session.store, config).await?;
        let dash = |at: &Option<String>| at.clone().unwrap_or_else(|| "-".to_owned());
        rows.push([
            state.name.clone(),
            state.tenant.clone(),
            state.mode.clone(),
            state.state.as_str().to_owned(),
            state.queue.to_string(),
            dash(&state.last_full_at),
            dash(&state.next_due_at),
        ]);
        objects.push(json!(state));
    }
    output.table(["TARGET", "TENANT", "MODE", "STATE", "QUEUE", "LAST FULL SYNC", "NEXT"], &rows);
    let differing = session.differing().await?;
    if !differing.is_empty() {
        output.line(remedy(Some(&session.file)));
    }
    output.object(&json!({ "targets": objects, "config_differs": differing }));
    Ok(Exit::Converged)
}

//! `entrain halts`: which targets are halted, and why.

use entrain_store::HaltKind;
use serde_json::json;

use super::args::Global;
use super::session::Session;
use super::{Exit, Output, report};
use crate::view::HaltedTarget;

pub(super) async fn run(global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let mut halts = Vec::new();
    for target in session.store.targets().await? {
        let Some(halt) = target.halt else { continue };
        output.line(format_args!("target {} is halted by {}", target.name, cause(halt.kind)));
        report::show_halted(&target.name, &halt, output);
        halts.push(json!(HaltedTarget { target: target.name.to_string(), halt }));
    }
    if halts.is_empty() {
        output.line("no target is halted");
    }
    output.object(&json!({ "halts": halts }));
    Ok(if halts.is_empty() { Exit::Converged } else { Exit::Halted })
}

fn cause(kind: HaltKind) -> &'static str {
    match kind {
        HaltKind::Mapping => "its mapping",
        HaltKind::Credential => "its credential",
        HaltKind::Configuration => "its configuration",
        HaltKind::Operator => "an operator",
    }
}

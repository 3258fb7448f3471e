//! `entrain apply-events`: change events replayed on the source.

use serde_json::json;

use super::args::{EventsArgs, Global};
use super::session::Session;
use super::{Exit, Output};
use crate::import::apply_events;

pub(super) async fn run(args: &EventsArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let replay = apply_events(&session.store, &args.file).await?;
    output.line(format_args!(
        "{}: {} changes of {} events: {} new, {} changed, {} gone, {} unchanged",
        args.file.display(),
        replay.changes,
        replay.events,
        replay.inserted,
        replay.updated,
        replay.removed,
        replay.unchanged
    ));
    output.object(&json!({ "file": args.file, "replayed": replay }));
    Ok(Exit::Converged)
}

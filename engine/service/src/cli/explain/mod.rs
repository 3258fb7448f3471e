//! `entrain explain`: everything about one object.

mod text;

use entrain_model::ObjectRef;
use entrain_sync::{Explanation, Knowledge, Source};
use serde_json::json;

use super::args::{ExplainArgs, ExplainObject, Global};
use super::session::Session;
use super::{Exit, Output};
use crate::{explained, wiring};

pub(super) async fn run(args: &ExplainArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let (object, one) = match &args.object {
        ExplainObject::User(one) => (ObjectRef::user(one.id.as_str()), one),
        ExplainObject::Group(one) => (ObjectRef::group(one.id.as_str()), one),
    };
    let knowledge = if one.fresh { Knowledge::Fresh } else { Knowledge::Remembered };
    let (mut exit, mut explanations) = (Exit::Converged, Vec::new());
    for config in session.targets(one.target.as_deref())? {
        // Not registered in the database: a question must not end a halt, nor make a full sync due.
        let target = wiring::connect_as_published(&session.store, config, session.clock.clone()).await?.target;
        let explanation = session.engine().explain(&target, &object, knowledge).await?;
        output.line(format_args!("{object} in target {} (mode {})", target.name, target.mode.as_str()));
        text::show(&target.name, &explanation, output);
        explanations.push(explained::object(&explanation, &target));
        exit = exit.max(end(&explanation));
    }
    output.object(&json!({ "object": object, "targets": explanations }));
    Ok(exit)
}

/// An object that nobody knows is a mistake in the arguments.
fn end(explanation: &Explanation) -> Exit {
    match &explanation.source {
        Source::Unknown(_) => Exit::Usage,
        Source::Present(..) | Source::Deleted => Exit::Converged,
    }
}

//! `entrain links`: which source object is which target record.

use entrain_model::ObjectRef;
use serde_json::json;

use super::args::{Global, TargetArgs};
use super::session::Session;
use super::{Exit, Output};
use crate::view::Linked;

const PAGE: usize = 500;

pub(super) async fn run(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    output.begin_list(&json!({}), "links");
    let mut first = true;
    for config in session.targets(args.target.as_deref())? {
        let mut after: Option<ObjectRef> = None;
        loop {
            let page = session.store.links(&config.name, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.object.clone());
            for row in &page {
                let anchored = if row.link.anchored { "" } else { ", without our anchor" };
                output.line(format_args!("{}: {} is {}{anchored}", config.name, row.object, row.link.id));
                output.element(first, &json!(Linked::of(config.name.as_str(), row)));
                first = false;
            }
        }
    }
    output.end_list();
    if first {
        output.line("nothing is linked yet");
    }
    Ok(Exit::Converged)
}

//! `entrain holds`: objects that nothing is done about, and why.

use entrain_model::TargetName;
use entrain_store::HoldRow;
use serde_json::json;

use super::args::{Global, TargetArgs};
use super::session::Session;
use super::time::utc;
use super::{Exit, Output};
use crate::view::Held;

const PAGE: usize = 500;

pub(super) async fn run(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let target = args.target.as_deref().map(TargetName::from);
    output.begin_list(&json!({}), "holds");
    let mut after: Option<HoldRow> = None;
    loop {
        let mut page = session.store.holds(target.as_ref(), after.as_ref(), PAGE).await?;
        for (place, row) in page.iter().enumerate() {
            let HoldRow { target, object, hold, since, .. } = row;
            output.line(format_args!("{target}: {object}: {} ({}, since {})", hold, hold.code(), utc(*since)));
            output.element(after.is_none() && place == 0, &json!(Held::of(row)));
        }
        match page.pop() {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    output.end_list();
    if after.is_none() {
        output.line("nothing is held");
    }
    Ok(Exit::Converged)
}

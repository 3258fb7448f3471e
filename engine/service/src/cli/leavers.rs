//! `entrain leavers`, `retain` and `release`: who left and has a record still, and what becomes of it.

use entrain_model::{Kind, Millis, ObjectRef};
use entrain_store::LeaverRow;
use serde_json::json;

use super::args::{Global, ObjectArgs, RetainArgs, TargetArgs};
use super::session::Session;
use super::time::utc;
use super::{Exit, Output};
use crate::config::TargetConfig;

const PAGE: usize = 500;

pub(super) async fn list(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    output.begin_list(&json!({}), "leavers");
    let mut first = true;
    for config in session.targets(args.target.as_deref())? {
        let mut after: Option<ObjectRef> = None;
        loop {
            let page = session.store.leavers(&config.name, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.object.clone());
            for row in &page {
                let deletes = deletes_at(config, row);
                output.line(format_args!("{}: {}", config.name, told(row, deletes)));
                let element = json!({
                    "target": config.name, "object": row.object, "record": row.record, "leftAt": utc(row.left_at),
                    "deleted": row.deleted, "deletesAt": deletes.map(utc), "retained": row.retained,
                });
                output.element(first, &element);
                first = false;
            }
        }
    }
    output.end_list();
    if first {
        output.line("nobody who left has a record");
    }
    Ok(Exit::Converged)
}

/// When the record goes to the recycle bin; `None`: never, or not while it is retained.
fn deletes_at(config: &TargetConfig, row: &LeaverRow) -> Option<Millis> {
    let removal = match row.object.kind {
        Kind::User => config.user_removal,
        Kind::Group => config.group_removal,
    };
    if row.retained.is_some() { None } else { removal.deletes_at(row.left_at) }
}

fn told(row: &LeaverRow, deletes: Option<Millis>) -> String {
    let LeaverRow { object, record, deleted, left_at, retained } = row;
    let how = if *deleted { "left" } else { "out of scope since" };
    let then = match (retained, deletes) {
        (Some(reason), _) => format!("retained: {reason}"),
        (None, Some(at)) => format!("deleted on {}", utc(at)),
        (None, None) => "not to be deleted".to_owned(),
    };
    format!("{object} ({record}): {how} {}, {then}", utc(*left_at))
}

pub(super) async fn retain(args: &RetainArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    set(&session, args.target.as_deref(), &args.object, Some(&args.reason), output).await
}

pub(super) async fn release(args: &ObjectArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    set(&session, args.target.as_deref(), &args.object, None, output).await
}

/// Retains the record of the object with a reason, or without one lets it go.
async fn set(
    session: &Session,
    target: Option<&str>,
    object: &ObjectRef,
    reason: Option<&str>,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let mut changed = Vec::new();
    for config in session.targets(target)? {
        let did = session.store.retain(&config.name, object, reason).await?;
        let what = match (did, reason) {
            (true, Some(_)) => "is retained: its record is not deleted until `entrain release`",
            (true, None) => "is no longer retained",
            (false, _) => "was not retained",
        };
        output.line(format_args!("{}: {object} {what}", config.name));
        if did {
            changed.push(config.name.clone());
        }
    }
    output.object(&json!({ "object": object, "retained": reason.is_some(), "targets": changed }));
    Ok(Exit::Converged)
}

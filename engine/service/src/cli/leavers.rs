//! `entrain leavers`: who left and has a record still, what is to come, and who is held back.

use entrain_model::{Kind, ObjectRef};
use entrain_store::LeaverRow;
use serde_json::json;

use super::args::{Global, LeaversArgs, LeaversCommand};
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output};
use crate::config::TargetConfig;

const PAGE: usize = 500;

pub(super) async fn run(args: &LeaversArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    match &args.command {
        None => list(&session, args.list.target.as_deref(), output).await,
        Some(LeaversCommand::Hold(hold)) => {
            let session = session.acting_as(&hold.author.by);
            set(&session, hold.target.as_deref(), &hold.object, Some(&hold.reason), output).await
        }
        Some(LeaversCommand::Release(release)) => {
            let session = session.acting_as(&release.author.by);
            set(&session, release.target.as_deref(), &release.object, None, output).await
        }
    }
}

async fn list(session: &Session, target: Option<&str>, output: &mut Output) -> anyhow::Result<Exit> {
    output.begin_list(&json!({}), "leavers");
    let mut first = true;
    for config in session.targets(target)? {
        let mut after = None;
        loop {
            let mut page = session.store.leavers(&config.name, after.as_ref(), PAGE).await?;
            for leaver in &page {
                show(config, leaver, first, output);
                first = false;
            }
            match page.pop() {
                Some(last) => after = Some(last.object),
                None => break,
            }
        }
    }
    output.end_list();
    if first {
        output.line("nobody who left has a record still, as far as the last sync knows");
    }
    Ok(Exit::Converged)
}

fn show(config: &TargetConfig, leaver: &LeaverRow, first: bool, output: &mut Output) {
    let LeaverRow { object, record, deleted, left_at, retained } = leaver;
    let removal = match object.kind {
        Kind::User => config.user_removal,
        Kind::Group => config.group_removal,
    };
    let deletes_at = removal.deletes_at(*left_at).map(utc);
    let next = match (retained, &deletes_at) {
        (Some(reason), _) => format!("held back: {reason}"),
        (None, Some(date)) => format!("will be deleted on {date}"),
        (None, None) => "is not deleted".to_owned(),
    };
    let why = if *deleted { "deleted from the source" } else { "out of scope" };
    output.line(format_args!("{}: {object}: {why} since {}, record {record} {next}", config.name, utc(*left_at)));
    let element = json!({
        "target": config.name, "object": object, "record": record, "left_at": utc(*left_at), "deleted_from_source": deleted,
        "deletes_at": deletes_at.filter(|_| retained.is_none()), "held_back": retained,
    });
    output.element(first, &element);
}

/// Holds the object back for this reason, or without one lets it go.
async fn set(
    session: &Session,
    target: Option<&str>,
    object: &ObjectRef,
    reason: Option<&str>,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let mut names = Vec::new();
    for config in session.targets(target)? {
        let linked = !session.store.link_ids(&config.name, std::slice::from_ref(object)).await?.is_empty();
        if reason.is_some() && !linked {
            return Err(Usage(format!("{object} has no record in target `{}`", config.name)).into());
        }
        if session.store.retain(&config.name, object, reason).await? {
            let what = if reason.is_some() { "is neither deleted nor taken out of groups" } else { "goes on with the next sync" };
            output.line(format_args!("{}: {object} {what}", config.name));
            names.push(config.name.clone());
        }
    }
    if names.is_empty() {
        return Err(Usage(format!("{object} is not held back; `entrain leavers` shows who is")).into());
    }
    output.object(&json!({ "object": object, "held_back": reason.is_some(), "targets": names }));
    Ok(Exit::Converged)
}

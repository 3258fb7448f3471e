//! `entrain protect`: which records are protected, and which of them a person approved by name.

use entrain_model::{Protection, TargetId};
use entrain_store::{ProtectedRecord, ProtectionApproval};
use serde_json::json;

use super::args::{Global, ProtectAllowArgs, ProtectRevokeArgs, TargetArgs};
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output};
use crate::config::TargetConfig;

const PAGE: usize = 500;

pub(super) async fn allow(args: &ProtectAllowArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    if args.reason.trim().is_empty() {
        return Err(Usage("an approval needs a reason: --reason TEXT".to_owned()).into());
    }
    let config = session.only_target(args.target.as_deref())?;
    let record = named(&session, config, &args.record).await?;
    let approval = ProtectionApproval {
        target: config.name.clone(),
        record: record.clone(),
        reason: args.reason.clone(),
        by: args.by.clone(),
        at: session.store.now(),
    };
    session.store.approve_record(&approval).await?;
    output.line(format_args!("{}: record {record} may be linked and written from the next sync on", config.name));
    output.object(&json!({ "target": config.name, "record": record, "allowed": true, "reason": args.reason, "by": args.by }));
    Ok(Exit::Converged)
}

pub(super) async fn revoke(args: &ProtectRevokeArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    let record = named(&session, config, &args.record).await?;
    if !session.store.revoke_record(&config.name, &record, &args.by).await? {
        return Err(Usage(format!(
            "record {record} is not approved in target `{}`; `entrain protect list` shows which are",
            config.name
        ))
        .into());
    }
    output.line(format_args!("{}: record {record} is left alone from now on", config.name));
    output.object(&json!({ "target": config.name, "record": record, "allowed": false, "by": args.by }));
    Ok(Exit::Converged)
}

/// The approvals, then the protected records that are known, a page at a time.
pub(super) async fn list(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let targets = session.targets(args.target.as_deref())?;
    let mut approvals = Vec::new();
    for config in &targets {
        approvals.extend(session.store.approvals(Some(&config.name)).await?);
    }
    for approval in &approvals {
        let ProtectionApproval { target, record, reason, by, at } = approval;
        output.line(format_args!("{target}: {record}: approved by {by} at {}: {reason}", utc(*at)));
    }
    let approvals: Vec<_> = approvals
        .iter()
        .map(|one| json!({ "target": one.target, "record": one.record, "reason": one.reason, "by": one.by, "at": utc(one.at) }))
        .collect();
    output.begin_list(&json!({ "approvals": approvals }), "records");
    let mut first = true;
    for config in targets {
        let mut after: Option<ProtectedRecord> = None;
        loop {
            let mut page = session.store.protected_records(&config.name, after.as_ref(), PAGE).await?;
            for record in &page {
                show(record, first, output);
                first = false;
            }
            match page.pop() {
                Some(last) => after = Some(last),
                None => break,
            }
        }
    }
    output.end_list();
    if first {
        output.line("no protected record is known");
    }
    Ok(Exit::Converged)
}

fn show(record: &ProtectedRecord, first: bool, output: &mut Output) {
    let ProtectedRecord { target, kind, id, attributes, reasons, approved, linked_to } = record;
    let name = ["userPrincipalName", "displayName"].iter().find_map(|name| attributes.get(*name)?.as_str()).unwrap_or("?");
    let linked = linked_to.as_ref().map_or(String::new(), |object| format!(", linked to {object}"));
    let approval = if *approved { ", approved" } else { "" };
    output.line(format_args!("{target}: {kind} {id} ({name}) {}{linked}{approval}", Protection::sentence(reasons)));
    let element = json!({
        "target": target, "kind": kind, "record": id, "name": name, "reasons": reasons, "approved": approved, "object": linked_to,
    });
    output.element(first, &element);
}

/// The record of this id or login. One that was never seen is taken by its id, so that it can be approved before the first run.
async fn named(session: &Session, config: &TargetConfig, name: &str) -> anyhow::Result<TargetId> {
    let mut found = session.store.records_named(&config.name, name).await?;
    match (found.pop(), found.is_empty()) {
        (Some((_, id)), true) => Ok(id),
        (None, _) if !name.contains('@') => Ok(TargetId::from(name)),
        (None, _) => {
            Err(Usage(format!("target `{}` has no record `{name}` as far as is known: name it by its id", config.name)).into())
        }
        (Some(_), false) => {
            Err(Usage(format!("`{name}` is several records of target `{}`: name one by its id", config.name)).into())
        }
    }
}

//! `entrain audit`: what was changed and decided, and whether anybody touched the record of it.

use std::collections::BTreeMap;
use std::time::Duration;

use entrain_model::{RunId, TargetName};
use entrain_store::{AuditRow, AuditScope, AuditValue, Head};
use serde_json::{Value as Json, json};

use super::args::{AuditArgs, AuditCommand, AuditListArgs, Global, PruneArgs, RedactArgs};
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output, time};
use crate::view::AuditEntry;

const PAGE: usize = 500;

pub(super) async fn run(args: &AuditArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    match &args.command {
        None => list(&args.list, global, output).await,
        Some(AuditCommand::Verify { head }) => verify(head.as_ref(), global, output).await,
        Some(AuditCommand::Head) => head(global, output).await,
        Some(AuditCommand::Prune(args)) => prune(args, global, output).await,
        Some(AuditCommand::Redact(args)) => redact(args, global, output).await,
    }
}

async fn list(args: &AuditListArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let scope = AuditScope {
        target: args.target.as_deref().map(TargetName::from),
        object: args.object.clone(),
        run: args.run.as_deref().map(RunId::from),
        since: args.since.as_deref().map(|since| time::since(since, session.store.now()).map_err(Usage)).transpose()?,
        ..AuditScope::default()
    };
    output.begin_list(&json!({}), "audit");
    let mut after = 0;
    loop {
        let page = session.store.audit(&scope, after, PAGE).await?;
        let Some(last) = page.last().map(|row| row.seq) else { break };
        for (place, row) in page.iter().enumerate() {
            show(row, output);
            output.element(after == 0 && place == 0, &json!(AuditEntry::of(row)));
        }
        after = last;
    }
    output.end_list();
    if after == 0 {
        output.line("the audit has no such row");
    }
    Ok(Exit::Converged)
}

fn show(row: &AuditRow, output: &mut Output) {
    let words = |word: &Option<String>, before: &str| word.as_ref().map(|word| format!(" {before}{word}")).unwrap_or_default();
    let object = row.object.as_ref().map(|object| format!(" {object}")).unwrap_or_default();
    let record = row.record.as_ref().map(|record| format!(" ({record})")).unwrap_or_default();
    let target = row.target.as_ref().map(|target| format!("{target}: ")).unwrap_or_default();
    let run = row.run.as_ref().map(ToString::to_string);
    output.line(format_args!(
        "{} {} {target}{}{object}{record}: {} by {}{}{}{}",
        row.seq,
        utc(row.at),
        row.action,
        row.outcome,
        row.author,
        words(&run, "run "),
        words(&row.mapping_version, "mapping "),
        words(&row.request_id, "request-id "),
    ));
    let names: BTreeMap<&String, ()> = row.before.keys().chain(row.after.keys()).map(|name| (name, ())).collect();
    for name in names.into_keys() {
        output.line(format_args!("    {name}: {} -> {}", side(row.before.get(name)), side(row.after.get(name))));
    }
}

/// A field on one side as people read it. Nothing is there, it is not known, or it was taken away: three different things.
fn side(value: Option<&AuditValue>) -> String {
    match value {
        None => "?".to_owned(),
        Some(AuditValue::Redacted) => "(redacted)".to_owned(),
        Some(AuditValue::Value(Json::Null)) => "-".to_owned(),
        Some(AuditValue::Value(value)) => value.to_string(),
    }
}

async fn verify(known: Option<&Head>, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    match session.store.verify_audit(known).await? {
        Ok(verified) => {
            output.line(format_args!("{} rows, none altered, removed, put in or moved", verified.rows));
            if verified.pruned > 0 {
                output.line(format_args!("rows up to {} were pruned, which stands in the audit", verified.pruned));
            }
            if known.is_some_and(|known| known.seq < verified.pruned) {
                output.line("the given head lies before what was pruned: it was not compared");
            }
            output.line(format_args!("head {}", verified.head));
            output.object(
                &json!({ "fits": true, "rows": verified.rows, "pruned": verified.pruned, "head": verified.head.to_string() }),
            );
            Ok(Exit::Converged)
        }
        Err(broken) => {
            output.line(format_args!("the audit does not fit: {broken}"));
            output.object(&json!({ "fits": false, "row": broken.seq, "what": broken.what }));
            Ok(Exit::Failure)
        }
    }
}

async fn head(global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let head = session.store.audit_head().await?.to_string();
    output.line(&head);
    output.object(&json!({ "head": head }));
    Ok(Exit::Converged)
}

async fn prune(args: &PruneArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    let pruned = session.store.prune_audit(days(args.older_than_days)).await?;
    output.line(format_args!("{} rows pruned; the audit begins after {}", pruned.rows, pruned.through.seq));
    output.object(&json!({ "pruned": pruned.rows, "through": pruned.through.to_string() }));
    Ok(Exit::Converged)
}

async fn redact(args: &RedactArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    let only = (!args.attribute.is_empty()).then(|| args.attribute.iter().cloned().collect());
    let redacted = session.store.redact_audit_of(&args.object, only.as_ref()).await?;
    output.line(format_args!("{} values in {} rows about {} are gone", redacted.values, redacted.rows, args.object));
    output.object(&json!({ "object": args.object, "rows": redacted.rows, "values": redacted.values }));
    Ok(Exit::Converged)
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}

//! What the audit says of the changes since the last look.

use std::collections::BTreeSet;

use entrain_store::{AuditRow, AuditScope, AuditValue, Store};

/// The rows of changes after a place, each with the fields that differ; and the new place.
pub(super) async fn rows(store: &Store, after: i64) -> anyhow::Result<(Vec<String>, i64)> {
    let rows = store.audit(&AuditScope::default(), after, 1_000).await?;
    let last = rows.last().map_or(after, |row| row.seq);
    let mut lines: Vec<String> = rows.iter().filter(|row| row.line.is_some()).flat_map(told).collect();
    match store.verify_audit(None).await? {
        Ok(_) => lines.push("the chain fits".to_owned()),
        Err(broken) => lines.push(format!("the chain does not fit: {broken}")),
    }
    Ok((lines, last))
}

fn told(row: &AuditRow) -> Vec<String> {
    let object = row.object.as_ref().map(ToString::to_string).unwrap_or_default();
    let record = row.record.as_ref().map_or("?", |record| record.as_str());
    let mut lines = vec![format!("{} {object} ({record}): {}", row.action, row.outcome)];
    let names: BTreeSet<&String> = row.before.keys().chain(row.after.keys()).collect();
    let differing = names.into_iter().filter(|name| row.before.get(*name) != row.after.get(*name));
    lines.extend(differing.map(|name| format!("  {name}: {} -> {}", side(row.before.get(name)), side(row.after.get(name)))));
    lines
}

fn side(value: Option<&AuditValue>) -> String {
    match value {
        None => "?".to_owned(),
        Some(AuditValue::Redacted) => "(redacted)".to_owned(),
        Some(AuditValue::Value(value)) => value.to_string(),
    }
}

//! Commands that change the configuration of the target.

use anyhow::{Context as _, bail};
use entrain_model::{Allowance, Kind, Limit, Limits, Mode, Operation, Share, SourceId, fold};
use entrain_sync::Target;
use serde_json::Value as Json;

use crate::rig::Rig;
use crate::scenario::Command;

/// Does what the command says.
pub(super) async fn target(rig: &mut Rig, command: &Command) -> anyhow::Result<()> {
    let mut changed = (*rig.target).clone();
    for (name, value) in &command.settings {
        set(&mut changed, name, value.as_str().filter(|_| !value.is_null()), value)?;
    }
    rig.configure(|target| *target = changed).await
}

fn set(target: &mut Target, name: &str, text: Option<&str>, value: &Json) -> anyhow::Result<()> {
    let word = || text.with_context(|| format!("`{name}={value}` is no word"));
    let limit = |limits: &mut Limits, operation, change: fn(&mut Allowance) -> &mut Limit| {
        let most = Limit::of(word()?.parse()?);
        let free = Allowance::of(Limit::of(u64::MAX));
        let mut allowance = limits.rule(operation, Kind::User, Share::Linked).map_or(free, |rule| rule.allowance);
        *change(&mut allowance) = most;
        limits.allow(operation, Share::Linked, allowance);
        anyhow::Ok(())
    };
    let limits = &mut target.limits;
    match name {
        "user_removal" => target.policy.user_removal = serde_json::from_value(value.clone())?,
        "group_removal" => target.policy.group_removal = serde_json::from_value(value.clone())?,
        "protected" => target.policy.protected = word()?.split(' ').filter(|one| !one.is_empty()).map(fold).collect(),
        "authority" => target.policy.authority = serde_json::from_value(value.clone())?,
        "mode" => target.mode = word()?.parse::<Mode>()?,
        "scope_group" => target.scope.group = text.map(SourceId::from),
        "disable" => limit(limits, Operation::Disable, |allowance| &mut allowance.run)?,
        "disable_in_an_hour" => limit(limits, Operation::Disable, |allowance| &mut allowance.hour)?,
        "disable_in_a_day" => limit(limits, Operation::Disable, |allowance| &mut allowance.day)?,
        "delete" => limit(limits, Operation::Delete, |allowance| &mut allowance.run)?,
        "rename" => limit(limits, Operation::Rename, |allowance| &mut allowance.run)?,
        "clear" => limit(limits, Operation::Clear, |allowance| &mut allowance.run)?,
        "remove_reference" => limit(limits, Operation::RemoveReference, |allowance| &mut allowance.run)?,
        other => bail!("`{other}` is nothing that scenarios configure"),
    }
    Ok(())
}

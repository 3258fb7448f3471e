//! Commands that change the configuration of the target.

use anyhow::{Context as _, bail};
use entrain_model::{Limit, Mode, Removal, SourceId};
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
    let limit = || anyhow::Ok(Limit { count: word()?.parse()?, percent: 0.0 });
    match name {
        "user_removal" => target.policy.user_removal = word()?.parse::<Removal>()?,
        "group_removal" => target.policy.group_removal = word()?.parse::<Removal>()?,
        "mode" => target.mode = word()?.parse::<Mode>()?,
        "scope_group" => target.scope.group = text.map(SourceId::from),
        "disable" => target.limits.disable = limit()?,
        "delete" => target.limits.delete = limit()?,
        "remove_reference" => target.limits.remove_reference = limit()?,
        other => bail!("`{other}` is nothing that scenarios configure"),
    }
    Ok(())
}

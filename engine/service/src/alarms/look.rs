//! What should be an alarm now, from what the database says. Whoever looks, and however often: each is raised once.

use std::time::Duration;

use entrain_model::{Millis, RefusedCredential, TargetName};
use entrain_store::{Alarm, AlarmKind, AlarmRow, HeldObjects, Store, StoreError, TargetRow, Turn, WaitingRun};
use serde_json::json;

use super::{Expiry, credential, fight};
use crate::config::AlarmsConfig;

/// A target that is watched, and what is known of its credential.
pub(crate) struct Watched {
    pub(crate) target: TargetName,
    /// `None` as long as nobody could read it: then its alarms stay as they are.
    pub(crate) expiry: Option<Vec<Expiry>>,
    /// The credentials that are passed over for another one; `None` as long as none signed in.
    pub(crate) passed_over: Option<Vec<RefusedCredential>>,
}

/// Makes the alarms of a target what they should be. Returns what turned. The alarm of a halt is not among them: whoever
/// halts or resumes a target raises or clears it at once, and a look that was late would raise it anew.
pub(crate) async fn look(store: &Store, config: &AlarmsConfig, watched: &Watched) -> Result<Vec<(Turn, AlarmRow)>, StoreError> {
    let (name, now) = (&watched.target, store.now());
    let Some(row) = store.target(name).await? else { return Ok(Vec::new()) };
    let held = store.held_objects(name, now.saturating_sub(millis(config.holds_after))).await?;
    let waiting = store.waiting_runs(name).await?;
    let mut wanted = vec![
        (AlarmKind::Approval, waiting.iter().map(approval).collect::<Vec<_>>()),
        (AlarmKind::Holds, holds(held).into_iter().collect()),
        (AlarmKind::NoFullSync, no_full_sync(&row, now, config.no_full_sync).into_iter().collect()),
    ];
    if let Some(expiry) = &watched.expiry {
        wanted.push((AlarmKind::CredentialExpiring, expiry.iter().filter_map(|expiry| expiry.alarm(now)).collect()));
    }
    if let Some(over) = &watched.passed_over {
        wanted.push((AlarmKind::CredentialRefused, over.iter().map(credential::passed_over).collect()));
    }
    let mut turned = fight::settle_fights(store, name, config.fight).await?;
    for (kind, alarms) in wanted {
        turned.extend(store.settle_alarms(name, kind, &alarms).await?);
    }
    Ok(turned)
}

/// Tells the log what turned.
pub(crate) fn said(turned: &[(Turn, AlarmRow)]) {
    for (turn, row) in turned {
        let (target, kind, about, message) = (&row.target, row.alarm.kind.as_str(), &row.alarm.about, &row.alarm.message);
        match turn {
            Turn::Raised => tracing::error!(%target, kind, about, alarm = row.id, "alarm: {message}"),
            Turn::Graver => tracing::error!(%target, kind, about, alarm = row.id, "graver alarm: {message}"),
            Turn::Cleared => tracing::info!(%target, kind, about, alarm = row.id, "alarm is over: {message}"),
        }
    }
}

fn approval(run: &WaitingRun) -> Alarm {
    let reasons = run.reasons.join("; ");
    Alarm {
        kind: AlarmKind::Approval,
        about: run.scope.clone(),
        level: 0,
        message: format!("run {} waits for approval: {reasons}. Look at it with `entrain runs {} --guarded`", run.run, run.run),
        body: json!({ "run": run.run, "scope": run.scope, "since": run.since, "reasons": run.reasons }),
    }
}

/// One alarm however many are held; it grows graver with each tenfold. What an operator parked or retains is no news to anybody.
fn holds(mut held: HeldObjects) -> Option<Alarm> {
    held.remove("parked");
    held.remove("retained");
    let objects: u64 = held.values().sum();
    let level = i64::from(objects.checked_ilog10()?);
    let words: Vec<String> = held.iter().map(|(code, objects)| format!("{code} {objects}")).collect();
    Some(Alarm {
        kind: AlarmKind::Holds,
        about: String::new(),
        level,
        message: format!("objects are held for long: {}. `entrain holds` gives the reasons", words.join(", ")),
        body: json!({ "held": held }),
    })
}

fn no_full_sync(row: &TargetRow, now: Millis, at_most: Duration) -> Option<Alarm> {
    let last = row.last_full_at.unwrap_or(row.created_at);
    if now.saturating_sub(last) < millis(at_most) {
        return None;
    }
    let message = match row.last_full_at {
        Some(_) => format!(
            "no full sync was successful within {} hours; `entrain runs` tells how the last ones ended",
            at_most.as_secs() / 3600
        ),
        None => format!(
            "no full sync was ever successful, and the target is {} hours old; `entrain runs` tells how they ended",
            at_most.as_secs() / 3600
        ),
    };
    let body = json!({ "last_full_at": row.last_full_at, "hours": at_most.as_secs() / 3600 });
    Some(Alarm { kind: AlarmKind::NoFullSync, about: String::new(), level: 0, message, body })
}

pub(super) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests;

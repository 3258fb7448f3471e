//! The end of a full run: creates whose answers were lost are looked for before it ends, so that nobody needs another run to
//! learn that they were done.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use entrain_model::{Kind, ObjectRef, Reason, Scope};

use crate::engine::{Ask, Run};
use crate::map::Learned;
use crate::recover::{self, Look};
use crate::{Report, Silent, SyncError, discover};

/// The first wait for a record to show itself; each is twice as long as the one before.
const FIRST: Duration = Duration::from_secs(1);

/// No wait is shorter than this.
const SHORTEST: Duration = Duration::from_millis(100);

/// A run that wrote for long may wait for this part of that time, rather than end without an object ...
const PART: u32 = 20;

/// ... but not for longer than this.
const LONGEST: Duration = Duration::from_secs(120);

/// Looks for what was sent without an answer as long as it may soon show itself, or be sent again. Then what was found, what
/// may be sent again, and what waited for these is reconciled. What is still missing is left to the next run over it.
pub(crate) async fn settle(run: &Run<'_>, reason: Reason, learned: &Learned, wrote: Duration) -> Result<(), SyncError> {
    let patience = run.target.timing.linger.max((wrote / PART).min(LONGEST));
    let mut look = recover::look(run, patience).await?;
    if look.soon > 0 {
        discover::read_back(run, learned).await?;
        look = recover::look(run, patience).await?;
    }
    let (mut waited, mut wait) = (Duration::ZERO, FIRST);
    while look.soon > 0 && waited < patience {
        let pause = look.settles_in.map_or(wait, |left| wait.min(left.max(SHORTEST)));
        run.engine.clock().sleep(pause).await;
        run.engine.goes_on()?;
        run.keep().await?;
        (waited, wait) = (waited + pause, wait * 2);
        look = recover::look(run, patience).await?;
    }
    let scope = scope(run, look).await?;
    if scope.is_empty() {
        return Ok(());
    }
    match again(run, scope, reason).await {
        // Whoever works on them now does the same.
        Err(error @ (SyncError::Busy(_) | SyncError::Target(_) | SyncError::Incomplete(_))) => {
            tracing::info!(target = %run.target.name, run = %run.id, "what lost answers left is for the next run: {error}");
        }
        Ok(_) => {}
        Err(error) => return Err(error),
    }
    run.still_ours().await
}

async fn scope(run: &Run<'_>, look: Look) -> Result<BTreeSet<ObjectRef>, SyncError> {
    let mut moved = look.repeatable;
    moved.extend(run.store().found_creates(&run.id).await?);
    if moved.is_empty() {
        return Ok(moved);
    }
    let objects: Vec<_> = moved.iter().cloned().collect();
    let managers: Vec<_> = moved.iter().filter(|object| object.kind == Kind::User).map(|object| object.id.clone()).collect();
    moved.extend(run.store().containers_of(&objects).await?);
    moved.extend(run.store().reports_of(&managers).await?);
    Ok(moved)
}

/// A run within the run, with the same leases.
fn again<'a>(
    run: &'a Run<'_>,
    scope: BTreeSet<ObjectRef>,
    reason: Reason,
) -> Pin<Box<dyn Future<Output = Result<Report, SyncError>> + Send + 'a>> {
    let ask = Ask { holder: Some(run.holder.clone()), ..Ask::sync(Scope::Only(scope), reason) };
    Box::pin(run.engine.reconcile(&run.target, ask, &Silent))
}

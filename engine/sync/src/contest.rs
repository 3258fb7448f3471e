//! Unique values within a plan: who must give one up before another can take it.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Decision, Hold, ObjectRef};
use entrain_plan::{Dependency, Suspicion, order};
use entrain_store::{ContestedLine, PlannedLine};

use crate::SyncError;
use crate::engine::Run;

/// Moves, adds and holds lines until every value is free when it is taken. What would be deleted and made anew is for the guard.
pub(crate) async fn arrange(run: &Run<'_>) -> Result<Vec<Suspicion>, SyncError> {
    let store = run.store();
    let wants: Vec<_> = store.contested(&run.id).await?.into_iter().map(dependency).collect();
    if wants.is_empty() {
        return Ok(Vec::new());
    }
    let seqs: BTreeSet<i64> = wants.iter().flat_map(|want| [Some(want.seq), want.freed_by]).flatten().collect();
    let lines = store.lines(&run.id, &seqs.into_iter().collect::<Vec<_>>()).await?;
    let changes: BTreeMap<_, _> = lines
        .into_iter()
        .filter_map(|line| match line.decision {
            Decision::Change(change) => Some((line.seq, change)),
            Decision::Hold(..) => None,
        })
        .collect();
    let ordering = order(&changes, &wants, run.target.schema());
    let ranks: Vec<_> = ordering.placed.iter().map(|placed| (placed.seq, placed.phase, placed.rank)).collect();
    store.set_rank(&run.id, &ranks).await?;
    let parkings: Vec<_> =
        ordering.parkings.into_iter().map(|parking| PlannedLine::from(Decision::Change(parking.change))).collect();
    store.put_plan(&run.id, &parkings).await?;
    for held in ordering.held {
        replace(run, held.seq, held.instead).await?;
    }
    Ok(ordering.recreated)
}

/// The first decision takes the line's place, others are added.
async fn replace(run: &Run<'_>, seq: i64, instead: Vec<Decision>) -> Result<(), SyncError> {
    let holds: Vec<(ObjectRef, Hold)> = instead
        .iter()
        .filter_map(|decision| match decision {
            Decision::Hold(object, hold) => Some((object.clone(), hold.clone())),
            Decision::Change(_) => None,
        })
        .collect();
    let mut instead = instead.into_iter();
    if let Some(first) = instead.next() {
        run.store().replace_line(&run.id, seq, &first).await?;
    }
    run.store().put_plan(&run.id, &instead.map(PlannedLine::from).collect::<Vec<_>>()).await?;
    Ok(run.store().put_holds(&run.target.name, &run.id, &holds).await?)
}

fn dependency(line: ContestedLine) -> Dependency {
    let ContestedLine { seq, attribute, value, holder, holder_object, freed_by, .. } = line;
    Dependency { seq, attribute, value, holder, holder_object, freed_by }
}

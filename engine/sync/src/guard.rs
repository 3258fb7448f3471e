//! The guard of a run: what it would do that nobody approved, beside the limits of the target.

use std::collections::BTreeSet;
use std::sync::Arc;

use entrain_model::{Begins, Kind, Limit, Mode, Operation, Rule, Scope, Share};
use entrain_plan::{Concerns, Count, Objection, PlanDigest, Suspicion, Verdict, judge};
use entrain_store::{GuardCount, GuardedGroups, TargetRow};

use crate::engine::{Approval, PAGE, Run};
use crate::{Hands, SyncError, Target};

/// What the guard says of a plan.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It may be applied.
    Apply,
    /// A person must approve it, for these reasons.
    Held(Vec<Objection>),
}

/// Whether a full run has carried out what the mode of the target lets be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// One has.
    Yes,
    /// None has; of a target that was only added to, none has since more may be done.
    NotYet,
}

impl Filled {
    /// As is stored of the target.
    pub(crate) fn of(mode: Mode, row: Option<&TargetRow>) -> Self {
        let is_filled = match row.and_then(|row| row.loaded_in) {
            Some(Mode::Upsert | Mode::Full) => true,
            Some(Mode::CreateOnly) => mode == Mode::CreateOnly,
            Some(Mode::Observe) | None => false,
        };
        if is_filled { Filled::Yes } else { Filled::NotYet }
    }
}

/// The target with the rules that count by now: those that would hold a first load do not until it is filled.
pub(crate) fn limited(target: &Arc<Target>, row: Option<&TargetRow>) -> Arc<Target> {
    match Filled::of(target.mode, row) {
        Filled::Yes => Arc::clone(target),
        Filled::NotYet => Arc::new(Target { limits: target.limits.loading(), ..Target::clone(target) }),
    }
}

/// A kind of which fewer are linked than this may be removed altogether.
const WORTH_A_QUESTION: u64 = 3;
/// The same for memberships.
const REFERENCES_WORTH_A_QUESTION: u64 = 10;
/// So many groups that lose too much are named; one is enough to hold a run.
const NAMED_GROUPS: usize = 20;

/// The verdict over the whole plan. What somebody approved of an earlier plan, and this one has again, is not counted.
pub(crate) async fn judged(run: &Run<'_>, recreated: Vec<Suspicion>, approval: Option<&Approval>) -> Result<Judged, SyncError> {
    let (store, name) = (run.store(), &run.target.name);
    store.set_run_digest(&run.id, &digest(run).await?).await?;
    if let Some(approval) = approval {
        store.carry_approval(&approval.run, &run.id).await?;
    }
    let unmatched = first_load(run).await?;
    accept(run).await?;
    loop {
        let (counted, mark) = store.guard_counts(name, &run.id).await?;
        if counted.is_empty() {
            return Ok(Judged::Apply);
        }
        let mut suspicions = suspicions(run, &counted, &recreated).await?;
        suspicions.extend(unmatched.iter().cloned());
        let groups = groups(run, &counted).await?;
        match judge(&counts(run, &counted, &groups).await?, &suspicions) {
            Verdict::NeedsApproval(reasons) => {
                let over = over(&reasons);
                if reasons.iter().all(|reason| reason.concerns == Concerns::Others) {
                    store.uncount_unawaited(name, &run.id).await?;
                } else if !over.is_empty() {
                    store.uncount_others(&run.id, &over).await?;
                }
                return Ok(Judged::Held(reasons));
            }
            Verdict::Apply if matches!(run.hands(), Hands::Tied(_)) => return Ok(Judged::Apply),
            // Another run that was let through meanwhile is counted on the next look.
            Verdict::Apply if store.guard_pass(name, &run.id, mark).await? => return Ok(Judged::Apply),
            Verdict::Apply => {}
        }
    }
}

/// The sorts of change that these reasons are about; none if one is about whatever is counted. What is within its limits waits
/// for nobody.
fn over(reasons: &[Objection]) -> BTreeSet<Operation> {
    if reasons.iter().any(|reason| reason.concerns == Concerns::All) {
        return BTreeSet::new();
    }
    let sorts = reasons.iter().filter_map(|reason| if let Concerns::Sort(sort) = reason.concerns { Some(sort) } else { None });
    sorts.collect()
}

/// Whoever published the mapping has seen what it changes: up to those numbers that is approved.
async fn accept(run: &Run<'_>) -> Result<(), SyncError> {
    let (store, name) = (run.store(), &run.target.name);
    let Some(open) = &run.accepted else { return Ok(()) };
    let (counted, _) = store.guard_counts(name, &run.id).await?;
    for (kind, attribute) in open.within(&counted, &run.target) {
        store.approve_counted(&run.id, Operation::Change, kind, &attribute).await?;
    }
    Ok(())
}

/// Of a target that no full run has filled: what is made is approved with the mode of the target, and so is for good what somebody
/// approved, unless much is made beside much that nobody claims.
async fn first_load(run: &Run<'_>) -> Result<Vec<Suspicion>, SyncError> {
    let (store, name) = (run.store(), &run.target.name);
    let mut unmatched = Vec::new();
    if run.filled == Filled::Yes {
        return Ok(unmatched);
    }
    store.carry_creates(name, &run.id).await?;
    let (counted, _) = store.guard_counts(name, &run.id).await?;
    for count in counted.iter().filter(|count| count.operation == Operation::Create) {
        let rule = run.target.limits.rule(Operation::Create, count.kind, Share::Linked);
        let Some(rule) = rule.filter(|rule| rule.begins == Begins::OnceLoaded) else { continue };
        match unclaimed_beside(run, count, &rule.allowance.run).await? {
            Some(unclaimed) => unmatched.push(Suspicion::Unmatched { kind: count.kind, made: count.run, unclaimed }),
            None => store.approve_counted(&run.id, Operation::Create, count.kind, "").await?,
        }
    }
    Ok(unmatched)
}

/// How many records nobody claims, if they and what is made are both more than the limit allows. The common case asks for nothing.
async fn unclaimed_beside(run: &Run<'_>, made: &GuardCount, limit: &Limit) -> Result<Option<u64>, SyncError> {
    if made.run <= limit.allowed(0) {
        return Ok(None);
    }
    let allowed = limit.allowed(linked(run, made.kind).await?);
    if made.run <= allowed {
        return Ok(None);
    }
    let unclaimed = run.store().unclaimed(&run.target.name, &run.id, made.kind).await?;
    Ok((unclaimed > allowed).then_some(unclaimed))
}

/// How many of a kind are linked.
async fn linked(run: &Run<'_>, kind: Kind) -> Result<u64, SyncError> {
    let population = run.store().population(&run.target.name).await?;
    Ok(match kind {
        Kind::User => population.users,
        Kind::Group => population.groups,
    })
}

/// The counts by rule, with the population where it matters.
async fn counts<'r>(
    run: &'r Run<'_>,
    counted: &[GuardCount],
    groups: &[(&'r Rule, GuardCount)],
) -> Result<Vec<Count<'r>>, SyncError> {
    let rules = &run.target.limits.0;
    let mut counts = Vec::new();
    for count in counted {
        let about = &count.about;
        let candidates =
            || rules.iter().filter(|rule| rule.share == Share::Linked && rule.counts(count.kind, count.operation, about));
        // A rule that names the attribute decides in place of the one for all attributes.
        let rule = candidates().find(|rule| rule.attribute.is_some()).or_else(|| candidates().next());
        counts.extend(rule.map(|rule| Count {
            rule,
            about: about.clone(),
            run: count.run,
            hour: count.hour,
            day: count.day,
            population: 0,
        }));
    }
    counts.retain(Count::may_exceed);
    let (mut linked, mut references) = (None, None);
    for count in &mut counts {
        let managers = (count.rule.operation, count.rule.kind) == (Operation::AddReference, Kind::User);
        let of_references = [Operation::AddReference, Operation::RemoveReference].contains(&count.rule.operation);
        count.population = if of_references && !managers {
            match references {
                Some(known) => known,
                None => *references.insert(run.store().linked_references(&run.target.name).await?),
            }
        } else {
            let population = match linked {
                Some(known) => known,
                None => *linked.insert(run.store().population(&run.target.name).await?),
            };
            match count.rule.kind {
                Kind::User => population.users,
                Kind::Group => population.groups,
            }
        };
    }
    counts.extend(groups.iter().map(|(rule, count)| Count {
        rule,
        about: count.about.clone(),
        run: count.run,
        hour: count.hour,
        day: count.day,
        population: count.references,
    }));
    Ok(counts)
}

/// The groups whose references change more than is allowed of a small one, each with the rule that decides about it.
async fn groups<'r>(run: &'r Run<'_>, counted: &[GuardCount]) -> Result<Vec<(&'r Rule, GuardCount)>, SyncError> {
    let mut found = Vec::new();
    for operation in [Operation::AddReference, Operation::RemoveReference] {
        if !counted.iter().any(|count| (count.operation, count.kind) == (operation, Kind::Group)) {
            continue;
        }
        let rules = || run.target.limits.0.iter().filter(|rule| (rule.share, rule.operation) == (Share::EachGroup, operation));
        let named: Vec<_> = rules().filter_map(|rule| rule.group.clone()).collect();
        for rule in rules() {
            let limits = [&rule.allowance.run, &rule.allowance.hour, &rule.allowance.day];
            let which = rule.group.as_ref().map_or(GuardedGroups::AllBut(&named), GuardedGroups::One);
            let groups = run.store().guard_groups(&run.target.name, &run.id, operation, limits, which, NAMED_GROUPS).await?;
            found.extend(groups.into_iter().map(|count| (rule, count)));
        }
    }
    Ok(found)
}

/// What is suspicious whatever the numbers, as far as nobody approved it.
async fn suspicions(run: &Run<'_>, counted: &[GuardCount], recreated: &[Suspicion]) -> Result<Vec<Suspicion>, SyncError> {
    let (store, name) = (run.store(), &run.target.name);
    let deleted = recreated.iter().filter_map(|pair| match pair {
        Suspicion::Recreated { deleted, .. } => Some(deleted.clone()),
        Suspicion::Emptied { .. }
        | Suspicion::Vanished { .. }
        | Suspicion::Unmatched { .. }
        | Suspicion::Awaited { .. }
        | Suspicion::Unaccepted { .. } => None,
    });
    let open = store.guarded_objects(&run.id, &deleted.collect()).await?;
    let is_open = |pair: &&Suspicion| matches!(pair, Suspicion::Recreated { deleted, .. } if open.contains(deleted));
    let mut found: Vec<_> = recreated.iter().filter(is_open).cloned().collect();
    found.extend(emptied(run, counted).await?);
    found.extend(vanished(run, counted).await?);
    found.extend(run.accepted.iter().flat_map(|open| open.beyond(counted, &run.target)));
    // A run over everything is judged as a whole.
    if let (Scope::Only(_), false) = (&run.scope, matches!(run.hands(), Hands::Tied(_)))
        && let Some((waiting, changes)) = store.awaited(name, &run.id).await?
    {
        found.push(Suspicion::Awaited { changes, run: waiting.to_string() });
    }
    Ok(found)
}

/// Kinds of which the target has none at all any more, although some are linked.
async fn vanished(run: &Run<'_>, counted: &[GuardCount]) -> Result<Vec<Suspicion>, SyncError> {
    let mut found = Vec::new();
    for count in counted.iter().filter(|count| count.operation == Operation::Unlink && count.run >= WORTH_A_QUESTION) {
        let linked = linked(run, count.kind).await?;
        if count.run >= linked {
            found.push(Suspicion::Vanished { kind: count.kind, linked });
        }
    }
    Ok(found)
}

/// Kinds of which the source has none at all, although much is linked and would go.
async fn emptied(run: &Run<'_>, counted: &[GuardCount]) -> Result<Vec<Suspicion>, SyncError> {
    let store = run.store();
    let goes = |operations: &[Operation], kind: Option<Kind>| {
        counted.iter().any(|count| operations.contains(&count.operation) && kind.is_none_or(|kind| count.kind == kind))
    };
    let removal = [Operation::Disable, Operation::Delete];
    let [users, groups, references] =
        [goes(&removal, Some(Kind::User)), goes(&removal, Some(Kind::Group)), goes(&[Operation::RemoveReference], None)];
    let lacks = store.source_lacks().await?;
    let mut found = Vec::new();
    if users && lacks.users || groups && lacks.groups {
        let linked = store.population(&run.target.name).await?;
        for (goes, what, linked) in
            [(users && lacks.users, "user", linked.users), (groups && lacks.groups, "group", linked.groups)]
        {
            if goes && linked >= WORTH_A_QUESTION {
                found.push(Suspicion::Emptied { what: what.into(), linked });
            }
        }
    }
    if references && lacks.memberships {
        let linked = store.linked_references(&run.target.name).await?;
        if linked >= REFERENCES_WORTH_A_QUESTION {
            found.push(Suspicion::Emptied { what: "membership".into(), linked });
        }
    }
    Ok(found)
}

async fn digest(run: &Run<'_>) -> Result<String, SyncError> {
    let (mut digest, mut after) = (PlanDigest::default(), 0);
    loop {
        let page = run.store().plan_lines(&run.id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(digest.finish()) };
        after = last.seq;
        page.iter().for_each(|line| digest.add(&line.decision));
    }
}

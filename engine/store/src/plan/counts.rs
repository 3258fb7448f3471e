//! What a plan amounts to, and what became of it.

use std::collections::BTreeMap;

use entrain_model::{Phase, RunId, TargetName, Work};

use super::lines::HOLD;
use super::{LineState, PlanCounts, Population};
use crate::sql::{Columns as _, Sql};
use crate::{Result, Store};

/// The code of the hold that the end of a change can leave, although the change is done.
pub const UNDELIVERED: &str = "undelivered";

/// What became of the lines of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Changes that were planned, by their word.
    pub planned: BTreeMap<String, u64>,
    /// Changes that were done, by their word.
    pub done: BTreeMap<String, u64>,
    /// Holds by their code.
    pub held: BTreeMap<String, u64>,
    /// Changes that were refused or lost, or whose outcome is not known.
    pub failed: u64,
    /// Changes that were no longer true when their turn came.
    pub dropped: u64,
}

impl Store {
    /// What the plan amounts to.
    pub async fn plan_counts(&self, run: &RunId) -> Result<PlanCounts> {
        let rows = Sql::new("select action, count(*) as n from plan_lines where run = $1 group by action")
            .arg(run)
            .all(&mut *self.read().await?)
            .await?;
        let mut counts = PlanCounts::default();
        for row in rows {
            let (action, n) = (row.str("action")?, row.count("n")?);
            if action == HOLD {
                counts.holds += n;
            } else {
                *counts.by_action.entry(action).or_default() += n;
            }
        }
        Ok(counts)
    }

    /// What the changes of the plan that are still to be made cost, without those that are not written anywhere: an unlink, a link
    /// whose record carries its anchor. Who is disabled is blocked and loses the sessions, and what is restored is then brought up to
    /// date: two requests each.
    pub async fn plan_work(&self, run: &RunId) -> Result<Work> {
        let row = Sql::new(
            "select count(*) as every, count(case when phase = $2 then 1 end) as links,
               count(case when action in ('disable', 'restore') then 1 end) as twice, count(distinct case when phase = $2 then id end) as groups
             from plan_lines where run = $1 and state = 'planned' and action <> 'unlink'
               and not (action = 'link' and body like '%\"write_anchor\":false%')",
        )
        .arg(run)
        .arg(Phase::References.number())
        .one(&mut *self.read().await?)
        .await?;
        let Some(row) = row else { return Ok(Work::default()) };
        let links = row.count("links")?;
        let changes = (row.count("every")? + row.count("twice")?).saturating_sub(links);
        Ok(Work { changes, links, groups: row.count("groups")? })
    }

    /// What is linked; the references between linked records are counted apart, since it takes long.
    pub async fn population(&self, target: &TargetName) -> Result<Population> {
        let mut population = Population::default();
        let mut connection = self.read().await?;
        let links = Sql::new("select kind, count(*) as n from links where target = $1 group by kind").arg(target);
        for row in links.all(&mut connection).await? {
            match row.word("kind")? {
                entrain_model::Kind::User => population.users = row.count("n")?,
                entrain_model::Kind::Group => population.groups = row.count("n")?,
            }
        }
        Ok(population)
    }

    /// How many references of the target are between linked records.
    pub async fn linked_references(&self, target: &TargetName) -> Result<u64> {
        let references = Sql::new(
            "select count(*) as n from mirror_refs r where r.target = $1 \
               and exists (select 1 from links f where f.target = r.target and f.target_id = r.id) \
               and exists (select 1 from links t where t.target = r.target and t.target_id = r.to_id)",
        )
        .arg(target);
        Ok(u64::try_from(references.number(&mut *self.read().await?).await?).unwrap_or(0))
    }

    /// What became of a run's lines.
    pub async fn tally(&self, run: &RunId) -> Result<Tally> {
        let rows = Sql::new(
            "select action, state, case when action = 'hold' then detail else '' end as code, count(*) as n \
             from plan_lines where run = $1 group by action, state, case when action = 'hold' then detail else '' end",
        )
        .arg(run)
        .all(&mut *self.read().await?)
        .await?;
        let mut tally = Tally::default();
        for row in rows {
            let (action, n) = (row.str("action")?, row.count("n")?);
            if action == HOLD {
                *tally.held.entry(row.str("code")?).or_default() += n;
                continue;
            }
            *tally.planned.entry(action.clone()).or_default() += n;
            match row.word("state")? {
                LineState::Done => *tally.done.entry(action).or_default() += n,
                LineState::Dropped => tally.dropped += n,
                LineState::Failed | LineState::Unknown | LineState::Started | LineState::Held => tally.failed += n,
                LineState::Planned => {}
            }
        }
        let lost = self.lost_credentials(run).await?;
        if lost > 0 {
            *tally.held.entry(UNDELIVERED.to_owned()).or_default() += lost;
        }
        Ok(tally)
    }

    /// Users whose first credential the run made, and which reached nobody. The change itself is done; the hold came of it, or of the
    /// smaller run at its end that found the record.
    async fn lost_credentials(&self, run: &RunId) -> Result<u64> {
        let sql = Sql::new(
            "select count(*) as n from effects e
               cross join holds h
             where e.run = $1 and e.action in ('create', 'restore', 'issue')
               and h.target = e.target and h.kind = e.kind and h.id = e.id and h.code = $2 and h.run >= e.run",
        );
        let sql = sql.arg(run).arg(UNDELIVERED);
        Ok(u64::try_from(sql.number(&mut *self.read().await?).await?).unwrap_or(0))
    }
}

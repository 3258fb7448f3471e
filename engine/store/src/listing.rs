//! Lists for people who look: by filter, page by page.

use entrain_model::{RunId, TargetName};

use crate::plan::lines;
use crate::sql::{Sql, limit};
use crate::{PlanLine, Result, RunKind, RunRow, RunState, Store, run};

/// Which runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFilter {
    /// Of this target.
    pub target: Option<TargetName>,
    /// That stand so.
    pub state: Option<RunState>,
    /// That do this.
    pub kind: Option<RunKind>,
}

/// Which lines of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFilter {
    /// All.
    All,
    /// What the guard counts and nobody approved.
    Guarded,
    /// What was not done, or is not known to be.
    Troubled,
}

impl Store {
    /// The next runs that pass, newest first.
    pub async fn runs_page(&self, filter: &RunFilter, after: Option<&RunId>, rows: usize) -> Result<Vec<RunRow>> {
        let mut sql = Sql::new("select * from runs where 1 = 1");
        if let Some(target) = &filter.target {
            sql = sql.bind(" and target = ", target);
        }
        if let Some(state) = filter.state {
            sql = sql.bind(" and state = ", state.as_str());
        }
        if let Some(kind) = filter.kind {
            sql = sql.bind(" and kind = ", kind.as_str());
        }
        if let Some(after) = after {
            sql = sql.bind(" and id < ", after);
        }
        sql.bind(" order by id desc limit ", limit(rows)).all(&mut *self.read().await?).await?.iter().map(run::read).collect()
    }

    /// The next lines of a plan that pass.
    pub async fn lines_page(&self, run: &RunId, filter: LineFilter, after_seq: i64, rows: usize) -> Result<Vec<PlanLine>> {
        match filter {
            LineFilter::All => self.plan_lines(run, after_seq, rows).await,
            LineFilter::Guarded => self.guarded_lines(run, after_seq, rows).await,
            LineFilter::Troubled => {
                let text = format!(
                    "select {} from plan_lines where run = $1 and seq > $2 and state in ('failed', 'unknown', 'dropped', 'held')
                     order by seq limit $3",
                    lines::COLUMNS
                );
                let sql = Sql::new(&text).arg(run).arg(after_seq).arg(limit(rows));
                lines::decoded(sql, &mut *self.read().await?).await
            }
        }
    }
}

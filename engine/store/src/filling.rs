//! Whether the first load of a target still goes on.

use entrain_model::{Millis, TargetName};

use crate::run::EVERYTHING;
use crate::sql::{Columns as _, Sql};
use crate::{Result, Store};

impl Store {
    /// When a run over everything came to the end of its plan for the first time.
    pub async fn first_full_at(&self, target: &TargetName) -> Result<Option<Millis>> {
        let row = Sql::new(
            "select min(finished_at) as n from runs
             where target = $1 and scope = $2 and kind = 'sync' and state in ('converged', 'partial')",
        )
        .arg(target)
        .arg(EVERYTHING)
        .one(&mut *self.read().await?)
        .await?;
        row.map_or(Ok(None), |row| row.opt_int("n"))
    }

    /// Whether creates are of unknown outcome, or something waits for records that are there by now, or for the target to show
    /// what was written.
    pub async fn awaits_records(&self, target: &TargetName) -> Result<bool> {
        let lost = Sql::new(
            "select 1 as n from effects where target = $1 and action = 'create' and state in ('started', 'unknown') limit 1",
        );
        let held = Sql::new(
            "select 1 as n from holds h where h.target = $1 and (h.code = 'settling' or h.code = 'waiting_for' and (
               h.about like 'user %' and exists (select 1 from links l where l.target = $1 and l.kind = 'user' and l.id = substr(h.about, 6))
               or h.about like 'group %' and exists (select 1 from links l where l.target = $1 and l.kind = 'group' and l.id = substr(h.about, 7))))
             limit 1",
        );
        let mut connection = self.read().await?;
        if lost.arg(target).one(&mut connection).await?.is_some() {
            return Ok(true);
        }
        Ok(held.arg(target).one(&mut connection).await?.is_some())
    }
}

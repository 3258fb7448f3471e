//! Unique values across the lines of a plan, and the order of execution.

use entrain_model::{Phase, RunId};

use super::ContestedLine;
use crate::sql::{Columns as _, Sql};
use crate::{Result, Store};

impl Store {
    /// The planned lines whose value another record has, by line.
    pub async fn contested(&self, run: &RunId) -> Result<Vec<ContestedLine>> {
        let rows = Sql::new(
            "select c.seq as seq, l.kind as kind, l.id as id, c.attribute as attribute, c.value as value, k.id as holder, \
               h.kind as holder_kind, h.id as holder_id, \
               (select min(f.seq) from plan_claims f join plan_lines fl on fl.run = f.run and fl.seq = f.seq \
                where f.run = c.run and f.claim = 'frees' and f.attribute = c.attribute and f.value = c.value \
                  and fl.state = 'planned' and fl.kind = h.kind and fl.id = h.id) as freed_by \
             from plan_claims c join plan_lines l on l.run = c.run and l.seq = c.seq join runs r on r.id = c.run \
             join mirror_keys k on k.target = r.target and k.kind = l.kind and k.attribute = c.attribute and k.value = c.value \
             join mirror m on m.target = k.target and m.kind = k.kind and m.id = k.id and m.condition = 'live' \
             left join links own on own.target = r.target and own.kind = l.kind and own.id = l.id \
             left join links h on h.target = r.target and h.target_id = k.id \
             where c.run = $1 and c.claim = 'wants' and l.state = 'planned' and (own.target_id is null or own.target_id <> k.id) \
             order by c.seq, c.attribute, c.value, k.id",
        )
        .arg(run)
        .all(&mut *self.read().await?)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(ContestedLine {
                    seq: row.int("seq")?,
                    object: row.object("")?,
                    attribute: row.str("attribute")?,
                    value: row.str("value")?,
                    holder: row.str("holder")?.into(),
                    holder_object: row.opt_object("holder_")?,
                    freed_by: row.opt_int("freed_by")?,
                })
            })
            .collect()
    }

    /// Moves lines within the order of execution.
    pub async fn set_rank(&self, run: &RunId, ranks: &[(i64, Phase, i64)]) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        for (seq, phase, rank) in ranks {
            Sql::new("update plan_lines set phase = $1, rank = $2 where run = $3 and seq = $4")
                .arg(phase.number())
                .arg(*rank)
                .arg(run)
                .arg(*seq)
                .run(&mut tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }
}

//! Writing and reading the lines of a plan.

use entrain_model::{Action, Change, Decision, Hold, ObjectRef, Phase, RunId, TargetId};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::{PlanLine, PlannedLine};
use crate::sql::{Arg, CHUNK, Columns, Sql, limit, to_json, to_word};
use crate::{Result, Store, StoreError, drift, guard};

/// The word of a line that does nothing.
pub(super) const HOLD: &str = "hold";
pub(crate) const COLUMNS: &str = "seq, phase, rank, kind, id, action, body, state, detail, request_id";

impl Store {
    /// Adds lines to a run's plan, in order.
    pub async fn put_plan(&self, run: &RunId, lines: &[PlannedLine]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin_derived().await?;
        let last = Sql::new("select coalesce(max(seq), 0) as n from plan_lines where run = $1").arg(run).number(&mut tx).await?;
        let numbered: Vec<_> = (last + 1..).zip(lines).collect();
        for chunk in numbered.chunks(CHUNK) {
            let rows = chunk.iter().map(|(seq, line)| row(run, *seq, line)).collect::<Result<Vec<_>>>()?;
            Sql::new("insert into plan_lines (run, seq, phase, rank, kind, id, action, body, state, detail) values ")
                .rows(rows)
                .run(&mut tx)
                .await?;
        }
        put_links(&mut tx, run, lines).await?;
        let claims: Vec<_> = numbered.iter().flat_map(|(seq, line)| line.claims.iter().map(move |claim| (*seq, claim))).collect();
        for chunk in claims.chunks(CHUNK) {
            let rows = chunk
                .iter()
                .map(|(seq, (claim, attribute, value))| -> Result<[Arg; 5]> {
                    Ok([run.into(), (*seq).into(), to_word(claim)?.into(), attribute.into(), value.into()])
                })
                .collect::<Result<Vec<_>>>()?;
            Sql::new("insert into plan_claims (run, seq, claim, attribute, value) values ")
                .rows(rows)
                .text(" on conflict do nothing")
                .run(&mut tx)
                .await?;
        }
        let counted: Vec<_> = numbered
            .iter()
            .flat_map(|(seq, line)| line.counted.iter().map(move |counted| (*seq, object_of(&line.decision), counted)))
            .collect();
        guard::put(&mut tx, run, &counted).await?;
        let drifts: Vec<_> = numbered
            .iter()
            .flat_map(|(seq, line)| line.drift.iter().map(move |drift| (*seq, object_of(&line.decision), drift)))
            .collect();
        drift::put(&mut tx, run, &drifts).await?;
        Ok(tx.commit().await?)
    }

    /// Decides a line anew, for instance turns a change into a hold. Its claims go with a hold, and neither guard nor drift counts it.
    pub async fn replace_line(&self, run: &RunId, seq: i64, decision: &Decision) -> Result<()> {
        let [phase, action, body, state, detail] = columns(decision)?;
        let held = matches!(decision, Decision::Hold(..));
        let mut tx = self.begin_derived().await?;
        Sql::new(
            "update plan_lines set phase = $1, action = $2, body = $3, state = $4, detail = $5 \
             where run = $6 and seq = $7",
        )
        .arg(phase)
        .arg(action)
        .arg(body)
        .arg(state)
        .arg(detail)
        .arg(run)
        .arg(seq)
        .run(&mut tx)
        .await?;
        if held {
            for table in ["plan_claims", "plan_counted", "drift"] {
                Sql::new(&format!("delete from {table} where run = $1 and seq = $2")).arg(run).arg(seq).run(&mut tx).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// The next lines by their place in the plan.
    pub async fn plan_lines(&self, run: &RunId, after_seq: i64, rows: usize) -> Result<Vec<PlanLine>> {
        let sql = Sql::new(&format!("select {COLUMNS} from plan_lines where run = $1 and seq > $2 order by seq limit $3"))
            .arg(run)
            .arg(after_seq)
            .arg(limit(rows));
        let mut connection = self.read().await?;
        let lines = decoded(sql, &mut connection).await?;
        with_drift(&mut connection, run, lines).await
    }

    /// These lines of a run.
    pub async fn lines(&self, run: &RunId, seqs: &[i64]) -> Result<Vec<PlanLine>> {
        let mut found = Vec::with_capacity(seqs.len());
        for chunk in seqs.chunks(CHUNK) {
            let sql = Sql::new(&format!("select {COLUMNS} from plan_lines where run = $1 and seq in (values "))
                .arg(run)
                .rows(chunk.iter().map(|seq| [Arg::from(*seq)]))
                .text(") order by seq");
            found.extend(decoded(sql, &mut *self.read().await?).await?);
        }
        with_drift(&mut *self.read().await?, run, found).await
    }

    /// The next lines of a phase that are to be done: all of one rank, the lowest. The order names the columns of the index,
    /// so that lines which are done are not walked through again.
    pub async fn next_lines(&self, run: &RunId, phase: Phase, rows: usize) -> Result<Vec<PlanLine>> {
        let sql = Sql::new(&format!(
            "select {COLUMNS} from plan_lines where run = $1 and state = 'planned' and phase = $2 and rank = \
               (select min(rank) from plan_lines where run = $1 and state = 'planned' and phase = $2)
             and seq > 0 order by rank, seq limit $3"
        ))
        .arg(run)
        .arg(phase.number())
        .arg(limit(rows));
        decoded(sql, &mut *self.read().await?).await
    }

    /// Of the members and owners that a run is yet to add to these groups, the first so many of each group.
    pub async fn first_members(&self, run: &RunId, groups: &[ObjectRef], of_each: usize) -> Result<Vec<PlanLine>> {
        let mut found = Vec::new();
        for chunk in groups.chunks(CHUNK) {
            // Phase and state as the partial index names them; each group is looked up in it.
            let sql = Sql::new("with page (of_kind, of_id) as (values ")
                .objects(chunk)
                .bind(
                    &format!(
                        ") select {COLUMNS} from (select {COLUMNS}, row_number() over (partition by kind, id order by seq) as place \
                           from page cross join plan_lines{} where kind = of_kind and id = of_id and phase = {} \
                             and state = 'planned' and run = ",
                        self.dialect().indexed_by("plan_lines_of_group"),
                        Phase::References.number()
                    ),
                    run,
                )
                .bind(") lines where place <= ", limit(of_each))
                .text(" order by seq");
            found.extend(decoded(sql, &mut *self.read().await?).await?);
        }
        Ok(found)
    }
}

async fn put_links(connection: &mut AnyConnection, run: &RunId, lines: &[PlannedLine]) -> Result<()> {
    let links: Vec<_> = lines.iter().filter_map(|line| linked(&line.decision)).collect();
    for chunk in links.chunks(CHUNK) {
        Sql::new("insert into plan_links (run, kind, id, target_id) values ")
            .rows(
                chunk
                    .iter()
                    .map(|(object, to)| -> [Arg; 4] { [run.into(), object.kind.into(), (&object.id).into(), (*to).into()] }),
            )
            .text(" on conflict do nothing")
            .run(connection)
            .await?;
    }
    Ok(())
}

fn linked(decision: &Decision) -> Option<(&ObjectRef, &TargetId)> {
    match decision {
        Decision::Change(Change { object, action: Action::Link { id, .. }, .. }) => Some((object, id)),
        Decision::Change(_) | Decision::Hold(..) => None,
    }
}

fn row(run: &RunId, seq: i64, line: &PlannedLine) -> Result<[Arg; 10]> {
    let [phase, action, body, state, detail] = columns(&line.decision)?;
    let object = object_of(&line.decision);
    Ok([run.into(), seq.into(), phase, 0_i64.into(), object.kind.into(), (&object.id).into(), action, body, state, detail])
}

/// Phase, action, body, state and detail of a decision. A hold has no phase; its detail is its code.
fn columns(decision: &Decision) -> Result<[Arg; 5]> {
    Ok(match decision {
        Decision::Change(change) => [
            change.phase.number().into(),
            change.action.as_str().into(),
            to_json(change)?.into(),
            "planned".into(),
            Arg::Text(None),
        ],
        Decision::Hold(_, hold) => [(-1_i64).into(), HOLD.into(), to_json(hold)?.into(), "held".into(), hold.code().into()],
    })
}

fn object_of(decision: &Decision) -> &ObjectRef {
    match decision {
        Decision::Change(change) => &change.object,
        Decision::Hold(object, _) => object,
    }
}

pub(crate) async fn decoded(sql: Sql, connection: &mut AnyConnection) -> Result<Vec<PlanLine>> {
    sql.all(connection).await?.iter().map(line).collect()
}

async fn with_drift(connection: &mut AnyConnection, run: &RunId, mut lines: Vec<PlanLine>) -> Result<Vec<PlanLine>> {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(lines) };
    let mut drift = drift::of_lines(connection, run, (first.seq, last.seq)).await?;
    for line in &mut lines {
        line.drift = drift.remove(&line.seq).unwrap_or_default();
    }
    Ok(lines)
}

fn line(row: &AnyRow) -> Result<PlanLine> {
    let object = row.object("")?;
    let action = row.str("action")?;
    let decision = if action == HOLD {
        Decision::Hold(object.clone(), row.json::<Hold>("body")?)
    } else {
        Decision::Change(row.json::<Change>("body")?)
    };
    Ok(PlanLine {
        seq: row.int("seq")?,
        phase: phase(row.int("phase")?)?,
        rank: row.int("rank")?,
        object,
        decision,
        state: row.word("state")?,
        detail: row.opt_str("detail")?,
        request_id: row.opt_str("request_id")?,
        drift: Vec::new(),
    })
}

fn phase(number: i64) -> Result<Option<Phase>> {
    if number < 0 {
        return Ok(None);
    }
    let known = Phase::ALL.into_iter().find(|phase| phase.number() == number);
    known.map(Some).ok_or_else(|| StoreError::Unreadable { what: "phase".into(), detail: number.to_string() })
}

//! The intent.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Action, Millis, ObjectRef, RunId, TargetId, TargetName};
use sqlx::AnyConnection;

use super::{Refusal, Start};
use crate::failpoint::FailPoint;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, to_json};
use crate::{Halt, HaltKind, Result, Store, credential, link, protection, queue};

impl Store {
    /// Records intents in one transaction, each only if source, link, epoch and lease are as they were planned from.
    /// Returns those that were refused; the calls of the others may be made.
    ///
    /// A link that this very run has changed since is no reason to refuse. While a target is halted by its mapping, only
    /// disabling is let through, and only if it was planned during the halt.
    pub async fn start_effects(
        &self,
        target: &TargetName,
        run: &RunId,
        holder: &str,
        starts: &[Start],
    ) -> Result<Vec<(i64, Refusal)>> {
        self.pass(FailPoint::BeforeStart)?;
        let mut transaction = self.begin().await?;
        let now = self.now();
        let epoch = self.epoch(&mut transaction, target).await?;
        let (mut refused, mut kept) = (Vec::new(), Vec::new());
        let mut ended: BTreeSet<TargetId> = BTreeSet::new();
        for chunk in starts.chunks(CHUNK) {
            let mut facts = self.facts(&mut transaction, (target, run), holder, chunk, now).await?;
            facts.administrators.retain(|id| !ended.contains(id));
            for start in chunk {
                match facts.refusal(run, start, &epoch) {
                    Some(refusal) => refused.push((start, refusal)),
                    None => {
                        ended.extend(start.record.clone().filter(|_| start.blocks.is_some()));
                        kept.push(start);
                    }
                }
            }
        }
        supersede_creates(&mut transaction, target, &kept, now).await?;
        begin_lines(&mut transaction, target, run, holder, &kept, now).await?;
        credential::begin(&mut transaction, target, &kept, now).await?;
        drop_lines(&mut transaction, run, &refused).await?;
        let again: Vec<ObjectRef> = refused.iter().map(|(start, _)| start.object.clone()).collect();
        queue::enqueue(&mut transaction, target, &again, 0, now).await?;
        transaction.commit().await?;
        self.pass(FailPoint::AfterStart)?;
        if !again.is_empty() {
            self.notify();
        }
        Ok(refused.into_iter().map(|(start, refusal)| (start.seq, refusal)).collect())
    }

    pub(crate) fn pass(&self, point: FailPoint) -> Result<()> {
        self.failpoints().map_or(Ok(()), |failpoints| failpoints.pass(point))
    }

    /// Epoch and halt of the target, which stay so until this transaction ends: a halt waits for it, or it sees the halt.
    async fn epoch(&self, connection: &mut AnyConnection, target: &TargetName) -> Result<Epoch> {
        let text = format!("select epoch, halt from targets where name = $1{}", self.dialect().for_share("targets"));
        let row = Sql::new(&text).arg(target).one(connection).await?;
        let Some(row) = row else { return Ok(Epoch { number: -1, halt: None }) };
        Ok(Epoch { number: row.int("epoch")?, halt: row.opt_json::<Halt>("halt")?.map(|halt| halt.kind) })
    }

    async fn facts(
        &self,
        connection: &mut AnyConnection,
        (target, run): (&TargetName, &RunId),
        holder: &str,
        starts: &[Start],
        now: Millis,
    ) -> Result<Facts> {
        let objects: BTreeSet<&ObjectRef> = starts.iter().map(|start| &start.object).collect();
        let mut facts = Facts::default();
        let leases =
            Sql::new("select kind, id from leases where target = $1 and holder = $2 and until >= $3 and (kind, id) in (select * from (values ")
                .arg(target)
                .arg(holder)
                .arg(now)
                .objects(objects.iter().copied())
                .text(&format!(") as page){}", self.dialect().for_share("leases")));
        for row in leases.all(connection).await? {
            facts.leased.insert(row.object("")?);
        }
        let sources = Sql::new("select kind, id, version from source_versions where (kind, id) in (select * from (values ")
            .objects(objects.iter().copied())
            .text(&format!(") as page){}", self.dialect().for_share("source_versions")));
        for row in sources.all(connection).await? {
            facts.sources.insert(row.object("")?, row.int("version")?);
        }
        let links =
            Sql::new("select kind, id, version, run from links where target = $1 and (kind, id) in (select * from (values ")
                .arg(target)
                .objects(objects.iter().copied())
                .text(&format!(") as page){}", self.dialect().for_share("links")));
        for row in links.all(connection).await? {
            facts.links.insert(row.object("")?, (row.int("version")?, row.str("run")?));
        }
        facts.unlinked = unlinked(connection, run, starts, &facts.links).await?;
        let taken: Vec<&TargetId> = starts.iter().filter_map(taken).collect();
        facts.owners = link::owners(connection, target, &taken).await?;
        let records: Vec<&TargetId> = starts.iter().filter_map(|start| start.record.as_ref()).collect();
        facts.shielded = protection::shielded_of(connection, target, &records).await?;
        let ending = starts.iter().filter_map(|start| Some((start.record.as_ref()?, start.blocks?)));
        let lock = self.dialect().for_update();
        facts.administrators = protection::administrators_ending(connection, target, ending, lock).await?;
        Ok(facts)
    }
}

struct Epoch {
    number: i64,
    halt: Option<HaltKind>,
}

/// What is true when the intents are recorded.
#[derive(Default)]
struct Facts {
    leased: BTreeSet<ObjectRef>,
    sources: BTreeMap<ObjectRef, i64>,
    /// Version of each link, and the run that changed it last.
    links: BTreeMap<ObjectRef, (i64, String)>,
    /// Objects whose link this very run has taken away.
    unlinked: BTreeSet<ObjectRef>,
    owners: BTreeMap<TargetId, ObjectRef>,
    /// Records that nobody approved by name although they are protected.
    shielded: BTreeSet<TargetId>,
    /// Those that can administer the target, if a change of one of them ends its sign-in.
    administrators: BTreeSet<TargetId>,
}

impl Facts {
    fn refusal(&mut self, run: &RunId, start: &Start, epoch: &Epoch) -> Option<Refusal> {
        let source = self.sources.get(&start.object).copied().unwrap_or(0);
        let link_stands = match self.links.get(&start.object) {
            None => start.basis.link == 0 || self.unlinked.contains(&start.object),
            Some((version, by)) => *version == start.basis.link || by == run.as_str(),
        };
        let taken = taken(start).and_then(|id| self.owners.get(id)).is_some_and(|owner| *owner != start.object);
        let halted = match epoch.halt {
            None => false,
            Some(HaltKind::Mapping) => !matches!(start.action, Action::Disable { .. } | Action::RevokeSessions { .. }),
            Some(HaltKind::Credential | HaltKind::Configuration | HaltKind::Operator) => true,
        };
        if halted || epoch.number != start.basis.epoch {
            Some(Refusal::Halted)
        } else if !self.leased.contains(&start.object) {
            Some(Refusal::LeaseLost)
        } else if source != start.basis.source {
            Some(Refusal::SourceMoved)
        } else if !link_stands {
            Some(Refusal::LinkMoved)
        } else if taken {
            Some(Refusal::Taken)
        } else if start.record.as_ref().is_some_and(|record| self.shielded.contains(record)) {
            Some(Refusal::Protected)
        } else if self.is_last_administrator(start) {
            Some(Refusal::LastAdministrator)
        } else {
            None
        }
    }

    /// Whether nobody is left who can administer the target when this one cannot; else it no longer counts for those that follow.
    fn is_last_administrator(&mut self, start: &Start) -> bool {
        let Some(record) = start.record.as_ref().filter(|_| start.blocks.is_some()) else { return false };
        self.administrators.len() == 1 && self.administrators.contains(record) || {
            self.administrators.remove(record);
            false
        }
    }
}

/// Of the objects whose link is gone since the plan was made, those that the run itself has unlinked: their records are made anew.
async fn unlinked(
    connection: &mut AnyConnection,
    run: &RunId,
    starts: &[Start],
    links: &BTreeMap<ObjectRef, (i64, String)>,
) -> Result<BTreeSet<ObjectRef>> {
    let gone = |start: &&Start| start.basis.link != 0 && !links.contains_key(&start.object);
    let gone: BTreeSet<&ObjectRef> = starts.iter().filter(gone).map(|start| &start.object).collect();
    let mut unlinked = BTreeSet::new();
    if gone.is_empty() {
        return Ok(unlinked);
    }
    let sql = Sql::new(
        "select kind, id from effects where run = $1 and action = 'unlink' and state = 'done' and (kind, id) in (select * from (values ",
    );
    for row in sql.arg(run).objects(gone).text(") as page)").all(connection).await? {
        unlinked.insert(row.object("")?);
    }
    Ok(unlinked)
}

/// The record that an intent is about to take for the object's.
fn taken(start: &Start) -> Option<&TargetId> {
    match &start.action {
        Action::Link { id, .. } | Action::Restore { id, .. } => Some(id),
        Action::Unlink { .. }
        | Action::Create { .. }
        | Action::Update { .. }
        | Action::AddReference { .. }
        | Action::RemoveReference { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => None,
    }
}

/// A create of unknown outcome that is sent again: from here on the repeat is the one to be looked for.
async fn supersede_creates(connection: &mut AnyConnection, target: &TargetName, starts: &[&Start], now: Millis) -> Result<()> {
    let creates: Vec<&ObjectRef> =
        starts.iter().filter(|start| matches!(start.action, Action::Create { .. })).map(|start| &start.object).collect();
    for chunk in creates.chunks(CHUNK) {
        Sql::new(
            "update effects set state = 'settled_not_done', detail = 'sent again', ended_at = $2 where target = $1
               and action = 'create' and state in ('started', 'unknown') and (kind, id) in (select * from (values ",
        )
        .arg(target)
        .arg(now)
        .objects(chunk.iter().copied())
        .text(") as page)")
        .run(connection)
        .await?;
    }
    Ok(())
}

async fn begin_lines(
    connection: &mut AnyConnection,
    target: &TargetName,
    run: &RunId,
    holder: &str,
    starts: &[&Start],
    now: Millis,
) -> Result<()> {
    for chunk in starts.chunks(CHUNK) {
        let rows = chunk
            .iter()
            .map(|start| -> Result<[Arg; 10]> {
                Ok([
                    run.into(),
                    start.seq.into(),
                    target.into(),
                    start.object.kind.into(),
                    (&start.object.id).into(),
                    start.action.as_str().into(),
                    to_json(&start.action)?.into(),
                    to_json(&start.sent)?.into(),
                    holder.into(),
                    now.into(),
                ])
            })
            .collect::<Result<Vec<_>>>()?;
        Sql::new("with page (run, seq, target, kind, id, action, body, sent, holder, started_at) as (values ")
            .rows(rows)
            .text(
                ") insert into effects (run, seq, target, kind, id, action, body, sent, holder, started_at, state)
                 select run, seq, target, kind, id, action, body, sent, holder, started_at, 'started' from page",
            )
            .run(connection)
            .await?;
        Sql::new("update plan_lines set state = 'started' where run = $1 and seq in (values ")
            .arg(run)
            .rows(chunk.iter().map(|start| [Arg::from(start.seq)]))
            .text(")")
            .run(connection)
            .await?;
    }
    Ok(())
}

async fn drop_lines(connection: &mut AnyConnection, run: &RunId, refused: &[(&Start, Refusal)]) -> Result<()> {
    for chunk in refused.chunks(CHUNK) {
        let rows = chunk.iter().map(|(start, refusal)| [Arg::from(start.seq), refusal.code().into()]);
        Sql::new("with page (seq, detail) as (values ")
            .arg(run)
            .rows(rows)
            .text(
                ") update plan_lines set state = 'dropped', detail = page.detail from page
                 where plan_lines.run = $1 and plan_lines.seq = page.seq",
            )
            .run(connection)
            .await?;
    }
    Ok(())
}

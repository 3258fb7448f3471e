//! Who is protected, who was approved by name, and who administers the target.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Attributes, Condition, Kind, Millis, ObjectRef, Proof, Protection, TargetId, TargetName, fold};
use serde_json::Value as Json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::audit::Entry;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit, to_json};
use crate::{Result, Store, queue};

/// What was last found out about who is protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectionRead {
    /// When it was last read completely.
    pub at: Option<Millis>,
    /// Why it could not be read the last time; `None` if it could.
    pub unread: Option<String>,
}

/// A person's word that a protected record may be linked and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectionApproval {
    /// The target.
    pub target: TargetName,
    /// The record.
    pub record: TargetId,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Millis,
}

/// A protected record that the mirror knows.
#[derive(Clone, Debug, PartialEq)]
pub struct ProtectedRecord {
    /// The target.
    pub target: TargetName,
    /// The kind of the record.
    pub kind: Kind,
    /// Its id.
    pub id: TargetId,
    /// What it is called in the target.
    pub attributes: Attributes,
    /// Why it is protected.
    pub reasons: BTreeSet<Protection>,
    /// It was approved by name.
    pub approved: bool,
    /// The object that it is linked to.
    pub linked_to: Option<ObjectRef>,
}

/// The columns that say why the record of the mirror row `m` is protected, for [`reasons`].
pub(crate) const COLUMNS: &str = "m.protection as m_protection,
     (select g.why from privileged g where g.target = m.target and g.id = m.id) as m_holds,
     case when exists (select 1 from protected_list e where e.target = m.target and (e.entry = lower(m.id)
       or exists (select 1 from mirror_keys y where y.target = m.target and y.kind = m.kind and y.id = m.id and y.value = e.entry)))
       then 1 else 0 end as m_listed,
     case when exists (select 1 from protection_approvals a where a.target = m.target and a.id = m.id) then 1 else 0 end as m_approved";

/// Whether the record of the mirror row of this name is protected, as a condition.
fn protected(m: &str) -> String {
    format!(
        "({m}.protection <> '[]' or exists (select 1 from privileged g where g.target = {m}.target and g.id = {m}.id)
          or exists (select 1 from protected_list e where e.target = {m}.target and (e.entry = lower({m}.id)
            or exists (select 1 from mirror_keys y where y.target = {m}.target and y.kind = {m}.kind and y.id = {m}.id
              and y.value = e.entry))))"
    )
}

/// Whether it is protected and nobody approved that it is touched, as a condition.
pub(crate) fn shielded(m: &str) -> String {
    let protected = protected(m);
    format!("({protected} and not exists (select 1 from protection_approvals a where a.target = {m}.target and a.id = {m}.id))")
}

/// Why a record is protected, and whether it was approved by name.
pub(crate) fn reasons(row: &AnyRow) -> Result<(BTreeSet<Protection>, bool)> {
    let mut reasons: BTreeSet<Protection> = row.json("m_protection")?;
    reasons.extend(row.opt_json::<BTreeSet<Protection>>("m_holds")?.unwrap_or_default());
    if row.int("m_listed")? != 0 {
        reasons.insert(Protection::Listed);
    }
    Ok((reasons, row.int("m_approved")? != 0))
}

impl Store {
    /// Says who is protected by what they hold; nobody else is.
    pub async fn put_privileged(
        &self,
        target: &TargetName,
        holders: &BTreeMap<TargetId, BTreeSet<Protection>>,
        _proof: &Proof,
    ) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        Sql::new("delete from privileged where target = $1").arg(target).run(&mut transaction).await?;
        let holders: Vec<_> = holders.iter().collect();
        for chunk in holders.chunks(CHUNK) {
            let rows = chunk
                .iter()
                .map(|(id, why)| -> Result<[Arg; 4]> {
                    Ok([target.into(), (*id).into(), to_json(why)?.into(), why.contains(&Protection::Administrator).into()])
                })
                .collect::<Result<Vec<_>>>()?;
            Sql::new("insert into privileged (target, id, why, administrator) values ").rows(rows).run(&mut transaction).await?;
        }
        said(&mut transaction, target, Some(self.now()), None).await?;
        Ok(transaction.commit().await?)
    }

    /// Who is protected by what they hold, as last read.
    pub async fn privileged(&self, target: &TargetName) -> Result<BTreeMap<TargetId, BTreeSet<Protection>>> {
        let rows = Sql::new("select id, why from privileged where target = $1").arg(target).all(&mut *self.read().await?).await?;
        rows.iter().map(|row| Ok((row.str("id")?.into(), row.json("why")?))).collect()
    }

    /// Says that it could not be read who is protected, and why. Who was, still is.
    pub async fn privileged_unread(&self, target: &TargetName, why: &str) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        said(&mut transaction, target, None, Some(why)).await?;
        Ok(transaction.commit().await?)
    }

    /// What was last found out.
    pub async fn protection_read(&self, target: &TargetName) -> Result<ProtectionRead> {
        let sql = Sql::new("select at, unread from protection_reads where target = $1").arg(target);
        Ok(match sql.one(&mut *self.read().await?).await? {
            Some(row) => ProtectionRead { at: row.opt_int("at")?, unread: row.opt_str("unread")? },
            None => ProtectionRead::default(),
        })
    }

    /// Makes this the protected list: ids and logins, folded.
    pub async fn put_protected_list(&self, target: &TargetName, entries: &BTreeSet<String>) -> Result<()> {
        let known =
            Sql::new("select entry from protected_list where target = $1").arg(target).all(&mut *self.read().await?).await?;
        let known = known.iter().map(|row| row.str("entry")).collect::<Result<BTreeSet<_>>>()?;
        if known == *entries {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        Sql::new("delete from protected_list where target = $1").arg(target).run(&mut transaction).await?;
        let entries: Vec<_> = entries.iter().collect();
        for chunk in entries.chunks(CHUNK) {
            Sql::new("insert into protected_list (target, entry) values ")
                .rows(chunk.iter().map(|entry| -> [Arg; 2] { [target.into(), entry.as_str().into()] }))
                .run(&mut transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The records that administer the target and can sign in, as far as is known. One whose change is under way counts no more.
    pub async fn active_administrators(&self, target: &TargetName, enabled: &str) -> Result<BTreeSet<TargetId>> {
        active_administrators(&mut *self.read().await?, target, enabled).await
    }

    /// Approves by name that a protected record is linked and written. What waits for it is queued.
    pub async fn approve_record(&self, approval: &ProtectionApproval) -> Result<()> {
        let ProtectionApproval { target, record, reason, by, .. } = approval;
        let mut transaction = self.begin().await?;
        Sql::new(
            "insert into protection_approvals (target, id, reason, approved_by, at) values ($1, $2, $3, $4, $5)
             on conflict (target, id) do update set reason = excluded.reason, approved_by = excluded.approved_by, at = excluded.at",
        )
        .arg(target)
        .arg(record)
        .arg(reason.as_str())
        .arg(by.as_str())
        .arg(self.now())
        .run(&mut transaction)
        .await?;
        let entry = Entry::act("protect_allow").by(by).after("reason", reason.as_str());
        self.approval_said(&mut transaction, target, record, entry).await?;
        transaction.commit().await?;
        self.notify();
        Ok(())
    }

    /// Takes an approval back; whether there was one.
    pub async fn revoke_record(&self, target: &TargetName, record: &TargetId, by: &str) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let sql = Sql::new("delete from protection_approvals where target = $1 and id = $2").arg(target).arg(record);
        if sql.run(&mut transaction).await? == 0 {
            return Ok(false);
        }
        self.approval_said(&mut transaction, target, record, Entry::act("protect_revoke").by(by)).await?;
        transaction.commit().await?;
        self.notify();
        Ok(true)
    }

    /// Keeps it for auditors, and queues the object of the record and all that are held as protected.
    async fn approval_said(
        &self,
        connection: &mut AnyConnection,
        target: &TargetName,
        record: &TargetId,
        entry: Entry,
    ) -> Result<()> {
        let rows = Sql::new(
            "select kind, id from links where target = $1 and target_id = $2
             union select kind, id from holds where target = $1 and code = 'protected'",
        )
        .arg(target)
        .arg(record)
        .all(connection)
        .await?;
        let waiting = rows.iter().map(|row| row.object("")).collect::<Result<Vec<_>>>()?;
        queue::enqueue(connection, target, &waiting, 0, self.now()).await?;
        self.record(connection, Entry { record: Some(record.clone()), ..entry.target(target) }).await
    }

    /// The approvals of one target, or of all.
    pub async fn approvals(&self, target: Option<&TargetName>) -> Result<Vec<ProtectionApproval>> {
        let rows = Sql::new("select * from protection_approvals where ($1 = 1 or target = $2) order by target, id")
            .arg(target.is_none())
            .arg(target.map_or("", |target| target.as_str()))
            .all(&mut *self.read().await?)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ProtectionApproval {
                    target: row.str("target")?.into(),
                    record: row.str("id")?.into(),
                    reason: row.str("reason")?,
                    by: row.str("approved_by")?,
                    at: row.int("at")?,
                })
            })
            .collect()
    }

    /// The next protected records that are alive, by kind and id.
    pub async fn protected_records(
        &self,
        target: &TargetName,
        after: Option<&ProtectedRecord>,
        rows: usize,
    ) -> Result<Vec<ProtectedRecord>> {
        let (kind, id) = after.map_or(("", ""), |after| (after.kind.as_str(), after.id.as_str()));
        let found = Sql::new(&format!(
            "select m.kind as m_kind, m.id as m_id, m.attributes as m_attributes, l.kind as linked_kind, l.id as linked_id, {COLUMNS}
             from mirror m left join links l on l.target = m.target and l.target_id = m.id
             where m.target = $1 and m.condition = 'live' and (m.kind, m.id) > ($2, $3)
               and {}
             order by m.kind, m.id limit $4",
            protected("m")
        ))
        .arg(target)
        .arg(kind)
        .arg(id)
        .arg(limit(rows))
        .all(&mut *self.read().await?)
        .await?;
        found
            .iter()
            .map(|row| {
                let (reasons, approved) = reasons(row)?;
                Ok(ProtectedRecord {
                    target: target.clone(),
                    kind: row.word("m_kind")?,
                    id: row.str("m_id")?.into(),
                    attributes: row.json("m_attributes")?,
                    reasons,
                    approved,
                    linked_to: row.opt_object("linked_")?,
                })
            })
            .collect()
    }

    /// The records that have this id, or this value as one of their keys (a login, for instance), ASCII case folded.
    pub async fn records_named(&self, target: &TargetName, name: &str) -> Result<Vec<(Kind, TargetId)>> {
        let rows = Sql::new(
            "select kind, id from mirror where target = $1 and lower(id) = $2
             union select kind, id from mirror_keys where target = $1 and value = $2 order by kind, id",
        )
        .arg(target)
        .arg(fold(name))
        .all(&mut *self.read().await?)
        .await?;
        rows.iter().map(|row| Ok((row.word("kind")?, row.str("id")?.into()))).collect()
    }
}

async fn said(connection: &mut AnyConnection, target: &TargetName, at: Option<Millis>, unread: Option<&str>) -> Result<()> {
    Sql::new(
        "insert into protection_reads (target, at, unread) values ($1, $2, $3) on conflict (target) do update
           set at = coalesce(excluded.at, protection_reads.at), unread = excluded.unread",
    )
    .arg(target)
    .arg(at)
    .arg(unread.map(str::to_owned))
    .run(connection)
    .await?;
    Ok(())
}

/// Of these records, those that must not be touched.
pub(crate) async fn shielded_of(
    connection: &mut AnyConnection,
    target: &TargetName,
    records: &[&TargetId],
) -> Result<BTreeSet<TargetId>> {
    if records.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows =
        Sql::new("select m.id as id from mirror m where m.target = $1 and m.kind in ('user', 'group') and m.id in (values ")
            .arg(target)
            .rows(records.iter().map(|id| [Arg::from(*id)]))
            .text(&format!(") and {}", shielded("m")))
            .all(connection)
            .await?;
    rows.iter().map(|row| Ok(row.str("id")?.into())).collect()
}

/// Those that can administer the target, if a sign-in that ends is one of theirs; else nobody. The rows stay as they are until the
/// transaction ends, so that two runs do not end the sign-ins of the last two at the same time.
pub(crate) async fn administrators_ending(
    connection: &mut AnyConnection,
    target: &TargetName,
    ending: impl Iterator<Item = (&TargetId, &'static str)>,
    lock: &str,
) -> Result<BTreeSet<TargetId>> {
    let ending: BTreeMap<&TargetId, &'static str> = ending.collect();
    let Some(enabled) = ending.values().next() else { return Ok(BTreeSet::new()) };
    let text = format!("select id from privileged where target = $1 and administrator = 1 order by id{lock}");
    let all = Sql::new(&text).arg(target).all(connection).await?;
    let all = all.iter().map(|row| Ok(row.str("id")?.into())).collect::<Result<BTreeSet<TargetId>>>()?;
    if ending.keys().all(|id| !all.contains(*id)) {
        return Ok(BTreeSet::new());
    }
    // A statement of its own: it sees what was committed while the rows were waited for.
    active_administrators(connection, target, enabled).await
}

/// The same within a transaction.
pub(crate) async fn active_administrators(
    connection: &mut AnyConnection,
    target: &TargetName,
    enabled: &str,
) -> Result<BTreeSet<TargetId>> {
    let rows = Sql::new(
        "select m.id as id, m.attributes as attributes from privileged g cross join mirror m
         where g.target = $1 and g.administrator = 1 and m.target = g.target and m.kind = 'user' and m.id = g.id
           and m.condition = $2
           and not exists (select 1 from links l cross join effects e
             where l.target = g.target and l.target_id = g.id and e.target = g.target and e.kind = l.kind and e.id = l.id
               and e.state in ('started', 'unknown') and e.action in ('disable', 'delete', 'update'))",
    )
    .arg(target)
    .arg(crate::mirror::condition_word(Condition::Live))
    .all(connection)
    .await?;
    let mut active = BTreeSet::new();
    for row in &rows {
        let attributes: Attributes = row.json("attributes")?;
        if attributes.get(enabled) == Some(&Json::Bool(true)) {
            active.insert(row.str("id")?.into());
        }
    }
    Ok(active)
}

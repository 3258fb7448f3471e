//! Which objects of the source have a row that still says what it would say if it were made anew.

use entrain_model::{Kind, ObjectRef, SourceId, TargetName};

use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, Store};

/// An object of the source, and how its row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub object: ObjectRef,
    /// Its row was made from this version of it, under this ruling, and what was looked up for it has not changed.
    pub mapped: bool,
    /// Its row says that it is outside the group that bounds the target.
    pub outside: bool,
}

/// The text of a stored row that still stands.
pub type StoredBody = (ObjectRef, String);

impl Store {
    /// The rows of a kind from `after` up to and with `last` that would come out the same if they were made anew under this ruling, as
    /// JSON. Whether an object is in the group that bounds the target is not looked at.
    pub async fn standing_bodies(
        &self,
        target: &TargetName,
        kind: Kind,
        ruling: &str,
        after: Option<&SourceId>,
        last: &SourceId,
    ) -> Result<Vec<StoredBody>> {
        let found = Sql::new(
            "select d.id as id, d.body as body
             from desired d
               left join source_versions v on v.kind = d.kind and v.id = d.id
               left join source_versions l on l.kind = 'user' and l.id = d.looks_up
             where d.target = $1 and d.kind = $2 and d.id > $4 and d.id <= $5 and d.ruling = $3
               and d.source_version = coalesce(v.version, 0)
               and (d.looks_up is null or d.looks_up_version = coalesce(l.version, 0))",
        )
        .arg(target)
        .arg(kind)
        .arg(ruling)
        .arg(after.map_or("", SourceId::as_str))
        .arg(last)
        .all(&mut *self.read().await?)
        .await?;
        found.iter().map(|row| Ok((ObjectRef { kind, id: row.str("id")?.into() }, row.str("body")?))).collect()
    }

    /// The next objects of a kind by id, without reading their records.
    pub async fn standing_page(
        &self,
        target: &TargetName,
        kind: Kind,
        ruling: &str,
        after: Option<&SourceId>,
        rows: usize,
    ) -> Result<Vec<Standing>> {
        let table = match kind {
            Kind::User => "users",
            Kind::Group => "groups",
        };
        let found = Sql::new(&format!(
            "select s.id as id,
               case when d.ruling = $3 and d.source_version = coalesce(v.version, 0)
                 and (d.looks_up is null or d.looks_up_version = coalesce(l.version, 0)) then 1 else 0 end as mapped,
               case when d.why = 'not_in_scope_group' then 1 else 0 end as outside
             from (select id from {table} where id > $4 order by id limit $5) as s
               left join source_versions v on v.kind = $2 and v.id = s.id
               left join desired d on d.target = $1 and d.kind = $2 and d.id = s.id
               left join source_versions l on l.kind = 'user' and l.id = d.looks_up
             order by s.id"
        ))
        .arg(target)
        .arg(kind)
        .arg(ruling)
        .arg(after.map_or("", SourceId::as_str))
        .arg(limit(rows))
        .all(&mut *self.read().await?)
        .await?;
        found
            .iter()
            .map(|row| {
                Ok(Standing {
                    object: ObjectRef { kind, id: row.str("id")?.into() },
                    mapped: row.int("mapped")? == 1,
                    outside: row.int("outside")? == 1,
                })
            })
            .collect()
    }
}

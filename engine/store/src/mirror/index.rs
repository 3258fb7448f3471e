//! Which attributes of the mirror are indexed.

use std::collections::BTreeSet;

use entrain_model::{Attributes, Kind, TargetId, TargetName, fold};
use serde_json::Value as Json;
use sqlx::AnyConnection;

use super::image::Images;
use crate::desired::ID_KEY;
use crate::sql::{CHUNK, Columns as _, Sql, limit, to_json};
use crate::{Result, Store};

/// Which attribute carries the anchor and which are indexed, by dotted paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) anchor: String,
    pub(crate) keys: BTreeSet<String>,
}

impl Index {
    pub(crate) async fn load(connection: &mut AnyConnection, target: &TargetName, kind: Kind) -> Result<Option<Self>> {
        let sql = Sql::new("select anchor, keys from mirror_kinds where target = $1 and kind = $2").arg(target).arg(kind);
        let Some(row) = sql.one(connection).await? else { return Ok(None) };
        Ok(Some(Self { anchor: row.str("anchor")?, keys: row.json("keys")? }))
    }

    /// The anchor that a record carries.
    pub(crate) fn anchor_of(&self, attributes: &Attributes) -> Option<String> {
        at(attributes, &self.anchor).and_then(Json::as_str).map(str::to_owned)
    }

    /// Attribute and folded value of all that is indexed of a record: the keys, the anchor and its id.
    pub(crate) fn keys_of(&self, id: &TargetId, attributes: &Attributes) -> BTreeSet<(String, String)> {
        let mut keys = BTreeSet::from([(ID_KEY.to_owned(), fold(id.as_str()))]);
        for key in self.keys.iter().chain([&self.anchor]) {
            let values = match at(attributes, key) {
                Some(Json::Array(values)) => values.iter().collect(),
                Some(value) => vec![value],
                None => Vec::new(),
            };
            keys.extend(values.into_iter().filter_map(Json::as_str).map(|text| (key.clone(), fold(text))));
        }
        keys
    }
}

/// The value at a dotted path.
fn at<'a>(attributes: &'a Attributes, path: &str) -> Option<&'a Json> {
    let mut parts = path.split('.');
    let first = attributes.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

impl Store {
    /// Says which attributes of a kind are indexed and which carries the anchor. If that differs from before, the index is
    /// made anew from what the mirror holds. `put_mirror` does it too; a run calls it first, since its read may bring no page.
    pub async fn index_mirror(&self, target: &TargetName, kind: Kind, anchor: &str, keys: &[String]) -> Result<()> {
        let index = Index { anchor: anchor.to_owned(), keys: keys.iter().cloned().collect() };
        if Index::load(&mut *self.read().await?, target, kind).await?.as_ref() == Some(&index) {
            return Ok(());
        }
        let mut transaction = self.begin_derived().await?;
        Sql::new(
            "insert into mirror_kinds (target, kind, anchor, keys) values ($1, $2, $3, $4)
             on conflict (target, kind) do update set anchor = excluded.anchor, keys = excluded.keys",
        )
        .arg(target)
        .arg(kind)
        .arg(anchor)
        .arg(to_json(&index.keys)?)
        .run(&mut transaction)
        .await?;
        rebuild(&mut transaction, target, kind).await?;
        Ok(transaction.commit().await?)
    }
}

async fn rebuild(connection: &mut AnyConnection, target: &TargetName, kind: Kind) -> Result<()> {
    let mut after = String::new();
    loop {
        let ids = Sql::new("select id from mirror where target = $1 and kind = $2 and id > $3 order by id limit $4")
            .arg(target)
            .arg(kind)
            .arg(&after)
            .arg(limit(CHUNK))
            .all(connection)
            .await?
            .iter()
            .map(|row| row.str("id").map(TargetId::from))
            .collect::<Result<Vec<_>>>()?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = last.to_string();
        Images::load(connection, target, kind, &ids.iter().collect()).await?.store(connection, target).await?;
    }
}

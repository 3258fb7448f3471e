//! Rows of the mirror in memory, a page at a time.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Attributes, Condition, Kind, Protection, TargetId, TargetName};
use serde_json::Value as Json;
use sqlx::AnyConnection;

use super::index::Index;
use super::page::condition_word;
use crate::Result;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, to_json};

/// A row of the mirror.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) condition: Condition,
    pub(crate) generation: i64,
    pub(crate) attributes: Attributes,
    pub(crate) mastered: bool,
    pub(crate) unwritable: Option<String>,
    /// By its own nature; who holds roles is kept apart.
    pub(crate) protection: BTreeSet<Protection>,
}

impl Image {
    /// A live record of which nothing is known.
    pub(crate) fn new(generation: i64) -> Self {
        Self {
            condition: Condition::Live,
            generation,
            attributes: Attributes::new(),
            mastered: false,
            unwritable: None,
            protection: BTreeSet::new(),
        }
    }
}

/// Forgets the value of an attribute, or of the part that a dotted name stands for.
pub(crate) fn forget(attributes: &mut Attributes, name: &str) {
    if attributes.remove(name).is_none()
        && let Some((whole, part)) = name.split_once('.')
        && let Some(Json::Object(parts)) = attributes.get_mut(whole)
    {
        parts.remove(part);
    }
}

/// Directories say in several ways that there is no value.
pub(crate) fn is_unset(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(parts) => parts.values().all(is_unset),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Lays attributes over others; objects are merged part by part. A dotted name is a part of an object, unless the dotted
/// name itself is known.
pub(crate) fn merge(into: &mut Attributes, from: &Attributes) {
    for (name, value) in from {
        if let Some((whole, part)) = name.split_once('.').filter(|_| !into.contains_key(name)) {
            let parts = into.entry(whole.to_owned()).or_insert_with(|| Json::Object(serde_json::Map::new()));
            if !parts.is_object() {
                *parts = Json::Object(serde_json::Map::new());
            }
            if let Json::Object(parts) = parts {
                parts.insert(part.to_owned(), value.clone());
            }
            continue;
        }
        match (into.get_mut(name), value) {
            (Some(Json::Object(old)), Json::Object(new)) => {
                old.extend(new.iter().map(|(part, value)| (part.clone(), value.clone())));
            }
            _ => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Some rows of one kind, as they were and as they become.
#[derive(Debug)]
pub(crate) struct Images {
    kind: Kind,
    index: Index,
    rows: BTreeMap<TargetId, Image>,
    keys: BTreeSet<(TargetId, String, String)>,
}

impl Images {
    pub(crate) async fn load(
        connection: &mut AnyConnection,
        target: &TargetName,
        kind: Kind,
        ids: &BTreeSet<&TargetId>,
    ) -> Result<Self> {
        let index = Index::load(connection, target, kind).await?.unwrap_or_default();
        let mut images = Self { kind, index, rows: BTreeMap::new(), keys: BTreeSet::new() };
        let ids: Vec<&TargetId> = ids.iter().copied().collect();
        for chunk in ids.chunks(CHUNK) {
            let select = |text: &str| {
                let sql = Sql::new(text).arg(target).arg(kind);
                sql.rows(chunk.iter().map(|id| [Arg::from(*id)])).text(")")
            };
            let rows = select(
                "select id, condition, generation, attributes, mastered, unwritable, protection from mirror
                 where target = $1 and kind = $2 and id in (values ",
            );
            for row in rows.all(connection).await? {
                let image = Image {
                    condition: row.word("condition")?,
                    generation: row.int("generation")?,
                    attributes: row.json("attributes")?,
                    mastered: row.int("mastered")? != 0,
                    unwritable: row.opt_str("unwritable")?,
                    protection: row.json("protection")?,
                };
                images.rows.insert(row.str("id")?.into(), image);
            }
            let keys = select("select id, attribute, value from mirror_keys where target = $1 and kind = $2 and id in (values ");
            for row in keys.all(connection).await? {
                images.keys.insert((row.str("id")?.into(), row.str("attribute")?, row.str("value")?));
            }
        }
        Ok(images)
    }

    /// A row that the mirror has.
    pub(crate) fn known(&mut self, id: &TargetId) -> Option<&mut Image> {
        self.rows.get_mut(id)
    }

    /// A row, made if the mirror has none.
    pub(crate) fn entry(&mut self, id: &TargetId, generation: i64) -> &mut Image {
        self.rows.entry(id.clone()).or_insert_with(|| Image::new(generation))
    }

    /// Writes the rows and brings their keys up to date.
    pub(crate) async fn store(self, connection: &mut AnyConnection, target: &TargetName) -> Result<()> {
        let mut keys = BTreeSet::new();
        let mut rows: Vec<[Arg; 10]> = Vec::with_capacity(self.rows.len());
        for (id, image) in &self.rows {
            rows.push([
                target.into(),
                self.kind.into(),
                id.into(),
                condition_word(image.condition).into(),
                image.generation.into(),
                to_json(&image.attributes)?.into(),
                self.index.anchor_of(&image.attributes).into(),
                image.mastered.into(),
                image.unwritable.clone().into(),
                to_json(&image.protection)?.into(),
            ]);
            if image.condition != Condition::Gone {
                keys.extend(self.index.keys_of(id, &image.attributes).into_iter().map(|(name, value)| (id.clone(), name, value)));
            }
        }
        for chunk in rows.chunks(CHUNK) {
            Sql::new(
                "insert into mirror (target, kind, id, condition, generation, attributes, anchor, mastered, unwritable, protection)
                 values ",
            )
            .rows(chunk.iter().cloned())
            .text(
                " on conflict (target, kind, id) do update set condition = excluded.condition, generation = excluded.generation,
                   attributes = excluded.attributes, anchor = excluded.anchor, mastered = excluded.mastered,
                   unwritable = excluded.unwritable, protection = excluded.protection",
            )
            .run(connection)
            .await?;
        }
        let gone: Vec<_> = self.keys.difference(&keys).collect();
        let new: Vec<_> = keys.difference(&self.keys).collect();
        self.write_keys(
            connection,
            target,
            "delete from mirror_keys where (target, kind, id, attribute, value) in (select * from (values ",
            ") as page)",
            &gone,
        )
        .await?;
        self.write_keys(connection, target, "insert into mirror_keys (target, kind, id, attribute, value) values ", "", &new)
            .await
    }

    async fn write_keys(
        &self,
        connection: &mut AnyConnection,
        target: &TargetName,
        before: &str,
        after: &str,
        keys: &[&(TargetId, String, String)],
    ) -> Result<()> {
        for chunk in keys.chunks(CHUNK) {
            Sql::new(before)
                .rows(chunk.iter().map(|(id, attribute, value)| -> [Arg; 5] {
                    [target.into(), self.kind.into(), id.into(), attribute.into(), value.into()]
                }))
                .text(after)
                .run(connection)
                .await?;
        }
        Ok(())
    }
}

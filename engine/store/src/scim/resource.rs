//! Resources that are neither users nor groups: no target sees them, and no trigger looks at them.

use entrain_model::{Attributes, SourceId};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::test::Table;
use super::{SourceQuery, SourceTest, Versioned};
use crate::sql::{Columns as _, Sql, to_json};
use crate::{Result, SourceWriter, Store};

const SELECT: &str = "select id, type, external_id, document, version, created_at, updated_at from resources where type = $1";

/// A resource of a type that a site has added.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceRow {
    /// Its id.
    pub id: SourceId,
    /// The name of its type.
    pub sort: String,
    /// The client's id of it.
    pub external_id: Option<String>,
    /// Its attributes.
    pub document: Attributes,
}

impl Store {
    /// Resources of a type that a query finds.
    pub async fn find_resources(&self, sort: &str, query: &SourceQuery<'_>) -> Result<Vec<Versioned<ResourceRow>>> {
        let sql = query.test.write(Table::Resources, Sql::new(&format!("{SELECT} and ")).arg(sort));
        query.window(Table::Resources, sql).all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// How many pass.
    pub async fn count_resources(&self, sort: &str, test: &SourceTest) -> Result<u64> {
        let sql = Sql::new("select count(*) as n from resources where type = $1 and ").arg(sort);
        let sql = test.write(Table::Resources, sql);
        Ok(u64::try_from(sql.number(&mut *self.read().await?).await?).unwrap_or(0))
    }
}

impl SourceWriter {
    /// The resource, which nobody else changes before this transaction ends.
    pub async fn kept_resource(&mut self, sort: &str, id: &SourceId) -> Result<Option<Versioned<ResourceRow>>> {
        let lock = self.store().dialect().for_update();
        let sql = Sql::new(&format!("{SELECT} and id = $2{lock}")).arg(sort).arg(id);
        sql.one(self.connection()).await?.as_ref().map(read).transpose()
    }

    /// Writes a resource, and its values that no other of its type may have, folded. Returns the attribute of which another one has
    /// the value; then this transaction must not be kept.
    pub async fn put_resource(&mut self, row: &ResourceRow, unique: &[(String, String)]) -> Result<Option<String>> {
        let now = self.store().now();
        Sql::new("insert into resources (id, type, external_id, document, version, created_at, updated_at) values ")
            .rows([[
                (&row.id).into(),
                (&row.sort).into(),
                row.external_id.clone().into(),
                to_json(&row.document)?.into(),
                1_i64.into(),
                now.into(),
                now.into(),
            ]])
            .text(
                " on conflict (id) do update set external_id = excluded.external_id, document = excluded.document,
                  version = resources.version + 1, updated_at = excluded.updated_at",
            )
            .run(self.connection())
            .await?;
        forget_keys(self.connection(), &row.id).await?;
        for (attribute, value) in unique {
            let taken = Sql::new("insert into resource_keys (type, attribute, value, id) values ")
                .rows([[(&row.sort).into(), attribute.into(), value.into(), (&row.id).into()]])
                .text(" on conflict (type, attribute, value) do nothing returning id")
                .one(self.connection())
                .await?
                .is_none();
            if taken {
                return Ok(Some(attribute.clone()));
            }
        }
        Ok(None)
    }

    /// Removes a resource.
    pub async fn remove_resource(&mut self, id: &SourceId) -> Result<()> {
        forget_keys(self.connection(), id).await?;
        Sql::new("delete from resources where id = $1").arg(id).run(self.connection()).await?;
        Ok(())
    }
}

async fn forget_keys(connection: &mut AnyConnection, id: &SourceId) -> Result<()> {
    Sql::new("delete from resource_keys where id = $1").arg(id).run(connection).await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Versioned<ResourceRow>> {
    let resource = ResourceRow {
        id: row.str("id")?.into(),
        sort: row.str("type")?,
        external_id: row.opt_str("external_id")?,
        document: row.json("document")?,
    };
    let (version, created, modified) = (row.int("version")?, row.int("created_at")?, row.int("updated_at")?);
    Ok(Versioned { row: resource, version, created, modified })
}

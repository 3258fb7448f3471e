//! The target attributes that a mapping names, gathered as its rows are stored: a row that need not be made again still
//! counts for what is to be read of the target.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Desired, Kind, TargetName};
use sqlx::AnyConnection;

use super::DesiredRow;
use crate::sql::{Arg, Columns as _, Sql};
use crate::{Result, Store};

impl Store {
    /// The attributes that rows of this ruling have named, by kind.
    pub async fn desired_names(&self, target: &TargetName, ruling: &str) -> Result<BTreeMap<Kind, BTreeSet<String>>> {
        let sql = Sql::new("select kind, attribute from desired_names where target = $1 and ruling = $2").arg(target).arg(ruling);
        let mut names: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
        for row in sql.all(&mut *self.read().await?).await? {
            names.entry(row.word("kind")?).or_default().insert(row.str("attribute")?);
        }
        Ok(names)
    }

    /// Forgets the names of all other rulings.
    pub async fn prune_desired_names(&self, target: &TargetName, ruling: &str) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        let sql = Sql::new("delete from desired_names where target = $1 and ruling <> $2").arg(target).arg(ruling);
        sql.run(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }
}

pub(super) async fn put(connection: &mut AnyConnection, target: &TargetName, rows: &[&DesiredRow]) -> Result<()> {
    let mut names: BTreeSet<(Kind, &str, &str)> = BTreeSet::new();
    for row in rows {
        if let Desired::Present(record) = &row.desired {
            names.extend(record.settings.keys().map(|name| (row.object.kind, row.ruling.as_str(), name.as_str())));
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    Sql::new("insert into desired_names (target, kind, ruling, attribute) values ")
        .rows(
            names
                .into_iter()
                .map(|(kind, ruling, name)| -> [Arg; 4] { [target.into(), kind.into(), ruling.into(), name.into()] }),
        )
        .text(" on conflict do nothing")
        .run(connection)
        .await?;
    Ok(())
}

//! Tables that live as long as one connection: what does not fit into memory and is nobody else's business.

use entrain_model::{Kind, ObjectRef};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use std::str::FromStr as _;

use crate::dialect::Dialect;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store, StoreError};

/// A connection of its own with tables of its own. They go with it.
#[derive(Debug)]
pub struct Scratch {
    connection: AnyConnection,
}

/// A value that several objects have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// What sort of value.
    pub sort: String,
    /// The value.
    pub value: String,
    /// How many have it.
    pub objects: u64,
    /// The first of them, and the last.
    pub such_as: [String; 2],
}

/// References of the source that must not go round in circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Web {
    /// Users and their managers.
    Managers,
    /// Groups and the groups in them.
    Groups,
}

const TABLES: [&str; 5] = [
    "create temporary table sightings (sort text not null, value text not null, kind text not null, id text not null)",
    "create index sightings_value on sightings (sort, value)",
    "create temporary table edges (a text not null, b text not null)",
    "create index edges_a on edges (a, b)",
    "create index edges_b on edges (b, a)",
];

impl Store {
    /// Makes the tables, empty.
    pub async fn scratch(&self) -> Result<Scratch> {
        let options = AnyConnectOptions::from_str(self.url()).map_err(StoreError::from)?;
        let mut connection = AnyConnection::connect_with(&options).await.map_err(StoreError::from)?;
        connection.execute(self.dialect().greeting()).await?;
        if matches!(self.dialect(), Dialect::Sqlite(_)) {
            // They may be large.
            connection.execute("pragma temp_store = file").await?;
        }
        for table in TABLES {
            connection.execute(table).await?;
        }
        Ok(Scratch { connection })
    }
}

impl Scratch {
    /// Notes values by their sort, folded by the caller.
    pub async fn note(&mut self, values: &[(&'static str, String, ObjectRef)]) -> Result<()> {
        let mut transaction = self.connection.begin().await?;
        for chunk in values.chunks(CHUNK) {
            let row = |(sort, value, object): &(&'static str, String, ObjectRef)| -> [Arg; 4] {
                [(*sort).into(), value.into(), object.kind.into(), (&object.id).into()]
            };
            Sql::new("insert into sightings (sort, value, kind, id) values ")
                .rows(chunk.iter().map(row))
                .run(&mut transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The next values that several objects have.
    pub async fn shared(&mut self, after: Option<&Shared>, rows: usize) -> Result<Vec<Shared>> {
        let (sort, value) = after.map_or(("", ""), |after| (after.sort.as_str(), after.value.as_str()));
        let found = Sql::new(
            "select sort, value, count(distinct kind || ' ' || id) as objects, min(kind || ' ' || id) as first,
               max(kind || ' ' || id) as last
             from sightings where (sort, value) > ($1, $2) group by sort, value
             having count(distinct kind || ' ' || id) > 1 order by sort, value limit $3",
        )
        .arg(sort)
        .arg(value)
        .arg(limit(rows))
        .all(&mut self.connection)
        .await?;
        found
            .iter()
            .map(|row| {
                Ok(Shared {
                    sort: row.str("sort")?,
                    value: row.str("value")?,
                    objects: row.count("objects")?,
                    such_as: [row.str("first")?, row.str("last")?],
                })
            })
            .collect()
    }

    /// How many circles there are, and the first of them, each from one of its objects on.
    pub async fn circles(&mut self, web: Web, rows: usize) -> Result<(u64, Vec<Vec<ObjectRef>>)> {
        let (kind, edges) = match web {
            Web::Managers => (Kind::User, "select id, manager_id from users where manager_id is not null"),
            Web::Groups => {
                (Kind::Group, "select group_id, member_id from memberships where role = 'member' and member_kind = 'group'")
            }
        };
        self.run("delete from edges").await?;
        self.run(&format!("insert into edges (a, b) {edges}")).await?;
        let mut circles: Vec<Vec<String>> = Vec::new();
        let mut count = self.themselves(rows, &mut circles).await?;
        self.peel().await?;
        while let Some(circle) = self.circle().await? {
            count += 1;
            if circles.len() < rows {
                circles.push(circle);
            }
        }
        let objects = |ids: Vec<String>| ids.into_iter().map(|id| ObjectRef { kind, id: id.into() }).collect();
        Ok((count, circles.into_iter().map(objects).collect()))
    }

    /// Takes away the circles of one.
    async fn themselves(&mut self, rows: usize, circles: &mut Vec<Vec<String>>) -> Result<u64> {
        let sql = Sql::new("select a from edges where a = b order by a limit $1").arg(limit(rows));
        for row in sql.all(&mut self.connection).await? {
            circles.push(vec![row.str("a")?]);
        }
        self.run("delete from edges where a = b").await
    }

    /// Takes away what is on no circle and between none: again and again all that leads nowhere, and all that comes from nowhere.
    async fn peel(&mut self) -> Result<()> {
        while self.run("delete from edges where not exists (select 1 from edges e where e.a = edges.b)").await? > 0 {}
        while self.run("delete from edges where not exists (select 1 from edges e where e.b = edges.a)").await? > 0 {}
        Ok(())
    }

    /// Finds one circle and takes away the edges that begin on it.
    async fn circle(&mut self) -> Result<Option<Vec<String>>> {
        let mut path: Vec<String> = Vec::new();
        loop {
            let next = match path.last() {
                None => Sql::new("select min(a) as next from edges"),
                Some(last) => Sql::new("select min(b) as next from edges where a = $1").arg(last),
            };
            let next = next.one(&mut self.connection).await?.map_or(Ok(None), |row| row.opt_str("next"))?;
            match (next, path.pop()) {
                (None, None) => return Ok(None),
                // An earlier circle was the only way on.
                (None, Some(dead)) => drop(Sql::new("delete from edges where b = $1").arg(dead).run(&mut self.connection).await?),
                (Some(next), last) => {
                    path.extend(last);
                    if let Some(from) = path.iter().position(|id| *id == next) {
                        let circle = path.split_off(from);
                        for id in &circle {
                            Sql::new("delete from edges where a = $1").arg(id).run(&mut self.connection).await?;
                        }
                        return Ok(Some(circle));
                    }
                    path.push(next);
                }
            }
        }
    }

    async fn run(&mut self, text: &str) -> Result<u64> {
        Sql::new(text).run(&mut self.connection).await
    }
}

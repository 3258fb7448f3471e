//! What senders say, inside a writing transaction.

use entrain_model::{Kind, Millis, ObjectRef, SourceId, fold};

use crate::queue::enqueue;
use crate::scim::Table;
use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, SourceTest, SourceWriter, Store};

/// No key names more objects than this.
const NAMED: usize = 10;

/// What a sender calls an object by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookKey {
    /// The id of the source.
    Id(String),
    /// The id that the source has from elsewhere.
    ExternalId(String),
    /// The login of a user, whatever its capital letters.
    Login(String),
}

impl SourceWriter {
    /// Notes the message of a sender. Returns false if it was taken before.
    pub async fn first_time(&mut self, sender: &str, message: &str) -> Result<bool> {
        let now = self.store().now();
        let sql = Sql::new("insert into hook_messages (sender, id, at) values ")
            .rows([[sender.into(), message.into(), now.into()]])
            .text(" on conflict (sender, id) do nothing");
        Ok(sql.run(self.connection()).await? > 0)
    }

    /// The objects that a key names: one as a rule, none if nobody has it.
    pub async fn named(&mut self, kind: Kind, key: &HookKey) -> Result<Vec<ObjectRef>> {
        let test = match key {
            HookKey::Id(id) => SourceTest::Id(id.clone()),
            HookKey::ExternalId(id) => SourceTest::ExternalId(id.clone()),
            HookKey::Login(login) => SourceTest::Login(fold(login)),
        };
        let (table, name) = match kind {
            Kind::User => (Table::Users, "users"),
            Kind::Group => (Table::Groups, "groups"),
        };
        let sql = test.write(table, Sql::new(&format!("select id from {name} where ")));
        let rows = sql.text(" order by id").bind(" limit ", limit(NAMED)).all(self.connection()).await?;
        rows.iter().map(|row| Ok(ObjectRef { kind, id: SourceId::from(row.str("id")?) })).collect()
    }

    /// Asks every target to look at these.
    pub async fn look_at(&mut self, objects: &[ObjectRef]) -> Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        let now = self.store().now();
        let targets = Sql::new("select name from targets order by name").all(self.connection()).await?;
        for target in &targets {
            enqueue(self.connection(), &target.str("name")?.into(), objects, 0, now).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Forgets messages that are older.
    pub async fn forget_messages(&self, before: Millis) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        Sql::new("delete from hook_messages where at < $1").arg(before).run(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }
}

//! Who may enter: the credentials that were handed out, without their secrets, and what was refused.

mod person;
mod refusal;
mod session;
mod token;

pub use person::Person;
pub use refusal::Refused;
pub use session::{NewSession, PersonSession};
pub use token::{AccessKind, AccessToken, NewToken};

use crate::sql::{Columns as _, Sql};
use crate::{Result, Store};

impl Store {
    /// Whether the database answers and has the schema that this program knows.
    pub async fn is_ready(&self) -> Result<bool> {
        let sql = Sql::new("select max(version) as n from schema_versions");
        let version = sql.one(&mut *self.read().await?).await?.map(|row| row.opt_int("n")).transpose()?.flatten();
        Ok(version == crate::schema::MIGRATIONS.last().map(|last| last.version))
    }
}

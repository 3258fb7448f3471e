//! People who sign in, told apart by their provider and what it calls them; and under which name each is known here.

use sqlx::AnyConnection;

use super::AccessKind;
use crate::sql::{Columns as _, Sql};
use crate::{Result, Store, StoreError};

/// Somebody, as their provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider.
    pub issuer: String,
    /// What it calls them: never given to anybody else, and not to be chosen by them.
    pub subject: String,
    /// The name that is wished for; the one of the first time stays.
    pub name: String,
}

impl Store {
    /// The name of a person: the one that they have, or one that nobody else has and no key.
    pub(super) async fn name_of(&self, connection: &mut AnyConnection, person: &Person) -> Result<String> {
        let known = Sql::new("select name from people where issuer = $1 and subject = $2");
        if let Some(row) = known.arg(&person.issuer).arg(&person.subject).one(connection).await? {
            return row.str("name");
        }
        let Person { issuer, subject, name } = person;
        for name in [name.clone(), format!("{name} ({subject})"), format!("{subject} of {issuer}")] {
            let folded = folded(&name);
            if folded.is_empty() || is_taken(connection, &folded).await? {
                continue;
            }
            Sql::new("insert into people (issuer, subject, name, folded, first_at) values ")
                .rows([[issuer.into(), subject.into(), (&name).into(), (&folded).into(), self.now().into()]])
                .run(connection)
                .await?;
            return Ok(name);
        }
        Err(StoreError::Conflict(format!(
            "somebody else has the name `{name}` already, and every other that `{subject}` could have"
        )))
    }
}

/// As approvals are counted: a name that is written in another way is the same.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

async fn is_taken(connection: &mut AnyConnection, wanted: &str) -> Result<bool> {
    let people = Sql::new("select count(*) as n from people where folded = $1").arg(wanted).number(connection).await?;
    if people > 0 {
        return Ok(true);
    }
    let keys = Sql::new("select distinct name from access_tokens where kind = $1").arg(AccessKind::Key.as_str());
    for row in keys.all(connection).await? {
        if folded(&row.str("name")?) == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}
